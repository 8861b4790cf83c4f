"""The base of the fitted priors, and a Gaussian fitted to latents."""

from abc import abstractmethod
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gengallery.priors.noise import Prior, standard_normal


class Fitted(Prior):
    """A prior that is fitted to the latents of encoded images."""

    fitted = True

    @abstractmethod
    def fit(self, latents: Tensor, seed: int = 0) -> None:
        """Fit the distribution to `latents` (n, dim); randomness, if any, comes from `seed`."""


class FittedGaussian(Fitted):
    """A Gaussian with full covariance, fitted to the latents of encoded images.

    With `nonnegative`, samples below zero become zero, since the outputs of a ReLU are never negative.
    """

    mean: Tensor
    factor: Tensor

    def __init__(self, dim: int, nonnegative: bool):
        super().__init__()
        self.dim, self.nonnegative = dim, nonnegative
        self.register_buffer("mean", torch.zeros(dim))
        self.register_buffer("factor", torch.eye(dim))

    def fit(self, latents: Tensor, seed: int = 0) -> None:
        """Set mean and covariance to those of `latents` (n, dim); nothing is random."""
        z = latents.double()
        # Units that are always 0 make the covariance singular, which eigh takes and Cholesky does not.
        values, vectors = torch.linalg.eigh(torch.cov(z.T).reshape(self.dim, self.dim))
        self.mean = z.mean(0).float()
        self.factor = (vectors * values.clamp(min=0).sqrt()).float()

    def draw(self, n: int, rng: np.random.Generator) -> Tensor:
        # (n, dim) = (dim) + (n, dim) @ (dim, dim); factor @ factor.T is the covariance. In double precision, since the
        # rounding of a matrix product depends on the number of rows, and row i must not.
        mean, factor = (tensor.cpu().double() for tensor in (self.mean, self.factor))
        z = (mean + standard_normal((n, self.dim), rng).double() @ factor.T).float()
        return z.clamp(min=0) if self.nonnegative else z

    def describe(self) -> dict[str, Any]:
        return {"kind": "gaussian", "dim": self.dim, "nonnegative": self.nonnegative}
