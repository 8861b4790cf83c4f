"""Generative adversarial networks (GANs): a generator and a discriminator, each an MLP.

    G: noise -> relu -> sigmoid -> image,   D: image -> leaky relu -> logit
    D minimises  1/2 E[softplus(-D(x))] + 1/2 E[softplus(D(G(z)))] + 1/2 gamma E[|grad D(x)|^2]
    G minimises  E[softplus(-D(G(z)))]

The losses are the non-saturating ones of Goodfellow et al. (2014, section 3), computed on logits. The last term of
D's loss is the R1 penalty of Mescheder et al. (2018, https://arxiv.org/abs/1801.04406, eq. 9), computed every few steps
with its weight multiplied accordingly (Karras et al. 2020, https://arxiv.org/abs/1912.04958, appendix B). The model is
a moving average of the generator's weights (Yazici et al. 2019, https://arxiv.org/abs/1806.04498).

A conditional GAN takes the class c, one-hot, beside the noise and beside the discriminator's image: G(z, c), D(x, c)
(Mirza and Osindero 2014, https://arxiv.org/abs/1411.1784, eq. 2). Its discriminator is also an auxiliary classifier,
whose cross-entropy both networks minimise (Odena, Olah and Shlens 2017, https://arxiv.org/abs/1610.09585).
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
from gengallery.text import Text


@dataclass(frozen=True)
class GanConfig(Config):
    """The report's four settings, under its names, and two of our own."""

    noise_dim: int = 16
    noise_dist: str = NORMAL
    generator_dims: tuple[int, ...] = (256,)  # hidden layers
    discriminator_dims: tuple[int, ...] = (256,)
    standardised: bool = True  # noise shifted and scaled to mean 0, variance 1
    conditional: bool = False  # generator and discriminator take the class

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
    """The recipe of a GAN; `gamma` is the weight of the R1 penalty."""

    negative_slope: float = 0.2  # of the discriminator's leaky ReLUs; 0: plain ReLUs
    clipped: bool = False  # losses on probabilities clipped at 1e-7, Keras's default
    auxiliary: float = 0.0  # weight of the auxiliary classifier's cross-entropy; 0: no such classifier


