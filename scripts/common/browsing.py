"""The demo served by a process of its own, and a browser that opens it: for bench.py, screenshots.py and the tests."""

import http.client
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Playwright

APP = Path(__file__).resolve().parents[2] / "demo" / "app.py"
HOST = "127.0.0.1"
TIMEOUT = 60  # seconds after which a start, a page or a call has failed
BROWSERS = ("/usr/bin/chromium", "chromium", "chrome", "google-chrome", "chromium-browser")
# The last one keeps the browser on this machine.
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)  # fmt: skip


@dataclass(frozen=True)
class Server:
    """The demo, running."""

    address: str  # ends in a slash
    pid: int
    seconds: float  # from its start to its first answer


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


@contextmanager
def served(**environment: str) -> Iterator[Server]:
    """The demo in a process of its own, with these variables in its environment, stopped at the end; its temporary
    files go with it. Raises RuntimeError if it does not answer within TIMEOUT seconds."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="gengallery-demo-", ignore_cleanup_errors=True) as folder:
        variables = {
            "GRADIO_SERVER_NAME": HOST,
            "GRADIO_SERVER_PORT": str(port),
            "TMPDIR": folder,
        }
        log = Path(folder) / "log"
        with log.open("wb") as output:
            start = time.perf_counter()
            # In a session of its own, so that Ctrl-C reaches the script alone, which then stops the server.
            process = subprocess.Popen(
                [sys.executable, str(APP)], env=os.environ | variables | environment, stdout=output, stderr=output,
                start_new_session=True,
            )  # fmt: skip
        try:
            while not _answers(port):
                if process.poll() is not None or time.perf_counter() - start > TIMEOUT:
                    tail = log.read_text(encoding="utf-8", errors="replace")[-2000:]
                    raise RuntimeError(f"{APP}: expected an answer within {TIMEOUT} s, found:\n{tail}")
                time.sleep(0.02)
            yield Server(f"http://{HOST}:{port}/", process.pid, time.perf_counter() - start)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _answers(port: int) -> bool:
    """Whether the page is there."""
    connection = http.client.HTTPConnection(HOST, port, timeout=TIMEOUT)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def browser_path(playwright: "Playwright") -> str:
    """Where Chromium or Chrome is. Raises RuntimeError if there is none."""
    for path in [os.environ.get("CHROME"), *map(shutil.which, BROWSERS), playwright.chromium.executable_path]:
        if path and Path(path).exists():
            return path
    raise RuntimeError("expected Chrome or Chromium, found none; install one, or name it in CHROME")


@contextmanager
def browser(playwright: "Playwright") -> Iterator["Browser"]:
    """Chromium or Chrome with a fresh profile, without a window. Raises RuntimeError if there is none."""
    running = playwright.chromium.launch(headless=True, executable_path=browser_path(playwright), args=FLAGS)
    try:
        yield running
    finally:
        running.close()
