"""Files are written whole or not at all, whatever stops the writing."""

import errno
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import offline

from gengallery.storage import files
from gengallery.storage.files import write_atomically


@pytest.mark.parametrize("failing", ["fsync", "replace"])
@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
def test_a_write_that_fails_leaves_the_old_file_alone(failing, error, tmp_path, monkeypatch):
    path = tmp_path / "file"
    write_atomically(path, b"old")

    def fail(*_):
        raise error

    monkeypatch.setattr(*((os, "fsync", fail) if failing == "fsync" else (Path, "replace", fail)))
    with pytest.raises(type(error)):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_bytes_are_on_the_disk_before_the_file_has_its_name(tmp_path, monkeypatch):
    path, order = tmp_path / "file", []
    fsync, replace = os.fsync, Path.replace
    monkeypatch.setattr(os, "fsync", lambda handle: (order.append("fsync"), fsync(handle)))
    monkeypatch.setattr(Path, "replace", lambda self, to: (order.append(self.read_bytes()), replace(self, to)))
    write_atomically(path, b"new")
    assert order == ["fsync", b"new"]


def test_a_kill_in_the_middle_of_a_write_leaves_a_whole_file(tmp_path):
    # A process that writes two files in turn, for ever, is killed at many moments.
    path, contents = tmp_path / "file", (b"a" * 3_000_000, b"b" * 2_000_000)
    code = (
        "import sys; from gengallery.storage.files import write_atomically\n"
        "while True:\n"
        "    for content in (b'a' * 3_000_000, b'b' * 2_000_000):\n"
        "        write_atomically(sys.argv[1], content); print(flush=True)"
    )
    for kills in range(5):
        with subprocess.Popen(
            [sys.executable, "-c", code, path], stdout=subprocess.PIPE, env=offline(), cwd=tmp_path
        ) as process:
            for _ in range(3 + kills):
                process.stdout.readline()
            process.send_signal(signal.SIGKILL)
        assert path.read_bytes() in contents


@pytest.mark.parametrize("call", ["fsync", "posix_fallocate"])
def test_a_full_disk_is_told_with_the_file(call, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, call, full, raising=False)
    path = tmp_path / "file"
    with pytest.raises(OSError, match=r"No space left on device: '.*/file'") as caught:
        files.write_atomically(path, b"x") if call == "fsync" else files.check_room(path, 1)
    assert caught.value.filename == str(path)
    assert list(tmp_path.iterdir()) == []


def test_room_is_looked_for_also_where_none_can_be_reserved(tmp_path, monkeypatch):
    monkeypatch.delattr(os, "posix_fallocate", raising=False)
    files.check_room(tmp_path / "file", 10)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(100, 91, 9))
    with pytest.raises(OSError, match="No space left"):
        files.check_room(tmp_path / "file", 10)
    assert list(tmp_path.iterdir()) == []
