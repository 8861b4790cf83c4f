"""The models of the gallery, by what a tab can do with them."""

import math
from collections.abc import Sequence
from functools import cache

import numpy as np

import gengallery
from gengallery import data
from gengallery.data import ImageSpec

from .words import Text, Words, number

say = Words(__file__)
load = cache(gengallery.load)
load_history = cache(gengallery.load_history)


def models() -> list[str]:
    """Every model of the gallery."""
    return gengallery.list_models()


def problems() -> dict[str, str]:
    """The files of the gallery that are not sound, each with its cause: they cost one model each, not the page."""
    return {file: str(cause) for file, cause in gengallery.gallery.default().problems().items()}


def leave_out_unsound() -> None:
    """Leave out of the gallery's lists what does not load, which headers do not tell."""
    for names, loads in ((models(), load), (gengallery.list_histories(), load_history)):
        for name in names:
            try:
                loads(name)
            except gengallery.CheckpointError as error:
                gengallery.gallery.default().leave_out(error)


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


def some(rng: np.random.Generator, names: Sequence[str], most: int) -> list[str]:
    """At most so many of `names`, in their order."""
    chosen = rng.choice(names, min(most, len(names)), replace=False) if names else ()
    return [name for name in names if name in chosen]


def takes_steps(name: str) -> bool:
    """Whether the model goes step by step, which takes it long."""
    return load(name).options.steps is not None


MARKS = {"exhibit": say("exhibit"), "search": say("search"), "steps": say("takes_steps")}


def marks(name: str) -> list[str]:
    """What a menu should say of the model beside its name, as keys of MARKS: that it is kept to show a failure, that it
    searches, that it goes in steps."""
    return (
        ["exhibit"] * gengallery.info(name)["exhibit"]
        + ["search"] * load(name).searches
        + ["steps"] * takes_steps(name)
    )


@cache
def image() -> ImageSpec:
    """What the gallery's images are."""
    return gengallery.gallery.default().image


def image_size() -> dict[str, int]:
    """Their channels, height and width."""
    return {"channels": image().channels, "height": image().height, "width": image().width}


def classes() -> dict[str, Text]:
    """The classes of the images by name, each with its translations."""
    names = image().classes
    portuguese = data.class_names(image(), "pt")
    return {name: Text(name, pt=other) for name, other in zip(names, portuguese, strict=True)}


DISTRIBUTIONS = {  # of noise
    "normal": say("noise_normal"),
    "uniform": say("noise_uniform"),
    "poisson": say("noise_poisson"),
}


def noise_name(distribution: str, standardised: bool) -> Text:
    """Noise in a word or two."""
    name = DISTRIBUTIONS[distribution]
    return name if standardised else say("noise_raw", noise=name)


def prior_name(prior: dict, dim: int | None = None) -> Text:
    """A prior, as `describe` gives it, in a few words; of independent numbers, or of one Gaussian, also how many."""
    match prior["kind"]:
        case "mixture":
            return say("prior_mixture", count=prior["components"])
        case "flow":
            return say("prior_flow")
        case "class gaussians":
            return say("prior_classes")
        case "gaussian":
            name = say("prior_gaussian")
        case "noise":
            name = noise_name(prior["distribution"], prior["standardised"])
        case other:  # of a family that somebody else made
            return Text(str(other))
    return name if dim is None else say("prior_of", count=number(dim), prior=name)


def dataset_name() -> str:
    """The data set that the models are of."""
    try:
        return data.dataset(image().dataset).title
    except (ValueError, data.DataMissing):  # a folder or file of the one who trained them
        return image().dataset
