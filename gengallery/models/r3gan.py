"""R3GAN: a small convolutional generator with classes, trained by a loss that converges.

    [z, c] -> dense -> 7 x 7 -> residual blocks -> 14 x 14 -> residual blocks -> squares of 2 x 2 pixels -> sigmoid

The losses are in `gengallery.adversarial`. From the paper's networks these differ in size, in plain 3 x 3 convolutions
for its bottlenecks with groups, and in a class that is joined to the noise.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gengallery.adversarial import Contest, ContestRecipe
from gengallery.images import CLASS_NAMES
from gengallery.inversion import search
from gengallery.layers import LEAK, residuals
from gengallery.model import Card, Condition, Config, Model, Options, Paper, check_pairs, check_sizes
from gengallery.noise import NORMAL, Noise


@dataclass(frozen=True)
class R3ganConfig(Config):
    noise_dim: int = 64
    widths: tuple[int, int] = (64, 128)  # channels at 14 x 14 and at 7 x 7
    blocks: tuple[int, int] = (2, 2)  # residual blocks there

    def __post_init__(self):
        check_sizes(noise_dim=self.noise_dim)
        check_pairs(widths=self.widths, blocks=self.blocks)

    @property
    def latent(self) -> int:
        return self.noise_dim

    @property
    def options(self) -> Options:
        return Options(label=True)


class R3gan(Model):
    """A convolutional generator that is told the class. It has no encoder: `encode` and `reconstruct` search, as
    `gengallery.inversion` says."""

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
        self.label = nn.Embedding(len(CLASS_NAMES) + 1, config.noise_dim)  # the last is NO_CLASS
        self.enter = nn.Linear(2 * config.noise_dim, coarse * 7 * 7)
        self.coarse = residuals(coarse, config.blocks[1])
        self.up = nn.Conv2d(coarse, 4 * fine, 1)
        self.fine = residuals(fine, config.blocks[0])
        self.leave = nn.Conv2d(fine, 4, 3, padding=1)
        self.prior = Noise(NORMAL, config.noise_dim)

    def decoder(self, z: Tensor, condition: Condition) -> Tensor:
        told = torch.cat([z, self.label(condition.labels)], 1)
        x = self.enter(told).unflatten(1, (-1, 7, 7)).contiguous(memory_format=torch.channels_last)
        x = F.pixel_shuffle(self.up(F.leaky_relu(self.coarse(x), LEAK)), 2)  # (n, fine, 14, 14)
        x = self.leave(F.leaky_relu(self.fine(x), LEAK))
        return torch.sigmoid(F.pixel_shuffle(x, 2))

    def encoder(self, images: Tensor, condition: Condition) -> Tensor:
        return search(self.decoder, self.prior, images, condition)


MODEL = R3gan
LEARNER = Contest
CARDS = (
    Card(
        name="r3gan",
        model=R3gan,
        config=R3ganConfig(),
        recipe=ContestRecipe(epochs=16, batch=64, rate=4e-4, betas=(0.0, 0.99), average=0.9995, bfloat16=True),
        summary="A small convolutional GAN with classes, by a modern loss that converges.",
        notes="The paper's loss, and its networks' lack of normalisation; but small networks of plain 3 × 3 "
        "convolutions, the penalties every fourth step at four times the weight, the class joined to the "
        "noise and, by projection, to the verdict, and an average over the steps. A tenth of the images come "
        "without a class.",
        half=True,
    ),
)
# Of some 200,000 parameters, for trainings of seconds: see `gengallery.models.compared`.
COMPARED = replace(
    CARDS[0],
    name="r3gan_200k",
    config=R3ganConfig(noise_dim=32, widths=(24, 40), blocks=(1, 2)),
    recipe=ContestRecipe(
        epochs=1, batch=64, rate=8e-4, betas=(0.0, 0.99), average=0.995, bfloat16=True, widths=(24, 40)
    ),
)
