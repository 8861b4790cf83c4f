"""A gallery: a folder of models, what is known of each, and loading one.

The files of a folder are its gallery. Listing them and reading their cards needs no torch.
"""

import fnmatch
import os
import re
import warnings
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gengallery.data import ImageSpec
from gengallery.storage import checkpoint
from gengallery.storage.checkpoint import CLASSIFIER, SUFFIX, CheckpointError
from gengallery.text import Text

if TYPE_CHECKING:
    import torch

    from gengallery.model.model import Model
    from gengallery.model.network import Network
    from gengallery.storage.checkpoint import Checkpoint

VARIABLE = "GENGALLERY_WEIGHTS"
_State = tuple[int, int, int]
Names = list[str]  # inside the class, `list` is its method
OPTIONS = ("label", "guidance", "steps")
HISTORY = "history"  # the folder beside the files of weights
NEWER = "Update gengallery to read it."
TRUST = "Give trust_size=True if you trust the file."
HERE = Path(__file__).resolve().parent
# In a checkout the weights lie beside the package; in an installed wheel, inside it.
SHIPPED = HERE / "weights" if (HERE / "weights").is_dir() else HERE.parent / "weights"


class Gallery:
    """The models of `folder`, by default those that ship with gengallery, or that GENGALLERY_WEIGHTS names.

    A file that is not sound is left out of the list, with its cause in `problems()`. Headers are read once, and again
    when a file changes.

    Example:
        >>> import gengallery
        >>> gengallery.Gallery().list("vae*")
        ['vae_2', 'vae_64', 'vae_64_relu']
    """

    def __init__(self, folder: str | os.PathLike[str] | None = None):
        self.folder = _default_folder() if folder is None else Path(folder).expanduser()
        self._headers: dict[Path, tuple[_State, dict[str, Any] | CheckpointError]] = {}
        self._left_out: dict[Path, tuple[_State, CheckpointError]] = {}
        self._added: dict[str, Model] = {}

    def list(self, pattern: str = "*", *, family: str | None = None, option: str | None = None) -> Names:
        """The names of the models, in natural order (ae_2 before ae_16), exhibits last.

        `pattern` keeps the names that match it ("vae*"); `family` keeps those of one family: "autoencoder", "gan",
        "vae"; `option` those whose calls take it: "label", "guidance", "steps". Raises ValueError for a family that no
        model is of, and for another option.
        """
        if option is not None and option not in OPTIONS:
            raise ValueError(f"unknown option {option!r}; there are {', '.join(OPTIONS)}")
        headers = self._all()
        families = sorted({header["family"] for header in headers.values()})
        if family is not None and family not in families:
            raise ValueError(f"unknown family {family!r}; there are {', '.join(families)}")
        kept = {
            name: header
            for name, header in headers.items()
            if family in (None, header["family"])
            and (option is None or option in header["card"].get("options", ()))
            and fnmatch.fnmatchcase(name, pattern)
        }
        return sorted(kept, key=lambda name: _order(name, kept[name]))

    def info(self, name: str | os.PathLike[str]) -> dict[str, Any]:
        """What is known of the model `name`, or of the file at a path that ends in .safetensors, without loading it.

        A dict: `name`, `family`, `summary` and `notes` (with their translations, see `gengallery.text.Text`), `exhibit`
        (true for one that is kept to show a failure), `report` (the report's name of the experiment), `image` (the
        images it is for), `latent` (numbers in a latent), `options` (the keywords that its calls take), `prior`,
        `paper` (authors, title, year, url), `equations`, `parameters`, `config`, `recipe`, `training` (command, seed,
        epochs, seconds, device, versions, data checksum), `cost` (floating-point operations, of the whole training and
        of one image; see `gengallery.training.flops`), `losses` (of ours, on train and test), `reported` (the
        report's), `scorecard` (see `gengallery.evaluation.scorecard.Scorecard`; None where these weights were not
        measured, or not with this gallery's classifier), `checksum` of the tensors, `bytes` and `path` of the file.

        Raises ValueError for an unknown name, and `CheckpointError` for a file that is not sound.
        """
        if str(name) in self._added:
            return _as_info(self._added[str(name)].file_header(), None, 0, "")
        path = _as_path(name) or self._path(name)
        header = checkpoint.read_header(path) if _as_path(name) else self._header(path)
        return _as_info(header, self._scorecard(header), path.stat().st_size, str(path))

    def load(
        self,
        name: str | os.PathLike[str],
        *,
        device: "str | torch.device" = "cpu",
        dtype: "torch.dtype | None" = None,
        trust_size: bool = False,
    ) -> "Model":
        """The model `name`, or that of the file at a path that ends in .safetensors.

        It is on `device`, with weights of the floating type `dtype`, float32 unless given, and ready: `generate`,
        `decode`, `encode`, `reconstruct`. Raises ValueError for an unknown name and `CheckpointError` for a file that
        is not a sound model, or that asks for more than 50 million numbers or 64 blocks without `trust_size`.
        """
        if str(name) in self._added:
            return self._added[str(name)].to(device=device, dtype=dtype)
        path = _as_path(name)
        saved = checkpoint.read(path or self._path(name), trust_size=trust_size)
        if path is None:
            _check_name(saved.header, saved.path)
        model = _model(saved, trust_size)
        if dtype is None and str(device) == "cpu":
            return model

        import torch

        with torch.inference_mode(False):  # in which tensors are made that no search can use
            return model.to(device=device, dtype=dtype)

    def histories(self) -> Names:
        """The names of the models whose training is on record, in the order of `list`."""
        paths = (self.folder / HISTORY).glob(f"*{SUFFIX}")
        kept = {path.name.removesuffix(SUFFIX) for path in paths if self._reason(path) is None}
        return [name for name in self.list() if name in kept]

    def history(self, name: str, *, trust_size: bool = False) -> "dict[int, Model]":
        """The model `name` after so many epochs of its training, from 0 on, each ready to decode.

        Their priors and statistics are the finished model's. Raises ValueError for a model without a history, and
        `CheckpointError` for a file that does not fit the model, or that is too large as in `load`.
        """
        from gengallery.storage import history

        if name not in self.histories():
            raise ValueError(f"expected a model with a history: {', '.join(self.histories())}; found {name!r}")
        path = self.folder / HISTORY / f"{name}{SUFFIX}"
        return {
            epoch: history.fill(self.load(name, trust_size=trust_size), found, path)
            for epoch, found in history.read(path, trust_size=trust_size).items()
        }

    def add(self, model: "Model") -> None:
        """Let `model`, which comes from no file, stand in the list under its name, for as long as this gallery lives.

        Raises ValueError if it has no name, or if another model has it already.
        """
        if not model.name:
            raise ValueError("model: expected one with a name, found none; set model.name")
        if model.name in self._files():
            raise ValueError(f"model: expected a new name, found {model.name!r}, which a file of {self.folder} has")
        if self._added.get(model.name, model) is not model:
            raise ValueError(f"model: expected a new name, found {model.name!r}, which another model here has")
        self._added[model.name] = model

    def problems(self) -> dict[str, CheckpointError]:
        """The files that are not sound, each with its cause. Of weights only the header is read; see `leave_out`."""
        found = {path: self._read(path) for path in self._files().values()}
        found |= {path: error for path in self._left_out if (error := self._reason(path)) is not None}
        return {
            path.relative_to(self.folder).as_posix(): error
            for path, error in found.items()
            if isinstance(error, CheckpointError)
        }

    def leave_out(self, error: CheckpointError) -> None:
        """Leave the file of weights or of snapshots that `error` is about out of the lists, until it changes: for what
        `load` and `history` find out and a header does not tell. It stands in `problems()` from now on."""
        with suppress(OSError):  # gone, and so in no list
            self._left_out[error.path] = _state(error.path), error

    @property
    def image(self) -> ImageSpec:
        """What images the models are for: the spec of the first one. Raises ValueError for an empty gallery."""
        for name in self.list():
            return ImageSpec.from_json(self.info(name)["image"])
        raise ValueError(f"{self.folder}: expected at least one model, found none")

    @property
    def classifier(self) -> Path:
        """The file of the classifier by which the models are evaluated, whether it is there or not."""
        return self.folder / f"{CLASSIFIER}{SUFFIX}"

    # -- files and headers

    def _files(self) -> dict[str, Path]:
        """The files of models, by name. The classifier lies among them, and is no model; dotfiles are others'."""
        paths = (path for path in self.folder.glob(f"*{SUFFIX}") if not path.name.startswith("."))
        return {path.name.removesuffix(SUFFIX): path for path in paths if path != self.classifier}

    def _all(self) -> dict[str, dict[str, Any]]:
        """The headers of all sound models by name."""
        found = {name: self._read(path) for name, path in self._files().items()}
        headers = {name: header for name, header in found.items() if isinstance(header, dict)}
        return headers | {name: model.file_header() for name, model in self._added.items()}

    def _read(self, path: Path) -> dict[str, Any] | CheckpointError:
        """The header of the file at `path`, or why there is none; read again only if the file has changed."""
        try:
            state = _state(path)
        except OSError as error:
            return CheckpointError(path, "a file of weights", error.strerror or str(error))
        if (reason := self._reason(path)) is not None:
            return reason
        if path not in self._headers or self._headers[path][0] != state:
            try:
                self._headers[path] = state, _check_name(checkpoint.read_header(path), path)
            except CheckpointError as error:
                self._headers[path] = state, error
        return self._headers[path][1]

    def _reason(self, path: Path) -> CheckpointError | None:
        """Why the file at `path` was left out, if it was, and is still the same."""
        with suppress(OSError):
            if path in self._left_out and self._left_out[path][0] == _state(path):
                return self._left_out[path][1]
        return None

    def _header(self, path: Path) -> dict[str, Any]:
        found = self._read(path)
        if isinstance(found, CheckpointError):
            raise found
        return found

    def _path(self, name: str | os.PathLike[str]) -> Path:
        """The file of the model `name`. The name is looked up, never joined to a path."""
        files = self._files()
        if name not in files:
            if not files:
                raise ValueError(f"no weights in {self.folder}: restore that folder, or name another in {VARIABLE}")
            import difflib  # here, since it takes long to import

            near = difflib.get_close_matches(str(name), files, n=3, cutoff=0.4)
            hint = f"the nearest are {', '.join(map(repr, near))}; " if near else ""
            raise ValueError(f"unknown model {str(name)!r}: {hint}gengallery.list_models() names them all")
        return files[str(name)]

    def _scorecard(self, header: dict[str, Any]) -> dict[str, Any] | None:
        """The scorecard in `header`, if it is of the weights beside it and by the classifier that is here."""
        found = header.get("scorecard")
        if not isinstance(found, dict) or found.get("weights") != header["checksum"]:
            return None
        with suppress(CheckpointError):  # without the classifier there is no scorecard
            return found if found.get("judge") == self._header(self.classifier)["checksum"] else None
        return None


