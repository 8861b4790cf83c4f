"""One-step flow: the network of `gengallery.models.flow`, distilled to a single step by adversarial training.

    y = (1 - t) z,  x = y + (1 - t) v(y, t, c),  z ~ N(0, I)

y has as much noise as a flow's x_t at the time t; one straight step along the network's velocity takes it to the image.
The network starts from the flow's weights, which at this time already predict images from pure noise (M. Zhou et al.
2024, "Score identity Distillation", https://arxiv.org/abs/2404.04057, start theirs so), and is trained further by
`gengallery.learners.adversarial` on real images. The discriminator starts from the first half of the flow's network,
whose features suit it (A. Sauer et al. 2024, who keep that network fixed, add noise to its input, and train on images
that the teacher generates).
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
from gengallery.text import Text


@dataclass(frozen=True)
class OneStepConfig(Config):
    widths: tuple[int, int] = (64, 128)  # channels at half and at a quarter of the size
    blocks: tuple[int, int] = (2, 3)  # residual blocks at each of these sizes
    time: float = 0.3  # at which the one step starts, from 0 to 1

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
    """A flow's network in one step. It is not invertible: `encode` and `reconstruct` search, see
    `gengallery.nn.inversion`."""

    family = "onestep"
    config_type = OneStepConfig
    title = Text("One-step flow", pt="Fluxo em um passo")
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
        Text(
            "One pass through the flow's network, where the flow takes more than ten.",
            pt="Uma passagem pela rede do fluxo, onde o fluxo faz mais de dez.",
        ),
        Text(
            "Training is short, since it starts from the weights of a trained flow.",
            pt="O treino é curto, pois parte dos pesos de um fluxo treinado.",
        ),
    )
    weaknesses = (
        Text(
            "Neither guidance nor the number of steps can be chosen.",
            pt="Nem a orientação nem o número de passos podem ser escolhidos.",
        ),
        Text(
            "No longer invertible: the latent of a given image has to be found by a search.",
            pt="Não é mais invertível: o latente de uma imagem dada tem de ser encontrado por uma busca.",
        ),
    )
    searches = True
    config: OneStepConfig

    def __init__(self, config: OneStepConfig):
        super().__init__(config)
        self.unet = UNet(config.widths, config.blocks, config.image)
        self.prior = Noise(NORMAL, config.latent)

    def decoder(self, z: Tensor, condition: Condition) -> Tensor:
        remaining = 1 - self.config.time
        y = remaining * z.unflatten(1, self.image.shape).contiguous(memory_format=torch.channels_last)
        time = torch.full((len(z),), self.config.time, dtype=torch.float32, device=z.device)
        v = self.unet(y, time, condition.labels).to(y.dtype)
        images: Tensor = (y + remaining * v) * self.image.std + self.image.mean
        return images.clamp(0, 1)

    def encoder(self, images: Tensor, condition: Condition) -> Tensor:
        return search(self.decoder, self.prior, images, condition)


class FlowDiscriminator(nn.Module):
    """The first half of a flow's network as a discriminator: images and classes to one logit each, high for real
    images."""

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
        """Images (n, C, H, W) in [0, 1] and classes (n) to logits (n)."""
        end = torch.ones(len(images), dtype=torch.float32, device=images.device)  # the time without noise
        x = (images - self.image.mean) / self.image.std
        _, maps = self.unet.encode(x, self.unet.embed(end, labels))
        logits: Tensor = self.logit(maps).squeeze(1)
        return logits


class OneStepLearner(RelativisticLearner):
    """Trains a flow's network against a discriminator that starts from the first half of it."""

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
        summary=Text(
            "The flow in one step: its network, trained against a discriminator to generate an image in one pass.",
            pt="O fluxo em um passo: a sua rede, treinada contra um discriminador para gerar uma imagem em uma "
            "passagem.",
        ),
        notes=Text(
            "Both networks start from the flow's weights: the generator from all of them, the discriminator from the "
            "first half of the network, with one block at each size. The one step starts at the time 0.3, at which a "
            "flow's network already predicts garments from pure noise of that strength. The generator's learning rate "
            "is a quarter of the discriminator's; at equal rates, the generator learned too fast for the "
            "discriminator. Training stops after five epochs, when the discriminator begins to memorise the training "
            "images and the samples move away from the data. r3gan, which starts from random weights, comes nearer to "
            "the data, also in one pass. A tenth of the training images have no class.",
            pt="As duas redes partem dos pesos do fluxo: o gerador, de todos eles; o discriminador, da primeira metade "
            "da rede, com um bloco em cada tamanho. O único passo começa no tempo 0,3, em que a rede de um fluxo já "
            "prevê roupas a partir de ruído puro dessa intensidade. A taxa de aprendizado do gerador é um quarto da do "
            "discriminador; com taxas iguais, o gerador aprendia rápido demais para o discriminador. O treino para "
            "depois de cinco épocas, quando o discriminador começa a memorizar as imagens de treino e as amostras se "
            "afastam dos dados. A r3gan, que parte de pesos aleatórios, chega mais perto dos dados, também em uma "
            "passagem. Um décimo das imagens de treino não tem classe.",
        ),
        float16=True,
    ),
)
FAMILY = Family(name="onestep", model=OneStep, learner=OneStepLearner, cards=CARDS)
