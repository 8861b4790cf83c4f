"""Training against the report's own networks in Keras (keras_networks.py), one after the other on the same machine.

Both on two threads: seconds of training until the test set's loss is the report's, without those that measuring that
loss takes. Ours go by schedules as short as the goal allows, Keras by the report's settings. Ours counts every second;
Keras is charged its epochs at their median, so without the time that its first takes to compile. A GAN has no such
loss: there it is an epoch against an epoch, of the same steps and batches.
"""

import json
import statistics
import subprocess
import tempfile
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from common.library import gallery_data
from common.timing import describe_machine
from gengallery.data import TEST, TRAINVAL, Split
from gengallery.families import cards
from gengallery.model.spec import Recipe
from gengallery.models.gan import REPORT
from gengallery.models.vae import VaeRecipe
from gengallery.threads import THREADS, using_threads
from gengallery.training.run import Run, mean_losses

KERAS = Path(__file__).resolve().parent / "keras_networks.py"


@dataclass(frozen=True)
class Race:
    """A model against its Keras original: to the report's loss on the test set, or an epoch against an epoch."""

    name: str
    recipe: Recipe
    target: float | None  # None: a race of epochs
    goal: float  # how many times sooner we want to be there
    keras_epochs: int  # at most


@dataclass(frozen=True)
class Result:
    """How long one side trained, and what it reached."""

    seconds: float  # of training
    epochs: int
    loss: float | None  # of the test set, at the end
    reached: bool

    def __str__(self) -> str:
        if self.loss is None:
            return f"{self.seconds:.2f} s"
        return f"{self.seconds:.1f} s ({self.epochs} epochs {self.loss:.5g})"


RACES = (
    Race("ae_64", Recipe(epochs=4, lr=1.4e-2, betas=(0.85, 0.985), warmup=0.35), 0.0089, 10, 40),
    Race("vae_2", VaeRecipe(epochs=12, lr=8e-3, warmup=0.02, bfloat16=True, kl_warmup=900), 262.2, 10, 200),
    Race("gan_dist_normal", replace(REPORT, epochs=5, clipped=False), None, 2, 5),
)


def measure(python: str, folder: Path | None, limit: float, names: list[str]) -> None:
    """Run the races of these names, all if there are none, and print each outcome. `python`: the interpreter that has
    Keras, which may train for `limit` seconds; `folder`: that of the data set."""
    data = gallery_data(None if folder is None else str(folder))
    train, test = data.split(TRAINVAL), data.split(TEST)
    print(describe_machine())
    with tempfile.TemporaryDirectory(prefix="gengallery-race-") as scratch:
        images = Path(scratch) / "images.npz"
        np.savez(images, train=train.images[:, 0].numpy(), test=test.images[:, 0].numpy())
        for race in RACES:
            if not names or race.name in names:
                with using_threads(THREADS, apart=True):
                    ours = train_ours(race, train, test)
                keras = train_keras(race, python, images, limit)
                print(outcome(race, ours, keras), flush=True)


def train_ours(race: Race, train: Split, test: Split) -> Result:
    """Train until the race's target, or for all epochs of its recipe."""
    run = Run(replace(cards()[race.name], recipe=race.recipe), train)
    epochs: list[float] = []  # seconds of each
    loss = None
    while not run.done:
        before = run.seconds
        for _ in run.epoch():
            pass
        epochs.append(run.seconds - before)
        if race.target is not None:
            *_, loss = mean_losses(partial(run.learner.losses, run.model), test).values()
            if loss <= race.target:
                return Result(run.seconds, run.finished, loss, True)
    if race.target is None:
        return Result(statistics.median(epochs[1:] or epochs), 1, None, True)
    return Result(run.seconds, run.finished, loss, False)


def train_keras(race: Race, python: str, images: Path, limit: float) -> Result:
    """The same in Keras, on the file of `images`, by the interpreter `python`, for at most `limit` seconds.

    Raises RuntimeError if it fails.
    """
    command = [python, str(KERAS), str(images), race.name, "--epochs", str(race.keras_epochs), "--limit", str(limit)]
    command += ["--threads", str(THREADS)]
    if race.target is not None:
        command += ["--target", str(race.target)]
    done = subprocess.run(command, capture_output=True, text=True)
    epochs = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode or not epochs:
        raise RuntimeError(f"{python}: expected the epochs of Keras, found:\n{done.stderr[-2000:]}")
    seconds = statistics.median([epoch["seconds"] for epoch in epochs[1:] or epochs])
    if race.target is None:
        return Result(seconds, 1, None, True)
    loss = epochs[-1]["test"]
    return Result(seconds * len(epochs), len(epochs), loss, loss <= race.target)


def outcome(race: Race, ours: Result, keras: Result) -> str:
    """The race in a line: both times, their ratio, and the goal."""
    aim = "an epoch" if race.target is None else f"to {race.target}"
    if not ours.reached:
        ratio = "we did not get there"
    else:
        # Keras that was stopped before the target would have needed longer still.
        more = "" if keras.reached else "more than "
        ratio = f"{more}{keras.seconds / ours.seconds:.1f} times (goal {race.goal:g})"
    return f"{race.name:16} {aim:12} ours {ours!s:30} Keras {keras!s:30} {ratio}"
