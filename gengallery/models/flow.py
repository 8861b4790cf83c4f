"""Flow matching: a velocity field that carries noise to images, learned on straight lines from one to the other.

    x_t = (1 - t) z + t x,  z ~ N(0, I),  loss = E |v(x_t, t, c) - (x - z)|^2    (Lipman et al., eq. 23)
    dx/dt = v(x, t, -) + w (v(x, t, c) - v(x, t, -))                             (Ho and Salimans, eq. 6)

The network learns the mean velocity of all lines through a point. Integrating it turns noise into images: `decode`
goes from t = 0 to 1, `encode` back. Training drops the class of a tenth of the images, so that the network learns both
velocities that guidance w combines: w = 1 follows the class as learned, more exaggerates it (J. Ho, T. Salimans 2022,
"Classifier-Free Diffusion Guidance", https://arxiv.org/abs/2207.12598). Guidance starts at a time above 0: at high
noise it reduces the variety within a class (T. Kynkaanniemi et al. 2024, https://arxiv.org/abs/2404.07724, section 3,
who leave it out there).

Here x are pixels, shifted and scaled to mean 0 and variance 1 over the data set. Times are drawn from a logit-normal
distribution, since the middle times are the hardest (Esser et al. 2024, https://arxiv.org/abs/2403.03206, section 3.1).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from gengallery.checks import check_guidance, check_number, check_sizes, check_tuple
from gengallery.families import Family
from gengallery.learners.learner import Descent
from gengallery.model.model import Model
from gengallery.model.spec import Card, Condition, Config, Options, Paper, Recipe
from gengallery.nn.unet import UNet
from gengallery.ode import midpoint
from gengallery.priors.noise import NORMAL, Noise, normal_like
from gengallery.text import Text


@dataclass(frozen=True)
class FlowConfig(Config):
    widths: tuple[int, int] = (64, 128)  # channels at half and at a quarter of the size
    blocks: tuple[int, int] = (2, 3)  # residual blocks at each of these sizes
    steps: int = 10  # of the midpoint rule, from noise to image
    exact_steps: int = 60  # of `encode` and `reconstruct`, so that decoding undoes encoding
    guidance: float = 1.0
    guided_from: float = 0.0  # the time, from 0 to 1, before which guidance is 1

    def __post_init__(self) -> None:
        check_sizes(steps=self.steps, exact_steps=self.exact_steps)
        check_tuple("widths", self.widths, 2)
        check_tuple("blocks", self.blocks, 2)
        check_guidance(self.guidance)
        check_number("guided_from", self.guided_from, 0, 1)

    @property
    def latent(self) -> int:
        return self.image.pixels

    @property
    def options(self) -> Options:
        conditional = bool(self.image.classes)
        return Options(label=conditional, guidance=self.guidance if conditional else None, steps=self.steps)


class Flow(Model):
    """Class-conditional flow matching on pixels, by a U-Net. The latents are noise of the size of the images."""

    family = "flow"
    config_type = FlowConfig
    title = Text("Flow matching", pt="Flow matching")
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
        Text(
            "The family nearest to the data, in detail and in variety; and the loss shows directly how training goes.",
            pt="A família mais próxima dos dados, em detalhe e em variedade; e a perda mostra diretamente como vai o "
            "treino.",
        ),
        Text(
            "Class, guidance and number of steps are chosen after training.",
            pt="Classe, orientação e número de passos são escolhidos depois do treino.",
        ),
        Text(
            "Invertible: integrated backwards, it gives the noise of any image, without a search.",
            pt="Invertível: integrado no sentido contrário, dá o ruído de qualquer imagem, sem busca.",
        ),
    )
    weaknesses = (
        Text(
            "The slowest to sample: ten evaluations of a large network an image, each doubled while guidance is on.",
            pt="O mais lento para gerar: dez avaliações de uma rede grande por imagem, cada uma dobrada enquanto a "
            "orientação atua.",
        ),
        Text(
            "The latent is as large as the image and says nothing at a glance.",
            pt="O latente é tão grande quanto a imagem e não diz nada à primeira vista.",
        ),
    )
    config: FlowConfig

    def __init__(self, config: FlowConfig):
        super().__init__(config)
        self.unet = UNet(config.widths, config.blocks, config.image)
        self.prior = Noise(NORMAL, config.latent)

    def velocity(self, x: Tensor, t: float, condition: Condition) -> Tensor:
        """The velocity (n, C, H, W) of points `x` (n, C, H, W) at the time `t`, with guidance."""
        labels, no_class = condition.labels, torch.full_like(condition.labels, self.image.no_class)
        time = torch.full((len(x),), t, dtype=torch.float32, device=x.device)
        if condition.guidance == 0:
            return self._predict(x, time, no_class)
        if condition.guidance == 1 or t < self.config.guided_from or bool((labels == no_class).all()):
            return self._predict(x, time, labels)
        # Both in one pass; they are equal where no class is given, and cancel.
        both = self._predict(torch.cat([x, x]), time.repeat(2), torch.cat([labels, no_class]))
        conditional, unconditional = both.chunk(2)
        return unconditional + condition.guidance * (conditional - unconditional)

    def _predict(self, x: Tensor, time: Tensor, labels: Tensor) -> Tensor:
        velocity: Tensor = self.unet(x, time, labels)
        return velocity

    def path(self, z: Tensor, condition: Condition) -> Iterator[Tensor]:
        # (n, C * H * W) -> (n, C, H, W). Convolutions are faster with the channels innermost.
        noise = z.unflatten(1, self.image.shape).contiguous(memory_format=torch.channels_last)
        for x in midpoint(lambda x, t: self.velocity(x, t, condition), noise, 0.0, 1.0, condition.steps):
            yield (x * self.image.std + self.image.mean).clamp(0, 1)

    def decoder(self, z: Tensor, condition: Condition) -> Tensor:
        *_, images = self.path(z, condition)
        return images

    def encoder(self, images: Tensor, condition: Condition) -> Tensor:
        x = (images - self.image.mean) / self.image.std
        *_, z = midpoint(lambda x, t: self.velocity(x, t, condition), x, 1.0, 0.0, condition.steps)
        return z.flatten(1)

    @property
    def inversion_defaults(self) -> dict[str, Any]:
        # No guidance, since images lie on no guided path; more steps, since the errors of both directions add up.
        guidance = {} if self.options.guidance is None else {"guidance": 1.0}
        return {**guidance, "steps": self.config.exact_steps}

    def losses(self, images: Tensor, labels: Tensor, rng: np.random.Generator) -> dict[str, Tensor]:
        x = (images - self.image.mean) / self.image.std
        z = normal_like(x, rng)
        t = torch.sigmoid(normal_like(x[:, 0, 0, 0], rng))
        time = t[:, None, None, None]
        x_t = ((1 - time) * z + time * x).contiguous(memory_format=torch.channels_last)
        return {"flow": F.mse_loss(self._predict(x_t, t, labels).float(), x - z)}


CARDS = (
    Card(
        name="flow",
        model=Flow,
        config=FlowConfig(steps=5, guidance=1.3, guided_from=0.25),
        recipe=Recipe(epochs=36, lr=1e-3, betas=(0.9, 0.99), warmup=0.02, ema_decay=0.9995, bfloat16=True),
        summary=Text(
            "Flow matching with classes and guidance, which turns noise into garments step by step.",
            pt="Flow matching com classes e orientação, que transforma ruído em peças de roupa passo a passo.",
        ),
        notes=Text(
            "A U-Net on pixels, which it takes in squares of 2 × 2, with one normalisation a block. A tenth of the "
            "training images have no class. Five steps of the midpoint rule evaluate the network ten times; more steps "
            "come closer to the exact solution, but not to the data. Guidance starts after a quarter of the way, so "
            "that variety stays, and then needs two velocities each time. Encoding and reconstructing take sixty "
            "steps, so that decoding undoes encoding.",
            pt="Uma U-Net sobre pixels, que ela recebe em quadrados de 2 × 2, com uma normalização por bloco. Um "
            "décimo das imagens de treino não tem classe. Cinco passos da regra do ponto médio avaliam a rede dez "
            "vezes; mais passos chegam mais perto da solução exata, mas não dos dados. A orientação começa depois de "
            "um quarto do caminho, para que a variedade fique, e então exige duas velocidades de cada vez. Codificar e "
            "reconstruir usam sessenta passos, para que decodificar desfaça a codificação.",
        ),
        float16=True,
    ),
)
FAMILY = Family(
    name="flow",
    model=Flow,
    learner=Descent,
    cards=CARDS,
    compared=replace(
        CARDS[0],
        name="flow_200k",
        config=FlowConfig((32, 48), (1, 2), steps=5, guidance=1.3, guided_from=0.25),
        recipe=replace(CARDS[0].recipe, epochs=1, batch=64, lr=2e-3, ema_decay=0.99),
    ),
)
