"""What reads images: from arrays in memory, `.npz`, IDX files, folders of pictures, and sources known by name.

A reader knows which splits it has, the classes' names and its own number of channels; it gives a split's images as
levels (N, C, H, W), uint8, of the shape that is asked for, and labels (N), int64, from 0 on.
"""

import zipfile
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gengallery.data import idx
from gengallery.data.arrays import as_levels, as_values, fitted, fitted_picture, numbered
from gengallery.data.downloads import read_named
from gengallery.data.locations import DataMissing
from gengallery.data.sources import TEST, TRAIN, VALIDATION, Source, Torchvision
from gengallery.data.spec import MOST_CLASSES, ImageSpec

Levels = NDArray[np.uint8]
Labels = NDArray[np.int64]


class Reader(ABC):
    """Reads one source. `where` is what errors begin with: a file, a folder or a name."""

    where: str
    notes: tuple[str, ...] = ()  # what was left out of what has been read so far, each in a sentence

    @property
    @abstractmethod
    def splits(self) -> tuple[str, ...]:
        """Those of "train", "validation" and "test" that the source has."""

    @property
    @abstractmethod
    def classes(self) -> tuple[str, ...]:
        """The names of the classes, in the order of their numbers."""

    @property
    @abstractmethod
    def channels(self) -> int:
        """Of the images as they come, 1 or 3."""

    @abstractmethod
    def read(self, split: str, image: ImageSpec) -> tuple[Levels, Labels]:
        """The images and labels of one of `splits`, of the shape of `image`."""


class Arrays(Reader):
    """Arrays in memory: the images and labels, or None for labels, of each split.

    `classes` are the names of the labels 0, 1, ...; without them, the labels that occur are the classes.
    """

    def __init__(self, where: str, arrays: Mapping[str, tuple[Any, Any]], classes: tuple[str, ...] | None = None) -> None:
        self.where = where
        self._arrays = dict(arrays)
        self._names = classes
        if not self._arrays or not set(self._arrays) <= {TRAIN, VALIDATION, TEST}:
            expected = f"of {TRAIN!r}, {VALIDATION!r} and {TEST!r} at least one"
            raise ValueError(f"{where}: expected {expected}, found {tuple(self._arrays)}")

    @property
    def splits(self) -> tuple[str, ...]:
        return tuple(split for split in (TRAIN, VALIDATION, TEST) if split in self._arrays)

    @property
    def classes(self) -> tuple[str, ...]:
        return self._labels[0]

    @property
    def channels(self) -> int:
        return 1 if all(self._levels(split).shape[-1] == 1 for split in self.splits[:1]) else 3

    def read(self, split: str, image: ImageSpec) -> tuple[Levels, Labels]:
        return fitted(self._levels(split), image), self._labels[1][split]

    def _levels(self, split: str) -> Levels:
        return as_levels(self._of(split)[0], f"{self.where}, {split}")

    def _of(self, split: str) -> tuple[Any, Any]:
        return self._arrays[split]

    def _count(self, split: str) -> int:
        return len(self._of(split)[0])

    @cached_property
    def _labels(self) -> tuple[tuple[str, ...], dict[str, Labels]]:
        """The classes' names, and the labels of every split."""
        given = {split: self._of(split)[1] for split in self.splits}
        counts = {split: self._count(split) for split in self.splits}
        if unlabelled := [split for split, labels in given.items() if labels is None]:
            if len(unlabelled) < len(given):
                raise ValueError(f"{self.where}: expected labels for each split or none, found none for {unlabelled}")
            if self._names:
                raise ValueError(f"{self.where}: expected labels of {len(self._names)} classes, found none")
            return (), {split: np.zeros(n, np.int64) for split, n in counts.items()}
        values = {split: as_values(labels, counts[split], f"{self.where}, {split}") for split, labels in given.items()}
        if self._names is None:
            return numbered(values, self.where)
        return self._names, {
            split: within(each, self._names, f"{self.where}, {split}") for split, each in values.items()
        }


def within(values: NDArray[Any], classes: tuple[str, ...], where: str) -> Labels:
    """`values` (N) as labels of `classes`. Raises ValueError if any is no class's number."""
    if values.dtype.kind not in "iu" or (len(values) and not 0 <= values.min() <= values.max() < max(1, len(classes))):
        found = f"{values.min()} to {values.max()}" if values.dtype.kind in "iu" else f"{values[0]!r}"
        raise ValueError(f"{where}: expected labels from 0 to {max(1, len(classes)) - 1}, one for each class, found {found}")
    return values.astype(np.int64)


class Npz(Arrays):
    """A `.npz` file in one of the layouts of `LAYOUTS`."""

    LAYOUTS = (
        {TRAIN: ("train_images", "train_labels"), VALIDATION: ("val_images", "val_labels"), TEST: ("test_images", "test_labels")},
        {TRAIN: ("x_train", "y_train"), VALIDATION: ("x_val", "y_val"), TEST: ("x_test", "y_test")},
        {TRAIN: ("images", "labels")},
    )  # MedMNIST's, Keras's, and the plain one

    def __init__(self, path: Path) -> None:
        self._path = path
        names = set(self._load(None))
        layout = next((layout for layout in self.LAYOUTS if any(images in names for images, _ in layout.values())), None)
        if layout is None:
            layouts = "; or ".join(", ".join(name for pair in layout.values() for name in pair) for layout in self.LAYOUTS)
            raise ValueError(f"{path}: expected the arrays {layouts}; found {', '.join(sorted(names)) or 'none'}")
        self._keys = {split: pair for split, pair in layout.items() if pair[0] in names}
        self._present = names
        super().__init__(str(path), {split: (None, None) for split in self._keys})

    def _of(self, split: str) -> tuple[Any, Any]:
        images, labels = self._keys[split]
        return self._load(images), self._load(labels) if labels in self._present else None

    @cached_property
    def _labels(self) -> tuple[tuple[str, ...], dict[str, Labels]]:
        ...

    def _load(self, name: str | None) -> Any:
        """The array `name`, or the names of all."""
        try:
            with np.load(self._path, allow_pickle=False) as archive:
                return archive.files if name is None else archive[name]
        except DataMissing:
            raise
        except (OSError, ValueError, EOFError, zipfile.BadZipFile, AttributeError, TypeError, KeyError) as error:
            raise ValueError(f"{self._path}: expected a whole .npz file of numbers ({error})") from error
