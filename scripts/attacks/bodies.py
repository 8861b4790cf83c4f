"""Bodies: too large, announced or not; JSON that is deep, wide or odd; slow ones."""

import socket
import time
from collections.abc import Iterator

from attacks.common import JSON, Outcome, ask, at_once
from common.browsing import HOST, Server

LARGE, SLOW = 40, 100
PLACES = ("run/predict", "queue/join", "call/generate", "component_server/", "cancel", "reset", "mcp/")
ODD = [
    b"", b"null", b"[]", b"0", b'"x"', b"{", b"\xff\xfe", b"[" * 10**5, b'{"a":' * 10**5, b'{"data":[1e400]}',
    b'{"data":[NaN]}', b'{"data":[-0]}', b'{"data":[1' + b"0" * 5000 + b"]}", b'{"data":["\\ud800"]}',
    b'{"data":[' + b"0," * 450_000 + b"0]}", b'{"data":[' + b'{"a":{}},' * 100_000 + b"0]}",
    b'{"data":["' + b"x" * 900_000 + b'"]}', b'{"data":[],"fn_index":1e400}',
    b'{"data":[],"fn_index":99999999999999999}',
    b'{"data":null,"fn_index":0,"session_hash":"h"}', b'{"data":[],"fn_index":-1,"session_hash":"h"}',
    b'{"data":[],"fn_index":0,"session_hash":["h"]}', 
    b'{"data":{},"component_id":0,"fn_name":"__init__","session_hash":"h"}',
]  # fmt: skip


def attack(server: Server, scale: float) -> Outcome:
    outcome = Outcome()
    large = b'{"data":[' + b'{"a":{}},' * 2_200_000 + b"0]}"  # 20 MB

    def chunks() -> Iterator[bytes]:
        for start in range(0, len(large), 1 << 16):
            yield large[start : start + (1 << 16)]

    for i in range(max(3, int(LARGE * scale))):
        place = f"gradio_api/{PLACES[i % len(PLACES)]}"
        body = large if i % 2 else chunks()
        outcome.count("20 MB", ask(server, "POST", place, body, JSON), must_refuse=True, closed=True)
    for place in PLACES:
        for body in ODD:
            answer = ask(server, "POST", f"gradio_api/{place}", body, JSON)
            outcome.count(f"{place} {body[:40]!r}", answer, must_refuse=True)
            if answer.seconds > 3:
                outcome.failures.append(f"{place} {body[:40]!r}: {answer.seconds:.1f} s")
    slow(server, outcome, max(5, int(SLOW * scale)))
    return outcome


def slow(server: Server, outcome: Outcome, count: int) -> None:
    """Bodies of which a byte comes now and then, and a normal visitor beside them."""
    port = int(server.address.rstrip("/").rpartition(":")[2])
    head = f"POST /gradio_api/run/generate HTTP/1.1\r\nHost: {HOST}:{port}\r\nContent-Length: 900\r\n"
    head += "Content-Type: application/json\r\n\r\n"
    connections = [socket.create_connection((HOST, port), timeout=30) for _ in range(count)]
    try:
        for connection in connections:
            connection.sendall(head.encode() + b"{")
        answers = at_once(lambda _: ask(server, "GET", ""), 5)
        for answer in answers:
            outcome.count("the page beside slow bodies", answer)
            if answer.status != 200 or answer.seconds > 5:
                outcome.failures.append(f"the page beside slow bodies: {answer.status} in {answer.seconds:.1f} s")
        start = time.monotonic()
        for connection in connections:
            said = connection.recv(1000)
            outcome.tried += 1
            if b" 408 " in said:
                outcome.refused += 1
            else:
                outcome.failures.append(f"a slow body: {said[:60]!r} after {time.monotonic() - start:.0f} s")
    except OSError as error:
        outcome.failures.append(f"slow bodies: {error}")
    finally:
        for connection in connections:
            connection.close()
