"""`gengallery train`: models trained, and their files of weights written."""

import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import MISSING, asdict, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gengallery import gallery as galleries
from gengallery.cli.common import (
    Options,
    add_command,
    add_data,
    add_device,
    add_names,
    add_threads,
    chosen,
    device,
    using_gallery,
)
from gengallery.data import SIZE
from gengallery.storage import checkpoint
from gengallery.storage.checkpoint import SUFFIX, as_json
from gengallery.storage.files import check_room, remove_parts
from gengallery.text import Text
from gengallery.threads import THREADS, check_threads, using_threads

if TYPE_CHECKING:
    from tqdm import tqdm

    from gengallery.cli.common import Commands
    from gengallery.data import Dataset
    from gengallery.model.spec import Card
    from gengallery.training.run import Run, Step

DRAFTS = ".training"  # in the folder of the files: the states to resume from, and unfinished snapshots


class Interrupted(KeyboardInterrupt):
    """A training was interrupted; the message says how to go on."""


def add(commands: "Commands") -> None:
    """Add the command to the parser."""
    parser = add_command(
        commands,
        "train",
        train,
        "Train models, and write their files of weights. What is interrupted goes on with --resume.",
        "gengallery train vae_2 --seed 1 --out mine\n"
        "gengallery train vae_64 classifier --data photos/ --size 32\n"
        "gengallery list --gallery gallery-photos",
    )
    add_names(parser, "train")
    add_data(parser, "the model's own")
    parser.add_argument(
        "--size",
        type=int,
        metavar="N",
        help=f"height and width that images are brought to: a multiple of 4 from 16 to 64 (default: {SIZE})",
    )
    parser.add_argument("--channels", type=int, choices=(1, 3), help="1: grey, 3: colour (default: as the data is)")
    parser.add_argument(
        "--seed",
        type=int,
        metavar="N",
        help="seed of the weights at the start and of all noise (default: the model's own)",
    )
    parser.add_argument("--epochs", type=int, metavar="N", help="epochs (default: the model's own)")
    parser.add_argument(
        "--out",
        metavar="FOLDER",
        help="folder for the files (default: the gallery's, if it is of the same data and no installed one; else "
        "gallery-DATASET)",
    )
    parser.add_argument("--resume", action="store_true", help="go on where an earlier call was stopped")
    parser.add_argument(
        "--snapshots", action="store_true", help="also keep the model as it was after 0, 1, 2, 4, ... epochs"
    )
    parser.add_argument(
        "--relabel", action="store_true", help="train nothing: write what the cards say now into the files there"
    )
    add_device(parser)
    add_threads(parser, None, f"1 for dense networks, {THREADS} for those that convolve")


def train(options: Options) -> None:
    """Train the models that the options name, one after another."""
    from gengallery.evaluation import classifier
    from gengallery.families import cards
    from gengallery.training.run import threads_for

    known = {**cards(), classifier.CARD.name: classifier.CARD}
    names = chosen(options, known)
    for name in names:
        if name not in known:
            raise ValueError(f"unknown model {name!r}; there are {', '.join(known)}")
    if options.relabel:
        for name in names:
            relabel(known[name], _folder(options, None))
        return
    if options.threads is not None:
        check_threads(options.threads)
    device(options.device)  # what can't be is said before data is read
    jobs = []
    for name in names:
        try:
            jobs.append(_planned(known[name], options))
        except ValueError as error:
            if not options.all or options.data is None:
                raise
            print(f"{name}: left out: {error}", file=sys.stderr)
    for number, (card, data) in enumerate(jobs):
        before = {earlier.name for earlier, _ in jobs[:number]}
        if card.start and card is not known[card.name] and card.start not in before:
            _check_start(card, data, _folder(options, data))
    for card, data in jobs:
        try:
            with using_threads(options.threads or threads_for(card), apart=True):
                _train(card, data, options, adapted=card is not known[card.name])
        except KeyboardInterrupt as interrupt:
            again = [*options.again, *([] if options.resume else ["--resume"])]
            raise Interrupted(f"Interrupted; go on with: {shlex.join(again)}") from interrupt
    out = _folder(options, jobs[-1][1]) if jobs else None
    if out is not None and out != galleries.default().folder:
        print(f"To see what is there: {shlex.join(['gengallery', 'list', '--gallery', str(out)])}")


