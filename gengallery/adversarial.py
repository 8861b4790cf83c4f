"""A modern contest of a generator and a discriminator, for any model that decodes noise and a class.

    D minimises  E[softplus(D(G(z, c), c) - D(x, c))] + 1/2 gamma (E[|grad D(x, c)|^2] + E[|grad D(G(z, c), c)|^2])
    G minimises  E[softplus(D(x, c) - D(G(z, c), c))]

The loss is R3GAN's (N. Huang, A. Gokaslan, V. Kuleshov, J. Tompkin 2024, "The GAN is dead; long live the GAN!",
https://arxiv.org/abs/2501.05441, eq. 2 to 4): each forgery is judged beside a real image (A. Jolicoeur-Martineau 2018,
https://arxiv.org/abs/1807.00734), so that no mode may be dropped unpunished, and penalties on real and forged images
alike (R1 and R2) make the contest converge. They are taken every few steps with their weight multiplied accordingly
(Karras et al. 2020, https://arxiv.org/abs/1912.04958, appendix B). The generator that is kept is a moving average.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gengallery.images import CLASS_NAMES
from gengallery.layers import LEAK, residuals
from gengallery.model import Condition, Learner, Model, Recipe, adam, without_some

PATCH = 2  # pixels along each side of the squares that the discriminator starts from


@dataclass(frozen=True)
class ContestRecipe(Recipe):
    """How a contest is trained; `widths` and `blocks` are the discriminator's.

    A `generator_rate` leaves `rate` to the discriminator alone (M. Heusel et al. 2017, https://arxiv.org/abs/1706.08500).
    """

    generator_rate: float | None = None
    gamma: float = 0.5  # weight of the penalties, for pixels from -1 to 1
    penalise_every: int = 4  # steps between penalties
    widths: tuple[int, int] = (64, 128)  # channels at 14 x 14 and at 7 x 7
    blocks: tuple[int, int] = (1, 1)  # residual blocks there


class Discriminator(nn.Module):
    """Images and classes to one number each, high for what looks real; the class is joined by projection (T. Miyato,
    M. Koyama 2018, https://arxiv.org/abs/1802.05637)."""

    def __init__(self, widths: tuple[int, int], blocks: tuple[int, int]):
        super().__init__()
        fine, coarse = widths
        self.maps = nn.Sequential(
            nn.PixelUnshuffle(PATCH),
            nn.Conv2d(PATCH**2, fine, 3, padding=1),  # (n, fine, 14, 14)
            residuals(fine, blocks[0]),
            nn.Conv2d(fine, coarse, 3, stride=2, padding=1),  # (n, coarse, 7, 7)
            residuals(coarse, blocks[1]),
            nn.LeakyReLU(LEAK),
            nn.Conv2d(coarse, coarse, 7),  # (n, coarse, 1, 1)
            nn.Flatten(),
            nn.LeakyReLU(LEAK),
        )
        self.by_class = nn.Embedding(len(CLASS_NAMES) + 1, coarse)  # the last is NO_CLASS

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        """Images (n, 1, 28, 28) in [0, 1] and classes (n) to (n)."""
        features = self.maps(2 * images - 1)
        return (features * self.by_class(labels)).sum(1) / features.shape[1] ** 0.5


class Contest(Learner):
    """Trains a generator against a discriminator that is thrown away afterwards."""

    discriminator_type: type[nn.Module] = Discriminator  # made of a recipe's `widths` and `blocks`
    model: Model
    steps: Tensor

    def __init__(self, model: Model, recipe: ContestRecipe):
        super().__init__()
        self.recipe = recipe
        self.model = model
        self.discriminator = self.discriminator_type(recipe.widths, recipe.blocks)
        self.optimizers = (adam(self.discriminator, recipe), adam(self.model, recipe, rate=recipe.generator_rate))
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))

    def step(self, images: Tensor, labels: Tensor, rng: np.random.Generator) -> dict[str, Tensor]:
        of_discriminator, of_generator = self.optimizers
        labels = without_some(labels, rng)
        fake = self.model.decoder(self.model.prior.draw(len(images), rng), Condition(labels)).float()
        loss = _surprise(*self._verdicts(images, fake.detach(), labels))
        objective = loss
        if self.steps % self.recipe.penalise_every == 0:
            slopes = self._slopes(torch.cat([images, fake.detach()]), labels.repeat(2))
            # of two halves, so that their mean is half the sum of R1 and R2
            objective = loss + self.recipe.gamma * self.recipe.penalise_every * slopes
        of_discriminator.zero_grad()
        objective.backward()
        of_discriminator.step()

        # The discriminator has moved on since `fake` was made; the generator has not.
        self.discriminator.requires_grad_(False)
        on_real, on_fake = self._verdicts(images, fake, labels)
        generator_loss = _surprise(on_fake, on_real)
        of_generator.zero_grad()
        generator_loss.backward()
        of_generator.step()
        self.discriminator.requires_grad_(True)
        self.steps += 1
        return {"generator": generator_loss, "discriminator": loss}

    def losses(self, model: Model, images: Tensor, labels: Tensor, rng: np.random.Generator) -> dict[str, Tensor]:
        fake = model.decoder(model.prior.draw(len(images), rng), Condition(labels))
        on_real, on_fake = self._verdicts(images, fake, labels)
        return {"generator": _surprise(on_fake, on_real), "discriminator": _surprise(on_real, on_fake)}

    def _verdicts(self, real: Tensor, fake: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        found = self.discriminator(torch.cat([real, fake]), labels.repeat(2)).float()
        return found[: len(real)], found[len(real) :]

    def _slopes(self, images: Tensor, labels: Tensor) -> Tensor:
        """E[|grad D|^2] at the images, in pixels from -1 to 1."""
        images = images.detach().requires_grad_()
        verdicts = self.discriminator(images, labels).float().sum()
        (slope,) = torch.autograd.grad(verdicts, images, create_graph=True)
        return (slope.float() / 2).square().flatten(1).sum(1).mean()


def _surprise(higher: Tensor, lower: Tensor) -> Tensor:
    """The mean cross-entropy, had `higher` (n) been sure to stand above `lower` (n)."""
    return F.softplus(lower - higher).mean()
