"""Layers without normalisation, for generators and discriminators.

Blocks that start as nothing need none to train (H. Zhang, Y. N. Dauphin, T. Ma 2019, "Fixup Initialization: Residual
Learning Without Normalization", https://arxiv.org/abs/1901.09321).
"""

from torch import Tensor, nn
from torch.nn import functional as F

LEAK = 0.2  # slope of the units below zero


class Residual(nn.Module):
    """x + conv(f(conv(f(x)))), f a leaky ReLU: the shape stays."""

    def __init__(self, channels: int):
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        start_at_zero(self.second)

    def forward(self, x: Tensor) -> Tensor:
        """(n, channels, h, w) -> the same shape."""
        h = self.first(F.leaky_relu(x, LEAK))
        return x + self.second(F.leaky_relu(h, LEAK))


def residuals(channels: int, count: int) -> nn.Sequential:
    """`count` residual blocks, one after another."""
    return nn.Sequential(*(Residual(channels) for _ in range(count)))


def start_at_zero(layer: nn.Module) -> None:
    """Have `layer` give zero until it has learned."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
