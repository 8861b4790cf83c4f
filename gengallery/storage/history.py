"""A model as it was in the course of its training: snapshots in one safetensors file, beside its weights.

The file holds each snapshot's parameters, named EPOCH/PARAMETER, in half precision: they are for looking at. What is
fitted after training, priors and statistics, has no past. Its header (see `gengallery.storage.tensors`) has the `name`
of the model, which is the file's. Files of the time before they had a header, `gengallery verify --seal` rewrites.
"""

import copy
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from gengallery.storage import tensors as files
from gengallery.storage.checkpoint import SUFFIX, CheckpointError
from gengallery.storage.tensors import MOST_NUMBERS, Kind

if TYPE_CHECKING:
    from torch import Tensor, nn

REMEDY = "Restore it from the repository, or make it again with `gengallery train --snapshots`."
UNSEALED = "If it is of an earlier version, `gengallery verify --seal` checks and rewrites it."
HISTORY = Kind("history", "a file of snapshots", CheckpointError, REMEDY, unsealed=UNSEALED)

Parameters: TypeAlias = "dict[str, Tensor]"
M = TypeVar("M", bound="nn.Module")
EPOCH = re.compile(r"0|[1-9]\d{0,8}", re.ASCII)


def read(path: Path, *, trust_size: bool = False) -> dict[int, Parameters]:
    """The parameters in the file at `path`, by epoch. Raises `CheckpointError`, also for more than 50 million numbers
    unless `trust_size`."""
    return _read(path, trust_size, older=False)


def seal(path: Path, model: "nn.Module") -> bool:
    """Rewrite the file at `path` with a header, if it has none and holds the parameters of `model`; its tensors stay
    byte for byte. False if it has one. Raises `CheckpointError`."""
    if files.read(path, HISTORY, older=True).header:
        return False
    found = _read(path, False, older=True)
    for parameters in found.values():
        fill(copy.deepcopy(model), parameters, path)
    write(path, found)
    return True


def _read(path: Path, trust_size: bool, older: bool) -> dict[int, Parameters]:
    saved = files.read(path, HISTORY, None if trust_size else MOST_NUMBERS, older=older)
    name = saved.header.get("name")
    if saved.header and name != _name(path):
        raise CheckpointError(path, "the history of that model", f"that of {name!r}"[:80], REMEDY)
    found: dict[int, Parameters] = {}
    for key, tensor in saved.tensors.items():
        epoch, _, name = key.partition("/")
        if not EPOCH.fullmatch(epoch):
            raise CheckpointError(path, "tensors named EPOCH/PARAMETER", repr(key)[:80], REMEDY)
        found.setdefault(int(epoch), {})[name] = tensor
    if not found:
        raise CheckpointError(path, "at least one snapshot", "none", REMEDY)
    return dict(sorted(found.items()))


def _name(path: str | os.PathLike[str]) -> str:
    return Path(path).name.removesuffix(SUFFIX)


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
    tensors = {
        f"{epoch}/{name}": tensor.detach().half()
        for epoch, taken in snapshots.items()
        for name, tensor in (taken if isinstance(taken, dict) else dict(taken.named_parameters())).items()
    }
    files.write(path, HISTORY, tensors, {"name": _name(path)})
