"""Measure the demo as its visitors meet it: `python scripts/bench.py --demo`.

The server is demo/app.py in a process of its own, on a free port; its temporary files go with it.

pad       A mouse moves over the maps of Explore in a real Chromium: frames by the timestamps of the page's animation
          frames, and the script's own work in each of them. Without a GPU the browser draws by the processor and may
          drop frames whatever the page does, so an empty page under the same mouse is measured beside it.
page      A fresh browser profile opens the page: seconds until the first garment and the first matrices are there, and
          what was sent for, by the browser's own count of encoded bytes.
ready     From starting the server to its first answer.
matrix    From a key on the slider "Images a side" to the last new matrix on the screen.
visitors  Clients of gradio_client, in one process beside the server, made before the time starts to run. Each waits a
          moment, uniformly drawn, asks for images of a model, a number and a seed also drawn, waits for the PNG, and so
          on; then the same without a pause. What is under way when the time is over is waited for and counted.
memory    The server's resident memory over many calls through its queue, cycling through models and seeds.
"""

import argparse
import http.client
import json
import os
import random
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlparse

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page, Playwright

ROOT = Path(__file__).resolve().parent.parent
APP = ROOT / "demo" / "app.py"
HOST = "127.0.0.1"


@dataclass(frozen=True)
class Goal:
    """A figure is to be at most `bound`, or, if `least`, at least that."""

    bound: float
    unit: str = ""
    least: bool = False

    def met(self, value: float) -> bool:
        """Whether `value` is good enough; what could not be measured is not."""
        return value >= self.bound if self.least else value <= self.bound

    def __str__(self) -> str:
        return f"{'≥' if self.least else '≤'} {self.bound:g} {self.unit}".rstrip()


FRAME_MS = 17  # a frame at 60 a second, and a little
RATE = Goal(59.5, "a second", least=True)  # 60, as far as a clock tells
QUICK = Goal(95, "%", least=True)  # of the frames, under FRAME_MS
USABLE = Goal(3, "s")
BYTES = Goal(1.2, "MB")
OUTSIDE = Goal(0)
READY = Goal(8, "s")
MATRIX = Goal(300, "ms")
FAILURES = Goal(0)
MEDIAN, SLOW = Goal(1, "s"), Goal(3, "s")  # of the calls of many visitors: the median, the 95th percentile
GROWTH = Goal(10, "MB")  # of memory, in the second half of the calls

STARTS = VISITS = 3  # repetitions
MATRICES = 9
SIDE = 30
MOVING = 6  # seconds over each page's maps
PAUSE = 10  # a visitor's longest, in seconds
MOST_IMAGES = 10  # in a call
PATIENCE = 60  # seconds after which a start, a page or a call has failed
CALLS, WARM_CALLS, CALLERS = 10_000, 1_000, 4  # of the measurement of memory
POINTS = 10  # at which it is read
BROWSERS = ("/usr/bin/chromium", "chromium", "chrome", "google-chrome", "chromium-browser")
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)  # fmt: skip

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
    const painted = canvas => canvas.getContext("2d").getImageData(0, 0, 28, 28).data.some(x => x);
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
# From the next input to the frame after the one in which the last of the pictures has its new size.
UNTIL_MATRIX = """width => {
    window.matrixTook = new Promise(resolve => addEventListener("input", () => {
        const start = performance.now(), images = [...document.querySelectorAll("#explore .pads .matrix-image")];
        const look = () => {
            const there = images.every(image => image.complete && image.naturalWidth === width);
            if (!there) return requestAnimationFrame(look);
            requestAnimationFrame(() => resolve(performance.now() - start));
        };
        requestAnimationFrame(look);
    }, { capture: true, once: true }));
}"""


