"""The same noise through many models, and one generator on noise that is not its own."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from gengallery.data import to_uint8
from gengallery.priors.noise import DISTRIBUTIONS, Noise

from ...shared import checks, prices
from ...shared.checks import MOST_IMAGES
from ...shared.models import load, models, noise_models, noise_name, some, sound_models
from ...shared.panels import Panel, Row
from ...shared.python import listed, quoted, script
from ...shared.samples import generated
from ...shared.words import Words, number
from ...shared.work import turn

say = Words(__file__)

# Noise to feed a generator with: distribution and whether it is standardised, by the name in the menu.
NOISES = {name: (name, True) for name in DISTRIBUTIONS} | {
    f"raw {name}": (name, False) for name, (_, mean, deviation) in DISTRIBUTIONS.items() if (mean, deviation) != (0, 1)
}
NOISE_NAMES = {key: noise_name(*noise) for key, noise in NOISES.items()}
WIDEST = 3.0  # factor by which z may be stretched


def same_seed(names: Sequence[str], count: int, seed: int) -> Panel:
    """`count` images from the same seed by each of the models `names`, a row each."""
    names, count, seed = checks.choices(say("models"), names, models()), checks.count(count), checks.seed(seed)
    prices.afford({name: prices.of_images(name, count) for name in names}, count)
    rows = [generated(name, count, seed) for name in names]
    return Panel(
        rows, script(f"rows = [gengallery.load(name).generate({count}, seed={seed}) for name in {listed(names)}]")
    )


def swapped_priors(name: str, noises: Sequence[str], stretch: float, count: int, seed: int) -> Panel:
    """The generator `name` on its own noise, then on each of `noises` (keys of NOISES), all from the same seed and
    `stretch` times as large, with a warning where that is not what it was trained with. One that takes labels gets
    those that it draws from that seed."""
    checks.choice(say("model"), name, noise_models())
    noises = checks.choices(say("noises"), noises, NOISES)
    stretch = checks.between(say("stretch"), stretch, 0.0, WIDEST)
    count, seed = checks.count(count), checks.seed(seed)
    model = load(name)
    assert isinstance(model.prior, Noise)  # as noise_models() made sure
    own = model.prior
    priors = [(say("own_noise", noise=noise_name(own.distribution, own.standardised)), own)]
    for noise in noises:
        other = Noise(NOISES[noise][0], own.dim, NOISES[noise][1])
        if other.describe() != own.describe():
            priors.append((NOISE_NAMES[noise], other))
    rows, lines = [], [f"model = gengallery.load({quoted(name)})"]
    condition: dict[str, Any] = {}
    if model.options.label:  # the classes that `generate` would draw
        condition = {"label": model.labels(count, seed)}
        lines.append(f"label = model.labels({count}, seed={seed})")
    arguments = "".join(f", {option}={option}" for option in condition)
    lines.append("rows = []")
    for title, prior in priors:
        decode = partial(model.decode, stretch * prior.sample(count, seed), **condition)
        pictures = to_uint8(turn(prices.of_images(name, count), decode))
        rows.append(Row(title, "", pictures, warning=_warning(own, prior, stretch)))
        made = f'Noise("{prior.distribution}", {own.dim}, standardised={prior.standardised})'
        lines.append(f"rows.append(model.decode({stretch:g} * {made}.sample({count}, seed={seed}){arguments}))")
    return Panel(rows, script(*lines))


def _warning(own: Noise, given: Noise, stretch: float) -> str:
    """In words, how `stretch` times `given` differs from the noise that the model was trained with; "" if it does
    not."""
    if stretch == 1 and given.describe() == own.describe():
        return ""
    (own_mean, own_deviation), (mean, deviation) = own.moments(), (stretch * moment for moment in given.moments())
    if (mean, deviation) == (own_mean, own_deviation):
        return say("other_shape", noise=noise_name(given.distribution, given.standardised))
    moments = {"mean": mean, "deviation": deviation, "own_mean": own_mean, "own_deviation": own_deviation}
    return say("other_moments", **{name: number(value, ".2f") for name, value in moments.items()})


def surprise(rng: np.random.Generator) -> dict[str, Any]:
    """Something to look at, by the names of the tab's inputs."""
    return {
        "models": some(rng, sound_models(), 4),
        "count": MOST_IMAGES,
        "seed": int(rng.integers(1_000_000)),
        "model": str(rng.choice(noise_models())),
        "stretch": float(rng.choice([0.5, 1.0, 1.5, 2.0])),
    }
