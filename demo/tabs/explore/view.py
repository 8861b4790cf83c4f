"""Planes through latent spaces, and matrices of decoded points on them.

A plane is z = origin + a across + b up. The latent space of two dimensions is a plane itself; one of more is cut along
two directions.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

import gengallery
from gengallery.data import as_labels, enlarge, sheet, to_uint8
from gengallery.model.latents import LatentStatistics, latent_grid
from gengallery.model.model import Model

from ...shared import checks, prices, work
from ...shared.checks import choice, whole
from ...shared.models import load, models
from ...shared.originals import ANY_CLASS, TEST, originals
from ...shared.words import Refusal, Text, Words, number

say = Words(__file__)

MOST_SIDE = 30  # of a matrix
EXAMPLES = 200  # images by which the most informative latents are found
SQUARE, DEVIATIONS, MOST_DATA, OWN = "[-1, 1]", "Mean ± 2 standard deviations", "95 % of the data", "Your own"
RANGES = {SQUARE: say("square"), DEVIATIONS: say("deviations"), MOST_DATA: say("most_data")}
TRIANGLE = "The triangle and a little more"
Area = tuple[float, float, float, float]  # x from, x to, y from, y to


@dataclass(frozen=True)
class Plane:
    """z = origin + a across + b up, each (d), and where to look: the map's edges, and ranges for a matrix."""

    origin: Tensor
    across: Tensor
    up: Tensor
    map: Area
    ranges: dict[str, Area]
    flat: bool = False  # the whole of a latent space with two dimensions

    def points(self, area: Area, side: int) -> Tensor:
        """A grid of `side` x `side` latents, (side * side, d), in the order in which a page is read."""
        a, b = latent_grid(*area, side).split(1, dim=1)
        return self.origin + a * self.across + b * self.up


@dataclass(frozen=True)
class Kind:
    """A way to lay a plane through a latent space."""

    title: Text
    make: Callable[[str, int], Plane]  # from a model's name and a seed
    ranges: tuple[str, ...]
    models: Callable[[], list[str]]
    start: Callable[[], list[str]]  # those of them to begin with


@dataclass(frozen=True)
class Matrix:
    """Decoded points of an area of a plane: `pixels` (H side, W side), or in colour (H side, W side, 3), uint8, x to
    the right and y upwards."""

    model: str
    area: Area
    side: int
    pixels: np.ndarray


def matrix(name: str, kind: str, seed: int, area: Any, side: int) -> Matrix:
    """A `side` x `side` grid of decoded points of `area` on the plane of `kind` through the latent space of `name`."""
    side = whole(say("side"), side, 2, MOST_SIDE)
    bounds = _area(area)
    z = plane(name, kind, seed).points(bounds, side)
    each = prices.of_images(name, 1)
    prices.afford({name: each * len(z)})
    return Matrix(name, bounds, side, sheet(work.in_parts(load(name).decode, z, each), side, gap=0))


def plane(name: str, kind: str, seed: int) -> Plane:
    """The plane of `kind`, one of KINDS, through the latent space of `name`; `seed` chooses its images."""
    choice(say("model"), name, KINDS[choice(say("plane"), kind, KINDS)].models())
    return KINDS[kind].make(name, checks.seed(seed))


def decode(name: str, z: Any) -> np.ndarray:
    """The image (H, W) or (H, W, 3), uint8, of one latent of the model `name`."""
    model = load(choice(say("model"), name, models()))
    latent = checks.coordinates(Text("z"), z, model.config.latent)
    return to_uint8(work.turn(prices.of_images(name, 1), partial(model.decode, latent)))[0]


def grid(name: str, preset: str, side: int, *own: float | None) -> np.ndarray:
    """The matrix of a model with two latents as one picture to keep, (H, W) uint8, each pixel 2 x 2.

    `preset` is one of RANGES, or OWN, for which alone the four numbers count: x from, x to, y from, y to.
    """
    choice(say("model"), name, flat_models())
    choice(say("range"), preset, (*RANGES, OWN))
    area = own if preset == OWN else plane(name, "latents", 0).ranges[preset]
    return enlarge(matrix(name, "latents", 0, area, side).pixels, 2)


# -- the planes


def flat_models() -> list[str]:
    """The models with two latent dimensions whose file says where the data lies in them."""
    return [name for name in encoders() if gengallery.info(name)["latent"] == 2]


def deep_models() -> list[str]:
    """The other models whose file says where the data lies."""
    return [name for name in encoders() if gengallery.info(name)["latent"] > 2]


