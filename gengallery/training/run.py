"""The training loop: batches, the learning rate's schedule, the average of the weights, states that resume.

A `Run` is one training. It yields its losses step by step and leaves progress bars and files to the
caller:

    data = dataset(card.dataset)
    run = Run(card, data.split("trainval"))
    while not run.done:
        for step in run.epoch():
            print(step.losses)
    model, losses = run.finish(data.split("test"))

The same card, data and seed on the same machine give the same weights, bit for bit, also when the run was
saved after some epoch, killed and restored.
"""

import math
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from gengallery import gallery
from gengallery.data import Split
from gengallery.defaults import torch_defaults
from gengallery.families import learner
from gengallery.learners.learner import Learner
from gengallery.model.model import Model
from gengallery.model.network import Network, tensors_of
from gengallery.model.spec import Card
from gengallery.storage import tensors as files
from gengallery.storage.checkpoint import as_json
from gengallery.storage.tensors import form
from gengallery.threads import THREADS
from gengallery.training.flops import cost, parameters

CONVOLUTIONS = (nn.Conv2d, nn.ConvTranspose2d)
Losses = Callable[[Tensor, Tensor, np.random.Generator], dict[str, Tensor]]


@dataclass(frozen=True)
class Step:
    """One step of a run: how far it is, and its losses by name."""

    epoch: int  # from 1
    epochs: int
    index: int  # within the epoch, from 1
    steps: int  # in an epoch
    losses: dict[str, float]


class ResumeError(files.FileError):
    """A saved state is damaged, or does not belong to the run that is to go on from it."""


STATE = files.Kind(
    "state", "the state of a training", ResumeError, "Train without --resume.", unsealed="Train without --resume."
)


