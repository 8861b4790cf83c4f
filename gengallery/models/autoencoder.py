"""Autoencoders: an encoder to a latent of few numbers, and a decoder back to the image.

    z = relu(W1 x + b1),  x' = sigmoid(W2 z + b2),  loss = mean over pixels of (x - x')^2

The architecture is the report's, which is the first example of TensorFlow's tutorial
(https://tensorflow.org/tutorials/generative/autoencoder): one dense layer in the encoder, one in the decoder.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gengallery.checks import check_sizes
from gengallery.families import Family
from gengallery.learners.learner import Descent
from gengallery.model.latents import LatentStatistics
from gengallery.model.model import Model
from gengallery.model.spec import Card, Condition, Config, Paper, Recipe
from gengallery.nn.layers import start_as_keras
from gengallery.priors import MIXTURE, Fitted, check_prior, fitted
from gengallery.text import Text


@dataclass(frozen=True)
class AutoencoderConfig(Config):
    latent_dim: int  # dimensions of the latent space
    components: int = 1  # of the prior, where it is a mixture
    prior: str = MIXTURE  # "gaussian", "mixture" or "flow", fitted to the encoded data

    def __post_init__(self) -> None:
        check_sizes(latent_dim=self.latent_dim, components=self.components)
        check_prior(self.prior)

    @property
    def latent(self) -> int:
        return self.latent_dim


class Autoencoder(Model):
    """An autoencoder with one dense layer in each direction. Its prior is fitted to the encoded data."""

    family = "autoencoder"
    config_type = AutoencoderConfig
    title = Text("Autoencoder", pt="Autoencoder")
    paper = Paper(
        "G. E. Hinton, R. R. Salakhutdinov",
        "Reducing the Dimensionality of Data with Neural Networks",
        2006,
        "https://doi.org/10.1126/science.1127647",
    )
    equations = (
        "z = relu(W₁ x + b₁),  x' = sigmoid(W₂ z + b₂)",
        "loss = mean over pixels of (x - x')²",
    )
    strengths = (
        Text(
            "The sharpest reconstructions for its size: it is trained to reconstruct, and for nothing else.",
            pt="As reconstruções mais nítidas para o seu tamanho: é treinado só para reconstruir.",
        ),
        Text(
            "Training is fast, and the loss shows directly how well it went.",
            pt="O treino é rápido, e a perda mostra diretamente como ele foi.",
        ),
    )
    weaknesses = (
        Text(
            "Nothing regularises the latent space: points between and beyond the data decode to no plausible image.",
            pt="Nada regulariza o espaço latente: pontos entre os dados e além deles não dão imagens plausíveis.",
        ),
        Text(
            "It has no prior of its own: sampling needs a distribution that is fitted afterwards.",
            pt="Não tem distribuição a priori própria: gerar amostras exige uma distribuição ajustada depois.",
        ),
    )
    config: AutoencoderConfig
    prior: Fitted

    def __init__(self, config: AutoencoderConfig):
        super().__init__(config)
        self.inward = nn.Linear(config.image.pixels, config.latent)
        self.outward = nn.Linear(config.latent, config.image.pixels)
        start_as_keras(self)
        self.prior = fitted(config.prior, config.latent, config.components, nonnegative=True)
        self.statistics = LatentStatistics(config.latent, len(config.image.classes))

    def encoder(self, images: Tensor, condition: Condition) -> Tensor:
        return self._squeeze(images)

    def decoder(self, z: Tensor, condition: Condition) -> Tensor:
        return self._unfold(z)

    def _squeeze(self, images: Tensor) -> Tensor:
        return F.relu(self.inward(images.flatten(1)))  # (n, C, H, W) -> (n, C * H * W) -> (n, d)

    def _unfold(self, z: Tensor) -> Tensor:
        images: Tensor = torch.sigmoid(self.outward(z)).unflatten(1, self.image.shape)
        return images  # (n, d) -> (n, C * H * W) -> (n, C, H, W)

    def fit_prior(self, batches: Iterable[tuple[Tensor, Tensor]], seed: int) -> None:
        self.prior.fit(torch.cat([self.encode(images) for images, _ in batches]), seed)

    def losses(self, images: Tensor, labels: Tensor, rng: np.random.Generator) -> dict[str, Tensor]:
        return {"mse": F.mse_loss(self._unfold(self._squeeze(images)), images)}


def _card(latent: int, components: int, frechet: tuple[float, ...], **reported: float) -> Card:
    """The card of the autoencoder with `latent` numbers and a mixture of `components` Gaussians as its prior.

    `frechet`: Fréchet distances from the test images, in the classifier's features. The first five are of 10,000
    samples of seed 0, by prior, in the order of the notes; the last is of the first 10,000 training images after
    reconstruction.
    """
    unit, scaled, gaussian, mixture, flow, reconstructed = frechet
    pt = [str(distance).replace(".", ",") for distance in frechet]
    return Card(
        name=f"ae_{latent}",
        model=Autoencoder,
        config=AutoencoderConfig(latent, components),
        recipe=Recipe(epochs=60, batch=128, lr=2e-3, warmup=0.02),
        summary=Text(
            f"An autoencoder that encodes an image's 784 pixels as {latent} numbers.",
            pt=f"Um autoencoder que codifica os 784 pixels de uma imagem em {latent} números.",
        ),
        reported=reported,
        report=f"ae_{latent}",
        notes=Text(
            "Architecture and loss are the report's; training is longer, and the learning rate falls to zero. Samples "
            f"come from a mixture of {components} Gaussians with full covariances, fitted to the encoded training set, "
            "where the report adds noise to the mean; negative numbers become zero, since a ReLU gives none. Fréchet "
            f"distances of samples by prior: noise of variance 1 around the mean ({unit}), noise with each latent's "
            f"own variance ({scaled}), one Gaussian with full covariance ({gaussian}), this mixture ({mixture}), a "
            f"small flow-matching network trained for 14 to 30 epochs ({flow}). Reconstructed training images have "
            f"{reconstructed}, about the lowest that a prior fitted to the data can reach.",
            pt="A arquitetura e a perda são as do relatório; o treino é mais longo, e a taxa de aprendizado cai até "
            f"zero. As amostras vêm de uma mistura de {components} gaussianas com covariâncias completas, ajustada ao "
            "conjunto de treino codificado, onde o relatório soma ruído à média; números negativos viram zero, já que "
            "uma ReLU não dá nenhum. Distâncias de Fréchet das amostras, por distribuição a priori: ruído de variância "
            f"1 em torno da média ({pt[0]}), ruído com a variância de cada latente ({pt[1]}), uma gaussiana com "
            f"covariância completa ({pt[2]}), esta mistura ({pt[3]}), uma pequena rede de flow matching treinada por "
            f"14 a 30 épocas ({pt[4]}). As imagens de treino reconstruídas têm {pt[5]}, perto do menor valor que uma "
            "distribuição a priori ajustada aos dados pode alcançar.",
        ),
    )


CARDS = (
    _card(2, 50, (42.9, 26.2, 30.4, 29.3, 29.4, 29.3)),
    _card(16, 50, (23.5, 15.9, 15.3, 10.6, 10.8, 10.3), mse=0.0176),
    _card(64, 100, (18.5, 18.1, 13.5, 5.6, 7.0, 4.8), mse=0.0089),
    _card(128, 50, (21.1, 20.3, 13.1, 4.5, 6.8, 3.1), mse=0.0056),
)
FAMILY = Family(
    name="autoencoder",
    model=Autoencoder,
    learner=Descent,
    cards=CARDS,
    compared=replace(
        CARDS[-1], name="ae_200k", recipe=Recipe(epochs=1, lr=2e-3, warmup=0.02), reported={}, report="", notes=""
    ),
)
