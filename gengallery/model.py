"""What a model is: four calls, a config that rebuilds it, and a card that tells of it.

Every model answers

- `generate(n, seed)`: images from nothing but a seed,
- `decode(z)`: images from latents,
- `encode(images)`: latents from images,
- `reconstruct(images)`: images from images, through the latents,

and some may be told more, by the same three keywords in every call: `label`, the class of garment; `guidance`, how
strictly to follow it; `steps`, how many to take. `model.options` says which a model has. `stream` shows the steps.

A family (one file in `gengallery/models/`) gives a `Config`, a `Model`, a `Learner`, which is what
training needs beside the model, and `CARDS`, the family's members.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gengallery.images import CLASS_NAMES, NO_CLASS, as_images, as_labels
from gengallery.noise import Prior

SHOWN = 2000  # test images whose latents are kept in the file of a model with two latent dimensions
CHUNK = 100  # images that go through a network at once: what they become stays in the processor's cache


@dataclass(frozen=True)
class Paper:
    """Where a family comes from."""

    authors: str
    title: str
    year: int
    url: str


@dataclass(frozen=True)
class Options:
    """What a model can be told in its four calls, and what it does untold."""

    label: bool = False  # a class of garment
    guidance: float | None = None  # how strictly to follow the class, 1 as learned; None: can't be told
    steps: int | None = None  # of `generate`, `decode` and `stream`; None: can't be told

    @property
    def names(self) -> tuple[str, ...]:
        """The keywords that the calls take."""
        return tuple(name for name, value in asdict(self).items() if value is not None and value is not False)


@dataclass(frozen=True)
class Condition:
    """What the networks of a model are told, for n images or latents at once; each family uses what it has."""

    labels: Tensor  # (n), classes from 0 to 9, or NO_CLASS
    guidance: float = 1.0
    steps: int = 1

    def parts(self, size: int) -> "list[Condition]":
        """The same for `size` images at a time."""
        return [Condition(labels, self.guidance, self.steps) for labels in self.labels.split(size)]


@dataclass(frozen=True)
class Config(ABC):
    """What rebuilds a model: numbers, strings, booleans and tuples of them, nothing else."""

    @property
    @abstractmethod
    def latent(self) -> int:
        """How many numbers a latent has."""

    @property
    def options(self) -> Options:
        """What the model can be told beside images and latents."""
        return Options()

    @classmethod
    def from_json(cls, fields: dict) -> "Config":
        """The config that `asdict` and JSON made `fields` from. Raises TypeError or ValueError."""
        return cls(**{name: tuple(v) if isinstance(v, list) else v for name, v in fields.items()})


def check_sizes(**sizes: Any) -> None:
    """Raise ValueError unless every given value is a whole number from 1 to 65536."""
    for name, size in sizes.items():
        if not isinstance(size, int) or isinstance(size, bool) or not 1 <= size <= 65536:
            raise ValueError(f"{name}: expected a whole number from 1 to 65536, found {size!r}")


def check_flags(**flags: Any) -> None:
    """Raise ValueError unless every given value is true or false."""
    for name, flag in flags.items():
        if not isinstance(flag, bool):
            raise ValueError(f"{name}: expected true or false, found {flag!r}")


def check_pairs(**pairs: Any) -> None:
    """Raise ValueError unless every given value is a pair of sizes, as `check_sizes` takes them."""
    for name, pair in pairs.items():
        if not isinstance(pair, tuple) or len(pair) != 2:
            raise ValueError(f"{name}: expected two sizes, found {pair!r}")
        check_sizes(**{f"{name}[{i}]": size for i, size in enumerate(pair)})


def check_guidance(guidance: Any) -> None:
    """Raise ValueError unless `guidance` is a number from 0 to 100."""
    numbers = (int, float, np.integer, np.floating)
    if isinstance(guidance, bool) or not isinstance(guidance, numbers) or not 0 <= guidance <= 100:
        raise ValueError(f"guidance: expected a number from 0 to 100, found {guidance!r}")


def as_json(value: Any) -> Any:
    """`value` as it comes back from JSON, where tuples are lists."""
    return json.loads(json.dumps(value))


@dataclass(frozen=True)
class Recipe:
    """How a model is trained. A family that needs more settings extends this."""

    epochs: int
    batch: int = 128
    rate: float = 1e-3  # Adam's learning rate, at its peak
    betas: tuple[float, float] = (0.9, 0.999)  # Adam's
    warmup: float = 0.0  # share of the steps in which the rate rises from 0
    cosine: bool = True  # then falls to 0 along a half cosine, or else stays
    average: float = 0.0  # decay of the moving average of the weights, a step; 0: none
    bfloat16: bool = False  # products and convolutions in half precision: twice as fast where the processor has it


@dataclass(frozen=True)
class Card:
    """One member of the gallery: its name, what it is, and how it came to be."""

    name: str
    model: type["Network"]
    config: Config
    recipe: Recipe
    summary: str  # one sentence
    equations: tuple[str, ...] = ()  # that the code implements, in plain text, where the family's are not the card's
    reported: dict[str, float] = field(default_factory=dict)  # the report's own losses, by our names
    notes: str = ""  # where it deviates from its source, and why
    exhibit: bool = False  # kept to show a failure
    seed: int = 0  # of its training
    paper: Paper | None = None  # where it is another than the family's
    start: str = ""  # the model whose weights training starts from, those of the same name and shape; else from chance
    half: bool = False  # kept in half precision: half the size, and no figure that notices

    @property
    def family(self) -> str:
        """The file that the network is defined in: one in `gengallery/models/`, or `classifier`."""
        return self.model.__module__.rpartition(".")[2]

    def describe(self) -> dict:
        """The card as JSON, as it stands in the file of weights."""
        return as_json(
            {
                "summary": self.summary,
                "notes": self.notes,
                "exhibit": self.exhibit,
                "reported": self.reported,
                "paper": asdict(self.paper or self.model.paper),
                "equations": self.equations or self.model.equations,
                "options": self.config.options.names,
                "recipe": asdict(self.recipe),
                "start": self.start,
                "half": self.half,
            }
        )


class LatentStatistics(nn.Module):
    """Where the encoded data lies in the latent space.

    `mean` (d) and `covariance` (d, d) of the encoded training set; `centroids` (10, d), the mean of
    each class there. For two dimensions also `positions` (2000, 2) and `labels` (2000), the first
    2,000 test images.
    """

    mean: Tensor
    covariance: Tensor
    centroids: Tensor
    positions: Tensor
    labels: Tensor

    def __init__(self, dim: int):
        super().__init__()
        shown = SHOWN if dim == 2 else 0
        self.register_buffer("mean", torch.zeros(dim))
        self.register_buffer("covariance", torch.eye(dim))
        self.register_buffer("centroids", torch.zeros(len(CLASS_NAMES), dim))
        self.register_buffer("positions", torch.zeros(shown, dim))
        self.register_buffer("labels", torch.zeros(shown, dtype=torch.uint8))

    def fit(self, z: Tensor, labels: Tensor, test_z: Tensor, test_labels: Tensor) -> None:
        """Take the statistics of the encoded training set and the places of the first test images."""
        if len(test_z) < len(self.positions):
            raise ValueError(f"test set: expected at least {len(self.positions)} images, found {len(test_z)}")
        z = z.double()
        self.mean = z.mean(0).float()
        self.covariance = torch.cov(z.T).reshape(z.shape[1], z.shape[1]).float()
        self.centroids = torch.stack([z[labels == k].mean(0) for k in range(len(CLASS_NAMES))]).float()
        self.positions = test_z[: len(self.positions)].clone()
        self.labels = test_labels[: len(self.labels)].to(torch.uint8)


def latent_grid(x_min: float, x_max: float, y_min: float, y_max: float, side: int) -> Tensor:
    """Evenly spaced points of a rectangle of a latent space, (side * side, 2), in the order in which a page is read:
    x grows to the right, y upwards."""
    x, y = torch.linspace(x_min, x_max, side), torch.linspace(y_max, y_min, side)
    return torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1).reshape(-1, 2)  # (side, side, 2) -> (side^2, 2)


def latent_path(start: Tensor, end: Tensor, steps: int, arc: bool = False) -> Tensor:
    """The latents (steps, d) that lead evenly from `start` (d) to `end` (d), both included: straight, or along an arc.

    Along an arc, the angle grows evenly about the origin (K. Shoemake 1985, doi.org/10.1145/325165.325242), as suits
    Gaussian noise, whose length hardly varies (T. White 2016, arxiv.org/abs/1609.04468); the length goes evenly from
    one to the other. Latents in one line with the origin have no arc, and go straight.
    """
    t = torch.linspace(0, 1, steps)[:, None]
    lengths = torch.stack([start.norm(), end.norm()])
    cosine = torch.dot(start, end) / lengths.prod()
    if not arc or not cosine.abs() < 1 - 1e-6:  # written so that NaN, of a latent at the origin, goes straight
        return start + t * (end - start)
    angle = cosine.acos()
    direction = (((1 - t) * angle).sin() * start / lengths[0] + (t * angle).sin() * end / lengths[1]) / angle.sin()
    return direction * (lengths[0] + t * (lengths[1] - lengths[0]))


class Network(nn.Module):
    """What a card describes, training makes, and a file of weights rebuilds."""

    config_type: ClassVar[type[Config]]  # the family's own
    title: ClassVar[str]  # the family, as people call it
    paper: ClassVar[Paper]
    equations: ClassVar[tuple[str, ...]] = ()  # that the code implements, in plain text

    def __init__(self, config: Config):
        super().__init__()
        self.config = config

    @classmethod
    def build(cls, config: dict) -> Self:
        """A network with fresh weights from its config as JSON. Raises TypeError or ValueError for another's config."""
        return cls(cls.config_type.from_json(config))


