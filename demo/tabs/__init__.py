"""The tabs of the page, a folder each, which alone has to be added for another:

- tab.py: its inputs, and which view they go to, Gradio and wiring only; TAB is what the page needs to know of it
- view.py: from what a visitor chose to pictures and tables; pure functions, no Gradio
- NAME.html and .js, where it has a part that lives in the browser, and .css for its own style
- words.json: every word that it says, its title first; more.en.md and more.pt.md: the mathematics

Whatever comes in may have been posted by hand, so each function of a view checks all of it and raises ValueError, which
says what was expected and what was found. Pictures go out as grey levels or colours, uint8. Each view also gives
the lines of Python that make its pictures, which run as they stand.
"""

from importlib import import_module
from pathlib import Path

from ..shared.tab import Tab

FOLDER = Path(__file__).resolve().parent


def find_tabs() -> dict[str, Tab]:
    """The tabs for which the gallery has models, in their order, by the names of their folders. Raises TypeError for a
    folder whose TAB is none."""
    found = {}
    for name in sorted(path.parent.name for path in FOLDER.glob("*/tab.py")):
        tab = getattr(import_module(f".{name}.tab", __name__), "TAB", None)
        if not isinstance(tab, Tab):
            raise TypeError(f"tabs/{name}/tab.py: expected TAB, a Tab; found {type(tab).__name__}")
        if tab.available():
            found[name] = tab
    return dict(sorted(found.items(), key=lambda item: item[1].order))
