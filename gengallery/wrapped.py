"""Models that somebody else made, behind the calls of the gallery."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gengallery.checks import check_whole
from gengallery.data import ImageSpec, default_spec
from gengallery.families import Family
from gengallery.gallery import Gallery, default
from gengallery.learners.learner import Learner
from gengallery.model.model import Model
from gengallery.model.spec import Condition, Config, Options, Paper
from gengallery.nn.inversion import search
from gengallery.priors.noise import NORMAL, Noise, Prior
from gengallery.text import Text

Function = Callable[..., Any]


@dataclass(frozen=True)
class WrappedConfig(Config):
    """What is known of a wrapped model: the size of its latents, and whether it takes a class."""

    latent_dim: int
    conditional: bool = False

    @property
    def latent(self) -> int:
        return self.latent_dim

    @property
    def options(self) -> Options:
        return Options(label=self.conditional)


class Wrapped(Model):
    """A model whose `decode` and `encode` are functions; made by `wrap`. It has no file of weights."""

    family = "wrapped"
    config_type = WrappedConfig
    title = Text("Other models", pt="Outros modelos")
    paper = Paper("", "", 0, "")
    config: WrappedConfig

    def __init__(self, config: WrappedConfig, decode: Function, encode: Function | None, prior: Prior):
        super().__init__(config)
        self._decode, self._encode, self.prior = decode, encode, prior

    def decoder(self, z: Tensor, condition: Condition) -> Tensor:
        images = self._decode(z, condition.labels) if self.config.conditional else self._decode(z)
        return self._checked("decode", images, (len(z), *self.image.shape), z).clamp(0, 1)

    def encoder(self, images: Tensor, condition: Condition) -> Tensor:
        if self._encode is None:
            return search(self.decoder, self.prior, images, condition)
        z = self._encode(images, condition.labels) if self.config.conditional else self._encode(images)
        return self._checked("encode", z, (len(images), self.config.latent), images)

    def save(self, path: object) -> None:
        """Raises ValueError: a wrapped model is code of its own, and has no file of weights."""
        raise ValueError(f"{self.name}: expected a model of the gallery's families, found a wrapped one, which is code")

    def _checked(self, call: str, found: Any, shape: tuple[int, ...], like: Tensor) -> Tensor:
        tensor = found if isinstance(found, Tensor) else torch.from_numpy(np.asarray(found))
        if tuple(tensor.shape) != shape:
            raise ValueError(f"{self.name}.{call}: expected the shape {shape}, found {tuple(tensor.shape)}")
        tensor = tensor.to(like.device, like.dtype)
        if not bool(tensor.isfinite().all()):
            raise ValueError(f"{self.name}.{call}: expected finite numbers, found NaN or infinity")
        if call == "decode" and (tensor.min() < -1e-3 or tensor.max() > 1 + 1e-3):
            found_range = f"{tensor.min().item():.4g} to {tensor.max().item():.4g}"
            raise ValueError(f"{self.name}.decode: expected pixels in [0, 1], found values from {found_range}")
        return tensor


def wrap(
    name: str,
    *,
    decode: Function,
    latent: int,
    encode: Function | None = None,
    image: ImageSpec | None = None,
    prior: Prior | None = None,
    label: bool = False,
    summary: str = "",
    gallery: Gallery | None = None,
) -> Model:
    """A model made of functions, which answers the gallery's calls and stands in its list, its demo and its
    evaluation for as long as the process runs.

    `decode` takes latents (n, `latent`), float32, to images (n, C, H, W) in [0, 1], as a tensor or an array, and
    `encode` the other way; with `label`, both take the classes (n), int64, as a second argument, in which the number of
    classes stands for none. Without `encode`, the latent of an image is searched for, for which `decode` has to be
    differentiable by torch. `image` says what the images are, the gallery's own unless given; `prior` is what latents
    are drawn from, N(0, I) unless given. The model is added to `gallery`, the default one unless given.

    Raises ValueError for a name that is taken. What the functions give is checked at each call.

    Example:
        >>> import gengallery, torch
        >>> def decode(z):  # a uniform grey
        ...     return torch.sigmoid(z)[:, :, None, None].expand(-1, *gengallery.default_spec().shape)
        >>> flat = gengallery.wrap("flat", latent=1, decode=decode)
        >>> gengallery.load("flat").generate(3).shape
        torch.Size([3, 1, 28, 28])
    """
    config = WrappedConfig(check_whole("latent", latent, 1), label, image=image or default_spec())
    if label and not config.image.classes:
        raise ValueError("label: expected an image spec with classes, found one without")
    model = Wrapped(config, decode, encode, prior or Noise(NORMAL, latent))
    if encode is None:
        model.searches = True  # type: ignore[misc]  # of this one alone
    model.name = name
    model.eval()
    (gallery or default()).add(model)
    card = {**model.file_header()["card"], "summary": summary}
    model.header = {**model.file_header(), "card": card}
    return model


def _no_learner(model: Model, recipe: Any) -> Learner:
    raise ValueError("a wrapped model is trained by whoever made it")


FAMILY = Family("wrapped", Wrapped, _no_learner)
