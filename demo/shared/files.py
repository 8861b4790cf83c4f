"""Files that the demo makes when it starts, for browsers to fetch."""

import atexit
import shutil
import tempfile
from pathlib import Path

import gradio as gr

FOLDER = Path(tempfile.mkdtemp(prefix="gengallery-"))
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)
gr.set_static_paths([FOLDER])
