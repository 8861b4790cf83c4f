"""Every model side by side: what it is, how good its images are, how well it reconstructs, how fast it is.

Pure functions, no Gradio.
"""

from dataclasses import dataclass
from functools import cache
from threading import Lock
from typing import Any

import numpy as np
import torch

import gengallery
from gengallery.data import as_labels, to_uint8
from gengallery.evaluation.figures import FIGURES, RECONSTRUCTIONS, SAMPLES, Figure, figure
from gengallery.evaluation.reference import rebuilds
from gengallery.evaluation.scorecard import milliseconds
from gengallery.families import family as family_of
from gengallery.model.model import Model
from gengallery.model.spec import Paper

from ...shared import checks
from ...shared.models import load, models, prior_name, takes_steps
from ...shared.python import quoted
from ...shared.words import Words

say = Words(__file__)


LOWER, HIGHER, LEVEL = "lower", "higher", "level"
REPEATS, FEW = 25, 3  # decodes that are timed of a model without a scorecard, and of one that goes in steps


@dataclass(frozen=True)
class Entry:
    """One model in the comparison. Its figures, and the report's own, go by the names of `Figure`."""

    name: str
    summary: str
    exhibit: bool
    latent: int
    prior: str
    parameters: int
    bytes: int
    milliseconds: float  # an image, the median of several decodes
    pictures: np.ndarray  # (n, H, W) or (n, H, W, 3), uint8
    figures: dict[str, float]
    reported: dict[str, float]
    awaited: frozenset[str]  # figures that it has by its nature, but that nobody measured

    @property
    def values(self) -> dict[str, float | str]:
        """What the table can be sorted by: facts, by the names of this class, and figures."""
        facts = ("name", "latent", "prior", "parameters", "bytes", "milliseconds")
        return {name: getattr(self, name) for name in facts} | self.figures


@dataclass(frozen=True)
class Family:
    """A family's models and what it is good and bad at."""

    title: str
    paper: Paper
    strengths: tuple[str, ...]
    weaknesses: tuple[str, ...]
    entries: tuple[Entry, ...]


@dataclass(frozen=True)
class Comparison:
    """Every model, the figures to show of each, by the heading above them, and those of real images."""

    families: tuple[Family, ...]
    groups: dict[str, tuple[Figure, ...]]
    floor: dict[str, float]  # empty while no model is measured
    best: frozenset[tuple[str, str]]  # (model, figure): exhibits don't compete, and those that are written alike share


@dataclass(frozen=True)
class Card:
    """All that is known of one model."""

    info: dict[str, Any]  # as gengallery.info gives it
    family: str
    prior: str
    paper: Paper
    pictures: np.ndarray  # (n, H, W) or (n, H, W, 3), uint8: what `python` makes
    losses: tuple[tuple[Figure, float | None, float | None, float | None], ...]  # training set, test set, the report's
    figures: tuple[tuple[Figure, float, float | None], ...]  # the model's, real images' own; none while not measured
    python: str


def comparison(samples: int = 3) -> Comparison:
    """Every model of the gallery, family by family, as it was when somebody first asked."""
    with ONE:  # those who ask meanwhile wait for it
        return _comparison(samples)


ONE = Lock()


@cache
def _comparison(samples: int) -> Comparison:
    cards = [gengallery.info(name) for name in models()]
    names = sorted({card["family"] for card in cards})
    families = tuple(_family(name, [card for card in cards if card["family"] == name], samples) for name in names)
    entries = [entry for family in families for entry in family.entries]
    losses = dict.fromkeys(name for entry in entries for name in entry.figures if name not in FIGURES)
    others = tuple(map(figure, losses))
    groups: dict[str, tuple[Figure, ...]] = {
        say("samples"): SAMPLES,
        say("rebuilt"): RECONSTRUCTIONS,
        say("losses"): others,
    }
    floor = {key: value for card in cards if card["scorecard"] for key, value in card["scorecard"]["floor"].items()}
    best = frozenset((name, figure.name) for figure in FIGURES.values() for name in _best(figure, entries, floor))
    return Comparison(families, {title: group for title, group in groups.items() if group}, floor, best)


