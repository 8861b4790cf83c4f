"""The wheel: what it holds, and that all of it works in a new environment, in an empty folder."""

import json
import os
import re
import signal
import subprocess
import sys
import sysconfig
import time
import tomllib
import urllib.request
import venv
import zipfile
from pathlib import Path

import pytest
from conftest import ROOT, free_port, offline

import gengallery
from gengallery import gallery

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
SCRIPTS = "Scripts" if os.name == "nt" else "bin"
DEMO = (ROOT / "demo" / "page.py").is_file()


def test_the_version_is_said_once():
    assert PROJECT["project"]["version"] == gengallery.__version__


def test_the_pins_are_within_the_bounds():
    """constraints.txt pins what pyproject.toml bounds: nothing below, nothing that is bounded left out."""
    extras = PROJECT["project"]["optional-dependencies"]
    bounded = [*PROJECT["project"]["dependencies"], *extras["demo"], *extras["test"]]
    pins = dict(re.findall(r"^([\w-]+)==([\d.]+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE))
    for bound in bounded:
        name, lowest = re.match(r"([\w-]+)(?:\[\w+\])?>=([\d.]+)", bound).groups()
        assert [*map(int, pins[name].split("."))] >= [*map(int, lowest.split("."))], bound


def test_extras_agree_on_gradio():
    extras = PROJECT["project"]["optional-dependencies"]
    found = {re.sub(r"\[.*\]", "", bound) for extra in extras.values() for bound in extra if bound.startswith("gradio")}
    assert len(found) == 1


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel, as `pip wheel` builds it here."""
    folder = tmp_path_factory.mktemp("wheel")
    command = (sys.executable, "-m", "pip", "wheel", ".", "--no-deps", "--no-build-isolation", "-q", "-w", str(folder))
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    """A new environment with the wheel, which borrows everything else from this one; the folder of its commands."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False, symlinks=os.name != "nt")
    python = folder / SCRIPTS / Path(sys.executable).name
    pip = (sys.executable, "-m", "pip", f"--python={python}")
    subprocess.run((*pip, "install", "-q", "--no-deps", "--no-index", str(wheel)), check=True, timeout=300)
    site = subprocess.run(
        (python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"), capture_output=True, text=True
    )
    # After its own packages, those of the tests: their folder stands on the path, its .pth files do not count.
    Path(site.stdout.strip(), "borrowed.pth").write_text(sysconfig.get_path("purelib"))
    return folder / SCRIPTS


@pytest.fixture
def call(installed, tmp_path, monkeypatch):
    """call("list") runs the installed command in an empty folder, without a network, the data set or the checkout."""
    for name in (gallery.VARIABLE, "GENGALLERY_DATA"):
        monkeypatch.delenv(name, raising=False)
    environment = {name: value for name, value in offline(HOME=str(tmp_path)).items() if name != "PYTHONPATH"}

    def start(*arguments, **settings) -> subprocess.Popen:
        program = [installed / "gengallery", *arguments]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen(program, cwd=tmp_path, env={**environment, **settings}, **pipes)

    def run(*arguments) -> str:
        process = start(*arguments)
        out, err = process.communicate(timeout=300)
        assert process.returncode == 0, err
        return out

    run.start = start
    return run


@pytest.mark.slow
def test_the_wheel_holds_package_demo_and_weights_and_no_more(wheel):
    names = [name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name]
    assert {name.split("/")[0] for name in names} == {"gengallery"}
    listed = subprocess.run(
        ("git", "ls-files", "-co", "--exclude-standard", "gengallery", "demo", "weights"),
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    here = [name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]
    beside = [name if name.startswith("gengallery/") else f"gengallery/{name}" for name in here]
    left_out = re.compile(r"(^|/)(tests|node_modules|\.[^/]*|package[^/]*\.json|tsconfig\.json)(/|$)")
    assert sorted(names) == sorted(name for name in beside if not left_out.search(name))
    assert {"gengallery/py.typed", "gengallery/weights/history/vae_2.safetensors"} <= {*names}


@pytest.mark.slow
def test_the_installed_command_works_in_an_empty_folder(call, tmp_path):
    assert "generate" in call("--help")
    cards = json.loads(call("list", "--json"))
    assert [card["name"] for card in cards] == gengallery.Gallery(gallery.SHIPPED).list()
    assert call("generate", "vae_2") == "vae_2.png: 16 images by vae_2, of seed 0\n"
    assert (tmp_path / "vae_2.png").read_bytes().startswith(b"\x89PNG")
    path = Path(json.loads(call("info", "vae_2", "--json"))["path"])
    assert path.is_file() and ROOT not in path.parents
    call("verify", "vae_2", "--no-figures")


@pytest.mark.slow
@pytest.mark.skipif(not DEMO, reason="the demo is no package")
def test_the_installed_demo_opens_and_closes(call, tmp_path):
    process = call.start("demo", "--port", str(free_port()))
    try:
        line = process.stdout.readline()
        assert "http://127.0.0.1" in line, process.communicate(timeout=30)[1]
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        address = re.search(r"http://\S+", line)[0]
        assert "gengallery" in direct.open(address, timeout=60).read().decode()
        start = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
        assert process.returncode == 0 and "Traceback" not in err, err
        assert time.monotonic() - start < 30
    finally:
        process.kill()
