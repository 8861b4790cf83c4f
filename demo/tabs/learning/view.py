"""Watch it learn: a model at moments of its training."""

from functools import partial
from typing import Any

import numpy as np

import gengallery
from gengallery.data import to_uint8
from gengallery.model.model import Model

from ...shared import checks, prices
from ...shared.checks import MOST_IMAGES, choice, whole
from ...shared.models import load_history
from ...shared.originals import ANY_CLASS, TEST, originals
from ...shared.panels import Panel, Row
from ...shared.python import quoted, script
from ...shared.words import Text, Words, joined, number
from ...shared.work import turn

say = Words(__file__)


def course(name: str) -> dict[int, Model]:
    """The model `name` in the course of its training, by epochs behind it."""
    return load_history(choice(say("model"), name, gengallery.list_histories()))


def learning(name: str, epochs: int, count: int, seed: int) -> Panel:
    """What the model `name` could do after so many `epochs` of its training, or at the last snapshot before.

    Images of its own, and originals reconstructed, as far as its kind does either without what is fitted after
    training.
    """
    snapshots = course(name)
    epochs = whole(say("epochs"), epochs, 0, max(all_epochs()))
    count, seed = checks.count(count), checks.seed(seed)
    epoch = last_before(name, epochs)
    model = snapshots[epoch]
    when = _when(epoch)
    rows, lines = [], [f"model = gengallery.load_history({quoted(name)})[{epoch}]", "rows = []"]
    if not model.prior.fitted:
        images = turn(prices.of_images(name, count), partial(model.generate, count, seed))
        rows.append(Row(say("generated"), when, to_uint8(images)))
        lines.append(f"rows.append(model.generate({count}, seed={seed}))")
    notice = ""
    if not model.searches:
        first = originals(TEST, ANY_CLASS, count, seed, None)
        notice = first.notice
        answer = turn(prices.of_reconstructions(name, count), partial(model.reconstruct, first.images))
        error = say("error", error=number((answer - first.images).square().mean().item(), ".4f"))
        rows += [
            Row(say("source"), "", to_uint8(first.images), first.captions),
            Row(say("reconstructed"), joined((when, error)), to_uint8(answer)),
        ]
        lines += [f"originals = {first.python}", "rows += [originals, model.reconstruct(originals)]"]
    return Panel(rows, script(*lines), notice)


def _when(epoch: int) -> Text:
    """A moment of training in words."""
    if epoch == 0:
        return say("before_training")
    return say("after_epoch") if epoch == 1 else say("after_epochs", count=number(epoch))


def last_before(name: str, epochs: int) -> int:
    """The epochs behind the last snapshot of the model `name` that has no more than so many."""
    return max(epoch for epoch in course(name) if epoch <= epochs)


def all_epochs() -> list[int]:
    """The epochs at which any of the models has a snapshot."""
    return sorted({epoch for name in gengallery.list_histories() for epoch in course(name)})


def first_history() -> str:
    """The model to begin with: one whose snapshots generate images, and reconstruct them too if there is such a one."""

    def merits(name: str) -> tuple[bool, bool]:
        model = next(iter(course(name).values()))
        return not model.prior.fitted, not model.searches

    return max(gengallery.list_histories(), key=merits)


def surprise(rng: np.random.Generator) -> dict[str, Any]:
    """Something to look at, by the names of the tab's inputs."""
    name = str(rng.choice(gengallery.list_histories()))
    epochs = int(rng.choice([epoch for epoch in course(name) if epoch]))
    return {"model": name, "epochs": str(epochs), "count": MOST_IMAGES, "seed": int(rng.integers(1_000_000))}
