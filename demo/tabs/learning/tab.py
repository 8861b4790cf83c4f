"""The tab Learning: a model at moments of its training."""

import gradio as gr

import gengallery

from ...shared.inputs import count_box, seed_box
from ...shared.labels import Labels
from ...shared.layout import intro, panel
from ...shared.live import live
from ...shared.panels import to_html
from ...shared.tab import Tab
from ...shared.words import Words
from . import view

T, say = Labels(__file__), Words(__file__)


def build(tab: gr.Tab) -> None:
    """Fill the tab."""
    intro(say("heading"), say("lead"))
    names = gengallery.list_histories()
    last = view.most_moments() - 1
    with gr.Row(elem_classes="room"):
        with gr.Column(scale=1, min_width=240):
            buttons = gr.Row(elem_classes="buttons")
            model = gr.Radio(names, value=names[0], label=T("model"))
            moment = gr.Slider(0, last, last, step=1, label=T("moment"), buttons=[])
            count, seed = count_box(), seed_box()
        with gr.Column(scale=4, min_width=320):
            page = panel("learning")
    inputs = {"model": model, "moment": moment, "count": count, "seed": seed}
    with buttons:
        live(tab, inputs, draw, [page], view.surprise)


def draw(model, moment, count, seed) -> str:
    """The panel."""
    return to_html(view.learning(model, moment, count, seed))


TAB = Tab(order=70, build=build)