class Gan(Model):
    """The generator of a GAN, without an encoder.

    `encode` and `reconstruct` search for the latent whose image is nearest, see `gengallery.nn.inversion`. The search
    takes a fraction of a second an image. The latent that it finds is good but not surely the best, and may have a low
    density under the prior.
    """

    family = "gan"
    config_type = GanConfig
    title = Text("GAN", pt="GAN")
    paper = Paper("I. Goodfellow et al.", "Generative Adversarial Networks", 2014, "https://arxiv.org/abs/1406.2661")
    equations = (
        "D: ½ E[softplus(-D(x))] + ½ E[softplus(D(G(z)))] + ½ γ E[|∇D(x)|²]",
        "G: E[softplus(-D(G(z)))]",
    )
    strengths = (
        Text(
            "Sharp edges: the discriminator penalises blur, where a mean squared error favours it.",
            pt="Contornos nítidos: o discriminador penaliza o borrão, que um erro quadrático médio favorece.",
        ),
        Text(
            "The cheapest to run: one matrix product to a hidden layer, and one to the image.",
            pt="A mais barata de executar: um produto de matrizes até uma camada oculta, e um até a imagem.",
        ),
    )
    weaknesses = (
        Text(
            "Generator and discriminator compete, so their losses do not say how good the images are.",
            pt="Gerador e discriminador competem, por isso as suas perdas não dizem quão boas são as imagens.",
        ),
        Text(
            "Training is fragile, and the generator can leave out whole modes of the data (mode collapse).",
            pt="O treino é frágil, e o gerador pode deixar de fora modos inteiros dos dados (colapso de modos).",
        ),
        Text(
            "No encoder: the latent of a given image has to be found by a search.",
            pt="Sem codificador: o latente de uma imagem dada tem de ser encontrado por uma busca.",
        ),
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
    """An MLP from images and classes to a logit each, high for real images; with an auxiliary classifier, to the
    logits of the classes too."""

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
        """The logits (n, 1); with an auxiliary classifier, joined with those of the classes, (n, 1 + classes)."""
        x = images.flatten(1)  # (n, C, H, W) -> (n, C * H * W)
        if self.conditional:
            x = torch.cat([x, one_hot(labels, len(self.image.classes), x.dtype)], 1)
        found: Tensor = self.layers(x)
        return found


class GanLearner(AdversarialLearner):
    """Trains with the non-saturating losses, and with an R1 penalty and an auxiliary classifier if the recipe has
    them."""

    model: Gan
    recipe: GanRecipe
    discriminator: Discriminator

    def __init__(self, model: Gan, recipe: GanRecipe):
        super().__init__(model, Discriminator(model.config, recipe), recipe)
        start_as_keras(self)

    def discriminator_losses(self, real: Tensor, fake: Tensor, labels: Tensor) -> Losses:
        # Real and generated images in one pass.
        logits = self.discriminator(torch.cat([real, fake]), labels.repeat(2))
        on_real, on_fake = logits.split([len(real), len(fake)])
        loss = 0.5 * (self._cross_entropy(on_real, real=True).mean() + self._cross_entropy(on_fake, real=False).mean())
        return loss, loss + self.recipe.auxiliary * self._naming_loss(real, labels)

    def generator_losses(self, real: Tensor, fake: Tensor, labels: Tensor) -> Losses:
        loss = self._cross_entropy(self.discriminator(fake, labels), real=True).mean()
        return loss, loss + self.recipe.auxiliary * self._naming_loss(fake, labels)

    def penalty(self, real: Tensor, fake: Tensor, labels: Tensor) -> Tensor:
        """Half the R1 penalty."""
        return 0.5 * gradient_penalty(self.discriminator, real, labels)

    def _naming_loss(self, images: Tensor, labels: Tensor) -> Tensor:
        """The auxiliary classifier's cross-entropy, where the discriminator is not given the classes; 0 without such a
        classifier."""
        if not self.recipe.auxiliary:
            return images.new_zeros(())
        no_class = self.model.image.no_class
        classes = self.discriminator.outputs(images, torch.full_like(labels, no_class))[:, 1:]
        return F.cross_entropy(classes, labels, ignore_index=no_class)

    def _cross_entropy(self, logits: Tensor, real: bool) -> Tensor:
        """The cross-entropy (n) of `logits` (n), of real images if `real`, else of generated ones."""
        if self.recipe.clipped:
            right = torch.sigmoid(logits if real else -logits)
            return -(right.clamp(1e-7, 1 - 1e-7)).log()
        return F.softplus(-logits if real else logits)


SOUND = GanRecipe(epochs=100, lr=3e-3, betas=(0.5, 0.99), cosine=False, ema_decay=0.9999, gamma=0.1, penalty_every=4)
REPORT = GanRecipe(epochs=30, batch=128, lr=3e-4, cosine=False, negative_slope=0.0, clipped=True)
NOISES = {
    NORMAL: Text("normal noise", pt="ruído normal"),
    UNIFORM: Text("uniform noise", pt="ruído uniforme"),
    POISSON: Text("Poisson noise", pt="ruído de Poisson"),
}


def _card(name: str, dim: int, noise: str, generator: float, discriminator: float, seed: int = 0) -> Card:
    return Card(
        name=name,
        model=Gan,
        config=GanConfig(noise_dim=dim, noise_dist=noise),
        recipe=SOUND,
        seed=seed,
        summary=Text(
            f"A GAN whose generator takes {dim} numbers of {NOISES[noise]}.",
            pt=f"Uma GAN cujo gerador recebe {dim} números de {NOISES[noise].pt}.",
        ),
        reported={"generator": generator, "discriminator": discriminator},
        report=name,
        notes=Text(
            "Architecture, noise dimension and noise distribution are the report's. The noise is standardised, the "
            "losses are computed on logits, the discriminator has leaky ReLUs and the R1 penalty, and the generator is "
            "a moving average over the training steps.",
            pt="A arquitetura, a dimensão e a distribuição do ruído são as do relatório. O ruído é padronizado, as "
            "perdas são calculadas sobre logits, o discriminador tem leaky ReLUs e a penalidade R1, e o gerador é uma "
            "média móvel ao longo dos passos de treino.",
        ),
    )


def _exhibit(noise: str, generator: float, discriminator: float) -> Card:
    return Card(
        name=f"gan_dist_{noise}_raw",
        model=Gan,
        config=GanConfig(noise_dist=noise, standardised=False),
        recipe=REPORT,
        summary=Text(
            f"The report's own GAN on {NOISES[noise]} that is not standardised, kept to show how it fails.",
            pt=f"A GAN do próprio relatório com {NOISES[noise].pt} não padronizado, mantida para mostrar como falha.",
        ),
        reported={"generator": generator, "discriminator": discriminator},
        report=f"gan_dist_{noise}",
        notes=Text(
            "An exhibit. Trained by the report's recipe, as far as it is known: noise that is not standardised, whose "
            "constant offset makes the first generated images all alike; losses on probabilities clipped at 1e-7; no "
            "penalty, no moving average. The report names no optimizer: Adam at 0.0003, batches of 128 and 30 epochs "
            "are ours.",
            pt="Um exemplo de falha. Treinada pela receita do relatório, até onde se conhece: ruído não padronizado, "
            "cujo deslocamento constante torna iguais todas as primeiras imagens geradas; perdas sobre probabilidades "
            "limitadas a 1e-7; sem penalidade, sem média móvel. O relatório não diz o otimizador: Adam a 0,0003, lotes "
            "de 128 e 30 épocas são escolhas nossas.",
        ),
        exhibit=True,
    )


CARDS = (
    _card("gan_dim_8", 8, NORMAL, 2.264, 0.400),
    _card("gan_dim_16", 16, NORMAL, 1.968, 0.425, seed=1),  # gan_dist_normal trained again, as in the report
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
        summary=Text(
            "The report's GAN with the class as an input, so that you choose the garment.",
            pt="A GAN do relatório com a classe como entrada, para que você escolha a peça.",
        ),
        notes=Text(
            "Noise, generator and loss are those of the report's GANs; the class is one-hot, beside the noise and "
            "beside the discriminator's image. The discriminator has a layer of 512 units before that of 256, and is "
            "also a classifier of images whose class it is not given; both networks minimise its cross-entropy too. "
            "A tenth of the training images have no class, so that the model also works without it.",
            pt="O ruído, o gerador e a perda são os das GANs do relatório; a classe entra em one-hot, ao lado do ruído "
            "e ao lado da imagem do discriminador. O discriminador tem uma camada de 512 unidades antes da de 256, e "
            "também classifica imagens cuja classe não lhe é dada; as duas redes minimizam também essa entropia "
            "cruzada. Um décimo das imagens de treino não tem classe, para que o modelo também funcione sem ela.",
        ),
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
