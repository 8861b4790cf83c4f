"""The tab Steer: the class, how strictly to follow it, and the steps on the way."""

from collections.abc import Iterator
from typing import Any

import gradio as gr

from gengallery.images import CLASS_NAMES

from ...shared.inputs import model_choices, seed_box, word_choice
from ...shared.layout import intro, wall
from ...shared.live import live
from ...shared.tab import Tab
from ...shared.walls import to_html
from ...shared.words import T
from . import view


def build(tab: gr.Tab) -> None:
    """Fill the tab."""
    intro("Choose the garment", "The same noise through every model that can be told the class.")
    with gr.Row(elem_classes="room"):
        with gr.Column(scale=1, min_width=240):
            buttons = gr.Column()
            names = view.labelled_models()
            models = gr.CheckboxGroup(
                model_choices(names, "exhibit"), value=names, label=T("Models"), elem_classes="models"
            )
            kind = word_choice("Class", (view.EVERY, *CLASS_NAMES), view.EVERY)
            seed = seed_box()
        with gr.Column(scale=4, min_width=320):
            steered = wall("steered")
    intro("How strictly", "The same noise again, and the pull of the class from none to far too much.")
    with gr.Row(elem_classes="room"):
        with gr.Column(scale=1, min_width=240):
            guided = model_box(view.guided_models())
            label = word_choice("Class", CLASS_NAMES, CLASS_NAMES[-1])
        with gr.Column(scale=4, min_width=320):
            strict = wall("strict")
    intro("How it forms", "Noise on the left, garments on the right, and what lies between.")
    with gr.Row(elem_classes="room"):
        with gr.Column(scale=1, min_width=240):
            stepping = model_box(view.stepping_models())
            steps = gr.Slider(1, view.MOST_STEPS, view.MOST_STEPS // 2, step=1, label=T("Steps"), buttons=[])
        with gr.Column(scale=4, min_width=320):
            formed = wall("formed")
    inputs = {
        "models": models, "kind": kind, "seed": seed, "guided": guided, "label": label, "stepping": stepping,
        "steps": steps,
    }  # fmt: skip
    with buttons:
        live(tab, inputs, draw, [steered, strict, formed], view.surprise)


def model_box(names: list[str]) -> gr.Dropdown:
    """One of some models."""
    return gr.Dropdown(model_choices(names, "exhibit"), value=names[0], label=T("Model"))


def draw(models, kind, seed, guided, label, stepping, steps) -> Iterator[list[Any]]:
    """The walls as they grow; one that has not begun to stays as it is."""
    pages: list[Any] = [gr.skip()] * 3
    growing = (
        view.growing_classes(models, kind, seed),
        view.growing_guided(guided, label, seed),
        (view.formed(stepping, steps, seed) for _ in range(1)),
    )
    for place, walls in enumerate(growing):
        for shown in walls:
            pages[place] = to_html(shown)
            yield list(pages)


TAB = Tab("Steer", order=40, build=build)
