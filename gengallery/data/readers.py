"""What reads arrays of images: from memory, `.npz`, IDX files, and sources known by name.

A reader knows which splits it has, the classes' names and its own number of channels; it gives a split's images as
levels (N, C, H, W), uint8, of the shape that is asked for, and labels (N), int64, from 0 on.
"""

import zipfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gengallery.data import idx
from gengallery.data.arrays import as_levels, as_values, fitted, numbered, within
from gengallery.data.downloads import read_named
from gengallery.data.sources import TEST, TRAIN, VALIDATION, Source
from gengallery.data.spec import ImageSpec

Levels = NDArray[np.uint8]
Labels = NDArray[np.int64]
ORDER = (TRAIN, VALIDATION, TEST)


class Reader(ABC):
    """Reads one source. `where`, a file, a folder or a name, is what errors begin with."""

    where: str
    splits: tuple[str, ...]  # of `ORDER`, those that the source has
    notes: tuple[str, ...] = ()  # what was left out of what has been read so far, a sentence each

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


class ArrayReader(Reader):
    """Reads whole arrays. `names` are those of the labels 0, 1, ...; if it is None, the labels that occur are the
    classes."""

    def __init__(self, where: str, splits: tuple[str, ...], names: tuple[str, ...] | None = None) -> None:
        self.where, self.names = where, names
        self.splits = tuple(split for split in ORDER if split in splits)
        self._kept: tuple[str, Levels] | None = None  # read to learn the number of channels, and wanted soon

    @abstractmethod
    def images(self, split: str) -> Any:
        """An array of images, in any form that `arrays.as_levels` takes."""

    @abstractmethod
    def labels(self, split: str) -> Any:
        """An array of labels, in any form that `arrays.as_values` takes, or None where there are no classes."""

    @property
    def classes(self) -> tuple[str, ...]:
        return self._numbered[0] if self.names is None else self.names

    @cached_property
    def channels(self) -> int:
        split = self.splits[0]
        self._kept = split, self._levels(split)
        return 1 if self._kept[1].shape[-1] == 1 else 3

    def read(self, split: str, image: ImageSpec) -> tuple[Levels, Labels]:
        levels = self._kept[1] if self._kept and self._kept[0] == split else self._levels(split)
        self._kept = None
        if self.names is None:
            labels = self._numbered[1].get(split, np.zeros(len(levels), np.int64))
        else:
            labels = self._within(self.labels(split), split, len(levels), self.names)
        if len(labels) != len(levels):
            raise ValueError(
                f"{self._at(split)}: expected {len(levels):,} labels, as many as images, found {len(labels):,}"
            )
        return fitted(levels, image), labels

    def _at(self, split: str) -> str:
        return f"{self.where}, {split}"

    def _levels(self, split: str) -> Levels:
        return as_levels(self.images(split), self._at(split))

    def _within(self, labels: Any, split: str, n: int, names: tuple[str, ...]) -> Labels:
        if labels is None and names:
            raise ValueError(f"{self._at(split)}: expected labels of {len(names)} classes, found none")
        return within(np.zeros(n, np.int64) if labels is None else labels, names, self._at(split))

    @cached_property
    def _numbered(self) -> tuple[tuple[str, ...], dict[str, Labels]]:
        """The classes that occur, and the labels of every split, as their numbers."""
        given = {split: self.labels(split) for split in self.splits}
        lacking = [split for split, labels in given.items() if labels is None]
        if len(lacking) == len(given):
            return (), {}
        if lacking:
            raise ValueError(f"{self._at(lacking[0])}: expected labels, as of the other splits, found none")
        return numbered({split: as_values(each, self._at(split)) for split, each in given.items()}, self.where)


class Memory(ArrayReader):
    """Arrays in memory: the images and the labels, or None for labels, of each split."""

    def __init__(self, where: str, arrays: Mapping[str, tuple[Any, Any]], names: tuple[str, ...] | None = None) -> None:
        if not arrays or not set(arrays) <= set(ORDER):
            raise ValueError(f"{where}: expected the splits {', '.join(ORDER)}, or some, found {tuple(arrays)}")
        super().__init__(where, tuple(arrays), names)
        self._arrays = dict(arrays)

    def images(self, split: str) -> Any:
        return self._arrays[split][0]

    def labels(self, split: str) -> Any:
        return self._arrays[split][1]