def encoders() -> list[str]:
    """The models whose file says where the data lies in their latent space."""
    return [name for name in models() if load(name).statistics is not None]


def _flat(name: str, seed: int) -> Plane:
    """The latent space of two dimensions, as it is."""
    statistics = _statistics(load(name))
    positions, _ = statistics.shown()
    if not len(positions):  # a model that was not trained here
        positions = load(name).sample(500)
    spread = 2 * statistics.covariance.diagonal().sqrt()
    low, high = torch.quantile(positions, torch.tensor([0.002, 0.998]), dim=0)
    margin = 0.08 * (high - low)
    ranges = {
        SQUARE: (-1.0, 1.0, -1.0, 1.0),
        DEVIATIONS: _rectangle(statistics.mean - spread, statistics.mean + spread),
        MOST_DATA: _rectangle(*torch.quantile(positions, torch.tensor([0.025, 0.975]), dim=0)),
    }
    across, up = torch.eye(2)
    return Plane(torch.zeros(2), across, up, _rectangle(low - margin, high + margin), ranges, flat=True)


def _principal(name: str, seed: int) -> Plane:
    """The two directions in which the encoded training set is widest, in its standard deviations, through its mean."""
    statistics = _statistics(load(name))
    values, vectors = torch.linalg.eigh(statistics.covariance.double())
    widest = (vectors * values.clamp(min=0).sqrt()).float()
    return Plane(statistics.mean, widest[:, -1], widest[:, -2], *_standard())


def _single(name: str, seed: int) -> Plane:
    """The two most informative latents: by their KL, or, without one, by how much they vary."""
    model = load(name)
    statistics = _statistics(model)
    variance = statistics.covariance.diagonal()
    find = partial(model.kl_per_latent, examples(EXAMPLES, 0), as_labels(None, EXAMPLES, model.image))
    information = work.turn(prices.of_latents(name, EXAMPLES), find)
    first, second = (variance if information is None else information).argsort(descending=True)[:2]
    axes = torch.diag(variance.sqrt())
    return Plane(statistics.mean, axes[first], axes[second], *_standard())


def _images(name: str, seed: int) -> Plane:
    """Three images A, B and C, encoded: A at (0, 0), B at (1, 0), C at (0, 1)."""
    a, b, c = work.turn(prices.of_latents(name, 3), partial(load(name).encode, examples(3, seed)))
    ranges = {TRIANGLE: (-0.25, 1.25, -0.25, 1.25)}
    return Plane(a, b - a, c - a, (-0.5, 1.5, -0.5, 1.5), ranges)


def examples(count: int, seed: int) -> Tensor:
    """Test images, or a GAN's where there is no data set."""
    return originals(TEST, ANY_CLASS, count, seed, None).images


def _statistics(model: Model) -> LatentStatistics:
    assert model.statistics is not None  # as encoders() made sure
    return model.statistics


def _standard() -> tuple[Area, dict[str, Area]]:
    """A map and ranges in standard deviations."""
    return (-3.0, 3.0, -3.0, 3.0), {SQUARE: (-1.0, 1.0, -1.0, 1.0), DEVIATIONS: (-2.0, 2.0, -2.0, 2.0)}


def _rectangle(low: Tensor, high: Tensor) -> Area:
    return float(low[0]), float(high[0]), float(low[1]), float(high[1])


def _area(area: Any) -> Area:
    """Four numbers, each minimum below its maximum."""
    x_min, x_max, y_min, y_max = checks.coordinates(say("range"), area, 4)
    for axis, low, high in (("x", x_min, x_max), ("y", y_min, y_max)):
        if not low < high:
            bounds = {"low": number(low, "g"), "high": number(high, "g")}
            raise Refusal(say("expected_order", axis=axis, **bounds))
    return x_min, x_max, y_min, y_max


KINDS = {
    "latents": Kind(say("latents"), _flat, tuple(RANGES), flat_models, flat_models),
    "principal": Kind(say("principal"), _principal, (SQUARE, DEVIATIONS), deep_models, lambda: _first(deep_models())),
    "single": Kind(say("single"), _single, (SQUARE, DEVIATIONS), deep_models, lambda: _first(deep_models())),
    "images": Kind(say("images"), _images, (TRIANGLE,), encoders, lambda: _first(deep_models())),
}


def _first(names: list[str]) -> list[str]:
    """One model of each family, the largest that is sound."""
    sound = {gengallery.info(name)["family"]: name for name in names if not gengallery.info(name)["exhibit"]}
    return list(sound.values())
