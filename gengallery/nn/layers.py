"""Layers without normalisation, for generators and discriminators, and the initialisation of layers.

Blocks whose output starts at zero need no normalisation to train (H. Zhang, Y. N. Dauphin, T. Ma 2019, "Fixup
Initialization: Residual Learning Without Normalization", https://arxiv.org/abs/1901.09321).
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

NEGATIVE_SLOPE = 0.2  # of the leaky ReLUs


class Residual(nn.Module):
    """x + conv(f(conv(f(x)))), where f is a leaky ReLU; the shape is kept."""

    def __init__(self, channels: int):
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        start_at_zero(self.second)

    def forward(self, x: Tensor) -> Tensor:
        """(n, channels, h, w) -> the same shape."""
        h = self.first(F.leaky_relu(x, NEGATIVE_SLOPE))
        found: Tensor = x + self.second(F.leaky_relu(h, NEGATIVE_SLOPE))
        return found


def residuals(channels: int, count: int) -> nn.Sequential:
    """`count` residual blocks, one after another."""
    return nn.Sequential(*(Residual(channels) for _ in range(count)))


def mlp(sizes: tuple[int, ...], activation: nn.Module) -> nn.Sequential:
    """Dense layers of the given sizes with `activation` between them."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(sizes):
        layers += [nn.Linear(inputs, outputs), activation]
    return nn.Sequential(*layers[:-1])


def one_hot(labels: Tensor, classes: int, dtype: torch.dtype) -> Tensor:
    """`labels` (n) as one-hot rows (n, classes); the label `classes`, which stands for no class, is a row of zeros."""
    return F.one_hot(labels, classes + 1)[:, :classes].to(dtype)


def start_at_zero(layer: nn.Module) -> None:
    """Set the parameters of `layer` to zero, so that its output is zero at initialisation."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)


def start_as_keras(module: nn.Module) -> None:
    """Initialise the layers of `module` as Keras does, and so the report: uniform weights after Glorot and Bengio
    (2010, https://proceedings.mlr.press/v9/glorot10a.html), biases zero."""
    for layer in module.modules():
        if isinstance(layer, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.xavier_uniform_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
