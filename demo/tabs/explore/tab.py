"""The tab Explore: maps of latent spaces, decoded in the page, above matrices to click on."""

from pathlib import Path
from typing import Any

import gradio as gr
from torch import Tensor

from ...shared import decoders
from ...shared.files import FOLDER
from ...shared.handlers import answering
from ...shared.layout import component, intro
from ...shared.models import image_size, load
from ...shared.originals import CLASSES
from ...shared.panels import data_url
from ...shared.static import address
from ...shared.tab import Tab
from ...shared.words import Words, both
from . import view

say = Words(__file__)

COLOURS = (  # one a class, distinct on white and on black; more classes begin anew
    "#4e79a7", "#f28e2b", "#e15759", "#45a5a0", "#59a14f", "#d4aa1c", "#b07aa1", "#ff8fa3", "#9c755f", "#8a8a8a",
)  # fmt: skip


def colours() -> list[str]:
    """The colour of each class, or of all images where there are none."""
    return [COLOURS[k % len(COLOURS)] for k in range(max(1, len(CLASSES)))]


@answering
def plane(model: Any, plane: Any, seed: Any) -> dict[str, Any]:
    return as_json(view.plane(model, plane, seed))


@answering
def matrix(model: Any, plane: Any, seed: Any, side: Any, area: Any) -> dict[str, Any]:
    return {"image": data_url(view.matrix(model, plane, seed, area, side).pixels)}


@answering
def decode(model: Any, z: Any) -> dict[str, Any]:
    return {"levels": view.decode(model, z).ravel().tolist()}


def as_json(found: view.Plane) -> dict[str, Any]:
    """A plane as the page takes it."""
    return {name: value.tolist() if isinstance(value, Tensor) else value for name, value in vars(found).items()}


def build(tab: gr.Tab) -> None:
    """Fill the tab."""
    intro(say("heading"), say("lead"))
    files = {}
    for name in view.encoders():
        path = FOLDER / f"{name}.safetensors"
        files[name] = address(path) if decoders.export(load(name), path) else None
    models = {
        name: {
            "file": file,
            "plane": as_json(view.plane(name, "latents", 0)) if name in view.flat_models() else None,
        }
        for name, file in files.items()
    }
    planes = {
        key: {"title": both(kind.title), "ranges": kind.ranges, "models": kind.models(), "start": kind.start()}
        for key, kind in view.KINDS.items()
    }
    ranges = {**view.RANGES, view.TRIANGLE: say("triangle"), "own": say("own_range")}
    component(
        Path(__file__).with_name("explore.html"), [plane, matrix, decode], models=models, planes=planes,
        image=image_size(), classes=[both(name) for name in CLASSES.values()], colours=colours(),
        start=view.flat_models(), range=view.DEVIATIONS, ranges={name: both(title) for name, title in ranges.items()},
    )  # fmt: skip


TAB = Tab(order=10, build=build, available=view.encoders)
