"""A flow in one step: the network of `gengallery.models.flow`, taught by a discriminator to arrive at once.

    y = (1 - t) z,  x = y + (1 - t) v(y, t, c),  z ~ N(0, I)

From a place y with as much noise as a flow's at the time t, the network's velocity is followed to the end in one
straight step. The network starts as the flow's, which at this time sees garments in pure noise (as M. Zhou et al.
2024, "Score identity Distillation", https://arxiv.org/abs/2404.04057, start theirs), and goes on in the contest of
`gengallery.adversarial` against real images (A. Sauer, D. Lorenz, A. Blattmann, R. Rombach 2023, whose other half, a
teacher's score, is left out).
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from gengallery.adversarial import Contest, ContestRecipe
from gengallery.images import PIXELS, SHAPE
from gengallery.inversion import search
from gengallery.model import Card, Condition, Config, Model, Options, Paper, check_pairs
from gengallery.noise import NORMAL, Noise
from gengallery.unet import DEVIATION, MEAN, UNet


@dataclass(frozen=True)
class OneStepConfig(Config):
    widths: tuple[int, int] = (64, 128)  # channels at 14 x 14 and at 7 x 7
    blocks: tuple[int, int] = (2, 3)  # residual blocks there
    time: float = 0.3  # of the one step's start, from 0 to 1

    def __post_init__(self):
        check_pairs(widths=self.widths, blocks=self.blocks)
        if not isinstance(self.time, (int, float)) or not 0 <= self.time < 1:
            raise ValueError(f"time: expected a number from 0 up and below 1, found {self.time!r}")

    @property
    def latent(self) -> int:
        return PIXELS

    @property
    def options(self) -> Options:
        return Options(label=True)


class OneStep(Model):
    """A flow's network in one step. It has no way back: `encode` and `reconstruct` search, as `gengallery.inversion`
    says."""

    config_type = OneStepConfig
    title = "One-step flow"
    paper = Paper(
        "A. Sauer, D. Lorenz, A. Blattmann, R. Rombach",
        "Adversarial Diffusion Distillation",
        2023,
        "https://arxiv.org/abs/2311.17042",
    )
    equations = (
        "x = y + (1 - t) v(y, t, c),  y = (1 - t) z,  z ~ N(0, I)",
        "D: E[softplus(D(x, c) - D(r, c))] + ½ γ (E[|∇D(r, c)|²] + E[|∇D(x, c)|²]),  r real",
        "v: E[softplus(D(r, c) - D(x, c))]",
    )
    strengths = (
        "One pass through the flow's network, where the flow takes more than ten.",
        "Starts from a network that has seen garments: training is short.",
    )
    weaknesses = (
        "Neither guidance nor steps are left to choose.",
        "The way back is lost: a latent for a given image has to be searched for.",
    )
    searches = True
    config: OneStepConfig

    def __init__(self, config: OneStepConfig):
        super().__init__(config)
        self.unet = UNet(config.widths, config.blocks)
        self.prior = Noise(NORMAL, config.latent)

    def decoder(self, z: Tensor, condition: Condition) -> Tensor:
        left = 1 - self.config.time
        y = left * z.unflatten(1, SHAPE).contiguous(memory_format=torch.channels_last)
        v = self.unet(y, torch.full((len(z),), self.config.time), condition.labels).float()
        return ((y + left * v) * DEVIATION + MEAN).clamp(0, 1)

    def encoder(self, images: Tensor, condition: Condition) -> Tensor:
        return search(self.decoder, self.prior, images, condition)


MODEL = OneStep
LEARNER = Contest
CARDS = (
    Card(
        name="flow_1",
        model=OneStep,
        config=OneStepConfig(),
        recipe=ContestRecipe(
            epochs=4,
            batch=64,
            rate=4e-4,
            generator_rate=5e-5,
            gamma=0.1,
            betas=(0.0, 0.99),
            warmup=0.02,
            average=0.999,
            bfloat16=True,
        ),
        start="flow",
        summary="The flow in one step: its network, taught by a discriminator to arrive at once.",
        notes="The discriminator is that of r3gan. The flow's weights are the start; the time of the one step, "
        "0.3, is where a flow's network, shown pure noise of that strength, already sees garments. The network goes "
        "at an eighth of the discriminator's rate, and the penalties are lighter than r3gan's: at one rate, the "
        "network, which comes trained, outran its judge. A tenth of the images come without a class.",
        half=True,
    ),
)
