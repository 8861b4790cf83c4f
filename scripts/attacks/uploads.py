"""Uploads: many small ones, by one visitor and by many; large ones; ones that break off."""

import os
import socket
import time
from functools import partial

from attacks.common import Answer, Outcome, ask, at_once, files_in, form, private_folder, upload
from common.browsing import HOST, Server

SMALL, LARGE, BROKEN = 70_000, 40, 40
MOST = 9000  # files at any time: as many as are kept, and those that come until the next look
STRAY = 15  # seconds in which what broke off has gone


def attack(server: Server, scale: float) -> Outcome:
    outcome = Outcome()
    folder = private_folder(server.pid) / "u"
    for name, visitors in (("small, of one visitor", 1), ("small, of many", 500)):
        count = max(10, int(SMALL * scale / 2))
        for answer in at_once(partial(small, server, visitors), count):
            outcome.count(name, answer)
    if (kept := len(files_in(folder))) > MOST:
        outcome.failures.append(f"{kept} files stay")
    for i in range(max(2, int(LARGE * scale))):
        outcome.count("large", upload(server, bytes(12 * 10**6), f"198.51.100.{i}"), must_refuse=True)
    many = b"".join(form(b"x", f"{i}.png")[0].removesuffix(b"--part--\r\n") for i in range(500)) + b"--part--\r\n"
    outcome.count("many files", ask(server, "POST", "gradio_api/upload", many, form(b"")[1]), must_refuse=True)
    before = set(files_in(folder))
    for i in range(max(2, int(BROKEN * scale))):
        outcome.count("broken off", broken_off(server, i), closed=True)
    end = time.monotonic() + STRAY
    while (strays := {path for path in files_in(folder) if path.parent == folder} - before) and time.monotonic() < end:
        time.sleep(0.5)
    outcome.failures += [f"{path.name} of an upload that broke off stays" for path in strays]
    return outcome


def small(server: Server, visitors: int, i: int) -> Answer:
    """The upload of a hundred bytes, by one of so many visitors."""
    visitor = i % visitors
    return upload(server, os.urandom(100), f"198.51.{visitor // 250}.{visitor % 250}")


def broken_off(server: Server, i: int) -> Answer:
    """Half of an upload, then nothing."""
    port = int(server.address.rstrip("/").rpartition(":")[2])
    body, headers = form(bytes(10**6))
    with socket.create_connection((HOST, port), timeout=20) as connection:
        head = f"POST /gradio_api/upload HTTP/1.1\r\nHost: {HOST}:{port}\r\nContent-Length: {len(body)}\r\n"
        head += f"X-Forwarded-For: 198.51.101.{i}\r\nContent-Type: {headers['Content-Type']}\r\n\r\n"
        connection.sendall(head.encode() + body[: len(body) // 2])
    return Answer(0, "", 0)
