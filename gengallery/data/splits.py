"""Splits of a data set as tensors in memory, and how a split that the source lacks is cut."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

BATCH = 500  # images that go through a network at once, where nothing is learned
SEED = 0  # of what is set apart


@dataclass(frozen=True)
class Split:
    """Part of a data set: `images` (N, C, H, W) uint8, `labels` (N) int64, from 0 on; all 0 where there are no classes.

    Example:
        >>> import torch
        >>> split = Split(torch.zeros(700, 1, 32, 32, dtype=torch.uint8), torch.zeros(700, dtype=torch.int64))
        >>> [len(images) for images, labels in split.batches()]
        [500, 200]
    """

    images: Tensor
    labels: Tensor

    def __post_init__(self) -> None:
        if self.images.ndim != 4 or self.images.dtype != torch.uint8:
            found = f"{tuple(self.images.shape)} of {self.images.dtype}"
            raise ValueError(f"Split: expected images (N, C, H, W) of torch.uint8, found {found}")
        if self.labels.shape != self.images.shape[:1] or self.labels.dtype != torch.int64:
            found = f"{tuple(self.labels.shape)} of {self.labels.dtype}"
            raise ValueError(f"Split: expected labels ({len(self.images)}) of torch.int64, found {found}")

    def __len__(self) -> int:
        return len(self.images)

    def at(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        """The images (n, C, H, W), as floats, and labels (n) at these `indices` (n), int64."""
        return as_floats(self.images.index_select(0, indices)), self.labels.index_select(0, indices)

    def batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """The images (n, C, H, W), as floats, and labels (n), in order, some hundreds at a time."""
        for start in range(0, len(self), BATCH):
            yield as_floats(self.images[start : start + BATCH]), self.labels[start : start + BATCH]

    def checksum(self) -> str:
        """SHA-256 of the images and labels, so that a trained model can tell what it was trained on."""
        return checksum(self.images.numpy(), self.labels.numpy())


def as_floats(images: Tensor) -> Tensor:
    """uint8 images as the convention has them, laid out as the networks like them."""
    return images.to(torch.float32, copy=True).div_(255).contiguous(memory_format=torch.channels_last)


def checksum(images: NDArray[np.uint8], labels: NDArray[np.int64]) -> str:
    """SHA-256 of the numbers of `images` and `labels`, in order, whatever their shape."""
    digest = hashlib.sha256(np.ascontiguousarray(images).data)
    digest.update(np.ascontiguousarray(labels, dtype="<i8").data)
    return digest.hexdigest()


def stratified(labels: NDArray[np.int64], share: int) -> NDArray[np.bool_]:
    """Which of the images with these `labels` (N) are set apart, (N): one in `share` of each class, fixed by a seed.

    What is left goes to the classes with the largest remainders. A class always keeps an image.
    """
    classes, counts = np.unique(labels, return_counts=True)
    quota = counts // share
    left = round(len(labels) / share) - int(quota.sum())
    by_remainder = np.argsort(-(counts % share), kind="stable")
    more = [index for index in by_remainder if quota[index] + 1 < counts[index]][: max(0, left)]
    quota[more] += 1
    chosen = np.zeros(len(labels), bool)
    draw = np.random.RandomState(SEED)  # whose numbers, unlike those of newer generators, never change
    for number, take in zip(classes, quota, strict=True):
        members = np.flatnonzero(labels == number)
        chosen[draw.permutation(members)[:take]] = True
    return chosen
