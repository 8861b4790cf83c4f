"""What work costs, in seconds on a laptop of two cores, before any of it runs; and what a request may cost.

A price comes from the floating-point operations that the file of a model gives for one image, and from how often a call
goes through its networks. It is rough: right within a factor of two or three.
"""

import os
from collections.abc import Mapping
from functools import cache

import gengallery
from gengallery.nn.inversion import CANDIDATES, DESCENT

from . import work
from .models import load
from .words import Refusal, Words, number

say = Words(__file__)

BUDGET = float(os.environ.get("GENGALLERY_BUDGET", 60))  # seconds that one request may cost
SPEED = 2e10  # operations a second
IMAGE = 0.001  # seconds an image, whatever the model
SEARCH = 0.25  # seconds of a search in the smallest of networks: its steps count, not their size
PASSES = CANDIDATES + 7 * DESCENT  # through the network, of a search: of its few starts, there and back
A_PARAMETER = 50  # operations an image for each, of a model whose file doesn't say


def of_images(name: str, count: int, steps: int | None = None) -> float:
    """Of `count` images that the model `name` generates or decodes, in so many `steps`, its own unless given."""
    per_step = 1 if steps is None else steps / (load(name).options.steps or 1)
    return count * (IMAGE + _operations(name) * per_step / SPEED)


def of_latents(name: str, count: int) -> float:
    """Of the latents of `count` images, encoded by the model `name`."""
    model = load(name)
    if model.searches:
        return count * (SEARCH + PASSES * _operations(name) / SPEED)
    return of_images(name, count, model.inversion_defaults.get("steps"))


def of_reconstructions(name: str, count: int) -> float:
    """Of `count` images that go through the latents of the model `name`."""
    return of_latents(name, count) + of_images(name, count, load(name).inversion_defaults.get("steps"))


@cache
def _operations(name: str) -> float:
    """Floating-point operations of one image by the model `name`."""
    known = gengallery.info(name)
    return float(known["cost"].get("image") or A_PARAMETER * known["parameters"])


def afford(prices: Mapping[str, float], pictures: int | None = None) -> None:
    """Raise Refusal if the `prices` of a request, by the models that it is for, exceed what one may cost together. It
    says what would fit: fewer of the `pictures`, where they can be fewer, or some of the models."""
    total = sum(prices.values())
    if total <= BUDGET:
        work.expect(total)
        return
    much = {"seconds": number(round(total), ","), "most": number(BUDGET, "g")}
    fewer = int((pictures or 0) * BUDGET / total)
    if fewer:
        raise Refusal(say("too_much_pictures", count=fewer, **much))
    fitting: list[str] = []
    for name, _ in sorted(prices.items(), key=lambda item: item[1]):
        if sum(prices[other] for other in [*fitting, name]) > BUDGET:
            break
        fitting.append(name)
    if fitting:
        raise Refusal(say("too_much_models", models=", ".join(fitting), **much))
    raise Refusal(say("too_much", **much))
