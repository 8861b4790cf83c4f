"""Many images laid out as one picture."""

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from gengallery.data.images import enlarge, to_uint8

__all__ = ["enlarge", "sheet"]


def sheet(images: Tensor, columns: int, gap: int = 2, ground: int = 255) -> NDArray[np.uint8]:
    """Images (B, C, H, W) laid out in rows of `columns`, as levels, uint8: one grey (H', W') or coloured (H', W', 3)
    picture.

    `gap` pixels of the grey level `ground` stand between neighbours, none at the rim; an unfinished last row is filled
    with the ground.

    Example:
        >>> import torch
        >>> sheet(torch.zeros(5, 3, 32, 32), columns=2).shape
        (100, 66, 3)
    """
    if columns < 1 or gap < 0:
        raise ValueError(f"sheet: expected at least 1 column and a gap from 0 on, found {columns} and {gap}")
    pictures = to_uint8(images)
    height, width = pictures.shape[1:3]
    rows = -(-len(pictures) // columns)
    canvas = np.full((rows * (height + gap), columns * (width + gap), *pictures.shape[3:]), ground, np.uint8)
    for index, pixels in enumerate(pictures):
        row, column = divmod(index, columns)
        top, left = row * (height + gap), column * (width + gap)
        canvas[top : top + height, left : left + width] = pixels
    return canvas[: rows * (height + gap) - gap, : columns * (width + gap) - gap]
