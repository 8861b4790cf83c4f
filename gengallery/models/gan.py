"""Generative adversarial networks: a forger and an inspector, each a plain MLP.

    G: noise -> relu -> sigmoid -> image,   D: image -> leaky relu -> one logit
    D minimises  1/2 E[softplus(-D(x))] + 1/2 E[softplus(D(G(z)))] + 1/2 gamma E[|grad D(x)|^2]
    G minimises  E[softplus(-D(G(z)))]

The losses are the non-saturating ones of Goodfellow et al. (2014, section 3), taken on logits; the last term of
D's is the R1 penalty of Mescheder et al. (2018, arxiv.org/abs/1801.04406, eq. 9), taken every few steps with its
weight multiplied accordingly (Karras et al. 2020, arxiv.org/abs/1912.04958, appendix B). The generator that is kept
is a moving average over the steps (Yazici et al. 2019, arxiv.org/abs/1806.04498).

A conditional one is told the class c, one-hot, beside the noise and beside the image that is inspected: G(z, c), D(x,
c) (Mirza and Osindero 2014, arxiv.org/abs/1411.1784, eq. 2). Its discriminator also names the class of what it sees,
and both networks go down that cross-entropy too (Odena, Olah and Shlens 2017, arxiv.org/abs/1610.09585).
"""

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gengallery.images import CLASS_NAMES, NO_CLASS, PIXELS, SHAPE
from gengallery.inversion import search
from gengallery.model import (
    Card,
    Condition,
    Config,
    Learner,
    Model,
    Options,
    Paper,
    Recipe,
    adam,
    check_flags,
    check_sizes,
    one_hot,
    start_as_keras,
    without_some,
)
from gengallery.noise import DISTRIBUTIONS, NORMAL, POISSON, UNIFORM, Noise


@dataclass(frozen=True)
class GanConfig(Config):
    """The report's four settings, by its names, and two of ours."""

    noise_dim: int = 16
    noise_dist: str = NORMAL
    generator_dims: tuple[int, ...] = (256,)  # hidden layers
    discriminator_dims: tuple[int, ...] = (256,)
    standardised: bool = True  # noise shifted and scaled to mean 0, variance 1
    conditional: bool = False  # both networks are told the class

    def __post_init__(self):
        check_sizes(noise_dim=self.noise_dim)
        for name in ("generator_dims", "discriminator_dims"):
            sizes = getattr(self, name)
            if not isinstance(sizes, tuple) or not sizes:
                raise ValueError(f"{name}: expected at least one size, found {sizes!r}")
            check_sizes(**{f"{name}[{i}]": size for i, size in enumerate(sizes)})
        if self.noise_dist not in DISTRIBUTIONS:
            raise ValueError(f"noise_dist: expected one of {', '.join(DISTRIBUTIONS)}; found {self.noise_dist!r}")
        check_flags(standardised=self.standardised, conditional=self.conditional)

    @property
    def latent(self) -> int:
        return self.noise_dim

    @property
    def options(self) -> Options:
        return Options(label=self.conditional)


@dataclass(frozen=True)
class GanRecipe(Recipe):
    gamma: float = 0.0  # weight of the R1 penalty
    penalise_every: int = 1  # steps between penalties
    leak: float = 0.2  # slope of the discriminator's units below zero; 0: a plain ReLU
    clipped: bool = False  # losses on probabilities clipped at 1e-7, as Keras does by default
    auxiliary: float = 0.0  # weight of the cross-entropy of the classes that the discriminator names


class Gan(Model):
    """The generator of a GAN. It has no encoder: `encode` and `reconstruct` search.

    `encode(images)` looks for the latent whose image is nearest, as `gengallery.inversion` says. So it takes a fraction
    of a second an image, finds a good latent and not surely the best, and may find one that the prior would hardly
    draw.
    """

    config_type = GanConfig
    title = "GAN"
    paper = Paper("I. Goodfellow et al.", "Generative Adversarial Networks", 2014, "https://arxiv.org/abs/1406.2661")
    equations = (
        "D: ½ E[softplus(-D(x))] + ½ E[softplus(D(G(z)))] + ½ γ E[|∇D(x)|²]",
        "G: E[softplus(-D(G(z)))]",
    )
    strengths = (
        "Crisp edges: the inspector punishes blur, where a mean of squares rewards it.",
        "The smallest to run: one matrix product to a hidden layer, one to the image.",
    )
    weaknesses = (
        "A contest without a score: the losses do not say how good the images are.",
        "Fragile to train, as the two exhibits show, and it can forget whole kinds of garment.",
        "No encoder: a latent for a given image has to be searched for.",
    )
    searches = True
    config: GanConfig

    def __init__(self, config: GanConfig):
        super().__init__(config)
        told = len(CLASS_NAMES) if config.conditional else 0
        self.generator = mlp((config.noise_dim + told, *config.generator_dims, PIXELS), nn.ReLU())
        self.prior = Noise(config.noise_dist, config.noise_dim, config.standardised)

    def decoder(self, z: Tensor, condition: Condition) -> Tensor:
        if self.config.conditional:
            z = torch.cat([z, one_hot(condition.labels)], 1)
        return torch.sigmoid(self.generator(z)).unflatten(1, SHAPE)  # (n, d) -> (n, 784) -> (n, 1, 28, 28)

    def encoder(self, images: Tensor, condition: Condition) -> Tensor:
        return search(self.decoder, self.prior, images, condition)


