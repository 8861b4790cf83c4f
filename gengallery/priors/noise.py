"""The base of all priors, and the priors that are noise.

A prior draws latents (n, dim), float32 on the CPU, from a seed. The numbers come from numpy's PCG64, row after row, so
that row i depends on (seed, i) alone, and neither on n nor on the device.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

NORMAL, UNIFORM, POISSON = "normal", "uniform", "poisson"


def standard_normal(shape: tuple[int, ...], rng: np.random.Generator) -> Tensor:
    """Samples from N(0, 1) of the given `shape`, float32 on the CPU."""
    return torch.from_numpy(rng.standard_normal(shape, dtype=np.float32))


def normal_like(x: Tensor, rng: np.random.Generator) -> Tensor:
    """Samples from N(0, 1) of the shape of `x`, float32, drawn on the CPU and moved to the device of `x`."""
    return standard_normal(tuple(x.shape), rng).to(x.device)


Array = np.ndarray[Any, Any]

# By name: a function that draws from the distribution, its mean and its standard deviation.
DISTRIBUTIONS: dict[str, tuple[Callable[[np.random.Generator, tuple[int, ...]], Array], float, float]] = {
    NORMAL: (lambda rng, shape: rng.standard_normal(shape, dtype=np.float32), 0.0, 1.0),
    UNIFORM: (lambda rng, shape: rng.random(shape, dtype=np.float32), 0.5, math.sqrt(1 / 12)),
    POISSON: (lambda rng, shape: rng.poisson(1.0, shape).astype(np.float32), 1.0, 1.0),
}


class Prior(nn.Module, ABC):
    """A distribution over latents of `dim` dimensions."""

    dim: int
    fitted: ClassVar[bool] = False  # True: it is fitted to encoded data after training

    @abstractmethod
    def draw(self, n: int, rng: np.random.Generator) -> Tensor:
        """`n` latents (n, dim), float32 on the CPU, from the generator `rng`, row after row."""

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """The kind and the settings of the prior, as JSON."""

    def sample(self, n: int, seed: int) -> Tensor:
        """`n` latents (n, dim); row i depends on (seed, i) alone."""
        return self.draw(n, np.random.default_rng(seed))


class Noise(Prior):
    """Independent numbers from one distribution: normal N(0, 1), uniform U(0, 1) or Poisson(1).

    By default they are standardised, shifted and scaled to mean 0 and variance 1, so that a network's inputs have the
    same scale with every distribution.
    """

    def __init__(self, distribution: str, dim: int, standardised: bool = True):
        super().__init__()
        if distribution not in DISTRIBUTIONS:
            raise ValueError(f"noise: expected one of {', '.join(DISTRIBUTIONS)}; found {distribution!r}")
        self.distribution, self.dim, self.standardised = distribution, dim, standardised

    def draw(self, n: int, rng: np.random.Generator) -> Tensor:
        draw, mean, std = DISTRIBUTIONS[self.distribution]
        z = torch.from_numpy(draw(rng, (n, self.dim)))
        return (z - mean) / std if self.standardised else z

    def moments(self) -> tuple[float, float]:
        """Mean and standard deviation of each number."""
        _, mean, std = DISTRIBUTIONS[self.distribution]
        return (0.0, 1.0) if self.standardised else (mean, std)

    def describe(self) -> dict[str, Any]:
        return {
            "kind": "noise",
            "distribution": self.distribution,
            "dim": self.dim,
            "standardised": self.standardised,
        }
