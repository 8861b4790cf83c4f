"""The models of the gallery, by what a tab can do with them."""

import math
from functools import cache, lru_cache

import gengallery
from gengallery.images import to_uint8

from .walls import Row

load = cache(gengallery.load)


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