def mlp(sizes: tuple[int, ...], activation: nn.Module) -> nn.Sequential:
    """Dense layers of the given sizes with `activation` between them."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(sizes):
        layers += [nn.Linear(inputs, outputs), activation]
    return nn.Sequential(*layers[:-1])


class GanLearner(Learner):
    """Trains a generator against a discriminator that is thrown away afterwards."""

    model: Gan
    steps: Tensor

    def __init__(self, model: Gan, recipe: GanRecipe):
        super().__init__()
        self.recipe = recipe
        self.model = model
        self.told = model.config.conditional
        sizes = (
            PIXELS + self.told * len(CLASS_NAMES),
            *model.config.discriminator_dims,
            1 + bool(recipe.auxiliary) * len(CLASS_NAMES),
        )
        self.discriminator = mlp(sizes, nn.LeakyReLU(recipe.leak))
        start_as_keras(self)
        self.optimizers = (adam(self.discriminator, recipe), adam(self.model, recipe))
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))

    def step(self, images: Tensor, labels: Tensor, rng: np.random.Generator) -> dict[str, Tensor]:
        of_discriminator, of_generator = self.optimizers
        if self.told:
            labels = without_some(labels, rng)
        real = images.flatten(1)  # (B, 784)
        fake = self.model.decoder(self.model.prior.draw(len(real), rng), Condition(labels)).flatten(1)

        loss, named = self._discriminator_losses(real, fake.detach(), labels)
        objective = loss + self.recipe.auxiliary * named
        if self.recipe.gamma and self.steps % self.recipe.penalise_every == 0:
            objective = objective + 0.5 * self.recipe.gamma * self.recipe.penalise_every * self._r1(real, labels)
        of_discriminator.zero_grad()
        objective.backward()
        of_discriminator.step()

        # The discriminator has moved on since `fake` was made; the generator has not.
        self.discriminator.requires_grad_(False)
        generator_loss, named = self._generator_losses(fake, labels)
        of_generator.zero_grad()
        (generator_loss + self.recipe.auxiliary * named).backward()
        of_generator.step()
        self.discriminator.requires_grad_(True)
        self.steps += 1
        return {"generator": generator_loss, "discriminator": loss}

    def losses(self, model: Gan, images: Tensor, labels: Tensor, rng: np.random.Generator) -> dict[str, Tensor]:
        fake = model.decoder(model.prior.draw(len(images), rng), Condition(labels)).flatten(1)
        return {
            "generator": self._generator_losses(fake, labels)[0],
            "discriminator": self._discriminator_losses(images.flatten(1), fake, labels)[0],
        }

    def _inspect(self, x: Tensor, labels: Tensor) -> Tensor:
        """The verdict (n) on images (n, 784) with their classes (n)."""
        return self._seen(x, labels)[:, 0]

    def _generator_losses(self, fake: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        return self._surprise(self._inspect(fake, labels), real=True).mean(), self._named(fake, labels)

    def _discriminator_losses(self, real: Tensor, fake: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        verdict = self._inspect(torch.cat([real, fake]), labels.repeat(2))  # one pass for both halves
        on_real, on_fake = verdict.split([len(real), len(fake)])
        loss = 0.5 * (self._surprise(on_real, real=True).mean() + self._surprise(on_fake, real=False).mean())
        return loss, self._named(real, labels)

    def _named(self, x: Tensor, labels: Tensor) -> Tensor:
        """The cross-entropy of the classes that the discriminator names, untold, where there is one to name; else 0."""
        if not self.recipe.auxiliary:
            return torch.zeros(())
        classes = self._seen(x, torch.full_like(labels, NO_CLASS))[:, 1:]
        return F.cross_entropy(classes, labels, ignore_index=NO_CLASS)

    def _seen(self, x: Tensor, labels: Tensor) -> Tensor:
        """All that the discriminator gives: (n, 1), or (n, 11) where it names classes."""
        return self.discriminator(torch.cat([x, one_hot(labels)], 1) if self.told else x)

    def _surprise(self, logits: Tensor, real: bool) -> Tensor:
        """The cross-entropy of the verdict `logits`, had the truth been `real`."""
        if self.recipe.clipped:
            right = torch.sigmoid(logits if real else -logits)
            return -(right.clamp(1e-7, 1 - 1e-7)).log()
        return F.softplus(-logits if real else logits)

    def _r1(self, real: Tensor, labels: Tensor) -> Tensor:
        """E[|grad D(x)|^2] over real images x."""
        real = real.detach().requires_grad_()
        (slope,) = torch.autograd.grad(self._inspect(real, labels).sum(), real, create_graph=True)
        return slope.square().sum(1).mean()


SOUND = GanRecipe(epochs=100, rate=3e-3, betas=(0.5, 0.99), cosine=False, average=0.9999, gamma=0.1, penalise_every=4)
REPORT = GanRecipe(epochs=30, batch=128, rate=3e-4, cosine=False, leak=0.0, clipped=True)


def _card(name: str, dim: int, noise: str, generator: float, discriminator: float, seed: int = 0) -> Card:
    return Card(
        name=name,
        model=Gan,
        config=GanConfig(noise_dim=dim, noise_dist=noise),
        recipe=SOUND,
        seed=seed,
        summary=f"A GAN fed {dim} numbers of {noise} noise.",
        reported={"generator": generator, "discriminator": discriminator},
        notes="Architecture, noise dimension and distribution are the report's. The noise is standardised, the losses "
        "are taken on logits, the discriminator's units leak and it is held by the R1 penalty, and the "
        "generator is an average over the steps.",
    )


def _exhibit(noise: str, generator: float, discriminator: float) -> Card:
    return Card(
        name=f"gan_dist_{noise}_raw",
        model=Gan,
        config=GanConfig(noise_dist=noise, standardised=False),
        recipe=REPORT,
        summary=f"The report's own GAN on raw {noise} noise, kept to show how it fails.",
        reported={"generator": generator, "discriminator": discriminator},
        notes="An exhibit. By the report's recipe, as far as it is known: raw noise, whose constant offset makes the "
        "first forgeries all alike; losses on probabilities clipped at 1e-7; no penalty, no average. The "
        "report names no optimizer: Adam at 0.0003, batches of 128 and 30 epochs are ours.",
        exhibit=True,
    )


MODEL = Gan
LEARNER = GanLearner
CARDS = (
    _card("gan_dim_8", 8, NORMAL, 2.264, 0.400),
    _card("gan_dim_16", 16, NORMAL, 1.968, 0.425, seed=1),  # gan_dist_normal again, as in the report: another run
    _card("gan_dim_32", 32, NORMAL, 2.255, 0.294),
    _card("gan_dist_normal", 16, NORMAL, 2.319, 0.396),
    _card("gan_dist_uniform", 16, UNIFORM, 14.545, 0.000),
    _card("gan_dist_poisson", 16, POISSON, 14.074, 0.000),
    Card(
        name="cgan",
        model=Gan,
        config=GanConfig(discriminator_dims=(512, 256), conditional=True),
        recipe=replace(SOUND, epochs=150, auxiliary=1.0),
        paper=Paper(
            "M. Mirza, S. Osindero", "Conditional Generative Adversarial Nets", 2014, "https://arxiv.org/abs/1411.1784"
        ),
        equations=(
            "D: ½ E[softplus(-D(x, c))] + ½ E[softplus(D(G(z, c), c))] + ½ γ E[|∇D(x, c)|²] - E[log p_D(c|x)]",
            "G: E[softplus(-D(G(z, c), c))] - E[log p_D(c|G(z, c))]",
        ),
        summary="The report's GAN, told the class: you choose the garment.",
        notes="Noise, generator and loss are those of the report's other GANs; the class stands one-hot beside the "
        "noise and beside the image that is inspected. The discriminator has a layer of 512 units before its "
        "256, and also names the class of images that it sees untold, which both networks go down by. A tenth "
        "of the images come without a class, so that the model can do without.",
        half=True,
    ),
    _exhibit(UNIFORM, 14.545, 0.000),
    _exhibit(POISSON, 14.074, 0.000),
)
# Of some 200,000 parameters, for trainings of seconds: see `gengallery.models.compared`.
COMPARED = replace(
    CARDS[3],
    name="gan_200k",
    recipe=replace(SOUND, epochs=1, cosine=True, average=0.998),
    reported={},
    notes="",
)
