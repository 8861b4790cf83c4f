"""What programs and assistants may call: three functions, each with one picture for an answer."""

from functools import partial
from typing import Any

import gradio as gr
import numpy as np
import torch

import gengallery
from gengallery.data import enlarge, sheet

from .shared import checks, prices, uploads, work
from .shared.handlers import refusing
from .shared.models import classes, load, models
from .shared.samples import reconstructed
from .shared.static import SHARED
from .shared.words import Refusal, Words
from .tabs.explore import view as explore

say = Words(SHARED / "words.json")
SCALE = 4  # of the pictures


@refusing
def generate(model: str, count: int, seed: int, label: str = "") -> np.ndarray:
    """Draw images from a generative model's own prior, as one PNG, in a row.

    Args:
        model: Name of the model, for example gan_dim_16 or vae_2.
        count: How many images, from 1 to 10.
        seed: A whole number from 0 up; the same seed gives the same images.
        label: The name of a class, in any case, for a model that takes one; empty leaves it to chance.
    """
    checks.choice(say("model"), model, models())
    count, seed, given = checks.count(count), checks.seed(seed), condition(model, label)
    images = work.turn(prices.of_images(model, count), partial(load(model).generate, count, seed, **given))
    return enlarge(sheet(images, len(images)), SCALE)


def condition(model: str, label: str | None) -> dict[str, Any]:
    """The arguments that give `model` the class `label`; none for an empty one."""
    if label is None or label == "":
        return {}
    able = gengallery.list_models(option="label")
    if model not in able:
        raise Refusal(say("expected_labelled", models=", ".join(able), found=model))
    by_name = {name.casefold(): name for name in classes()}
    name = by_name.get(label.casefold(), label) if isinstance(label, str) else label
    return {"label": checks.choice(say("class"), name, list(classes()))}


@refusing
def reconstruct(model: str, picture: str) -> np.ndarray:
    """Send a picture through a model's latents: the original as the model sees it, and beside it what the
    model makes of it, as one PNG.

    Args:
        model: Name of the model, for example ae_64 or vae_64.
        picture: The picture, of any size, in grey or colour: a file that is uploaded, or from an assistant the picture
            itself, as data:image/png;base64,... of at most 700 kB. No address is fetched.
    """
    checks.choice(say("model"), model, models())
    image = uploads.read(picture)
    return enlarge(sheet(torch.cat([image, reconstructed(model, image)]), 2), SCALE)


@refusing
def latent_grid(
    model: str, preset: str, side: int,
    x_min: float | None = None, x_max: float | None = None, y_min: float | None = None, y_max: float | None = None,
) -> np.ndarray:  # fmt: skip
    """A grid of decoded points of a latent space with two dimensions, as one PNG; x grows to the right, y upwards.

    Args:
        model: Name of a model with two latents, ae_2 or vae_2.
        preset: [-1, 1], Mean ± 2 standard deviations, 95 % of the data, or Your own, which alone needs the numbers.
        side: Images a side, from 2 to 30.
        x_min: Left edge.
        x_max: Right edge.
        y_min: Lower edge.
        y_max: Upper edge.
    """
    return explore.grid(model, preset, side, x_min, x_max, y_min, y_max)


def offer() -> None:
    """Make them endpoints, and tools of the MCP server where there is one."""
    with gr.Group(visible=False):
        model, preset, label, picture = gr.Textbox(), gr.Textbox(), gr.Textbox(""), gr.File(type="filepath")
        numbers = [gr.Number() for _ in range(6)]
        asked, answer = gr.Button(), gr.Image(format="png")
    for call, inputs in (
        (generate, [model, *numbers[:2], label]),
        (reconstruct, [model, picture]),
        (latent_grid, [model, preset, *numbers[:5]]),
    ):
        asked.click(call, inputs, answer, api_name=call.__name__, concurrency_limit=None)
