"""The families of models: those of `gengallery/models/`, one a file, and those that others register.

A package that brings a family names it under the entry-point group "gengallery.families":

    [project.entry-points."gengallery.families"]
    diffusion = "my_package.diffusion:FAMILY"
"""

import pkgutil
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from gengallery.defaults import torch_defaults
from gengallery.learners.learner import Learner
from gengallery.model.network import Network
from gengallery.model.spec import Card

PACKAGE = "gengallery.models"
GROUP = "gengallery.families"
SUPPORT = {"classifier": "gengallery.evaluation.classifier", "wrapped": "gengallery.wrapped"}  # not in `families()`


@dataclass(frozen=True)
class Family:
    """A kind of model: its network, what trains it, and its members.

    `name` is that by which files of weights name it, `model.family`. `learner` makes of a model and a recipe what
    trains it. `compared`, if any, is the card by which families are compared: a network of some 200,000 parameters,
    with a recipe for trainings of seconds.
    """

    name: str
    model: type[Network]
    learner: Callable[[Any, Any], Learner]
    cards: tuple[Card, ...] = ()
    compared: Card | None = None

    def __post_init__(self) -> None:
        if self.model.family != self.name:
            raise ValueError(f"family: expected the model's own name {self.model.family!r}, found {self.name!r}")


_registered: dict[str, Family] = {}


def register(family: Family) -> Family:
    """Make `family` known, so that its files can be loaded and its cards trained; returns it.

    Raises ValueError if another family, or one of its cards, has that name already.
    """
    if not isinstance(family, Family):
        raise ValueError(f"family: expected a gengallery.Family, found {type(family).__name__}")
    known = families()
    if family.name in SUPPORT or (family.name in known and known[family.name] != family):
        raise ValueError(f"family {family.name!r}: expected a new name, found one that is taken")
    taken = {card.name for other in known.values() if other != family for card in other.cards}
    for card in family.cards:
        if card.name in taken:
            raise ValueError(f"card {card.name!r}: expected a new name, found one that is taken")
    _registered[family.name] = family
    return family


def families() -> dict[str, Family]:
    """Every family by name, in alphabetical order."""
    own = (import_module(f"{PACKAGE}.{module.name}").FAMILY for module in _modules())
    # Of one name, the library's own is the last and stays.
    return dict(sorted({family.name: family for family in (*_entries(), *_registered.values(), *own)}.items()))


def family(name: str) -> Family:
    """The family `name`. Raises ValueError for an unknown one."""
    # Only the family that is asked for is imported, which makes loading a model quick.
    if name in _registered:
        return _registered[name]
    modules = {module.name: f"{PACKAGE}.{module.name}" for module in _modules()} | SUPPORT
    if name in modules:
        found: Family = import_module(modules[name]).FAMILY
        return found
    known = families()
    if name not in known:
        raise ValueError(f"unknown family {name!r}; there are {', '.join(known)}")
    return known[name]


def cards() -> dict[str, Card]:
    """Every card of every family, by name."""
    return {card.name: card for family in families().values() for card in family.cards}


def compared() -> dict[str, Card]:
    """The cards by which the families are compared, by family; without families that have none."""
    return {name: family.compared for name, family in families().items() if family.compared is not None}


def learner(card: Card) -> Learner:
    """What trains the model on `card`, at its start: fresh weights, drawn from torch's generator."""
    with torch_defaults():
        return family(card.family).learner(card.model(card.config), card.recipe)


def _modules() -> list[pkgutil.ModuleInfo]:
    return [m for m in pkgutil.iter_modules(import_module(PACKAGE).__path__) if not m.name.startswith("_")]


def _entries() -> list[Family]:
    """The families of installed packages; one that can't be had is left out, with a warning that says why."""
    found = []
    for entry in entry_points(group=GROUP):
        try:
            family = entry.load()
            if not isinstance(family, Family):
                raise TypeError(f"expected a gengallery.Family, found {type(family).__name__}")
            found.append(family)
        except Exception as error:  # another's code, in which anything may go wrong
            warnings.warn(f"the family {entry.value} is left out: {error!r}", RuntimeWarning, stacklevel=2)
    return found
