"""`gengallery evaluate` and `gengallery verify`: how good models are, and whether their files say so."""

import json
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from gengallery.cli.common import (
    Options,
    add_command,
    add_data,
    add_device,
    add_json,
    add_names,
    add_threads,
    chosen,
    data_for,
    device,
)
from gengallery.gallery import HISTORY, Gallery, default
from gengallery.threads import using_threads

if TYPE_CHECKING:
    from gengallery.cli.common import Commands
    from gengallery.evaluation.reference import Reference


def add(commands: "Commands") -> None:
    """Add the commands to the parser."""
    parser = add_command(
        commands,
        "evaluate",
        evaluate,
        "Measure how good models are, and write it into their files.",
        "gengallery evaluate vae_2\ngengallery evaluate --all --gallery gallery-photos --data photos/",
    )
    add_names(parser, "measure")
    add_data(parser, "that of the gallery's models")
    parser.add_argument(
        "--inception",
        action="store_true",
        help="only print the Inception FID, as papers give it; needs pip install 'gengallery[inception]'",
    )
    add_json(parser)
    add_device(parser)
    add_threads(parser)

    parser = add_command(
        commands,
        "verify",
        verify,
        "Make sure that models are what their files say: checksums, images, and figures measured again.",
        "gengallery verify vae_2\ngengallery verify --all --no-figures\ngengallery verify --all --seal",
    )
    add_names(parser, "verify")
    add_data(parser, "that of the gallery's models")
    parser.add_argument(
        "--no-figures", action="store_true", help="leave the figures out, which take data and a minute a model"
    )
    parser.add_argument(
        "--seal",
        action="store_true",
        help="measure nothing: check files of earlier versions, and rewrite them in the present format",
    )
    add_json(parser)
    add_device(parser)
    add_threads(parser)


def evaluate(options: Options) -> None:
    """Measure models, record what was found, and print it."""
    gallery = default()
    names = _named(options, gallery)
    found: dict[str, dict[str, float]] = {}
    with using_threads(options.threads):
        if options.inception:
            from gengallery.evaluation.inception import Inception

            inception = Inception(data_for(gallery.image, options.data).split("test"))
            where = device(options.device)
            for name in _progress(names):
                found[name] = {"inception": inception.distance(gallery.load(name, device=where))}
                _say(options, name, f"Inception FID {found[name]['inception']:.2f}")
        else:
            from gengallery.evaluation.figures import figure
            from gengallery.evaluation.scorecard import record

            reference = _reference(options, gallery)
            for name in _progress(names):
                start = time.perf_counter()
                found[name] = figures = record(name, reference, gallery).figures
                written = ", ".join(f"{key} {figure(key).written(value)}" for key, value in figures.items())
                _say(options, name, f"{written} ({time.perf_counter() - start:.0f} s)")
    if options.json:
        print(json.dumps(found, indent=2))


def verify(options: Options) -> None:
    """Verify models, all of them, and print what is as recorded. Raises VerificationError if any is not."""
    from gengallery.evaluation import scorecard
    from gengallery.storage.checkpoint import CheckpointError

    gallery = default()
    if options.seal:
        _seal(options, gallery)
        return
    names = _named(options, gallery)
    found: dict[str, str | None] = {}  # what is wrong, if anything
    with using_threads(options.threads):
        reference = None if options.no_figures else _reference(options, gallery)
        for name in _progress(names):
            start = time.perf_counter()
            try:
                scorecard.verify(name, reference, figures=not options.no_figures, gallery=gallery)
            except (scorecard.VerificationError, CheckpointError) as error:
                found[name] = str(error)
                _say(options, name, f"NOT as recorded: {error}")
            else:
                found[name] = None
                _say(options, name, f"as recorded ({time.perf_counter() - start:.0f} s)")
    if options.json:
        print(json.dumps({name: {"ok": why is None, "found": why} for name, why in found.items()}, indent=2))
    if wrong := [name for name, why in found.items() if why is not None]:
        raise scorecard.VerificationError(
            f"{len(wrong)} of {len(names)} models are not as their files say: {', '.join(wrong)}"
        )


def _seal(options: Options, gallery: Gallery) -> None:
    """Rewrite the files of models and their histories, and of the classifier, that are of earlier formats; each is
    loaded before."""
    from gengallery.evaluation import classifier
    from gengallery.storage import checkpoint, history

    judge = [checkpoint.CLASSIFIER] if gallery.classifier.exists() else []
    names = chosen(options, [*gallery.list(), *judge])
    paths = {name: gallery.classifier if name in judge else Path(gallery.info(name)["path"]) for name in names}
    found: dict[str, str] = {}
    for name, path in paths.items():
        model = classifier.load(path) if name in judge else gallery.load(name)
        rewritten = [path] * checkpoint.seal(path)
        if name in gallery.histories():
            past = gallery.folder / HISTORY / path.name
            rewritten += [past] * history.seal(past, model)
        found[name] = f"rewritten: {', '.join(map(str, rewritten))}" if rewritten else "in the present format already"
        _say(options, name, found[name])
    if options.json:
        print(json.dumps(found, indent=2))


def _named(options: Options, gallery: Gallery) -> list[str]:
    """The models to measure. Raises ValueError for an unknown one, before anything is measured."""
    names = chosen(options, gallery.list())
    for name in names:
        gallery.info(name)
    if not names:
        raise ValueError(f"{gallery.folder}: expected files of weights, found none that is sound")
    return names


def _reference(options: Options, gallery: Gallery) -> "Reference":
    from gengallery.evaluation.reference import Reference

    return Reference(data_for(gallery.image, options.data), gallery, device(options.device))


def _progress(names: list[str]) -> Iterator[str]:
    """The names, with a bar on stderr while there are several."""
    from tqdm import tqdm

    bar: Iterable[str] = tqdm(names, unit="model", disable=None if len(names) > 1 else True)
    yield from bar


def _say(options: Options, name: str, text: str) -> None:
    """A line of what was found, beside the bar; not on stdout where JSON is."""
    from tqdm import tqdm

    tqdm.write(f"{name}: {text}", file=sys.stderr if options.json else sys.stdout)
    sys.stdout.flush()