def _planned(card: "Card", options: Options) -> "tuple[Card, Dataset]":
    """The data to train on, and `card` for its images, both checked. Raises ValueError if it can't be."""
    from gengallery.data import dataset

    data = dataset(options.data or card.dataset, size=options.size, channels=options.channels)
    data.check()
    for note in data.notes:
        print(note, file=sys.stderr)
    return adapted(card, data), data


def adapted(card: "Card", data: "Dataset") -> "Card":
    """`card` for the images of `data`. Raises ValueError, as its config does, if it can't be, such as a model of
    classes where there are none."""
    if card.config.image == data.spec:
        return card
    title = card.model.title
    return replace(
        card,
        config=replace(card.config, image=data.spec),
        dataset=data.name,
        summary=Text(
            f"{title}, trained on {data.title}.",
            pt=f"{title.pt if isinstance(title, Text) else title}, treinado em {data.title}.",
        ),
        notes="",  # which tell of the card's own data
        report="",
        reported={},
    )


def _folder(options: Options, data: "Dataset | None") -> Path:
    """Where the files go: into the gallery if they are of its own data and may be written there; else into a folder of
    the data's."""
    if options.out:
        return Path(options.out).expanduser()
    gallery = galleries.default().folder
    installed = gallery == galleries.SHIPPED and galleries.SHIPPED.parent == galleries.HERE
    own = data is None or data.name == _own_dataset()
    return gallery if own and not installed else Path(f"gallery-{data.name if data else _own_dataset()}")


def _own_dataset() -> str:
    """The data set of the gallery's models."""
    from gengallery.data import DEFAULT

    gallery = galleries.default()
    return gallery.image.dataset if gallery.list() else DEFAULT


def _check_start(card: "Card", data: "Dataset", out: Path) -> None:
    """Raise ValueError unless `out` has the model that the training on `card` starts from."""
    if not (out / f"{card.start}{SUFFIX}").is_file():
        raise ValueError(f"{card.name} starts from {card.start}: train that on {data.name} first, into {out}")


def _train(card: "Card", data: "Dataset", options: Options, adapted: bool) -> None:
    """Train the model on `card` and write its file; after each epoch, a state to resume from."""
    from gengallery.training.run import Run, file_header

    out = _folder(options, data)
    target, state = out / f"{card.name}{SUFFIX}", out / DRAFTS / f"{card.name}{SUFFIX}"
    with _alone(out, card.name):
        with using_gallery(out if card.start and adapted else None):  # starts from what was trained on the same data
            run = Run(card, data.split("trainval"), options.seed, options.epochs, device=options.device)
        album = Album(card.name, run, out) if options.snapshots else None
        if options.resume and state.exists():
            run.restore(state)
            print(f"{card.name}: goes on after epoch {run.finished} of {run.epochs}", file=sys.stderr)
        elif options.resume and target.exists() and run.made(checkpoint.read_header(target)):
            print(f"{card.name}: trained already", file=sys.stderr)
            return
        _make_room(run, target, state, album)
        with Progress(card.name, run) as progress:
            while not run.done:
                if album:
                    album.keep()
                for step in run.epoch():
                    progress.show(step)
                run.save(state)
        if album:
            album.keep()
        model, losses = run.finish(data.split("test"))
        checkpoint.write(target, model.state_dict(), file_header(run, losses, _command(run, options)))
        if album:
            print(album.publish())
        state.unlink()  # only now: whatever is interrupted before is done again from it
        if album:
            album.draft.unlink()
        print(f"{target}: {run.seconds:.0f} s, test {shown(losses['test'])}")


@contextmanager
def _alone(out: Path, name: str) -> Iterator[None]:
    """Keep other processes from training the model `name` into the folder `out`. Raises ValueError if one does, and
    OSError, which names the file, if nothing can be written there."""
    from filelock import FileLock, Timeout

    lock = FileLock(out / DRAFTS / f"{name}.lock")
    Path(lock.lock_file).parent.mkdir(parents=True, exist_ok=True)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise ValueError(
            f"{out}: expected no other training of {name} there, found one that goes on; wait for it, or give --out"
        ) from None
    try:
        yield
    finally:
        lock.release()


def _make_room(run: "Run", target: Path, state: Path, album: "Album | None") -> None:
    """Remove unfinished files that killed trainings have left. Raises OSError, which names the file, where there is no
    room for what the training will write."""
    weights, of_state = run.sizes()
    past = {album.path: album.size(), album.draft: 2 * album.size()} if album else {}
    # A state is written beside the one before.
    for path, size in {target: weights, state: 2 * of_state + weights, **past}.items():
        remove_parts(path)
        check_room(path, size)


