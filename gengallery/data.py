"""Fashion-MNIST as tensors in memory. The only file that imports torchvision.

Xiao, Rasul and Vollgraf (2017), "Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning
Algorithms", https://arxiv.org/abs/1708.07747: 60,000 training and 10,000 test images of ten classes.
"""

import gzip
import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from types import ModuleType

import torch
from torch import Tensor

from gengallery.images import SHAPE

TRAIN, TEST = "train", "test"
BATCH = 500  # images that go through a network at once, where nothing is learned
VARIABLE = "GENGALLERY_DATA"
FOLDER = Path("FashionMNIST", "raw")  # in a root, by torchvision's layout
FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


@dataclass(frozen=True)
class Split:
    """One half of the data set: `images` (N, 1, 28, 28) uint8, `labels` (N) int64."""

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.images)

    def batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """The images (n, 1, 28, 28), as floats, and labels (n), in order, some hundreds at a time."""
        halves = (tensor.split(BATCH) for tensor in (self.images, self.labels))
        return ((as_floats(images), labels) for images, labels in zip(*halves, strict=True))

    def checksum(self) -> str:
        """SHA-256 of the images and labels, so that a trained model can tell what it was trained on."""
        digest = hashlib.sha256(self.images.numpy().tobytes())
        digest.update(self.labels.numpy().tobytes())
        return digest.hexdigest()


def as_floats(images: Tensor) -> Tensor:
    """uint8 images as the convention has them, laid out as the networks like them."""
    return (images.float() / 255).contiguous(memory_format=torch.channels_last)


class DataMissing(FileNotFoundError):
    """The data set is not on this machine and could not be downloaded."""


def default_root() -> Path:
    """The folder named by the environment's GENGALLERY_DATA, else one in the user's cache."""
    return Path(os.environ[VARIABLE]) if os.environ.get(VARIABLE) else cache()


def cache() -> Path:
    """The user's folder for what can be had again."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gengallery"


def load(split: str, root: str | os.PathLike | None = None, download: bool = True) -> Split:
    """Fashion-MNIST's "train" or "test" half from `root` (default: `default_root()`).

    Reads torchvision's layout, `root/FashionMNIST/raw/`, unpacked or packed; `root` may be read-only. What is
    absent or damaged is downloaded there with progress, unless `download` is false. Raises `DataMissing`, which says
    what to do, when the data set is neither there nor to be had.
    """
    if split not in (TRAIN, TEST):
        raise ValueError(f"split: expected {TRAIN!r} or {TEST!r}, found {split!r}")
    return _load(split, Path(root) if root is not None else default_root(), download)


@lru_cache(maxsize=4)
def _load(split: str, root: Path, download: bool) -> Split:
    raw = root / FOLDER
    ways = (
        (all((raw / name).is_file() for name in FILES), _read),
        (all((raw / f"{name}.gz").is_file() for name in FILES), _read_packed),
        (download, _download),
    )
    failures: list[Exception] = []
    for there, read in ways:
        if there:
            try:
                return read(split, root)
            except Exception as error:  # torchvision has no one kind for damaged files and failed downloads
                failures.append(error)
    why = f"it could not be read or downloaded ({'; '.join(map(_shown, failures))})" if failures else "it is not there"
    raise DataMissing(
        f"Fashion-MNIST in {root}: {why}. Connect to the internet once, or put its four files into "
        f"{raw}, or name another folder with --data or {VARIABLE}."
    ) from (failures[-1] if failures else None)


def _shown(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__  # on one line; some of torchvision's say nothing


def _read(split: str, root: Path, download: bool = False) -> Split:
    dataset = _torchvision_datasets().FashionMNIST(root, train=split == TRAIN, download=download)
    images, labels = dataset.data.unsqueeze(1).contiguous(), dataset.targets
    if images.shape != (len(labels), *SHAPE):  # torchvision takes whatever shape the file says
        raise ValueError(f"expected images of shape {(len(labels), *SHAPE)}, found {tuple(images.shape)}")
    return Split(images, labels)


def _read_packed(split: str, root: Path) -> Split:
    # torchvision unpacks beside the packed files; a folder of data may be read-only, and is left as it is.
    with tempfile.TemporaryDirectory() as scratch:
        raw = Path(scratch) / FOLDER
        raw.mkdir(parents=True)
        for name in FILES:
            with gzip.open(root / FOLDER / f"{name}.gz") as packed, (raw / name).open("wb") as unpacked:
                shutil.copyfileobj(packed, unpacked)
        return _read(split, Path(scratch))


def _download(split: str, root: Path) -> Split:
    return _read(split, root, download=True)


def _torchvision_datasets() -> ModuleType:
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
