"""The page in a browser: how soon it is usable, its frames under a moving mouse, and how soon new matrices come."""

import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from urllib.parse import urlparse

from benchmark.goals import (
    BYTES,
    FRAME_MS,
    FRAME_RATE,
    FRAMES_IN_TIME,
    MATRIX,
    OUTSIDE_REQUESTS,
    USABLE,
    percentile,
    result_line,
)
from common.browsing import HOST, TIMEOUT, Server, browser

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page, Playwright

VISITS = 3  # of the page, each by a fresh browser
MOUSE_SECONDS = 6  # over each page's maps
MATRICES = 9
SIDE = 30  # images along each side of a matrix

# Notes, while it is asked to, the time of each frame, and how long the page's own callbacks took in it.
PROBE = """(() => {
    const next = window.requestAnimationFrame.bind(window);
    let running = false, stamps = [], work = new Map();
    window.requestAnimationFrame = callback => next(now => {
        const start = performance.now();
        try {
            callback(now);
        } finally {
            if (running) work.set(now, (work.get(now) ?? 0) + performance.now() - start);
        }
    });
    const tick = now => {
        if (!running) return;
        stamps.push(now);
        next(tick);
    };
    window.probe = {
        start() {
            [running, stamps, work] = [true, [], new Map()];
            next(tick);
        },
        stop() {
            running = false;
            return [stamps, [...work.values()]];
        },
    };
})()"""
# Notes when the first garments are painted and all matrices shown, in milliseconds since the navigation.
USABLE_AT = """(() => {
    const painted = canvas =>
        canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.some(x => x);
    const look = () => {
        const columns = [...document.querySelectorAll("#explore .pad-column")];
        const there = column => {
            const image = column.querySelector(".matrix-image");
            return image.complete && image.naturalWidth && painted(column.querySelector(".decoded"));
        };
        if (columns.length && columns.every(there)) window.usableAt = performance.now();
        else requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
})()"""
# From the next input to the frame after the one in which the last of the matrices has become so many times as wide.
UNTIL_MATRIX = """times => {
    window.matrixTook = new Promise(resolve => addEventListener("input", () => {
        const start = performance.now(), images = [...document.querySelectorAll("#explore .pads .matrix-image")];
        const widths = images.map(image => Math.round(times * image.naturalWidth));
        const look = () => {
            const there = images.every((image, i) => image.complete && image.naturalWidth === widths[i]);
            if (!there) return requestAnimationFrame(look);
            requestAnimationFrame(() => resolve(performance.now() - start));
        };
        requestAnimationFrame(look);
    }, { capture: true, once: true }));
}"""


@dataclass
class Traffic:
    """What a page sent for: addresses, and bytes over the wire."""

    addresses: list[str] = field(default_factory=list)
    bytes: float = 0

    def note_request(self, address: str) -> None:
        """Note a request, unless the page carries the answer itself."""
        if not address.startswith(("data:", "blob:")):
            self.addresses.append(address)

    @property
    def outside(self) -> list[str]:
        """The addresses that are not this machine's."""
        return [address for address in self.addresses if urlparse(address).hostname != HOST]


@dataclass(frozen=True)
class Frames:
    """The frames of some seconds: how many a second, percent under FRAME_MS, the script's milliseconds in each that it
    did something in."""

    rate: float
    in_time: float
    work: tuple[float, ...]
    seconds: float

    @classmethod
    def of(cls, stamps: Sequence[float], work: Sequence[float]) -> "Frames":
        """What PROBE noted, in milliseconds: the time of each frame, and the script's work. Raises ValueError if it
        noted less than two frames."""
        if len(stamps) < 2:
            raise ValueError(f"frames: expected at least 2, found {len(stamps)}")
        gaps = [later - earlier for earlier, later in pairwise(stamps)]
        seconds = (stamps[-1] - stamps[0]) / 1000
        in_time = 100 * sum(gap < FRAME_MS for gap in gaps) / len(gaps)
        return cls(len(gaps) / seconds, in_time, tuple(work), seconds)

    def describe_work(self) -> str:
        """What the script did in them."""
        if not self.work:
            return "nothing was drawn"
        median, slow = statistics.median(self.work), percentile(self.work, 95)
        rate = len(self.work) / self.seconds
        return f"script {median:.1f} ms a frame (95 %: {slow:.1f}), drawn {rate:.0f} times a second"


@contextmanager
def fresh_context(playwright: "Playwright") -> Iterator["BrowserContext"]:
    """A context of a browser of its own, without anything that an earlier one kept."""
    with browser(playwright) as running:
        context = running.new_context(viewport={"width": 1280, "height": 900}, locale="en-US")
        context.set_default_timeout(1000 * TIMEOUT)
        yield context


def visit(context: "BrowserContext", address: str, traffic: Traffic | None = None) -> tuple["Page", float]:
    """Open the page; returns it, and the seconds until it was usable."""
    page = context.new_page()
    page.add_init_script(USABLE_AT)
    if traffic is not None:
        wire = context.new_cdp_session(page)
        wire.on("Network.requestWillBeSent", lambda event: traffic.note_request(event["request"]["url"]))

        def finished(event: dict[str, Any]) -> None:
            traffic.bytes += event["encodedDataLength"]

        wire.on("Network.loadingFinished", finished)
        wire.send("Network.enable")
    page.goto(address)
    page.wait_for_function("() => window.usableAt")
    return page, page.evaluate("() => window.usableAt") / 1000


