"""The tab Learning: a model at moments of its training."""

import gradio as gr

import gengallery

from ...shared.inputs import count_box, seed_box
from ...shared.layout import intro, wall
from ...shared.live import live
from ...shared.tab import Tab
from ...shared.walls import to_html
from ...shared.words import T
from . import view


def build(tab: gr.Tab) -> None:
    """Fill the tab."""
    intro("Watch it learn", "The same noise and the same garments at moments of a training: drag to go through time.")
    names = gengallery.list_histories()
    last = view.most_moments() - 1
    with gr.Row(elem_classes="room"):
        with gr.Column(scale=1, min_width=240):
            buttons = gr.Column()
            model = gr.Radio(names, value=names[0], label=T("Model"))
            moment = gr.Slider(0, last, last, step=1, label=T("Moment"), buttons=[])
            count, seed = count_box(), seed_box()
        with gr.Column(scale=4, min_width=320):
            page = wall("learning")
    inputs = {"model": model, "moment": moment, "count": count, "seed": seed}
    with buttons:
        live(tab, inputs, draw, [page], view.surprise)


def draw(model, moment, count, seed) -> str:
    """The wall."""
    return to_html(view.learning(model, moment, count, seed))


TAB = Tab("Learning", order=70, build=build)