class Model(Network, ABC):
    """A trained generative model of 28 x 28 grey garments. Load one with `gengallery.load(name)`.

    All calls give float32 tensors on the CPU, without gradients. Images are (n, 1, 28, 28) in [0, 1];
    latents are (n, d), where d is `model.config.latent`. Each call takes the keywords that
    `model.options.names` lists, and no others:

    - `label`: a class, as a number from 0 to 9 or as a name of `gengallery.images.CLASS_NAMES` in any case
      ("sneaker"), for all images, or one for each (a list, an array). Without it `generate` draws classes, all
      equally likely, and the other calls tell the model none.
    - `guidance`: from 0 up. 1 is as learned, more follows the class more strictly, 0 ignores it.
    - `steps`: a whole number from 1 up; more take longer and come closer to the exact answer.

    They raise ValueError for values that are none of these, and TypeError for a keyword that the model does not
    have, naming those that do.
    """

    strengths: ClassVar[tuple[str, ...]]
    weaknesses: ClassVar[tuple[str, ...]]
    searches: ClassVar[bool] = False  # True: encode is a search, because there is no encoder
    # Names of the gallery's models that take the option of a name, for errors: who loads a model knows the others.
    taking: Callable[[str], list[str]] = staticmethod(lambda option: [])

    prior: Prior
    statistics: LatentStatistics | None  # of models with an encoder

    def __init__(self, config: Config):
        super().__init__(config)
        self.statistics = None  # not on the class, where it would hide the module that an encoder sets

    @property
    def options(self) -> Options:
        """What the calls can be told."""
        return self.config.options

    @abstractmethod
    def decoder(self, z: Tensor, condition: Condition) -> Tensor:
        """Latents (n, d) to images (n, 1, 28, 28), differentiable."""

    @abstractmethod
    def encoder(self, images: Tensor, condition: Condition) -> Tensor:
        """Images (n, 1, 28, 28) to latents (n, d): the mean where there is a distribution."""

    def path(self, z: Tensor, condition: Condition) -> Iterator[Tensor]:
        """The images (n, 1, 28, 28) that become of latents (n, d), step by step; the last is `decoder`'s."""
        yield self.decoder(z, condition)

    def losses(self, images: Tensor, labels: Tensor, rng: np.random.Generator) -> dict[str, Tensor]:
        """The model's losses by name, differentiable, as means over `images` (n, 1, 28, 28) with their `labels` (n);
        the last is trained for.

        Empty for a family whose losses need a network that is not part of the model.
        """
        return {}

    def fit_prior(self, batches: Iterable[tuple[Tensor, Tensor]], seed: int) -> None:
        """Fit the prior, where it is fitted, to what the encoder makes of `batches`, images (n, 1, 28, 28) and classes
        (n); chance, if any, comes from `seed`."""
        if self.prior.fitted:
            self.prior.fit(torch.cat([self.encode(images) for images, _ in batches]), seed)

    def log_weights(self, images: Tensor, labels: Tensor, draws: int, rng: np.random.Generator) -> Tensor | None:
        """log p(x, z) - log q(z|x) in nats for each of `images` (n, 1, 28, 28), (draws, n), each z drawn from q(z|x);
        of a model that takes labels, given `labels` (n).

        Their mean is the ELBO. None for a model without such a distribution.
        """
        return None

    def kl_per_latent(self, images: Tensor, labels: Tensor) -> Tensor | None:
        """What each latent tells of `images` (n, 1, 28, 28), in nats, (d): the KL of its posterior from the prior, as a
        mean over them. None for a model without such a distribution."""
        return None

    def generate(self, n: int, seed: int = 0, **told: Any) -> Tensor:
        """`n` images, decoded from latents that the model's own prior draws; image i depends on (seed, i) alone, and
        on what the model is told.

        Raises ValueError unless n is a whole number from 1 up and seed one from 0 up.
        """
        return self._in_chunks(self.decoder, *self._drawn(n, seed, told))

    def stream(self, n: int, seed: int = 0, **told: Any) -> Iterator[Tensor]:
        """The images of `generate(n, seed)` as they form: after each step, and first the noise they start from, where
        the model takes steps; else the finished images alone. Raises as `generate` does."""
        return self._formed(*self._drawn(n, seed, told))

    def _drawn(self, n: int, seed: int, told: dict[str, Any]) -> tuple[Tensor, Condition]:
        """What becomes of a seed: latents, and what the model is told, with classes drawn where it takes them."""
        z = self.sample(n, seed)
        if self.options.label and told.get("label") is None:
            told = {**told, "label": self.labels(n, seed)}
        return z, self._condition(len(z), **told)

    def _formed(self, z: Tensor, condition: Condition) -> Iterator[Tensor]:
        # Side by side, a step of every chunk at a time.
        paths = [self.path(*part) for part in zip(z.split(CHUNK), condition.parts(CHUNK), strict=True)]
        while True:
            with torch.inference_mode():  # around each step: a generator must not hold it open between its answers
                found = [next(path, None) for path in paths]
            if found[0] is None:
                return
            yield _plain(found)

    def sample(self, n: int, seed: int = 0) -> Tensor:
        """The `n` latents, (n, d), that `generate(n, seed)` decodes. Raises ValueError as it does."""
        n, seed = _checked(n, seed)
        return self.prior.sample(n, seed)

    def labels(self, n: int, seed: int = 0) -> Tensor:
        """The classes, (n) from 0 to 9, that `generate(n, seed)` draws when it is told none; all are equally likely,
        and label i depends on (seed, i) alone. Raises ValueError as `generate` does, and TypeError for a model that
        takes no label."""
        self._refuse({"label"} - set(self.options.names))
        n, seed = _checked(n, seed)
        # A stream of its own, so that a class says nothing of the noise it goes with.
        return torch.from_numpy(np.random.default_rng((seed, len(CLASS_NAMES))).integers(0, len(CLASS_NAMES), n))

    def decode(self, z: Any, **told: Any) -> Tensor:
        """Images of the latents `z`: (n, d) or (d), numpy, torch or lists, finite numbers.

        Raises ValueError for another shape, and for numbers that are not finite.
        """
        z = self._as_latents(z)
        return self._in_chunks(self.decoder, z, self._condition(len(z), **told))

    def encode(self, images: Any, **told: Any) -> Tensor:
        """Latents (n, d) of `images`, which may be anything that `gengallery.images.as_images` takes.

        The same call gives the same answer: the mean, not a sample. Raises ValueError, as there.
        """
        images = as_images(images)
        return self._in_chunks(self.encoder, images, self._condition(len(images), **self._exactly(told)))

    def reconstruct(self, images: Any, **told: Any) -> Tensor:
        """What is left of `images` after going through the latents: `decode(encode(images))`, told the same."""
        told = self._exactly(told)
        return self.decode(self.encode(images, **told), **told)

    @property
    def exact(self) -> dict[str, Any]:
        """What `encode` and `reconstruct` are told where a call leaves it open, so that `decode` undoes `encode`."""
        return {}

    def _exactly(self, told: dict[str, Any]) -> dict[str, Any]:
        return told | {name: value for name, value in self.exact.items() if told.get(name) is None}

    def _in_chunks(self, network: Callable[[Tensor, Condition], Tensor], x: Tensor, condition: Condition) -> Tensor:
        with torch.inference_mode():
            parts = [network(*part) for part in zip(x.split(CHUNK), condition.parts(CHUNK), strict=True)]
        return _plain(parts)

    def _condition(
        self, n: int, label: Any = None, guidance: float | None = None, steps: int | None = None, **unknown: Any
    ) -> Condition:
        """What the keywords of a call say, checked, for `n` images."""
        told = {"label": label, "guidance": guidance, "steps": steps}
        self._refuse(
            {name for name, value in told.items() if value is not None} - set(self.options.names) | set(unknown)
        )
        guidance = 1.0 if self.options.guidance is None else self.options.guidance if guidance is None else guidance
        steps = 1 if self.options.steps is None else self.options.steps if steps is None else steps
        check_guidance(guidance)
        _require_whole("steps", steps, 1)
        return Condition(as_labels(label, n), float(guidance), int(steps))

    def _refuse(self, names: set[str]) -> None:
        for name in sorted(names):
            ours = f"this model takes {' and '.join(self.options.names) or 'none of its kind'}"
            others = ", ".join(self.taking(name))
            raise TypeError(
                f"{name}: expected a keyword that the model has, found one that it does not; {ours}; "
                + (f"those that take {name} are {others}" if others else f"no model takes {name}")
            )

    def _as_latents(self, z: Any) -> Tensor:
        d = self.config.latent
        try:
            z = torch.as_tensor(z, dtype=torch.float32, device="cpu").detach()
        except (TypeError, ValueError, RuntimeError, OverflowError) as error:
            raise ValueError(f"z: expected numbers of shape (n, {d}), found {type(z).__name__}: {error}") from error
        if z.shape == (d,):
            z = z[None]
        if z.ndim != 2 or z.shape[1] != d or len(z) == 0:
            raise ValueError(f"z: expected the shape (n, {d}), found {tuple(z.shape)}")
        if not z.isfinite().all():
            raise ValueError("z: expected finite numbers, found NaN or infinity")
        return z


