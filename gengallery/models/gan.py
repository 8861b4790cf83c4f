"""Generative adversarial networks: a generator and a discriminator, each a plain MLP.

    G: noise -> relu -> sigmoid -> image,   D: image -> leaky relu -> logit
    D minimises  1/2 E[softplus(-D(x))] + 1/2 E[softplus(D(G(z)))] + 1/2 gamma E[|grad D(x)|^2]
    G minimises  E[softplus(-D(G(z)))]

The losses are the non-saturating ones of Goodfellow et al. (2014, section 3), taken on logits; the last term of
D's is the R1 penalty of Mescheder et al. (2018, arxiv.org/abs/1801.04406, eq. 9), taken every few steps with its
weight multiplied accordingly (Karras et al. 2020, arxiv.org/abs/1912.04958, appendix B). The generator that is kept
is a moving average over the steps (Yazici et al. 2019, arxiv.org/abs/1806.04498).

A conditional one takes the class c, one-hot, beside the noise and beside the discriminator's image: G(z, c), D(x, c)
(Mirza and Osindero 2014, arxiv.org/abs/1411.1784, eq. 2). Its discriminator also names the class of what it sees,
and both networks minimise that cross-entropy too (Odena, Olah and Shlens 2017, arxiv.org/abs/1610.09585).
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gengallery.checks import check_choice, check_flags, check_sizes, check_tuple
from gengallery.families import Family
from gengallery.learners.adversarial import AdversarialLearner, AdversarialRecipe, Losses, gradient_penalty
from gengallery.model.model import Model
from gengallery.model.spec import Card, Condition, Config, Options, Paper
from gengallery.nn.inversion import search
from gengallery.nn.layers import mlp, one_hot, start_as_keras
from gengallery.priors.noise import DISTRIBUTIONS, NORMAL, POISSON, UNIFORM, Noise


@dataclass(frozen=True)
class GanConfig(Config):
    """The report's four settings, by its names, and two of ours."""

    noise_dim: int = 16
    noise_dist: str = NORMAL
    generator_dims: tuple[int, ...] = (256,)  # hidden layers
    discriminator_dims: tuple[int, ...] = (256,)
    standardised: bool = True  # noise shifted and scaled to mean 0, variance 1
    conditional: bool = False  # both networks take the class

    def __post_init__(self) -> None:
        check_sizes(noise_dim=self.noise_dim)
        check_tuple("generator_dims", self.generator_dims)
        check_tuple("discriminator_dims", self.discriminator_dims)
        check_choice("noise_dist", self.noise_dist, tuple(DISTRIBUTIONS))
        check_flags(standardised=self.standardised, conditional=self.conditional)
        if self.conditional and not self.image.classes:
            raise ValueError("conditional: expected images with classes, found a data set without")

    @property
    def latent(self) -> int:
        return self.noise_dim

    @property
    def options(self) -> Options:
        return Options(label=self.conditional)


@dataclass(frozen=True)
class GanRecipe(AdversarialRecipe):
    """What a GAN's training needs beside; `gamma` weighs the R1 penalty."""

    negative_slope: float = 0.2  # of the discriminator's leaky ReLUs; 0: plain ReLUs
    clipped: bool = False  # losses on probabilities clipped at 1e-7, as Keras does by default
    auxiliary: float = 0.0  # weight of the cross-entropy of the classes that the discriminator names


class Gan(Model):
    """The generator of a GAN. It has no encoder: `encode` and `reconstruct` search.

    `encode(images)` looks for the latent whose image is nearest, as `gengallery.nn.inversion` says. So it takes a
    fraction of a second an image, finds a good latent and not surely the best, and may find one that the prior would hardly
    draw.
    """

    family = "gan"
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
        inputs = config.noise_dim + config.conditional * len(config.image.classes)
        self.generator = mlp((inputs, *config.generator_dims, config.image.pixels), nn.ReLU())
        self.prior = Noise(config.noise_dist, config.noise_dim, config.standardised)

    def decoder(self, z: Tensor, condition: Condition) -> Tensor:
        if self.config.conditional:
            z = torch.cat([z, one_hot(condition.labels, len(self.image.classes), z.dtype)], 1)
        images: Tensor = torch.sigmoid(self.generator(z)).unflatten(1, self.image.shape)
        return images  # (n, d) -> (n, C * H * W) -> (n, C, H, W)

    def encoder(self, images: Tensor, condition: Condition) -> Tensor:
        return search(self.decoder, self.prior, images, condition)


