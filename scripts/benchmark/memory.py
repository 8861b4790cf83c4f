"""The server's resident memory over many calls."""

import http.client
import json
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import urlparse

from benchmark.goals import MEMORY_GROWTH, result_line
from benchmark.visitors import MOST_IMAGES
from common.browsing import TIMEOUT, Server

CALLS, WARM_UP_CALLS, CLIENTS = 10_000, 1_000, 4
READINGS = 10  # of the memory, at even distances


def measure_memory(server: Server, models: Sequence[str]) -> Iterator[str]:
    """Read it before, during and after CALLS calls, which follow some to warm up."""
    try:
        resident_mb(server.pid)
    except OSError:
        yield "memory: not measured: there is no /proc here that tells what a process takes"
        return
    call_many(server.address, models, range(WARM_UP_CALLS))
    readings = [resident_mb(server.pid)]
    for k in range(READINGS):
        first, last = (WARM_UP_CALLS + i * CALLS // READINGS for i in (k, k + 1))
        call_many(server.address, models, range(first, last))
        readings.append(resident_mb(server.pid))
    yield memory_line(readings, CALLS)


def memory_line(readings: Sequence[float], calls: int) -> str:
    """What memory did over `calls` calls, from readings in MB at even distances."""
    whole, second_half = readings[-1] - readings[0], readings[-1] - readings[len(readings) // 2]
    course = " ".join(f"{reading:.0f}" for reading in readings)
    note = f"{whole:+.1f} MB in all {calls}: {course}"
    return result_line(f"memory: growth in the last {calls // 2} calls", second_half, MEMORY_GROWTH, note)


def resident_mb(pid: int) -> float:
    """The resident memory of a process, in MB. Raises OSError where the system doesn't tell."""
    return parse_resident_mb(Path(f"/proc/{pid}/status").read_text(encoding="utf-8"))


def parse_resident_mb(status: str) -> float:
    """The resident memory that the text of /proc/PID/status gives, in MB. Raises OSError if it gives none."""
    found = [line.split() for line in status.splitlines() if line.startswith("VmRSS:")]
    if not found or len(found[0]) != 3 or found[0][2] != "kB":
        raise OSError("status: expected a line VmRSS in kB")
    return int(found[0][1]) / 1024


def call_many(address: str, models: Sequence[str], numbers: range) -> None:
    """Call `generate` once for each number, a few at a time. Raises the first error of those."""
    errors: list[Exception] = []

    def call_some(first: int) -> None:
        client = Client(address)
        try:
            for number in numbers[first::CLIENTS]:
                client.generate(models[number % len(models)], 1 + number % MOST_IMAGES, number)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=call_some, args=[first], daemon=True) for first in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


class Client:
    """Calls `generate` over one connection, by hand: a session of its own each time, as a new visitor would be."""

    def __init__(self, address: str):
        self.connection = http.client.HTTPConnection(urlparse(address).netloc, timeout=TIMEOUT)

    def generate(self, model: str, count: int, seed: int) -> None:
        """Have images made. Raises RuntimeError if none were."""
        path = "/gradio_api/call/generate"
        event = json.loads(self._request("POST", path, json.dumps({"data": [model, count, seed, ""]})))["event_id"]
        answer = self._request("GET", f"{path}/{event}").decode()
        if "event: complete" not in answer:
            raise RuntimeError(f"generate: expected images, found {answer[:500]}")

    def _request(self, method: str, path: str, body: str | None = None) -> bytes:
        self.connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
        return self.connection.getresponse().read()
