"""Quantised autoencoders: the latent is a grid of discrete codes, as in a VQ-VAE, and a flow generates such latents.

    e = encoder(x): H/4 x W/4 x 4,  z = 2 round((tanh(e) + 1) / 2 (L - 1)) / (L - 1) - 1,  x' = decoder(z)
    loss = mean over pixels of (x - x')^2

The VQ-VAE replaces each vector by the nearest in a learned codebook. Here each number is rounded to one of L evenly
spaced levels, with a straight-through gradient: finite scalar quantisation (F. Mentzer, D. Minnen, E. Agustsson,
M. Tschannen 2023, https://arxiv.org/abs/2309.15505, section 3.1), which needs no loss but the reconstruction's and
leaves no code unused. An image is encoded as H/4 * W/4 * 4 numbers of log2 L bits.

The prior of the VQ-VAE is a PixelCNN over the codes; here it is a small flow, whose samples are rounded (see
`gengallery.priors`).
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gengallery.checks import check_sizes, check_tuple, check_whole
from gengallery.families import Family
from gengallery.learners.learner import Descent
from gengallery.model.latents import LatentStatistics
from gengallery.model.model import Model
from gengallery.model.spec import Card, Condition, Config, Paper, Recipe
from gengallery.nn.layers import NEGATIVE_SLOPE, residuals
from gengallery.priors import FLOW, MIXTURE, Fitted, check_prior, fitted
from gengallery.text import Text


@dataclass(frozen=True)
class VqvaeConfig(Config):
    channels: int = 4  # numbers at each of the H/4 x W/4 places
    levels: int = 16  # of each number
    widths: tuple[int, int] = (64, 128)  # channels at half and at a quarter of the size
    blocks: tuple[int, int] = (1, 2)  # residual blocks at each of these sizes, in encoder and decoder
    prior: str = FLOW  # "gaussian", "mixture" or "flow", fitted to the encoded data
    components: int = 1  # of the prior, where it is a mixture

    def __post_init__(self) -> None:
        check_sizes(channels=self.channels, components=self.components)
        check_tuple("widths", self.widths, 2)
        check_tuple("blocks", self.blocks, 2)
        check_prior(self.prior)
        check_whole("levels", self.levels, 2, 65536)

    @property
    def latent(self) -> int:
        return math.prod(self.image.quarter) * self.channels

    @property
    def bits(self) -> float:
        """How many bits a latent has."""
        return self.latent * math.log2(self.levels)


class Vqvae(Model):
    """A convolutional autoencoder with a quantised latent of H/4 x W/4 places.

    Latents are (n, H/4 * W/4 * channels), place after place in row-major order, each number in [-1, 1]. `encode` gives
    quantised numbers, and `decode` quantises its input.
    """

    family = "vqvae"
    config_type = VqvaeConfig
    title = Text("Quantised autoencoder", pt="Autoencoder quantizado")
    paper = Paper(
        "A. van den Oord, O. Vinyals, K. Kavukcuoglu",
        "Neural Discrete Representation Learning",
        2017,
        "https://arxiv.org/abs/1711.00937",
    )
    equations = (
        "z = round(tanh(encoder(x))) to L levels,  x' = decoder(z)",
        "loss = mean over pixels of (x - x')²",
    )
    strengths = (
        Text(
            "The best reconstructions of all families, and a latent whose size in bits is known.",
            pt="As melhores reconstruções de todas as famílias, e um latente cujo tamanho em bits é conhecido.",
        ),
        Text(
            "The latent is a small image too: each of its places describes the same place of the image.",
            pt="O latente também é uma pequena imagem: cada posição dele descreve a mesma posição da imagem.",
        ),
    )
    weaknesses = (
        Text(
            "The latent has many numbers that each say little: no two of them make a map of the data.",
            pt="O latente tem muitos números, e cada um diz pouco: não há dois que formem um mapa dos dados.",
        ),
        Text(
            "A second model has to generate the latents, and samples are no better than that model.",
            pt="Um segundo modelo tem de gerar os latentes, e as amostras não são melhores que esse modelo.",
        ),
    )
    config: VqvaeConfig
    prior: Fitted

    def __init__(self, config: VqvaeConfig):
        super().__init__(config)
        fine, coarse = config.widths
        self.inward = nn.Sequential(
            nn.PixelUnshuffle(2),
            nn.Conv2d(4 * config.image.channels, fine, 3, padding=1),  # (n, fine, H/2, W/2)
            residuals(fine, config.blocks[0]),
            nn.Conv2d(fine, coarse, 3, stride=2, padding=1),  # (n, coarse, H/4, W/4)
            residuals(coarse, config.blocks[1]),
            nn.LeakyReLU(NEGATIVE_SLOPE),
            nn.Conv2d(coarse, config.channels, 1),
        )
        self.outward = nn.Sequential(
            nn.Conv2d(config.channels, coarse, 3, padding=1),  # (n, coarse, H/4, W/4)
            residuals(coarse, config.blocks[1]),
            nn.LeakyReLU(NEGATIVE_SLOPE),
            nn.Conv2d(coarse, 4 * fine, 1),
            nn.PixelShuffle(2),  # (n, fine, H/2, W/2)
            residuals(fine, config.blocks[0]),
            nn.LeakyReLU(NEGATIVE_SLOPE),
            nn.Conv2d(fine, 4 * config.image.channels, 3, padding=1),
            nn.PixelShuffle(2),  # (n, C, H, W)
        )
        self.prior = fitted(config.prior, config.latent, config.components)
        self.statistics = LatentStatistics(config.latent, len(config.image.classes))

    def encoder(self, images: Tensor, condition: Condition) -> Tensor:
        maps = torch.tanh(self.inward(images).to(images.dtype))  # (n, channels, H/4, W/4)
        return self.rounded(maps.permute(0, 2, 3, 1).flatten(1))  # (n, H/4 * W/4 * channels)

    def decoder(self, z: Tensor, condition: Condition) -> Tensor:
        maps = self.rounded(z).unflatten(1, (*self.image.quarter, self.config.channels)).permute(0, 3, 1, 2)
        return torch.sigmoid(self.outward(maps))

    def rounded(self, z: Tensor) -> Tensor:
        """`z` (n, d) rounded to the nearest levels, with a straight-through gradient (Y. Bengio, N. Leonard, A.
        Courville 2013, https://arxiv.org/abs/1308.3432)."""
        half = (self.config.levels - 1) / 2
        nearest = ((z.clamp(-1, 1) + 1) * half).round() / half - 1
        return z + (nearest - z).detach() if z.requires_grad else nearest

    def fit_prior(self, batches: Iterable[tuple[Tensor, Tensor]], seed: int) -> None:
        self.prior.fit(torch.cat([self.encode(images) for images, _ in batches]), seed)

    def losses(self, images: Tensor, labels: Tensor, rng: np.random.Generator) -> dict[str, Tensor]:
        condition = Condition(labels)
        return {"mse": F.mse_loss(self.decoder(self.encoder(images, condition), condition).to(images.dtype), images)}


CARDS = (
    Card(
        name="vqvae",
        model=Vqvae,
        config=VqvaeConfig(),
        recipe=Recipe(epochs=3, lr=2e-3, betas=(0.9, 0.99), warmup=0.05, ema_decay=0.99, bfloat16=True),
        summary=Text(
            "An autoencoder whose latent is a grid of 7 × 7 places, 784 bits, with a flow that generates such latents.",
            pt="Um autoencoder cujo latente é uma grade de 7 × 7 posições, 784 bits, com um fluxo que gera latentes "
            "assim.",
        ),
        notes=Text(
            "Instead of the codebook, each number is rounded to one of 16 levels; instead of the PixelCNN, a flow of "
            "dense layers is fitted to the encoded training set, and its samples are rounded. An image is encoded as "
            "7 × 7 × 4 numbers of 4 bits.",
            pt="Em vez do codebook, cada número é arredondado a um de 16 níveis; em vez da PixelCNN, um fluxo de "
            "camadas densas é ajustado ao conjunto de treino codificado, e as suas amostras são arredondadas. Uma "
            "imagem é codificada em 7 × 7 × 4 números de 4 bits.",
        ),
        float16=True,
    ),
)
FAMILY = Family(
    name="vqvae",
    model=Vqvae,
    learner=Descent,
    cards=CARDS,
    # With a mixture as the prior, since a flow over so many numbers has ten times the parameters of the rest.
    compared=replace(
        CARDS[0],
        name="vqvae_200k",
        config=VqvaeConfig(widths=(24, 48), blocks=(1, 2), prior=MIXTURE, components=20),
        recipe=replace(CARDS[0].recipe, epochs=1, batch=64, ema_decay=0.99),
    ),
)
