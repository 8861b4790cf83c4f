"""Priors: the distributions from which latents are drawn. Noise is fixed; the others are fitted to encoded data."""

from gengallery.checks import check_choice
from gengallery.priors.flow import FittedFlow
from gengallery.priors.gaussian import Fitted, FittedGaussian
from gengallery.priors.mixture import FittedMixture

__all__ = ["FLOW", "GAUSSIAN", "KINDS", "MIXTURE", "Fitted", "check_prior", "fitted"]

GAUSSIAN, MIXTURE, FLOW = KINDS = ("gaussian", "mixture", "flow")


def fitted(kind: str, dim: int, components: int = 1, nonnegative: bool = False) -> Fitted:
    """A prior of the given `kind`, one of KINDS, not yet fitted; `components` is the number of Gaussians of a mixture.

    Raises ValueError for another kind.
    """
    check_prior(kind)
    if kind == GAUSSIAN:
        return FittedGaussian(dim, nonnegative)
    return FittedMixture(dim, components, nonnegative) if kind == MIXTURE else FittedFlow(dim, nonnegative)


def check_prior(kind: object) -> None:
    """Raise ValueError unless `kind` is one of KINDS."""
    check_choice("prior", kind, KINDS)
