"""A model as it was in the course of its training: snapshots in one safetensors file, beside its weights.

The file holds each snapshot's parameters, named EPOCH/PARAMETER, in half precision: they are for looking at. What is
fitted after training, priors and statistics, has no past.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from gengallery.storage.checkpoint import CheckpointError
from gengallery.storage.files import write_atomically

if TYPE_CHECKING:
    from torch import Tensor, nn

REMEDY = "Restore it from the repository, or make it again with `gengallery train --snapshots`."

Parameters: TypeAlias = "dict[str, Tensor]"
M = TypeVar("M", bound="nn.Module")


def read(path: Path) -> dict[int, Parameters]:
    """The parameters in the file at `path`, by epoch. Raises `CheckpointError`."""
    import safetensors
    import safetensors.torch

    try:
        tensors = safetensors.torch.load(path.read_bytes())
        found: dict[int, Parameters] = {}
        for key in sorted(tensors, key=lambda key: int(key.partition("/")[0])):
            epoch, _, name = key.partition("/")
            found.setdefault(int(epoch), {})[name] = tensors[key]
    except (safetensors.SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(path, "a file of snapshots", f"something else ({error})", REMEDY) from error
    return found


def fill(model: M, parameters: Parameters, path: Path) -> M:
    """`model` with `parameters` in place of its own; returns it. Raises `CheckpointError`, which names the file at
    `path`, if they are of another model."""
    own = dict(model.named_parameters())
    if {key: tensor.shape for key, tensor in own.items()} != {key: t.shape for key, t in parameters.items()}:
        raise CheckpointError(path, "the parameters of the model beside it", "others", REMEDY)
    for key, tensor in parameters.items():
        own[key].data.copy_(tensor)
    return model


def write(path: str | os.PathLike[str], snapshots: "Mapping[int, Parameters | nn.Module]") -> None:
    """Write snapshots, parameters or the networks that have them, by epoch, whole or not at all."""
    import safetensors.torch

    tensors = {
        f"{epoch}/{name}": tensor.detach().half().contiguous()
        for epoch, taken in snapshots.items()
        for name, tensor in (taken if isinstance(taken, dict) else dict(taken.named_parameters())).items()
    }
    write_atomically(path, safetensors.torch.save(tensors))
