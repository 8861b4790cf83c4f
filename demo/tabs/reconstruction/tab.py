"""The tab Reconstruction: originals, what each model makes of them, and where it errs."""

from collections.abc import Iterator

import gradio as gr

from gengallery.images import CLASS_NAMES

from ...shared.inputs import count_box, model_choices, picture_box, seed_box, word_choice
from ...shared.layout import intro, wall
from ...shared.live import live
from ...shared.models import encoding_models, models
from ...shared.originals import ANY_CLASS, SOURCES, TEST, YOURS
from ...shared.tab import Tab
from ...shared.walls import notice, to_html
from ...shared.words import T
from . import view


def build(tab: gr.Tab) -> None:
    """Fill the tab."""
    intro(
        "Through the bottleneck",
        "Originals above, under them what is left when a model has kept a few numbers of each, and where it errs.",
    )
    with gr.Row(elem_classes="room"):
        with gr.Column(scale=1, min_width=240):
            buttons = gr.Column()
            source = word_choice("Originals", SOURCES, TEST, short=True)
            picture = picture_box(source)
            kind = word_choice("Class", (ANY_CLASS, *CLASS_NAMES), ANY_CLASS)
            chosen = gr.CheckboxGroup(
                model_choices(models(), "exhibit", "search", "steps"), value=encoding_models(), label=T("Models"),
                elem_classes="models",
            )  # fmt: skip
            damage = word_choice("Damage", view.DAMAGES, view.NOTHING, short=True)
            amount = gr.Slider(0, 1, 0.4, step=0.05, label=T("How much"), buttons=[])
            errors = gr.Checkbox(True, label=T("Error maps: blue is missing, orange is invented"))
            count, seed = count_box(), seed_box()
        with gr.Column(scale=4, min_width=320):
            page = wall("reconstructions")
    inputs = {
        "models": chosen, "source": source, "kind": kind, "count": count, "seed": seed, "picture": picture,
        "damage": damage, "amount": amount, "errors": errors,
    }  # fmt: skip
    with buttons:
        live(tab, inputs, draw, [page], view.surprise)


def draw(chosen, source, kind, count, seed, picture, damage, amount, errors) -> Iterator[str]:
    """The wall as it grows, or an invitation to draw."""
    if source == YOURS and not picture:
        yield notice("Draw a garment in the black square, or upload a picture.")
        return
    yield from map(to_html, view.growing(chosen, source, kind, count, seed, picture, damage, amount, errors))


TAB = Tab("Reconstruction", order=50, build=build)
