"""Adversarial training: the step that all GANs share, and the relativistic losses.

A step generates images x~ = G(z, c), updates the discriminator D on real images x and on x~, and then the generator G
on D's logits. GANs differ in the losses and in the gradient penalty: see `gengallery.models.gan` for the losses of
2014, and `RelativisticLearner` for those of 2024. The penalty is computed every few steps with its weight multiplied
accordingly (T. Karras et al. 2020, https://arxiv.org/abs/1912.04958, appendix B).
"""

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gengallery.data import ImageSpec
from gengallery.learners.learner import Learner, adam, drop_labels
from gengallery.model.model import Model
from gengallery.model.spec import Condition, Recipe
from gengallery.nn.layers import NEGATIVE_SLOPE, residuals

PATCH = 2  # pixels along each side of a patch, in the discriminator's first layer
Losses = tuple[Tensor, Tensor]  # the reported loss, and the loss that is minimised


@dataclass(frozen=True)
class AdversarialRecipe(Recipe):
    """How a generator and a discriminator are trained.

    With a `generator_lr`, `lr` is the discriminator's alone (M. Heusel et al. 2017, https://arxiv.org/abs/1706.08500).
    """

    generator_lr: float | None = None
    gamma: float = 0.0  # weight of the gradient penalty
    penalty_every: int = 1  # steps between penalties


class AdversarialLearner(Learner):
    """Trains the model as a generator, against a discriminator that is not kept."""

    model: Model
    steps: Tensor

    def __init__(self, model: Model, discriminator: nn.Module, recipe: AdversarialRecipe):
        super().__init__()
        self.recipe = recipe
        self.model = model
        self.discriminator = discriminator
        self.optimizers = (adam(self.discriminator, recipe), adam(self.model, recipe, lr=recipe.generator_lr))
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))

    @abstractmethod
    def discriminator_losses(self, real: Tensor, fake: Tensor, labels: Tensor) -> Losses:
        """The discriminator's losses on `real` and `fake` images, each (B, C, H, W), of the classes `labels` (B)."""

    @abstractmethod
    def generator_losses(self, real: Tensor, fake: Tensor, labels: Tensor) -> Losses:
        """The generator's losses on the same."""

    @abstractmethod
    def penalty(self, real: Tensor, fake: Tensor, labels: Tensor) -> Tensor:
        """The gradient penalty on the same, a scalar, of which `gamma` is the weight."""

    def step(self, images: Tensor, labels: Tensor, rng: np.random.Generator) -> dict[str, Tensor]:
        """Update the discriminator, then the generator."""
        discriminator_optimizer, generator_optimizer = self.optimizers
        if self.model.options.label:
            labels = drop_labels(labels, self.model.image.no_class, rng)
        fake = self._draw(self.model, labels, rng)

        loss, objective = self.discriminator_losses(images, fake.detach(), labels)
        if self.recipe.gamma and self.steps % self.recipe.penalty_every == 0:
            penalty = self.penalty(images, fake.detach(), labels)
            objective = objective + self.recipe.gamma * self.recipe.penalty_every * penalty
        discriminator_optimizer.zero_grad()
        objective.backward()
        discriminator_optimizer.step()

        # The generator has not changed since it made `fake`, so these images serve its own step too.
        self.discriminator.requires_grad_(False)
        generator_loss, objective = self.generator_losses(images, fake, labels)
        generator_optimizer.zero_grad()
        objective.backward()
        generator_optimizer.step()
        self.discriminator.requires_grad_(True)
        self.steps += 1
        return {"generator": generator_loss, "discriminator": loss}

    def losses(self, model: Model, images: Tensor, labels: Tensor, rng: np.random.Generator) -> dict[str, Tensor]:
        """Both reported losses, with `model` as the generator."""
        fake = self._draw(model, labels, rng)
        return {
            "generator": self.generator_losses(images, fake, labels)[0],
            "discriminator": self.discriminator_losses(images, fake, labels)[0],
        }

    def _draw(self, model: Model, labels: Tensor, rng: np.random.Generator) -> Tensor:
        z = model.prior.draw(len(labels), rng).to(labels.device)
        return model.decoder(z, Condition(labels)).float()


