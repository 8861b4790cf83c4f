"""The folder that a training writes into: its own while it goes on, with room for what comes, and clean afterwards."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT, offline
from filelock import FileLock

from gengallery import cli

FEW = ("--epochs", 1, "--threads", 1, "--size", 16)


@pytest.fixture(scope="module")
def things(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("data") / "things.npz"
    rng = np.random.default_rng(0)
    np.savez(path, images=rng.integers(0, 256, (200, 16, 16), np.uint8), labels=np.arange(200) % 3)
    return path


@pytest.fixture
def train(things, tmp_path, capfd):
    """train("--out", "x") trains ae_16 for an epoch; returns exit code, stdout and stderr."""

    def call(*arguments: object) -> tuple[int, str, str]:
        code = cli.main([*map(str, ("train", "ae_16", "--data", things, *FEW, *arguments))])
        return code, *capfd.readouterr()

    return call


@pytest.mark.slow
def test_a_second_training_of_a_model_into_a_folder_says_so(train, tmp_path):
    (tmp_path / "out" / ".training").mkdir(parents=True)
    with FileLock(tmp_path / "out" / ".training" / "ae_16.lock"):
        code, out, err = train("--out", tmp_path / "out")
        assert (code, out, err) == (
            2, "", f"gengallery: {tmp_path / 'out'}: expected no other training of ae_16 there, found one that goes "
            "on; wait for it, or give --out\n",
        )  # fmt: skip
        with FileLock(tmp_path / "out" / ".training" / "vae_2.lock"):
            assert train("--out", tmp_path / "other")[0] == 0
    assert train("--out", tmp_path / "out")[0] == 0


@pytest.mark.slow
def test_what_killed_trainings_left_is_removed_and_nothing_else(train, tmp_path):
    left = [".ae_16.safetensors.x1_y.part", ".training/.ae_16.safetensors.abc.part"]
    others = [".vae_2.safetensors.abc.part", "ae_16.safetensors.part", ".training/notes"]
    for name in (*left, *others):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"half")
    assert train("--out", tmp_path)[0] == 0
    found = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert found == {*others, "ae_16.safetensors", ".training/ae_16.lock"}


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="limits as Linux has them")
def test_no_room_is_noticed_before_the_first_step(things, tmp_path):
    """Files may have so many bytes and no more, as on a nearly full disk: enough for weights, not for states."""
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))\n"
        "from gengallery.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    arguments = ("train", "ae_16", "--data", things, *FEW, "--out", tmp_path / "out")
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], cwd=ROOT, env=offline(), capture_output=True, text=True
    )
    assert done.returncode == 2
    path = tmp_path / "out" / ".training" / "ae_16.safetensors"
    assert done.stderr == f"gengallery: {path}: File too large\n"
    assert not list(tmp_path.rglob("*.part")) and not list(tmp_path.rglob("*.safetensors"))


@pytest.mark.slow
@pytest.mark.skipif(not Path("/sys").is_dir(), reason="needs a folder in which nobody can write")
def test_a_folder_that_can_not_be_written_is_told_by_name(train):
    code, out, err = train("--out", "/sys/gengallery")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("gengallery: /sys/gengallery")


@pytest.mark.parametrize("count", [0, -1])
def test_no_threads_are_one_line(train, count):
    assert train("--threads", count)[::2] == (2, f"gengallery: --threads: expected 1 or more, found {count}\n")
