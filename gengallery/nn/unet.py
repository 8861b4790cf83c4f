"""A U-Net from an image, a time and a class to an image, at two sizes with skip connections.

O. Ronneberger, P. Fischer, T. Brox 2015, https://arxiv.org/abs/1505.04597, in the form used for diffusion (J. Ho,
A. Jain, P. Abbeel 2020, https://arxiv.org/abs/2006.11239, appendix B), but smaller: it works on patches of 2 x 2
pixels, since the maps at full size would take most of the operations.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gengallery.data import ImageSpec
from gengallery.nn.layers import start_at_zero

PATCH = 2  # pixels along each side of a patch
GROUPS = 8  # of channels, in group normalisation
FREQUENCIES = 32  # of the sinusoidal embedding of the time
FASTEST = 1000.0  # the highest, in radians per unit of time


class UNetEncoder(nn.Module):
    """The encoder: images (n, C, H, W), with a time and a class for each, to maps at half and at a quarter of the size.

    `widths`: channels at half and at a quarter of the size; `blocks`: residual blocks at each of these sizes.
    """

    def __init__(self, widths: tuple[int, int], blocks: tuple[int, int], image: ImageSpec):
        super().__init__()
        fine, coarse = widths
        size = 2 * coarse  # of the embedding of time and class
        self.time = nn.Sequential(nn.Linear(2 * FREQUENCIES, size), nn.SiLU(), nn.Linear(size, size))
        self.label = nn.Embedding(len(image.classes) + 1, size)  # the last row stands for no class
        self.enter = nn.Conv2d(image.channels * PATCH**2, fine, 3, padding=1)
        self.inward = nn.ModuleList(Block(fine, fine, size) for _ in range(blocks[0]))
        self.down = nn.Conv2d(fine, coarse, 3, stride=2, padding=1)
        self.middle = nn.ModuleList(Block(coarse, coarse, size) for _ in range(blocks[1]))

    def embed(self, t: Tensor, labels: Tensor) -> Tensor:
        """The embedding of times (n) in [0, 1] and classes (n): (n, 2 coarse)."""
        exponents = torch.linspace(0, math.log(FASTEST), FREQUENCIES, dtype=torch.float32, device=t.device)
        angles = t[:, None] * torch.exp(exponents)
        waves = torch.cat([angles.sin(), angles.cos()], 1).to(self.label.weight.dtype)
        return F.silu(self.time(waves) + self.label(labels))

    def encode(self, x: Tensor, embedding: Tensor) -> tuple[list[Tensor], Tensor]:
        """Images `x` (n, C, H, W) to the maps (n, fine, H/2, W/2) after each block at half the size, and the maps
        (n, coarse, H/4, W/4) after the last block."""
        x = self.enter(F.pixel_unshuffle(x, PATCH))  # (n, fine, H/2, W/2)
        skips = []
        for block in self.inward:
            x = block(x, embedding)
            skips.append(x)
        h = self.down(x)  # (n, coarse, H/4, W/4)
        for block in self.middle:
            h = block(h, embedding)
        return skips, h


class UNet(UNetEncoder):
    """Images (n, C, H, W) to images of the same shape, with a time and a class for each."""

    def __init__(self, widths: tuple[int, int], blocks: tuple[int, int], image: ImageSpec):
        super().__init__(widths, blocks, image)
        fine, coarse = widths
        self.up = nn.Conv2d(coarse, 4 * fine, 1)
        self.outward = nn.ModuleList(Block(2 * fine, fine, 2 * coarse) for _ in range(blocks[0]))
        self.leave = nn.Conv2d(fine, image.channels * PATCH**2, 3, padding=1)
        start_at_zero(self.leave)

    def forward(self, x: Tensor, t: Tensor, labels: Tensor) -> Tensor:
        """Images (n, C, H, W), times (n) in [0, 1] and classes (n) to images (n, C, H, W)."""
        embedding = self.embed(t, labels)
        skips, h = self.encode(x, embedding)
        x = F.pixel_shuffle(self.up(h), 2)
        for block in self.outward:
            x = block(torch.cat([x, skips.pop()], 1), embedding)
        return F.pixel_shuffle(self.leave(F.silu(x)), PATCH)


class Block(nn.Module):
    """A residual block. The embedding scales and shifts the normalised maps between its two convolutions."""

    def __init__(self, inputs: int, outputs: int, embedding: int):
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.norm = nn.GroupNorm(math.gcd(GROUPS, outputs), outputs)
        self.scale_shift = nn.Linear(embedding, 2 * outputs)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.skip = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()
        start_at_zero(self.second)  # the block is its skip connection at initialisation

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        """(n, inputs, h, w) and (n, embedding) -> (n, outputs, h, w)."""
        scale, shift = self.scale_shift(embedding)[:, :, None, None].chunk(2, 1)
        h = self.norm(self.first(F.silu(x))) * (1 + scale) + shift
        found: Tensor = self.skip(x) + self.second(F.silu(h))
        return found
