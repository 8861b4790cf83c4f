"""The tab Generate: the same noise through many models, and other noise through one."""

import gradio as gr

from ...shared.inputs import count_box, model_choices, seed_box
from ...shared.layout import intro, wall
from ...shared.live import live
from ...shared.models import models, noise_models
from ...shared.tab import Tab
from ...shared.walls import to_html
from ...shared.words import T
from . import view


def build(tab: gr.Tab) -> None:
    """Fill the tab."""
    intro("One seed, many forgers", "The same noise through every model you choose, a row each.")
    with gr.Row(elem_classes="room"):
        with gr.Column(scale=1, min_width=240):
            buttons = gr.Column()
            chosen = gr.CheckboxGroup(
                model_choices(models(), "exhibit"), value=noise_models(), label=T("Models"), elem_classes="models"
            )
            count, seed = count_box(), seed_box()
        with gr.Column(scale=4, min_width=320):
            page = wall("generated")
    intro("Swap the prior", "A generator learns one kind of noise. Here it is fed another, from the same seed.")
    with gr.Row(elem_classes="room"):
        with gr.Column(scale=1, min_width=240):
            model = gr.Dropdown(model_choices(noise_models(), "exhibit"), value=noise_models()[0], label=T("Generator"))
            noises = gr.CheckboxGroup(
                [(T(name), name) for name in view.NOISES], value=list(view.NOISES), label=T("Noise to swap in")
            )
            stretch = gr.Slider(0, view.WIDEST, 1, step=0.1, label=T("Stretch z by"), buttons=[])
        with gr.Column(scale=4, min_width=320):
            swapped = wall("priors")
    inputs = {"models": chosen, "count": count, "seed": seed, "model": model, "noises": noises, "stretch": stretch}
    with buttons:
        live(tab, inputs, draw, [page, swapped], view.surprise)


def draw(chosen, count, seed, model, noises, stretch) -> tuple[str, str]:
    """Both walls."""
    return (
        to_html(view.same_seed(chosen, count, seed)),
        to_html(view.swapped_priors(model, noises, stretch, count, seed)),
    )


TAB = Tab("Generate", order=30, build=build)
