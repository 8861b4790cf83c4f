"""The demo's server under requests that nobody would make: every address, every call, the queue, the parts of the page
and the tools, from a seed. GENGALLERY_FUZZ_SEED names it, GENGALLERY_FUZZ_SECONDS how long it goes on."""

import json
import os
import random
import time
from typing import Any

import pytest

from attacks.common import JSON, Answer, ask, call, form, leaks, memory, post, seen_from
from common.browsing import Server, served

SEED = int(os.environ.get("GENGALLERY_FUZZ_SEED") or random.SystemRandom().randrange(10**6))
SECONDS = float(os.environ.get("GENGALLERY_FUZZ_SECONDS", "25"))
MOST_MB = 150  # that may stay
WORST = 20  # seconds of one answer, on a busy machine
METHODS = ["GET", "GET", "POST", "POST", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "X"]
STEMS = [
    "", "config", "theme.css", "assets/", "static/", "files/", "files/static/page.js", "gradio_api/", "login",
    "robots.txt", "monitoring", "svelte/", "manifest.json", "docs", "openapi.json", "redoc",
]  # fmt: skip
ENDPOINTS = [
    "info", "openapi.json", "startup-events", "app_id", "heartbeat/", "queue/data", "queue/status", "queue/join",
    "call/", "call/v2/", "run/", "api/", "component_server", "component_server/", "cancel", "reset", "upload",
    "upload_progress", "file=", "proxy=", "stream/", "deep_link", "dev/reload", "process_recording",
    "custom_component/", "vibe-edit", "mcp", "mcp/", "mcp/schema", "mcp/sse", "mcp/messages/", "user", "token",
    "runs",
]  # fmt: skip
ODD = [
    "", "x", "0", "-1", "..", "../..", "%00", "%ff", "%2e%2e%2f", "%0d%0a", "/etc/passwd", "http://127.0.0.1:9/",
    "%C3%A9", "\\", "?", "?session_hash=", "?session_hash=x", "?session_hash[]=", "?page=x", "?deep_link=../x",
    "?all_endpoints=1", "?tools=x", "generate", "reconstruct", "latent_grid", "predict", "x" * 300,
    "?__theme=dark&tab=%22", ";", "*", "{}",
]  # fmt: skip
TEXTS = [
    "", "x", "é\U0001f600", "\0", "\ud800", "../../etc/passwd", "<script>", "x" * 10_000, "ae_2", "vae_2", "Bag",
    "data:,", "1", "data:image/png;base64,AAAA", "http://127.0.0.1:9/x", "gradio.FileData", "__init__", "None",
]  # fmt: skip
NUMBERS = [0, 1, -1, 2, 10, 0.5, -0.0, 1e308, 1e400, float("nan"), 2**31, 2**53, 2**63, 10**30, True]
KEYS = ["path", "url", "meta", "_type", "data", "model", "side", "area", "seed", "plane", "x"]


@pytest.fixture(scope="module")
def server():
    with served(GRADIO_MCP_SERVER="True") as running:
        yield running


