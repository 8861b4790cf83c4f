"""Whole files or none: the one way in which this project writes to disk."""

import os
import tempfile
from pathlib import Path


def write_atomically(path: str | os.PathLike, data: bytes) -> None:
    """Write `data` to `path` so that a kill at any moment leaves the old file or the new one.

    The bytes go to a temporary file in the same folder, are flushed to the disk, and only then take
    the name. The folder is made if it is missing. Raises OSError if the folder cannot be written.
    """
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
