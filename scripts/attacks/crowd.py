"""A crowd: attackers who ask for as much as they may, or more, and seldom listen; beside them, visitors at every tab.

The attackers ask the tab Reconstruction for ten pictures by every model, which costs too much, and for as many pictures
by the models that search as one request may have. Some listen to the answers, some go away at once. The visitors are to
see the first pictures of what they ask for in time: SOON for SHARE of them, LATE for all.
"""

import asyncio
import random
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

import httpx

from attacks.common import Outcome
from common.browsing import Server

ATTACKERS, SECONDS, WARM = 40, 60.0, 8.0
SOON, LATE, SHARE = 3.0, 10.0, 0.95  # seconds
LIMIT = 60.0  # seconds that a visitor waits
PAUSE = 2.0  # seconds between two things that a visitor asks for, at most


@dataclass
class Crowd:
    """What visitors met, seconds to the first pictures by tab; and how the attackers fared."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    tried: int = 0
    refused: int = 0
    tabs: int = 0  # that have a visitor

    @property
    def calls(self) -> list[float]:
        """The seconds of all visitors' calls."""
        return sorted(seconds for each in self.seconds.values() for seconds in each)

    def __str__(self) -> str:
        calls = self.calls
        soon = sum(seconds <= SOON for seconds in calls) / len(calls)
        return (
            f"visitors of {len(self.seconds)} tabs: {len(calls)} calls, median {calls[len(calls) // 2]:.2f} s, "
            f"{soon:.1%} within {SOON:g} s, slowest {calls[-1]:.2f} s; {len(self.failures)} failed"
        )


def attack(server: Server, scale: float) -> Outcome:
    """With fewer attackers, by the `scale`, the visitors' times don't count: in a few seconds, one says little."""
    found = asyncio.run(crowd(server.address, max(4, int(ATTACKERS * scale)), max(10.0, SECONDS * scale)))
    calls = found.calls
    outcome = Outcome(found.tried + len(calls), found.refused, found.tried - found.refused + len(calls), found.failures)
    print(f"    {found}")
    if not calls or len(found.seconds) < found.tabs:
        outcome.failures.append(f"visitors: expected answers at {found.tabs} tabs, found {len(found.seconds)}")
    elif scale >= 1 and (calls[int(SHARE * len(calls))] > SOON or calls[-1] > LATE):
        outcome.failures.append(str(found))
    return outcome


def look_around(server: Server) -> None:
    """Visit every tab for a while: what the demo loads when it is first asked for stays."""
    asyncio.run(crowd(server.address, 0, WARM))


class Page:
    """The demo as its configuration describes it: which call draws which tab, and from what."""

    def __init__(self, config: dict[str, Any]):
        self.components = {component["id"]: component for component in config["components"]}
        ids = {
            component["props"].get("elem_id"): component["id"]
            for component in config["components"]
            if component["props"].get("elem_id")
        }
        self.tabs: dict[str, dict[str, Any]] = {}  # by the tab's name: the call that draws it
        for name in ("reconstruction", "morph", "generate", "steer", "memory", "learning"):
            for dependency in config["dependencies"]:
                if (
                    ids.get(name) in dependency["outputs"]
                    and len(dependency["inputs"]) > 1
                    and dependency["backend_fn"]
                ):
                    self.tabs[name] = dependency
        self.explore = ids.get("explore")
        self.flat = next(iter(self.components[self.explore]["props"]["props"]["start"]), None) if self.explore else None

    def values(self, tab: str, **changed: Any) -> list[Any]:
        """What the inputs of a tab hold at the start, the wish first; those named by their labels `changed`."""
        found = []
        for number, key in enumerate(self.tabs[tab]["inputs"]):
            props = self.components[key]["props"]
            label = str(props.get("label"))
            value = next((new for name, new in changed.items() if name in label), props.get("value"))
            found.append(f"{random.randrange(10**9)} wish" if number == 0 else value)
        return found


