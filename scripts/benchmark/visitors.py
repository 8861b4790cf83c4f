"""Many visitors at once; their process is `python -m benchmark.visitors`, run in the folder scripts/."""

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmark.goals import FAILURES, MEDIAN_CALL, SLOW_CALL, percentile, result_line
from common.browsing import HOST, TIMEOUT, Server

SCRIPTS = Path(__file__).resolve().parent.parent
PAUSE = 10  # a visitor's longest, in seconds
MOST_IMAGES = 10  # in a call


@dataclass(frozen=True)
class Load:
    """What many visitors met: seconds of each answered call, what went wrong in the others, and how long it all took.

    `cpu_seconds` is the processor's time that the visitors themselves took: on a small machine they compete with the
    server.
    """

    calls: list[float]
    failures: list[str]
    seconds: float
    cpu_seconds: float


def measure_visitors(server: Server, models: Sequence[str], visitors: int, minutes: float) -> Iterator[str]:
    """Many at once, with pauses and without."""
    for pause, what in ((PAUSE, f"{visitors} pausing 0 to {PAUSE} s"), (0, f"{visitors} without a pause")):
        before = cpu_seconds(server.pid)
        load = run_apart(server.address, models, visitors, 60 * minutes, pause)
        yield from load_lines(what, load, cpu_seconds(server.pid) - before)


def load_lines(what: str, load: Load, server_seconds: float) -> list[str]:
    """What is to be said of a load; `server_seconds` is the processor's time that the server took."""
    rate = f"{len(load.calls)} calls, {len(load.calls) / load.seconds:.1f} a second"
    shares = f"processors: server {server_seconds / load.seconds:.2f}, visitors {load.cpu_seconds / load.seconds:.2f}"
    first = " | ".join(load.failures[:2])
    lines = [result_line(f"visitors: {what}, failures", len(load.failures), FAILURES, first)]
    if load.calls:
        median, slow, slowest = statistics.median(load.calls), percentile(load.calls, 95), max(load.calls)
        lines.append(result_line(f"visitors: {what}, median", median, MEDIAN_CALL, f"{rate}; {shares}"))
        lines.append(result_line(f"visitors: {what}, 95th percentile", slow, SLOW_CALL, f"slowest {slowest:.2f}"))
    return lines


def cpu_seconds(pid: int) -> float:
    """The processor's time that a process took so far, in seconds; nan where the system doesn't tell."""
    try:
        ticks = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[11:13]
    except OSError:
        return float("nan")
    return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")


def run_apart(address: str, models: Sequence[str], visitors: int, seconds: float, pause: float) -> Load:
    """`run_visitors` in a process of its own. Raises RuntimeError if it fails."""
    with tempfile.TemporaryDirectory(prefix="gengallery-visitors-", ignore_cleanup_errors=True) as folder:
        environment = os.environ | {
            "GRADIO_ANALYTICS_ENABLED": "False",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "NO_PROXY": HOST,
            "no_proxy": HOST,
            "TMPDIR": folder,
        }
        command = [sys.executable, "-m", "benchmark.visitors", address, ",".join(models)]
        command += [str(visitors), str(seconds), str(pause)]
        done = subprocess.run(command, cwd=SCRIPTS, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"visitors: expected their calls, found:\n{done.stderr[-2000:]}")
    return Load(**json.loads(done.stdout.splitlines()[-1]))


def run_visitors(address: str, models: Sequence[str], visitors: int, seconds: float, pause: float) -> Load:
    """Let visitors call the demo, from this process; see demo.py's docstring.

    They check no certificates, since there are none: loading the authorities anew for each request would take ten times
    as long as all the rest that a client does.
    """
    from gradio_client import Client

    calls: list[float] = []
    failures: list[str] = []
    with tempfile.TemporaryDirectory(prefix="gengallery-visitors-", ignore_cleanup_errors=True) as folder:
        clients = [
            Client(address, verbose=False, analytics_enabled=False, ssl_verify=False, download_files=folder)
            for _ in range(visitors)
        ]
        start, cpu_start = time.perf_counter(), time.process_time()

        def visit(number: int, client: Client) -> None:
            rng = random.Random(number)
            while True:
                time.sleep(min(pause * rng.random(), max(0, start + seconds - time.perf_counter())))
                call_start = time.perf_counter()
                if call_start >= start + seconds:
                    return
                arguments = rng.choice(models), rng.randint(1, MOST_IMAGES), rng.randrange(2**32)
                try:
                    picture = client.submit(*arguments, api_name="/generate").result(timeout=TIMEOUT)
                    if not Path(picture).read_bytes().startswith(b"\x89PNG"):
                        raise ValueError(f"expected a PNG, found {picture}")
                    calls.append(time.perf_counter() - call_start)
                except Exception as error:  # whatever a visitor may meet is a failure, and told
                    failures.append(f"{type(error).__name__}: {error}"[:200])

        threads = [threading.Thread(target=visit, args=both, daemon=True) for both in enumerate(clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return Load(calls, failures, time.perf_counter() - start, time.process_time() - cpu_start)


def main() -> None:
    """The visitors' own process: prints their Load as JSON."""
    parser = argparse.ArgumentParser(description="Visitors of a demo that runs; see bench.py --demo.")
    for name, kind in (("address", str), ("models", str), ("visitors", int), ("seconds", float), ("pause", float)):
        parser.add_argument(name, type=kind)
    given = parser.parse_args()
    load = run_visitors(given.address, given.models.split(","), given.visitors, given.seconds, given.pause)
    print(json.dumps(asdict(load)))


if __name__ == "__main__":
    main()
