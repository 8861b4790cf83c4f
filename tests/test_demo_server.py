"""The demo's server: its API, what it refuses and keeps to itself, and its start as a Space."""

import json
import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import gradio as gr
import numpy as np
import pytest
from conftest import free_port
from demo_pages import (
    FLAT,
    GAN,
)
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from packaging.requirements import Requirement
from PIL import Image

import gengallery
from demo.tabs.explore import view as latent
from gengallery.data import as_images, enlarge, sheet, to_uint8

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def client(address):
    return Client(address, verbose=False)


# -- through the API

CALLS = {
    "/generate": {"model": GAN, "count": 2, "seed": 1},  # as it was before there were labels
    "/reconstruct": {"model": FLAT[0], "picture": None},
    "/latent_grid": {
        "model": FLAT[0], "preset": latent.OWN, "side": 3, "x_min": -1, "x_max": 1, "y_min": -2, "y_max": 2,
    },
}  # fmt: skip


def call(client, endpoint, **changes):
    """Call an endpoint by the order of its inputs; the picture, as grey levels."""
    answer = client.predict(*(CALLS[endpoint] | changes).values(), api_name=endpoint)
    assert Path(answer).suffix == ".png"
    return np.asarray(Image.open(answer).convert("L"))


def test_every_endpoint_is_named_and_documented(client):
    endpoints = client.view_api(return_format="dict")["named_endpoints"]
    assert set(endpoints) == set(CALLS)
    assert all(endpoint["description"] for endpoint in endpoints.values())


def test_endpoints_give_lossless_pictures(client, tmp_path):
    images = gengallery.load(GAN).generate(2, 1)
    np.testing.assert_array_equal(call(client, "/generate"), enlarge(sheet(images, 2), 4))
    np.testing.assert_array_equal(call(client, "/latent_grid"), latent.grid(FLAT[0], latent.OWN, 3, -1, 1, -2, 2))
    picture = Image.new("RGBA", (40, 30), (200, 10, 10, 128))
    picture.save(tmp_path / "red.png")
    seen = as_images(picture)
    expected = np.concatenate([to_uint8(seen)[0], to_uint8(gengallery.load(FLAT[0]).reconstruct(seen))[0]], axis=1)
    found = call(client, "/reconstruct", picture=handle_file(tmp_path / "red.png"))[::4, ::4]
    np.testing.assert_array_equal(np.delete(found, [28, 29], axis=1), expected)


@pytest.mark.parametrize("name", gengallery.list_models(option="label"))
def test_a_class_can_be_asked_for(client, name):
    images = gengallery.load(name).generate(2, 1, label="Bag")
    np.testing.assert_array_equal(call(client, "/generate", model=name, label="Bag"), enlarge(sheet(images, 2), 4))
    images = gengallery.load(name).generate(2, 1)
    np.testing.assert_array_equal(call(client, "/generate", model=name, label=""), enlarge(sheet(images, 2), 4))


@pytest.mark.parametrize(
    ("endpoint", "changes", "message"),
    [
        ("/generate", {"label": "Hat"}, "Class: expected one of"),
        ("/generate", {"model": FLAT[0], "label": "Bag"}, ", ".join(gengallery.list_models(option="label"))),
        ("/generate", {"model": "../weights"}, "../weights"),
        ("/generate", {"model": None}, "Model: expected one of"),
        ("/generate", {"count": 11}, "11"),
        ("/generate", {"count": 1e9}, "How many: expected a whole number"),
        ("/generate", {"seed": -1}, "-1"),
        ("/generate", {"seed": 0.5}, "Seed: expected a whole number"),
        ("/generate", {"seed": 2**32}, str(2**32)),
        ("/reconstruct", {}, "expected"),
        ("/latent_grid", {"side": 31}, "31"),
        ("/latent_grid", {"x_min": 1}, "minimum below the maximum"),
        ("/latent_grid", {"y_max": 1e9}, "Range: expected a number"),
        ("/latent_grid", {"model": GAN}, GAN),
    ],
)
def test_endpoints_say_what_is_wrong(client, endpoint, changes, message):
    with pytest.raises(AppError) as refusal:
        call(client, endpoint, **changes)
    assert message in str(refusal.value)