class Npz(ArrayReader):
    """A `.npz` file in MedMNIST's layout, Keras's, or with `images` and maybe `labels`."""

    LAYOUTS: tuple[dict[str, tuple[str, str]], ...] = (
        {
            TRAIN: ("train_images", "train_labels"),
            VALIDATION: ("val_images", "val_labels"),
            TEST: ("test_images", "test_labels"),
        },
        {TRAIN: ("x_train", "y_train"), VALIDATION: ("x_val", "y_val"), TEST: ("x_test", "y_test")},
        {TRAIN: ("images", "labels")},
    )

    def __init__(self, path: Path) -> None:
        self._path = path
        self._present = set(self._load())
        for layout in self.LAYOUTS:
            self._layout = {split: names for split, names in layout.items() if names[0] in self._present}
            if self._layout:
                super().__init__(str(path), tuple(self._layout))
                return
        expected = "; or ".join(", ".join(sum(layout.values(), ())) for layout in self.LAYOUTS)
        found = ", ".join(sorted(self._present)) or "none"
        raise ValueError(f"{path}: expected arrays of the names {expected}; found {found}")

    def images(self, split: str) -> Any:
        return self._load(self._layout[split][0])

    def labels(self, split: str) -> Any:
        name = self._layout[split][1]
        return self._load(name) if name in self._present else None

    def _load(self, name: str = "") -> Any:
        """The array `name`, else the names of all."""
        try:
            with np.load(self._path, allow_pickle=False) as archive:
                return archive[name] if name else archive.files
        # Without the context manager's protocol, np.load found one array, or text, in the file.
        except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error, AttributeError, TypeError) as error:
            raise ValueError(f"{self._path}: expected a whole .npz file with arrays of numbers ({error})") from error


class IdxFolder(ArrayReader):
    """The IDX files in a folder. If they are, by checksum, those of a set known by name, the classes have its names."""

    def __init__(self, folder: Path, pairs: Mapping[str, idx.Pair], names: tuple[str, ...] | None = None) -> None:
        super().__init__(str(folder), tuple(pairs), names)
        self._pairs = dict(pairs)
        self._read: dict[str, tuple[NDArray[Any], NDArray[Any]]] = {}

    def images(self, split: str) -> Any:
        return self.pair(split)[0]

    def labels(self, split: str) -> Any:
        return self.pair(split)[1]

    def pair(self, split: str) -> tuple[NDArray[Any], NDArray[Any]]:
        """The images and labels of a split, as they stand in the files."""
        if split not in self._read:
            self._read[split] = idx.read_pair(self._pairs[split])
        return self._read[split]

    def read(self, split: str, image: ImageSpec) -> tuple[Levels, Labels]:
        result = super().read(split, image)
        self._read.pop(split, None)  # whose content is kept by who asked
        return result


class Named(ArrayReader):
    """A source known by name, in the folder `root`."""

    def __init__(self, source: Source, root: Path, download: bool) -> None:
        super().__init__(source.title, source.splits, tuple(map(str, source.classes)))
        self._source, self._root, self._download = source, root, download
        self._read: tuple[str, Any, Any] | None = None  # one split

    @property
    def channels(self) -> int:
        return self._source.channels

    def images(self, split: str) -> Any:
        return self._both(split)[0]

    def labels(self, split: str) -> Any:
        return self._both(split)[1]

    def read(self, split: str, image: ImageSpec) -> tuple[Levels, Labels]:
        result = super().read(split, image)
        self._read = None
        return result

    def _both(self, split: str) -> tuple[Any, Any]:
        if self._read is None or self._read[0] != split:
            self._read = split, *read_named(self._source, split, self._root, self._download)
        return self._read[1:]