def _state(path: Path) -> _State:
    """What changes when the file at `path` does."""
    status = path.stat()
    return status.st_mtime_ns, status.st_size, status.st_ino


def _default_folder() -> Path:
    named = os.environ.get(VARIABLE)
    return Path(named).expanduser() if named else SHIPPED


@cache
def _gallery(folder: Path) -> Gallery:
    return Gallery(folder)


def default() -> Gallery:
    """The gallery that ships with gengallery, or that GENGALLERY_WEIGHTS names."""
    return _gallery(_default_folder())


def list_models(pattern: str = "*", family: str | None = None, option: str | None = None) -> list[str]:
    """The names of the models of the default gallery: see `Gallery.list`.

    Example:
        >>> import gengallery
        >>> gengallery.list_models(option="steps")
        ['flow']
    """
    found = default()
    if not set(pattern) & set("*?[") and pattern not in found.list():
        families = {found.info(name)["family"] for name in found.list()}
        if pattern in families:
            warnings.warn(
                f"list_models({pattern!r}): say list_models(family={pattern!r}); the first argument is now a pattern",
                DeprecationWarning,
                stacklevel=2,
            )
            return found.list(family=pattern, option=option)
    return found.list(pattern, family=family, option=option)


def info(name: str | os.PathLike[str]) -> dict[str, Any]:
    """What is known of a model of the default gallery, or of a file: see `Gallery.info`."""
    return default().info(name)


