"""The tab Explore: maps of latent spaces, decoded in the page, above matrices to click on."""

import atexit
import shutil
import tempfile
from pathlib import Path
from typing import Any

import browser
import gradio as gr
import markup
from torch import Tensor
from views import latent
from views.common import load

from gengallery.images import CLASS_NAMES
from tabs.parts import address, answering, intro, island, more

DECODERS = Path(tempfile.mkdtemp(prefix="gengallery-"))  # what the browser decodes with, made from weights/
atexit.register(shutil.rmtree, DECODERS, ignore_errors=True)
gr.set_static_paths([DECODERS])


@answering
def plane(model: Any, plane: Any, seed: Any) -> dict[str, Any]:
    return as_json(latent.plane(model, plane, seed))


@answering
def matrix(model: Any, plane: Any, seed: Any, side: Any, area: Any) -> dict[str, Any]:
    return {"image": markup.data_url(latent.matrix(model, plane, seed, area, side).pixels)}


@answering
def decode(model: Any, z: Any) -> dict[str, Any]:
    return {"greys": latent.decode(model, z).ravel().tolist()}


def as_json(found: latent.Plane) -> dict[str, Any]:
    """A plane as the page takes it."""
    return {name: value.tolist() if isinstance(value, Tensor) else value for name, value in vars(found).items()}


def build(tab: gr.Tab) -> None:
    """Fill the tab."""
    intro(
        "The wardrobe on one page",
        "Move over a map: each model draws what it has there. Click to pin a place; two pins make a morph.",
    )
    files = {}
    for name in latent.encoders():
        path = DECODERS / f"{name}.safetensors"
        files[name] = address(path) if browser.export(load(name), path) else None
    models = {
        name: {
            "file": file,
            "plane": as_json(latent.plane(name, "latents", 0)) if name in latent.flat_models() else None,
        }
        for name, file in files.items()
    }
    planes = {
        key: {"title": kind.title, "ranges": kind.ranges, "models": kind.models(), "start": kind.start()}
        for key, kind in latent.KINDS.items()
    }
    island(
        "explore", [plane, matrix, decode], models=models, planes=planes, classes=CLASS_NAMES, colours=markup.COLOURS,
        start=latent.flat_models(), range=latent.DEVIATIONS, ranges=[*latent.RANGES, latent.TRIANGLE],
    )  # fmt: skip
    more("explore")
