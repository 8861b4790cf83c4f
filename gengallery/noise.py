"""The priors: what a model decodes when nobody gives it a latent.

A prior draws latents of shape (n, dim), float32, from a seed. The numbers come from numpy's PCG64 on
the CPU, row after row, so row i depends on (seed, i) alone: asking for more images, or using another
device, changes none of those already seen.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

NORMAL, UNIFORM, POISSON = "normal", "uniform", "poisson"
ROUNDS = 10  # of expectation-maximization, and before them of k-means
FLOOR = 1e-4  # variance added to each unit of each component, as a share of the units' mean variance
NEGLIGIBLE = 1e-9  # a smaller responsibility is none


def standard_normal(shape: tuple[int, ...], rng: np.random.Generator) -> Tensor:
    """Draws from N(0, 1), float32, of the given shape."""
    return torch.from_numpy(rng.standard_normal(shape, dtype=np.float32))


# Each distribution by name: how to draw it raw, its mean and its standard deviation.
DISTRIBUTIONS: dict[str, tuple[Callable[[np.random.Generator, tuple[int, ...]], np.ndarray], float, float]] = {
    NORMAL: (lambda rng, shape: rng.standard_normal(shape, dtype=np.float32), 0.0, 1.0),
    UNIFORM: (lambda rng, shape: rng.random(shape, dtype=np.float32), 0.5, math.sqrt(1 / 12)),
    POISSON: (lambda rng, shape: rng.poisson(1.0, shape).astype(np.float32), 1.0, 1.0),
}


class Prior(nn.Module, ABC):
    """A distribution over latents of `dim` numbers."""

    dim: int

    @abstractmethod
    def draw(self, n: int, rng: np.random.Generator) -> Tensor:
        """The next `n` latents of the stream `rng`, (n, dim)."""

    @abstractmethod
    def describe(self) -> dict:
        """What tells this prior from another, as JSON: its kind and its settings."""

    def sample(self, n: int, seed: int) -> Tensor:
        """`n` latents, (n, dim); row i depends on (seed, i) alone."""
        return self.draw(n, np.random.default_rng(seed))


class Noise(Prior):
    """Independent numbers from one distribution: normal N(0, 1), uniform U(0, 1) or Poisson(1).

    Standardised, which is the rule, they are shifted and scaled to mean 0 and variance 1, so that a
    network sees inputs of the same size whichever distribution it is given.
    """

    def __init__(self, distribution: str, dim: int, standardised: bool = True):
        super().__init__()
        if distribution not in DISTRIBUTIONS:
            raise ValueError(f"noise: expected one of {', '.join(DISTRIBUTIONS)}; found {distribution!r}")
        self.distribution, self.dim, self.standardised = distribution, dim, standardised

    def draw(self, n: int, rng: np.random.Generator) -> Tensor:
        draw, mean, deviation = DISTRIBUTIONS[self.distribution]
        z = torch.from_numpy(draw(rng, (n, self.dim)))
        return (z - mean) / deviation if self.standardised else z

    def moments(self) -> tuple[float, float]:
        """Mean and standard deviation of each number."""
        _, mean, deviation = DISTRIBUTIONS[self.distribution]
        return (0.0, 1.0) if self.standardised else (mean, deviation)

    def describe(self) -> dict:
        return {
            "kind": "noise",
            "distribution": self.distribution,
            "dim": self.dim,
            "standardised": self.standardised,
        }


class Fitted(Prior):
    """A prior that is fitted to latents that an encoder gave."""

    @abstractmethod
    def fit(self, latents: Tensor, seed: int = 0) -> None:
        """Become a distribution under which `latents`, (n, dim), are likely; chance, if any, comes from `seed`."""


class FittedGaussian(Fitted):
    """A Gaussian with full covariance, fitted to latents that an encoder gave.

    With `nonnegative`, draws below zero become zero: latents behind a ReLU are never negative.
    """

    def __init__(self, dim: int, nonnegative: bool):
        super().__init__()
        self.dim, self.nonnegative = dim, nonnegative
        self.register_buffer("mean", torch.zeros(dim))
        self.register_buffer("factor", torch.eye(dim))

    def fit(self, latents: Tensor, seed: int = 0) -> None:
        """Set mean and covariance to those of `latents`, (n, dim); nothing is left to chance."""
        z = latents.double()
        # Units that never fire have no variance; eigh copes with that where Cholesky does not.
        values, vectors = torch.linalg.eigh(torch.cov(z.T).reshape(self.dim, self.dim))
        self.mean = z.mean(0).float()
        self.factor = (vectors * values.clamp(min=0).sqrt()).float()

    def draw(self, n: int, rng: np.random.Generator) -> Tensor:
        # (n, dim) = (dim) + (n, dim) @ (dim, dim); factor @ factor.T is the covariance. In double, because how a
        # product of matrices rounds depends on how many rows there are, and row i must not.
        z = (self.mean + standard_normal((n, self.dim), rng).double() @ self.factor.T.double()).float()
        return z.clamp(min=0) if self.nonnegative else z

    def describe(self) -> dict:
        return {"kind": "gaussian", "dim": self.dim, "nonnegative": self.nonnegative}


class FittedMixture(Fitted):
    """A mixture of Gaussians with full covariances, fitted to latents that an encoder gave.

    Fitted by expectation-maximization (A. P. Dempster, N. M. Laird, D. B. Rubin 1977, "Maximum Likelihood from
    Incomplete Data via the EM Algorithm", https://doi.org/10.1111/j.2517-6161.1977.tb01600.x), for mixtures as in
    C. M. Bishop 2006, "Pattern Recognition and Machine Learning", section 9.2.2. With `nonnegative`, draws below
    zero become zero: latents behind a ReLU are never negative.
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
        """Set the mixture to one under which `latents`, (n, dim), are likely; `seed` is of the first cluster centres.

        Raises ValueError for latents of another shape, fewer than the components, not finite, or all alike.
        """
        if latents.ndim != 2 or latents.shape[1] != self.dim:
            raise ValueError(f"latents: expected the shape (n, {self.dim}), found {tuple(latents.shape)}")
        if len(latents) < self.components:
            raise ValueError(
                f"latents: expected at least one for each of {self.components} components, found {len(latents)}"
            )
        if not latents.isfinite().all():
            raise ValueError("latents: expected finite numbers, found NaN or infinity")
        z = latents.double()
        # Where a unit never fires, or as one with another, a component would be flat.
        floor = FLOOR * z.var(0, correction=0).mean()
        if floor == 0:
            raise ValueError("latents: expected some that differ, found all alike")
        shares = F.one_hot(_clusters(z, self.components, seed), self.components).double()
        for _ in range(ROUNDS):
            shares = _expectation(z, *_maximization(z, shares, floor))
        weights, means, factors = _maximization(z, shares, floor)
        self.weights, self.means, self.factors = weights.float(), means.float(), factors.float()

    def log_density(self, latents: Tensor) -> Tensor:
        """Natural logarithm of the density at `latents`, (n, dim), as if none were set to zero: (n), double."""
        fitted = self.weights.double(), self.means.double(), self.factors.double()
        return _log_joint(latents.double(), *fitted).logsumexp(1)

    def draw(self, n: int, rng: np.random.Generator) -> Tensor:
        noise = standard_normal((n, 1 + self.dim), rng).double()
        # The first number of a row chooses its component: the normal line is cut into parts as likely as the weights.
        bounds = torch.special.ndtri(self.weights.double().cumsum(0)[:-1].clamp(max=1))
        choices = torch.searchsorted(bounds, noise[:, 0].contiguous())
        z = torch.empty(n, self.dim)
        for k in choices.unique().tolist():
            rows = choices == k
            # (m, dim) = (dim) + (m, dim) @ (dim, dim). In double, as in FittedGaussian, and for the same reason.
            z[rows] = (self.means[k] + noise[rows, 1:] @ self.factors[k].T.double()).float()
        return z.clamp(min=0) if self.nonnegative else z

    def describe(self) -> dict:
        return {
            "kind": "mixture",
            "dim": self.dim,
            "components": self.components,
            "nonnegative": self.nonnegative,
        }


def _clusters(z: Tensor, k: int, seed: int) -> Tensor:
    """Which of `k` clusters each of `z`, (n, d), belongs to, by k-means: (n).

    The start is k-means++ (D. Arthur, S. Vassilvitskii 2007, "k-means++: The Advantages of Careful Seeding",
    https://dl.acm.org/doi/10.5555/1283383.1283494): each centre is one of `z`, drawn by its squared distance from
    the centres before it.
    """
    rng = np.random.default_rng(seed)
    centres = z[[int(rng.integers(len(z)))]]
    distances = torch.full((len(z),), math.inf, dtype=z.dtype)
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
    """Weights (k), means (k, d) and factors (k, d, d) of the mixture of which `shares`, (n, k), are responsible for
    `z`, (n, d): Bishop's equations 9.24 to 9.26, with `floor` added to each variance."""
    totals = shares.sum(0).clamp(min=NEGLIGIBLE)  # a component may have lost all
    means = shares.T @ z / totals[:, None]
    factors = []
    for k, total in enumerate(totals):
        near = shares[:, k] > NEGLIGIBLE  # in many dimensions most are far from most components
        away = z[near] - means[k]
        covariance = (shares[near, k, None] * away).T @ away / total
        factors.append(torch.linalg.cholesky(covariance + floor * torch.eye(z.shape[1], dtype=z.dtype)))
    return totals / totals.sum(), means, torch.stack(factors)


def _expectation(z: Tensor, weights: Tensor, means: Tensor, factors: Tensor) -> Tensor:
    """How far each component is responsible for each of `z`, (n, d): (n, k), rows of sum 1 (Bishop's equation 9.23)."""
    return _log_joint(z, weights, means, factors).softmax(1)


def _log_joint(z: Tensor, weights: Tensor, means: Tensor, factors: Tensor) -> Tensor:
    """log p(k) p(z|k) of each of `z`, (n, d), and each component k: (n, k)."""
    logs = weights.log() - factors.diagonal(dim1=1, dim2=2).log().sum(1) - math.log(2 * math.pi) / 2 * z.shape[1]
    joint = logs.repeat(len(z), 1)
    for k, (mean, factor) in enumerate(zip(means, factors, strict=True)):
        whitened = torch.linalg.solve_triangular(factor, (z - mean).T, upper=False)  # (d, n)
        joint[:, k] -= whitened.square().sum(0) / 2
    return joint
