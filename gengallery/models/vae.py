"""Variational autoencoders: an encoder to a distribution over latents, a decoder, and a KL divergence from the prior.

    q(z|x) = N(mean(x), exp(log_variance(x))),  p(z) = N(0, I),  p(x|z) = Bernoulli(sigmoid(logits(z)))
    loss = E_q[-log p(x|z)] + KL(q(z|x) || p(z)),  the negative ELBO (Kingma and Welling, eq. 3 and appendix B)

The reconstruction term is the cross-entropy of grey levels, summed over pixels; the KL is summed over latent
dimensions. Both are means over the batch, reported unweighted. Beta, the weight of the KL, may rise to 1 early in
training, so that latents are used before they are penalised (Sonderby et al. 2016, https://arxiv.org/abs/1602.02282,
section 2.3). The architecture is the report's, which is an example of Keras (https://keras.io/examples/generative/vae).

The conditional model takes the class c, one-hot: q(z|x, c) beside the encoder's last maps, p(x|z, c) beside the
latents; its loss bounds log p(x|c) (D. P. Kingma, D. J. Rezende, S. Mohamed, M. Welling 2014,
https://arxiv.org/abs/1406.5298, section 3, where the class is known; the name is from K. Sohn, H. Lee, X. Yan 2015).
It trains against N(0, I). Then the prior p(z|c) = N(m_c, L_c L_c^T), with z = m_c + L_c u and u ~ N(0, I), is fitted to
the posteriors of each class, which fill only a part of N(0, I) (P. Ghosh et al. 2019, https://arxiv.org/abs/1903.12436,
section 4, fit one so): this improves the bound and the samples. The model's latents are u, of the same mean and
covariance in every class. Training drops the class of a tenth of the images, and for a tenth of the others in the
decoder alone, so that the decoder learns both logits that guidance w combines. It is exact for Bernoulli pixels:

    p_w(x|z, c) ~ p(x|z) (p(x|z, c) / p(x|z))^w,  logits = logits(z, -) + w (logits(z, c) - logits(z, -))

(J. Ho, T. Salimans 2022, https://arxiv.org/abs/2207.12598, eq. 6, for the score of a diffusion model).
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gengallery.checks import check_flags, check_guidance, check_number, check_sizes
from gengallery.families import Family
from gengallery.learners.learner import Learner, adam, drop_labels
from gengallery.model.latents import LatentStatistics
from gengallery.model.model import Model
from gengallery.model.spec import Card, Condition, Config, Options, Paper, Recipe
from gengallery.nn.layers import one_hot, start_as_keras
from gengallery.priors.classwise import ClassGaussians, StandardGaussian, kl_to_standard_normal
from gengallery.priors.noise import normal_like
from gengallery.text import Text


@dataclass(frozen=True)
class VaeConfig(Config):
    latent_dim: int  # dimensions of the latent space
    hidden: int = 16  # units of the dense layer between the convolutions and the two heads
    relu_heads: bool = False  # the report's error: a ReLU on mean and log-variance
    conditional: bool = False  # encoder and decoder take the class
    guidance: float = 1.0  # the default of a conditional model
    truncation: float = 1.0  # of a conditional model's samples: the share of the prior's standard deviation

    def __post_init__(self) -> None:
        check_sizes(latent_dim=self.latent_dim, hidden=self.hidden)
        check_flags(relu_heads=self.relu_heads, conditional=self.conditional)
        check_guidance(self.guidance)
        check_number("truncation", self.truncation, 0.001, 1)
        if self.conditional and not self.image.classes:
            raise ValueError("conditional: expected images with classes, found a data set without")

    @property
    def latent(self) -> int:
        return self.latent_dim

    @property
    def options(self) -> Options:
        return Options(label=True, guidance=self.guidance) if self.conditional else Options()


@dataclass(frozen=True)
class VaeRecipe(Recipe):
    """The recipe of a VAE, with KL warm-up and weight decay."""

    kl_warmup: int = 0  # steps in which beta, the weight of the KL, rises from `beta_start` to 1
    beta_start: float = 0.1
    weight_decay: float = 0.0  # multiplied by the learning rate, in each step


class Vae(Model):
    """A convolutional variational autoencoder. The prior is N(0, I), or one Gaussian for each class."""

    family = "vae"
    config_type = VaeConfig
    title = Text("Variational autoencoder", pt="Autoencoder variacional")
    paper = Paper(
        "D. P. Kingma, M. Welling", "Auto-Encoding Variational Bayes", 2013, "https://arxiv.org/abs/1312.6114"
    )
    equations = (
        "q(z|x) = N(m(x), exp(v(x))),  p(z) = N(0, I)",
        "loss = E_q[-log p(x|z)] + KL(q(z|x) || p(z))",
        "log p(x|z) = Σ_pixels x log y + (1 - x) log(1 - y),  y = decoder(z)",
    )
    strengths = (
        Text(
            "The latent space has no holes: any point near the origin decodes to a plausible image.",
            pt="O espaço latente não tem buracos: qualquer ponto perto da origem dá uma imagem plausível.",
        ),
        Text(
            "Sampling needs no further model, and models can be compared by the loss, a bound on the likelihood.",
            pt="Gerar não exige outro modelo, e a perda, um limite da verossimilhança, permite comparar modelos.",
        ),
    )
    weaknesses = (
        Text(
            "Blurred images: each is a mean of all the images that its latent may stand for.",
            pt="Imagens borradas: cada uma é uma média de todas as imagens que o seu latente pode representar.",
        ),
        Text(
            "The KL term can leave latents unused (posterior collapse): a badly designed model gives the mean image.",
            pt="A KL pode deixar latentes sem uso (colapso da posteriori): um modelo mal projetado dá a imagem média.",
        ),
    )
    config: VaeConfig
    prior: StandardGaussian

    def __init__(self, config: VaeConfig):
        super().__init__(config)
        classes = config.conditional * len(config.image.classes)
        channels, quarter = config.image.channels, config.image.quarter
        units = 64 * math.prod(quarter)
        self.inward = nn.Sequential(
            nn.Conv2d(channels, 32, 3, stride=2, padding=1),  # (n, 32, H/2, W/2)
            nn.ReLU(),
            nn.Conv2d(32, 64, 3, stride=2, padding=1),  # (n, 64, H/4, W/4)
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(units + classes, config.hidden),
            nn.ReLU(),
        )
        self.heads = nn.Linear(config.hidden, 2 * config.latent)  # mean and log-variance, side by side
        self.outward = nn.Sequential(
            nn.Linear(config.latent + classes, units),
            nn.ReLU(),
            nn.Unflatten(1, (64, *quarter)),
            nn.ConvTranspose2d(64, 64, 3, stride=2, padding=1, output_padding=1),  # (n, 64, H/2, W/2)
            nn.ReLU(),
            nn.ConvTranspose2d(64, 32, 3, stride=2, padding=1, output_padding=1),  # (n, 32, H, W)
            nn.ReLU(),
            nn.ConvTranspose2d(32, channels, 3, padding=1),  # (n, C, H, W)
        )
        self.prior = (
            ClassGaussians(config.latent, classes, config.truncation)
            if config.conditional
            else StandardGaussian(config.latent)
        )
        self.statistics = LatentStatistics(config.latent, len(config.image.classes))

    def posterior(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of q(z|x), or q(z|x, c), each (n, d)."""
        maps, dense = self.inward[:5], self.inward[5:]
        hidden = dense(self._with_class(maps(images), labels))
        with torch.autocast(images.device.type, enabled=False):  # half precision would place the latents too roughly
            heads = self.heads(hidden.to(self.heads.weight.dtype))
        mean, log_variance = (F.relu(heads) if self.config.relu_heads else heads).chunk(2, dim=1)
        return mean, log_variance

    def logits(self, z: Tensor, labels: Tensor) -> Tensor:
        """Logits of the pixels, (n, C, H, W)."""
        found: Tensor = self.outward(self._with_class(z, labels))
        return found

    def _with_class(self, x: Tensor, labels: Tensor) -> Tensor:
        """`x` (n, k), joined with the one-hot class to (n, k + classes) in a conditional model."""
        if not self.config.conditional:
            return x
        return torch.cat([x, one_hot(labels, len(self.image.classes), x.dtype)], 1)

    def fit_prior(self, batches: Iterable[tuple[Tensor, Tensor]], seed: int) -> None:
        if not self.prior.fitted:
            return
        device, _ = self.placement()
        found = []
        with torch.inference_mode():
            for images, labels in batches:
                images, labels = images.to(device), labels.to(device)
                for given in (labels, torch.full_like(labels, self.image.no_class)):
                    found.append((*self.posterior(images, given), given))
            self.prior.fit_posteriors(*map(torch.cat, zip(*found, strict=True)))

    def log_weights(self, images: Tensor, labels: Tensor, draws: int, rng: np.random.Generator) -> Tensor:
        mean, log_variance = self.posterior(images, labels)
        weights = []
        for _ in range(draws):
            noise = normal_like(mean, rng)
            z = mean + (0.5 * log_variance).exp() * noise
            posterior = -0.5 * (noise.square() + log_variance + math.log(2 * math.pi)).sum(1)
            log_ratio = self.prior.log_density(z, labels) - posterior
            weights.append(log_ratio - cross_entropy(self.logits(z, labels), images))
        return torch.stack(weights)

    def kl_per_latent(self, images: Tensor, labels: Tensor) -> Tensor:
        with torch.inference_mode():
            mean, log_variance = self.posterior(images, labels)
            # In the units of the prior, where the prior is N(0, I).
            mean, log_variance = self.prior.measure(mean, labels), self.prior.variance(log_variance, labels).log()
            return kl_to_standard_normal(mean, log_variance).mean(0).clone()

    def encoder(self, images: Tensor, condition: Condition) -> Tensor:
        mean, _ = self.posterior(images, condition.labels)
        return self.prior.measure(mean, condition.labels)

    def decoder(self, z: Tensor, condition: Condition) -> Tensor:
        labels, guidance = condition.labels, condition.guidance
        no_class = torch.full_like(labels, self.image.no_class)
        if guidance == 0:
            labels = no_class  # for the prior's location and scale too
        z = self.prior.place(z, labels)
        logits = self.logits(z, labels)
        if guidance not in (0, 1):
            unconditional = self.logits(z, no_class)
            logits = unconditional + guidance * (logits - unconditional)
        return torch.sigmoid(logits)

    @property
    def inversion_defaults(self) -> dict[str, Any]:
        # Guidance above 1 exaggerates the class; a reconstruction must not.
        return {"guidance": 1.0} if self.config.conditional else {}

    def losses(
        self, images: Tensor, labels: Tensor, rng: np.random.Generator, decoded: Tensor | None = None
    ) -> dict[str, Tensor]:
        """The two terms and their sum. The decoder takes the classes `decoded` (n), by default `labels`."""
        mean, log_variance = self.posterior(images, labels)
        # One reparametrised sample: z = mean + std * noise (Kingma and Welling, section 2.4)
        z = mean + (0.5 * log_variance).exp() * normal_like(mean, rng)
        if decoded is not None:
            # Where the decoder alone has no class, it learns the unconditional logits, and the encoder learns nothing.
            z = torch.where((decoded != labels)[:, None], z.detach(), z)
        reconstruction = cross_entropy(self.logits(z, labels if decoded is None else decoded), images).mean()
        kl = self.prior.kl(mean, log_variance, labels).mean()
        return {"reconstruction": reconstruction, "kl": kl, "total": reconstruction + kl}


