"""The base of all learners, and gradient descent on the model's own loss."""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gengallery.model.model import Model
from gengallery.model.network import Network
from gengallery.model.spec import Recipe


class Learner(nn.Module, ABC):
    """Trains a network: holds the losses, the optimizers, and networks that only training needs.

    All randomness of a step comes from its argument `rng`, so that a run can be repeated.
    """

    model: Network
    optimizers: tuple[torch.optim.Optimizer, ...]

    @abstractmethod
    def step(self, images: Tensor, labels: Tensor, rng: np.random.Generator) -> dict[str, Tensor]:
        """Update the network on one batch, `images` (B, C, H, W) and `labels` (B); returns scalar losses by name."""

    @abstractmethod
    def losses(self, model: Any, images: Tensor, labels: Tensor, rng: np.random.Generator) -> dict[str, Tensor]:
        """The losses of `model`, which may be a moving average of `self.model`: means over one batch."""


class Descent(Learner):
    """Minimises the last of the model's own losses."""

    model: Model

    def __init__(self, model: Model, recipe: Recipe):
        super().__init__()
        self.model = model
        self.optimizers = (adam(self, recipe),)

    def step(self, images: Tensor, labels: Tensor, rng: np.random.Generator) -> dict[str, Tensor]:
        """One step of the optimizer."""
        (optimizer,) = self.optimizers
        if self.model.options.label:
            labels = drop_labels(labels, self.model.image.no_class, rng)
        losses = self.model.losses(images, labels, rng)
        *_, objective = losses.values()
        optimizer.zero_grad()
        objective.backward()
        optimizer.step()
        return losses

    def losses(self, model: Model, images: Tensor, labels: Tensor, rng: np.random.Generator) -> dict[str, Tensor]:
        """The losses of `model`."""
        return model.losses(images, labels, rng)


def drop_labels(labels: Tensor, no_class: int, rng: np.random.Generator, share: float = 0.1) -> Tensor:
    """`labels` (n), a random `share` of them replaced by `no_class`, so that a model learns to work without the class
    too (J. Ho, T. Salimans 2022, https://arxiv.org/abs/2207.12598, section 3.2)."""
    dropped = torch.from_numpy(rng.random(len(labels)) < share).to(labels.device)
    return labels.masked_fill(dropped, no_class)


def adam(module: nn.Module, recipe: Recipe, weight_decay: float = 0.0, lr: float | None = None) -> torch.optim.AdamW:
    """The optimizer of `recipe` for the parameters of `module` that require gradients (D. P. Kingma, J. Ba 2015,
    https://arxiv.org/abs/1412.6980).

    `weight_decay` is decoupled from the gradient (I. Loshchilov, F. Hutter 2019, https://arxiv.org/abs/1711.05101); at
    0, AdamW is Adam. `lr` is the peak of the learning rate, by default the recipe's, and is kept as the parameters'
    `initial_lr`.
    """
    lr = recipe.lr if lr is None else lr
    trainable = [parameter for parameter in module.parameters() if parameter.requires_grad]
    return torch.optim.AdamW(
        [{"params": trainable, "initial_lr": lr}], lr, recipe.betas, weight_decay=weight_decay, fused=True
    )
