"""Train models of the gallery and write their files of weights.

python scripts/train.py vae_2
python scripts/train.py ae_16 ae_64 --seed 1 --out /tmp/weights
python scripts/train.py --all --resume
"""

import argparse
import shlex
import sys
from dataclasses import MISSING, asdict, fields
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from gengallery import checkpoint, classifier, data, history
from gengallery.gallery import WEIGHTS
from gengallery.model import as_json
from gengallery.models import cards
from gengallery.training import Run, Step, cost, file_header

CARDS = {**cards(), classifier.CARD.name: classifier.CARD}


def train(name: str, options: argparse.Namespace) -> None:
    """Train the model `name` and write its file; after each epoch, a state to resume from."""
    target = options.out / f"{name}{checkpoint.SUFFIX}"
    state = options.out / ".training" / f"{name}{checkpoint.SUFFIX}"
    train, test = (data.load(split, options.data) for split in (data.TRAIN, data.TEST))
    run = Run(CARDS[name], train, seed=options.seed, epochs=options.epochs)
    album = Album(name, run, options.out) if options.snapshots else None
    if options.resume and state.exists():
        run.restore(state)
        print(f"{name}: goes on after epoch {run.finished} of {run.epochs}", file=sys.stderr)
    elif options.resume and target.exists() and run.made(checkpoint.read_header(target)):
        print(f"{name}: trained already", file=sys.stderr)
        return
    with Progress(name, run) as progress:
        while not run.done:
            if album:
                album.keep()
            for step in run.epoch():
                progress.show(step)
            run.save(state)
    if album:
        album.keep()
        print(album.publish())
    model, losses = run.finish(test)
    command = shlex.join(["python", "scripts/train.py", name, "--seed", str(run.seed), "--epochs", str(run.epochs)])
    checkpoint.write(target, model.state_dict(), file_header(run, losses, command))
    state.unlink()
    print(f"{target}: {run.seconds:.0f} s, test {shown(losses['test'])}")


def relabel(name: str, folder: Path) -> None:
    """Write the present words of the card `name` into its file. Raises ValueError if it was trained otherwise."""
    card, saved = CARDS[name], checkpoint.read(folder / f"{name}{checkpoint.SUFFIX}")
    was = saved.header["config"], saved.header["card"]["recipe"]
    now: Any
    # What an older file does not mention is as it is by default.
    for what, found, now in zip(("config", "recipe"), was, (card.config, card.recipe), strict=True):
        expected = as_json(asdict(now))
        if {**as_json(defaults(now)), **found} != expected:
            raise ValueError(f"{saved.path}: expected the {what} {expected}, found {found}; train it again")
    words = {"config": as_json(asdict(card.config)), "card": card.describe(), "cost": cost(card)}
    checkpoint.write(saved.path, saved.tensors, {**saved.header, **words})


def defaults(settings: Any) -> dict[str, Any]:
    """The fields of a config or recipe that have a default, with it."""
    return {field.name: field.default for field in fields(settings) if field.default is not MISSING}


class Album:
    """Snapshots of a model in training, from before the first step on, at twice as many epochs each time."""

    def __init__(self, name: str, run: Run, folder: Path):
        self.run = run
        self.path = folder / history.FOLDER / f"{name}{checkpoint.SUFFIX}"
        self.draft = folder / ".training" / history.FOLDER / self.path.name

    def keep(self) -> None:
        """Keep the model as it stands, if it is an epoch's turn; on disk, so that a training that goes on has them."""
        epoch, last = self.run.finished, self.run.epochs
        if epoch in (0, last) or (epoch & (epoch - 1) == 0 and 2 * epoch <= last):
            earlier = history.read(self.draft) if epoch and self.draft.exists() else {}
            history.write(self.draft, {**earlier, epoch: self.run.model})

    def publish(self) -> Path:
        """Put the finished album where the gallery looks for it."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.draft.replace(self.path)
        return self.path


class Progress:
    """A bar that shows the losses, smoothed over some fifty steps, and the time left."""

    def __init__(self, name: str, run: Run):
        self.name, self.run = name, run
        self.losses: dict[str, float] = {}
        self.bar: tqdm | None = None

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_) -> None:
        if self.bar is not None:
            self.bar.close()

    def show(self, step: Step) -> None:
        if self.bar is None:
            done = self.run.finished * step.steps
            self.bar = tqdm(total=step.epochs * step.steps, initial=done, desc=self.name, unit="step", mininterval=0.5)
        for key, value in step.losses.items():
            self.losses[key] = value if key not in self.losses else 0.98 * self.losses[key] + 0.02 * value
        if step.index % 20 == 0 or step.index == step.steps:
            self.bar.set_postfix_str(f"epoch {step.epoch}/{step.epochs}, {shown(self.losses)}", refresh=False)
        self.bar.update()


def shown(losses: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.5g}" for name, value in losses.items())


def main() -> None:
    names = list(CARDS)
    parser = argparse.ArgumentParser(
        description="Train models of the gallery and write their files of weights.",
        epilog=f"Models: {', '.join(names)}.",
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="models to train, one after another")
    parser.add_argument("--all", action="store_true", help="train every model")
    parser.add_argument("--seed", type=int, help="of the start and of all noise, instead of the card's")
    parser.add_argument("--epochs", type=int, help="instead of the recipe's")
    parser.add_argument("--data", type=Path, help=f"folder of the data set (default: ${data.VARIABLE}, else the cache)")
    parser.add_argument("--out", type=Path, default=WEIGHTS, help="folder for the files (default: %(default)s)")
    parser.add_argument(
        "--threads", type=int, default=2, help="of torch; 1 each for two trainings side by side (default: 2)"
    )
    parser.add_argument("--resume", action="store_true", help="go on where an earlier call was stopped")
    parser.add_argument(
        "--snapshots", action="store_true", help="also keep the model as it was after 0, 1, 2, 4, ... epochs"
    )
    parser.add_argument(
        "--relabel", action="store_true", help="train nothing: write what the cards say now into the files there"
    )
    options = parser.parse_args()
    if options.all == bool(options.names):
        parser.error("give either names or --all")
    for name in options.names:
        if name not in names:
            parser.error(f"unknown model {name!r}; there are {', '.join(names)}")
    torch.set_num_threads(options.threads)
    try:
        for name in names if options.all else options.names:
            if options.relabel:
                relabel(name, options.out)
            else:
                train(name, options)
    except (OSError, FloatingPointError, ValueError) as error:  # no data, no room; no finite loss; bad settings
        sys.exit(f"train.py: {error}")


if __name__ == "__main__":
    main()
