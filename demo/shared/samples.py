"""Images that models draw from their own priors, in a row."""

from gengallery.data import to_uint8

from . import prices
from .kept import Kept
from .models import load, prior_name, takes_steps
from .panels import Row
from .work import turn


def generated(name: str, count: int, seed: int) -> Row:
    """`count` images that the model `name` draws from its own prior."""
    # What took long is kept, for a tab draws all its panels again when one of its inputs changes.
    return _kept(name, count, seed) if takes_steps(name) else _generated(name, count, seed)


def _generated(name: str, count: int, seed: int) -> Row:
    model = load(name)
    with turn(prices.of_images(name, count)):
        images = model.generate(count, seed)
    return Row(name, prior_name(model.prior.describe(), model.prior.dim), to_uint8(images))


_kept = Kept(_generated, 64)
