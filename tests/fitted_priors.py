"""What the tests of priors share: latents, and priors that are fitted to them."""

import torch

from gengallery.priors.classwise import ClassGaussians
from gengallery.priors.flow import FittedFlow
from gengallery.priors.gaussian import FittedGaussian
from gengallery.priors.mixture import FittedMixture
from gengallery.priors.noise import Prior

LARGE = 200_000
CLASSES = 10


def priors() -> list[Prior]:
    return [fit(nonnegative) for fit in (gaussian, mixture, flow) for nonnegative in (True, False)] + [by_class()]


def gaussian(nonnegative: bool) -> FittedGaussian:
    prior = FittedGaussian(5, nonnegative)
    prior.fit(latents(1000))
    return prior


def mixture(nonnegative: bool = False, components: int = 3) -> FittedMixture:
    prior = FittedMixture(5, components, nonnegative)
    prior.fit(latents(1000))
    return prior


def flow(nonnegative: bool = False, epochs: int = 2) -> FittedFlow:
    prior = FittedFlow(5, nonnegative, width=16, epochs=epochs)
    prior.fit(latents(1000))
    return prior


def posteriors(n: int = 3000) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Means, log-variances and classes: each class elsewhere, and tilted otherwise."""
    chance = torch.Generator().manual_seed(1)
    labels = torch.arange(n) % 11
    tilts = torch.randn(11, 5, 5, generator=chance)
    means = (tilts[labels] @ torch.randn(n, 5, 1, generator=chance))[..., 0] + labels[:, None]
    return means, torch.randn(n, 5, generator=chance) - 1, labels


def by_class() -> ClassGaussians:
    prior = ClassGaussians(5, CLASSES).eval()
    prior.fit_posteriors(*posteriors())
    return prior


def latents(n: int) -> torch.Tensor:
    """Correlated numbers of five units, of which the fourth is dead and the last a copy of the first."""
    x = torch.randn(n, 5, generator=torch.Generator().manual_seed(0)) + torch.tensor([3.0, -1.0, 0.5, 0.0, 0.0])
    x[:, 1] += 2 * x[:, 0]
    x[:, 3] = 0
    x[:, 4] = x[:, 0]
    return x
