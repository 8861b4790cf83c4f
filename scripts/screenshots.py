"""Take the pictures of the demo that stand in the README: a screenshot of each tab, and a short film of the maps.

    python scripts/screenshots.py             into docs/demo/; needs Chromium, and the data set for the tab Memory

The demo is started for it on a free port. With --every, each tab is also taken at the width of a phone and in the dark,
into report/demo/, to be looked at.
"""

import argparse
import json
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import urlopen

from PIL import Image

from common.browsing import browser, served

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, FloatRect, Locator, Page

ROOT = Path(__file__).resolve().parent.parent
DESTINATION = ROOT / "docs" / "demo"
WIDE, PHONE, HEIGHT = 1280, 390, 860
QUERIES = {  # what the address of a tab says, if anything
    "explore": "at=0.6,0.4",
    "morph": "models=ae_64,vae_2,vae_64",
    "reconstruction": "models=ae_16,ae_64,vae_2,vae_64&damage=A+square+hidden&amount=0.4",
    "learning": "epochs=8",
}
FRAMES, DURATION = 48, 60  # of the film, and milliseconds each


@contextmanager
def browser_context(width: int) -> Iterator["BrowserContext"]:
    """A browser's context with windows of that width."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright, browser(playwright) as running:
        viewport = {"width": width, "height": HEIGHT}
        yield running.new_context(viewport=viewport, reduced_motion="reduce", locale="en-US")  # type: ignore[arg-type]


def tabs(address: str) -> list[str]:
    """The tabs of the demo, as the addresses name them."""
    with urlopen(f"{address}config", timeout=60) as answer:
        components = json.load(answer)["components"]
    return [component["props"]["id"] for component in components if component["type"] == "tabitem"]


def open_tab(context: "BrowserContext", address: str, tab: str, theme: str) -> "Page":
    """The tab in a page, once its pictures are there."""
    page = context.new_page()
    page.goto(f"{address}?tab={tab}&{QUERIES.get(tab, '')}&__theme={theme}")
    page.locator(".matrix-image[src], .rows img, table.compare img").locator("visible=true").first.wait_for()
    page.wait_for_load_state("networkidle")
    time.sleep(0.5)  # for what fades in
    return page


def screenshots(address: str, folder: Path, width: int, theme: str, whole: bool) -> None:
    """A PNG of each tab, as much as a screen shows or the `whole` page."""
    with browser_context(width) as context:
        for tab in tabs(address):
            page = open_tab(context, address, tab, theme)
            name = f"{tab}.png" if not whole else f"{tab}_{width}_{theme}.png"
            picture = Image.open(BytesIO(page.screenshot(full_page=whole)))
            picture.convert("RGB").save(folder / name, optimize=True)
            page.close()
            print(folder / name)


def film(address: str, path: Path) -> None:
    """The maps and the garments under a moving mouse, as a GIF at half size."""
    with browser_context(WIDE) as context:
        page = open_tab(context, address, "explore", "light")
        page.locator(".pads").scroll_into_view_if_needed()
        rows = page.locator(".pad-row")
        first, last, pad = map(box, (rows.nth(0), rows.nth(1), page.locator(".pad").nth(1)))
        clip: FloatRect = {
            "x": first["x"] - 4,
            "y": first["y"] - 30,
            "width": last["x"] + last["width"] - first["x"] + 8,
            "height": first["height"] + 34,
        }
        frames = []
        for k in range(FRAMES):
            angle = 2 * math.pi * k / FRAMES
            across, down = 0.5 + 0.27 * math.cos(angle), 0.6 + 0.2 * math.sin(2 * angle)
            page.mouse.move(pad["x"] + across * pad["width"], pad["y"] + down * pad["height"])
            page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
            shot = Image.open(BytesIO(page.screenshot(clip=clip))).convert("RGB")
            frames.append(shot.resize((shot.width * 3 // 5, shot.height * 3 // 5), Image.Resampling.LANCZOS))
    palette = frames[0].quantize(200, Image.Quantize.FASTOCTREE)
    frames = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=DURATION, loop=0, optimize=True)
    print(path)


def box(locator: "Locator") -> "FloatRect":
    """Where in the window an element is. Raises RuntimeError if it is not shown."""
    found = locator.bounding_box()
    if found is None:
        raise RuntimeError(f"expected {locator} on the page, found nothing")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description="Take the pictures of the demo that stand in the README.")
    parser.add_argument("--every", action="store_true", help="also each tab at two widths, light and dark, to look at")
    options = parser.parse_args()
    DESTINATION.mkdir(parents=True, exist_ok=True)
    with served() as server:
        screenshots(server.address, DESTINATION, WIDE, "light", whole=False)
        film(server.address, DESTINATION / "explore.gif")
        if options.every:
            folder = ROOT / "report" / "demo"
            folder.mkdir(parents=True, exist_ok=True)
            for width in (WIDE, PHONE):
                for theme in ("light", "dark"):
                    screenshots(server.address, folder, width, theme, whole=True)


if __name__ == "__main__":
    main()
