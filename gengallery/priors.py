"""The priors that are fitted to what an encoder made of the data: a Gaussian, a mixture of them, or a flow; and, of a
model that is told the class, a Gaussian for each.

A config names one of `PRIORS`; the model makes it with `fitted`, training fits it, and its numbers lie in the model's
file.
"""

import copy
import math
from abc import abstractmethod

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gengallery.images import CLASS_NAMES
from gengallery.model import check_sizes
from gengallery.noise import Prior, standard_normal
from gengallery.ode import midpoint

GAUSSIAN, MIXTURE, FLOW = PRIORS = ("gaussian", "mixture", "flow")
ROUNDS = 10  # of expectation-maximization, and before them of k-means
FLOOR = 1e-4  # variance added to each unit of each component, as a share of the units' mean variance
NEGLIGIBLE = 1e-9  # a smaller responsibility is none
WIDTH, FLOW_LAYERS = 512, 3  # of a flow's network
WAVES = tuple(math.pi * 2**k for k in range(6))  # frequencies in which it is told the time
FLOW_EPOCHS, FLOW_BATCH, FLOW_RATE = 40, 500, 2e-3  # of its training
FLOW_STEPS = 20  # of the midpoint rule


class Fitted(Prior):
    """A prior that is fitted to latents that an encoder gave."""

    fitted = True

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


