"""What the views share: the models, the originals, and a wall of pictures."""

import base64
import binascii
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from io import BytesIO
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

import gengallery
from gengallery import data
from gengallery.images import CLASS_NAMES, PIXELS, SHAPE, as_images, enlarge, sheet, to_uint8
from views import checks

TEST, TRAIN, YOURS = "Test set", "Training set", "Your picture"
SOURCES = (TEST, TRAIN, YOURS)
ANY_CLASS = "any"
SPLITS = {TEST: data.TEST, TRAIN: data.TRAIN}
GROUND = 128  # the grey level between the pictures of a film, on a white page as on a black one
MISSING = "Fashion-MNIST is not on this machine, so these originals are the gallery's own: a model generated them."

load = cache(gengallery.load)


@dataclass(frozen=True)
class Row:
    """Pictures (n, 28, 28) or (n, 28, 28, 3), uint8, that belong together: what made them, and what there is to say
    of each."""

    label: str
    note: str
    pictures: np.ndarray
    captions: tuple[str, ...] = ()
    warning: str = ""


@dataclass(frozen=True)
class Wall:
    """Rows of pictures, what the visitor should know of them, and the lines of Python that make them."""

    rows: list[Row]
    python: str
    notice: str = ""
    film: bytes = b""  # a GIF
    title: str = ""  # what the film shows


@dataclass(frozen=True)
class Originals:
    """Images (n, 1, 28, 28) to begin with, a caption each, what to know of them, and the Python that gets them."""

    images: Tensor
    captions: tuple[str, ...]
    notice: str
    python: str  # an expression


# -- the models


def models() -> list[str]:
    """Every model of the gallery."""
    return gengallery.list_models()


def sound_models() -> list[str]:
    """Those that are not kept to show a failure."""
    return [name for name in models() if not gengallery.info(name)["exhibit"]]


def noise_models() -> list[str]:
    """The models that are fed noise of a known distribution and have no encoder, exhibits last: the GANs."""
    return [name for name in models() if load(name).searches]


def best_maker() -> str:
    """The model that comes nearest to the data, by its scorecard, of those that draw at once."""
    return min((name for name in sound_models() if not takes_steps(name)), key=_distance)


def _distance(name: str) -> float:
    scorecard = gengallery.info(name)["scorecard"]
    return scorecard["figures"]["frechet"] if scorecard else math.inf


def encoding_models() -> list[str]:
    """The sound models with an encoder that answer at once: without a search, and in one step."""
    return [name for name in sound_models() if not load(name).searches and not takes_steps(name)]


def takes_steps(name: str) -> bool:
    """Whether the model goes step by step, which takes it long."""
    return load(name).options.steps is not None


def marks(name: str) -> list[str]:
    """What a menu should say of the model beside its name: that it is an exhibit, that it searches, that it goes in
    steps."""
    return (
        ["exhibit"] * gengallery.info(name)["exhibit"]
        + ["search"] * load(name).searches
        + ["steps"] * takes_steps(name)
    )


def generated(name: str, count: int, seed: int) -> Row:
    """`count` images that the model `name` draws from its own prior."""
    # What took long is kept, for a tab draws all its walls again when one of its inputs changes.
    return _kept(name, count, seed) if takes_steps(name) else _generated(name, count, seed)


def _generated(name: str, count: int, seed: int) -> Row:
    model = load(name)
    return Row(name, prior_name(model.prior.describe(), model.prior.dim), to_uint8(model.generate(count, seed)))


_kept = lru_cache(maxsize=64)(_generated)


def prior_name(prior: dict, dim: int | None = None) -> str:
    """A prior, as `describe` gives it, in a few words; of independent numbers, or of one Gaussian, also how many."""
    match prior["kind"]:
        case "mixture":
            return f"mixture of {prior['components']} Gaussians"
        case "flow":
            return "fitted flow"
        case "class gaussians":
            return "fitted Gaussian of the class"
        case "gaussian":
            name = "fitted Gaussian"
        case _:
            name = f"{'' if prior['standardised'] else 'raw '}{prior['distribution']}"
    return name if dim is None else f"{dim} × {name}"


# -- originals