def cross_entropy(logits: Tensor, images: Tensor) -> Tensor:
    """Cross-entropy of grey levels under Bernoulli pixels, in nats summed over pixels, (n, ...) -> (n)."""
    return F.binary_cross_entropy_with_logits(logits.to(images.dtype), images, reduction="none").flatten(1).sum(1)


class VaeLearner(Learner):
    """Minimises the negative ELBO, with KL warm-up."""

    model: Vae
    steps: Tensor

    def __init__(self, model: Vae, recipe: VaeRecipe):
        super().__init__()
        self.recipe = recipe
        self.model = model
        start_as_keras(self)
        self.optimizers = (adam(self, recipe, recipe.weight_decay),)
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))

    def step(self, images: Tensor, labels: Tensor, rng: np.random.Generator) -> dict[str, Tensor]:
        """One step of the optimizer."""
        (optimizer,) = self.optimizers
        if self.model.config.conditional:
            no_class = self.model.image.no_class
            labels = drop_labels(labels, no_class, rng)
            losses = self.model.losses(images, labels, rng, drop_labels(labels, no_class, rng))
        else:
            losses = self.model.losses(images, labels, rng)
        optimizer.zero_grad()
        (losses["reconstruction"] + self.beta * losses["kl"]).backward()
        optimizer.step()
        self.steps += 1
        return losses

    @property
    def beta(self) -> float:
        """The weight of the KL at this step."""
        share = min(1.0, self.steps.item() / self.recipe.kl_warmup) if self.recipe.kl_warmup else 1.0
        return self.recipe.beta_start + (1 - self.recipe.beta_start) * share

    def losses(self, model: Vae, images: Tensor, labels: Tensor, rng: np.random.Generator) -> dict[str, Tensor]:
        """The losses of `model`, with beta = 1."""
        return model.losses(images, labels, rng)


