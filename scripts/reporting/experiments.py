"""Which models stand for the report's experiments. The cards say it, so that a new model changes nothing here."""

from dataclasses import dataclass
from typing import Any

import gengallery
from reporting.contents import EXPERIMENTS

# TEMPORARY: delete, with its use below, once info() gives "report" (the field of the cards).
_REPORT = {name: name for name in EXPERIMENTS} | {
    "gan_dist_uniform_raw": "gan_dist_uniform",
    "gan_dist_poisson_raw": "gan_dist_poisson",
    "vae_64_relu": "vae_64",
}


@dataclass(frozen=True)
class Experiment:
    """The models of one of the report's experiments, by name."""

    model: str  # that does what the report wanted
    exhibit: str = ""  # kept to show how the report's own failed, if it did


def gallery_cards() -> dict[str, dict[str, Any]]:
    """What is known of every model, by name: `gengallery.info`, with the report's name of its experiment, if any."""
    cards = {name: gengallery.info(name) for name in gengallery.list_models()}
    for name, card in cards.items():
        card.setdefault("report", _REPORT.get(name, ""))  # TEMPORARY: see _REPORT
    return cards


def experiments(cards: dict[str, dict[str, Any]]) -> dict[str, Experiment]:
    """The models of the report's experiments, by its names, in its order.

    Raises ValueError if an experiment has no model or more than one, and for an experiment that the report has not.
    """
    places: dict[tuple[str, bool], str] = {}
    for name, card in cards.items():
        place = card["report"], card["exhibit"]
        if not card["report"]:
            continue
        if card["report"] not in EXPERIMENTS:
            raise ValueError(f"{name}: expected one of the report's experiments, found {card['report']!r} in its card")
        if place in places:
            raise ValueError(f"{name}: expected one model of {card['report']!r}, found {places[place]!r} beside it")
        places[place] = name
    missing = [report for report in EXPERIMENTS if (report, False) not in places]
    if missing:
        raise ValueError(f"expected a model of each experiment of the report, found none of {', '.join(missing)}")
    return {report: Experiment(places[report, False], places.get((report, True), "")) for report in EXPERIMENTS}


def others(cards: dict[str, dict[str, Any]]) -> list[str]:
    """The models that the report does not have."""
    return [name for name, card in cards.items() if not card["report"]]
