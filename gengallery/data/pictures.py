"""What reads folders of pictures."""

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gengallery.data.arrays import fitted_picture
from gengallery.data.opening import clocked
from gengallery.data.readers import Labels, Levels, Reader
from gengallery.data.sources import TEST, TRAIN, VALIDATION
from gengallery.data.spec import MOST_CLASSES, ImageSpec

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "PPM")  # which PIL reads itself, without other programs
SUFFIXES = {".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm"}
SPLITS = {
    **dict.fromkeys(("train", "training"), TRAIN),
    **dict.fromkeys(("val", "valid", "validation"), VALIDATION),
    **dict.fromkeys(("test", "testing"), TEST),
}
LOOKED_AT = 64  # pictures, to tell whether they are in colour
NAMED = 3  # files in a note


class Pictures(Reader):
    """A folder of pictures: in folders by class, or flat, without classes; or such folders named train, val and test.

    One folder is no class. What is no picture is left out, and so are files whose names begin with a dot; `notes` says
    how many. Links to folders are followed for splits and classes, not below.
    """

    def __init__(self, folder: Path) -> None:
        self.where = str(folder)
        self._folder = folder
        named = {SPLITS[path.name.lower()]: path for path in _folders(folder) if path.name.lower() in SPLITS}
        self._roots = named if TRAIN in named else {TRAIN: folder}
        self.splits = tuple(split for split in (TRAIN, VALIDATION, TEST) if split in self._roots)
        self._left_out: dict[str, set[Path]] = {}

    @property
    def notes(self) -> tuple[str, ...]:  # type: ignore[override]
        """What was left out, a sentence for each reason."""
        return tuple(self._note(why, sorted(paths)) for why, paths in self._left_out.items())

    @property
    def has_pictures(self) -> bool:
        """Whether there is a picture at all."""
        return any(_is_promising(path) for files in self._files[1].values() for path, _ in files)

    @property
    def classes(self) -> tuple[str, ...]:
        return self._files[0]

    @cached_property
    def channels(self) -> int:
        files = [path for path, _ in self._files[1][self.splits[0]] if path.suffix.lower() in SUFFIXES]
        step = max(1, len(files) // LOOKED_AT)
        return 3 if any(map(_is_coloured, files[::step])) else 1

    def read(self, split: str, image: ImageSpec) -> tuple[Levels, Labels]:
        files = self._files[1][split]
        with ThreadPoolExecutor() as pool:  # PIL decodes outside Python's lock
            decoded = list(pool.map(lambda file: _decoded(file[0], image), files))
        kept, labels, unread = [], [], []
        for levels, (path, label) in zip(decoded, files, strict=True):
            if levels is None:
                unread.append(path)
            else:
                kept.append(levels)
                labels.append(label)
        self._leave_out("not readable as pictures", unread)
        if not kept:
            raise ValueError(f"{self._roots[split]}: expected pictures, found none among {len(files):,} files")
        return np.stack(kept), np.array(labels, np.int64)

    @cached_property
    def _files(self) -> tuple[tuple[str, ...], dict[str, list[tuple[Path, int]]]]:
        """The names of the classes, and each split's files with their labels."""
        loose = {split: self._listed(root, deep=False) for split, root in self._roots.items()}
        below: dict[str, dict[str, list[Path]]] = {split: {} for split in self._roots}
        for split, root in self._roots.items():
            for folder in _folders(root):
                files = self._listed(folder, deep=True)
                if any(map(_is_promising, files)):
                    below[split][folder.name] = files
                elif files:
                    self._leave_out("in folders without pictures", files)
        names = sorted({name for by_class in below.values() for name in by_class})
        if all(name.isdecimal() for name in names):
            names.sort(key=int)
        if len(names) > MOST_CLASSES:
            raise ValueError(f"{self.where}: expected at most {MOST_CLASSES} classes, found {len(names):,} folders")
        if len(names) < 2:
            for split, by_class in below.items():
                for files in by_class.values():
                    loose[split] += files
            return (), {split: [(path, 0) for path in files] for split, files in loose.items()}
        for files in loose.values():
            self._leave_out("outside the folders of the classes", files)
        by_split = {
            split: [(path, number) for number, name in enumerate(names) for path in by_class.get(name, [])]
            for split, by_class in below.items()
        }
        return tuple(names), by_split

    def _listed(self, folder: Path, deep: bool) -> list[Path]:
        """The regular files in `folder`, and below it if `deep`, in order."""
        files: list[Path] = []
        for where, folders, names in os.walk(folder):
            folders[:] = sorted(name for name in folders if not name.startswith(".")) if deep else []
            files += [Path(where, name) for name in sorted(names)]
        hidden = [path for path in files if path.name.startswith(".")]
        special = [path for path in files if not path.is_file() and path not in hidden]  # pipes, devices, broken links
        self._leave_out("hidden", hidden)
        self._leave_out("not regular files", special)
        return [path for path in files if path not in {*hidden, *special}]

    def _leave_out(self, why: str, paths: Iterable[Path]) -> None:
        if paths := set(paths):
            self._left_out.setdefault(why, set()).update(paths)

    def _note(self, why: str, paths: list[Path]) -> str:
        shown = ", ".join(str(path.relative_to(self._folder)) for path in paths[:NAMED])
        more = f" and {len(paths) - NAMED:,} more" if len(paths) > NAMED else ""
        return f"{self.where}: {len(paths):,} {'file' if len(paths) == 1 else 'files'} left out, {why}: {shown}{more}"


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def _is_promising(path: Path) -> bool:
    if path.suffix:
        return path.suffix.lower() in SUFFIXES
    try:
        with Image.open(clocked(path), formats=FORMATS):
            return True
    except Exception:  # PIL has no one kind for what it can't read
        return False


def _is_coloured(path: Path) -> bool:
    try:
        with Image.open(clocked(path), formats=FORMATS) as picture:
            red, green, blue = np.moveaxis(np.asarray(picture.convert("RGB")), -1, 0)
            return not ((red == green).all() and (green == blue).all())
    except Exception:  # counted when it is read
        return False


def _decoded(path: Path, image: ImageSpec) -> NDArray[np.uint8] | None:
    """The picture at `path` as levels (C, H, W); None if it is no picture, or cut short."""
    try:
        with Image.open(clocked(path), formats=FORMATS) as picture:
            return fitted_picture(picture, image)
    except Exception:  # PIL has no one kind for what it can't read
        return None