CARDS = (
    Card(
        name="vae_2",
        model=Vae,
        config=VaeConfig(latent_dim=2),
        recipe=VaeRecipe(epochs=40, lr=8e-3, warmup=0.02, bfloat16=True, kl_warmup=3000, weight_decay=0.04),
        seed=2,
        summary=Text(
            "A variational autoencoder whose two-dimensional latent space can be shown whole on one map.",
            pt="Um autoencoder variacional cujo espaço latente, de duas dimensões, cabe inteiro em um mapa.",
        ),
        reported={"reconstruction": 255.53, "kl": 6.374, "total": 262.19},
        report="vae_2",
        notes=Text(
            "Architecture and loss are the report's (whose table prints reconstruction and KL in each other's "
            "columns), without its ReLU on mean and log-variance. The learning rate falls to zero, and decoupled "
            "weight decay narrows the gap between training and test.",
            pt="A arquitetura e a perda são as do relatório (cuja tabela traz a reconstrução e a KL uma na coluna da "
            "outra), sem a sua ReLU na média e na log-variância. A taxa de aprendizado cai até zero, e um decaimento "
            "de pesos desacoplado reduz a diferença entre treino e teste.",
        ),
    ),
    Card(
        name="vae_64",
        model=Vae,
        config=VaeConfig(latent_dim=64, hidden=256),
        recipe=VaeRecipe(epochs=40, lr=4e-3, warmup=0.02, bfloat16=True, kl_warmup=3000, weight_decay=0.05),
        summary=Text(
            "The report's VAE with 64 latents, corrected, and far closer to the data than vae_2.",
            pt="O VAE do relatório com 64 latentes, corrigido, e muito mais perto dos dados que o vae_2.",
        ),
        reported={"reconstruction": 289.84, "kl": 4.182, "total": 294.39},
        report="vae_64",
        notes=Text(
            "The dense layer before the heads has 256 units; the report's has 16, too few for 64 latents. Mean and "
            "log-variance have no ReLU; with the report's, no latent can have a negative mean or a variance below 1. "
            "The rest is the report's except the training, which has decoupled weight decay.",
            pt="A camada densa antes das saídas tem 256 unidades; a do relatório tem 16, poucas para 64 latentes. A "
            "média e a log-variância não têm ReLU; com a do relatório, nenhum latente pode ter média negativa ou "
            "variância abaixo de 1. O resto é do relatório, menos o treino, com decaimento de pesos desacoplado.",
        ),
        float16=True,
    ),
    Card(
        name="cvae_64",
        model=Vae,
        config=VaeConfig(latent_dim=64, hidden=256, conditional=True, guidance=2.5, truncation=0.9),
        recipe=VaeRecipe(epochs=20, lr=4e-3, warmup=0.02, bfloat16=True, kl_warmup=3000, weight_decay=0.05),
        paper=Paper(
            "K. Sohn, H. Lee, X. Yan",
            "Learning Structured Output Representation using Deep Conditional Generative Models",
            2015,
            "https://papers.nips.cc/paper/5775-learning-structured-output-representation-using-deep-conditional-generative-models",
        ),
        equations=(
            "q(z|x, c) = N(m(x, c), exp(v(x, c)))",
            "loss = E_q[-log p(x|z, c)] + KL(q(z|x, c) || p(z|c)),  p(z|c) = N(m_c, L_c L_cᵀ)",
            "logits = logits(z, -) + w (logits(z, c) - logits(z, -)),  z = m_c + L_c u,  u ~ N(0, I)",
        ),
        summary=Text(
            "A conditional VAE: vae_64 with the class as an input, so that you choose the garment.",
            pt="Um VAE condicional: o vae_64 com a classe como entrada, para que você escolha a peça.",
        ),
        notes=Text(
            "The networks are those of vae_64, with the class one-hot beside the encoder's last maps and the latents. "
            "A tenth of the training images have no class, so that the model also works without it; for a tenth of "
            "the others the decoder alone has none, which guidance needs. The model trains against N(0, I), as vae_64 "
            "does; then a Gaussian is fitted to the posteriors of each class. The losses, a bound of log p(x|c), are "
            "those under this prior with the class given. A VAE's blur makes classes look alike; guidance, as in a "
            "flow, separates them again, and so do samples nearer to the mean.",
            pt="As redes são as do vae_64, com a classe em one-hot junto aos últimos mapas do codificador e aos "
            "latentes. Um décimo das imagens de treino não tem classe, para que o modelo também funcione sem ela; em "
            "um décimo das outras só o decodificador fica sem ela, como a orientação exige. O modelo treina contra "
            "N(0, I), como o vae_64; depois, uma gaussiana é ajustada às distribuições a posteriori de cada classe. As "
            "perdas, um limite de log p(x|c), são as dessa priori, com a classe dada. O borrão de um VAE deixa as "
            "classes parecidas; a orientação, como em um fluxo, e amostras mais perto da média voltam a separá-las.",
        ),
        float16=True,
    ),
    Card(
        name="vae_64_relu",
        model=Vae,
        config=VaeConfig(latent_dim=64, hidden=16, relu_heads=True),
        recipe=VaeRecipe(epochs=15, cosine=False),
        summary=Text(
            "The report's own VAE with 64 latents, kept to show what a ReLU on mean and log-variance does.",
            pt="O VAE do próprio relatório com 64 latentes, que mostra o efeito de uma ReLU em média e log-variância.",
        ),
        reported={"reconstruction": 289.84, "kl": 4.182, "total": 294.39},
        report="vae_64",
        notes=Text(
            "An exhibit. Trained by the report's recipe: a ReLU on mean and log-variance, so that every posterior is "
            "at least as wide as the prior, and a latent can inform only by a mean far from zero, in one direction, "
            "at a high KL; and 16 units before the heads. Adam at 0.001 and batches of 128 as in the Keras example, "
            "and 15 epochs: the report gives no number.",
            pt="Um exemplo de falha. Treinado pela receita do relatório: uma ReLU na média e na log-variância, de modo "
            "que toda distribuição a posteriori é ao menos tão larga quanto a distribuição a priori, e um latente só "
            "informa com uma média longe de zero, em um único sentido, com uma KL alta; e 16 unidades antes das "
            "saídas. Adam a 0,001 e lotes de 128, como no exemplo do Keras, e 15 épocas: o relatório não dá o número.",
        ),
        exhibit=True,
    ),
)
FAMILY = Family(
    name="vae",
    model=Vae,
    learner=VaeLearner,
    cards=CARDS,
    compared=replace(
        CARDS[1],
        name="vae_200k",
        config=VaeConfig(latent_dim=16, hidden=24),
        recipe=VaeRecipe(epochs=1, lr=4e-3, warmup=0.02, bfloat16=True, kl_warmup=500, weight_decay=0.05),
        reported={},
        report="",
        notes="",
    ),
)
