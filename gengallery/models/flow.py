"""Flow matching: noise that flows into images along straight lines, learned from pairs of both.

    x_t = (1 - t) z + t x,  z ~ N(0, I),  loss = E |v(x_t, t, c) - (x - z)|^2    (Lipman et al., eq. 23)
    dx/dt = v(x, t, -) + w (v(x, t, c) - v(x, t, -))                             (Ho and Salimans, eq. 6)

The network learns the mean velocity of all lines through a point, and following it turns noise into images: `decode`
goes from t = 0 to 1, `encode` back. A tenth of the images are shown without their class, so that the network knows
both velocities that guidance w weighs against one another: 1 takes the class as learned, more exaggerates it
(J. Ho, T. Salimans 2022, "Classifier-Free Diffusion Guidance", https://arxiv.org/abs/2207.12598). Guidance sets in on
the way: in the noise of the beginning it would choose among the images of a class (T. Kynkaanniemi et al. 2024,
https://arxiv.org/abs/2404.07724, section 3, who leave it out there).

Here x are pixels, shifted and scaled to mean 0 and variance 1 over the data set. Times are drawn as the logistic
function of normal numbers, for the middle of the way is the hardest (Esser et al. 2024, https://arxiv.org/abs/2403.03206,
section 3.1).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from gengallery.images import NO_CLASS, PIXELS, SHAPE
from gengallery.model import (
    Card,
    Condition,
    Config,
    Descent,
    Model,
    Options,
    Paper,
    Recipe,
    check_guidance,
    check_pairs,
    check_sizes,
)
from gengallery.noise import NORMAL, Noise, standard_normal
from gengallery.ode import midpoint
from gengallery.unet import DEVIATION, MEAN, UNet


@dataclass(frozen=True)
class FlowConfig(Config):
    widths: tuple[int, int] = (64, 128)  # channels at 14 x 14 and at 7 x 7
    blocks: tuple[int, int] = (2, 3)  # residual blocks there
    steps: int = 10  # of the midpoint rule, from noise to image
    exact_steps: int = 60  # the same where the way back must be undone
    guidance: float = 1.0
    guided_from: float = 0.0  # the time, from 0 to 1, before which guidance is as if 1

    def __post_init__(self):
        check_sizes(steps=self.steps, exact_steps=self.exact_steps)
        check_pairs(widths=self.widths, blocks=self.blocks)
        check_guidance(self.guidance)
        if not isinstance(self.guided_from, (int, float)) or not 0 <= self.guided_from <= 1:
            raise ValueError(f"guided_from: expected a number from 0 to 1, found {self.guided_from!r}")

    @property
    def latent(self) -> int:
        return PIXELS

    @property
    def options(self) -> Options:
        return Options(label=True, guidance=self.guidance, steps=self.steps)


class Flow(Model):
    """Conditional flow matching in pixels, by a U-Net; its latents are noise of the images' own size."""

    config_type = FlowConfig
    title = "Flow matching"
    paper = Paper(
        "Y. Lipman, R. T. Q. Chen, H. Ben-Hamu, M. Nickel, M. Le",
        "Flow Matching for Generative Modeling",
        2022,
        "https://arxiv.org/abs/2210.02747",
    )
    equations = (
        "x_t = (1 - t) z + t x,  z ~ N(0, I)",
        "loss = E |v(x_t, t, c) - (x - z)|²",
        "dx/dt = v(x, t, -) + w (v(x, t, c) - v(x, t, -))",
    )
    strengths = (
        "The nearest to the data of all, in detail and in variety, and the loss says plainly how training goes.",
        "Class, strictness and number of steps are chosen after training.",
        "Runs backwards: every image has its noise, found without a search.",
    )
    weaknesses = (
        "The slowest to draw: a large network, asked ten times for one image, and again where guidance is at work.",
        "The latent is as large as the image and says nothing at a glance.",
    )
    config: FlowConfig

    def __init__(self, config: FlowConfig):
        super().__init__(config)
        self.unet = UNet(config.widths, config.blocks)
        self.prior = Noise(NORMAL, config.latent)

    def velocity(self, x: Tensor, t: float, condition: Condition) -> Tensor:
        """The guided velocity of points (n, 1, 28, 28) at the time t."""
        labels, none = condition.labels, torch.full_like(condition.labels, NO_CLASS)
        time = torch.full((len(x),), t)
        if condition.guidance == 0:
            return self.unet(x, time, none)
        if condition.guidance == 1 or t < self.config.guided_from or bool((labels == NO_CLASS).all()):
            return self.unet(x, time, labels)
        # One pass for both; where no class is told they are the same, and cancel.
        both = self.unet(torch.cat([x, x]), time.repeat(2), torch.cat([labels, none]))
        told, untold = both.chunk(2)
        return untold + condition.guidance * (told - untold)

    def path(self, z: Tensor, condition: Condition) -> Iterator[Tensor]:
        # (n, 784) -> (n, 1, 28, 28); the network's convolutions are faster with the channels innermost
        noise = z.unflatten(1, SHAPE).contiguous(memory_format=torch.channels_last)
        for x in midpoint(lambda x, t: self.velocity(x, t, condition), noise, 0.0, 1.0, condition.steps):
            yield (x * DEVIATION + MEAN).clamp(0, 1)

    def decoder(self, z: Tensor, condition: Condition) -> Tensor:
        *_, images = self.path(z, condition)
        return images

    def encoder(self, images: Tensor, condition: Condition) -> Tensor:
        x = (images - MEAN) / DEVIATION
        *_, z = midpoint(lambda x, t: self.velocity(x, t, condition), x, 1.0, 0.0, condition.steps)
        return z.flatten(1)

    @property
    def exact(self) -> dict[str, Any]:
        # Guidance bends the way, and an image is on no guided one; more steps, since errors back and forth add up.
        return {"guidance": 1.0, "steps": self.config.exact_steps}

    def losses(self, images: Tensor, labels: Tensor, rng: np.random.Generator) -> dict[str, Tensor]:
        x = (images - MEAN) / DEVIATION
        z = standard_normal(tuple(x.shape), rng)
        t = torch.sigmoid(standard_normal((len(x),), rng))
        time = t[:, None, None, None]
        x_t = ((1 - time) * z + time * x).contiguous(memory_format=torch.channels_last)
        return {"flow": F.mse_loss(self.unet(x_t, t, labels).float(), x - z)}


MODEL = Flow
LEARNER = Descent
CARDS = (
    Card(
        name="flow",
        model=Flow,
        config=FlowConfig(steps=5, guidance=1.3, guided_from=0.25),
        recipe=Recipe(epochs=36, rate=1e-3, betas=(0.9, 0.99), warmup=0.02, average=0.9995, bfloat16=True),
        summary="Flow matching with classes and guidance: noise that flows into garments, step by step.",
        notes="In pixels, by a U-Net that works on squares of 2 × 2 pixels and normalises once a block. A tenth of "
        "the images come without a class. Five steps of the midpoint rule ask the network ten times; more come "
        "closer to the exact answer, but not to the data. Guidance sets in after a quarter of the way, so that variety "
        "stays, and then asks for two velocities each time. Encoding and reconstructing take sixty steps, so that "
        "the way back meets the way out.",
        half=True,
    ),
)
# Of some 200,000 parameters, for trainings of seconds: see `gengallery.models.compared`.
COMPARED = replace(
    CARDS[0],
    name="flow_200k",
    config=FlowConfig((32, 48), (1, 2), steps=5, guidance=1.3, guided_from=0.25),
    recipe=replace(CARDS[0].recipe, epochs=1, batch=64, rate=2e-3, average=0.99),
)