def load(
    name: str | os.PathLike[str],
    *,
    device: "str | torch.device" = "cpu",
    dtype: "torch.dtype | None" = None,
    trust_size: bool = False,
) -> "Model":
    """A model of the default gallery, or of a file, ready for use: see `Gallery.load`."""
    return default().load(name, device=device, dtype=dtype, trust_size=trust_size)


def list_histories() -> list[str]:
    """The models of the default gallery whose training is on record: see `Gallery.histories`."""
    return default().histories()


def load_history(name: str) -> "dict[int, Model]":
    """A model of the default gallery in the course of its training: see `Gallery.history`."""
    return default().history(name)


def rebuild(kind: "type[Network]", saved: "Checkpoint", trust_size: bool = False) -> "Network":
    """The network of `kind` that was saved, ready for use. Raises `CheckpointError` if the file describes another, or
    one of more than 50 million numbers or 64 blocks without `trust_size`."""
    import torch

    from gengallery.defaults import torch_defaults
    from gengallery.model.size import TooLarge, bounded

    family = saved.header["family"]
    try:
        # No memory, no random numbers: the file brings every tensor.
        with torch_defaults("meta"), bounded(saved.header["config"], trust_size):
            network = kind.build(saved.header["config"])
            prior = getattr(network, "prior", None)
            described = None if prior is None else checkpoint.as_json(prior.describe())
    except TooLarge as error:
        raise CheckpointError(saved.path, str(error), "a larger one", TRUST) from error
    except Exception as error:  # a config may be anything, and a family anybody's code
        raise CheckpointError(saved.path, f"a config of the family {family!r}", str(error)[:400], NEWER) from error
    if described is not None and described != saved.header["prior"]:
        raise CheckpointError(saved.path, f"the prior {described}", str(saved.header["prior"])[:400])
    with torch.inference_mode(False):
        checkpoint.fill(network, saved)
    network.name, network.header = saved.header["name"], saved.header
    return network


