"""Files and addresses: the server is asked for files that are none of the visitor's, and to open connections."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

from attacks.common import ROOT, Outcome, ask, at_once, post, private_folder, upload
from common.browsing import HOST, Server

PATHS = (
    "/etc/passwd", "/proc/self/environ", "/proc/self/mem", "/dev/zero", "/dev/stdin", "~/.ssh/id_rsa", "..", ".", "",
    "../../etc/passwd", "/tmp", f"{ROOT}/pyproject.toml", f"{ROOT}/demo/app.py", "file:///etc/passwd", "C:/x", "\0",
    "%2e%2e/%2e%2e/etc/passwd", "..%2f..%2fetc/passwd", "//etc/passwd", "/etc/passwd\0.png", "x" * 5000,
)  # fmt: skip
GONE = (
    "process_recording", "proxy=http://127.0.0.1:9/", "deep_link?session_hash=h", "vibe-edit/", "vibe-code/",
    "vibe-starter-queries/", "undo-vibe-edit/", "dev/reload", "login_check", "user", "token", "runs", "stream/x",
    "upload_progress?upload_id=x", "run-history/connect", "custom_component/x/client/component/x.js", "file/etc/passwd",
)  # fmt: skip


def attack(server: Server, scale: float) -> Outcome:
    outcome = Outcome()
    folder = private_folder(server.pid)
    paths = [*PATHS, f"{folder}/made/preview.png", f"{folder}/u", f"{folder}/u/../made/preview.png", str(folder)]
    with listening() as (address, heard):
        paths += [address, address.upper(), f"//{address.partition('//')[2]}", f"data:image/png,{address}"]
        for path in paths:
            for place in ("gradio_api/file=", "gradio_api/file/", "files/", "static/", "assets/", "gradio_api/proxy="):
                outcome.count(f"{place}{path}", ask(server, "GET", place + quote(path)), must_refuse=True)
                if path.isascii() and path.isprintable():
                    outcome.count(f"{place}{path}, bare", ask(server, "GET", place + path), must_refuse=True)
            for what, answer in in_calls(server, path):
                outcome.count(what, answer, must_refuse=True)
        for place in GONE:
            outcome.count(place, ask(server, "GET", f"gradio_api/{place}"), must_refuse=True)
            outcome.count(place, post(server, place, {}), must_refuse=True)
        for place in ("monitoring", "monitoring/summary", "login", "logout", "svelte/x", "pwa_icon"):
            outcome.count(place, ask(server, "GET", place), must_refuse=True)
        own = upload(server, b"not a picture", "198.51.102.1").json()[0]
        urls: list[object] = [address, "/gradio_api/file=/etc/passwd", f"{address}/gradio_api/file={own}x", 5, [], {}]
        for url in urls:
            file = {"path": own, "url": url, "meta": {"_type": "gradio.FileData"}}
            outcome.count(f"url {url}", post(server, "call/reconstruct", {"data": ["ae_64", file]}), must_refuse=True)
        for answer in at_once(lambda i: tool(server, i % 2, address), max(4, int(40 * scale)), threads=4):
            outcome.count("tool", answer, must_refuse=True)
    outcome.failures += [f"the server opened a connection from {peer}" for peer in heard]
    return outcome


def in_calls(server: Server, path: str):
    """The path as a file in everything that takes JSON, at the top and deep inside."""
    file = {"path": path, "meta": {"_type": "gradio.FileData"}}
    for given in (file, {"url": path, "meta": {"_type": "gradio.FileData"}}, file | {"url": path}, [[{"x": file}]]):
        for place, body in (
            ("run/reconstruct", {"data": ["ae_64", given]}),
            ("call/reconstruct", {"data": ["ae_64", given]}),
            ("call/v2/reconstruct", {"model": "ae_64", "picture": given}),
            ("queue/join", {"data": ["ae_64", given], "fn_index": 0, "session_hash": "h"}),
            ("component_server/", {"data": given, "component_id": 0, "fn_name": "x", "session_hash": "h"}),
            ("mcp/", {"jsonrpc": "2.0", "id": 1, "method": "tools/call",
                      "params": {"name": "reconstruct", "arguments": {"model": "ae_64", "picture": given}}}),
        ):  # fmt: skip
            yield f"{place} {str(given)[:80]}", post(server, place, body)


def tool(server: Server, how: int, address: str):
    """A tool's call whose picture is an address, or lies on the server."""
    given = {"model": "ae_64", "picture": (address, "/etc/passwd")[how]}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "reconstruct", "arguments": given}}
    answer = post(server, "mcp/", body, {"Accept": "application/json, text/event-stream"})
    refused = answer.status == 200 and '"isError":true' in answer.text
    return type(answer)(400, answer.text, answer.seconds) if refused else answer


@contextmanager
def listening() -> Iterator[tuple[str, list[str]]]:
    """An address that nobody should open, and those who did."""
    heard: list[str] = []
    with socket.create_server((HOST, 0)) as trap:

        def listen() -> None:
            while True:
                try:
                    connection, peer = trap.accept()
                except OSError:
                    return
                heard.append(str(peer))
                connection.close()

        threading.Thread(target=listen, daemon=True).start()
        yield f"http://{HOST}:{trap.getsockname()[1]}/x.png", heard
