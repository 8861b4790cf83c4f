"""The calls that every model answers.

- `generate(n, seed)`: images from nothing but a seed,
- `decode(z)`: images from latents,
- `encode(images)`: latents from images,
- `reconstruct(images)`: images from images, through the latents,

and `stream(n, seed)`, the images of `generate` as they form.
"""

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from gengallery.checks import check_guidance, check_whole
from gengallery.data import as_images, as_labels
from gengallery.model.latents import LatentStatistics
from gengallery.model.network import Network
from gengallery.model.spec import Condition, Config, Options
from gengallery.priors.noise import Prior
from gengallery.storage import checkpoint
from gengallery.storage.checkpoint import as_json

CHUNK = 100  # images that go through a network at once: what they become stays in the processor's cache
Output = Literal["cpu", "device"]


class Model(Network, ABC):
    """A trained generative model of small images. Load one with `gengallery.load(name)`.

    Images are (n, C, H, W) in [0, 1], of the sizes in `model.image`; latents are (n, d), where d is
    `model.config.latent`. Every call gives float32 tensors on the CPU, without gradients, wherever the model is and
    whatever the type of its weights; with `output="device"` they stay where the model is, in its type.

    Each call takes the keywords that `model.options.names` lists, and no others:

    - `label`: a class, as a number from 0 up or as a name of `model.image.classes` in any case ("sneaker"), for all
      images, or one for each (a list, an array). Without it `generate` draws classes, all equally likely, and the
      other calls give the model none.
    - `guidance`: from 0 to 100. 1 is as learned, more follows the class more strictly, 0 ignores it.
    - `steps`: a whole number from 1 up; more take longer and come closer to the exact answer.

    They raise ValueError for values that are none of these, and TypeError for a keyword that the model does not take.

    Example:
        >>> import gengallery
        >>> vae = gengallery.load("vae_2")
        >>> vae.decode([[0.5, -1.0]]).shape
        torch.Size([1, 1, 28, 28])
    """

    strengths: ClassVar[tuple[str, ...]] = ()
    weaknesses: ClassVar[tuple[str, ...]] = ()
    searches: ClassVar[bool] = False  # True: encode is a search, because there is no encoder

    prior: Prior
    statistics: LatentStatistics | None  # of models with an encoder

    def __init__(self, config: Config):
        super().__init__(config)
        self.statistics = None  # not on the class, where it would hide the module that an encoder sets

    # -- what a family defines

    @abstractmethod
    def decoder(self, z: Tensor, condition: Condition) -> Tensor:
        """Latents (n, d) to images (n, C, H, W), differentiable."""

    @abstractmethod
    def encoder(self, images: Tensor, condition: Condition) -> Tensor:
        """Images (n, C, H, W) to latents (n, d): the mean where there is a distribution."""

    def path(self, z: Tensor, condition: Condition) -> Iterator[Tensor]:
        """The images (n, C, H, W) on the way from latents (n, d), step by step; the last is `decoder`'s."""
        yield self.decoder(z, condition)

    def losses(self, images: Tensor, labels: Tensor, rng: np.random.Generator) -> dict[str, Tensor]:
        """The model's losses by name, differentiable, as means over `images` (n, C, H, W) with their `labels` (n);
        training minimises the last.

        Empty for a family whose losses need a network that is not part of the model.
        """
        return {}

    def fit_prior(self, batches: Iterable[tuple[Tensor, Tensor]], seed: int) -> None:
        """Fit the prior, where it is fitted, to what the encoder makes of `batches`, images (n, C, H, W) and classes
        (n); randomness, if any, comes from `seed`."""

    def log_weights(self, images: Tensor, labels: Tensor, draws: int, rng: np.random.Generator) -> Tensor | None:
        """log p(x, z) - log q(z|x) in nats for each of `images` (n, C, H, W), (draws, n), each z drawn from q(z|x);
        of a model that takes labels, given `labels` (n).

        Their mean is the ELBO. None for a model without such a distribution.
        """
        return None

    def kl_per_latent(self, images: Tensor, labels: Tensor) -> Tensor | None:
        """The KL of each latent's posterior from the prior, in nats, (d), as a mean over `images` (n, C, H, W) with
        their `labels` (n). None for a model without such a distribution."""
        return None

    @property
    def inversion_defaults(self) -> dict[str, Any]:
        """The options of `encode` and `reconstruct` where a call leaves them out, so that `decode` undoes `encode`."""
        return {}

    # -- the calls

    @property
    def options(self) -> Options:
        """The keywords that the calls take, and their values where a call leaves them out."""
        return self.config.options

    @property
    def card(self) -> dict[str, Any]:
        """What the file of the model says of it: summary, notes, paper, recipe, ...; empty if it comes from no file."""
        return dict(self.header.get("card", {}))

    def generate(
        self, n: int, seed: int = 0, *, label: Any = None, guidance: float | None = None, steps: int | None = None,
        output: Output = "cpu",
    ) -> Tensor:  # fmt: skip
        """`n` images (n, C, H, W), decoded from latents that the model's own prior draws; image i depends on (seed, i)
        alone, and on the keywords.

        Raises ValueError unless n is a whole number from 1 up and seed one from 0 up.

        Example:
            >>> import gengallery
            >>> gengallery.load("flow").generate(2, seed=7, label="Bag", steps=3).shape
            torch.Size([2, 1, 28, 28])
        """
        return self._run(self.decoder, *self._drawn(n, seed, label, guidance, steps), output)

    def stream(
        self, n: int, seed: int = 0, *, label: Any = None, guidance: float | None = None, steps: int | None = None,
        output: Output = "cpu",
    ) -> Iterator[Tensor]:  # fmt: skip
        """The images of `generate` as they form: first the noise that they start from, then the state after each step,
        where the model takes steps; else the finished images alone. Raises as `generate` does."""
        _check_output(output)  # here, since nothing of a generator runs before its first answer is asked for
        return self._formed(*self._drawn(n, seed, label, guidance, steps), output)

    def decode(
        self, z: Any, *, label: Any = None, guidance: float | None = None, steps: int | None = None,
        output: Output = "cpu",
    ) -> Tensor:  # fmt: skip
        """Images (n, C, H, W) of the latents `z`: (n, d) or (d), anything that numpy or torch takes for finite numbers.

        Raises ValueError for another shape, and for numbers that are not finite.
        """
        z = self._as_latents(z)
        return self._run(self.decoder, z, self._condition(len(z), label, guidance, steps), output)

    def encode(
        self, images: Any, *, label: Any = None, guidance: float | None = None, steps: int | None = None,
        output: Output = "cpu",
    ) -> Tensor:  # fmt: skip
        """Latents (n, d) of `images`, which may be anything that `gengallery.data.as_images` takes.

        The same call gives the same answer: the mean, not a sample. Options that are left out are as in
        `reconstruct`. A model whose `searches` is true has no encoder: it looks for the latent whose image is nearest,
        which takes a fraction of a second an image. Raises ValueError as `as_images` does.
        """
        images = as_images(images, self.image)
        options = self._inversion(guidance, steps)
        return self._run(self.encoder, images, self._condition(len(images), label, **options), output)

    def reconstruct(
        self, images: Any, *, label: Any = None, guidance: float | None = None, steps: int | None = None,
        output: Output = "cpu",
    ) -> Tensor:  # fmt: skip
        """What is left of `images` after going through the latents: `decode` of `encode`, with one set of options.

        Options that are left out are `model.inversion_defaults`, by which `decode` undoes `encode` best: guidance 1
        and, of a model that takes steps, more of them. `decode(encode(images))` differs where these are not the
        options by which the model generates.
        """
        options = self._inversion(guidance, steps)
        z = self.encode(images, label=label, **options)
        return self.decode(z, label=label, **options, output=output)

    def sample(self, n: int, seed: int = 0) -> Tensor:
        """The `n` latents, (n, d), that `generate(n, seed)` decodes. Raises ValueError as it does."""
        return self.prior.sample(check_whole("n", n, 1), check_whole("seed", seed, 0))

    def labels(self, n: int, seed: int = 0) -> Tensor:
        """The classes, (n) from 0 up, that `generate(n, seed)` draws when it is given none; all are equally likely,
        and label i depends on (seed, i) alone. Raises ValueError as `generate` does, and TypeError for a model that
        takes no label."""
        if not self.options.label:
            self._refuse("label")
        n, seed, classes = check_whole("n", n, 1), check_whole("seed", seed, 0), len(self.image.classes)
        # A stream of its own, so that a class says nothing of the noise it goes with.
        return torch.from_numpy(np.random.default_rng((seed, classes)).integers(0, classes, n))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model to `path`, named NAME.safetensors, which `gengallery.load` takes; whole or not at all.

        The weights are written in float32. What the file said of the model goes along; for one that comes from no
        file, only what rebuilds it. Raises ValueError for a path of another ending, and for numbers that are not
        finite; OSError if it can't be written.

        Example:
            >>> import gengallery, pathlib, tempfile
            >>> path = pathlib.Path(tempfile.mkdtemp(), "mine.safetensors")
            >>> gengallery.load("ae_16").save(path)
            >>> gengallery.load(path).name
            'mine'
        """
        path = Path(path)
        if path.suffix != checkpoint.SUFFIX or not path.stem:
            raise ValueError(f"path: expected NAME{checkpoint.SUFFIX}, found {path.name!r}")
        header = {**self.file_header(), "name": path.stem}
        tensors = {k: t.float() if t.is_floating_point() else t for k, t in self.state_dict().items()}
        checkpoint.write(path, {k: t.cpu() for k, t in tensors.items()}, header)

    # -- how they work

    def file_header(self) -> dict[str, Any]:
        """What a file of the model says of it (see `gengallery.storage.checkpoint`): for a model that comes from no
        file, only what rebuilds it."""
        if self.header:
            return self.header
        return {
            "name": self.name,
            "family": self.family,
            "config": as_json(asdict(self.config)),
            "prior": self.prior.describe(),
            "card": {
                "summary": "", "notes": "", "translations": {}, "exhibit": False, "reported": {}, "report": "",
                "paper": asdict(self.paper), "equations": list(self.equations), "options": list(self.options.names),
                "recipe": {}, "start": "", "float16": False, "dataset": self.image.dataset,
            },
            "parameters": sum(parameter.numel() for parameter in self.parameters()),
            "training": {},
            "cost": {},
            "losses": {},
            "checksum": "",
        }  # fmt: skip

    def _drawn(
        self, n: int, seed: int, label: Any, guidance: float | None, steps: int | None
    ) -> tuple[Tensor, Condition]:
        """The latents of a seed and the condition, with classes drawn where the model takes them and none is given."""
        z = self.sample(n, seed)
        if self.options.label and label is None:
            label = self.labels(n, seed)
        return z, self._condition(len(z), label, guidance, steps)

    def _run(
        self, network: Callable[[Tensor, Condition], Tensor], x: Tensor, condition: Condition, output: Output
    ) -> Tensor:
        """`network` of `x` and `condition`, some at a time, where the model is."""
        _check_output(output)
        with torch.inference_mode():
            return self._joined([network(*part) for part in self._parts(x, condition)], output)

    def _parts(self, x: Tensor, condition: Condition) -> Iterator[tuple[Tensor, Condition]]:
        device, dtype = self.placement()
        for part, its in zip(x.split(CHUNK), condition.split(CHUNK), strict=True):
            yield part.to(device, dtype), Condition(its.labels.to(device), its.guidance, its.steps)

    def _formed(self, z: Tensor, condition: Condition, output: Output) -> Iterator[Tensor]:
        # Side by side, a step of every chunk at a time.
        paths = [self.path(*part) for part in self._parts(z, condition)]
        while True:
            with torch.inference_mode():  # around each step: a generator must not hold it open between its answers
                found = [next(path, None) for path in paths]
                states = [state for state in found if state is not None]
                if not states:
                    return
                joined = self._joined(states, output)
            yield joined

    def _joined(self, parts: list[Tensor], output: Output) -> Tensor:
        """The chunks as one tensor like any other: in rows, and none that autograd and in-place calls refuse."""
        with torch.inference_mode(False), torch.no_grad():
            whole = torch.cat(parts)
            whole = whole.to(self.placement()[1]) if output == "device" else whole.float().cpu()
            return whole.clone(memory_format=torch.contiguous_format)

    def _inversion(self, guidance: float | None, steps: int | None) -> dict[str, Any]:
        """The options of `encode` and `reconstruct`: those given, else `inversion_defaults`."""
        given = {"guidance": guidance, "steps": steps}
        return given | {name: value for name, value in self.inversion_defaults.items() if given.get(name) is None}

    def _condition(
        self, n: int, label: Any = None, guidance: float | None = None, steps: int | None = None
    ) -> Condition:
        """The keywords of a call, checked, for `n` images."""
        given = {"label": label, "guidance": guidance, "steps": steps}
        for name, value in given.items():
            if value is not None and name not in self.options.names:
                self._refuse(name)
        guidance = 1.0 if self.options.guidance is None else self.options.guidance if guidance is None else guidance
        steps = 1 if self.options.steps is None else self.options.steps if steps is None else steps
        return Condition(as_labels(label, n, self.image), check_guidance(guidance), check_whole("steps", steps, 1))

    def _refuse(self, name: str) -> None:
        takes = " and ".join(self.options.names) or "none of the options label, guidance and steps"
        raise TypeError(
            f"{name}: expected an option that {self.name or 'this model'} has, which takes {takes}; "
            f"gengallery.list_models(option={name!r}) names the models that take it"
        )

    def _as_latents(self, z: Any) -> Tensor:
        d = self.config.latent
        try:
            # By way of numpy, which also knows reversed and big-endian arrays and data frames.
            array = z.detach().cpu() if isinstance(z, Tensor) else np.asarray(z)
            if array.is_complex() if isinstance(array, Tensor) else array.dtype.kind == "c":
                raise TypeError("complex numbers")
            if isinstance(array, Tensor):
                array = array.float()
            else:
                with np.errstate(over="ignore"):  # what is too large becomes infinite, and is refused below
                    array = torch.from_numpy(np.array(array, dtype=np.float32))
        except (TypeError, ValueError, RuntimeError, OverflowError) as error:
            raise ValueError(f"z: expected numbers of shape (n, {d}), found {type(z).__name__}: {error}") from error
        if array.shape == (d,):
            array = array[None]
        if array.ndim != 2 or array.shape[1] != d or len(array) == 0:
            raise ValueError(f"z: expected the shape (n, {d}), found {tuple(array.shape)}")
        if not array.isfinite().all():
            raise ValueError("z: expected finite numbers, found NaN or infinity")
        return array


def _check_output(output: object) -> None:
    if output not in ("cpu", "device"):
        raise ValueError(f"output: expected 'cpu' or 'device', found {output!r}")
