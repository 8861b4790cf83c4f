"""Take the pictures of the demo that stand in the README: a screenshot of each tab, and a short film of the maps.

    python scripts/screenshots.py             into docs/demo/; needs Chromium, and the data set for the tab Memory

The demo is started for it on a free port. With --every, each tab is also taken at the width of a phone and in the dark,
into report/demo/, to be looked at.
"""

import argparse
import json
import math
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
DESTINATION = ROOT / "docs" / "demo"
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
WIDE, PHONE, HEIGHT = 1280, 390, 860
QUERIES = {  # what the address of a tab says, if anything
    "explore": "at=0.6,0.4",
    "morph": "models=ae_64,vae_2,vae_64",
    "reconstruction": "models=ae_16,ae_64,vae_2,vae_64&damage=A+square+hidden&amount=0.4",
    "learning": "moment=3",
}
FRAMES, DURATION = 48, 60  # of the film, and milliseconds each


@contextmanager
def demo() -> Iterator[str]:
    """The demo, running; its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = {"GRADIO_SERVER_NAME": "127.0.0.1", "GRADIO_SERVER_PORT": str(port), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, str(ROOT / "demo" / "app.py")]
    with subprocess.Popen(command, env=os.environ | options, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            if not any("Running on" in line for line in server.stdout):
                raise RuntimeError("the demo did not start; see what demo/app.py says")
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


@contextmanager
def chromium(width: int) -> Iterator[Any]:
    """A browser of that width with a profile of its own."""
    from playwright.sync_api import sync_playwright

    path = os.environ.get("CHROME") or shutil.which("chromium") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as profile, sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            profile, headless=True, executable_path=path, args=FLAGS, viewport={"width": width, "height": HEIGHT},
            reduced_motion="reduce", locale="en-US",
        )  # fmt: skip
        yield context
        context.close()


def tabs(address: str) -> list[str]:
    """The tabs of the demo, as the addresses name them."""
    with urlopen(f"{address}/config", timeout=60) as answer:
        components = json.load(answer)["components"]
    return [component["props"]["id"] for component in components if component["type"] == "tabitem"]


def opened(browser: Any, address: str, tab: str, theme: str) -> Any:
    """The tab in a page, once its pictures are there."""
    page = browser.new_page()
    page.goto(f"{address}/?tab={tab}&{QUERIES.get(tab, '')}&__theme={theme}")
    page.locator(".matrix-image[src], .rows img, table.compare img").locator("visible=true").first.wait_for()
    page.wait_for_load_state("networkidle")
    time.sleep(0.5)  # for what fades in
    return page


def screenshots(address: str, folder: Path, width: int, theme: str, whole: bool) -> None:
    """A PNG of each tab, as much as a screen shows or the `whole` page."""
    with chromium(width) as browser:
        for tab in tabs(address):
            page = opened(browser, address, tab, theme)
            name = f"{tab}.png" if not whole else f"{tab}_{width}_{theme}.png"
            picture = Image.open(BytesIO(page.screenshot(full_page=whole)))
            picture.convert("RGB").save(folder / name, optimize=True)
            page.close()
            print(folder / name)


def film(address: str, path: Path) -> None:
    """The maps and the garments under a moving mouse, as a GIF at half size."""
    with chromium(WIDE) as browser:
        page = opened(browser, address, "explore", "light")
        pads = page.locator(".pads")
        pads.scroll_into_view_if_needed()
        first, last = (page.locator(".pad-row").nth(i).bounding_box() for i in (0, 1))
        clip = {"x": first["x"] - 4, "y": first["y"] - 30, "height": first["height"] + 34}
        clip["width"] = last["x"] + last["width"] - first["x"] + 8
        place = page.locator(".pad").nth(1).bounding_box()
        frames = []
        for k in range(FRAMES):
            angle = 2 * math.pi * k / FRAMES
            across, down = 0.5 + 0.27 * math.cos(angle), 0.6 + 0.2 * math.sin(2 * angle)
            page.mouse.move(place["x"] + across * place["width"], place["y"] + down * place["height"])
            page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
            shot = Image.open(BytesIO(page.screenshot(clip=clip))).convert("RGB")
            frames.append(shot.resize((shot.width * 3 // 5, shot.height * 3 // 5), Image.Resampling.LANCZOS))
    palette = frames[0].quantize(200, Image.Quantize.FASTOCTREE)
    frames = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=DURATION, loop=0, optimize=True)
    print(path)


def main() -> None:
    parser = argparse.ArgumentParser(description="Take the pictures of the demo that stand in the README.")
    parser.add_argument("--every", action="store_true", help="also each tab at two widths, light and dark, to look at")
    options = parser.parse_args()
    DESTINATION.mkdir(parents=True, exist_ok=True)
    with demo() as address:
        screenshots(address, DESTINATION, WIDE, "light", whole=False)
        film(address, DESTINATION / "explore.gif")
        if options.every:
            folder = ROOT / "report" / "demo"
            folder.mkdir(parents=True, exist_ok=True)
            for width in (WIDE, PHONE):
                for theme in ("light", "dark"):
                    screenshots(address, folder, width, theme, whole=True)


if __name__ == "__main__":
    main()
