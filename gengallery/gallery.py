"""The gallery: which models there are, what is known of them, and loading one.

The files in `weights/` are the gallery. Listing them and reading their cards needs no torch.
"""

import difflib
import os
import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from gengallery import checkpoint
from gengallery.checkpoint import SUFFIX, Checkpoint, CheckpointError

if TYPE_CHECKING:
    from gengallery.model import Model, Network

N = TypeVar("N", bound="Network")
NEWER = "Update gengallery to read it."
HERE = Path(__file__).resolve().parent
# In a checkout the weights lie beside the package; in an installed wheel, inside it.
WEIGHTS = HERE / "weights" if (HERE / "weights").is_dir() else HERE.parent / "weights"


def list_models(family: str | None = None, option: str | None = None) -> list[str]:
    """The names of the models in the gallery, in natural order (ae_2 before ae_16), exhibits last.

    `family` keeps those of one family: "autoencoder", "gan", "vae". `option` keeps those whose calls take it: "label",
    "guidance", "steps". Raises ValueError for another family; an option that no model takes gives an empty list.
    """
    headers = [_checked(checkpoint.read_header(path), path) for path in _files().values()]
    families = sorted({header["family"] for header in headers})
    if family is not None and family not in families:
        raise ValueError(f"unknown family {family!r}; there are {', '.join(families)}")
    headers = [header for header in headers if family in (None, header["family"])]
    if option is not None:
        headers = [header for header in headers if option in header["card"].get("options", ())]
    return [header["name"] for header in sorted(headers, key=_order)]


def _order(header: dict) -> tuple:
    parts = re.split(r"(\d+)", header["name"])
    return header["card"]["exhibit"], [int(part) if part.isdigit() else part for part in parts]


def info(name: str) -> dict[str, Any]:
    """What is known of the model `name`, without loading it.

    A dict: `name`, `family`, `summary`, `notes`, `exhibit` (true for one that is kept to show a failure), `latent`
    (numbers in a latent), `options` (the keywords that its calls take), `prior`, `paper` (authors, title, year, url),
    `equations`, `parameters`, `config`, `recipe`, `training` (command, seed, epochs, seconds, device, versions, data
    checksum), `cost` (floating-point operations, of the whole training and of one image; see `gengallery.training`),
    `losses` (of ours, on train and test), `reported` (the report's), `scorecard` (see `gengallery.evaluate.Scorecard`;
    None where these weights were not measured, or not by the present judge), `bytes` and `path` of the file. Raises
    ValueError for an unknown name.
    """
    path = _path(name)
    header = _checked(checkpoint.read_header(path), path)
    return {
        "name": header["name"],
        "family": header["family"],
        **header["card"],
        "latent": header["prior"]["dim"],
        **{key: header[key] for key in ("prior", "parameters", "cost", "config", "training", "losses", "checksum")},
        "scorecard": _scorecard(header),
        "bytes": path.stat().st_size,
        "path": str(path),
    }


def _scorecard(header: dict[str, Any]) -> dict[str, Any] | None:
    """The scorecard in `header`, if it is of the weights beside it and by the judge that is here."""
    found = header.get("scorecard")
    if not isinstance(found, dict) or found.get("weights") != header["checksum"]:
        return None
    with suppress(CheckpointError):  # no judge, no judgement
        judge = checkpoint.read_header(WEIGHTS / f"{checkpoint.JUDGE}{SUFFIX}")
        return found if found.get("judge") == judge["checksum"] else None
    return None


def load(name: str | os.PathLike) -> "Model":
    """The model `name` of the gallery, or of the file at a path that ends in .safetensors.

    It is on the CPU, in float32, and ready: `generate`, `decode`, `encode`, `reconstruct`. Raises ValueError for
    an unknown name and `CheckpointError` for a file that is not a sound model.
    """
    from gengallery.models import family

    is_path = isinstance(name, os.PathLike) or str(name).endswith(SUFFIX)
    saved = checkpoint.read(Path(name) if is_path else _path(name))
    header = saved.header if is_path else _checked(saved.header, saved.path)
    try:
        kind = family(header["family"])
    except ValueError as error:
        raise CheckpointError(saved.path, "a family that this version knows", str(error), NEWER) from error
    model = rebuild(kind, saved)
    model.taking = lambda option: list_models(option=option)
    return model


def rebuild(kind: "type[N]", saved: Checkpoint) -> "N":
    """The network of `kind` that was saved, ready for use. Raises `CheckpointError` if the file describes another."""
    import torch

    try:
        with torch.device("meta"):  # no memory, no random numbers: the file brings every tensor
            network = kind.build(saved.header["config"])
    except (TypeError, ValueError) as error:
        raise CheckpointError(
            saved.path, f"a config of the family {saved.header['family']!r}", str(error), NEWER
        ) from error
    prior = getattr(network, "prior", None)
    if prior is not None and prior.describe() != saved.header["prior"]:
        raise CheckpointError(saved.path, f"the prior {prior.describe()}", str(saved.header["prior"]))
    checkpoint.fill(network, saved)
    return network


def _files() -> dict[str, Path]:
    """The files of the gallery, by their models' names. The classifier lies among them, and is no model."""
    files = {path.name.removesuffix(SUFFIX): path for path in WEIGHTS.glob(f"*{SUFFIX}")}
    return {name: path for name, path in files.items() if name != checkpoint.JUDGE}


def _checked(header: dict[str, Any], path: Path) -> dict[str, Any]:
    """`header`, if the file is named after the model in it, so that a name means one thing everywhere."""
    if path.name != header["name"] + SUFFIX:
        raise CheckpointError(path, "the model of that name", repr(header["name"]), "Name the file after its model.")
    return header


def _path(name: str | os.PathLike) -> Path:
    """The file of the model `name`. The name is looked up, never joined to a path."""
    files = _files()
    if name not in files:
        if not files:
            raise ValueError(f"no weights in {WEIGHTS}: restore that folder from the repository")
        near = difflib.get_close_matches(str(name), files, n=3, cutoff=0.4)
        hint = f"the nearest are {', '.join(map(repr, near))}; " if near else ""
        raise ValueError(f"unknown model {str(name)!r}: {hint}gengallery.list_models() names them all")
    return files[str(name)]
