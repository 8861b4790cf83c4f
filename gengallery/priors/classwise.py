"""The priors of variational autoencoders: N(0, I), or a Gaussian for each class.

Both map between the latents of the prior and those of the encoder (`place`, `measure`), and give the KL of a posterior
(`kl`) and the log-density (`log_density`).
"""

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gengallery.priors.noise import NORMAL, Noise, standard_normal


class StandardGaussian(Noise):
    """N(0, I) in `dim` dimensions, whatever the class."""

    def __init__(self, dim: int):
        super().__init__(NORMAL, dim)

    def fit_posteriors(self, means: Tensor, log_variances: Tensor, labels: Tensor) -> None:
        """Do nothing: N(0, I) is not fitted."""

    def place(self, u: Tensor, labels: Tensor) -> Tensor:
        """The encoder's latents z (n, dim) for the prior's `u` (n, dim) of the classes `labels` (n): here `u`."""
        return u

    def measure(self, z: Tensor, labels: Tensor) -> Tensor:
        """The prior's latents u (n, dim) for the encoder's `z` (n, dim) of the classes `labels` (n): here `z`."""
        return z

    def variance(self, log_variance: Tensor, labels: Tensor) -> Tensor:
        """The variance of u (n, dim) if that of z is exp(`log_variance`) (n, dim)."""
        return log_variance.exp()

    def kl(self, mean: Tensor, log_variance: Tensor, labels: Tensor) -> Tensor:
        """KL(N(mean, exp(log_variance)) || p(z|c)) in nats, (n, dim), (n, dim) and (n) -> (n)."""
        return kl_to_standard_normal(mean, log_variance).sum(1)

    def log_density(self, z: Tensor, labels: Tensor) -> Tensor:
        """log p(z|c) in nats, (n, dim) and (n) -> (n)."""
        return -0.5 * (z.square() + math.log(2 * math.pi)).sum(1)


class ClassGaussians(StandardGaussian):
    """A Gaussian with full covariance for each class, and one for no class: p(z|c) = N(m_c, L_c L_c^T).

    Latents are whitened, u = L_c^-1 (z - m_c), so that they have the distribution N(0, I) in every class. Until the
    prior is fitted, u = z, and while a model trains the KL is that from N(0, I). A `truncation` below 1 scales the
    samples towards the mean, which trades variety for fidelity (A. Brock, J. Donahue, K. Simonyan 2018,
    https://arxiv.org/abs/1809.11096, section 3.1).
    """

    fitted = True
    means: Tensor
    factors: Tensor

    def __init__(self, dim: int, classes: int, truncation: float = 1.0):
        super().__init__(dim)
        self.truncation = truncation
        rows = classes + 1  # the last stands for no class
        self.register_buffer("means", torch.zeros(rows, dim))
        self.register_buffer("factors", torch.eye(dim).repeat(rows, 1, 1))  # lower triangles

    def fit_posteriors(self, means: Tensor, log_variances: Tensor, labels: Tensor) -> None:
        """Fit the Gaussian of each class in `labels` (n) to draws from N(`means`, exp(`log_variances`)), each (n, dim).

        The Gaussian of the greatest likelihood has the same mean and covariance as the draws. The Gaussians of other
        classes are not changed.
        """
        for k in labels.unique().tolist():
            z = means[labels == k].double()
            covariance = torch.cov(z.T, correction=0).reshape(self.dim, self.dim)
            covariance += log_variances[labels == k].double().exp().mean(0).diag()
            self.means[k], self.factors[k] = z.mean(0).float(), torch.linalg.cholesky(covariance).float()

    def place(self, u: Tensor, labels: Tensor) -> Tensor:
        """z = m_c + L_c u."""
        # A sum over each row instead of a matrix product, whose rounding depends on the number of rows.
        found: Tensor = self.means[labels] + (self.factors[labels] * u[:, None]).sum(2)
        return found

    def measure(self, z: Tensor, labels: Tensor) -> Tensor:
        """u = L_c^-1 (z - m_c)."""
        return self._solve((z - self.means[labels])[..., None], labels)[..., 0]

    def variance(self, log_variance: Tensor, labels: Tensor) -> Tensor:
        """The diagonal of L_c^-1 exp(log_variance) L_c^-T."""
        return self._solve((0.5 * log_variance).exp().diag_embed(), labels).square().sum(2)

    def kl(self, mean: Tensor, log_variance: Tensor, labels: Tensor) -> Tensor:
        """KL from the Gaussian of the class; while the model trains, before the fit, from N(0, I)."""
        if self.training:
            return super().kl(mean, log_variance, labels)
        second_moment = self.measure(mean, labels).square() + self.variance(log_variance, labels)
        return 0.5 * (second_moment - 1 - log_variance).sum(1) + self._log_volume(labels)

    def log_density(self, z: Tensor, labels: Tensor) -> Tensor:
        """log N(z; m_c, L_c L_c^T)."""
        return super().log_density(self.measure(z, labels), labels) - self._log_volume(labels)

    def _solve(self, x: Tensor, labels: Tensor) -> Tensor:
        factors = self.factors[labels]
        # torch solves no triangular systems in half precision.
        exact = torch.promote_types(x.dtype, torch.float32)
        found: Tensor = torch.linalg.solve_triangular(factors.to(exact), x.to(exact), upper=False)
        return found.to(x.dtype)

    def _log_volume(self, labels: Tensor) -> Tensor:
        return self.factors.diagonal(dim1=1, dim2=2).log().sum(1)[labels]

    def draw(self, n: int, rng: np.random.Generator) -> Tensor:
        return self.truncation * standard_normal((n, self.dim), rng)

    def describe(self) -> dict[str, Any]:
        return {"kind": "class gaussians", "dim": self.dim, "truncation": self.truncation}


def kl_to_standard_normal(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mean, exp(log_variance)) || N(0, 1)) in nats of each latent, (n, d) -> (n, d)."""
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance)
