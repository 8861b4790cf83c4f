"""What models make, where it takes turns: images from their own priors, and of images that go through their latents."""

from functools import partial

from torch import Tensor

from gengallery.data import to_uint8

from . import prices
from .kept import Kept
from .models import load, prior_name, takes_steps
from .panels import Row
from .work import in_parts, turn


def generated(name: str, count: int, seed: int) -> Row:
    """`count` images that the model `name` draws from its own prior."""
    # What took long is kept, for a tab draws all its panels again when one of its inputs changes.
    return _kept(name, count, seed) if takes_steps(name) else _generated(name, count, seed)


def _generated(name: str, count: int, seed: int) -> Row:
    model = load(name)
    images = turn(prices.of_images(name, count), partial(model.generate, count, seed))
    return Row(name, prior_name(model.prior.describe(), model.prior.dim), to_uint8(images))


_kept = Kept(_generated, 64)


def reconstructed(name: str, images: Tensor) -> Tensor:
    """`reconstruct` of the model `name`, of `images` (n, C, H, W)."""
    model = load(name)
    z = in_parts(model.encode, images, prices.of_latents(name, 1))
    decode = partial(model.decode, **model.inversion_defaults)
    return in_parts(decode, z, prices.of_reconstructions(name, 1) - prices.of_latents(name, 1))
