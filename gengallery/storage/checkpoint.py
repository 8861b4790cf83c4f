"""One safetensors file a model: tensors, and a header that says how to rebuild the model around them.

The header is JSON under the single metadata key `gengallery`:

    format      the version of this layout, 2
    name        of the model
    family      of models that rebuilds it (see `gengallery.families`)
    config      what rebuilds the network; under `image`, the images it is for (see `gengallery.data.ImageSpec`)
    prior       the prior, with its settings (fitted parameters are tensors); the classifier has none
    card        summary, notes, their translations, paper, recipe, the report's figures, ...
    parameters  how many numbers were learned
    training    command, seed, epochs, data checksum, seconds, device, versions
    cost        floating-point operations, of the whole training and of one image
    losses      on the training and the test set
    scorecard   how good the model is, once it is measured (see `gengallery.evaluation.scorecard`)
    checksum    SHA-256 over names, types, shapes and bytes of the tensors

Tensors are float32. One whose every number is exact in half precision is written so, at half the size, and read back
as float32: the checksum is the same.

Format 1, which had no image spec, is read as a model of the gallery's own data set; what is written is format 2.

Reading is strict, and whatever is wrong is a `CheckpointError`. Nothing is pickled. This module imports torch
only where tensors are touched, so that the gallery can be listed without it.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gengallery.data import DEFAULT, default_spec
from gengallery.storage.files import write_atomically

if TYPE_CHECKING:
    from torch import Tensor, nn

FORMAT = 2
KEY = "gengallery"
SUFFIX = ".safetensors"
FIELDS: dict[str, type] = {
    "name": str,
    "family": str,
    "config": dict,
    "config.image": dict,
    "prior": dict,
    "prior.dim": int,
    "card": dict,
    "card.exhibit": bool,
    "parameters": int,
    "training": dict,
    "cost": dict,
    "losses": dict,
    "checksum": str,
}
CLASSIFIER = "classifier"  # name and family of the network that models are evaluated with, which is no model itself
REMEDY = "Restore it from the repository, or make it again with `gengallery train`."
LFS = b"version https://git-lfs"  # how a pointer begins, which stands where a file was not downloaded
RENAMED = {  # of format 1: the settings that have other names since
    "config": {"spread": "truncation"},
    "prior": {"spread": "truncation"},
    "recipe": {
        "rate": "lr", "average": "ema_decay", "ramp": "kl_warmup", "start": "beta_start", "decay": "weight_decay",
        "leak": "negative_slope", "penalise_every": "penalty_every", "generator_rate": "generator_lr",
    },
}  # fmt: skip


class CheckpointError(ValueError):
    """A file of weights is not what it should be: names the file, what was expected and found, and what to do."""

    def __init__(self, path: str | os.PathLike[str], expected: str, found: str, remedy: str = REMEDY):
        super().__init__(f"{path}: expected {expected}; found {found}. {remedy}")


@dataclass(frozen=True)
class Checkpoint:
    """What a file holds: its header and its tensors by name."""

    path: Path
    header: dict[str, Any]
    tensors: dict[str, "Tensor"]


def read_header(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The header of the file at `path`, checked, in the present format; reads no tensor. Raises `CheckpointError`."""
    path = Path(path)
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            length = int.from_bytes(file.read(8), "little")
            text = file.read(min(length, size))
    except (OSError, ValueError) as error:  # ValueError: a path that no file can have
        raise CheckpointError(path, "a file of weights", getattr(error, "strerror", None) or str(error)) from error
    if LFS.startswith(length.to_bytes(8, "little")):
        raise CheckpointError(
            path, "a safetensors file", "a pointer of Git LFS, in place of the file", "Download it with git lfs pull."
        )
    if size < 8 or length > size - 8:
        raise CheckpointError(
            path, "a whole safetensors file", f"{size} bytes, which end inside the header" if size else "an empty file"
        )
    try:
        layout = json.loads(text)
        metadata = layout.get("__metadata__") or {}
        ours = json.loads(metadata[KEY]) if KEY in metadata else None
    except (ValueError, AttributeError, TypeError, RecursionError) as error:
        raise CheckpointError(path, "a safetensors header", f"something else ({error})") from error
    if not isinstance(ours, dict) or "format" not in ours:
        raise CheckpointError(
            path,
            f"the metadata key {KEY!r}",
            "a file that gengallery did not write",
            "Give a file made by gengallery.",
        )
    if ours["format"] == 1:
        ours = _upgraded(ours)
    if ours["format"] != FORMAT:
        raise CheckpointError(
            path,
            f"format 1 or {FORMAT}",
            f"format {ours['format']!r}",
            "Update gengallery to read it, or make it again with `gengallery train`.",
        )
    for field, kind, found in _misfits(ours):
        raise CheckpointError(path, f"the header's {field!r} as {kind.__name__}", repr(found)[:80])
    return ours


