"""The tab Morph: from one garment to another, with class directions to add and take away."""

from collections.abc import Iterator

import gradio as gr
import markup
from views import morph
from views.common import TEST, YOURS, encoding_models, models

from gengallery.images import CLASS_NAMES
from tabs.parts import T, hung, intro, live, model_choices, more, picture_box, seed_box, wall, word_choice


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
                word_choice(label, (morph.NO_CLASS, *CLASS_NAMES), morph.NO_CLASS) for label in ("Take away", "Add")
            )
            with gr.Row():
                strength = gr.Slider(0, morph.STRONGEST, 1, step=0.1, label=T("How much"), buttons=[])
                path = word_choice("Path", morph.PATHS, morph.STRAIGHT)
    inputs = {"models": chosen, **ends, "path": path, "less": less, "plus": plus, "strength": strength}
    with buttons:
        live(tab, inputs, draw, [page], morph.surprise)
    more("morph")


def end_boxes(side: str, title: str, seed: int) -> dict[str, gr.components.Component]:
    """Where one end of a morph comes from."""
    with gr.Group():
        source = word_choice(title, morph.SOURCES, TEST, short=True)
        picture = picture_box(source)
        number = seed_box(seed, f"Seed of {side}")
    key = side.lower()
    return {f"source_{key}": source, f"seed_{key}": number, f"picture_{key}": picture}


def draw(chosen, source_a, seed_a, picture_a, source_b, seed_b, picture_b, path, less, plus, strength) -> Iterator[str]:
    """The wall as it grows, or an invitation to draw."""
    for source, picture in ((source_a, picture_a), (source_b, picture_b)):
        if source == YOURS and not picture:
            yield markup.notice("Draw a garment in the black square, or upload a picture.")
            return
    yield from map(
        hung,
        morph.growing(chosen, source_a, seed_a, picture_a, source_b, seed_b, picture_b, path, less, plus, strength),
    )
