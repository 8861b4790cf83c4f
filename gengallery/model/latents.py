"""Latent spaces: where the encoded data lies, grids and paths."""

import torch
from torch import Tensor, nn

SHOWN = 2000  # test images whose latents are kept of a model with two latent dimensions


class LatentStatistics(nn.Module):
    """Where the encoded data lies in a latent space of `dim` dimensions.

    `mean` (d) and `covariance` (d, d) of the encoded training set; `centroids` (classes, d), the mean of each class
    there. For two dimensions also the latents of the first test images: see `shown`.
    """

    mean: Tensor
    covariance: Tensor
    centroids: Tensor
    positions: Tensor
    labels: Tensor

    def __init__(self, dim: int, classes: int):
        super().__init__()
        rows = SHOWN if dim == 2 else 0
        kind = torch.uint8 if classes < 255 else torch.int32
        self.unused = torch.iinfo(kind).max  # the label of a row of `positions` that holds no image
        self.register_buffer("mean", torch.zeros(dim))
        self.register_buffer("covariance", torch.eye(dim))
        self.register_buffer("centroids", torch.zeros(classes, dim))
        self.register_buffer("positions", torch.zeros(rows, dim))
        self.register_buffer("labels", torch.full((rows,), self.unused, dtype=kind))

    def fit(self, z: Tensor, labels: Tensor, test_z: Tensor, test_labels: Tensor) -> None:
        """Take the statistics of the encoded training set, `z` (N, d) with `labels` (N), and the places of the first
        test images, `test_z` (M, d) with `test_labels` (M)."""
        z = z.double()
        self.mean = z.mean(0).float()
        self.covariance = torch.cov(z.T).reshape(z.shape[1], z.shape[1]).float()
        for k in range(len(self.centroids)):
            if bool((labels == k).any()):  # a class without images has its centroid at the origin
                self.centroids[k] = z[labels == k].mean(0).float()
        count = min(len(self.positions), len(test_z))
        self.positions[:count] = test_z[:count]
        self.labels[:count] = test_labels[:count].to(self.labels.dtype)

    def shown(self) -> tuple[Tensor, Tensor]:
        """The latents (m, d) of the first test images, at most 2,000, and their classes (m), int64; of a space of two
        dimensions, else none."""
        used = self.labels != self.unused
        return self.positions[used], self.labels[used].long()


def latent_grid(x_min: float, x_max: float, y_min: float, y_max: float, side: int) -> Tensor:
    """Evenly spaced points of a rectangle of a latent space, (side * side, 2), in the order in which a page is read:
    x grows to the right, y upwards."""
    options = {"dtype": torch.float32, "device": "cpu"}
    x, y = torch.linspace(x_min, x_max, side, **options), torch.linspace(y_max, y_min, side, **options)  # type: ignore[call-overload]
    return torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1).reshape(-1, 2)  # (side, side, 2) -> (side^2, 2)


def latent_path(start: Tensor, end: Tensor, steps: int, arc: bool = False) -> Tensor:
    """The latents (steps, d) that lead evenly from `start` (d) to `end` (d), both included: straight, or along an arc.

    Along an arc, the angle grows evenly about the origin (K. Shoemake 1985, https://doi.org/10.1145/325165.325242), as
    suits Gaussian noise, whose length hardly varies (T. White 2016, https://arxiv.org/abs/1609.04468); the length goes
    evenly from one to the other. Latents in one line with the origin have no arc, and go straight.
    """
    t = torch.linspace(0, 1, steps, dtype=torch.float32, device=start.device)[:, None]
    lengths = torch.stack([start.norm(), end.norm()])
    cosine = torch.dot(start, end) / lengths.prod()
    if not arc or not cosine.abs() < 1 - 1e-6:  # written so that NaN, of a latent at the origin, goes straight
        return start + t * (end - start)
    angle = cosine.acos()
    direction = (((1 - t) * angle).sin() * start / lengths[0] + (t * angle).sin() * end / lengths[1]) / angle.sin()
    return direction * (lengths[0] + t * (lengths[1] - lengths[0]))
