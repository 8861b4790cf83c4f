"""The tab Memory: generated images above the training images nearest to them."""

import gradio as gr

from ...shared.inputs import count_box, model_choices, seed_box
from ...shared.layout import intro, wall
from ...shared.live import live
from ...shared.models import best_maker, models
from ...shared.tab import Tab
from ...shared.walls import to_html
from ...shared.words import T
from . import view


def build(tab: gr.Tab) -> None:
    """Fill the tab."""
    intro("Has it memorised?", "Images that a model makes up, each above the training images that are nearest to it.")
    with gr.Row(elem_classes="room"):
        with gr.Column(scale=1, min_width=240):
            buttons = gr.Column()
            model = gr.Dropdown(model_choices(models(), "exhibit"), value=best_maker(), label=T("Model"))
            count, seed = count_box(), seed_box()
        with gr.Column(scale=4, min_width=320):
            page = wall("memory")
    inputs = {"model": model, "count": count, "seed": seed}
    with buttons:
        live(tab, inputs, draw, [page], view.surprise)


def draw(model, count, seed) -> str:
    """The wall."""
    return to_html(view.memorised(model, count, seed))


TAB = Tab("Memory", order=60, build=build)