def measure_page(server: Server, playwright: "Playwright") -> Iterator[str]:
    """Open the page in fresh browsers."""
    seconds, all_traffic = [], []
    for _ in range(VISITS):
        with fresh_context(playwright) as context:
            traffic = Traffic()
            page, usable = visit(context, server.address, traffic)
            page.wait_for_timeout(2000)  # what comes late is counted too
            seconds.append(usable)
            all_traffic.append(traffic)
    most = max(all_traffic, key=lambda traffic: traffic.bytes)
    note = f"median of {VISITS}, slowest {max(seconds):.2f}"
    yield result_line("page: usable", statistics.median(seconds), USABLE, note)
    yield result_line("page: sent over the wire", most.bytes / 1e6, BYTES, f"{len(most.addresses)} requests")
    outside = [address for traffic in all_traffic for address in traffic.outside]
    yield result_line(f"page: requests that leave {HOST}", len(outside), OUTSIDE_REQUESTS, " ".join(outside[:3]))


def measure_pad(server: Server, playwright: "Playwright", flat: Sequence[str]) -> Iterator[str]:
    """Frames over the maps, beside those of an empty page."""
    with fresh_context(playwright) as context:
        context.add_init_script(PROBE)
        page = context.new_page()
        page.goto("data:text/html,<body>empty")
        empty = move_mouse(page, {"x": 300, "y": 300, "width": 300, "height": 300})
        yield result_line("pad: an empty page, frames", empty.rate, FRAME_RATE)
        yield result_line(f"pad: an empty page, under {FRAME_MS} ms", empty.in_time, FRAMES_IN_TIME)
        for name, query in choices(flat).items():
            page, _ = visit(context, server.address + query)
            box = page.locator("#explore .pads .pad").first.bounding_box()
            assert box is not None  # it is on the screen, or the page would not have been usable
            found = move_mouse(page, {name: float(box[name]) for name in ("x", "y", "width", "height")})  # type: ignore[literal-required]
            share = f"{100 * found.rate / empty.rate:.0f} % of the empty page's; {found.describe_work()}"
            yield result_line(f"pad: {name}, frames", found.rate, FRAME_RATE, share)
            yield result_line(f"pad: {name}, under {FRAME_MS} ms", found.in_time, FRAMES_IN_TIME)
            page.close()


def measure_matrix(server: Server, playwright: "Playwright", flat: Sequence[str]) -> Iterator[str]:
    """Matrices of SIDE x SIDE, each after a smaller one."""
    with fresh_context(playwright) as context:
        for name, query in choices(flat).items():
            page, _ = visit(context, f"{server.address}{query}&side={SIDE - 1}")
            page.locator("#explore input[name=side]").focus()
            milliseconds = []
            for _ in range(MATRICES):
                milliseconds.append(press_on_slider(page, "ArrowRight", SIDE / (SIDE - 1)))
                press_on_slider(page, "ArrowLeft", (SIDE - 1) / SIDE)
            note = f"median of {MATRICES}, slowest {max(milliseconds):.0f}"
            yield result_line(f"matrix: {SIDE} x {SIDE} of {name}", statistics.median(milliseconds), MATRIX, note)
            page.close()


def choices(flat: Sequence[str]) -> dict[str, str]:
    """What Explore can show of these models: all, and each alone; with the query that asks for it."""
    found = {" and ".join(flat): "?tab=explore"} if len(flat) > 1 else {}
    return found | {name: f"?tab=explore&models={name}" for name in flat}


def move_mouse(page: "Page", box: dict[str, float]) -> Frames:
    """Move the mouse about in a box for some seconds, and watch the frames."""
    corners = [(0.1, 0.2), (0.9, 0.35), (0.15, 0.6), (0.85, 0.9), (0.5, 0.1), (0.3, 0.85), (0.8, 0.15), (0.2, 0.4)]
    x, y, width, height = (box[name] for name in ("x", "y", "width", "height"))
    page.mouse.move(x + width / 2, y + height / 2)
    page.evaluate("() => probe.start()")
    end, k = time.perf_counter() + MOUSE_SECONDS, 0
    while time.perf_counter() < end:
        u, v = corners[k % len(corners)]
        page.mouse.move(x + u * width, y + v * height, steps=20)  # the browser takes one a frame
        k += 1
    return Frames.of(*page.evaluate("() => probe.stop()"))


def press_on_slider(page: "Page", key: str, times: float) -> float:
    """Press a key on the slider: milliseconds until all matrices are `times` as wide."""
    page.evaluate(UNTIL_MATRIX, times)
    page.keyboard.press(key)
    milliseconds = page.evaluate("() => window.matrixTook")
    page.wait_for_timeout(400)  # until nothing of it is under way
    return milliseconds
