"""The same noise through many models, and one generator on noise that is not its own."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from gengallery.images import to_uint8
from gengallery.noise import DISTRIBUTIONS, Noise

from ...shared import checks
from ...shared.checks import MOST_IMAGES
from ...shared.models import generated, load, models, noise_models, prior_name, sound_models
from ...shared.python import listed, script
from ...shared.walls import Row, Wall

# Noise to feed a generator with: distribution and whether it is standardised, by the name in the menu.
NOISES = {name: (name, True) for name in DISTRIBUTIONS} | {
    f"raw {name}": (name, False) for name, (_, mean, deviation) in DISTRIBUTIONS.items() if (mean, deviation) != (0, 1)
}
WIDEST = 3.0  # factor by which z may be stretched


def same_seed(names: Sequence[str], count: int, seed: int) -> Wall:
    """`count` images from the same seed by each of the models `names`, a row each."""
    names, count, seed = checks.choices("models", names, models()), checks.count(count), checks.seed(seed)
    rows = [generated(name, count, seed) for name in names]
    return Wall(
        rows, script(f"rows = [gengallery.load(name).generate({count}, seed={seed}) for name in {listed(names)}]")
    )


def swapped_priors(name: str, noises: Sequence[str], stretch: float, count: int, seed: int) -> Wall:
    """The generator `name` on its own noise, then on each of `noises` (keys of NOISES), all from the same seed and
    `stretch` times as large, with a warning where that is not what it has learned to expect. One that takes a label
    is told those that it draws from that seed."""
    checks.choice("model", name, noise_models())
    noises = checks.choices("noise", noises, NOISES)
    stretch = checks.between("stretch", stretch, 0.0, WIDEST)
    count, seed = checks.count(count), checks.seed(seed)
    model = load(name)
    assert isinstance(model.prior, Noise)  # as noise_models() made sure
    own = model.prior
    priors = {f"Its own: {prior_name(own.describe())}": own}
    for noise in noises:
        other = Noise(NOISES[noise][0], own.dim, NOISES[noise][1])
        if other.describe() != own.describe():
            priors[noise] = other
    rows, lines = [], [f'model = gengallery.load("{name}")']
    told: dict[str, Any] = {}
    if model.options.label:  # the classes that `generate` would draw
        told = {"label": model.labels(count, seed)}
        lines.append(f"label = model.labels({count}, seed={seed})")
    as_told = "".join(f", {option}={option}" for option in told)
    lines.append("rows = []")
    for label, prior in priors.items():
        pictures = to_uint8(model.decode(stretch * prior.sample(count, seed), **told))
        rows.append(Row(label, "", pictures, warning=_warning(own, prior, stretch)))
        made = f'Noise("{prior.distribution}", {own.dim}, standardised={prior.standardised})'
        lines.append(f"rows.append(model.decode({stretch:g} * {made}.sample({count}, seed={seed}){as_told}))")
    return Wall(rows, script(*lines))


def _warning(own: Noise, given: Noise, stretch: float) -> str:
    """In words, how `stretch` times `given` differs from the noise that the model has learned; "" if it does not."""
    if stretch == 1 and given.describe() == own.describe():
        return ""
    expected, found = own.moments(), tuple(stretch * moment for moment in given.moments())
    if found == expected:
        return f"Not its prior: another shape, {given.distribution}, with the same mean and spread."
    return (
        f"Not its prior: z has mean {found[0]:.2f} and spread {found[1]:.2f}; "
        f"it learned mean {expected[0]:.2f} and spread {expected[1]:.2f}."
    )


def surprise(rng: np.random.Generator) -> dict[str, Any]:
    """Something to look at, by the names of the tab's inputs."""
    names = rng.choice(sound_models(), 4, replace=False)
    return {
        "models": [name for name in models() if name in names],
        "count": MOST_IMAGES,
        "seed": int(rng.integers(1_000_000)),
        "model": str(rng.choice(noise_models())),
        "stretch": float(rng.choice([0.5, 1.0, 1.5, 2.0])),
    }
