"""Whole files or none: the one way in which this project writes to disk; and made parts of files written by hand."""

import os
from collections.abc import Iterable
from pathlib import Path


def write_atomically(path: str | os.PathLike[str], data: bytes) -> None:
    """Write `data` to `path` so that a kill at any moment leaves the old file or the new one.

    The bytes go to a temporary file in the same folder, are flushed to the disk, and only then take
    the name. The folder is made if it is missing. Raises OSError if the folder cannot be written.
    """
    import tempfile  # here, since it takes long to import

    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)  # mkstemp makes it private; a weight file is for everyone
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
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
