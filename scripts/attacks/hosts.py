"""Pages of others: foreign names (DNS rebinding), foreign pages, forms that any page may send."""

import json

from attacks.common import JSON, Outcome, ask, form
from common.browsing import Server

NAMES = (
    "evil.example",
    "evil.example:7860",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "",
    "[",
    "evil.hf.space",
)
PAGES = (
    "http://evil.example",
    "null",
    "http://localhost.evil.example",
    "http://127.0.0.1:1",
    "http://1.2.3.4",
    "x",
    "",
)
CALL = json.dumps({"data": ["vae_2", 1, 1, ""]}).encode()
TOOL = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}).encode()
PLACES = (
    ("GET", "", None), ("GET", "config", None), ("GET", "gradio_api/info", None), ("GET", "files/static/page.js", None),
    ("POST", "gradio_api/run/generate", CALL), ("POST", "gradio_api/call/generate", CALL),
    ("POST", "gradio_api/queue/join", CALL), ("POST", "gradio_api/component_server/", CALL),
    ("POST", "gradio_api/mcp/", TOOL),
)  # fmt: skip


def attack(server: Server, scale: float) -> Outcome:
    outcome = Outcome()
    for method, path, body in PLACES:
        headers = JSON | {"Accept": "application/json, text/event-stream"} if body else {}
        for name in NAMES:
            answer = ask(server, method, path, body, headers | {"Host": name})
            outcome.count(f"{path} under {name!r}", answer, must_refuse=True)
            answer = ask(server, method, path, body, headers | {"X-Forwarded-Host": name or "evil"})
            outcome.count(f"{path} passed on under {name!r}", answer, must_refuse=True)
        for page in PAGES:
            answer = ask(server, method, path, body, headers | {"Origin": page})
            outcome.count(f"{path} of {page!r}", answer, must_refuse=True)
        if body:
            answer = ask(server, method, path, body, headers | {"Sec-Fetch-Site": "cross-site"})
            outcome.count(f"{path}, cross-site", answer, must_refuse=True)
            for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""):
                answer = ask(server, method, path, body, {"Content-Type": kind})
                outcome.count(f"{path} as {kind!r}", answer, must_refuse=True)
    content, sound = form(b"x")
    for more in ({"Origin": PAGES[0]}, {"Sec-Fetch-Site": "cross-site"}, {"Content-Type": "text/plain"}):
        answer = ask(server, "POST", "gradio_api/upload", content, sound | more)
        outcome.count(f"an upload with {more}", answer, must_refuse=True)
    return outcome
