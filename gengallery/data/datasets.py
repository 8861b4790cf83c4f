"""Data sets as objects: what they are, their splits, and how they are found."""

import os
import threading
import zipfile
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from gengallery.data import idx
from gengallery.data.arrays import as_levels, as_values
from gengallery.data.locations import DataMissing, default_root, expanded
from gengallery.data.pictures import Pictures
from gengallery.data.readers import IdxFolder, Memory, Named, Npz, Reader
from gengallery.data.sources import (
    DEFAULT,
    SIZE,
    TEST,
    TRAIN,
    TRAINVAL,
    VALIDATION,
    Source,
    Torchvision,
    dataset_names,
    known_by,
    registered,
)
from gengallery.data.spec import LARGEST, SMALLEST, STEP, ImageSpec
from gengallery.data.splits import Split, checksum, stratified

NAMES = (TRAIN, VALIDATION, TEST, TRAINVAL)
FEWEST = 64  # training images
# One image in so many goes to a split that the source lacks: of Fashion-MNIST's 60,000, 10,000 are for validation.
SHARES = {VALIDATION: 6, TEST: 10}


class Dataset:
    """A data set, whose splits are read when they are asked for, and then kept.

    `dataset` opens one by its name or path; `Dataset.from_arrays` makes one of arrays.

    Attributes:
        name: what it is called: a source's name, or the name of its folder or file.
        title: the same for people.
        licence, source: as in `Source`; empty where they aren't known.
        checksums: of the source's own splits at their own size, where they are known.
        translations: the names of the classes by language.
        where: what errors about it begin with: its title, folder or file.
    """

    def __init__(
        self,
        name: str,
        reader: Reader,
        *,
        size: int | None = None,
        channels: int | None = None,
        about: Source | None = None,
        light_on_dark: bool = False,
    ) -> None:
        self.name = name
        whole = about if about and about.name == name else None  # `about` may be what the images are a part of
        self.title = whole.title if whole else name
        self.licence, self.source = (about.licence, about.source) if about else ("", "")
        self.checksums: dict[str, str] = dict(whole.checksums) if whole else {}
        self.translations: dict[str, tuple[str, ...]] = about.translations if about else {}
        self.where = reader.where
        self._reader, self._about = reader, about
        self._size, self._channels = SIZE if size is None else size, channels
        self._light_on_dark = about.light_on_dark if about else light_on_dark
        if channels not in (None, 1, 3):
            raise ValueError(f"channels: expected 1 (grey) or 3 (colour), found {channels!r}")
        if self._size not in range(SMALLEST, LARGEST + 1, STEP):
            raise ValueError(f"size: expected a multiple of {STEP} from {SMALLEST} to {LARGEST}, found {size!r}")
        self._lock = threading.RLock()
        self._spec: ImageSpec | None = None
        self._own: dict[str, Split] = {}  # the source's own splits
        self._splits: dict[str, Split] = {}

    @classmethod
    def from_arrays(
        cls,
        name: str,
        arrays: Mapping[str, tuple[Any, Any]],
        *,
        classes: tuple[str, ...] | None = None,
        size: int | None = None,
        channels: int | None = None,
        light_on_dark: bool = False,
    ) -> "Dataset":
        """A data set of arrays in memory.

        Arguments:
            name: what it is to be called.
            arrays: the images and the labels of "train", and maybe of "validation" and "test". Images are an array
                (N, H, W), (N, H, W, C) or (N, C, H, W) of levels in 0..255 or of floats in [0, 1]; labels (N) are
                numbers or names, or None.
            classes: the names of the labels 0, 1, ...; by default those that occur are the classes.
            size: to which the images are brought; by default the gallery's own.
            channels: 1 or 3; by default those the images have.
            light_on_dark: as in `ImageSpec`.

        Example:
            >>> import numpy as np
            >>> images = np.random.default_rng(0).integers(0, 256, (200, 40, 40, 3), dtype=np.uint8)
            >>> noise = Dataset.from_arrays("noise", {"train": (images, np.arange(200) % 4)}, size=32)
            >>> noise.spec.shape, noise.spec.classes, len(noise.split("validation"))
            ((3, 32, 32), ('0', '1', '2', '3'), 30)
        """
        reader = Memory(name, arrays, classes)
        return cls(name, reader, size=size, channels=channels, light_on_dark=light_on_dark)

    def __repr__(self) -> str:
        return f"<Dataset {self.name!r} from {self.where}>"

    def resized(self, size: int | None = None, channels: int | None = None) -> "Dataset":
        """The same data at another size or number of channels; None leaves it as it is."""
        return Dataset(
            self.name,
            self._reader,
            size=self._size if size is None else size,
            channels=self._channels if channels is None else channels,
            about=self._about,
            light_on_dark=self._light_on_dark,
        )

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes; none if it has no classes."""
        return tuple(map(str, self._reader.classes))

    @property
    def notes(self) -> tuple[str, ...]:
        """What was left out of what has been read so far, a sentence each."""
        return tuple(self._reader.notes)

    @property
    def spec(self) -> ImageSpec:
        """What its images are. Reads the training split where mean and standard deviation aren't known without it."""
        with self._lock:
            if self._spec is None:
                shape, about = self._shape, self._about
                if about and about.mean is not None and about.std is not None and _is_native(about, shape):
                    self._spec = _with(shape, about.mean, about.std)
                else:
                    self._spec = _with(shape, *self._moments())
            return self._spec

    def split(self, name: str) -> Split:
        """One of "train", "validation", "test" and "trainval", which is train and validation together in the source's
        own order.

        Where the source has no validation split, a sixth of its training images is taken for it, of each class a
        sixth, fixed by a seed; where it has no test split, a tenth is taken for that first.

        Raises DataMissing where it is neither on this machine nor to be had, ValueError where it can't be used.
        """
        if name not in NAMES:
            raise ValueError(f"split: expected one of {', '.join(map(repr, NAMES))}, found {name!r}")
        with self._lock:
            if name not in self._splits:
                self._splits[name] = self._cut(name)
            return self._splits[name]

    def check(self) -> None:
        """Make sure that a model can be trained on this data.

        Raises ValueError, which names the file or folder, unless each split has an image, "train" enough of them and
        at least one of each class, and its images differ from plain grey; and what `split` raises.
        """
        train = self.split(TRAIN)
        if len(train) < FEWEST:
            raise ValueError(f"{self.where}: expected at least {FEWEST} training images, found {len(train)}")
        counts = torch.bincount(train.labels, minlength=len(self.classes)).tolist()
        if absent := [name for name, count in zip(self.classes, counts, strict=False) if not count]:
            shown = ", ".join(absent[:3]) + (f" and {len(absent) - 3} more" if len(absent) > 3 else "")
            raise ValueError(f"{self.where}: expected training images of every class, found none of {shown}")
        for name in (VALIDATION, TEST):
            if not len(self.split(name)):
                raise ValueError(f"{self.where}: expected at least one image for {name}, found none")
        _ = self.spec

    @property
    def _shape(self) -> ImageSpec:
        """The spec but for mean and standard deviation."""
        channels = self._reader.channels if self._channels is None else self._channels
        size = self._size
        return ImageSpec(channels, size, size, self.classes, dataset=self.name, light_on_dark=self._light_on_dark)

    def _moments(self) -> tuple[float, float]:
        """Mean and standard deviation of the training split's pixels in [0, 1], to four digits: the same everywhere."""
        counts = np.zeros(256, np.int64)
        for image in self.split(TRAIN).images.numpy():
            counts += np.bincount(image.ravel(), minlength=256)
        levels = np.arange(256) / 255
        mean = float(counts @ levels / counts.sum())
        std = float(np.sqrt(counts @ (levels - mean) ** 2 / counts.sum()))
        if round(std, 4) == 0:
            raise ValueError(f"{self.where}: expected images that differ, found one grey level in all training pixels")
        return round(mean, 4), round(std, 4)

    def _cut(self, name: str) -> Split:
        own = self._reader.splits
        pool = TRAIN if TRAIN in own else own[0]  # what the others are cut from
        if name in own and name != pool:
            return self._read(name)
        whole = self._read(pool)
        labels = whole.labels.numpy()
        test = np.zeros(len(whole), bool) if TEST in own and pool != TEST else stratified(labels, SHARES[TEST])
        rest = np.flatnonzero(~test)
        if VALIDATION in own and pool != VALIDATION:
            if name == TRAINVAL:
                return _together(_part(whole, rest), self._read(VALIDATION))
            validation = np.zeros(len(rest), bool)
        else:
            validation = stratified(labels[rest], SHARES[VALIDATION])
        parts = {
            TRAIN: rest[~validation],
            VALIDATION: rest[validation],
            TEST: np.flatnonzero(test),
            TRAINVAL: rest,
        }
        return _part(whole, parts[name])

    def _read(self, split: str) -> Split:
        """One of the source's own splits."""
        if split not in self._own:
            images, labels = self._reader.read(split, self._shape)
            self._own[split] = Split(torch.from_numpy(images), torch.from_numpy(labels))
        return self._own[split]


