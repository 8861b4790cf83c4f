"""What the demo's server clears away while it runs."""

import asyncio
import os
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

from conftest import in_loop

from demo.server import housekeeping
from demo.shared import files


def made(path: Path, size: int, age: float) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(bytes(size))
    os.utime(path, (time.time() - age,) * 2)
    return path


def test_files_of_visitors_go_when_they_are_old_or_too_many(tmp_path):
    old, new = made(tmp_path / "a" / "x.png", 10, 700), made(tmp_path / "b" / "y.png", 10, 500)
    stray, fresh = made(tmp_path / "tmpabc", 10, 200), made(tmp_path / "tmpdef", 10, 60)
    (tmp_path / "empty").mkdir()
    os.utime(tmp_path / "empty", (0, 0))
    assert housekeeping.sweep(tmp_path) == 20
    assert {path for path in tmp_path.rglob("*") if path.is_file()} == {new, fresh}
    assert not old.parent.exists() and not stray.exists() and not (tmp_path / "empty").exists()
    for i in range(10):
        made(tmp_path / f"f{i}" / "z", 100, 100 - i)
    assert housekeeping.sweep(tmp_path, largest=350) <= 350
    assert (tmp_path / "f9" / "z").exists() and not (tmp_path / "f0" / "z").exists()
    assert housekeeping.sweep(tmp_path, most=1) <= 100
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 1


def test_sweeping_goes_on_whatever_goes_wrong(monkeypatch, capsys):
    tried = []

    async def failing():
        tried.append(1)
        raise OSError("the disk")

    monkeypatch.setattr(housekeeping, "EVERY", 0.01)
    monkeypatch.setattr(housekeeping, "_sweep", failing)
    queue = SimpleNamespace(pending_messages_per_session={}, pending_event_ids_session={})
    blocks = SimpleNamespace(_queue=queue, upload_file_set={"x"}, temp_file_sets=[{"y"}])

    async def while_it_runs():
        async with housekeeping.while_serving(blocks):
            await asyncio.sleep(0.2)

    in_loop(while_it_runs())
    assert len(tried) > 3 and "the disk" in capsys.readouterr().err
    assert blocks.upload_file_set == set() and blocks.temp_file_sets == [set()]


def test_connections_that_say_nothing_are_closed():
    closed = []

    class Connection:
        def __init__(self, name, cycle):
            self.cycle, self.transport = cycle, SimpleNamespace(close=lambda: closed.append(name))

    def done():
        return SimpleNamespace(response_complete=True)

    asking = Connection("asking", SimpleNamespace(response_complete=False))
    busy, silent, slow = Connection("busy", done()), Connection("silent", None), Connection("slow", done())
    state = SimpleNamespace(connections={asking, busy, silent, slow})

    async def look():
        looking = housekeeping.Silent(SimpleNamespace(server=SimpleNamespace(server_state=state)))
        await looking.close()
        assert closed == []
        busy.cycle = done()  # another request has been answered meanwhile
        await looking.close()

    in_loop(look())
    assert sorted(closed) == ["silent", "slow"]


def test_answers_that_nobody_listens_for_are_forgotten(monkeypatch):
    monkeypatch.setattr(housekeeping, "UNHEARD", 0.05)
    cleaned = []

    class Queue:
        def __init__(self):
            self.pending_messages_per_session = {
                name: asyncio.Queue() for name in ("unheard", "heard", "done", "begun")
            }
            self.pending_event_ids_session = {"unheard": {"1"}, "heard": {"2"}, "begun": {"3"}}

        async def clean_events(self, session_hash):
            cleaned.append(session_hash)

    async def forget():
        queue = Queue()
        leftovers = housekeeping.Leftovers(SimpleNamespace(_queue=queue, upload_file_set=set(), temp_file_sets=[]))
        queue.pending_messages_per_session["unheard"].put_nowait("x")
        for _ in range(10):
            queue.pending_messages_per_session["heard"].put_nowait(object())
        for _ in range(5):
            await leftovers.forget()
            await asyncio.sleep(0.02)
            queue.pending_messages_per_session["heard"].get_nowait()
        return set(queue.pending_messages_per_session)

    assert in_loop(forget()) == {"heard", "begun"}
    assert cleaned == ["unheard"]


def test_temporary_files_are_the_owners_alone():
    assert files.PRIVATE.stat().st_mode & 0o077 == 0
    assert files.PRIVATE.parent == Path(tempfile.gettempdir()).resolve()
    assert os.environ["GRADIO_TEMP_DIR"] == str(files.UPLOADS)
