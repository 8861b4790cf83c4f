"""Which models stand for the report's experiments. The cards say it, so that a new model changes nothing here."""

from dataclasses import dataclass
from typing import Any

from reporting.contents import EXPERIMENTS


@dataclass(frozen=True)
class Experiment:
    """The models of one of the report's experiments, by name."""

    model: str  # that does what the report wanted
    exhibit: str = ""  # kept to show how the report's own failed, if it did


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
