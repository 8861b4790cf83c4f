"""What is cleared away while the server runs: files of visitors, what Gradio keeps of them, connections, free memory.

Gradio's own cleaner knows neither uploads that broke off nor the files that it makes on the side, and ends at its first
error; of sessions that nobody listens to it keeps every answer.
"""

import asyncio
import ctypes
import os
import sys
import time
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from ..shared.files import UPLOADS

EVERY = 10.0  # seconds
OLDEST = 600  # seconds that a file of a visitor stays: long enough to be asked about again
OLDEST_STRAY = 180  # seconds of one that is in no folder of its own, as Gradio's are that it forgot
LARGEST = 200 * 10**6  # bytes of all
MOST = 5000  # of them
UNHEARD = 60  # seconds that an answer waits for somebody to listen
M_ARENA_MAX, ARENAS = -8, 2  # of mallopt: each arena keeps what was freed in it


def sweep(folder: Path = UPLOADS, oldest: float = OLDEST, largest: int = LARGEST, most: int = MOST) -> int:
    """Remove the files of visitors that are old, and then the oldest while there are too many or they take too much
    room. Returns the bytes that stay."""
    now = time.time()
    found = sorted(_files(folder))
    size, count = sum(bytes_ for _, bytes_, _ in found), len(found)
    for changed, bytes_, path in found:
        age = now - changed
        stray = Path(path).parent == folder
        if age <= (OLDEST_STRAY if stray else oldest) and size <= largest and count <= most:
            continue
        if stray and age < 1:  # being written, by whoever counts it next time
            continue
        with suppress(OSError):
            os.unlink(path)  # noqa: PTH108  there may be thousands
            size, count = size - bytes_, count - 1
        if not stray:
            with suppress(OSError):  # it holds another file
                os.rmdir(os.path.dirname(path))  # noqa: PTH106, PTH120
    return size


def _files(folder: Path) -> Iterator[tuple[float, int, str]]:
    """When each file was changed, its bytes, its path; folders that are empty and not new are removed on the way."""
    with os.scandir(folder) as entries:
        for entry in entries:
            with suppress(OSError):
                inside = [entry]
                if entry.is_dir(follow_symlinks=False):
                    with os.scandir(entry.path) as below:
                        inside = list(below)
                    if not inside and time.time() - entry.stat().st_mtime > OLDEST_STRAY:
                        os.rmdir(entry.path)  # noqa: PTH106
                for file in inside:
                    with suppress(OSError):  # gone since
                        about = file.stat(follow_symlinks=False)
                        yield about.st_mtime, about.st_size, file.path


class Leftovers:
    """What Gradio keeps for sessions that nobody listens to any more."""

    def __init__(self, blocks: Any):
        self.blocks = blocks
        self.waiting: dict[str, tuple[int, float]] = {}  # by session: its first unread message, and since when

    async def forget(self) -> None:
        """Forget the messages that nobody has asked for in a while, and names of files."""
        queue, now = self.blocks._queue, time.monotonic()
        seen: dict[str, tuple[int, float]] = {}
        for session, messages in list(queue.pending_messages_per_session.items()):
            if messages.empty():
                if not queue.pending_event_ids_session.get(session):
                    _drop(queue, session)  # all is told; the next call begins another
                continue
            first = id(messages._queue[0])
            before, since = self.waiting.get(session, (first, now))
            if before != first:
                since = now
            if now - since > UNHEARD:
                await queue.clean_events(session_hash=session)
                _drop(queue, session)
            else:
                seen[session] = (first, since)
        self.waiting = seen
        self.blocks.upload_file_set.clear()
        for names in self.blocks.temp_file_sets:
            names.clear()
        with suppress(AttributeError):
            self.blocks.app.iterators_to_reset.clear()


class Silent:
    """Connections on which nobody asks anything, or doesn't come to the end of it. Uvicorn waits for ever."""

    def __init__(self, blocks: Any):
        self.blocks = blocks
        self.before: dict[Any, int] = {}

    async def close(self) -> None:
        """Close those that have not finished a request since the last time."""
        server = getattr(self.blocks, "server", None)
        if server is None:
            return
        idle = {
            connection: id(connection.cycle)
            for connection in list(server.server_state.connections)
            if connection.cycle is None or connection.cycle.response_complete
        }
        for connection, cycle in idle.items():
            if self.before.get(connection) == cycle:
                connection.transport.close()
        self.before = idle


def _drop(queue: Any, session: str) -> None:
    queue.pending_messages_per_session.pop(session, None)
    queue.pending_event_ids_session.pop(session, None)


@asynccontextmanager
async def while_serving(blocks: Any) -> AsyncIterator[None]:
    """Clear away every few seconds, whatever goes wrong, while the server runs."""
    _few_arenas()
    task = asyncio.create_task(_keep(Leftovers(blocks).forget, Silent(blocks).close, _sweep))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _keep(*chores: Callable[[], Awaitable[None]]) -> None:
    while True:
        await asyncio.sleep(EVERY)
        for clear in chores:
            try:
                await clear()
            except Exception:  # the next time it may go well; that it goes on matters most
                traceback.print_exc()


async def _sweep() -> None:
    await asyncio.to_thread(sweep)
    await asyncio.to_thread(_give_back)


def _few_arenas() -> None:
    libc = _glibc()
    if libc:
        libc.mallopt(M_ARENA_MAX, ARENAS)


def _give_back() -> None:
    """Give free memory back to the system, where the C library would keep it."""
    libc = _glibc()
    if libc:
        libc.malloc_trim(0)


def _glibc() -> Any:
    if not sys.platform.startswith("linux"):
        return None
    with suppress(OSError, AttributeError):
        libc = ctypes.CDLL("libc.so.6")
        libc.malloc_trim  # noqa: B018  musl has none
        return libc
    return None