def _model(saved: "Checkpoint", trust_size: bool = False) -> "Model":
    from gengallery.families import family
    from gengallery.model.model import Model

    try:
        kind = family(saved.header["family"]).model
    except ValueError as error:
        raise CheckpointError(saved.path, "a family that this version knows", str(error), NEWER) from error
    model = rebuild(kind, saved, trust_size)
    if not isinstance(model, Model):
        raise CheckpointError(saved.path, "a model", f"a network of the family {saved.header['family']!r}")
    return model


def _as_info(header: dict[str, Any], scorecard: dict[str, Any] | None, size: int, path: str) -> dict[str, Any]:
    card = dict(header["card"])
    translations = card.pop("translations", {})
    for key in ("summary", "notes"):
        card[key] = Text(card.get(key, ""), **{la: texts[key] for la, texts in translations.items() if key in texts})
    return {
        **card,
        "name": header["name"],
        "family": header["family"],
        "image": header["config"]["image"],
        "latent": header["prior"]["dim"],
        **{key: header[key] for key in ("prior", "parameters", "cost", "config", "training", "losses", "checksum")},
        "scorecard": scorecard,
        "bytes": size,
        "path": path,
    }


def _as_path(name: str | os.PathLike[str]) -> Path | None:
    """The path that `name` is, if it is one and no name."""
    return Path(name).expanduser() if isinstance(name, os.PathLike) or str(name).endswith(SUFFIX) else None


def _check_name(header: dict[str, Any], path: Path) -> dict[str, Any]:
    """`header`, if the file is named after the model in it, so that a name means one thing everywhere."""
    if path.name != header["name"] + SUFFIX:
        raise CheckpointError(path, "the model of that name", repr(header["name"]), "Name the file after its model.")
    return header


def _order(name: str, header: dict[str, Any]) -> tuple[Any, ...]:
    parts = re.split(r"(\d+)", name)
    return header["card"]["exhibit"], [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts]
