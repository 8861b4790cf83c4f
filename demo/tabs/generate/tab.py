"""The tab Generate: the same noise through many models, and other noise through one."""

import gradio as gr

from ...shared.inputs import count_box, model_choices, seed_box
from ...shared.labels import Labels, label
from ...shared.layout import intro, panel
from ...shared.live import live
from ...shared.models import models, noise_models
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
            chosen = gr.CheckboxGroup(
                model_choices(models(), "exhibit"), value=noise_models(), label=T("models"), elem_classes="models"
            )
            count, seed = count_box(), seed_box()
        with gr.Column(scale=4, min_width=320):
            page = panel("generate")
    intro(say("prior_heading"), say("prior_lead"))
    with gr.Row(elem_classes="room"):
        with gr.Column(scale=1, min_width=240):
            model = gr.Dropdown(model_choices(noise_models(), "exhibit"), value=noise_models()[0], label=T("generator"))
            noises = gr.CheckboxGroup(
                [(label(title), name) for name, title in view.NOISE_NAMES.items()],
                value=list(view.NOISES),
                label=T("noises"),
            )
            stretch = gr.Slider(0, view.WIDEST, 1, step=0.1, label=T("stretch"), buttons=[])
        with gr.Column(scale=4, min_width=320):
            swapped = panel("priors")
    inputs = {"models": chosen, "count": count, "seed": seed, "model": model, "noises": noises, "stretch": stretch}
    with buttons:
        live(tab, inputs, draw, [page, swapped], view.surprise)


def draw(chosen, count, seed, model, noises, stretch) -> tuple[str, str]:
    """Both panels."""
    return (
        to_html(view.same_seed(chosen, count, seed)),
        to_html(view.swapped_priors(model, noises, stretch, count, seed)),
    )


TAB = Tab(order=30, build=build, available=noise_models)