def _with(image: ImageSpec, mean: float, std: float) -> ImageSpec:
    return ImageSpec(*image.shape, image.classes, mean, std, image.dataset, image.light_on_dark)


def _is_native(source: Source, image: ImageSpec) -> bool:
    return source.name == image.dataset and image.shape == (source.channels, source.size, source.size)


def _part(split: Split, indices: NDArray[np.intp]) -> Split:
    if len(indices) == len(split):
        return split  # all of it, in its own order
    chosen = torch.from_numpy(indices)
    return Split(split.images[chosen], split.labels[chosen])


def _together(first: Split, second: Split) -> Split:
    return Split(torch.cat([first.images, second.images]), torch.cat([first.labels, second.labels]))


def dataset(
    name_or_path: str | os.PathLike[str] = DEFAULT,
    *,
    root: str | os.PathLike[str] | None = None,
    size: int | None = None,
    channels: int | None = None,
    download: bool = True,
) -> Dataset:
    """A data set by its name or its path. Nothing of a named one is read before it is asked for.

    Arguments:
        name_or_path: one of `dataset_names()`, or a path, as a `Path` or a string that is no such name: a folder of
            pictures, in folders by class or flat; a `.npz` file in MedMNIST's layout, Keras's, or with `images` and
            maybe `labels`; or a folder of IDX files, known by their content. What turns out to be a source's own data
            has the source's name.
        root: where a named one lies, or is downloaded to; by default `default_root()`.
        size: height and width to which images are brought, a multiple of 4 from 16 to 64; by default the gallery's
            own, and of what `register_dataset` was given as a `Dataset`, that one's.
        channels: 1 (grey) or 3 (colour); by default the source's own.
        download: whether what is absent may be downloaded.

    Raises ValueError for an unknown name, or data that can't be used; DataMissing where there is nothing at the path.
    The same arguments give the same object.

    Example:
        >>> own = dataset()
        >>> own.name, own.spec.channels, own.licence
        ('fashion-mnist', 1, 'MIT')
    """
    if isinstance(name_or_path, str) and (known := registered(name_or_path)) is not None:
        if isinstance(known, Dataset):
            return known if size is None and channels is None else known.resized(size, channels)
        return _named(known, expanded(root) if root is not None else default_root(), size, channels, download)
    path = expanded(name_or_path)
    if not path.exists():
        given = os.fspath(name_or_path)
        if isinstance(name_or_path, str) and path.name == given and not path.suffix:
            names = ", ".join(dataset_names())
            raise ValueError(f"data: expected {names}, or the path of a folder or .npz file; found {given!r}")
        raise DataMissing(f"{path}: expected a folder of pictures or of IDX files, or an .npz file, found nothing")
    changed = [path.stat().st_mtime_ns]
    if path.is_dir():
        changed += sorted(entry.stat().st_mtime_ns for entry in os.scandir(path) if entry.is_dir())
    return _at(path.resolve(), tuple(changed), size, channels)


