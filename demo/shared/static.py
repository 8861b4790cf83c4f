"""The files that a browser gets: scripts, templates, style and words, of static/, shared/ and each tab's folder."""

import json
from pathlib import Path

from .files import FOLDER

DEMO = Path(__file__).resolve().parent.parent
STATIC, SHARED, TABS = DEMO / "static", DEMO / "shared", DEMO / "tabs"
SERVED = (".css", ".html", ".js", ".json")


def served() -> list[Path]:
    """Every file of the demo's own that the server hands out: one by one, since these folders hold Python too."""
    return sorted(path for path in [*STATIC.iterdir(), *SHARED.iterdir(), *TABS.glob("*/*")] if path.suffix in SERVED)


def styles() -> list[Path]:
    """What the tabs share, then each tab's own."""
    return [STATIC / "style.css", *sorted(TABS.glob("*/*.css"))]


ROUTE = "files"  # where the server has them


def address(path: Path) -> str:
    """Where the page finds a file of `served()`, or one in the folder of those made at the start. It doesn't say where
    the file lies on this machine."""
    inside = path.relative_to(FOLDER.parent if path.is_relative_to(FOLDER) else DEMO)
    return f"{ROUTE}/{inside.as_posix()}"


def script(path: Path) -> str:
    """JavaScript: the promise of the module in the file at `path`."""
    return f"import(new URL({json.dumps(address(path))}, document.baseURI))"


PAGE = script(STATIC / "page.js")
