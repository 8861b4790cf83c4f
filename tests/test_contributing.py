"""CONTRIBUTING.md, followed to the letter in a copy of the repository: each of its worked examples adds what it says,
by touching no more than it says, and works."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
BLOCK = re.compile(
    r"^```(?:python|json|markdown) (check|(?:file|append|in)=\S+)(?: after=\"([^\n]*)\")?\n(.*?)^```$", re.M | re.S
)
BLOCKS = [match.groups() for match in BLOCK.finditer(PAGE)]


@pytest.fixture(scope="module")
def copy(tmp_path_factory) -> Path:
    """A copy of the repository without its weights."""
    folder = tmp_path_factory.mktemp("copy")
    for name in ("gengallery", "demo"):
        shutil.copytree(
            ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "weights", "node_modules")
        )
    (folder / "weights").symlink_to(ROOT / "weights")
    return folder


def apply(folder: Path, how: str, after: str | None, text: str) -> Path:
    """Do to the copy what a block says; returns the file that it touches."""
    kind, name = how.split("=", 1)
    path = folder / name
    if kind == "file":
        assert not path.exists(), f"{name} is there already"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path
    old = path.read_text(encoding="utf-8")
    if kind == "append":
        path.write_text(old + text, encoding="utf-8")
        return path
    assert old.count(f"\n{after}\n") == 1, f"{name} has {old.count(after)} lines {after!r}"
    path.write_text(old.replace(f"\n{after}\n", f"\n{after}\n{text}"), encoding="utf-8")
    return path


@pytest.mark.slow
def test_every_example_works(copy, tmp_path):
    checks = 0
    for how, after, text in BLOCKS:
        if how != "check":
            apply(copy, how, after, text)
            continue
        checks += 1
        environment = {key: value for key, value in os.environ.items() if not key.startswith("GENGALLERY")}
        done = subprocess.run(
            [sys.executable, "-c", text],
            cwd=tmp_path,
            env={**environment, "PYTHONPATH": str(copy), "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, f"{text}\n{done.stderr}"
    assert checks >= 4


def test_each_addition_touches_what_the_table_says():
    touched = [how.split("=", 1)[1] for how, _, _ in BLOCKS if how != "check"]
    assert [path for path in touched if not path.startswith("demo/tabs/")] == [
        "gengallery/models/autoencoder.py",
        "gengallery/models/linear.py",
        "gengallery/evaluation/metrics.py",
        "gengallery/evaluation/figures.py",
    ]
    assert len({Path(path).parent for path in touched if path.startswith("demo/tabs/")}) == 1


def test_the_page_names_only_files_that_are_there():
    for name in re.findall(r"`((?:gengallery|demo|scripts|tests)/[\w./]+)`", PAGE):
        assert (ROOT / name).exists(), name