def _plain(parts: list[Any]) -> Tensor:
    """The chunks as one tensor like any other: in rows, and none that autograd and in-place calls refuse."""
    return torch.cat(parts).clone(memory_format=torch.contiguous_format)


def _checked(n: Any, seed: Any) -> tuple[int, int]:
    _require_whole("n", n, 1)
    _require_whole("seed", seed, 0)
    return int(n), int(seed)


def _require_whole(name: str, value: Any, least: int) -> None:
    if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < least:
        raise ValueError(f"{name}: expected a whole number from {least} up, found {value!r}")


def one_hot(labels: Tensor) -> Tensor:
    """Classes (n) as (n, 10), 1 at the class and else 0; NO_CLASS is a row of zeros."""
    return F.one_hot(labels, len(CLASS_NAMES) + 1)[:, : len(CLASS_NAMES)].float()


def without_some(labels: Tensor, rng: np.random.Generator, share: float = 0.1) -> Tensor:
    """`labels` (n) with that share of them replaced by NO_CLASS, so that a model learns to do without (Ho and Salimans
    2022, https://arxiv.org/abs/2207.12598, section 3.2)."""
    dropped = torch.from_numpy(rng.random(len(labels)) < share)
    return labels.masked_fill(dropped, NO_CLASS)


class Learner(nn.Module, ABC):
    """What training needs beside the network: the loss, networks of training's own, the optimizers.

    All randomness of a step comes from the `rng` it is given, so that a run can be repeated.
    """

    model: Network
    optimizers: tuple[torch.optim.Optimizer, ...]

    @abstractmethod
    def step(self, images: Tensor, labels: Tensor, rng: np.random.Generator) -> dict[str, Tensor]:
        """Learn from one batch, (B, 1, 28, 28) and (B); return the losses by name, each a scalar."""

    @abstractmethod
    def losses(self, model: Any, images: Tensor, labels: Tensor, rng: np.random.Generator) -> dict[str, Tensor]:
        """The losses of `model`, which may be an average of `self.model`, on one batch; means over it."""


