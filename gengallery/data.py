"""Fashion-MNIST as tensors in memory. The only file that imports torchvision.

Xiao, Rasul and Vollgraf (2017), "Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning
Algorithms", https://arxiv.org/abs/1708.07747: 60,000 training and 10,000 test images of ten classes.
"""

import hashlib
import os
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from types import ModuleType

import torch
from torch import Tensor

TRAIN, TEST = "train", "test"
VARIABLE = "GENGALLERY_DATA"


@dataclass(frozen=True)
class Split:
    """One half of the data set: `images` (N, 1, 28, 28) uint8, `labels` (N) int64."""

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.images)

    def checksum(self) -> str:
        """SHA-256 of the images and labels, so that a trained model can tell what it was trained on."""
        digest = hashlib.sha256(self.images.numpy().tobytes())
        digest.update(self.labels.numpy().tobytes())
        return digest.hexdigest()


class DataMissing(FileNotFoundError):
    """The data set is not on this machine and could not be downloaded."""


def default_root() -> Path:
    """The folder named by the environment's GENGALLERY_DATA, else one in the user's cache."""
    if os.environ.get(VARIABLE):
        return Path(os.environ[VARIABLE])
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "gengallery"


def load(split: str, root: str | os.PathLike | None = None, download: bool = True) -> Split:
    """Fashion-MNIST's "train" or "test" half from `root` (default: `default_root()`).

    Reads torchvision's layout, `root/FashionMNIST/raw/`, packed or unpacked; `root` may be read-only. What is
    absent is downloaded there with progress, unless `download` is false. Raises `DataMissing`, which says
    what to do, when the data set is neither there nor to be had.
    """
    if split not in (TRAIN, TEST):
        raise ValueError(f"split: expected {TRAIN!r} or {TEST!r}, found {split!r}")
    return _load(split, Path(root) if root is not None else default_root(), download)


@lru_cache(maxsize=4)
def _load(split: str, root: Path, download: bool) -> Split:
    folder = root / "FashionMNIST" / "raw"
    packed = sorted(folder.glob("*-ubyte.gz"))
    unpacked = [path for path in folder.glob("*-ubyte") if path.is_file()]
    try:
        if len(unpacked) == 4:
            return _read(split, root, download=False)
        if len(packed) == 4:
            # torchvision unpacks beside the packed files, and a folder of data may be read-only.
            with tempfile.TemporaryDirectory() as scratch:
                raw = Path(scratch) / "FashionMNIST" / "raw"
                raw.mkdir(parents=True)
                for path in packed:
                    (raw / path.name).symlink_to(path.resolve())
                return _read(split, Path(scratch), download=True)
        if download:
            return _read(split, root, download=True)
    except (OSError, RuntimeError) as error:  # torchvision raises both for a failed download
        raise DataMissing(_missing(root, f"it could not be read or downloaded ({error})")) from error
    raise DataMissing(_missing(root, "it is not there"))


def _missing(root: Path, why: str) -> str:
    return (
        f"Fashion-MNIST in {root}: {why}. Connect to the internet once, or put its four files into "
        f"{root / 'FashionMNIST' / 'raw'}, or name another folder with --data or {VARIABLE}."
    )


def _read(split: str, root: Path, download: bool) -> Split:
    dataset = _torchvision_datasets().FashionMNIST(root, train=split == TRAIN, download=download)
    return Split(dataset.data.unsqueeze(1).contiguous(), dataset.targets)


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
