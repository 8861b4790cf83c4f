"""A flow in one step: the network of `gengallery.models.flow`, taught by a discriminator to arrive at once.

    y = (1 - t) z,  x = y + (1 - t) v(y, t, c),  z ~ N(0, I)

From a place y with as much noise as a flow's at the time t, the network's velocity is followed to the end in one
straight step. The network starts as the flow's, which at this time sees garments in pure noise (as M. Zhou et al.
2024, "Score identity Distillation", https://arxiv.org/abs/2404.04057, start theirs), and goes on in the training of
`gengallery.learners.adversarial` against real images. The discriminator starts from the flow's network too, its first
half: what a network has learned in order to draw, tells it what to look for (A. Sauer et al. 2024, who keep that network
as it is, add noise to what it sees, and learn from the teacher's images).
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gengallery.checks import check_number, check_tuple
from gengallery.data import ImageSpec
from gengallery.families import Family
from gengallery.learners.adversarial import RelativisticLearner, RelativisticRecipe
from gengallery.model.model import Model
from gengallery.model.spec import Card, Condition, Config, Options, Paper
from gengallery.nn.inversion import search
from gengallery.nn.unet import UNet, UNetEncoder
from gengallery.priors.noise import NORMAL, Noise


@dataclass(frozen=True)
class OneStepConfig(Config):
    widths: tuple[int, int] = (64, 128)  # channels at half and at a quarter of the size
    blocks: tuple[int, int] = (2, 3)  # residual blocks there
    time: float = 0.3  # of the one step's start, from 0 to 1

    def __post_init__(self) -> None:
        check_tuple("widths", self.widths, 2)
        check_tuple("blocks", self.blocks, 2)
        check_number("time", self.time, 0, 0.999)

    @property
    def latent(self) -> int:
        return self.image.pixels

    @property
    def options(self) -> Options:
        return Options(label=bool(self.image.classes))


class OneStep(Model):
    """A flow's network in one step. It has no way back: `encode` and `reconstruct` search, as `gengallery.inversion`
    says."""

    family = "onestep"
    config_type = OneStepConfig
    title = "One-step flow"
    paper = Paper(
        "A. Sauer, F. Boesel, T. Dockhorn, A. Blattmann, P. Esser, R. Rombach",
        "Fast High-Resolution Image Synthesis with Latent Adversarial Diffusion Distillation",
        2024,
        "https://arxiv.org/abs/2403.12015",
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
        self.unet = UNet(config.widths, config.blocks, config.image)
        self.prior = Noise(NORMAL, config.latent)

    def decoder(self, z: Tensor, condition: Condition) -> Tensor:
        left = 1 - self.config.time
        y = left * z.unflatten(1, self.image.shape).contiguous(memory_format=torch.channels_last)
        time = torch.full((len(z),), self.config.time, dtype=torch.float32, device=z.device)
        v = self.unet(y, time, condition.labels).to(y.dtype)
        images: Tensor = (y + left * v) * self.image.std + self.image.mean
        return images.clamp(0, 1)

    def encoder(self, images: Tensor, condition: Condition) -> Tensor:
        return search(self.decoder, self.prior, images, condition)


class FlowDiscriminator(nn.Module):
    """The first half of a flow's network as a discriminator: images and classes to one number each, high for what
    looks real."""

    def __init__(self, widths: tuple[int, int], blocks: tuple[int, int], image: ImageSpec):
        super().__init__()
        coarse = widths[1]
        self.image = image
        self.unet = UNetEncoder(widths, blocks, image)
        self.logit = nn.Sequential(
            nn.SiLU(),
            nn.Conv2d(coarse, coarse, image.quarter),  # (n, coarse, 1, 1)
            nn.Flatten(),
            nn.SiLU(),
            nn.Linear(coarse, 1),
        )

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        """Images (n, C, H, W) in [0, 1] and classes (n) to (n)."""
        end = torch.ones(len(images), dtype=torch.float32, device=images.device)  # the time at which there is no noise
        x = (images - self.image.mean) / self.image.std
        _, maps = self.unet.encode(x, self.unet.embed(end, labels))
        logits: Tensor = self.logit(maps).squeeze(1)
        return logits


class OneStepLearner(RelativisticLearner):
    """Trains the flow's network against a discriminator that starts from its first half."""

    discriminator_type = FlowDiscriminator


CARDS = (
    Card(
        name="flow_1",
        model=OneStep,
        config=OneStepConfig(),
        recipe=RelativisticRecipe(
            epochs=5,
            batch=64,
            lr=2e-4,
            generator_lr=5e-5,
            gamma=0.3,
            betas=(0.0, 0.99),
            cosine=False,
            ema_decay=0.9995,
            bfloat16=True,
        ),
        start="flow",
        summary="The flow in one step: its network, taught by a discriminator to arrive at once.",
        notes="The flow's weights are the start of both sides: of all the network, and of the discriminator, which is "
        "its first half with one block at each size. The time of the one step, 0.3, is where a flow's network, shown "
        "pure noise of that strength, already sees garments. The network goes at a quarter of the discriminator's "
        "rate: at one rate, it outran its judge. Five epochs, and no more: then the discriminator begins to know the "
        "training images by heart, and the samples move away from the data. r3gan, which starts from nothing, comes "
        "nearer to it, in one pass too. A tenth of the images come without a class.",
        float16=True,
    ),
)
FAMILY = Family(name="onestep", model=OneStep, learner=OneStepLearner, cards=CARDS)