async def ask(client: httpx.AsyncClient, page: Page, tab: str, values: list[Any]) -> float:
    """Ask for a tab as its page does; returns the seconds until the first pictures came."""
    call, session = page.tabs[tab], uuid.uuid4().hex
    body = {"data": values, "fn_index": call["id"], "session_hash": session, "event_data": None}
    began = time.perf_counter()
    if not call["queue"]:
        answer = await client.post("gradio_api/run/predict", json=body)
        answer.raise_for_status()
        if "<img" not in answer.text:
            raise ValueError(f"{tab}: expected pictures, found {answer.text[:200]}")
        return time.perf_counter() - began
    (await client.post("gradio_api/queue/join", json=body)).raise_for_status()
    first = None
    async with client.stream("GET", "gradio_api/queue/data", params={"session_hash": session}) as stream:
        async for line in stream.aiter_lines():
            if first is None and "<img" in line:
                first = time.perf_counter() - began
            if '"process_completed"' in line:
                if first is None:
                    raise ValueError(f"{tab}: expected pictures, found {line[:300]}")
                break
    assert first is not None
    return first


async def visit(address: str, page: Page, tab: str, crowd: Crowd, end: float) -> None:
    """A visitor who looks at one tab, with another seed each time."""
    async with httpx.AsyncClient(base_url=address, timeout=LIMIT, verify=False, trust_env=False) as client:
        while time.perf_counter() < end:
            seed = random.randrange(10**6)
            try:
                if tab == "explore":
                    began = time.perf_counter()
                    data = {"model": page.flat, "plane": "latents", "seed": 0, "side": 12, "area": [-1, 1, -1, 1]}
                    body = {
                        "data": data,
                        "fn_name": "matrix",
                        "component_id": page.explore,
                        "session_hash": "x" + str(seed),
                    }
                    answer = await client.post("gradio_api/component_server", json=body)
                    answer.raise_for_status()
                    if "image" not in answer.text:
                        raise ValueError(f"explore: expected a picture, found {answer.text[:200]}")
                    seconds = time.perf_counter() - began
                elif tab == "compare":
                    began = time.perf_counter()
                    (await client.get("")).raise_for_status()
                    seconds = time.perf_counter() - began
                else:
                    seconds = await ask(client, page, tab, page.values(tab, seed=seed))
                crowd.seconds.setdefault(tab, []).append(seconds)
            except Exception as error:  # whatever a visitor may meet is a failure, and told
                crowd.failures.append(f"{tab}: {type(error).__name__}: {error}"[:200])
            await asyncio.sleep(PAUSE * random.random())


async def harm(address: str, page: Page, searching: list[str], everything: list[str], crowd: Crowd, end: float) -> None:
    """An attacker."""
    async with httpx.AsyncClient(base_url=address, timeout=LIMIT, verify=False, trust_env=False) as client:
        while time.perf_counter() < end:
            session = uuid.uuid4().hex
            for models in (everything, searching, searching, searching):
                values = page.values("reconstruction", models=models, seed=random.randrange(10**6))
                body = {"data": values, "fn_index": page.tabs["reconstruction"]["id"], "session_hash": session}
                crowd.tried += 1
                try:
                    answer = await client.post("gradio_api/queue/join", json=body)
                    crowd.refused += answer.status_code >= 400
                except httpx.HTTPError:
                    crowd.refused += 1
            if random.random() < 0.5:
                await asyncio.sleep(1)
                continue
            try:
                async with client.stream("GET", "gradio_api/queue/data", params={"session_hash": session}) as stream:
                    async for line in stream.aiter_lines():
                        done = '"process_completed"' in line
                        crowd.refused += done and "<img" not in line
                        if time.perf_counter() > end or "close_stream" in line:
                            break
            except httpx.HTTPError:
                pass


async def crowd(address: str, attackers: int, seconds: float) -> Crowd:
    """A visitor at every tab, and so many attackers, for so long."""
    async with httpx.AsyncClient(base_url=address, timeout=LIMIT, verify=False, trust_env=False) as client:
        page = Page((await client.get("config")).json())
    choices = page.components[page.tabs["reconstruction"]["inputs"][1]]["props"]["choices"]
    everything = [value for _, value in choices]
    searching = [value for value in everything if value.startswith("gan")]
    tabs = [*page.tabs, "explore", "compare"]
    found, end = Crowd(tabs=len(tabs)), time.perf_counter() + seconds
    await asyncio.gather(
        *(visit(address, page, tab, found, end) for tab in tabs),
        *(harm(address, page, searching, everything, found, end) for _ in range(attackers)),
    )
    return found
