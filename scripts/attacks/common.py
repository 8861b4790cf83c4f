"""What attacks share: requests made by hand, and how they went."""

import http.client
import json
import os
import re
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from common.browsing import HOST, Server

ROOT = Path(__file__).resolve().parents[2]
JSON = {"Content-Type": "application/json"}
THREADS = 16
# What an answer must not have: paths of this machine, addresses of objects, traces of a stack.
LEAK = re.compile(rf'Traceback|File "|root:x:|0x[0-9a-f]{{8,}}|{re.escape(str(ROOT))}|site-packages')


@dataclass(frozen=True)
class Answer:
    """What the server said: its status, 0 if it closed the connection, and how long it took."""

    status: int
    text: str
    seconds: float

    def json(self) -> Any:
        return json.loads(self.text)


@dataclass
class Outcome:
    """How the requests of an attack went."""

    tried: int = 0
    refused: int = 0  # by a status from 400 on, with a sentence
    answered: int = 0
    failures: list[str] = field(default_factory=list)

    @property
    def failed(self) -> int:
        return len(self.failures)

    def count(self, what: str, answer: Answer, must_refuse: bool = False, closed: bool = False) -> None:
        """Count an `answer` to `what` was sent. It is a failure if the server broke, or told of its machine, or did
        what it had to refuse; a connection that was closed is one unless it may be (`closed`)."""
        self.tried += 1
        found = f"{what}: {answer.status} {answer.text[:120]!r}"
        if answer.status == 0 and closed:
            self.refused += 1
        elif answer.status == 0 or (answer.status >= 500 and answer.status != 503) or leaks(answer.text, what):
            self.failures.append(found)
        elif answer.status >= 400:
            self.refused += 1
        elif must_refuse:
            self.failures.append(found)
        else:
            self.answered += 1


def leaks(text: str, sent: str = "") -> set[str]:
    """What an answer tells of the machine, that was not in what was sent."""
    return {found for found in LEAK.findall(text) if found not in sent}


def ask(
    server: Server, method: str, path: str, body: bytes | Iterable[bytes] | None = None,
    headers: dict[str, str] | None = None, timeout: float = 60,
) -> Answer:  # fmt: skip
    """One request on a connection of its own; the path is sent as it is."""
    port = int(server.address.rstrip("/").rpartition(":")[2])
    start = time.monotonic()
    connection = http.client.HTTPConnection(HOST, port, timeout=timeout)
    try:
        connection.putrequest(method, "/" + path, skip_host="Host" in (headers or {}))
        for name, value in (headers or {}).items():
            connection.putheader(name, value)
        if isinstance(body, bytes) and "Content-Length" not in (headers or {}):
            connection.putheader("Content-Length", str(len(body)))
        elif body is not None and not isinstance(body, bytes):
            connection.putheader("Transfer-Encoding", "chunked")
        connection.endheaders(body, encode_chunked=body is not None and not isinstance(body, bytes))
        answer = connection.getresponse()
        text = answer.read(2 * 10**6).decode(errors="replace")
        return Answer(answer.status, text, time.monotonic() - start)
    except (OSError, http.client.HTTPException) as error:
        return Answer(0, str(error), time.monotonic() - start)
    finally:
        connection.close()


def post(server: Server, path: str, body: Any, headers: dict[str, str] | None = None) -> Answer:
    """Send JSON."""
    return ask(server, "POST", f"gradio_api/{path}", json.dumps(body).encode(), JSON | (headers or {}))


def call(server: Server, name: str, values: list) -> Answer:
    """Call a function of the API at once."""
    return post(server, f"run/{name}", {"data": values})


def form(content: bytes, name: str = "x.png", boundary: str = "part") -> tuple[bytes, dict[str, str]]:
    """An upload's body, and its headers."""
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'
    body = head.encode() + content + f"\r\n--{boundary}--\r\n".encode()
    return body, {"Content-Type": f"multipart/form-data; boundary={boundary}"}


def upload(server: Server, content: bytes, visitor: str = "") -> Answer:
    """Upload a file, as a `visitor` at that address."""
    body, headers = form(content)
    return ask(server, "POST", "gradio_api/upload", body, headers | seen_from(visitor))


def seen_from(visitor: str) -> dict[str, str]:
    """The header by which the server takes a request from this machine for one of the `visitor`."""
    return {"X-Forwarded-For": visitor} if visitor else {}


def at_once(work: Callable[[int], Any], count: int, threads: int = THREADS) -> list[Any]:
    """`work` for each number below `count`, by several threads."""
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, range(count)))


def memory(pid: int) -> float:
    """The resident memory of a process in MB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 10**6


def private_folder(pid: int) -> Path:
    """The folder of a demo's temporary files, by the environment that it was started in."""
    variables = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
    folder = next(line.partition("=")[2] for line in variables if line.startswith("TMPDIR="))
    return next(path for path in Path(folder).glob("gengallery-*") if path.is_dir())


def files_in(folder: Path) -> list[Path]:
    """The files that are there; some may go meanwhile."""
    return [Path(place) / name for place, _, names in os.walk(folder) for name in names]