class FittedFlow(Fitted):
    """A small flow-matching network (see `gengallery.models.flow`) from noise to latents: dense residual layers, told
    the time.

    For latents of many numbers that no few Gaussians describe. With `nonnegative`, draws below zero become zero.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, dim: int, nonnegative: bool, width: int = WIDTH, epochs: int = FLOW_EPOCHS):
        super().__init__()
        check_sizes(width=width, epochs=epochs)
        self.dim, self.nonnegative, self.width, self.epochs = dim, nonnegative, width, epochs
        self.register_buffer("mean", torch.zeros(dim))
        self.register_buffer("deviation", torch.ones(dim))
        self.enter = nn.Linear(dim + 1 + 2 * len(WAVES), width)
        self.layers = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
            for _ in range(FLOW_LAYERS)
        )
        self.leave = nn.Linear(width, dim)
        self.requires_grad_(False)  # `fit` alone trains it, and not the optimizer of the model whose prior it is

    def velocity(self, x: Tensor, t: Tensor) -> Tensor:
        """Of points (n, dim), scaled to variance 1, at times (n, 1)."""
        angles = t * t.new_tensor(WAVES)
        h = self.enter(torch.cat([x, t, angles.sin(), angles.cos()], 1))
        for layer in self.layers:
            h = h + layer(h)
        return self.leave(F.silu(h))

    def fit(self, latents: Tensor, seed: int = 0) -> None:
        """Train the network on `latents`, (n, dim); `seed` is of its start and of all noise."""
        self.mean = latents.mean(0)
        self.deviation = latents.std(0).clamp(min=1e-3)  # a unit that never fires has none
        data = (latents - self.mean) / self.deviation
        rng = np.random.default_rng(seed)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            for layer in self.modules():
                if isinstance(layer, nn.Linear):
                    layer.reset_parameters()
        batches = max(1, len(data) // FLOW_BATCH)
        optimizer = torch.optim.Adam(self.parameters(), FLOW_RATE, fused=True)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, self.epochs * batches)
        self.requires_grad_(True)
        with torch.inference_mode(False), torch.enable_grad():
            data = data.clone()
            for _ in range(self.epochs):
                order = torch.from_numpy(rng.permutation(len(data)))
                for chosen in order[: batches * FLOW_BATCH].split(FLOW_BATCH):
                    x = data[chosen]
                    z = standard_normal(tuple(x.shape), rng)
                    t = torch.sigmoid(standard_normal((len(x), 1), rng))
                    with torch.autocast("cpu", torch.bfloat16):
                        found = self.velocity((1 - t) * z + t * x, t)
                    optimizer.zero_grad()
                    F.mse_loss(found.float(), x - z).backward()
                    optimizer.step()
                    schedule.step()
        self.requires_grad_(False)
        optimizer.zero_grad()

    def draw(self, n: int, rng: np.random.Generator) -> Tensor:
        x = standard_normal((n, self.dim), rng).double()
        # In double, as in FittedGaussian, and for the same reason.
        network = copy.deepcopy(self).double()
        with torch.no_grad():  # in inference mode, linear layers would not be counted as products
            *_, x = midpoint(lambda x, t: network.velocity(x, x.new_full((len(x), 1), t)), x, 0.0, 1.0, FLOW_STEPS)
        z = (self.mean + x * self.deviation).float()
        return z.clamp(min=0) if self.nonnegative else z

    def describe(self) -> dict:
        return {
            "kind": FLOW, "dim": self.dim, "nonnegative": self.nonnegative, "width": self.width, "epochs": self.epochs,
        }  # fmt: skip


class ClassGaussians(Prior):
    """A Gaussian with full covariance for each class, and one for none: p(z|c) = N(m_c, L_c L_c^T).

    The latents that it draws are in the units of the class, u = L_c^-1 (z - m_c), and so N(0, I) whatever the class
    is: `place` and `measure` lead from them to the encoder's z and back. Until it is fitted, both are the same. A
    `spread` below 1 draws nearer to the mean, which trades variety for likeness (A. Brock, J. Donahue, K. Simonyan
    2018, https://arxiv.org/abs/1809.11096, section 3.1).
    """

    fitted = True
    means: Tensor
    factors: Tensor

    def __init__(self, dim: int, spread: float = 1.0):
        super().__init__()
        self.dim, self.spread = dim, spread
        kinds = len(CLASS_NAMES) + 1  # the last is NO_CLASS
        self.register_buffer("means", torch.zeros(kinds, dim))
        self.register_buffer("factors", torch.eye(dim).repeat(kinds, 1, 1))  # lower triangles

    def fit_posteriors(self, means: Tensor, log_variances: Tensor, labels: Tensor) -> None:
        """Become the Gaussians under which draws from N(`means`, exp(`log_variances`)), each (n, dim), are likeliest,
        given their `labels` (n); these are the ones of the same mean and covariance. Those of other classes stay."""
        for k in labels.unique().tolist():
            z = means[labels == k].double()
            covariance = torch.cov(z.T, correction=0).reshape(self.dim, self.dim)
            covariance += log_variances[labels == k].double().exp().mean(0).diag()
            self.means[k], self.factors[k] = z.mean(0).float(), torch.linalg.cholesky(covariance).float()

    def place(self, u: Tensor, labels: Tensor) -> Tensor:
        """z of latents `u` (n, dim) of the classes `labels` (n)."""
        # A sum for each row and no product of matrices, how which rounds depends on how many rows there are.
        return self.means[labels] + (self.factors[labels] * u[:, None]).sum(2)

    def measure(self, z: Tensor, labels: Tensor) -> Tensor:
        """u of `z` (n, dim) of the classes `labels` (n)."""
        return self._solve((z - self.means[labels])[..., None], labels)[..., 0]

    def variance(self, log_variance: Tensor, labels: Tensor) -> Tensor:
        """The variance of u, (n, dim), where that of z is exp(`log_variance`), (n, dim)."""
        return self._solve((0.5 * log_variance).exp().diag_embed(), labels).square().sum(2)

    def kl(self, mean: Tensor, log_variance: Tensor, labels: Tensor) -> Tensor:
        """KL(N(mean, exp(log_variance)) || p(z|c)) in nats, (n, dim), (n, dim) and (n) -> (n)."""
        apart = self.measure(mean, labels).square() + self.variance(log_variance, labels)
        return 0.5 * (apart - 1 - log_variance).sum(1) + self._log_volume(labels)

    def log_density(self, z: Tensor, labels: Tensor) -> Tensor:
        """log p(z|c) in nats, (n, dim) and (n) -> (n)."""
        u = self.measure(z, labels)
        return -0.5 * (u.square() + math.log(2 * math.pi)).sum(1) - self._log_volume(labels)

    def _solve(self, x: Tensor, labels: Tensor) -> Tensor:
        return torch.linalg.solve_triangular(self.factors[labels], x, upper=False)

    def _log_volume(self, labels: Tensor) -> Tensor:
        return self.factors.diagonal(dim1=1, dim2=2).log().sum(1)[labels]

    def draw(self, n: int, rng: np.random.Generator) -> Tensor:
        return self.spread * standard_normal((n, self.dim), rng)

    def describe(self) -> dict:
        return {"kind": "class gaussians", "dim": self.dim, "spread": self.spread}


def fitted(kind: str, dim: int, components: int = 1, nonnegative: bool = False) -> Fitted:
    """The prior of that `kind`, one of PRIORS, before it is fitted; `components` are a mixture's. Raises ValueError for
    another kind."""
    check_prior(kind)
    if kind == GAUSSIAN:
        return FittedGaussian(dim, nonnegative)
    return FittedMixture(dim, components, nonnegative) if kind == MIXTURE else FittedFlow(dim, nonnegative)


def check_prior(kind: object) -> None:
    """Raise ValueError unless `kind` is one of PRIORS."""
    if kind not in PRIORS:
        raise ValueError(f"prior: expected one of {', '.join(PRIORS)}; found {kind!r}")


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