class Discriminator(nn.Module):
    """An MLP from images and classes to a logit each, high for what looks real, and to logits of the classes where it
    names them too."""

    def __init__(self, config: GanConfig, recipe: GanRecipe):
        super().__init__()
        self.image, self.conditional = config.image, config.conditional
        classes = len(config.image.classes)
        inputs = config.image.pixels + self.conditional * classes
        outputs = 1 + bool(recipe.auxiliary) * classes
        self.layers = mlp((inputs, *config.discriminator_dims, outputs), nn.LeakyReLU(recipe.negative_slope))

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        """Images (n, C, H, W) and classes (n) to logits (n)."""
        return self.outputs(images, labels)[:, 0]

    def outputs(self, images: Tensor, labels: Tensor) -> Tensor:
        """The logit, and those of the classes where it names them: (n, 1) or (n, 1 + classes)."""
        x = images.flatten(1)  # (n, C, H, W) -> (n, C * H * W)
        if self.conditional:
            x = torch.cat([x, one_hot(labels, len(self.image.classes), x.dtype)], 1)
        found: Tensor = self.layers(x)
        return found


class GanLearner(AdversarialLearner):
    """The losses of 2014, with an R1 penalty and the naming of classes where the recipe asks for them."""

    model: Gan
    recipe: GanRecipe
    discriminator: Discriminator

    def __init__(self, model: Gan, recipe: GanRecipe):
        super().__init__(model, Discriminator(model.config, recipe), recipe)
        start_as_keras(self)

    def discriminator_losses(self, real: Tensor, fake: Tensor, labels: Tensor) -> Losses:
        # One pass for real and generated images.
        logits = self.discriminator(torch.cat([real, fake]), labels.repeat(2))
        on_real, on_fake = logits.split([len(real), len(fake)])
        loss = 0.5 * (self._cross_entropy(on_real, real=True).mean() + self._cross_entropy(on_fake, real=False).mean())
        return loss, loss + self.recipe.auxiliary * self._naming_loss(real, labels)

    def generator_losses(self, real: Tensor, fake: Tensor, labels: Tensor) -> Losses:
        loss = self._cross_entropy(self.discriminator(fake, labels), real=True).mean()
        return loss, loss + self.recipe.auxiliary * self._naming_loss(fake, labels)

    def penalty(self, real: Tensor, fake: Tensor, labels: Tensor) -> Tensor:
        """Half of R1."""
        return 0.5 * gradient_penalty(self.discriminator, real, labels)

    def _naming_loss(self, images: Tensor, labels: Tensor) -> Tensor:
        """The cross-entropy of the classes that the discriminator names, without being given them; 0 if it names
        none."""
        if not self.recipe.auxiliary:
            return images.new_zeros(())
        no_class = self.model.image.no_class
        classes = self.discriminator.outputs(images, torch.full_like(labels, no_class))[:, 1:]
        return F.cross_entropy(classes, labels, ignore_index=no_class)

    def _cross_entropy(self, logits: Tensor, real: bool) -> Tensor:
        """The cross-entropy of `logits` (n) of images that are `real` or not."""
        if self.recipe.clipped:
            right = torch.sigmoid(logits if real else -logits)
            return -(right.clamp(1e-7, 1 - 1e-7)).log()
        return F.softplus(-logits if real else logits)


SOUND = GanRecipe(epochs=100, lr=3e-3, betas=(0.5, 0.99), cosine=False, ema_decay=0.9999, gamma=0.1, penalty_every=4)
REPORT = GanRecipe(epochs=30, batch=128, lr=3e-4, cosine=False, negative_slope=0.0, clipped=True)


def _card(name: str, dim: int, noise: str, generator: float, discriminator: float, seed: int = 0) -> Card:
    return Card(
        name=name,
        model=Gan,
        config=GanConfig(noise_dim=dim, noise_dist=noise),
        recipe=SOUND,
        seed=seed,
        summary=f"A GAN fed {dim} numbers of {noise} noise.",
        reported={"generator": generator, "discriminator": discriminator},
        report=name,
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
        report=f"gan_dist_{noise}",
        notes="An exhibit. By the report's recipe, as far as it is known: raw noise, whose constant offset makes the "
        "first forgeries all alike; losses on probabilities clipped at 1e-7; no penalty, no average. The "
        "report names no optimizer: Adam at 0.0003, batches of 128 and 30 epochs are ours.",
        exhibit=True,
    )


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
        float16=True,
    ),
    _exhibit(UNIFORM, 14.545, 0.000),
    _exhibit(POISSON, 14.074, 0.000),
)
FAMILY = Family(
    name="gan",
    model=Gan,
    learner=GanLearner,
    cards=CARDS,
    compared=replace(
        CARDS[3],
        name="gan_200k",
        recipe=replace(SOUND, epochs=1, cosine=True, ema_decay=0.998),
        reported={},
        report="",
        notes="",
    ),
)