def _upgraded(header: dict[str, Any]) -> dict[str, Any]:
    """A header of format 1 in format 2; what is not as it should be stays, to be refused."""
    found = {**header, "format": FORMAT}
    for part in ("config", "prior", "card"):
        if not isinstance(found.get(part, {}), dict):
            return found
    for part in ("config", "prior"):
        if part in found:
            found[part] = {RENAMED[part].get(name, name): value for name, value in found[part].items()}
    if "config" in found:
        found["config"]["image"] = json.loads(json.dumps(asdict(default_spec())))
    if "card" in found:
        card = {**found["card"]}
        card["float16"] = card.pop("half", False)
        if isinstance(card.get("recipe"), dict):
            card["recipe"] = {RENAMED["recipe"].get(name, name): value for name, value in card["recipe"].items()}
        found["card"] = {"translations": {}, "report": "", "dataset": DEFAULT, **card}
    return found


def _misfits(header: dict[str, Any]) -> Iterator[tuple[str, type, Any]]:
    """The fields that `header` should have and has not: name, type, and what is there instead."""
    for field, kind in FIELDS.items():
        if field.startswith("prior") and header.get("family") == CLASSIFIER:
            continue
        found: Any = header
        for key in field.split("."):
            found = found.get(key) if isinstance(found, dict) else None
        if type(found) is not kind:
            yield field, kind, found


def read(path: str | os.PathLike[str]) -> Checkpoint:
    """Header and tensors of the file at `path`, the tensors whole, finite and as they were written.

    Raises `CheckpointError`.
    """
    import safetensors
    import safetensors.torch
    import torch

    from gengallery.defaults import torch_defaults

    header = read_header(path)
    path = Path(path)
    try:
        with torch_defaults():
            # The bytes, not a map of the file: what was checked stays true if the file is replaced.
            tensors = safetensors.torch.load(path.read_bytes())
            single = {name: t.float() if t.dtype == torch.float16 else t for name, t in tensors.items()}
    except (safetensors.SafetensorError, ValueError, KeyError) as error:
        raise CheckpointError(
            path, "a whole safetensors file", f"one that is cut short or damaged ({error})"
        ) from error
    for name, tensor in tensors.items():
        if not _finite(tensor):
            raise CheckpointError(path, f"finite numbers in {name!r}", "NaN or infinity")
    found = checksum(single)
    if found != header["checksum"]:
        raise CheckpointError(path, f"tensors with the checksum {header['checksum'][:12]}...", f"{found[:12]}...")
    return Checkpoint(path, header, single)


def write(path: str | os.PathLike[str], tensors: dict[str, "Tensor"], header: dict[str, Any]) -> None:
    """Write `tensors` under `header` (the fields above, without format and checksum) to `path`, whole or not at all.

    Raises ValueError for a header with a field missing or mistyped, and for numbers that are not finite: what
    `read` would refuse is never written.
    """
    import safetensors.torch

    for name, tensor in tensors.items():
        if not _finite(tensor):
            raise ValueError(f"{path}: the tensor {name!r} holds NaN or infinity; not written")
    # safetensors stores rows in order; weights trained as channels_last have to be laid out anew.
    tensors = {name: tensor.detach().contiguous() for name, tensor in tensors.items()}
    ours = {**header, "format": FORMAT, "checksum": checksum(tensors)}
    for field, kind, found in _misfits(ours):
        raise ValueError(f"{path}: expected the header's {field!r} as {kind.__name__}, found {found!r}; not written")
    metadata = {KEY: json.dumps(ours, allow_nan=False)}
    write_atomically(path, safetensors.torch.save({name: _shortest(t) for name, t in tensors.items()}, metadata))


def fill(module: "nn.Module", checkpoint: Checkpoint) -> None:
    """Put the tensors into `module`, which must want exactly these, same names, shapes and types; it is then ready.

    Raises `CheckpointError` at the first that is missing, extra, or of another shape or type.
    """
    import torch

    wanted = module.state_dict()
    for name in sorted(wanted.keys() | checkpoint.tensors.keys()):
        want, have = wanted.get(name), checkpoint.tensors.get(name)
        if have is None:
            raise CheckpointError(checkpoint.path, f"the tensor {name!r} {_form(want)}", "none of that name")
        if want is None:
            raise CheckpointError(checkpoint.path, "no other tensors than the model's", f"{name!r} {_form(have)}")
        if want.shape != have.shape or want.dtype != have.dtype:
            raise CheckpointError(checkpoint.path, f"{name!r} {_form(want)}", _form(have))
    module.load_state_dict(checkpoint.tensors, strict=True, assign=True)
    # Convolutions are faster with the channels innermost; dense layers do not care.
    module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing from torch's types
    module.eval().requires_grad_(False)


def checksum(tensors: dict[str, "Tensor"]) -> str:
    """SHA-256 over the names, types, shapes and bytes of `tensors`, in the order of their names."""
    import hashlib

    import torch

    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(f"{name} {_form(tensors[name])}".encode())
        # As bytes, since numpy lacks some of torch's types; flat, since a scalar has no axis to cut in bytes.
        digest.update(tensors[name].contiguous().flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _shortest(tensor: "Tensor") -> "Tensor":
    """`tensor` in half precision where that loses nothing."""
    halved = tensor.half() if tensor.dtype.itemsize == 4 and tensor.is_floating_point() else tensor
    return halved if halved.equal(tensor) else tensor


def _finite(tensor: "Tensor") -> bool:
    return not tensor.is_floating_point() or bool(tensor.float().isfinite().all())


def _form(tensor: "Tensor | None") -> str:
    return "" if tensor is None else f"{tuple(tensor.shape)} {str(tensor.dtype).removeprefix('torch.')}"
