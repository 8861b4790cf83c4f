"""R3GAN: a small convolutional generator with classes, trained by a loss that converges.

    [z, c] -> dense -> H/4 x W/4 -> residual blocks -> H/2 x W/2 -> residual blocks -> squares of 2 x 2 -> sigmoid

The losses are in `gengallery.learners.adversarial`. From the paper's networks these differ in size, in plain 3 x 3
convolutions for its bottlenecks with groups, and in a class that is joined to the noise.
"""

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gengallery.checks import check_sizes, check_tuple
from gengallery.families import Family
from gengallery.learners.adversarial import RelativisticLearner, RelativisticRecipe
from gengallery.model.model import Model
from gengallery.model.spec import Card, Condition, Config, Options, Paper
from gengallery.nn.inversion import search
from gengallery.nn.layers import NEGATIVE_SLOPE, residuals
from gengallery.priors.noise import NORMAL, Noise


@dataclass(frozen=True)
class R3ganConfig(Config):
    noise_dim: int = 64
    widths: tuple[int, int] = (64, 128)  # channels at half and at a quarter of the size
    blocks: tuple[int, int] = (2, 2)  # residual blocks there

    def __post_init__(self) -> None:
        check_sizes(noise_dim=self.noise_dim)
        check_tuple("widths", self.widths, 2)
        check_tuple("blocks", self.blocks, 2)

    @property
    def latent(self) -> int:
        return self.noise_dim

    @property
    def options(self) -> Options:
        return Options(label=bool(self.image.classes))


class R3gan(Model):
    """A convolutional generator that takes a class. It has no encoder: `encode` and `reconstruct` search, as
    `gengallery.nn.inversion` says."""

    family = "r3gan"
    config_type = R3ganConfig
    title = "R3GAN"
    paper = Paper(
        "N. Huang, A. Gokaslan, V. Kuleshov, J. Tompkin",
        "The GAN is dead; long live the GAN! A Modern GAN Baseline",
        2024,
        "https://arxiv.org/abs/2501.05441",
    )
    equations = (
        "D: E[softplus(D(G(z, c), c) - D(x, c))] + ½ γ (E[|∇D(x, c)|²] + E[|∇D(G(z, c), c)|²])",
        "G: E[softplus(D(x, c) - D(G(z, c), c))]",
    )
    strengths = (
        "Sharp and varied at one pass of a small network: many times nearer to the data than the report's GANs.",
        "A contest made to converge: each forgery is judged beside a real image, and both sides are penalised.",
    )
    weaknesses = (
        "Dear to train: nearly fifty times the operations of the report's GANs.",
        "No encoder: a latent for a given image has to be searched for.",
    )
    searches = True
    config: R3ganConfig

    def __init__(self, config: R3ganConfig):
        super().__init__(config)
        fine, coarse = config.widths
        self.label = nn.Embedding(len(config.image.classes) + 1, config.noise_dim)  # the last row is of no class
        self.enter = nn.Linear(2 * config.noise_dim, coarse * math.prod(config.image.quarter))
        self.coarse = residuals(coarse, config.blocks[1])
        self.up = nn.Conv2d(coarse, 4 * fine, 1)
        self.fine = residuals(fine, config.blocks[0])
        self.leave = nn.Conv2d(fine, 4 * config.image.channels, 3, padding=1)
        self.prior = Noise(NORMAL, config.noise_dim)

    def decoder(self, z: Tensor, condition: Condition) -> Tensor:
        inputs = torch.cat([z, self.label(condition.labels)], 1)
        x = self.enter(inputs).unflatten(1, (-1, *self.image.quarter)).contiguous(memory_format=torch.channels_last)
        x = F.pixel_shuffle(self.up(F.leaky_relu(self.coarse(x), NEGATIVE_SLOPE)), 2)  # (n, fine, H/2, W/2)
        x = self.leave(F.leaky_relu(self.fine(x), NEGATIVE_SLOPE))
        return torch.sigmoid(F.pixel_shuffle(x, 2))

    def encoder(self, images: Tensor, condition: Condition) -> Tensor:
        return search(self.decoder, self.prior, images, condition)


CARDS = (
    Card(
        name="r3gan",
        model=R3gan,
        config=R3ganConfig(),
        recipe=RelativisticRecipe(epochs=16, batch=64, lr=4e-4, betas=(0.0, 0.99), ema_decay=0.9995, bfloat16=True),
        summary="A small convolutional GAN with classes, by a modern loss that converges.",
        notes="The paper's loss, and its networks' lack of normalisation; but small networks of plain 3 × 3 "
        "convolutions, the penalties every fourth step at four times the weight, the class joined to the "
        "noise and, by projection, to the verdict, and an average over the steps. A tenth of the images come "
        "without a class.",
        float16=True,
    ),
)
FAMILY = Family(
    name="r3gan",
    model=R3gan,
    learner=RelativisticLearner,
    cards=CARDS,
    compared=replace(
        CARDS[0],
        name="r3gan_200k",
        config=R3ganConfig(noise_dim=32, widths=(24, 40), blocks=(1, 2)),
        recipe=RelativisticRecipe(
            epochs=1, batch=64, lr=8e-4, betas=(0.0, 0.99), ema_decay=0.995, bfloat16=True, widths=(24, 40)
        ),
    ),
)
