"""Whole files or none: the one way in which this project writes to disk; and made parts of files written by hand."""

import errno
import glob
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

PART = ".part"  # how the names of unfinished files end


def write_atomically(path: str | os.PathLike[str], data: bytes) -> None:
    """Write `data` to `path` so that a kill at any moment leaves the old file or the new one.

    The bytes go to a temporary file in the same folder, are flushed to the disk, and only then take
    the name. The folder is made if it is missing. Raises OSError, which names `path`, if it can't be written.
    """
    with _beside(path) as (file, temporary):
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
        file.close()  # where a file that is open can't be renamed
        temporary.chmod(0o644)  # mkstemp makes it private; a weight file is for everyone
        temporary.replace(path)


def check_room(path: str | os.PathLike[str], size: int) -> None:
    """Raise OSError, which names `path`, unless a file of `size` bytes can be written there now; none stays."""
    with _beside(path) as (file, temporary):
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, max(1, size))
        elif shutil.disk_usage(temporary.parent).free < size:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def remove_parts(path: str | os.PathLike[str]) -> None:
    """Remove what processes that were killed while they wrote to `path` have left beside it."""
    path = Path(path)
    for part in path.parent.glob(f".{glob.escape(path.name)}.*{PART}"):
        part.unlink(missing_ok=True)


@contextmanager
def _beside(path: str | os.PathLike[str]) -> Iterator[tuple[IO[bytes], Path]]:
    """A new file in the folder of `path`, which is made if it is missing, and its name; it is gone afterwards, unless
    it was given another. An OSError names `path`, or the folder that could not be made."""
    import tempfile  # here, since it takes long to import

    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=PART, dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                yield file, Path(name)
        finally:
            if Path(name).exists():
                Path(name).unlink()
    except OSError as error:
        error.filename, error.filename2 = str(path), None
        raise


def with_lines_between(text: str, begins: str, ends: str, lines: Iterable[str], name: str) -> str:
    """`text` with `lines` in place of what stands between the marks `begins` and `ends`.

    Raises ValueError, which calls the text `name`, if it has no such place.
    """
    head, _, rest = text.partition(begins)
    _, end, tail = rest.partition(ends)
    if not end:
        raise ValueError(f"{name}: expected a place for the tables between {begins} and {ends}, found none")
    return "\n".join([head + begins, *lines, ends + tail])
