"""The gallery: which models there are, what is known of them, and loading one.

The files in `weights/` are the gallery. Listing them and reading their cards needs no torch.
"""

import difflib
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gengallery import checkpoint
from gengallery.checkpoint import SUFFIX, CheckpointError

if TYPE_CHECKING:
    from gengallery.model import Model

HERE = Path(__file__).resolve().parent
# In a checkout the weights lie beside the package; in an installed wheel, inside it.
WEIGHTS = HERE / "weights" if (HERE / "weights").is_dir() else HERE.parent / "weights"


def list_models(family: str | None = None) -> list[str]:
    """The names of the models in the gallery, in natural order (ae_2 before ae_16), exhibits last.

    `family` keeps those of one family: "autoencoder", "gan", "vae". Raises ValueError for another.
    """
    headers = [_checked(checkpoint.read_header(path), path) for path in _files().values()]
    families = sorted({header["family"] for header in headers})
    if family is not None and family not in families:
        raise ValueError(f"unknown family {family!r}; there are {', '.join(families)}")
    headers = [header for header in headers if family in (None, header["family"])]
    return [header["name"] for header in sorted(headers, key=_order)]


def _order(header: dict) -> tuple:
    parts = re.split(r"(\d+)", header["name"])
    return header["card"]["exhibit"], [int(part) if part.isdigit() else part for part in parts]


def info(name: str) -> dict[str, Any]:
    """What is known of the model `name`, without loading it.

    A dict: `name`, `family`, `summary`, `notes`, `exhibit` (true for one that is kept to show a failure), `latent`
    (numbers in a latent), `prior`, `paper` (authors, title, year, url), `parameters`, `config`, `recipe`, `training`
    (command, seed, epochs, seconds, device, versions, data checksum), `losses` (of ours, on train and test),
    `reported` (the report's), `bytes` and `path` of the file. Raises ValueError for an unknown name.
    """
    path = _path(name)
    header = _checked(checkpoint.read_header(path), path)
    return {
        "name": header["name"],
        "family": header["family"],
        **header["card"],
        "latent": header["prior"]["dim"],
        **{key: header[key] for key in ("prior", "parameters", "config", "training", "losses", "checksum")},
        "bytes": path.stat().st_size,
        "path": str(path),
    }


def load(name: str | os.PathLike) -> "Model":
    """The model `name` of the gallery, or of the file at a path that ends in .safetensors.

    It is on the CPU, in float32, and ready: `generate`, `decode`, `encode`, `reconstruct`. Raises ValueError for
    an unknown name and `CheckpointError` for a file that is not a sound model.
    """
    import torch

    from gengallery.models import family

    is_path = isinstance(name, os.PathLike) or str(name).endswith(SUFFIX)
    saved = checkpoint.read(Path(name) if is_path else _path(name))
    header = saved.header if is_path else _checked(saved.header, saved.path)
    try:
        kind = family(header["family"])
        with torch.device("meta"):  # no memory, no random numbers: the file brings every tensor
            model = kind.build(header["config"])
    except (TypeError, ValueError) as error:
        raise CheckpointError(
            saved.path, "a family and a config that this version knows", str(error), "Update gengallery to read it."
        ) from error
    if model.prior.describe() != header["prior"]:
        raise CheckpointError(saved.path, f"the prior {model.prior.describe()}", str(header["prior"]))
    checkpoint.fill(model, saved)
    # Convolutions are faster with the channels innermost; dense layers do not care.
    model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing from torch's types
    return model.eval().requires_grad_(False)


def _files() -> dict[str, Path]:
    """The files of the gallery, by their models' names."""
    return {path.name.removesuffix(SUFFIX): path for path in WEIGHTS.glob(f"*{SUFFIX}")}


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
