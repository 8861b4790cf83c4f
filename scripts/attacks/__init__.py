"""Attacks on the demo, a file each, which alone has to be added for another: `attack(server, scale)` makes so many
requests times `scale` and returns the Outcome. What they share is in common.py."""

import time
from importlib import import_module
from pathlib import Path

from attacks.common import Outcome, memory
from common.browsing import served

FOLDER = Path(__file__).resolve().parent
NAMES = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem not in ("__init__", "common"))
MOST_MB = 150  # that may stay after the attacks
CALM = 90  # seconds in which memory may come back
WORKED = 100  # normal calls, several at once, before the memory is first measured: what work takes once is no leak


def run(names: list[str], scale: float = 1) -> bool:
    """Run the attacks of these `names` on a demo of their own, print the table, and return whether it held."""
    held = True
    with served(GRADIO_MCP_SERVER="True") as server:
        common = import_module("attacks.common")
        common.at_once(lambda seed: common.call(server, "generate", ["vae_2", 10, seed, ""]), WORKED)
        import_module("attacks.crowd").look_around(server)
        before = memory(server.pid)
        print(f"{'attack':12} {'tried':>7} {'refused':>8} {'answered':>9} {'failed':>7} {'seconds':>8} {'MB after':>9}")
        for name in names:
            start = time.monotonic()
            outcome: Outcome = import_module(f"attacks.{name}").attack(server, scale)
            seconds = time.monotonic() - start
            counts = f"{outcome.tried:7} {outcome.refused:8} {outcome.answered:9} {outcome.failed:7}"
            print(f"{name:12} {counts} {seconds:8.1f} {memory(server.pid):9.0f}", flush=True)
            for line in outcome.failures[:5]:
                print(f"    {line}")
            held = held and not outcome.failed
        after = calmed(server.pid, before + MOST_MB)
        seconds = common.call(server, "generate", ["vae_2", 2, 1, ""]).seconds
    print(f"memory: {before:.0f} MB before, {after:.0f} after; a normal call takes {seconds:.2f} s")
    return held and after - before <= MOST_MB


def calmed(pid: int, enough: float) -> float:
    """The memory of a process in MB, once it is `enough`, or after CALM seconds."""
    end = time.monotonic() + CALM
    while (found := memory(pid)) > enough and time.monotonic() < end:
        time.sleep(1)
    return found