def originals(source: str, kind: str, count: int, seed: int, picture: Any) -> Originals:
    """`count` images from `source`, one of SOURCES, of the class `kind` or ANY_CLASS, which `seed` chooses; or the
    visitor's own `picture`, as `picture_of` reads it."""
    checks.choice("source", source, SOURCES)
    checks.choice("class", kind, (ANY_CLASS, *CLASS_NAMES))
    seed = checks.seed(seed)
    if source == YOURS:
        image = picture_of(picture)
        code = f"np.frombuffer(base64.urlsafe_b64decode(\n    {picture!r}\n), np.uint8).reshape(1, 28, 28)"
        return Originals(image, ("yours",), "", f"as_images({code})")
    try:
        split = data.load(SPLITS[source], download=False)
    except data.DataMissing:
        maker = best_maker()
        images = load(maker).generate(count, seed)
        return Originals(
            images, ("generated",) * count, MISSING, f'gengallery.load("{maker}").generate({count}, seed={seed})'
        )
    pool = np.arange(len(split)) if kind == ANY_CLASS else np.flatnonzero(split.labels == CLASS_NAMES.index(kind))
    chosen = np.random.default_rng(seed).choice(pool, count, replace=False)
    captions = tuple(CLASS_NAMES[label] for label in split.labels[chosen].tolist())
    code = f'as_images(data.load("{SPLITS[source]}").images[{chosen.tolist()}])'
    return Originals(as_images(split.images[chosen]), captions, "", code)


def picture_of(text: Any) -> Tensor:
    """The visitor's own picture, (1, 1, 28, 28), from its 784 grey levels as bytes in base64 (RFC 4648, section 5)."""
    wish = "expected 784 grey levels in base64"
    if not isinstance(text, str) or not text:
        raise ValueError("picture: expected one that is drawn or uploaded, found none; draw one, or choose a source")
    try:
        levels = base64.b64decode(text, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"picture: {wish}, found {checks.brief(text)}") from error
    if len(levels) != PIXELS:
        raise ValueError(f"picture: {wish}, found {len(levels)} of them")
    return torch.frombuffer(bytearray(levels), dtype=torch.uint8).reshape(1, *SHAPE).float() / 255


def picture_as_text(image: Tensor) -> str:
    """One image, (1, 1, 28, 28), as `picture_of` reads it."""
    return base64.urlsafe_b64encode(to_uint8(image).tobytes()).decode()


# -- films


def gif(films: Sequence[Tensor], times: Sequence[int]) -> bytes:
    """Films, each (frames, 1, 28, 28), side by side, every pixel 4 x 4; a frame stays for so many milliseconds."""
    sheets = [sheet(torch.stack(images), len(films), gap=1, ground=GROUND) for images in zip(*films, strict=True)]
    first, *others = [Image.fromarray(enlarge(grey, 4)) for grey in sheets]
    file = BytesIO()
    first.save(file, "GIF", save_all=True, append_images=others, duration=list(times), loop=0)
    return file.getvalue()


# -- Python


def script(*lines: str) -> str:
    """A script of these lines, with the imports that they need, and a last one that saves the images in `rows`."""
    body = "\n".join([*lines, 'Image.fromarray(sheet(torch.cat(rows), columns=len(rows[0]))).save("picture.png")'])
    ours = [name for name in ("data", "metrics") if f"{name}." in body]
    images = [name for name in ("as_images", "sheet") if f"{name}(" in body]
    imports = [
        *(f"import {name}" for name in ("base64",) if f"{name}." in body),
        *(["import numpy as np"] if "np." in body else []),
        "import torch",
        "from PIL import Image",
        "",
        "import gengallery",
        *([f"from gengallery import {', '.join(ours)}"] if ours else []),
        f"from gengallery.images import {', '.join(images)}",
        *(["from gengallery.model import latent_path"] if "latent_path(" in body else []),
        *(["from gengallery.noise import Noise"] if "Noise(" in body else []),
    ]
    return "\n".join([*imports, "", body])


def listed(names: Sequence[str]) -> str:
    """Names as Python writes a list of them."""
    return "[" + ", ".join(f'"{name}"' for name in names) + "]"