class Run:
    """One training of the model on `card` with the images of `train`, which have to be as the card's config says.

    Seed and epochs are the card's unless given. The networks are on `device`; all random numbers are drawn on the CPU.
    Raises ValueError for images of another shape, labels beyond the classes, or fewer images than a batch.
    """

    def __init__(
        self, card: Card, train: Split, seed: int | None = None, epochs: int | None = None,
        device: str | torch.device = "cpu",
    ):  # fmt: skip
        recipe, image = card.recipe, card.config.image
        self.card, self.train = card, train
        self.seed = card.seed if seed is None else seed
        self.epochs = recipe.epochs if epochs is None else epochs
        if self.epochs < 1:
            raise ValueError(f"epochs: expected at least 1, found {self.epochs}")
        if len(train) < recipe.batch:
            raise ValueError(f"train: expected at least one batch of {recipe.batch} images, found {len(train)}")
        if tuple(train.images.shape[1:]) != image.shape:
            raise ValueError(
                f"train: expected images of shape {image.shape}, as {card.name} takes, "
                f"found {tuple(train.images.shape[1:])}"
            )
        if len(train) and int(train.labels.max()) > max(0, len(image.classes) - 1):
            raise ValueError(
                f"train: expected labels below {max(1, len(image.classes))}, the number of classes that {card.name} "
                f"has, found {int(train.labels.max())}"
            )
        self.device = torch.device(device)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            self.learner: Learner = learner(card)
        with torch_defaults():
            if card.start:
                start = gallery.load(card.start)
                for network in self.learner.children():
                    _start_from(network, start)
            self.learner.to(self.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
            self.average = (
                AveragedModel(
                    self.learner.model, multi_avg_fn=get_ema_multi_avg_fn(recipe.ema_decay), use_buffers=False
                )
                if recipe.ema_decay
                else None
            )
        self.rng = np.random.default_rng(self.seed)
        self.finished = 0  # epochs
        self.seconds = 0.0  # spent in epochs

    @property
    def done(self) -> bool:
        """Whether every epoch is behind it."""
        return self.finished >= self.epochs

    def epoch(self) -> Iterator[Step]:
        """Train for one epoch. Images that do not fill a last batch wait for another epoch's order."""
        recipe, start = self.card.recipe, time.perf_counter()
        order = torch.from_numpy(self.rng.permutation(len(self.train)))
        batches = order[: len(order) // recipe.batch * recipe.batch].split(recipe.batch)
        total = len(batches) * self.epochs
        for index, batch in enumerate(batches):
            self._set_lr((self.finished * len(batches) + index) / total)
            with torch.inference_mode(False), torch.enable_grad():
                images, labels = self.train.at(batch)
                images, labels = images.to(self.device, non_blocking=True), labels.to(self.device)
                with torch.autocast(self.device.type, torch.bfloat16, enabled=recipe.bfloat16):
                    losses = self.learner.step(images, labels, self.rng)
                if self.average is not None:
                    self.average.update_parameters(self.learner.model)
            values = {name: loss.item() for name, loss in losses.items()}
            if not all(map(math.isfinite, values.values())):
                raise FloatingPointError(
                    f"{self.card.name}: the loss is no longer finite in epoch {self.finished + 1}: {values}"
                )
            yield Step(self.finished + 1, self.epochs, index + 1, len(batches), values)
        self.finished += 1
        self.seconds += time.perf_counter() - start

    def _set_lr(self, share: float) -> None:
        """The learning rate after `share` of all steps: up from 0 in the warm-up, then down a half cosine."""
        recipe = self.card.recipe
        factor = 0.5 * (1 + math.cos(math.pi * share)) if recipe.cosine else 1.0
        if share < recipe.warmup:
            factor *= share / recipe.warmup
        for optimizer in self.learner.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["initial_lr"] * factor

    @property
    def model(self) -> Network:
        """The network as it stands: the average of the weights, where the recipe takes one."""
        return cast(Network, self.average.module) if self.average is not None else self.learner.model

    def finish(self, test: Split) -> tuple[Network, dict[str, dict[str, float]]]:
        """The trained network, a model's prior and latent statistics fitted, and its losses on train and test."""
        with torch_defaults():
            return self._finished(test)

    def _finished(self, test: Split) -> tuple[Network, dict[str, dict[str, float]]]:
        model = self.model.eval()
        model.name = self.card.name
        if self.card.float16:
            _round_to_float16(model)
        if isinstance(model, Model) and model.statistics is not None:
            model.fit_prior(self.train.batches(), self.seed)
            if self.card.float16:
                _round_to_float16(model.prior)
            train_z, test_z = (torch.cat([model.encode(b) for b, _ in s.batches()]) for s in (self.train, test))
            model.statistics.fit(train_z, self.train.labels, test_z, test.labels)
        return model, {
            name: mean_losses(partial(self.learner.losses, model), split, self.device)
            for name, split in (("train", self.train), ("test", test))
        }

    # -- states: everything that the next step depends on, in one safetensors file

    def save(self, path: str | os.PathLike[str]) -> None:
        """Save the run after an epoch, whole or not at all."""
        header = {
            "identity": self._identity(),
            "rng": self.rng.bit_generator.state,
            "finished": self.finished,
            "seconds": self.seconds,
        }
        files.write(path, STATE, self._state(), header)

    def sizes(self) -> tuple[int, int]:
        """How many bytes the file of weights and a state take, about: optimizers make their tensors later."""
        weights = sum(tensor.nbytes for tensor in tensors_of(self.model).values())
        own = sum(tensor.nbytes for tensor in tensors_of(self.learner).values())
        groups = (group for optimizer in self.learner.optimizers for group in optimizer.param_groups)
        moments = 2 * sum(parameter.nbytes for group in groups for parameter in group["params"])  # Adam's
        return weights, own + moments + (weights if self.average is not None else 0)

    def restore(self, path: str | os.PathLike[str]) -> None:
        """Go on from the state at `path`. Raises `ResumeError` if it is damaged or of another run; the run is then as
        it was."""
        rng = self._checked(path, files.read_header(path, STATE))
        saved = files.read(path, STATE, None)  # however large: it is of this very run
        self._make_optimizer_state()
        state = self._state()
        if {name: form(tensor) for name, tensor in state.items()} != {
            name: form(t) for name, t in saved.tensors.items()
        }:
            raise ResumeError(path, "the tensors of this training", "others", STATE.remedy)
        with torch.no_grad():
            for name, tensor in state.items():
                tensor.copy_(saved.tensors[name])  # into place, so that memory layouts stay as they were
        self.rng.bit_generator.state = rng
        self.finished, self.seconds = saved.header["finished"], float(saved.header["seconds"])

    def _checked(self, path: str | os.PathLike[str], header: dict[str, Any]) -> Any:
        """The state of the random numbers in the `header` of a state, which has to be of this run, and whole."""
        rng: Any
        theirs, rng, finished, seconds = (header.get(key) for key in ("identity", "rng", "finished", "seconds"))
        for key, value in self._identity().items():
            found = theirs.get(key) if isinstance(theirs, dict) else None
            if found != value:
                remedy = "Give the same settings, or train without --resume."
                raise ResumeError(path, f"a training with {key} {value!r}", f"{found!r}"[:400], remedy)
        if type(finished) is not int or not 0 <= finished <= self.epochs:
            raise ResumeError(path, f"from 0 to {self.epochs} finished epochs", f"{finished!r}"[:80], STATE.remedy)
        if type(seconds) not in (int, float) or not 0 <= seconds < 1e12:  # type: ignore[operator]  # a number
            raise ResumeError(path, "the seconds of the training so far", f"{seconds!r}"[:80], STATE.remedy)
        try:
            np.random.default_rng().bit_generator.state = rng
        except (TypeError, ValueError, KeyError, AttributeError, OverflowError) as error:
            raise ResumeError(path, "the state of a random generator", f"{rng!r}"[:80], STATE.remedy) from error
        return rng

    def made(self, header: dict[str, Any]) -> bool:
        """Whether the model with this `header` in its file is what this run would end in, on as many threads."""
        trained = header["training"]
        return self._identity() == {
            "name": header["name"],
            "config": header["config"],
            "recipe": header["card"]["recipe"],
            "start": header["card"]["start"],
            **{key: trained.get(key) for key in ("seed", "epochs", "data", "threads")},
        }

    def _identity(self) -> dict[str, Any]:
        """What makes this run this run."""
        identity: dict[str, Any] = as_json(
            {
                "name": self.card.name,
                "config": asdict(self.card.config),
                "recipe": asdict(self.card.recipe),
                "start": self.card.start,
                "seed": self.seed,
                "epochs": self.epochs,
                "data": self.train.checksum(),
                "threads": torch.get_num_threads(),
            }
        )
        return identity

    def _make_optimizer_state(self) -> None:
        """Have each optimizer make its tensors, which it does at its first step, changing nothing."""
        for optimizer in self.learner.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = 0.0
                for parameter in group["params"]:
                    parameter.grad = torch.zeros_like(parameter)
            optimizer.step()
            optimizer.zero_grad()

    def _state(self) -> dict[str, Tensor]:
        # The tensors themselves, since they are also copied into.
        state = {f"learner.{name}": tensor for name, tensor in tensors_of(self.learner).items()}
        if self.average is not None:
            state |= {f"average.{name}": tensor for name, tensor in tensors_of(self.average).items()}
        for index, optimizer in enumerate(self.learner.optimizers):
            for number, tensors in optimizer.state_dict()["state"].items():
                state |= {f"optimizer.{index}.{number}.{name}": tensor for name, tensor in tensors.items()}
        return state


def threads_for(card: Card) -> int:
    """How many threads of the CPU a training on `card` is given: 1 if its networks are dense, whose steps are too short
    to be shared, THREADS if they convolve."""
    with torch.random.fork_rng(devices=[]):
        layers = learner(card).modules()
    return THREADS if any(isinstance(layer, CONVOLUTIONS) for layer in layers) else 1


def mean_losses(losses: Losses, split: Split, device: str | torch.device = "cpu") -> dict[str, float]:
    """The means of `losses(images, labels, rng)` over the whole of `split`, with random numbers from a fixed seed."""
    rng = np.random.default_rng(0)
    sums: dict[str, float] = {}
    with torch.inference_mode():
        for images, labels in split.batches():
            for name, loss in losses(images.to(device), labels.to(device), rng).items():
                sums[name] = sums.get(name, 0.0) + loss.item() * len(images)
    return {name: value / len(split) for name, value in sums.items()}


def _start_from(network: nn.Module, other: Network) -> None:
    """Give `network` the weights of `other` that have the same name and shape."""
    theirs = tensors_of(other)
    with torch.no_grad():
        for name, tensor in tensors_of(network).items():
            if name in theirs and theirs[name].shape == tensor.shape:
                tensor.copy_(theirs[name])


def _round_to_float16(model: nn.Module) -> None:
    """Round each parameter to a number that half precision has."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(parameter.half().float())


def file_header(run: Run, losses: dict[str, dict[str, float]], command: str) -> dict[str, Any]:
    """The header under which the network that `run` made is written (see `gengallery.storage.checkpoint`)."""
    model = run.model
    return {
        "name": run.card.name,
        "family": run.card.family,
        "config": as_json(asdict(run.card.config)),
        **({"prior": model.prior.describe()} if isinstance(model, Model) else {}),
        "card": run.card.describe(),
        "parameters": parameters(run.card),
        "cost": cost(run.card, len(run.train)),
        "training": {
            "command": command,
            "seed": run.seed,
            "epochs": run.finished,
            "seconds": round(run.seconds, 1),
            "device": run.device.type,
            "threads": torch.get_num_threads(),
            "data": run.train.checksum(),
            "versions": {"torch": torch.__version__, "numpy": np.__version__},
        },
        "losses": losses,
    }
