"""Files that the demo makes when it starts, for browsers to fetch."""

import atexit
import shutil
import tempfile
from pathlib import Path

FOLDER = Path(tempfile.mkdtemp(prefix="gengallery-"))
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)
