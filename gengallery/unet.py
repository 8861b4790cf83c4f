"""A U-Net: from an image, a time and a class to an image, at two sizes joined by skips.

O. Ronneberger, P. Fischer, T. Brox 2015, https://arxiv.org/abs/1505.04597, in the shape that diffusion gave it
(J. Ho, A. Jain, P. Abbeel 2020, https://arxiv.org/abs/2006.11239, appendix B), made smaller: it works on squares of
2 x 2 pixels, since most of the work would lie in the finest maps.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gengallery.images import CLASS_NAMES
from gengallery.layers import start_at_zero

MEAN, DEVIATION = 0.2860, 0.3530  # of the training set's pixels: what a network sees is shifted and scaled by them
PATCH = 2  # pixels along each side of a square
GROUPS = 8  # of channels that are normalised together
WAVES = 32  # frequencies in which a time is written
FASTEST = 1000.0  # radians in a unit of time


class UNetEncoder(nn.Module):
    """The first half: images (n, 1, 28, 28), told a time for each and a class, to maps at 14 x 14 and at 7 x 7.

    `widths`: channels at 14 x 14 and at 7 x 7; `blocks`: residual blocks there.
    """

    def __init__(self, widths: tuple[int, int], blocks: tuple[int, int]):
        super().__init__()
        fine, coarse = widths
        told = 2 * coarse
        self.time = nn.Sequential(nn.Linear(2 * WAVES, told), nn.SiLU(), nn.Linear(told, told))
        self.label = nn.Embedding(len(CLASS_NAMES) + 1, told)  # the last is NO_CLASS
        self.enter = nn.Conv2d(PATCH**2, fine, 3, padding=1)
        self.inward = nn.ModuleList(Block(fine, fine, told) for _ in range(blocks[0]))
        self.down = nn.Conv2d(fine, coarse, 3, stride=2, padding=1)
        self.middle = nn.ModuleList(Block(coarse, coarse, told) for _ in range(blocks[1]))

    def told(self, t: Tensor, labels: Tensor) -> Tensor:
        """What each block is told of times (n) in [0, 1] and classes (n): (n, 2 coarse)."""
        angles = t[:, None] * torch.exp(torch.linspace(0, math.log(FASTEST), WAVES))
        return F.silu(self.time(torch.cat([angles.sin(), angles.cos()], 1)) + self.label(labels))

    def encode(self, x: Tensor, told: Tensor) -> tuple[list[Tensor], Tensor]:
        """Images to the maps (n, fine, 14, 14) after each block there, and those (n, coarse, 7, 7) after the last."""
        x = self.enter(F.pixel_unshuffle(x, PATCH))  # (n, fine, 14, 14)
        skips = []
        for block in self.inward:
            x = block(x, told)
            skips.append(x)
        h = self.down(x)  # (n, coarse, 7, 7)
        for block in self.middle:
            h = block(h, told)
        return skips, h


class UNet(UNetEncoder):
    """Images (n, 1, 28, 28) to images, told a time for each and a class; blocks at 14 x 14 on either side."""

    def __init__(self, widths: tuple[int, int], blocks: tuple[int, int]):
        super().__init__(widths, blocks)
        fine, coarse = widths
        self.up = nn.Conv2d(coarse, 4 * fine, 1)
        self.outward = nn.ModuleList(Block(2 * fine, fine, 2 * coarse) for _ in range(blocks[0]))
        self.leave = nn.Conv2d(fine, PATCH**2, 3, padding=1)
        start_at_zero(self.leave)

    def forward(self, x: Tensor, t: Tensor, labels: Tensor) -> Tensor:
        """Images (n, 1, 28, 28), times (n) in [0, 1] and classes (n) to images (n, 1, 28, 28)."""
        told = self.told(t, labels)
        skips, h = self.encode(x, told)
        x = F.pixel_shuffle(self.up(h), 2)
        for block in self.outward:
            x = block(torch.cat([x, skips.pop()], 1), told)
        return F.pixel_shuffle(self.leave(F.silu(x)), PATCH)


class Block(nn.Module):
    """A residual block; what it is told scales and shifts its maps between its two convolutions."""

    def __init__(self, inputs: int, outputs: int, told: int):
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.norm = nn.GroupNorm(GROUPS, outputs)
        self.scale_shift = nn.Linear(told, 2 * outputs)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.skip = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()
        start_at_zero(self.second)  # each block starts as nothing

    def forward(self, x: Tensor, told: Tensor) -> Tensor:
        """(n, inputs, h, w) and (n, told) -> (n, outputs, h, w)."""
        scale, shift = self.scale_shift(told)[:, :, None, None].chunk(2, 1)
        h = self.norm(self.first(F.silu(x))) * (1 + scale) + shift
        return self.skip(x) + self.second(F.silu(h))
