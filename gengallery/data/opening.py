"""Files that others made, opened so that none of them hangs or takes for ever."""

import io
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

SECONDS = 2.0  # of the processor, for reading one picture
KINDS = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}


@contextmanager
def opened(path: str | os.PathLike[str]) -> Iterator[tuple[IO[bytes], int]]:
    """The regular file at `path`, or that a link there leads to, and its size.

    What else has a name raises OSError and is not opened: a pipe may never end, and a device may do something.
    """
    _check_regular(path, Path(path).stat())
    # Without waiting, in case a pipe has just taken the file's place.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    with os.fdopen(os.open(path, flags), "rb") as file:
        status = os.fstat(file.fileno())
        _check_regular(path, status)
        yield file, status.st_size


def _check_regular(path: str | os.PathLike[str], status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        found = KINDS.get(stat.S_IFMT(status.st_mode), "a device")
        raise OSError(None, f"{found} in place of a regular file", os.fspath(path))


class Clocked(io.BytesIO):
    """Bytes that can be read for so many seconds of this thread, and then raise TimeoutError. A small file may have a
    million empty parts, and PIL looks at each."""

    def __init__(self, content: bytes, seconds: float = SECONDS):
        super().__init__(content)
        self.end = time.thread_time() + seconds  # of this thread: others may keep the machine busy

    def read(self, size: int | None = -1, /) -> bytes:
        """As BytesIO's."""
        if time.thread_time() > self.end:
            raise TimeoutError("it takes too long to read")
        return super().read(size)


def clocked(path: str | os.PathLike[str]) -> Clocked:
    """The bytes of the regular file at `path`, as PIL may read them. Raises OSError."""
    with opened(path) as (file, _):
        return Clocked(file.read())
