"""A mixture of Gaussians fitted to latents."""

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from gengallery.priors.gaussian import Fitted
from gengallery.priors.noise import standard_normal

ROUNDS = 10  # iterations of k-means, and then of expectation-maximization
FLOOR = 1e-4  # variance added to each unit of each component, as a share of the units' mean variance
NEGLIGIBLE = 1e-9  # responsibilities below it are taken as 0


class FittedMixture(Fitted):
    """A mixture of Gaussians with full covariances, fitted to the latents of encoded images.

    The fit is expectation-maximization (A. P. Dempster, N. M. Laird, D. B. Rubin 1977, "Maximum Likelihood from
    Incomplete Data via the EM Algorithm", https://doi.org/10.1111/j.2517-6161.1977.tb01600.x), for mixtures as in
    C. M. Bishop 2006, "Pattern Recognition and Machine Learning", section 9.2.2. With `nonnegative`, samples
    below zero become zero, since the outputs of a ReLU are never negative.
    """

    weights: Tensor
    means: Tensor
    factors: Tensor

    def __init__(self, dim: int, components: int, nonnegative: bool):
        super().__init__()
        self.dim, self.components, self.nonnegative = dim, components, nonnegative
        self.register_buffer("weights", torch.full((components,), 1 / components))
        self.register_buffer("means", torch.zeros(components, dim))
        # Lower triangles; factor @ factor.T is a component's covariance.
        self.register_buffer("factors", torch.eye(dim).repeat(components, 1, 1))

    def fit(self, latents: Tensor, seed: int = 0) -> None:
        """Fit the mixture to `latents` (n, dim); `seed` sets the first cluster centres.

        Latents that are all equal, of an encoder that learned nothing, give draws that are nearly equal to them. Raises
        ValueError for latents of another shape, none at all, or not finite.
        """
        if latents.ndim != 2 or latents.shape[1] != self.dim:
            raise ValueError(f"latents: expected the shape (n, {self.dim}), found {tuple(latents.shape)}")
        if not len(latents):
            raise ValueError("latents: expected at least one, found none")
        if not latents.isfinite().all():
            raise ValueError("latents: expected finite numbers, found NaN or infinity")
        z = latents.double()
        # Without it, a unit that is always 0 or always equal to another would make a covariance singular.
        floor = FLOOR * z.var(0, correction=0).mean()
        floor = floor if floor > 0 else floor + FLOOR
        shares = F.one_hot(_clusters(z, self.components, seed), self.components).double()
        for _ in range(ROUNDS):
            shares = _expectation(z, *_maximization(z, shares, floor))
        weights, means, factors = _maximization(z, shares, floor)
        self.weights, self.means, self.factors = weights.float(), means.float(), factors.float()

    def log_density(self, latents: Tensor) -> Tensor:
        """The log-density (n) at `latents` (n, dim) in nats, in double precision, as if no sample were set to zero."""
        fitted = self.weights.double(), self.means.double(), self.factors.double()
        return _log_joint(latents.double(), *fitted).logsumexp(1)

    def draw(self, n: int, rng: np.random.Generator) -> Tensor:
        noise = standard_normal((n, 1 + self.dim), rng).double()
        weights, means, factors = (tensor.cpu() for tensor in (self.weights, self.means, self.factors))
        # The first number of a row selects its component: the quantiles of the weights divide the normal distribution.
        bounds = torch.special.ndtri(weights.double().cumsum(0)[:-1].clamp(max=1))
        choices = torch.searchsorted(bounds, noise[:, 0].contiguous())
        z = noise.new_empty((n, self.dim), dtype=torch.float32)
        for k in choices.unique().tolist():
            rows = choices == k
            # (m, dim) = (dim) + (m, dim) @ (dim, dim). In double precision, for the reason that FittedGaussian gives.
            z[rows] = (means[k] + noise[rows, 1:] @ factors[k].T.double()).float()
        return z.clamp(min=0) if self.nonnegative else z

    def describe(self) -> dict[str, Any]:
        return {
            "kind": "mixture",
            "dim": self.dim,
            "components": self.components,
            "nonnegative": self.nonnegative,
        }


def _clusters(z: Tensor, k: int, seed: int) -> Tensor:
    """The cluster (n) of each of `z` (n, d), one of `k`, by k-means.

    The initialisation is k-means++ (D. Arthur, S. Vassilvitskii 2007, "k-means++: The Advantages of Careful Seeding",
    https://dl.acm.org/doi/10.5555/1283383.1283494): each centre is a row of `z`, drawn with a probability proportional
    to the squared distance from the nearest centre so far.
    """
    rng = np.random.default_rng(seed)
    centres = z[[int(rng.integers(len(z)))]]
    distances = z.new_full((len(z),), math.inf)
    for _ in range(k - 1):
        distances = torch.minimum(distances, (z - centres[-1]).square().sum(1))
        edges = distances.cumsum(0)
        chosen = int(torch.searchsorted(edges, edges[-1] * rng.random(), right=True))
        centres = torch.cat([centres, z[[min(chosen, len(z) - 1)]]])
    for _ in range(ROUNDS):
        nearest = torch.cdist(z, centres).argmin(1)
        counts = nearest.bincount(minlength=k)[:, None]
        means = torch.zeros_like(centres).index_add_(0, nearest, z) / counts.clamp(min=1)
        centres = torch.where(counts > 0, means, centres)
    return torch.cdist(z, centres).argmin(1)


def _maximization(z: Tensor, shares: Tensor, floor: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The M step: weights (k), means (k, d) and Cholesky factors (k, d, d) for `z` (n, d) under the responsibilities
    `shares` (n, k), by Bishop's equations 9.24 to 9.26, with `floor` added to each variance."""
    totals = shares.sum(0).clamp(min=NEGLIGIBLE)  # a component may have no responsibility left
    means = shares.T @ z / totals[:, None]
    factors = []
    for k, total in enumerate(totals):
        near = shares[:, k] > NEGLIGIBLE  # in many dimensions most points are far from most components
        centred = z[near] - means[k]
        covariance = (shares[near, k, None] * centred).T @ centred / total
        factors.append(torch.linalg.cholesky(covariance + floor * torch.eye(z.shape[1]).to(z)))
    return totals / totals.sum(), means, torch.stack(factors)


def _expectation(z: Tensor, weights: Tensor, means: Tensor, factors: Tensor) -> Tensor:
    """The E step: responsibilities (n, k) of the components for `z` (n, d), rows of sum 1 (Bishop's equation 9.23)."""
    return _log_joint(z, weights, means, factors).softmax(1)


def _log_joint(z: Tensor, weights: Tensor, means: Tensor, factors: Tensor) -> Tensor:
    """log p(k) p(z|k) (n, k) for each of `z` (n, d) and each component k."""
    logs = weights.log() - factors.diagonal(dim1=1, dim2=2).log().sum(1) - math.log(2 * math.pi) / 2 * z.shape[1]
    joint = logs.repeat(len(z), 1)
    for k, (mean, factor) in enumerate(zip(means, factors, strict=True)):
        whitened = torch.linalg.solve_triangular(factor, (z - mean).T, upper=False)  # (d, n)
        joint[:, k] -= whitened.square().sum(0) / 2
    return joint
