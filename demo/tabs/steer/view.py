"""What may be chosen of a conditional model: the class, the strength of guidance, and the number of steps."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

import gengallery
from gengallery.data import to_uint8

from ...shared import checks, prices
from ...shared.kept import kept
from ...shared.models import load, some
from ...shared.originals import CLASS_NAMES, CLASSES
from ...shared.panels import Panel, Row, awaited, gif, in_turn
from ...shared.python import listed, quoted, script
from ...shared.words import Text, Words, number
from ...shared.work import turn

say = Words(__file__)

EVERY = "every class"
KINDS = {EVERY: say("each_class"), **CLASSES}
STRENGTHS = (0, 1, 1.5, 2, 3, 5)  # of guidance
MEANING: dict[float, str] = {0: say("without_class"), 1: say("as_trained")}
FEW = 4  # images in a row, or rows, of a model that may be slow
MOST_STEPS, MOST_COLUMNS = 20, 11
FRAME, REST = 120, 1500  # of the film: milliseconds of a step, and of the finished images


# -- the models, by what their calls take


def labelled_models() -> list[str]:
    """The models that take a class."""
    return gengallery.list_models(option="label")


def guided_models() -> list[str]:
    """The models that take a strength of guidance."""
    return gengallery.list_models(option="guidance")


def first_guided() -> str | None:
    """The one of them to begin with, if there is any: one that goes in steps, since guidance shows most in those."""
    guided = guided_models()
    return next((name for name in guided if name in stepping_models()), guided[0] if guided else None)


def stepping_models() -> list[str]:
    """The models that take a number of steps."""
    return gengallery.list_models(option="steps")


# -- the class


def growing_classes(names: Sequence[str], kind: str, seed: int) -> Iterator[Panel]:
    """A row for each of the models `names`: ten images of the class `kind`, or for EVERY one of each class, all from
    the same noise. The panel as it stands before each of them that is to be made, and whole."""
    names = checks.choices(say("models"), names, labelled_models())
    checks.choice(say("class"), kind, KINDS)
    seed = checks.seed(seed)
    wishes = {
        name: (_of_every_class, (name, seed)) if kind == EVERY else (_of_class, (name, kind, seed)) for name in names
    }
    done = {name: [row] for name, (make, wish) in wishes.items() if (row := make.known(*wish))}
    prices.afford({name: prices.of_images(name, checks.MOST_IMAGES) for name in names if name not in done})

    def panel() -> Panel:
        return Panel(in_turn(names, done), script(*_class_lines([name for name in names if name in done], kind, seed)))

    for name, (make, wish) in wishes.items():
        if name not in done:
            yield panel()
            done[name] = [make(*wish)]
    yield panel()


# One handler draws the three panels of the tab: what an input did not change is not drawn again.
@kept(128)
def _of_class(name: str, kind: str, seed: int) -> Row:
    generate = partial(load(name).generate, checks.MOST_IMAGES, seed, label=kind)
    return Row(name, "", to_uint8(turn(prices.of_images(name, checks.MOST_IMAGES), generate)))


@kept(64)
def _of_every_class(name: str, seed: int) -> Row:
    model, count = load(name), len(CLASS_NAMES)
    decode = partial(model.decode, model.sample(1, seed).repeat(count, 1), label=list(range(count)))
    images = turn(prices.of_images(name, count), decode)
    return Row(name, "", to_uint8(images), tuple(CLASSES.values()))


def _class_lines(names: Sequence[str], kind: str, seed: int) -> list[str]:
    if kind != EVERY:
        each = f"gengallery.load(name).generate({checks.MOST_IMAGES}, seed={seed}, label={quoted(kind)})"
        return [f"rows = [{each} for name in {listed(names)}]"]
    count = len(CLASS_NAMES)
    return [
        "rows = []",
        f"for name in {listed(names)}:",
        "    model = gengallery.load(name)",
        f"    z = model.sample(1, seed={seed}).repeat({count}, 1)",
        f"    rows.append(model.decode(z, label=list(range({count}))))",
    ]


# -- the guidance


def growing_guided(name: str, kind: str, seed: int) -> Iterator[Panel]:
    """A few images of the class `kind` by the model `name`, a row for each of STRENGTHS, all from the same noise. The
    panel as it stands before each of them that is to be made, and whole."""
    checks.choice(say("model"), name, guided_models())
    checks.choice(say("class"), kind, CLASSES)
    seed = checks.seed(seed)
    wishes = {_title(strength): (name, kind, seed, strength) for strength in STRENGTHS}
    done: dict[str, list[Row]] = {
        title: [row] for title, wish in wishes.items() if (row := _with_guidance.known(*wish))
    }

    prices.afford({name: prices.of_images(name, FEW) * (len(wishes) - len(done))})

    def panel() -> Panel:
        strengths = [wish[-1] for title, wish in wishes.items() if title in done]
        call = f"model.generate({FEW}, seed={seed}, label={quoted(kind)}, guidance=w)"
        lines = [f"model = gengallery.load({quoted(name)})", f"rows = [{call} for w in {strengths}]"]
        return Panel(in_turn(list(wishes), done), script(*lines))

    for title, wish in wishes.items():
        if title not in done:
            yield panel()
            done[title] = [_with_guidance(*wish)]
    yield panel()


@kept(128)
def _with_guidance(name: str, kind: str, seed: int, strength: float) -> Row:
    generate = partial(load(name).generate, FEW, seed, label=kind, guidance=strength)
    images = turn(prices.of_images(name, FEW), generate)
    return Row(_title(strength), MEANING.get(strength, ""), to_uint8(images))


def _title(strength: float) -> Text:
    return say("guidance", strength=number(strength, "g"))


# -- the steps


def growing_formed(name: str, steps: int, seed: int) -> Iterator[Panel]:
    """A few images by the model `name` as they form in so many `steps`, a row each: the noise, then what there is after
    each step, or after evenly chosen ones where there are many. The film has them all, side by side. The panel before
    they are made, if they are to be, and whole."""
    checks.choice(say("model"), name, stepping_models())
    steps, seed = checks.whole(say("steps"), steps, 1, MOST_STEPS), checks.seed(seed)
    if _stages.known(name, steps, seed) is None:
        prices.afford({name: prices.of_images(name, FEW, steps)})
        yield Panel([awaited(title) for title in _titles(name, seed)], "")
    stages = _stages(name, steps, seed)  # (1 + steps, FEW, C, H, W)
    shown = np.linspace(0, steps, min(steps + 1, MOST_COLUMNS)).round().astype(int).tolist()
    captions = (say("noise"), *(say("step", number=step) for step in shown[1:]))
    rows = [
        Row(title, "", to_uint8(images), captions)
        for title, images in zip(_titles(name, seed), stages[shown].unbind(1), strict=True)
    ]
    lines = [
        f"stages = list(gengallery.load({quoted(name)}).stream({FEW}, seed={seed}, steps={steps}))",
        f"rows = torch.stack(stages)[{shown}].unbind(1)",
    ]
    film = gif(list(stages.unbind(1)), [FRAME] * steps + [REST])
    yield Panel(rows, script(*lines), film=film, title=say("film"))


@kept(64)
def _stages(name: str, steps: int, seed: int) -> Tensor:
    states = turn(prices.of_images(name, FEW, steps), lambda: list(load(name).stream(FEW, seed, steps=steps)))
    return torch.stack(states)


def _titles(name: str, seed: int) -> list[str]:
    """What each of the images is to become."""
    model = load(name)
    if not model.options.label:
        return [""] * FEW
    return [CLASSES[CLASS_NAMES[label]] for label in model.labels(FEW, seed).tolist()]


def surprise(rng: np.random.Generator) -> dict[str, Any]:
    """Something to look at, by the names of the tab's inputs."""
    return {
        "kind": str(rng.choice([EVERY, *CLASS_NAMES])),
        "seed": int(rng.integers(1_000_000)),
        "guided": next(iter(some(rng, guided_models(), 1)), None),
        "label": str(rng.choice(CLASS_NAMES)),
        "stepping": next(iter(some(rng, stepping_models(), 1)), None),
        "steps": int(rng.integers(2, MOST_STEPS + 1)),
    }