def gradient_penalty(discriminator: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    """E[|grad D|^2] over `images` (n, C, H, W) of the classes `labels` (n), where D gives the logits (n) of
    `discriminator` (L. Mescheder et al. 2018, https://arxiv.org/abs/1801.04406, eq. 9)."""
    images = images.detach().requires_grad_()
    logits = discriminator(images, labels).float().sum()
    (gradient,) = torch.autograd.grad(logits, images, create_graph=True)
    return gradient.float().square().flatten(1).sum(1).mean()


@dataclass(frozen=True)
class RelativisticRecipe(AdversarialRecipe):
    """How a relativistic GAN is trained; `widths` and `blocks` are the discriminator's."""

    gamma: float = 0.5  # for pixels from -1 to 1
    penalty_every: int = 4
    widths: tuple[int, int] = (64, 128)  # channels at half and at a quarter of the size
    blocks: tuple[int, int] = (1, 1)  # residual blocks at each of these sizes


class Discriminator(nn.Module):
    """Images and classes to one logit each, high for real images; the class is joined by projection (T. Miyato, M.
    Koyama 2018, https://arxiv.org/abs/1802.05637)."""

    def __init__(self, widths: tuple[int, int], blocks: tuple[int, int], image: ImageSpec):
        super().__init__()
        fine, coarse = widths
        self.maps = nn.Sequential(
            nn.PixelUnshuffle(PATCH),
            nn.Conv2d(image.channels * PATCH**2, fine, 3, padding=1),  # (n, fine, H/2, W/2)
            residuals(fine, blocks[0]),
            nn.Conv2d(fine, coarse, 3, stride=2, padding=1),  # (n, coarse, H/4, W/4)
            residuals(coarse, blocks[1]),
            nn.LeakyReLU(NEGATIVE_SLOPE),
            nn.Conv2d(coarse, coarse, image.quarter),  # (n, coarse, 1, 1)
            nn.Flatten(),
            nn.LeakyReLU(NEGATIVE_SLOPE),
        )
        self.by_class = nn.Embedding(len(image.classes) + 1, coarse)  # the last row stands for no class

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        """Images (n, C, H, W) in [0, 1] and classes (n) to logits (n)."""
        features = self.maps(2 * images - 1)
        logits: Tensor = (features * self.by_class(labels)).sum(1) / features.shape[1] ** 0.5
        return logits


class RelativisticLearner(AdversarialLearner):
    """Trains any generator of noise and a class with R3GAN's losses.

        D minimises  E[softplus(D(G(z, c), c) - D(x, c))] + 1/2 gamma (E[|grad D(x, c)|^2] + E[|grad D(G(z, c), c)|^2])
        G minimises  E[softplus(D(x, c) - D(G(z, c), c))]

    (N. Huang, A. Gokaslan, V. Kuleshov, J. Tompkin 2024, "The GAN is dead; long live the GAN!",
    https://arxiv.org/abs/2501.05441, eq. 2 to 4.) Each generated image is paired with a real one (A.
    Jolicoeur-Martineau 2018, https://arxiv.org/abs/1807.00734), so that dropping a mode increases the loss; penalties
    on real and on generated images (R1 and R2) make the training converge.
    """

    discriminator_type: type[nn.Module] = (
        Discriminator  # called with the recipe's `widths` and `blocks`, and the image spec
    )

    def __init__(self, model: Model, recipe: RelativisticRecipe):
        super().__init__(model, self.discriminator_type(recipe.widths, recipe.blocks, model.image), recipe)

    def discriminator_losses(self, real: Tensor, fake: Tensor, labels: Tensor) -> Losses:
        on_real, on_fake = self._logits(real, fake, labels)
        loss = F.softplus(on_fake - on_real).mean()
        return loss, loss

    def generator_losses(self, real: Tensor, fake: Tensor, labels: Tensor) -> Losses:
        on_real, on_fake = self._logits(real, fake, labels)
        loss = F.softplus(on_real - on_fake).mean()
        return loss, loss

    def penalty(self, real: Tensor, fake: Tensor, labels: Tensor) -> Tensor:
        """Half the sum of R1 and R2 for pixels from -1 to 1, where gradients are half as long as for [0, 1]."""
        return gradient_penalty(self.discriminator, torch.cat([real, fake]), labels.repeat(2)) / 4

    def _logits(self, real: Tensor, fake: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        logits = self.discriminator(torch.cat([real, fake]), labels.repeat(2)).float()
        return logits[: len(real)], logits[len(real) :]