# -- figures


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest of `values` that at least `share` percent of them do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -int(-len(ordered) * share // 100) - 1)]


def verdict(what: str, value: float, goal: Goal, note: str = "") -> str:
    """A line: what, the figure, the goal, met or not."""
    figure = f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"
    told = f"{what:44}{figure:>8} {goal.unit:10} goal {goal!s:16}{'met' if goal.met(value) else 'NOT met':8}{note}"
    return told.rstrip()


@dataclass(frozen=True)
class Frames:
    """The frames of some seconds: how many a second, percent under FRAME_MS, the script's milliseconds in each that it
    did something in."""

    rate: float
    quick: float
    work: tuple[float, ...]
    seconds: float

    def told(self) -> str:
        """What the script did in them."""
        if not self.work:
            return "nothing was drawn"
        median, slow = statistics.median(self.work), percentile(self.work, 95)
        rate = len(self.work) / self.seconds
        return f"script {median:.1f} ms a frame (95 %: {slow:.1f}), drawn {rate:.0f} times a second"


def frames(stamps: Sequence[float], work: Sequence[float]) -> Frames:
    """What the page noted, in milliseconds: the time of each frame, and the script's work. Raises ValueError if it
    noted less than two frames."""
    if len(stamps) < 2:
        raise ValueError(f"frames: expected at least 2, found {len(stamps)}")
    gaps = [later - earlier for earlier, later in pairwise(stamps)]
    seconds = (stamps[-1] - stamps[0]) / 1000
    quick = 100 * sum(gap < FRAME_MS for gap in gaps) / len(gaps)
    return Frames(len(gaps) / seconds, quick, tuple(work), seconds)


@dataclass
class Traffic:
    """What a page sent for: addresses, and bytes over the wire."""

    addresses: list[str] = field(default_factory=list)
    bytes: float = 0

    def asked(self, address: str) -> None:
        """Note a request, unless the page carries the answer itself."""
        if not address.startswith(("data:", "blob:")):
            self.addresses.append(address)

    @property
    def outside(self) -> list[str]:
        """The addresses that are not this machine's."""
        return [address for address in self.addresses if urlparse(address).hostname != HOST]


@dataclass(frozen=True)
class Load:
    """What many visitors met: seconds of each answered call, what went wrong in the others, and how long it all took.

    `busy` is the processor's time that the visitors themselves took: on a small machine they compete with the server.
    """

    calls: list[float]
    failures: list[str]
    seconds: float
    busy: float


# -- the server


@dataclass(frozen=True)
class Server:
    """The demo, running."""

    address: str
    pid: int
    seconds: float  # until its first answer

    def resident(self) -> float:
        """Its memory in MB. Raises OSError where the system doesn't tell."""
        return resident_mb(Path(f"/proc/{self.pid}/status").read_text(encoding="utf-8"))

    def busy(self) -> float:
        """The processor's time that it took so far, in seconds; nan where the system doesn't tell."""
        try:
            ticks = Path(f"/proc/{self.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[11:13]
        except OSError:
            return float("nan")
        return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")


def resident_mb(status: str) -> float:
    """The resident memory that a file /proc/PID/status tells, in MB."""
    found = [line.split() for line in status.splitlines() if line.startswith("VmRSS:")]
    if not found or len(found[0]) != 3 or found[0][2] != "kB":
        raise OSError("status: expected a line VmRSS in kB")
    return int(found[0][1]) / 1024


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


def answers(port: int) -> bool:
    """Whether the page is there."""
    connection = http.client.HTTPConnection(HOST, port, timeout=PATIENCE)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


@contextmanager
def served(data: Path | None = None) -> Iterator[Server]:
    """The demo in a process of its own, stopped at the end. Raises RuntimeError if it does not start."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="bench-demo-", ignore_cleanup_errors=True) as folder:
        environment = os.environ | {
            "GRADIO_SERVER_NAME": HOST,
            "GRADIO_SERVER_PORT": str(port),
            "GRADIO_TEMP_DIR": str(Path(folder) / "gradio"),
            "TMPDIR": folder,
        }
        if data is not None:
            environment["GENGALLERY_DATA"] = str(data)
        log = Path(folder) / "log"
        with log.open("wb") as said:
            start = time.perf_counter()
            # In a session of its own, so that Ctrl-C reaches this script alone, which then stops the server.
            process = subprocess.Popen(
                [sys.executable, str(APP)], env=environment, stdout=said, stderr=said, start_new_session=True
            )
        try:
            while not answers(port):
                if process.poll() is not None or time.perf_counter() - start > PATIENCE:
                    tail = log.read_text(encoding="utf-8", errors="replace")[-2000:]
                    raise RuntimeError(f"{APP}: expected an answer within {PATIENCE} s, found:\n{tail}")
                time.sleep(0.02)
            yield Server(f"http://{HOST}:{port}/", process.pid, time.perf_counter() - start)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


# -- in a browser


def browser_path(playwright: "Playwright") -> str:
    """Chromium or Chrome. Raises RuntimeError if there is none."""
    for path in [os.environ.get("CHROME"), *map(shutil.which, BROWSERS), playwright.chromium.executable_path]:
        if path and Path(path).exists():
            return path
    raise RuntimeError("expected Chrome or Chromium, found none; install one, or name it in CHROME")


@contextmanager
def browser(playwright: "Playwright") -> Iterator["BrowserContext"]:
    """A browser with a fresh profile."""
    with tempfile.TemporaryDirectory(prefix="bench-demo-", ignore_cleanup_errors=True) as profile:
        context = playwright.chromium.launch_persistent_context(
            profile, headless=True, executable_path=browser_path(playwright), args=list(FLAGS),
            viewport={"width": 1280, "height": 900}, locale="en-US",
        )  # fmt: skip
        context.set_default_timeout(1000 * PATIENCE)
        try:
            yield context
        finally:
            context.close()


def visit(context: "BrowserContext", address: str, traffic: Traffic | None = None) -> tuple["Page", float]:
    """Open the page; returns it, and the seconds until it was usable."""
    page = context.new_page()
    page.add_init_script(USABLE_AT)
    if traffic is not None:
        wire = context.new_cdp_session(page)
        wire.on("Network.requestWillBeSent", lambda event: traffic.asked(event["request"]["url"]))

        def finished(event: dict[str, Any]) -> None:
            traffic.bytes += event["encodedDataLength"]

        wire.on("Network.loadingFinished", finished)
        wire.send("Network.enable")
    page.goto(address)
    page.wait_for_function("() => window.usableAt")
    return page, page.evaluate("() => window.usableAt") / 1000


def measure_page(server: Server, playwright: "Playwright") -> Iterator[str]:
    """Open the page in fresh profiles."""
    seconds, all_traffic = [], []
    for _ in range(VISITS):
        with browser(playwright) as context:
            traffic = Traffic()
            page, usable = visit(context, server.address, traffic)
            page.wait_for_timeout(2000)  # what comes late is counted too
            seconds.append(usable)
            all_traffic.append(traffic)
    most = max(all_traffic, key=lambda traffic: traffic.bytes)
    yield verdict("page: usable", statistics.median(seconds), USABLE, f"median of {VISITS}, slowest {max(seconds):.2f}")
    yield verdict("page: sent over the wire", most.bytes / 1e6, BYTES, f"{len(most.addresses)} requests")
    outside = [address for traffic in all_traffic for address in traffic.outside]
    yield verdict(f"page: requests that leave {HOST}", len(outside), OUTSIDE, " ".join(outside[:3]))


def sweep(page: "Page", box: dict[str, float]) -> Frames:
    """Move the mouse about in a box for some seconds, and watch the frames."""
    corners = [(0.1, 0.2), (0.9, 0.35), (0.15, 0.6), (0.85, 0.9), (0.5, 0.1), (0.3, 0.85), (0.8, 0.15), (0.2, 0.4)]
    x, y, width, height = (box[name] for name in ("x", "y", "width", "height"))
    page.mouse.move(x + width / 2, y + height / 2)
    page.evaluate("() => probe.start()")
    end, k = time.perf_counter() + MOVING, 0
    while time.perf_counter() < end:
        u, v = corners[k % len(corners)]
        page.mouse.move(x + u * width, y + v * height, steps=20)  # the browser takes one a frame
        k += 1
    return frames(*page.evaluate("() => probe.stop()"))


def choices(flat: Sequence[str]) -> dict[str, str]:
    """What Explore can show of these models: all, and each alone; with the query that asks for it."""
    found = {" and ".join(flat): "?tab=explore"} if len(flat) > 1 else {}
    return found | {name: f"?tab=explore&models={name}" for name in flat}


def measure_pad(server: Server, playwright: "Playwright", flat: Sequence[str]) -> Iterator[str]:
    """Frames over the maps, beside those of an empty page."""
    with browser(playwright) as context:
        context.add_init_script(PROBE)
        page = context.new_page()
        page.goto("data:text/html,<body>empty")
        empty = sweep(page, {"x": 300, "y": 300, "width": 300, "height": 300})
        yield verdict("pad: an empty page, frames", empty.rate, RATE)
        yield verdict(f"pad: an empty page, under {FRAME_MS} ms", empty.quick, QUICK)
        for name, query in choices(flat).items():
            page, _ = visit(context, server.address + query)
            box = page.locator("#explore .pads .pad").first.bounding_box()
            assert box is not None  # it is on the screen, or the page would not have been usable
            found = sweep(page, {name: float(box[name]) for name in ("x", "y", "width", "height")})  # type: ignore[literal-required]
            share = f"{100 * found.rate / empty.rate:.0f} % of the empty page's; {found.told()}"
            yield verdict(f"pad: {name}, frames", found.rate, RATE, share)
            yield verdict(f"pad: {name}, under {FRAME_MS} ms", found.quick, QUICK)
            page.close()


def measure_matrix(server: Server, playwright: "Playwright", flat: Sequence[str]) -> Iterator[str]:
    """Matrices of SIDE x SIDE, each after a smaller one."""
    with browser(playwright) as context:
        for name, query in choices(flat).items():
            page, _ = visit(context, f"{server.address}{query}&side={SIDE - 1}")
            slider = page.locator("#explore input[name=side]")
            slider.focus()
            taken = []
            for _ in range(MATRICES):
                taken.append(step_side(page, "ArrowRight", SIDE))
                step_side(page, "ArrowLeft", SIDE - 1)
            note = f"median of {MATRICES}, slowest {max(taken):.0f}"
            yield verdict(f"matrix: {SIDE} x {SIDE} of {name}", statistics.median(taken), MATRIX, note)
            page.close()


def step_side(page: "Page", key: str, side: int) -> float:
    """Press a key on the slider: milliseconds until all matrices have `side` images a side."""
    page.evaluate(UNTIL_MATRIX, 28 * side)
    page.keyboard.press(key)
    taken = page.evaluate("() => window.matrixTook")
    page.wait_for_timeout(400)  # until nothing of it is under way
    return taken


# -- many visitors


def run_visitors(address: str, models: Sequence[str], visitors: int, seconds: float, pause: float) -> Load:
    """Let visitors call the demo, from this process; see the file's docstring.

    They check no certificates, since there are none: loading the authorities anew for each request would take ten times
    as long as all the rest that a client does.
    """
    from gradio_client import Client

    calls: list[float] = []
    failures: list[str] = []
    with tempfile.TemporaryDirectory(prefix="bench-demo-", ignore_cleanup_errors=True) as folder:
        clients = [
            Client(address, verbose=False, analytics_enabled=False, ssl_verify=False, download_files=folder)
            for _ in range(visitors)
        ]
        start, busy = time.perf_counter(), time.process_time()

        def stay(number: int, client: Client) -> None:
            rng = random.Random(number)
            while True:
                time.sleep(min(pause * rng.random(), max(0, start + seconds - time.perf_counter())))
                asked = time.perf_counter()
                if asked >= start + seconds:
                    return
                wish = rng.choice(models), rng.randint(1, MOST_IMAGES), rng.randrange(2**32)
                try:
                    picture = client.submit(*wish, api_name="/generate").result(timeout=PATIENCE)
                    if not Path(picture).read_bytes().startswith(b"\x89PNG"):
                        raise ValueError(f"expected a PNG, found {picture}")
                    calls.append(time.perf_counter() - asked)
                except Exception as error:  # whatever a visitor may meet is a failure, and told
                    failures.append(f"{type(error).__name__}: {error}"[:200])

        threads = [threading.Thread(target=stay, args=both, daemon=True) for both in enumerate(clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return Load(calls, failures, time.perf_counter() - start, time.process_time() - busy)


def load_apart(address: str, models: Sequence[str], visitors: int, seconds: float, pause: float) -> Load:
    """`run_visitors` in a process of its own. Raises RuntimeError if it fails."""
    with tempfile.TemporaryDirectory(prefix="bench-demo-", ignore_cleanup_errors=True) as folder:
        environment = os.environ | {
            "GRADIO_ANALYTICS_ENABLED": "False",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "NO_PROXY": HOST,
            "no_proxy": HOST,
            "TMPDIR": folder,
        }
        command = [sys.executable, str(Path(__file__).resolve()), address, ",".join(models)]
        command += [str(visitors), str(seconds), str(pause)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"visitors: expected their calls, found:\n{done.stderr[-2000:]}")
    return Load(**json.loads(done.stdout.splitlines()[-1]))


def load_lines(what: str, load: Load, server_busy: float) -> list[str]:
    """What is to be said of a load; `server_busy` is the processor's time that the server took."""
    rate = f"{len(load.calls)} calls, {len(load.calls) / load.seconds:.1f} a second"
    shares = f"processors: server {server_busy / load.seconds:.2f}, visitors {load.busy / load.seconds:.2f}"
    lines = [verdict(f"visitors: {what}, failures", len(load.failures), FAILURES, " | ".join(load.failures[:2]))]
    if load.calls:
        lines.append(verdict(f"visitors: {what}, median", statistics.median(load.calls), MEDIAN, f"{rate}; {shares}"))
        slow, slowest = percentile(load.calls, 95), f"slowest {max(load.calls):.2f}"
        lines.append(verdict(f"visitors: {what}, 95th percentile", slow, SLOW, slowest))
    return lines


def measure_visitors(server: Server, models: Sequence[str], visitors: int, minutes: float) -> Iterator[str]:
    """Many at once, with pauses and without."""
    for pause, what in ((PAUSE, f"{visitors} pausing 0 to {PAUSE} s"), (0, f"{visitors} without a pause")):
        busy = server.busy()
        load = load_apart(server.address, models, visitors, 60 * minutes, pause)
        yield from load_lines(what, load, server.busy() - busy)


# -- memory


class Caller:
    """Calls `generate` over one connection, by hand: a session of its own each time, as a new visitor would be."""

    def __init__(self, address: str):
        self.connection = http.client.HTTPConnection(urlparse(address).netloc, timeout=PATIENCE)

    def generate(self, model: str, count: int, seed: int) -> None:
        """Have images made. Raises RuntimeError if none were."""
        path = "/gradio_api/call/generate"
        body = json.dumps({"data": [model, count, seed, ""]})
        event = json.loads(self._ask("POST", path, body))["event_id"]
        said = self._ask("GET", f"{path}/{event}").decode()
        if "event: complete" not in said:
            raise RuntimeError(f"generate: expected images, found {said[:500]}")

    def _ask(self, method: str, path: str, body: str | None = None) -> bytes:
        self.connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
        return self.connection.getresponse().read()


def call_many(address: str, models: Sequence[str], numbers: range) -> None:
    """Call `generate` once for each number, a few at a time. Raises the first error of those."""
    errors: list[Exception] = []

    def some(first: int) -> None:
        caller = Caller(address)
        try:
            for number in numbers[first::CALLERS]:
                caller.generate(models[number % len(models)], 1 + number % MOST_IMAGES, number)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=some, args=[first], daemon=True) for first in range(CALLERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def measure_memory(server: Server, models: Sequence[str], calls: int = CALLS, warm: int = WARM_CALLS) -> Iterator[str]:
    """Resident memory before, during and after `calls` calls, which follow some to warm up."""
    try:
        server.resident()
    except OSError:
        yield "memory: not measured: there is no /proc here that tells what a process takes"
        return
    call_many(server.address, models, range(warm))
    readings = [server.resident()]
    for k in range(POINTS):
        call_many(server.address, models, range(warm + k * calls // POINTS, warm + (k + 1) * calls // POINTS))
        readings.append(server.resident())
    yield memory_line(readings, calls)


def memory_line(readings: Sequence[float], calls: int) -> str:
    """What memory did over `calls` calls, from readings in MB at even distances."""
    whole, second = readings[-1] - readings[0], readings[-1] - readings[len(readings) // 2]
    course = " ".join(f"{reading:.0f}" for reading in readings)
    note = f"{whole:+.1f} MB in all {calls}: {course}"
    return verdict(f"memory: growth in the last {calls // 2} calls", second, GROWTH, note)


# -- all of it

PARTS = ("pad", "page", "ready", "matrix", "visitors", "memory")


def flat_models() -> list[str]:
    """The models that Explore starts with: two latents, and a file that says where the data lies in them."""
    import gengallery

    names = [name for name in gengallery.list_models() if gengallery.info(name)["latent"] == 2]
    return [name for name in names if gengallery.load(name).statistics is not None]


def measure(visitors: int, minutes: float, data: Path | None, only: Sequence[str] = ()) -> None:
    """Measure these parts, all if there are none, and print a line a figure. Raises RuntimeError if something that it
    needs is missing, ValueError for an unknown part."""
    import gengallery

    if unknown := set(only) - set(PARTS):
        raise ValueError(f"--only: expected some of {', '.join(PARTS)}; found {', '.join(sorted(unknown))}")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        raise RuntimeError("--demo needs Playwright: pip install playwright, or make test") from None

    parts = only or PARTS
    models, flat = gengallery.list_models(), flat_models()
    if "ready" in parts:
        seconds = []
        for _ in range(STARTS):
            with served(data) as server:
                seconds.append(server.seconds)
        note = f"median of {STARTS}, slowest {max(seconds):.1f}"
        print(verdict("ready: from the start to the first answer", statistics.median(seconds), READY, note), flush=True)
    with served(data) as server, sync_playwright() as playwright:
        measurements: dict[str, Callable[[], Iterator[str]]] = {
            "page": lambda: measure_page(server, playwright),
            "pad": lambda: measure_pad(server, playwright, flat),
            "matrix": lambda: measure_matrix(server, playwright, flat),
            "visitors": lambda: measure_visitors(server, models, visitors, minutes),
            "memory": lambda: measure_memory(server, models),
        }
        for part, lines in measurements.items():
            if part in parts:
                for line in lines():
                    print(line, flush=True)


def main() -> None:
    """The visitors' own process."""
    parser = argparse.ArgumentParser(description="Visitors of a demo that runs; see bench.py --demo.")
    for name, kind in (("address", str), ("models", str), ("visitors", int), ("seconds", float), ("pause", float)):
        parser.add_argument(name, type=kind)
    given = parser.parse_args()
    load = run_visitors(given.address, given.models.split(","), given.visitors, given.seconds, given.pause)
    print(json.dumps(asdict(load)))


if __name__ == "__main__":
    main()
