"""The tab Memory: generated images above the training images nearest to them."""

import gradio as gr
from views import memory
from views.common import best_maker, models

from tabs.parts import T, count_box, hung, intro, live, model_choices, more, seed_box, wall


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
        live(tab, inputs, draw, [page], memory.surprise)
    more("memory")


def draw(model, count, seed) -> str:
    """The wall."""
    return hung(memory.memorised(model, count, seed))
