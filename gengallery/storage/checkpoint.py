"""One safetensors file a model: tensors, and a header that says how to rebuild the model around them.

The header is JSON (see `gengallery.storage.tensors`; its fields and their types, `gengallery.storage.schema`):

    format      the version of this layout, 3
    kind        weights
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
    seal        SHA-256 over all the rest of the header

Tensors are float32. One whose every number is exact in half precision is written so, at half the size, and read back
as float32: the checksum is the same.

Format 2, which had no seal, and format 1, which had no image spec either and is read as a model of the gallery's own
data set, load with the checksum they have; `gengallery verify --seal` rewrites them. What is written is format 3.

Reading is strict, and whatever is wrong is a `CheckpointError`. This module imports torch only where tensors are
touched, so that the gallery can be listed without it.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from gengallery.data import DEFAULT, ImageSpec, default_spec
from gengallery.storage import schema
from gengallery.storage import tensors as files
from gengallery.storage.tensors import FORMAT, KEY, MOST_NUMBERS, File, FileError, Kind, checksum, form

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["FORMAT", "KEY", "checksum"]  # beside what is defined here

SUFFIX = ".safetensors"
CLASSIFIER = "classifier"  # name and family of the network that models are evaluated with, which is no model itself
REMEDY = "Restore it from the repository, or make it again with `gengallery train`."
RENAMED = {  # of format 1: the settings that have other names since
    "config": {"spread": "truncation"},
    "prior": {"spread": "truncation"},
    "recipe": {
        "rate": "lr", "average": "ema_decay", "ramp": "kl_warmup", "start": "beta_start", "decay": "weight_decay",
        "leak": "negative_slope", "penalise_every": "penalty_every", "generator_rate": "generator_lr",
    },
}  # fmt: skip


class CheckpointError(FileError):
    """A file of weights is not what it should be: names the file, what was expected and found, and what to do."""

    def __init__(self, path: str | os.PathLike[str], expected: str, found: str, remedy: str = REMEDY):
        super().__init__(path, expected, found, remedy)


Checkpoint = File
WEIGHTS = Kind("weights", "a file of weights", CheckpointError, REMEDY, halved=True)


def read_header(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The header of the file at `path`, checked, in the present format; reads no tensor. Raises `CheckpointError`."""
    return _present(files.read_header(path, WEIGHTS), path)


def read(path: str | os.PathLike[str], *, trust_size: bool = False) -> Checkpoint:
    """Header and tensors of the file at `path`, the tensors whole, finite and as they were written.

    Raises `CheckpointError`, also for more than 50 million numbers unless `trust_size`.
    """
    saved = files.read(path, WEIGHTS, None if trust_size else MOST_NUMBERS)
    return File(saved.path, _present(saved.header, path), saved.tensors)


def write(path: str | os.PathLike[str], tensors: dict[str, "Tensor"], header: dict[str, Any]) -> None:
    """Write `tensors` under `header` (the fields above, without format, kind, checksum and seal) to `path`, whole or
    not at all.

    Raises ValueError for a header with a field missing or mistyped, and for numbers that are not finite: what
    `read` would refuse is never written.
    """
    # As JSON has it, where tuples are lists. What is not finite is refused here.
    ours = as_json({"checksum": "", **header})
    for field, kind, found in _misfits(ours):
        raise ValueError(f"{path}: expected the header's {field!r} as {kind}, found {found!r}; not written")
    files.write(path, WEIGHTS, tensors, {key: value for key, value in ours.items() if key != "seal"})


def seal(path: str | os.PathLike[str]) -> bool:
    """Rewrite the file at `path`, which is read and checked as ever, in the present format; its tensors stay byte for
    byte. False if it is in that format already. Raises `CheckpointError`."""
    saved = files.read(path, WEIGHTS)
    if saved.header["format"] == FORMAT:
        return False
    write(path, saved.tensors, _present(saved.header, path))
    return True


def as_json(value: Any) -> Any:
    """`value` as it comes back from JSON, where tuples are lists. Raises ValueError for numbers that are not finite."""
    return json.loads(json.dumps(value, allow_nan=False))


def _present(header: dict[str, Any], path: str | os.PathLike[str]) -> dict[str, Any]:
    """The `header` of the file at `path`, checked, in the present format."""
    ours = _upgraded(header) if header["format"] == 1 else {**header, "format": FORMAT}
    for field, kind, found in _misfits(ours):
        raise CheckpointError(path, f"the header's {field!r} as {kind}", repr(found)[:80])
    try:
        ImageSpec.from_json(ours["config"]["image"])
    except (TypeError, ValueError) as error:
        raise CheckpointError(path, "the header's 'config.image' as an image spec", str(error)[:200]) from error
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
        found["config"]["image"] = as_json(asdict(default_spec()))
    if "card" in found:
        card = {**found["card"]}
        card["float16"] = card.pop("half", False)
        if isinstance(card.get("recipe"), dict):
            card["recipe"] = {RENAMED["recipe"].get(name, name): value for name, value in card["recipe"].items()}
        found["card"] = {"translations": {}, "report": "", "dataset": DEFAULT, **card}
    return found


def _misfits(header: dict[str, Any]) -> Iterator[schema.Problem]:
    """The fields of `header` that are not as they should be."""
    yield from schema.problems(header)
    if header.get("family") != CLASSIFIER and "prior" not in header:
        yield "prior", "dict", None


def fill(module: "nn.Module", checkpoint: Checkpoint) -> None:
    """Put the tensors into `module`, which must want exactly these, same names, shapes and types; it is then ready.

    Raises `CheckpointError` at the first that is missing, extra, or of another shape or type.
    """
    import torch

    wanted = module.state_dict()
    for name in sorted(wanted.keys() | checkpoint.tensors.keys()):
        want, have = wanted.get(name), checkpoint.tensors.get(name)
        if have is None:
            raise CheckpointError(checkpoint.path, f"the tensor {name!r} {form(want)}", "none of that name")
        if want is None:
            raise CheckpointError(checkpoint.path, "no other tensors than the model's", f"{name!r} {form(have)}")
        if want.shape != have.shape or want.dtype != have.dtype:
            raise CheckpointError(checkpoint.path, f"{name!r} {form(want)}", form(have))
    module.load_state_dict(checkpoint.tensors, strict=True, assign=True)
    # Convolutions are faster with the channels innermost; dense layers do not care.
    module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing from torch's types
    module.eval().requires_grad_(False)
