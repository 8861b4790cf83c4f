"""Sources known by name: read from their files, or downloaded. The only file that imports torchvision."""

import shutil
import sys
import tempfile
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from gengallery.data import idx
from gengallery.data.arrays import as_levels, within
from gengallery.data.locations import VARIABLE, DataMissing
from gengallery.data.sources import Source, Torchvision, known_by
from gengallery.data.splits import checksum


class OtherData(ValueError):
    """The files of a source hold other data than its own."""

    def __init__(self, folder: Path, what: str) -> None:
        super().__init__(
            f"{folder} holds {what}. To use it as it is, name that folder itself as data; "
            "to have the data set downloaded, take the files away"
        )
        self.folder = folder


def read_named(source: Source, split: str, root: Path, download: bool) -> tuple[Any, Any]:
    """Images and labels of one of the source's own splits, from `root`: arrays in any form that a reader takes.

    Files are read where they are, and `root` may be read-only. What is absent or damaged is downloaded there, with
    progress, if `download` is true. Raises DataMissing, which says what to do, when the split is neither there nor to
    be had, or when other data is in its place.
    """
    way = source.read
    if not isinstance(way, Torchvision):
        try:
            return way(split, root, download)
        except DataMissing:
            raise
        except Exception as error:  # of somebody else's code
            raise DataMissing(f"{source.title} in {root}: it could not be read ({_shown(error)})") from error
    failures: list[Exception] = []
    for downloads in (False, True) if download else (False,):
        try:
            if downloads:
                _download(way, split, root)
            return _read(source, way, split, root)
        except OtherData as error:
            if error.folder == root / way.folders[0] or not download:
                raise DataMissing(f"{source.title} in {root}: {error}") from error
            failures.append(error)
        except Exception as error:  # torchvision has no one kind for damaged files and failed downloads
            failures.append(error)
    said = "; ".join(dict.fromkeys(map(_shown, failures)))
    absent = all(isinstance(error, idx.Absent) for error in failures)
    raise DataMissing(
        f"{source.title} in {root}: {'it is not there' if absent else 'it could not be read or downloaded'} ({said}). "
        f"Connect to the internet once, or put its files into {root / way.folders[0]}, or name another folder with "
        f"--data or {VARIABLE}."
    ) from failures[-1]


def _shown(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__  # on one line; some of torchvision's say nothing


def _read(source: Source, way: Torchvision, split: str, root: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    if way.idx:
        return _read_idx(source, way, split, root)
    if missing := [str(root / name) for name in way.files[split] if not (root / name).exists()]:
        raise idx.Absent(f"{' and '.join(missing)} missing")
    opened = _open(way, split, root, download=False)
    labels = opened.targets if hasattr(opened, "targets") else opened.labels
    return _checked(source, way, split, opened.data, labels, root)


def _read_idx(source: Source, way: Torchvision, split: str, root: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """From the first of the folders that has the files whole."""
    missing: dict[str, list[str]] = {}
    failures: list[ValueError] = []
    for folder in (root / name for name in way.folders):
        try:
            pair = idx.named_pair(folder, way.files[split], split, by_content=split in source.checksums)
            return _checked(source, way, split, *idx.read_pair(pair), folder)
        except idx.Absent as error:
            missing.setdefault(str(error), []).append(str(folder))
        except ValueError as error:
            failures.append(error)
    if len(failures) == 1 or any(isinstance(error, OtherData) for error in failures):
        raise next((error for error in failures if isinstance(error, OtherData)), failures[0])
    if failures:
        raise ValueError("; ".join(map(str, failures)))
    # The more is there, the fewer files are named.
    names, folders = min(missing.items(), key=lambda item: len(item[0]))
    raise idx.Absent(f"{names} missing in {folders[0] if len(missing) > 1 else ', '.join(folders)}")


def _checked(
    source: Source, way: Torchvision, split: str, images: Any, labels: Any, folder: Path
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Levels (N, H, W, C) and labels (N) from 0 on, if they are what the source's name says."""
    levels, numbers = as_uprights(way, images, labels, source.classes, str(folder))
    here = checksum(np.moveaxis(levels, -1, 1), numbers)
    known, owner = source.checksums.get(split), known_by({split: here})
    if known not in (None, here) or (owner and owner is not source and known is None):
        raise OtherData(folder, owner.title if owner else f"other data than {source.title}")
    if levels.shape[1:3] != (source.size, source.size):
        height, width = levels.shape[1:3]
        raise ValueError(f"{folder}: expected images of {source.size} x {source.size}, found {height} x {width}")
    return levels, numbers


def as_uprights(
    way: Torchvision, images: Any, labels: Any, classes: tuple[str, ...], where: str
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Images and labels, as they stand in a source's files, as levels (N, H, W, C) and labels (N) from 0 on."""
    levels = as_levels(images, where)
    if way.transposed:
        levels = np.ascontiguousarray(levels.swapaxes(1, 2))
    return levels, within(np.asarray(labels).astype(np.int64) - way.first_label, classes, where)


def _download(way: Torchvision, split: str, root: Path) -> None:
    """Have torchvision download the files into `root`; those in IDX only once all are whole."""
    root.mkdir(parents=True, exist_ok=True)
    if not way.idx:
        _open(way, split, root, download=True)
        return
    with tempfile.TemporaryDirectory(dir=root, prefix=".download-") as scratch:
        _open(way, split, Path(scratch), download=True)
        folder = root / way.folders[0]
        folder.mkdir(parents=True, exist_ok=True)
        for path in (Path(scratch) / way.folders[0]).iterdir():
            if path.is_file() and path.suffix not in (".gz", ".zip"):  # unpacked beside it
                shutil.move(path, folder / path.name)


def _open(way: Torchvision, split: str, root: Path, download: bool) -> Any:
    return getattr(torchvision_datasets(), way.name)(root, download=download, **way.options[split])


def torchvision_datasets() -> ModuleType:
    """`torchvision.datasets`, also beside a torch that torchvision's compiled operators do not load with.

    Then the import fails with "operator torchvision::nms does not exist", since it registers fakes for
    operators that were never declared. Only its data sets are used here, so declaring them is enough.
    """
    try:
        return import_module("torchvision.datasets")
    except RuntimeError as error:
        if "operator torchvision::" not in str(error):
            raise
    for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
        del sys.modules[name]  # half imported
    for schema in OPERATORS:
        with suppress(RuntimeError):  # declared already
            torch.library.define(f"torchvision::{schema.partition('(')[0]}", schema[schema.index("(") :])
    return import_module("torchvision.datasets")


OPERATORS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
