"""The tab Memory: generated images above the training images nearest to them."""

import gradio as gr

from ...shared.inputs import count_box, model_choices, seed_box
from ...shared.labels import Labels
from ...shared.layout import intro, panel
from ...shared.live import live
from ...shared.models import best_maker, models
from ...shared.panels import to_html
from ...shared.tab import Tab
from ...shared.words import Words
from . import view

T, say = Labels(__file__), Words(__file__)


def build(tab: gr.Tab) -> None:
    """Fill the tab."""
    intro(say("heading"), say("lead"))
    with gr.Row(elem_classes="room"):
        with gr.Column(scale=1, min_width=240):
            buttons = gr.Row(elem_classes="buttons")
            model = gr.Dropdown(model_choices(models(), "exhibit"), value=best_maker(), label=T("model"))
            count, seed = count_box(), seed_box()
        with gr.Column(scale=4, min_width=320):
            page = panel("memory")
    inputs = {"model": model, "count": count, "seed": seed}
    with buttons:
        live(tab, inputs, draw, [page], view.surprise)


def draw(model, count, seed) -> str:
    """The panel."""
    return to_html(view.memorised(model, count, seed))


TAB = Tab(order=60, build=build)
