"""The tab Reconstruction: originals, what each model makes of them, and where it errs."""

from collections.abc import Iterator

import gradio as gr

from ...shared.inputs import choice_box, count_box, model_choices, picture_box, seed_box
from ...shared.labels import Labels
from ...shared.layout import intro, panel
from ...shared.live import live
from ...shared.models import encoding_models, models
from ...shared.originals import ANY_CLASS, KINDS, SOURCES, TEST, YOURS
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
            source = choice_box(T("source"), SOURCES, TEST, short=True)
            picture = picture_box(source)
            kind = choice_box(T("class"), KINDS, ANY_CLASS)
            chosen = gr.CheckboxGroup(
                model_choices(models(), "exhibit", "search", "steps"), value=encoding_models(), label=T("models"),
                elem_classes="models",
            )  # fmt: skip
            damage = choice_box(T("damage"), view.DAMAGES, view.NOTHING, short=True)
            amount = gr.Slider(0, 1, 0.4, step=0.05, label=T("amount"), buttons=[])
            errors = gr.Checkbox(True, label=T("errors"))
            count, seed = count_box(), seed_box()
        with gr.Column(scale=4, min_width=320):
            page = panel("reconstruction")
    inputs = {
        "models": chosen, "source": source, "kind": kind, "count": count, "seed": seed, "picture": picture,
        "damage": damage, "amount": amount, "errors": errors,
    }  # fmt: skip
    with buttons:
        live(tab, inputs, draw, [page], view.surprise)


def draw(chosen, source, kind, count, seed, picture, damage, amount, errors) -> Iterator[str]:
    """The panel as it grows, or an invitation to draw."""
    if source == YOURS and not picture:
        yield notice(say("draw_or_upload"))
        return
    yield from map(to_html, view.growing(chosen, source, kind, count, seed, picture, damage, amount, errors))


TAB = Tab(order=50, build=build)
