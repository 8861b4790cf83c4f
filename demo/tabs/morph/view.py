"""From one image to another, through the latents of any model; and class directions to add and take away."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gengallery.data import to_uint8
from gengallery.model.latents import latent_path
from gengallery.model.model import Model

from ...shared import checks, prices, work
from ...shared.checks import choice, choices
from ...shared.kept import kept
from ...shared.models import encoding_models, load, models, some
from ...shared.originals import ANY_CLASS, CLASS_NAMES, CLASSES, SOURCES, TEST, YOURS, Originals, originals
from ...shared.panels import Panel, Row, gif, in_turn
from ...shared.python import quoted, script
from ...shared.words import Text, Words, joined

say = Words(__file__)

STEPS = 10  # images from one end to the other, both included
SAMPLE = "The model's own"
ENDS = {TEST: SOURCES[TEST], SAMPLE: say("own_sample"), YOURS: SOURCES[YOURS]}
STRAIGHT, ARC = "Straight", "Along an arc"
PATHS = {STRAIGHT: say("straight"), ARC: say("arc")}
NO_CLASS = "nothing"
DIRECTIONS = {NO_CLASS: say("no_class"), **CLASSES}
STRONGEST = 2.0  # times a class direction
FRAMES, DURATION = 24, 70  # of the moving picture, one way, and milliseconds each


def growing(
    names: Sequence[str], source_a: str, seed_a: int, picture_a: Any, source_b: str, seed_b: int, picture_b: Any,
    path: str, less: str, plus: str, strength: float,
) -> Iterator[Panel]:  # fmt: skip
    """A row for each of the models `names`, STEPS images from A to B; and there and back as a GIF, the models side by
    side, each pixel 4 x 4: the panel as it stands before each of them that is to be made, since some models search for
    seconds, and whole.

    Each end has a source, one of ENDS, a seed that chooses the image, and the picture for the last of them. On the
    way, `strength` times the direction from the class `less` to the class `plus` is added; either may be NO_CLASS, and
    then the mean of all data stands in its place. Models without an encoder have no such directions.
    """
    names = choices(say("models"), names, models())
    arc = choice(say("path"), path, PATHS) == ARC
    strength = checks.between(say("amount"), strength, 0.0, STRONGEST)
    classes = [choice(say("class"), name, DIRECTIONS) for name in (less, plus)]
    places = [(say("source_a"), source_a, seed_a, picture_a), (say("source_b"), source_b, seed_b, picture_b)]
    ends = [_end(*place) for place in places]
    wish = tuple((source, int(seed), picture if source == YOURS else None) for _, source, seed, picture in places)
    notice = joined(dict.fromkeys(end.notice for end in ends if isinstance(end, Originals)), " ")
    done = {name: made for name in names if (made := _morphed.known(name, *wish, arc, less, plus, strength))}
    encoded = sum(isinstance(end, Originals) for end in ends)
    prices.afford(
        {
            name: prices.of_latents(name, encoded) + prices.of_images(name, STEPS + FRAMES)
            for name in names
            if name not in done
        }
    )

    def panel() -> Panel:
        lines = ["rows = []"]
        for name in names:
            lines += _lines(name, load(name), ends, arc, strength, classes) if name in done else []
        whole = len(done) == len(names)
        film = _there_and_back([done[name][1] for name in names]) if whole else b""
        rows = in_turn(names, {name: [row] for name, (row, _) in done.items()})
        return Panel(rows, script(*lines), notice, film, say("film"))

    for name in names:
        if name not in done:
            yield panel()
            done[name] = _morphed(name, *wish, arc, less, plus, strength)
    yield panel()


# What a model made stays when others are chosen: some search for seconds.
@kept(64)
def _morphed(
    name: str, a: tuple[str, int, str | None], b: tuple[str, int, str | None], arc: bool, less: str, plus: str,
    strength: float,
) -> tuple[Row, Tensor]:  # fmt: skip
    """What the model `name` has between two ends, each of a source, a seed and a picture: its row, and its film."""
    model, ends = load(name), [_end(say("source_a"), *a), _end(say("source_b"), *b)]
    encoding, decoding = prices.of_latents(name, 1), prices.of_images(name, 1)
    start, end = (
        model.sample(1, of)[0] if isinstance(of, int) else work.in_parts(model.encode, of.images, encoding)[0]
        for of in ends
    )
    shift = strength * _direction(model, less, plus)
    still, moving = (
        work.in_parts(model.decode, latent_path(start, end, steps, arc) + shift, decoding) for steps in (STEPS, FRAMES)
    )
    searched = model.searches and any(isinstance(of, Originals) for of in ends)
    return Row(name, say("search") if searched else "", to_uint8(still)), moving


def _lines(
    name: str, model: Model, ends: list[Originals | int], arc: bool, strength: float, classes: list[str]
) -> list[str]:
    """The Python of one model's row."""
    a, b = (
        f"model.sample(1, seed={end})[0]" if isinstance(end, int) else f"model.encode({end.python})[0]" for end in ends
    )
    places = [
        "model.statistics.mean" if name == NO_CLASS else f"model.statistics.centroids[{CLASS_NAMES.index(name)}]"
        for name in classes
    ]
    moved = model.statistics is not None and classes[0] != classes[1] and strength
    shift = f" + {strength:g} * ({places[1]} - {places[0]})" if moved else ""
    return [
        f"model = gengallery.load({quoted(name)})",
        f"a = {a}",
        f"b = {b}",
        f"rows.append(model.decode(latent_path(a, b, {STEPS}, arc={arc}){shift}))",
    ]


def _there_and_back(films: Sequence[Tensor]) -> bytes:
    """Films (FRAMES, C, H, W), side by side, as a GIF that turns round at the end."""
    return gif([torch.cat([film, film[1:-1].flip(0)]) for film in films], [DURATION] * (2 * FRAMES - 2))


def _end(field: Text, source: Any, seed: Any, picture: Any) -> Originals | int:
    """An image to be encoded, or the seed of a sample."""
    choice(field, source, ENDS)
    seed = checks.seed(seed)
    return seed if source == SAMPLE else originals(source, ANY_CLASS, 1, seed, picture)


def _direction(model: Model, less: str, plus: str) -> Tensor:
    """From the centroid of one class to that of another, (d); zeros for a model without them."""
    if model.statistics is None or less == plus:
        return torch.zeros(model.config.latent)
    place = {NO_CLASS: model.statistics.mean, **dict(zip(CLASS_NAMES, model.statistics.centroids, strict=True))}
    return place[plus] - place[less]


def surprise(rng: np.random.Generator) -> dict[str, Any]:
    """Something to look at, by the names of the tab's inputs."""
    names = some(rng, encoding_models(), 3)
    less, plus = rng.choice([NO_CLASS, *CLASS_NAMES], 2, replace=False) if CLASS_NAMES else (NO_CLASS, NO_CLASS)
    return {
        "models": names,
        **{f"source_{side}": str(rng.choice([TEST, SAMPLE])) for side in "ab"},
        **{f"seed_{side}": int(rng.integers(1_000_000)) for side in "ab"},
        "path": str(rng.choice(list(PATHS))),
        "less": str(less),
        "plus": str(plus),
        "strength": float(rng.choice([0.0, 0.5, 1.0])),
    }