def card(name: Any, samples: int = 16) -> Card:
    """The card of the model `name`, with images that it draws."""
    known = gengallery.info(checks.choice(say("model"), name, models()))
    train, test, reported = known["losses"].get("train", {}), known["losses"].get("test", {}), known["reported"]
    scorecard = known["scorecard"] or {"figures": {}, "floor": {}}
    return Card(
        info=known,
        family=family_of(known["family"]).model.title,
        prior=prior_name(known["prior"]),
        paper=Paper(**known["paper"]),
        pictures=to_uint8(load(name).generate(samples, seed=0)),
        losses=tuple(
            (figure(loss), train.get(loss), test.get(loss), reported.get(loss))
            for loss in dict.fromkeys((*test, *train, *reported))
        ),
        figures=tuple((figure(key), value, scorecard["floor"].get(key)) for key, value in scorecard["figures"].items()),
        python=f"import gengallery\n\nmodel = gengallery.load({quoted(name)})\n"
        f"images = model.generate({samples}, seed=0)",
    )


def _best(figure: Figure, entries: list[Entry], floor: dict[str, float]) -> list[str]:
    """The sound models with the best value of `figure`, by name; none where no value is better, or all are alike."""
    rivals = {e.name: e.figures[figure.name] for e in entries if not e.exhibit and figure.name in e.figures}
    if len(rivals) < 2 or not figure.better or (figure.better == LEVEL and figure.name not in floor):
        return []
    rank = {LOWER: lambda value: value, HIGHER: lambda value: -value, LEVEL: lambda v: abs(v - floor[figure.name])}
    first = figure.written(min(rivals.values(), key=rank[figure.better]))
    winners = [name for name, value in rivals.items() if figure.written(value) == first]
    return winners if len(winners) < len(rivals) else []


def _milliseconds(model: Model, card: dict[str, Any]) -> float:
    """How long the model takes to decode one latent: as its scorecard says, or else as measured now."""
    known = (card["scorecard"] or {}).get("milliseconds")
    return known or milliseconds(model, FEW if takes_steps(card["name"]) else REPEATS)


def _family(name: str, cards: list[dict], samples: int) -> Family:
    kind: Any = family_of(name).model
    entries = tuple(_entry(card, samples) for card in cards)
    return Family(kind.title, kind.paper, kind.strengths, kind.weaknesses, entries)


def _entry(card: dict, samples: int) -> Entry:
    model, scorecard = load(card["name"]), card["scorecard"]
    figures = {**card["losses"].get("test", {}), **(scorecard["figures"] if scorecard else {})}
    return Entry(
        name=card["name"],
        summary=card["summary"],
        exhibit=card["exhibit"],
        latent=card["latent"],
        prior=prior_name(card["prior"]),
        parameters=card["parameters"],
        bytes=card["bytes"],
        milliseconds=_milliseconds(model, card),
        pictures=to_uint8(model.generate(samples)),
        figures=figures,
        reported=card["reported"],
        awaited=frozenset() if scorecard else _measurable(model) - figures.keys(),
    )


def _measurable(model: Model) -> frozenset[str]:
    """The names of the figures that a scorecard of `model` would hold, its losses apart."""
    of_classes = set() if model.options.label else {"judged", "judged_least"}
    names = {figure.name for figure in SAMPLES} - of_classes
    if rebuilds(model):
        names |= {"mse", "ssim"}
        with torch.inference_mode():
            image, label = torch.zeros(1, *model.image.shape), as_labels(None, 1, model.image)
            if model.log_weights(image, label, 1, np.random.default_rng(0)) is not None:
                names |= {"bound", "active_units"}
    return frozenset(names)
