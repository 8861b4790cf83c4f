"""Files in the IDX format (http://yann.lecun.com/exdb/mnist/), plain or packed with gzip, known by their content.

Such a file holds two zeros, a type, the number of axes, their sizes as big-endian integers of 32 bits, and the numbers.
"""

import gzip
import math
import re
import zlib
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
from numpy.typing import NDArray

from gengallery.data.sources import TEST, TRAIN, VALIDATION

TYPES = {8: "u1", 9: "i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}
LARGEST = 4 << 30  # bytes
MANY = 200  # files in a folder; beyond, only those are looked into whose names promise IDX
PROMISING = re.compile(r"idx\d|ubyte")
UNREADABLE = (OSError, EOFError, zlib.error, ValueError)
IMAGES, LABELS = "images", "labels"
Pair = tuple[tuple[Path, ...], tuple[Path, ...]]  # the files to be tried for the images, and for the labels


class Absent(ValueError):
    """A folder lacks files that were asked for."""


@dataclass(frozen=True)
class IdxFile:
    """A file that begins as IDX files do: what it holds, and whose, by its name."""

    path: Path
    shape: tuple[int, ...]
    kind: str  # IMAGES or LABELS
    split: str  # TRAIN, VALIDATION, TEST or ""

    @property
    def key(self) -> str:
        """See `key`."""
        return key(self.path.name)


def key(name: str) -> str:
    """What is alike in the ways in which one file is named: train-images-idx3-ubyte.gz, train-images.idx3-ubyte."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower().removesuffix(".gz"))


def read(path: Path) -> NDArray[Any]:
    """The numbers in the IDX file at `path`. Raises ValueError, which names it, if it is damaged."""
    try:
        with closing(_opened(path)) as file:
            dtype, shape = _header(file)
            size = math.prod(shape) * np.dtype(dtype).itemsize
            content = file.read(size + 1)
    except UNREADABLE as error:
        raise ValueError(f"{path}: cut short or damaged ({error or type(error).__name__})") from error
    if len(content) != size:
        found = "more" if len(content) > size else f"{len(content):,}"
        raise ValueError(f"{path}: expected {size:,} bytes of numbers, found {found}")
    values = np.frombuffer(content, dtype).reshape(shape)
    return values.astype(values.dtype.newbyteorder("="))


def scan(folder: Path) -> tuple[list[IdxFile], dict[Path, str]]:
    """The IDX files in `folder`, plain ones first, and what is wrong with each file that should be one and is none."""
    found: list[IdxFile] = []
    damaged: dict[Path, str] = {}
    for path in _candidates(folder):
        try:
            with closing(_opened(path)) as file:
                dtype, shape = _header(file)
            if path.suffix != ".gz" and not _is_packed(path):
                expected = 4 + 4 * len(shape) + math.prod(shape) * np.dtype(dtype).itemsize
                if path.stat().st_size != expected:
                    raise ValueError(f"expected {expected:,} bytes, found {path.stat().st_size:,}")
        except UNREADABLE as error:
            if PROMISING.search(path.name.lower()):
                damaged[path] = f"{path}: cut short or damaged ({error or type(error).__name__})"
            continue
        few_axes = len(shape) == 1 or (len(shape) == 2 and dtype != "u1")  # QMNIST's labels have columns
        found.append(IdxFile(path, shape, LABELS if few_axes else IMAGES, _split_of(path.name)))
    return found, damaged


def named_pair(folder: Path, names: tuple[str, ...], split: str, by_content: bool) -> Pair:
    """The files in `folder` with the images and the labels of `split`, whose official names are `names`.

    If `by_content` is true, other names will do if they have the split's name in them.

    Raises Absent, which names what is missing, or ValueError if all that is there is damaged.
    """
    found, damaged = scan(folder)
    pair: list[tuple[Path, ...]] = []
    for kind, name in zip((IMAGES, LABELS), names, strict=True):
        files = [file for file in found if file.kind == kind]
        named = [file for file in files if file.key == key(name)]
        if by_content and not named and len({file.key for file in files if file.split == split}) == 1:
            named = [file for file in files if file.split == split]
        pair.append(tuple(file.path for file in named))
    missing = [name for name, paths in zip(names, pair, strict=True) if not paths]
    if broken := [wrong for path, wrong in damaged.items() if key(path.name) in map(key, missing)]:
        raise ValueError("; ".join(broken))
    if missing:
        raise Absent(" and ".join(missing))
    return pair[0], pair[1]


def pairs(folder: Path) -> dict[str, Pair]:
    """The files in `folder` by split: of "train", "validation" and "test" those there are; empty without IDX files.

    What is of which split, the names say, and else the numbers: the larger is "train". Raises ValueError, which names
    the files, where images lack labels or labels images, or where it can't be told which belong together.
    """
    found, damaged = scan(folder)
    images = _by_split(folder, [file for file in found if file.kind == IMAGES])
    labels = [file for file in found if file.kind == LABELS]
    result: dict[str, Pair] = {}
    for split, files in images.items():
        n = files[0].shape[0]
        own = [file for file in labels if file.split == split] or [
            file for file in labels if not file.split and file.shape[0] == n
        ]
        if not own:
            raise ValueError(_lacking(folder, f"labels for the {n:,} images of {files[0].path.name}", damaged))
        if len({file.key for file in own}) > 1:
            raise ValueError(f"{folder}: expected one file of labels for {files[0].path.name}, found {_names(own)}")
        result[split] = tuple(file.path for file in files), tuple(file.path for file in own)
    used = {path for _, paths in result.values() for path in paths}
    if spare := [file for file in labels if file.path not in used]:
        raise ValueError(_lacking(folder, f"images for the labels of {_names(spare)}", damaged))
    if not result and damaged:
        raise ValueError("; ".join(damaged.values()))
    return result


def read_pair(pair: Pair) -> tuple[NDArray[Any], NDArray[Any]]:
    """Images and labels of the files of `pair`: of each, the first file that is whole. Raises ValueError if none is."""
    images, labels = (_first_whole(paths) for paths in pair)
    if labels.ndim == 2:
        labels = labels[:, 0]  # QMNIST: the class, then who wrote it and where
    if len(images) != len(labels):
        raise ValueError(f"{pair[1][0]}: expected {len(images):,} labels, as many as images, found {len(labels):,}")
    return images, labels


def _first_whole(paths: Iterable[Path]) -> NDArray[Any]:
    failures = []
    for path in paths:
        try:
            return read(path)
        except ValueError as error:
            failures.append(str(error))
    raise ValueError("; ".join(failures))


def _by_split(folder: Path, files: list[IdxFile]) -> dict[str, list[IdxFile]]:
    result: dict[str, list[IdxFile]] = {}
    for split in (TRAIN, VALIDATION, TEST):
        if own := [file for file in files if file.split == split]:
            result[split] = own
    unnamed: dict[str, list[IdxFile]] = {}
    for file in files:
        if not file.split:
            unnamed.setdefault(file.key, []).append(file)
    by_size = sorted(unnamed.values(), key=lambda same: -same[0].shape[0])
    free = [split for split in (TRAIN, TEST) if split not in result]
    sizes = [same[0].shape[0] for same in by_size]
    if len(by_size) > len(free) or len(set(sizes)) < len(sizes):
        raise ValueError(f"{folder}: expected names with train and test in them, found {_names(files)}")
    result.update(zip(free, by_size, strict=False))
    for own in result.values():
        if len({file.key for file in own}) > 1:
            raise ValueError(f"{folder}: expected one file of images for each split, found {_names(own)}")
    return result


def _lacking(folder: Path, what: str, damaged: dict[Path, str]) -> str:
    return "; ".join([f"{folder}: expected {what}, found none", *damaged.values()])


def _names(files: Iterable[IdxFile]) -> str:
    return ", ".join(sorted(file.path.name for file in files))


def _split_of(name: str) -> str:
    words = {TEST: ("t10k", "test"), TRAIN: ("train",), VALIDATION: ("val",)}
    return next((split for split, marks in words.items() if any(mark in name.lower() for mark in marks)), "")


def _candidates(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    # is_file: neither folders nor pipes nor devices. Names with a dot in front are the system's, as macOS's copies are.
    files = sorted(path for path in folder.iterdir() if not path.name.startswith(".") and path.is_file())
    if len(files) > MANY:
        files = [path for path in files if PROMISING.search(path.name.lower())]
    return sorted(files, key=lambda path: path.suffix == ".gz")  # stable: plain files first


def _is_packed(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"


def _opened(path: Path) -> IO[bytes]:
    return cast(IO[bytes], gzip.open(path)) if _is_packed(path) else path.open("rb")


def _header(file: IO[bytes]) -> tuple[str, tuple[int, ...]]:
    """The type of an IDX file's numbers and the sizes of its axes."""
    magic = file.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in TYPES or not 1 <= magic[3] <= 4:
        raise ValueError("it does not begin as an IDX file does")
    sizes = file.read(4 * magic[3])
    if len(sizes) < 4 * magic[3]:
        raise ValueError("it ends within its header")
    shape = tuple(int.from_bytes(sizes[i : i + 4], "big") for i in range(0, len(sizes), 4))
    if math.prod(shape) * np.dtype(TYPES[magic[2]]).itemsize > LARGEST:
        raise ValueError(f"it claims to hold {math.prod(shape):,} numbers")
    return TYPES[magic[2]], shape