def post(address: str, path: str, body: dict) -> tuple[int, str]:
    """The status and the text of the answer to a request made by hand."""
    asked = Request(f"{address}gradio_api/{path}", json.dumps(body).encode(), {"Content-Type": "application/json"})
    try:
        with urlopen(asked, timeout=20) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        return error.code, error.read().decode()


GARBAGE = [
    None,
    1e9,
    -1,
    float("nan"),
    "x" * 300,
    "../../etc/passwd",
    [],
    ["nobody"] * 50,
    {"path": "/etc/passwd"},
    True,
]
LEAK = re.compile(rf"Traceback|File \"|root:x|\.py\b|{re.escape(str(ROOT))}")


@pytest.mark.slow
def test_no_request_made_by_hand_gets_more_than_a_sentence(app, address):
    """Every event of the page, the private ones too, with garbage for each of its inputs and for all at once."""
    tried = 0
    for index, event in app.demo.fns.items():
        if event.fn is None or not event.inputs:
            continue
        sound = [getattr(box, "value", None) for box in event.inputs]
        wrong = [[*sound[:place], bad, *sound[place + 1 :]] for place in range(len(sound)) for bad in GARBAGE]
        wrong += [[], sound * 3, [{}] * len(sound)]
        for values in wrong[:: max(1, len(wrong) // 25)]:
            status, text = post(address, "run/predict", {"data": values, "fn_index": index, "session_hash": "h"})
            assert not LEAK.search(text), (event.fn.__name__, values, text)
            assert status in (200, 400, 422), (event.fn.__name__, values, text)
            if status != 200:
                assert json.loads(text)["error"], (event.fn.__name__, values)
            tried += 1
    assert tried > 100


def test_no_call_of_the_islands_gets_more_than_a_sentence(app, address):
    island = next(block for block in app.demo.blocks.values() if getattr(block, "elem_id", "") == "explore")
    sound = {"model": FLAT[0], "plane": "latents", "seed": 0, "side": 3, "area": [-1, 1, -1, 1]}
    ask = {"component_id": island._id, "fn_name": "matrix", "session_hash": "h"}
    status, text = post(address, "component_server/", ask | {"data": sound})
    assert status == 200 and "data:image/png" in text
    for bad in [{name: bad} for name in sound for bad in GARBAGE] + [{"more": 1}]:
        status, text = post(address, "component_server/", ask | {"data": sound | bad})
        assert not LEAK.search(text), (bad, text)
        assert "expected" in text.lower() or (status == 200 and "data:image/png" in text), (bad, text)
    for data in GARBAGE:
        status, text = post(address, "component_server/", ask | {"data": data})
        assert not LEAK.search(text) and "expected" in text.lower(), (data, text)


SERVERS = ["weights/../pyproject.toml", "weights", "demo/app.py", "demo", "demo/static", "demo/tabs/explore"]
SERVERS += ["demo/tabs/explore/../explore/view.py", "demo/static/../page.py", "demo/tabs/explore/explore.js/../tab.py"]


def handed_out(address, path) -> bytes:
    with urlopen(f"{address}{path}", timeout=20) as answer:
        return answer.read()


@pytest.mark.parametrize("path", ["/etc/passwd", *SERVERS])
def test_no_file_of_the_servers_is_handed_out(address, path):
    for place in ("gradio_api/file=", "files/", "files/static/", "static/", "assets/"):
        with pytest.raises(HTTPError) as refusal:
            handed_out(address, place + (path if path.startswith("/") else f"{ROOT}/{path}"))
        assert refusal.value.code in (403, 404)


def test_of_the_demo_only_what_browsers_need_is_handed_out(address):
    files = [path for path in (ROOT / "demo").rglob("*") if path.is_file()]
    assert len({path.suffix for path in files}) > 4
    for path in files:
        place = f"files/{path.relative_to(ROOT / 'demo')}"
        if path.suffix in (".css", ".html", ".js", ".json") and "server" not in path.parts:
            assert handed_out(address, place) == path.read_bytes()
        else:
            with pytest.raises(HTTPError) as refusal:
                handed_out(address, place)
            assert refusal.value.code == 404, path


# -- as a Space


def install(requirements: list[str], folder: Path) -> None:
    """Put into `folder` what installing `requirements` would, by links to the packages that are here, and no more."""
    wanted, done = [(Requirement(line), "") for line in requirements], set()
    while wanted:
        requirement, extra = wanted.pop()
        if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
            continue
        package = distribution(requirement.name)
        assert requirement.specifier.contains(package.version, prereleases=True), f"{requirement}: {package.version}"
        for wanted_extra in {"", *requirement.extras} - {e for name, e in done if name == package.name}:
            done.add((package.name, wanted_extra))
            wanted += [(Requirement(line), wanted_extra) for line in package.requires or ()]
        for top in {file.parts[0] for file in package.files or () if file.parts[0] not in ("..", "__pycache__")}:
            link = folder / top
            if not link.exists():
                link.symlink_to(Path(str(package.locate_file(top))))


@pytest.mark.slow
def test_it_starts_as_a_space(tmp_path):
    """The repository copied, requirements.txt installed, nothing else, no data set: the page answers.

    The packages are those that are here already, since installing them anew would be gigabytes; `-S` hides all others,
    and any installed gengallery.
    """
    for folder in ("gengallery", "demo"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "weights", tmp_path / "weights", ignore=shutil.ignore_patterns(".*"))
    packages = tmp_path / "packages"
    packages.mkdir()
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    install([line for line in lines if not line.startswith("#")], packages)
    port = free_port()
    environment = os.environ | {
        "PYTHONPATH": str(packages),
        "PYTHONUNBUFFERED": "1",
        "GENGALLERY_DATA": str(tmp_path / "no data"),
        "GRADIO_SERVER_NAME": "127.0.0.1",
        "GRADIO_SERVER_PORT": str(port),
    }
    lonely = subprocess.run(
        [sys.executable, "-S", "-c", "import gengallery"], cwd="/", env=environment, capture_output=True
    )
    assert b"No module named 'gengallery'" in lonely.stderr

    command = [sys.executable, "-S", "demo/app.py"]
    server = subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        assert server.stdout is not None
        said = ""
        for line in server.stdout:  # ends when the server does
            said += line
            if "Running on local URL" in line:
                break
        assert f"http://127.0.0.1:{port}" in said
        with urlopen(f"http://127.0.0.1:{port}/", timeout=20) as answer:
            assert answer.status == 200
            assert '"title":"gengallery"' in answer.read().decode()
        picture = call(Client(f"http://127.0.0.1:{port}", verbose=False), "/generate")
        np.testing.assert_array_equal(picture, enlarge(sheet(gengallery.load(GAN).generate(2, 1), 2), 4))
    finally:
        server.terminate()
        server.communicate(timeout=20)


def test_sessions_keep_what_changed_and_no_configuration(app, address):
    sessions = app.demo.app.state_holder
    one, other = sessions["one"], sessions["other"]
    assert sessions["one"] is one and one.config_values == {}
    assert one.blocks_config.blocks.keys() == app.demo.default_config.blocks.keys()
    key, box = next((key, block) for key, block in app.demo.blocks.items() if type(block) is gr.Radio)
    one[key] = changed = gr.Radio(["a"])
    assert one[key] is changed and other[key] is box  # what a visitor's page became is no other's
    one._update_value_in_config(key, "x" * 10**6)
    assert "x" * 100 not in str(one.config_values)
