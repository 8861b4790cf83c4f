"""Where data sets lie on this machine."""

import os
import stat
import tempfile
from functools import lru_cache
from pathlib import Path

VARIABLE = "GENGALLERY_DATA"


class DataMissing(FileNotFoundError):
    """A data set is not on this machine, or is not what its name says, and could not be downloaded."""


def default_root() -> Path:
    """The folder named by the environment's GENGALLERY_DATA, else one in the user's cache."""
    return expanded(os.environ[VARIABLE]) if os.environ.get(VARIABLE) else cache()


def cache() -> Path:
    """The user's folder for what can be had again: in XDG_CACHE_HOME, else in ~/.cache.

    Where that can neither be read nor made, as for a container's user without a home, a folder of the user's own
    among the temporary files.
    """
    named = os.environ.get("XDG_CACHE_HOME", "")
    try:
        base = expanded(named)
        if not base.is_absolute():  # "" too: the XDG base directory specification has relative ones ignored
            base = Path.home() / ".cache"
    except (DataMissing, RuntimeError):  # no home
        return _temporary()
    folder = base / "gengallery"
    there = next(path for path in (folder, *folder.parents) if _is_folder(path) or path == path.parent)
    return folder if there == folder or os.access(there, os.W_OK | os.X_OK) else _temporary()


def expanded(path: str | os.PathLike[str]) -> Path:
    """`path` with a leading ~ as the home folder. Raises DataMissing where there is no home."""
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise DataMissing(
            f"{os.fspath(path)}: expected a folder, found one in a home folder, and this user has none; name it in full"
        ) from error


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # of a folder that this user must not look into
        return False


@lru_cache(maxsize=1)
def _temporary() -> Path:
    try:
        base = Path(tempfile.gettempdir())
        folder = base / f"gengallery-{os.getuid() if hasattr(os, 'getuid') else 'cache'}"
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
        # Another user may have made a folder or a link of this name, to have their files read here.
        own = not hasattr(os, "getuid") or (found.st_uid == os.getuid() and not found.st_mode & 0o022)
        return folder if stat.S_ISDIR(found.st_mode) and own else Path(tempfile.mkdtemp(prefix="gengallery-"))
    except OSError as error:
        raise DataMissing(
            f"There is no folder for data: this user has neither a home nor a folder for temporary files; name one in "
            f"{VARIABLE}"
        ) from error
