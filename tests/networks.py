"""What the tests of networks share: a batch of images, random numbers, and which weights have moved."""

import numpy as np
import torch

from gengallery.data import default_spec

IMAGE = default_spec()
PIXELS, NO_CLASS = IMAGE.pixels, IMAGE.no_class
LABELS = torch.arange(6)  # of the batch of images
NO_LABELS = torch.full((6,), NO_CLASS)


def batch() -> torch.Tensor:
    """Six images."""
    return torch.rand(len(LABELS), *IMAGE.shape)


def rng() -> np.random.Generator:
    return np.random.default_rng(3)


def weights(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


def moved(module: torch.nn.Module, before: dict[str, torch.Tensor]) -> bool:
    return any(not torch.equal(tensor, before[name]) for name, tensor in module.state_dict().items())
