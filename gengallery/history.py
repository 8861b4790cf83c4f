"""A model as it was in the course of its training: snapshots in one safetensors file, beside its weights.

The file holds each snapshot's parameters, named EPOCH/PARAMETER, in half precision: they are for looking at. What is
fitted after training, priors and statistics, has no past.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from gengallery import gallery
from gengallery.checkpoint import SUFFIX, CheckpointError
from gengallery.files import write_atomically

if TYPE_CHECKING:
    from torch import Tensor, nn

    from gengallery.model import Model

FOLDER = "history"  # beside the files of weights
REMEDY = "Restore it from the repository, or make it again with scripts/train.py --snapshots."

Parameters: TypeAlias = "dict[str, Tensor]"


def list_histories() -> list[str]:
    """The names of the models whose training is on record, in the gallery's order."""
    kept = {path.name.removesuffix(SUFFIX) for path in (gallery.WEIGHTS / FOLDER).glob(f"*{SUFFIX}")}
    return [name for name in gallery.list_models() if name in kept]


def load_history(name: str) -> dict[int, "Model"]:
    """The model `name` after so many epochs of its training, from 0 on, each ready to decode.

    Their priors and statistics are the finished model's. Raises ValueError for a model without a history, and
    `CheckpointError` for a file that does not fit the model.
    """
    if name not in list_histories():
        raise ValueError(f"expected a model with a history: {', '.join(list_histories())}; found {name!r}")
    path = gallery.WEIGHTS / FOLDER / f"{name}{SUFFIX}"
    models = {}
    for epoch, parameters in read(path).items():
        model = gallery.load(name)
        own = dict(model.named_parameters())
        if {key: tensor.shape for key, tensor in own.items()} != {key: t.shape for key, t in parameters.items()}:
            raise CheckpointError(path, f"the parameters of {name} after {epoch} epochs", "others", REMEDY)
        for key, tensor in parameters.items():
            own[key].data.copy_(tensor)
        models[epoch] = model
    return models


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


def write(path: str | os.PathLike, snapshots: "Mapping[int, Parameters | nn.Module]") -> None:
    """Write snapshots, parameters or the networks that have them, by epoch, whole or not at all."""
    import safetensors.torch

    tensors = {
        f"{epoch}/{name}": tensor.detach().half().contiguous()
        for epoch, taken in snapshots.items()
        for name, tensor in (taken if isinstance(taken, dict) else dict(taken.named_parameters())).items()  # type: ignore[union-attr]
    }
    write_atomically(path, safetensors.torch.save(tensors))