@lru_cache(maxsize=4)
def _named(source: Source, root: Path, size: int | None, channels: int | None, download: bool) -> Dataset:
    return Dataset(source.name, Named(source, root, download), size=size, channels=channels, about=source)


@lru_cache(maxsize=4)
def _at(path: Path, changed: tuple[int, ...], size: int | None, channels: int | None) -> Dataset:
    name = path.stem if path.is_file() else path.name
    if path.is_file():
        if not zipfile.is_zipfile(path):
            raise ValueError(
                f"{path}: expected a whole .npz file, or a folder of pictures or of IDX files, found neither"
            )
        return Dataset(name, Npz(path), size=size, channels=channels)
    if not path.is_dir():
        raise ValueError(f"{path}: expected a folder or a .npz file, found neither")
    for folder in _idx_folders(path):
        if pairs := idx.pairs(folder):
            reader, source = _recognised(folder, pairs)
            whole = source is not None and set(source.splits) == set(reader.splits)
            return Dataset(
                source.name if source and whole else name, reader, size=size, channels=channels, about=source
            )
    archives = [file for file in sorted(path.glob("*.npz")) if file.is_file() and not file.name.startswith(".")]
    if len(archives) == 1:
        return Dataset(archives[0].stem, Npz(archives[0]), size=size, channels=channels)
    if len(archives) > 1:
        raise ValueError(f"{path}: expected one .npz file, found {', '.join(file.name for file in archives)}; name one")
    pictures = Pictures(path)
    if not pictures.has_pictures:
        raise DataMissing(f"{path}: expected pictures, IDX files or an .npz file, found none")
    return Dataset(name, pictures, size=size, channels=channels)


def _idx_folders(path: Path) -> Iterator[Path]:
    """The folders in which IDX files may lie: `path`, and those that sources have in a root."""
    seen = {"."}
    yield path
    for source in map(registered, dataset_names()):
        if isinstance(source, Source) and isinstance(source.read, Torchvision) and source.read.idx:
            for name in source.read.folders:
                if name not in seen and (path / name).is_dir():
                    yield path / name
                seen.add(name)


def _recognised(folder: Path, pairs: Mapping[str, idx.Pair]) -> tuple[IdxFolder, Source | None]:
    """What reads the IDX files in `folder`, and the source whose data they are by checksum, all or in part."""
    sources = [source for source in map(registered, dataset_names()) if isinstance(source, Source)]
    reader = IdxFolder(folder, pairs)
    if not any(pairs.keys() <= source.checksums.keys() for source in sources):
        return reader, None
    sums = {}
    for split in reader.splits:
        images, labels = reader.pair(split)
        values = as_values(labels, f"{folder}, {split}")
        if values.dtype.kind != "i":
            return reader, None
        sums[split] = checksum(np.moveaxis(as_levels(images, f"{folder}, {split}"), -1, 1), values)
    if source := known_by(sums):
        reader.names = tuple(map(str, source.classes))
    return reader, source
