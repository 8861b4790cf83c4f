"""What the tests of networks share: a batch of images, random numbers, small models, and which weights have moved."""

from functools import cache

import numpy as np
import torch

from gengallery.data import default_spec
from gengallery.model.model import Model
from gengallery.models.flow import Flow, FlowConfig
from gengallery.models.gan import Gan, GanConfig
from gengallery.models.r3gan import R3gan, R3ganConfig
from gengallery.models.vae import Vae, VaeConfig

IMAGE = default_spec()
PIXELS, NO_CLASS = IMAGE.pixels, IMAGE.no_class
LABELS = torch.arange(6)  # of the batch of images
NO_LABELS = torch.full((6,), NO_CLASS)

# Small, untrained, and conditional.
KINDS = {
    "flow": lambda: Flow(FlowConfig((8, 16), (1, 1), steps=3, exact_steps=20)),
    "gan": lambda: Gan(GanConfig(5, generator_dims=(16,), conditional=True)),
    "r3gan": lambda: R3gan(R3ganConfig(5, (8, 8), (1, 1))),
    "vae": lambda: Vae(VaeConfig(5, conditional=True)),
}


def batch() -> torch.Tensor:
    """Six images."""
    return torch.rand(len(LABELS), *IMAGE.shape)


def rng() -> np.random.Generator:
    return np.random.default_rng(3)


def weights(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


def moved(module: torch.nn.Module, before: dict[str, torch.Tensor]) -> bool:
    return any(not torch.equal(tensor, before[name]) for name, tensor in module.state_dict().items())


@cache
def untrained(kind: str) -> Model:
    """A model with random weights everywhere, also where training would start from zero."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = KINDS[kind]()
        for parameter in model.parameters():
            if not parameter.any():
                torch.nn.init.normal_(parameter, std=0.05)
    return model.eval().requires_grad_(False)
