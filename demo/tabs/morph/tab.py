"""The tab Morph: from one image to another, with class directions to add and take away."""

from collections.abc import Iterator
from typing import Any

import gradio as gr

from ...shared.inputs import choice_box, model_choices, picture_box, seed_box
from ...shared.labels import Labels
from ...shared.layout import intro, panel
from ...shared.live import live
from ...shared.models import encoding_models, models
from ...shared.originals import TEST, YOURS
from ...shared.panels import notice, to_html
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
            ends = end_boxes("a", T("from_a"), T("seed_a"), 0) | end_boxes("b", T("to_b"), T("seed_b"), 1)
            chosen = gr.CheckboxGroup(
                model_choices(models(), "exhibit", "search", "steps"), value=encoding_models(), label=T("models"),
                elem_classes="models",
            )  # fmt: skip
        with gr.Column(scale=4, min_width=320):
            page = panel("morph")
            intro(say("class_heading"), say("class_lead"))
            less, plus = (choice_box(title, view.DIRECTIONS, view.NO_CLASS) for title in (T("subtract"), T("add")))
            with gr.Row():
                strength = gr.Slider(0, view.STRONGEST, 1, step=0.1, label=T("amount"), buttons=[])
                path = choice_box(T("path"), view.PATHS, view.STRAIGHT)
    inputs = {"models": chosen, **ends, "path": path, "less": less, "plus": plus, "strength": strength}
    with buttons:
        live(tab, inputs, draw, [page], view.surprise)


def end_boxes(end: str, title: Any, seed_title: Any, seed: int) -> dict[str, gr.components.Component]:
    """Where one `end` of a morph comes from."""
    with gr.Group():
        source = choice_box(title, view.ENDS, TEST, short=True)
        picture = picture_box(source)
        number = seed_box(seed, seed_title)
    return {f"source_{end}": source, f"seed_{end}": number, f"picture_{end}": picture}


def draw(chosen, source_a, seed_a, picture_a, source_b, seed_b, picture_b, path, less, plus, strength) -> Iterator[str]:
    """The panel as it grows, or an invitation to draw."""
    for source, picture in ((source_a, picture_a), (source_b, picture_b)):
        if source == YOURS and not picture:
            yield notice(say("draw_or_upload"))
            return
    yield from map(
        to_html,
        view.growing(chosen, source_a, seed_a, picture_a, source_b, seed_b, picture_b, path, less, plus, strength),
    )


TAB = Tab(order=20, build=build)
