"""The gallery in a browser: `python demo/app.py`.

GRADIO_SERVER_NAME and GRADIO_SERVER_PORT say where it listens, http://127.0.0.1:7860 if they do not;
GENGALLERY_HOSTS names the hosts under which it answers beside this machine's, with commas between.
GRADIO_MCP_SERVER=True offers the calls of api.py as tools to assistants.
"""

import signal
import sys
from pathlib import Path

ROOT = str(Path(__file__).resolve().parent.parent)
if __name__ == "__main__":  # told to end while it starts, it does so in order, and removes its temporary files
    for told in (signal.SIGINT, signal.SIGTERM):
        signal.signal(told, lambda *_: sys.exit(0))
if ROOT not in sys.path:  # of a file that is run, Python knows the folder only; on a Space gengallery lies beside it
    sys.path.insert(0, ROOT)

from demo.page import demo, launch  # noqa: E402

__all__ = ["demo", "launch"]

if __name__ == "__main__":
    launch()
