"""The families, one a file. A file here is a family: nothing else has to list it."""

import pkgutil
from importlib import import_module

from gengallery.model import Card, Learner, Model

FAMILIES = tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


def family(name: str) -> type[Model]:
    """The model class of the family `name`. Raises ValueError for an unknown one."""
    if name not in FAMILIES:
        raise ValueError(f"unknown family {name!r}; there are {', '.join(FAMILIES)}")
    return import_module(f"{__name__}.{name}").MODEL


def cards() -> dict[str, Card]:
    """Every card of every family, by name."""
    return {card.name: card for name in FAMILIES for card in import_module(f"{__name__}.{name}").CARDS}


def compared() -> dict[str, Card]:
    """The cards by which the families are compared, by family: networks of some 200,000 parameters, and recipes for
    trainings of seconds, which end by the clock, whatever their epochs. Without families that have no such card."""
    found = {name: getattr(import_module(f"{__name__}.{name}"), "COMPARED", None) for name in FAMILIES}
    return {name: card for name, card in found.items() if card is not None}


def learner(card: Card) -> Learner:
    """What trains the model on `card`, at its start: fresh weights, drawn from torch's generator."""
    return import_module(card.model.__module__).LEARNER(card.model(card.config), card.recipe)
