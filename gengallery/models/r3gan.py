"""R3GAN: a small convolutional generator conditioned on the class, trained by a loss that converges.

    [z, c] -> dense -> H/4 x W/4 -> residual blocks -> H/2 x W/2 -> residual blocks -> pixel shuffle -> sigmoid

The losses are in `gengallery.learners.adversarial`. The networks differ from the paper's: they are smaller, have plain
3 x 3 convolutions instead of grouped bottlenecks, and take the class as an embedding beside the noise.
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
from gengallery.text import Text


@dataclass(frozen=True)
class R3ganConfig(Config):
    noise_dim: int = 64
    widths: tuple[int, int] = (64, 128)  # channels at half and at a quarter of the size
    blocks: tuple[int, int] = (2, 2)  # residual blocks at each of these sizes

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
    """A convolutional generator conditioned on the class. It has no encoder: `encode` and `reconstruct` search, see
    `gengallery.nn.inversion`."""

    family = "r3gan"
    config_type = R3ganConfig
    title = Text("R3GAN", pt="R3GAN")
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
        Text(
            "Sharp, varied images from one pass of a small network: many times nearer to the data than the report's "
            "GANs.",
            pt="Imagens nítidas e variadas com uma passagem por uma rede pequena: muitas vezes mais perto dos dados "
            "que as GANs do relatório.",
        ),
        Text(
            "Training converges: a generated image is compared with a real one, and gradients at both are penalised.",
            pt="O treino converge: cada imagem gerada é comparada com uma real, e os gradientes em ambas são "
            "penalizados.",
        ),
    )
    weaknesses = (
        Text(
            "Training is expensive: nearly fifty times the operations of the report's GANs.",
            pt="O treino é caro: quase cinquenta vezes as operações das GANs do relatório.",
        ),
        Text(
            "No encoder: the latent of a given image has to be found by a search.",
            pt="Sem codificador: o latente de uma imagem dada tem de ser encontrado por uma busca.",
        ),
    )
    searches = True
    config: R3ganConfig

    def __init__(self, config: R3ganConfig):
        super().__init__(config)
        fine, coarse = config.widths
        self.label = nn.Embedding(len(config.image.classes) + 1, config.noise_dim)  # the last row stands for no class
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
        summary=Text(
            "A small convolutional GAN conditioned on the class, trained by a modern loss that converges.",
            pt="Uma pequena GAN convolucional condicionada à classe, treinada com uma perda moderna que converge.",
        ),
        notes=Text(
            "The loss is the paper's, and the networks have no normalisation, as there; but they are small, with plain "
            "3 × 3 convolutions, the penalties are computed every fourth step at four times the weight, the class is "
            "joined to the noise and, by projection, to the discriminator's logit, and the generator is a moving "
            "average over the steps. A tenth of the training images have no class.",
            pt="A perda é a do artigo, e as redes não têm normalização, como lá; mas são pequenas, com convoluções "
            "3 × 3 simples, as penalidades são calculadas a cada quatro passos com quatro vezes o peso, a classe é "
            "unida ao ruído e, por projeção, ao logit do discriminador, e o gerador é uma média móvel ao longo dos "
            "passos. Um décimo das imagens de treino não tem classe.",
        ),
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
