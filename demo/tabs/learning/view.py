"""Watch it learn: a model at moments of its training."""

from functools import cache
from typing import Any

import numpy as np

import gengallery
from gengallery.images import to_uint8
from gengallery.model import Model

from ...shared import checks
from ...shared.checks import MOST_IMAGES, choice, whole
from ...shared.originals import ANY_CLASS, TEST, originals
from ...shared.panels import Panel, Row
from ...shared.python import script
from ...shared.words import Text, Words, joined, number

say = Words(__file__)


@cache
def course(name: str) -> dict[int, Model]:
    """The model `name` in the course of its training, by epochs behind it."""
    return gengallery.load_history(choice(say("model"), name, gengallery.list_histories()))


def learning(name: str, moment: int, count: int, seed: int) -> Panel:
    """What the model `name` could do at a `moment` of its training, the index of a snapshot; from the last on, the
    last.

    Images of its own, and originals reconstructed, as far as its kind does either without what is fitted after
    training.
    """
    snapshots = course(name)
    moment = min(whole(say("moment"), moment, 0, most_moments() - 1), len(snapshots) - 1)
    count, seed = checks.count(count), checks.seed(seed)
    epoch, model = list(snapshots.items())[moment]
    when = _when(epoch)
    rows, lines = [], [f'model = gengallery.load_history("{name}")[{epoch}]', "rows = []"]
    if not model.prior.fitted:
        rows.append(Row(say("generated"), when, to_uint8(model.generate(count, seed))))
        lines.append(f"rows.append(model.generate({count}, seed={seed}))")
    notice = ""
    if not model.searches:
        first = originals(TEST, ANY_CLASS, count, seed, None)
        notice, answer = first.notice, model.reconstruct(first.images)
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


def most_moments() -> int:
    """How many snapshots the longest history has."""
    return max(len(course(name)) for name in gengallery.list_histories())


def surprise(rng: np.random.Generator) -> dict[str, Any]:
    """Something to look at, by the names of the tab's inputs."""
    name = str(rng.choice(gengallery.list_histories()))
    moment = int(rng.integers(1, len(course(name))))
    return {"model": name, "moment": moment, "count": MOST_IMAGES, "seed": int(rng.integers(1_000_000))}
