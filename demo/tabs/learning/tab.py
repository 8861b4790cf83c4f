"""The tab Learning: a model at moments of its training."""

import json
from typing import Any

import gradio as gr

import gengallery

from ...shared.inputs import count_box, seed_box
from ...shared.labels import Labels
from ...shared.layout import intro, panel
from ...shared.live import live
from ...shared.panels import to_html
from ...shared.static import PAGE
from ...shared.tab import Tab
from ...shared.words import Words
from . import view

T, say = Labels(__file__), Words(__file__)


def build(tab: gr.Tab) -> None:
    """Fill the tab."""
    intro(say("heading"), say("lead"))
    names = gengallery.list_histories()
    with gr.Row(elem_classes="room"):
        with gr.Column(scale=1, min_width=240):
            buttons = gr.Row(elem_classes="buttons")
            model = gr.Radio(names, value=view.first_history(), label=T("model"))
            every = every_epoch()
            epochs = gr.Radio(every, value=every[0], label=T("epochs"), elem_classes=["words", "moments"])
            count, seed = count_box(), seed_box()
        with gr.Column(scale=4, min_width=320):
            page = panel("learning")
    inputs = {"model": model, "epochs": epochs, "count": count, "seed": seed}
    with buttons:
        play = gr.Button(T("play"), size="sm", elem_classes="plainly")
        live(tab, inputs, draw, [page], view.surprise)
    play.click(None, None, None, js=f"async () => (await {PAGE}).play('learning')", api_visibility="private")
    # In the page alone: the server's session would else refuse epochs that arrive before the choices that have them.
    gr.on([tab.select, model.change], None, [model, epochs], epochs, js=moments(names), api_visibility="private")


def moments(names: list[str]) -> str:
    """The page's choice of epochs as a model's snapshots have it: what was chosen, or the last one before."""
    courses = json.dumps({name: [str(epoch) for epoch in view.course(name)] for name in names})
    return f"""(model, epochs) => {{
        const known = ({courses})[model];
        if (!known) return epochs;
        const value = known.findLast(epoch => Number(epoch) <= Number(epochs)) ?? epochs;
        return {{ __type__: "update", choices: known.map(epoch => [epoch, epoch]), value }};
    }}"""


def every_epoch() -> list[str]:
    """What any model may offer."""
    return [str(epoch) for epoch in view.all_epochs()]


def number(text: Any) -> Any:
    """The whole number that `text` stands for; anything else as it is, to be refused."""
    return int(text) if isinstance(text, str) and text.isascii() and text.isdigit() else text


def draw(model, epochs, count, seed) -> str:
    """The panel."""
    return to_html(view.learning(model, number(epochs), count, seed))


TAB = Tab(order=70, build=build, available=gengallery.list_histories)
