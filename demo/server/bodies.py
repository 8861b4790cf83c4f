"""Bodies of requests: read whole, within bounds, before Gradio sees a byte of them.

So nothing is parsed that is too large, a slow body holds no more than its connection, and an upload that breaks off
leaves nothing: its bytes were in a file without a name.
"""

import asyncio
import tempfile
from collections.abc import Callable, Iterator
from typing import IO

from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope

from ..shared.files import PRIVATE
from ..shared.words import Words, number
from .refusals import Refused, brief

say = Words(__file__)
LARGEST = 10**6  # bytes of a body that is no upload
LARGEST_FILE = 10**7  # bytes of an upload, as the page says beside its button
AROUND = 10**5  # bytes that a file may have around it
MOST_FILES = 10  # in one upload
SECONDS, SECONDS_FILE = 10.0, 120.0  # for a body to come in
IN_MEMORY = 1 << 18  # bytes of an upload, before it goes to a file
CHUNK = 1 << 16


async def json_body(scope: Scope, receive: Receive) -> bytes:
    """The body of a request, which has to be JSON by its header. Raises Refused, TimeoutError or Gone."""
    if _kind(scope) != "application/json":
        raise Refused(415, say("expected_json", found=brief(_kind(scope))))
    body = bytearray()
    await _read(scope, receive, LARGEST, SECONDS, body.extend)
    return bytes(body)


async def upload(scope: Scope, receive: Receive) -> IO[bytes]:
    """The body of an upload, in a file that has no name and is at its start. Raises Refused or Gone."""
    if _kind(scope) != "multipart/form-data":
        raise Refused(415, say("expected_form", found=brief(_kind(scope))))
    file = tempfile.SpooledTemporaryFile(IN_MEMORY, dir=str(PRIVATE))  # noqa: SIM115  closed by whoever sends it on
    parts = _Parts(_boundary(scope))

    def keep(chunk: bytes) -> None:
        parts.count(chunk)
        file.write(chunk)

    try:
        await _read(scope, receive, LARGEST_FILE + AROUND, SECONDS_FILE, keep)
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return file  # type: ignore[return-value]  # it is a file in all but its class


class Gone(Exception):
    """Whoever asked has left before the end of the request."""


async def _read(scope: Scope, receive: Receive, most: int, seconds: float, keep: Callable[[bytes], object]) -> None:
    large = Refused(413, say("body_large", most=number(most // 10**6)), {"Connection": "close"})
    try:
        announced = int(Headers(scope=scope).get("content-length", "0"))
    except ValueError:
        announced = 0
    if announced > most:
        await _drain(receive)
        raise large
    size = 0
    try:
        async with asyncio.timeout(seconds):
            more = True
            while more:
                message = await receive()
                if message["type"] != "http.request":
                    raise Gone
                chunk, more = message.get("body", b""), message.get("more_body", False)
                size += len(chunk)
                if size > most:
                    if more:
                        await _drain(receive)
                    raise large
                keep(chunk)
    except TimeoutError:
        raise Refused(408, say("body_slow", seconds=number(seconds)), {"Connection": "close"}) from None


async def _drain(receive: Receive) -> None:
    """Read on for a moment what was refused, so that whoever sends it gets to read the answer."""
    size = 0
    try:
        async with asyncio.timeout(2):
            while size < 3 * LARGEST_FILE:
                message = await receive()
                size += len(message.get("body", b""))
                if not message.get("more_body", False):
                    return
    except TimeoutError:
        return


def again(chunks: Iterator[bytes], receive: Receive) -> Receive:
    """What gives the `chunks` of a body that was read, and then what `receive` does."""
    following: bytes | None = next(chunks, b"")

    async def replay() -> Message:
        nonlocal following
        if following is None:
            return await receive()
        chunk, following = following, next(chunks, None)
        return {"type": "http.request", "body": chunk, "more_body": following is not None}

    return replay


def chunks_of(file: IO[bytes]) -> Iterator[bytes]:
    """A file's bytes in turn."""
    while chunk := file.read(CHUNK):
        yield chunk


def _kind(scope: Scope) -> str:
    return Headers(scope=scope).get("content-type", "").partition(";")[0].strip().lower()


def _boundary(scope: Scope) -> bytes:
    """What stands between the parts of the form, by the request's header."""
    for part in Headers(scope=scope)["content-type"].split(";")[1:]:
        name, _, value = part.strip().partition("=")
        if name.lower() == "boundary" and value.strip('"'):
            return b"--" + value.strip('"').encode("latin-1", "replace")
    raise Refused(400, say("no_boundary"))


class _Parts:
    """Counts the parts of a form as it comes in."""

    def __init__(self, boundary: bytes):
        self.boundary, self.end, self.found = boundary, b"", 0

    def count(self, chunk: bytes) -> None:
        """Raises Refused once there are too many."""
        seen = self.end + chunk
        self.found += seen.count(self.boundary)
        self.end = seen[len(seen) - len(self.boundary) + 1 :] if len(seen) >= len(self.boundary) else seen
        if self.found > MOST_FILES + 1:  # the last one ends the form
            raise Refused(413, say("many_files", most=MOST_FILES), {"Connection": "close"})