class Descent(Learner):
    """The plain way of learning: go down the gradient of the last of the model's own losses."""

    model: Model

    def __init__(self, model: Model, recipe: Recipe):
        super().__init__()
        self.model = model
        self.optimizers = (adam(self, recipe),)

    def step(self, images: Tensor, labels: Tensor, rng: np.random.Generator) -> dict[str, Tensor]:
        """One step of the optimizer."""
        (optimizer,) = self.optimizers
        if self.model.options.label:
            labels = without_some(labels, rng)
        losses = self.model.losses(images, labels, rng)
        *_, objective = losses.values()
        optimizer.zero_grad()
        objective.backward()
        optimizer.step()
        return losses

    def losses(self, model: Model, images: Tensor, labels: Tensor, rng: np.random.Generator) -> dict[str, Tensor]:
        """The model's own."""
        return model.losses(images, labels, rng)


def adam(module: nn.Module, recipe: Recipe, decay: float = 0.0, rate: float | None = None) -> torch.optim.Adam:
    """The optimizer of `recipe` for the parameters of `module` (Kingma and Ba 2015, arxiv.org/abs/1412.6980).

    `decay` shrinks the weights beside the gradient's step (Loshchilov and Hutter 2019, arxiv.org/abs/1711.05101);
    `rate` is the learning rate at its peak, the recipe's unless given, and stays the parameters' `initial_lr`.
    """
    rate = recipe.rate if rate is None else rate
    learned = [parameter for parameter in module.parameters() if parameter.requires_grad]
    return torch.optim.Adam(
        [{"params": learned, "initial_lr": rate}],
        rate,
        recipe.betas,
        weight_decay=decay,
        decoupled_weight_decay=True,
        fused=True,
    )


def start_as_keras(module: nn.Module) -> None:
    """Start as Keras does, and so the report: uniform weights after Glorot and Bengio (2010,
    proceedings.mlr.press/v9/glorot10a.html), biases zero."""
    for layer in module.modules():
        if isinstance(layer, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.xavier_uniform_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