class Fuzzer:
    """Requests from a seed, near enough to sound ones that they come far."""

    def __init__(self, seed: int, config: dict):
        self.rng = random.Random(seed)
        self.calls = [one for one in config["dependencies"] if one["backend_fn"]]
        self.ids = [one["id"] for one in config["components"]]
        self.islands = [one["id"] for one in config["components"] if one["props"].get("server_fns")]
        self.values = {one["id"]: one["props"].get("value") for one in config["components"]}

    def some(self, *sound: Any) -> Any:
        """Mostly one of the `sound` values, else anything."""
        return self.rng.choice(sound) if sound and self.rng.random() < 0.8 else self.anything()

    def anything(self, depth: int = 0) -> Any:
        kind = self.rng.randrange(7 if depth < 4 else 4)
        if kind == 4:
            return [self.anything(depth + 1) for _ in range(self.rng.randrange(5))]
        if kind == 5:
            return {self.rng.choice(KEYS): self.anything(depth + 1) for _ in range(self.rng.randrange(4))}
        if kind == 6:
            path = self.rng.choice(TEXTS)
            return {"path": path, "url": self.rng.choice([None, *TEXTS]), "meta": {"_type": "gradio.FileData"}}
        return self.rng.choice([None, *TEXTS, *NUMBERS, False])

    def call(self) -> tuple[str, Any]:
        """A call of a function, in one of the ways that there are, and its JSON."""
        one = self.rng.choice(self.calls)
        values = [self.some(self.values.get(key)) for key in one["inputs"]]
        if self.rng.random() < 0.1:
            values = self.rng.choice([values[:-1], [*values, 0], None, {}, "x"])
        body = {"data": values, "fn_index": self.some(one["id"]), "session_hash": self.some("fuzz", "h")}
        body |= {"trigger_id": self.some(None, *self.ids[:3]), "event_data": self.some(None)}
        for key in [*body]:
            if self.rng.random() < 0.05:
                del body[key]
        name = str(one["api_name"])
        return self.rng.choice(
            ["run/predict", "api/predict", "queue/join", f"run/{name}", f"call/{name}", f"call/v2/{name}"]
        ), body

    def part(self) -> tuple[str, Any]:
        """A call of a part of the page."""
        data = {"model": self.some("ae_2"), "plane": self.some("latents"), "seed": self.some(0), "side": self.some(2),
                "area": self.some([-1, 1, -1, 1])}  # fmt: skip
        part = self.some(*self.islands) if self.islands else self.anything()
        return "component_server/", {
            "component_id": part, "fn_name": self.some("matrix", "__init__", "get_config"), "data": self.some(data),
            "session_hash": self.some("fuzz"),
        }  # fmt: skip

    def tool(self) -> tuple[str, Any]:
        """A message to the tools."""
        name = self.some("generate", "reconstruct", "latent_grid")
        arguments = {
            "model": self.some("ae_2", "vae_2"),
            "count": self.some(1),
            "seed": self.some(1),
            "label": self.some(""),
        }
        if name == "reconstruct":
            arguments = {"model": self.some("ae_2"), "picture": self.anything()}
        method = self.some("tools/call", "tools/list", "initialize", "resources/read", "prompts/get")
        params = self.some({"name": name, "arguments": self.some(arguments)}, {"uri": self.anything()})
        return "mcp/", {"jsonrpc": self.some("2.0"), "id": self.some(1), "method": method, "params": params}

    def small(self) -> tuple[str, Any]:
        """What the page sends beside its calls."""
        body = {"session_hash": self.some("fuzz"), "fn_index": self.some(0), "event_id": self.some("x")}
        return self.rng.choice(["cancel", "reset", "reset/"]), self.some(body)

    def request(self) -> tuple[str, str, bytes | None, dict[str, str]]:
        """A method, a path, a body and headers."""
        kind = self.rng.random()
        headers = {"Accept": "application/json, text/event-stream"} | seen_from(f"198.51.100.{self.rng.randrange(250)}")
        if kind < 0.25:
            path = self.rng.choice(STEMS)
            path = f"gradio_api/{self.rng.choice(ENDPOINTS)}" if path == "gradio_api/" else path
            body = self.rng.choice([None, None, b"", b"{}", b"x"])
            return self.rng.choice(METHODS), (path + self.rng.choice(ODD)).replace(" ", ""), body, headers | JSON
        if kind < 0.35:
            content, kinds = form(
                self.rng.randbytes(self.rng.randrange(2000)), self.rng.choice([*TEXTS[:3], "..", "a/b", '"', "x" * 500])
            )
            if self.rng.random() < 0.5:
                place = self.rng.randrange(len(content))
                content = content[:place] + self.rng.randbytes(3) + content[place + self.rng.randrange(9) :]
            return "POST", "gradio_api/upload" + self.rng.choice(["", "?upload_id=x"]), content, headers | kinds
        path, found = self.rng.choice([self.call, self.call, self.call, self.part, self.tool, self.small])()
        body = json.dumps(found).encode()  # with NaN and lone surrogates, as Python writes them
        if self.rng.random() < 0.05:
            place = self.rng.randrange(len(body))
            body = body[:place] + self.rng.randbytes(2) + body[place + 1 :]
        return "POST", f"gradio_api/{path}", body, headers | JSON


def told(server: Server, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Answer:
    """The answer; of a stream that goes on, its beginning."""
    streams = any(part in path for part in ("heartbeat/", "queue/data", "mcp", "sse", "call/"))
    return ask(server, method, path, body, headers, timeout=0.5 if streams and method == "GET" else WORST)


@pytest.mark.slow
def test_no_request_breaks_the_server(server):
    print(f"GENGALLERY_FUZZ_SEED={SEED}")
    fuzzer = Fuzzer(SEED, ask(server, "GET", "config").json())
    start, before, statuses = time.monotonic(), 0.0, {}
    while time.monotonic() < start + SECONDS:
        if not before and time.monotonic() > start + SECONDS / 2:
            before = memory(server.pid)  # now that all is loaded that is loaded once: data, models
        request = fuzzer.request()
        answer = told(server, *request)
        statuses[answer.status] = statuses.get(answer.status, 0) + 1
        what = f"seed {SEED}: {request[:3]}: {answer}"[:3000]
        if request[0] == "HEAD" or answer.status == 0:  # a stream that goes on, or a line that is no request
            assert answer.status != 0 or "timed out" in answer.text or request[0] in ("GET", "X", "TRACE"), what
            continue
        assert answer.status < 500 or answer.status == 503, what
        assert leaks(answer.text, str(request)) == set(), what
        if answer.status >= 400:
            assert answer.json()["error"] and len(answer.text) < 3000, what
        assert answer.seconds < WORST, what
    answers = [call(server, "generate", ["vae_2", 2, 1, ""]) for _ in range(3)]
    assert all(answer.status == 200 for answer in answers)
    assert min(answer.seconds for answer in answers) < 3
    while memory(server.pid) > before + MOST_MB and time.monotonic() < start + SECONDS + 30:
        time.sleep(1)
    assert memory(server.pid) <= before + MOST_MB
    assert sum(statuses.values()) > 100 and statuses[200] > 20 and statuses[400] > 20, statuses
    assert post(server, "run/generate", {"data": ["vae_2", 1, 1, ""]}).status == 200
    print(f"{sum(statuses.values())} requests by status: {dict(sorted(statuses.items()))}")
