"""The files that a browser gets: scripts, templates, style and words, of static/, shared/ and each tab's folder."""

import json
from pathlib import Path

DEMO = Path(__file__).resolve().parent.parent
STATIC, SHARED, TABS = DEMO / "static", DEMO / "shared", DEMO / "tabs"
SERVED = (".css", ".html", ".js", ".json")


def served() -> list[Path]:
    """Every file that the server hands out: one by one, since these folders hold Python too."""
    return sorted(path for path in [*STATIC.iterdir(), *SHARED.iterdir(), *TABS.glob("*/*")] if path.suffix in SERVED)


def styles() -> list[Path]:
    """What the tabs share, then each tab's own."""
    return [STATIC / "style.css", *sorted(TABS.glob("*/*.css"))]


def address(path: Path) -> str:
    """Where the page finds a file under a static path."""
    return f"gradio_api/file={path}"


def script(path: Path) -> str:
    """JavaScript: the promise of the module in the file at `path`."""
    return f"import(new URL({json.dumps(address(path))}, document.baseURI))"


PAGE = script(STATIC / "page.js")