def _command(run: "Run", options: Options) -> str:
    """What made the file, as its header says it. Of data at a path only its name, for paths tell of people."""
    given = {"size": options.size, "channels": options.channels, "epochs": run.epochs, "seed": run.seed}
    data = ["--data", Path(options.data).name] if options.data else []
    more = [text for name, value in given.items() if value is not None for text in (f"--{name}", str(value))]
    return shlex.join(["gengallery", "train", run.card.name, *data, *more])


def relabel(card: "Card", folder: Path) -> None:
    """Write the present words of `card` into its file. Raises ValueError if it was trained otherwise."""
    from gengallery.data import ImageSpec

    saved = checkpoint.read(folder / f"{card.name}{SUFFIX}")
    theirs = saved.header["config"], saved.header["card"]["recipe"]
    if saved.header["card"].get("dataset", card.dataset) != card.dataset:
        raise ValueError(f"{saved.path}: expected one trained on {card.dataset}, found one of other data")
    card = replace(card, config=replace(card.config, image=ImageSpec.from_json(theirs[0]["image"])))
    ours: tuple[Any, Any] = card.config, card.recipe
    # What an older file does not mention is as it is by default.
    for what, found, now in zip(("config", "recipe"), theirs, ours, strict=True):
        expected = as_json(asdict(now))
        if {**as_json(_defaults(now)), **found} != expected:
            raise ValueError(f"{saved.path}: expected the {what} {expected}, found {found}; train it again")
    words = {"config": as_json(asdict(card.config)), "card": card.describe()}
    checkpoint.write(saved.path, saved.tensors, {**saved.header, **words})


def _defaults(settings: Any) -> dict[str, Any]:
    """The fields of a config or recipe that have a plain default, with it."""
    return {field.name: field.default for field in fields(settings) if field.default is not MISSING}


class Album:
    """Snapshots of a model in training, from before the first step on, at twice as many epochs each time."""

    def __init__(self, name: str, run: "Run", folder: Path):
        self.run = run
        self.path = folder / galleries.HISTORY / f"{name}{SUFFIX}"
        self.draft = folder / DRAFTS / galleries.HISTORY / self.path.name

    def keep(self) -> None:
        """Keep the model as it stands, if it is an epoch's turn; on disk, so that a training that goes on has them."""
        from gengallery.storage import history

        epoch, last = self.run.finished, self.run.epochs
        if epoch in (0, last) or (epoch & (epoch - 1) == 0 and 2 * epoch <= last):
            earlier: dict[int, Any] = history.read(self.draft) if epoch and self.draft.exists() else {}
            history.write(self.draft, {**earlier, epoch: self.run.model})

    def size(self) -> int:
        """How many bytes all snapshots take, about."""
        return (2 + self.run.epochs.bit_length()) * 2 * sum(p.numel() for p in self.run.model.parameters())

    def publish(self) -> Path:
        """Put the finished album where the gallery looks for it. The draft stays for as long as the state to resume
        from: until then, the last steps may have to be done again."""
        from gengallery.storage.files import write_atomically

        write_atomically(self.path, self.draft.read_bytes())
        return self.path


class Progress:
    """A bar that shows the losses, smoothed over some fifty steps, and the time left."""

    def __init__(self, name: str, run: "Run"):
        self.name, self.run = name, run
        self.losses: dict[str, float] = {}
        self.bar: tqdm[Any] | None = None

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.close()

    def show(self, step: "Step") -> None:
        """Move on by one step."""
        from tqdm import tqdm

        if self.bar is None:
            done = self.run.finished * step.steps
            self.bar = tqdm(total=step.epochs * step.steps, initial=done, desc=self.name, unit="step", mininterval=0.5)
        for key, value in step.losses.items():
            self.losses[key] = value if key not in self.losses else 0.98 * self.losses[key] + 0.02 * value
        if step.index % 20 == 0 or step.index == step.steps:
            self.bar.set_postfix_str(f"epoch {step.epoch}/{step.epochs}, {shown(self.losses)}", refresh=False)
        self.bar.update()


def shown(losses: dict[str, float]) -> str:
    """Losses by name, in a line."""
    return ", ".join(f"{name} {value:.5g}" for name, value in losses.items())
