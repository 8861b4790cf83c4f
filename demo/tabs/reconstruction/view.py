"""Originals, what each model makes of them, and where it errs: clean, noisy or partly hidden."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from gengallery.data import to_uint8
from gengallery.priors.noise import standard_normal

from ...shared import checks, prices
from ...shared.checks import MOST_IMAGES
from ...shared.kept import kept
from ...shared.models import encoding_models, load, models, some
from ...shared.originals import (
    ANY_CLASS,
    CLASS_NAMES,
    KINDS,
    SOURCES,
    TEST,
    TRAIN,
    YOURS,
    Originals,
    originals,
    picture_of,
)
from ...shared.panels import Panel, Row, in_turn
from ...shared.python import listed, script
from ...shared.samples import reconstructed
from ...shared.words import Words, joined, number

say = Words(__file__)

NOTHING, NOISE, PATCH, HALF = "Nothing", "Noise", "A square hidden", "The lower half hidden"
DAMAGES = {NOTHING: say("no_damage"), NOISE: say("noise"), PATCH: say("square"), HALF: say("lower_half")}
# Ends of the error map's colours, which meet in black or white, whichever the page is.
MISSING, INVENTED = np.array([66, 133, 244]), np.array([255, 112, 67])


def growing(
    names: Sequence[str], source: str, kind: str, count: int, seed: int, picture: Any, damage: str, amount: float,
    errors: bool,
) -> Iterator[Panel]:  # fmt: skip
    """Originals in the first row, under it what each of the models `names` makes of them, with the mean squared errors:
    the panel as it stands before each of them that is to be made, since some models search for seconds, and whole.

    Originals are of `source` and class `kind`, as `originals` has them. Models see them with `damage`, one of DAMAGES,
    in an `amount` from 0 to 1. With `errors`, each model has a second row: blue where its image is darker than the
    original, orange where it is lighter.
    """
    names = checks.choices(say("models"), names, models())
    checks.choice(say("damage"), damage, DAMAGES)
    amount = checks.between(say("amount"), amount, 0.0, 1.0)
    errors = checks.flag(say("errors"), errors)
    checks.choice(say("source"), source, SOURCES)
    checks.choice(say("class"), kind, KINDS)
    if source == YOURS:
        picture_of(picture)  # which refuses what is none
    wish = (source, kind, checks.count(count), checks.seed(seed), picture if source == YOURS else None, damage, amount)
    first, inputs, code = _begun(*wish)
    rows = [Row(say("source"), "" if first.notice else SOURCES[source], to_uint8(first.images), first.captions)]
    if damage != NOTHING:
        rows.append(Row(say("damaged"), DAMAGES[damage], to_uint8(inputs)))
    seen = "seen" if code else "originals"
    done = {name: made for name in names if (made := _rebuilt.known(name, *wish))}
    shown = len(first.images)
    left = {name: prices.of_reconstructions(name, shown) for name in names if name not in done}
    prices.afford(left, shown)

    def panel() -> Panel:
        lines = [
            f"originals = {first.python}",
            *code,
            f"rows = [originals{', seen' if code else ''}]",
            f"rows += [gengallery.load(name).reconstruct({seen}) for name in {listed(list(done))}]",
        ]
        shown = {name: made if errors else made[:1] for name, made in done.items()}
        return Panel(rows + in_turn(names, shown), script(*lines), first.notice)

    for name in names:
        if name not in done:
            yield panel()
            done[name] = _rebuilt(name, *wish)
    yield panel()


@kept(4)
def _begun(
    source: str, kind: str, count: int, seed: int, picture: str | None, damage: str, amount: float
) -> tuple[Originals, Tensor, list[str]]:
    """The originals, what the models see of them, and the Python of that."""
    first = originals(source, kind, count, seed, picture)
    return first, *_damaged(first.images, damage, amount, seed)


# What a model made stays when others are chosen: some search for seconds.
@kept(64)
def _rebuilt(
    name: str, source: str, kind: str, count: int, seed: int, picture: str | None, damage: str, amount: float
) -> list[Row]:
    """What the model `name` makes of it, with the errors; and the map of them."""
    first, inputs, _ = _begun(source, kind, count, seed, picture, damage, amount)
    model = load(name)
    answer = reconstructed(name, inputs)
    each = (answer - first.images).square().flatten(1).mean(1)
    note = joined([say("search") if model.searches else "", say("error", error=number(each.mean().item(), ".4f"))])
    captions = tuple(number(error, ".4f") for error in each.tolist())
    return [
        Row(name, note, to_uint8(answer), captions),
        Row("", "", error_map(answer - first.images)),
    ]


def error_map(difference: Tensor) -> np.ndarray:
    """Signed differences (n, C, H, W) in [-1, 1], of all channels together, as colours (n, H, W, 3), uint8: none is
    black, much is bright."""
    sign = difference.mean(1).numpy()[..., None]
    strength = np.sqrt(np.abs(sign))  # the eye would else see only the largest
    return np.rint(strength * np.where(sign < 0, MISSING, INVENTED)).astype(np.uint8)


def _damaged(images: Tensor, damage: str, amount: float, seed: int) -> tuple[Tensor, list[str]]:
    """`images` with the damage done, and the Python that does it to `originals`, giving `seen`."""
    if damage == NOTHING:
        return images, []
    if damage == NOISE:
        noise = standard_normal(tuple(images.shape), np.random.default_rng(seed))
        drawn = f"np.random.default_rng({seed}).standard_normal(originals.shape, dtype=np.float32)"
        line = f"seen = (originals + {amount:g} * torch.from_numpy({drawn})).clamp(0, 1)"
        return (images + amount * noise).clamp(0, 1), [line]
    height, width = images.shape[2:]
    if damage == PATCH:
        rows, columns = _middle(height, amount), _middle(width, amount)
    else:
        rows, columns = (height - round(amount * height / 2), height), (0, width)
    hidden = images.clone()
    hidden[:, :, slice(*rows), slice(*columns)] = 0
    place = f"{rows[0]}:{rows[1]}, {columns[0]}:{columns[1]}"
    return hidden, ["seen = originals.clone()", f"seen[:, :, {place}] = 0"]


def _middle(size: int, share: float) -> tuple[int, int]:
    """Where the middle `share` of so many pixels begins and ends."""
    side = round(share * size)
    start = (size - side) // 2
    return start, start + side


def surprise(rng: np.random.Generator) -> dict[str, Any]:
    """Something to look at, by the names of the tab's inputs."""
    return {
        "models": some(rng, encoding_models(), 3),
        "source": str(rng.choice([TEST, TRAIN])),
        "kind": str(rng.choice([ANY_CLASS, *CLASS_NAMES])),
        "count": MOST_IMAGES,
        "seed": int(rng.integers(1_000_000)),
        "damage": str(rng.choice(list(DAMAGES))),
        "amount": float(rng.choice([0.3, 0.4, 0.5])),
        "errors": True,
    }
