"""The tab Steer: the class, the strength of guidance, and the steps on the way."""

from collections.abc import Iterator

import gradio as gr

from ...shared.inputs import choice_box, model_choices, seed_box
from ...shared.labels import Labels
from ...shared.layout import intro, panel
from ...shared.live import live
from ...shared.originals import CLASSES
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
            names = view.labelled_models()
            models = gr.CheckboxGroup(
                model_choices(names, "exhibit"), value=names, label=T("models"), elem_classes="models"
            )
            kind = choice_box(T("class"), view.KINDS, view.EVERY)
            seed = seed_box()
        with gr.Column(scale=4, min_width=320):
            steered = panel("steer")
    with gr.Column(visible=bool(view.guided_models())):
        intro(say("guidance_heading"), say("guidance_lead"))
        with gr.Row(elem_classes="room"):
            with gr.Column(scale=1, min_width=240):
                guided = model_box(view.guided_models(), view.first_guided())
                label = choice_box(T("class"), CLASSES, list(CLASSES)[-1])
            with gr.Column(scale=4, min_width=320):
                strict = panel("strict")
    with gr.Column(visible=bool(view.stepping_models())):
        intro(say("steps_heading"), say("steps_lead"))
        with gr.Row(elem_classes="room"):
            with gr.Column(scale=1, min_width=240):
                stepping = model_box(view.stepping_models())
                steps = gr.Slider(1, view.MOST_STEPS, view.MOST_STEPS // 2, step=1, label=T("steps"), buttons=[])
            with gr.Column(scale=4, min_width=320):
                formed = panel("formed")
    inputs = {
        "models": models, "kind": kind, "seed": seed, "guided": guided, "label": label, "stepping": stepping,
        "steps": steps,
    }  # fmt: skip
    with buttons:
        live(tab, inputs, draw, [steered, strict, formed], view.surprise)


def model_box(names: list[str], first: str | None = None) -> gr.Dropdown:
    """One of some models, to begin with `first`, or else the first of them, if there is any."""
    return gr.Dropdown(model_choices(names, "exhibit"), value=first or next(iter(names), None), label=T("model"))


def draw(models, kind, seed, guided, label, stepping, steps) -> Iterator[list[str]]:
    """The panels as they grow, one after the other."""
    growing = {0: view.growing_classes(models, kind, seed)}
    if guided is not None:
        growing[1] = view.growing_guided(guided, label, seed)
    if stepping is not None:
        growing[2] = view.growing_formed(stepping, steps, seed)
    pages = [""] * 3  # where the gallery has no model for a panel, it stays empty
    for place, panels in growing.items():
        pages[place] = to_html(next(panels))  # what is there already, and what is to come
    yield list(pages)
    for place, panels in growing.items():
        for shown in panels:
            pages[place] = to_html(shown)
            yield list(pages)


TAB = Tab(order=40, build=build, available=view.labelled_models)
