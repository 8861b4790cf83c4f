"""Temporary files: those that the demo makes when it starts, for browsers to fetch, and those of its visitors.

They lie in a folder of their own that nobody else may read, which goes when the process ends. Gradio asks for the name
of its folder again and again, and some of its modules when they are imported: `demo` imports this file before Gradio.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

PRIVATE = Path(tempfile.mkdtemp(prefix="gengallery-")).resolve()  # for its owner only
FOLDER = PRIVATE / "made"  # what the demo makes
UPLOADS = PRIVATE / "u"  # what Gradio keeps for visitors; they read this path, so it says nothing
for folder in (FOLDER, UPLOADS):
    folder.mkdir()
os.environ["GRADIO_TEMP_DIR"] = str(UPLOADS)


@atexit.register
def remove() -> None:
    """Remove all of them."""
    shutil.rmtree(PRIVATE, ignore_errors=True)


def is_upload(path: object) -> bool:
    """Whether `path` is that of a file in UPLOADS, with no way out of it."""
    if not isinstance(path, str) or "\0" in path or not path.startswith(f"{UPLOADS}/"):
        return False
    try:
        file = Path(path)
        return file.is_file() and file.resolve().is_relative_to(UPLOADS)
    except (OSError, RuntimeError, ValueError):  # too long a name, a circle of links, half a character
        return False
