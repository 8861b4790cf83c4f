"""A prior that is a small flow-matching network, fitted to latents."""

import copy
import math
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gengallery.checks import check_sizes
from gengallery.ode import midpoint
from gengallery.priors.gaussian import Fitted
from gengallery.priors.noise import normal_like, standard_normal

WIDTH, LAYERS = 512, 3  # units and residual blocks of the network
FREQUENCIES = tuple(math.pi * 2**k for k in range(6))  # of the embedding of the time
EPOCHS, BATCH, LR = 40, 500, 2e-3  # of its training
STEPS = 20  # of the midpoint rule


class FittedFlow(Fitted):
    """A small flow-matching network from noise to latents (see `gengallery.models.flow`): dense residual layers that
    take the time.

    It fits latents of many dimensions, which a few Gaussians do not describe. With `nonnegative`, samples below zero
    become zero.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, dim: int, nonnegative: bool, width: int = WIDTH, epochs: int = EPOCHS):
        super().__init__()
        check_sizes(width=width, epochs=epochs)
        self.dim, self.nonnegative, self.width, self.epochs = dim, nonnegative, width, epochs
        self.register_buffer("mean", torch.zeros(dim))
        self.register_buffer("deviation", torch.ones(dim))
        self.enter = nn.Linear(dim + 1 + 2 * len(FREQUENCIES), width)
        self.layers = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
            for _ in range(LAYERS)
        )
        self.leave = nn.Linear(width, dim)
        self.requires_grad_(False)  # trained by `fit` alone, not by the model's optimizer

    def velocity(self, x: Tensor, t: Tensor) -> Tensor:
        """The velocity (n, dim) of points `x` (n, dim), scaled to variance 1, at times `t` (n, 1)."""
        angles = t * t.new_tensor(FREQUENCIES)
        h = self.enter(torch.cat([x, t, angles.sin(), angles.cos()], 1))
        for layer in self.layers:
            h = h + layer(h)
        found: Tensor = self.leave(F.silu(h))
        return found

    def fit(self, latents: Tensor, seed: int = 0) -> None:
        """Train the network on `latents` (n, dim); `seed` sets its initial weights and all noise."""
        latents = latents.to(self.mean.device)
        self.mean = latents.mean(0)
        self.deviation = latents.std(0).clamp(min=1e-3)  # a unit that is always 0 has no deviation
        data = (latents - self.mean) / self.deviation
        rng = np.random.default_rng(seed)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            for layer in self.modules():
                if isinstance(layer, nn.Linear):
                    layer.reset_parameters()
        batches = max(1, len(data) // BATCH)
        optimizer = torch.optim.Adam(self.parameters(), LR, fused=self.mean.device.type in ("cpu", "cuda"))
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, self.epochs * batches)
        self.requires_grad_(True)
        with torch.inference_mode(False), torch.enable_grad():
            data = data.clone()
            for _ in range(self.epochs):
                order = torch.from_numpy(rng.permutation(len(data)))
                for chosen in order[: batches * BATCH].split(BATCH):
                    x = data[chosen]
                    z = normal_like(x, rng)
                    t = torch.sigmoid(normal_like(x[:, :1], rng))
                    with torch.autocast(x.device.type, torch.bfloat16):
                        found = self.velocity((1 - t) * z + t * x, t)
                    optimizer.zero_grad()
                    F.mse_loss(found.float(), x - z).backward()
                    optimizer.step()
                    schedule.step()
        self.requires_grad_(False)
        optimizer.zero_grad()

    def draw(self, n: int, rng: np.random.Generator) -> Tensor:
        x = standard_normal((n, self.dim), rng).double()
        # In double precision, for the reason that FittedGaussian gives.
        network = copy.deepcopy(self).cpu().double()
        with torch.no_grad():  # not inference mode, where the counter of operations misses linear layers
            *_, x = midpoint(lambda x, t: network.velocity(x, x.new_full((len(x), 1), t)), x, 0.0, 1.0, STEPS)
        z = (network.mean + x * network.deviation).float()
        return z.clamp(min=0) if self.nonnegative else z

    def describe(self) -> dict[str, Any]:
        return {
            "kind": "flow",
            "dim": self.dim,
            "nonnegative": self.nonnegative,
            "width": self.width,
            "epochs": self.epochs,
        }
