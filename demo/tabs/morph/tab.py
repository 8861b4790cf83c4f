"""The tab Morph: from one garment to another, with class directions to add and take away."""

from collections.abc import Iterator

import gradio as gr

from gengallery.images import CLASS_NAMES

from ...shared.inputs import model_choices, picture_box, seed_box, word_choice
from ...shared.layout import intro, wall
from ...shared.live import live
from ...shared.models import encoding_models, models
from ...shared.originals import TEST, YOURS
from ...shared.tab import Tab
from ...shared.walls import notice, to_html
from ...shared.words import T
from . import view


def build(tab: gr.Tab) -> None:
    """Fill the tab."""
    intro("From one to another", "Two garments, and what each model has between them.")
    with gr.Row(elem_classes="room"):
        with gr.Column(scale=1, min_width=240):
            buttons = gr.Column()
            ends = end_boxes("A", "From A", 0) | end_boxes("B", "To B", 1)
            chosen = gr.CheckboxGroup(
                model_choices(models(), "exhibit", "search", "steps"), value=encoding_models(), label=T("Models"),
                elem_classes="models",
            )  # fmt: skip
        with gr.Column(scale=4, min_width=320):
            page = wall("morphs")
            intro("Add and take away", "A direction from one class to another, added all along the way.")
            less, plus = (
                word_choice(label, (view.NO_CLASS, *CLASS_NAMES), view.NO_CLASS) for label in ("Take away", "Add")
            )
            with gr.Row():
                strength = gr.Slider(0, view.STRONGEST, 1, step=0.1, label=T("How much"), buttons=[])
                path = word_choice("Path", view.PATHS, view.STRAIGHT)
    inputs = {"models": chosen, **ends, "path": path, "less": less, "plus": plus, "strength": strength}
    with buttons:
        live(tab, inputs, draw, [page], view.surprise)


def end_boxes(side: str, title: str, seed: int) -> dict[str, gr.components.Component]:
    """Where one end of a morph comes from."""
    with gr.Group():
        source = word_choice(title, view.SOURCES, TEST, short=True)
        picture = picture_box(source)
        number = seed_box(seed, f"Seed of {side}")
    key = side.lower()
    return {f"source_{key}": source, f"seed_{key}": number, f"picture_{key}": picture}


def draw(chosen, source_a, seed_a, picture_a, source_b, seed_b, picture_b, path, less, plus, strength) -> Iterator[str]:
    """The wall as it grows, or an invitation to draw."""
    for source, picture in ((source_a, picture_a), (source_b, picture_b)):
        if source == YOURS and not picture:
            yield notice("Draw a garment in the black square, or upload a picture.")
            return
    yield from map(
        to_html,
        view.growing(chosen, source_a, seed_a, picture_a, source_b, seed_b, picture_b, path, less, plus, strength),
    )


TAB = Tab("Morph", order=20, build=build)
