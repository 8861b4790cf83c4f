"""The demo as its visitors meet it, part by part; the server is demo/app.py in a process of its own.

ready     From starting the server to its first answer.
page      A fresh browser opens the page: seconds until the first garment and the first matrices are there, and what
          was sent for, by the browser's own count of encoded bytes.
pad       A mouse moves over the maps of Explore in a real Chromium: frames by the timestamps of the page's animation
          frames, and the script's own work in each of them. Without a GPU the browser draws by the processor and may
          drop frames whatever the page does, so an empty page under the same mouse is measured beside it.
matrix    From a key on the slider "Images a side" to the last new matrix on the screen.
visitors  Clients of gradio_client, in one process beside the server, made before the time starts to run. Each waits a
          moment, uniformly drawn, asks for images of a model, a number and a seed also drawn, waits for the PNG, and so
          on; then the same without a pause. What is under way when the time is over is waited for and counted.
memory    The server's resident memory over many calls through its queue, cycling through models and seeds.
"""

import statistics
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import gengallery
from benchmark.goals import READY, result_line
from benchmark.memory import measure_memory
from benchmark.page import measure_matrix, measure_pad, measure_page
from benchmark.visitors import measure_visitors
from common.browsing import served
from common.timing import describe_machine

PARTS = ("pad", "page", "ready", "matrix", "visitors", "memory")
STARTS = 3  # of the server; their median counts


def measure(visitors: int, minutes: float, data: Path | None, only: Sequence[str] = ()) -> None:
    """Measure these parts, all if there are none, and print a line a figure. Raises RuntimeError if something that it
    needs is missing, ValueError for an unknown part."""
    if unknown := set(only) - set(PARTS):
        raise ValueError(f"--only: expected some of {', '.join(PARTS)}; found {', '.join(sorted(unknown))}")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        raise RuntimeError("--demo needs Playwright: pip install playwright, or make test") from None

    print(describe_machine())
    parts = only or PARTS
    environment = {} if data is None else {"GENGALLERY_DATA": str(data)}
    models, flat = gengallery.list_models(), flat_models()
    if "ready" in parts:
        print(measure_ready(environment), flush=True)
    with served(**environment) as server, sync_playwright() as playwright:
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


def measure_ready(environment: dict[str, str]) -> str:
    """Start the server some times."""
    seconds = []
    for _ in range(STARTS):
        with served(**environment) as server:
            seconds.append(server.seconds)
    note = f"median of {STARTS}, slowest {max(seconds):.1f}"
    return result_line("ready: from the start to the first answer", statistics.median(seconds), READY, note)


def flat_models() -> list[str]:
    """The models that Explore starts with: two latents, and a file that says where the data lies in them."""
    names = [name for name in gengallery.list_models() if gengallery.info(name)["latent"] == 2]
    return [name for name in names if gengallery.load(name).statistics is not None]
