"""What several test files share: the real data set, a small stand-in for it, the command line, and the demo."""

import asyncio
import importlib
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from playwright.sync_api import expect, sync_playwright

from common import browsing
from common.browsing import free_port
from gengallery import cli, data, gallery
from gengallery.model.spec import Card

# These networks are small: threads that wait for each other cost more than they save, above all on a busy machine.
torch.set_num_threads(1)
# A busy machine may take longer than Playwright's five seconds; a page that is right is not kept waiting by it.
expect.set_options(timeout=20_000)

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # where the demo is a package
TRAIN_SIZE, TEST_SIZE = 640, 200  # of the stand-in


def run_python(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess:
    """Run a fresh Python in the checkout, without a network: any proxy of this machine is a closed port."""
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=ROOT,
        env=offline(**environment),
        capture_output=True,
        text=True,
        timeout=300,
    )


def offline(**environment: str) -> dict[str, str]:
    nowhere = "http://127.0.0.1:9"  # the discard port: refused at once
    proxies = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), nowhere)
    return {**os.environ, **proxies, "no_proxy": "", "NO_PROXY": "", "PYTHONPATH": str(ROOT), **environment}


def in_loop(coroutine) -> object:
    """What `coroutine` gives, in a loop and a thread of its own: a browser's loop may be running in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, coroutine).result()


def shapes(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """`n` light boxes on black, (n, 28, 28) uint8, whose width tells their class, (n) uint8."""
    rng = np.random.default_rng(seed)
    labels = (np.arange(n) % 10).astype(np.uint8)
    images = np.zeros((n, 28, 28), np.uint8)
    for image, label, top in zip(images, labels, rng.integers(4, 10, n), strict=True):
        image[top : top + 12, 13 - label : 15 + label] = rng.integers(120, 256)
    return images, labels


def idx(array: np.ndarray) -> bytes:
    """uint8 numbers in the IDX format (yann.lecun.com/exdb/mnist): type and axes, their sizes, the bytes."""
    return bytes([0, 0, 8, array.ndim]) + b"".join(size.to_bytes(4, "big") for size in array.shape) + array.tobytes()


FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


def fake_files() -> dict[str, bytes]:
    """The four files of a small stand-in for Fashion-MNIST, by name."""
    train, test = shapes(TRAIN_SIZE, seed=0), shapes(TEST_SIZE, seed=1)
    return dict(zip(FILES, map(idx, (*train, *test)), strict=True))


@pytest.fixture(scope="session")
def fake_root(tmp_path_factory) -> Path:
    """A folder with the stand-in, unpacked: data of its own, with the classes "0" to "9"."""
    root = tmp_path_factory.mktemp("fake")
    for name, content in fake_files().items():
        (root / name).write_bytes(content)
    return root


@pytest.fixture(scope="session")
def fake_data(fake_root) -> data.Dataset:
    """The stand-in."""
    return data.dataset(fake_root)


@pytest.fixture(scope="session")
def fake_train(fake_data) -> data.Split:
    return fake_data.split(data.TRAINVAL)


@pytest.fixture(scope="session")
def fake_test(fake_data) -> data.Split:
    return fake_data.split(data.TEST)


def adapted(card: Card, image: data.ImageSpec) -> Card:
    """`card` for other images than its own."""
    return replace(card, config=replace(card.config, image=image), dataset=image.dataset)


@pytest.fixture(scope="session")
def real_data() -> data.Dataset:
    """The gallery's own data set."""
    found = data.dataset(download=False)
    try:
        found.split(data.TEST)
    except data.DataMissing as error:
        pytest.skip(f"data set absent (name its folder in {data.VARIABLE}): {error}")
    return found


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that need the data set, a browser or a running server, which their fixtures tell."""
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        for fixture, mark in (("real_data", "data"), ("browser", "browser"), ("app", "slow")):
            if fixture in fixtures:
                item.add_marker(mark)


# -- the command line


@pytest.fixture
def two_models(tmp_path) -> Path:
    """The folder of a gallery of two models."""
    folder = tmp_path / "few"
    folder.mkdir()
    for name in ("ae_2", "vae_2"):
        (folder / f"{name}.safetensors").write_bytes((gallery.SHIPPED / f"{name}.safetensors").read_bytes())
    return folder


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """run("list") calls the command line in an empty folder; returns exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: object) -> tuple[int, str, str]:
        code = cli.main([*map(str, arguments)])
        return code, *capsys.readouterr()

    return call


@pytest.fixture
def output(run):
    """The same for what goes well: returns stdout."""

    def call(*arguments: object) -> str:
        code, out, err = run(*arguments)
        assert (code, err) == (0, "")
        return out

    return call


@pytest.fixture
def error(run):
    """The same for what fails: returns the one sentence on stderr."""

    def call(*arguments: object) -> str:
        code, out, err = run(*arguments)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert err.startswith("gengallery: ")
        return err.removeprefix("gengallery: ").rstrip()

    return call


# -- the demo in a browser


def title_of(tab: str) -> str:
    """The English title of a tab, by its id."""
    words = json.loads((ROOT / "demo" / "tabs" / tab / "words.json").read_text(encoding="utf-8"))
    return words["title"]["en"]


# The tabs by their titles, and the id of the element where the first result of each stands: that of the tab.
FIGURES = {title_of(path.parent.name): path.parent.name for path in sorted((ROOT / "demo" / "tabs").glob("*/tab.py"))}
PIXELS = """async image => {
    await image.decode();  // drawn before that, it may be blank
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
    const context = canvas.getContext('2d');
    context.drawImage(image, 0, 0);
    return Array.from(context.getImageData(0, 0, canvas.width, canvas.height).data.filter((_, i) => i % 4 == 0));
}"""


@pytest.fixture(scope="session")
def app() -> ModuleType:
    """The demo as a module; importing it builds the page."""
    return importlib.import_module("demo.page")


@pytest.fixture(scope="session")
def address(app):
    """Where the demo is served."""
    yield app.launch(server_name="127.0.0.1", server_port=free_port(), prevent_thread_lock=True, quiet=True)
    app.demo.close()


@pytest.fixture(scope="session")
def browser():
    """Chrome or Chromium, running."""
    with sync_playwright() as playwright:
        try:
            browsing.browser_path(playwright)
        except RuntimeError as error:
            pytest.skip(str(error))
        with browsing.browser(playwright) as running:
            yield running


@pytest.fixture
def visit(browser, address):
    """visit(width, query) opens the page as a new visitor, by default one who wants no motion.

    The requests it made are in page.requested, what its console complained of in page.complaints.
    """
    contexts = []

    def open_page(width=1280, query="", locale="en-US", motion="reduce"):
        context = browser.new_context(viewport={"width": width, "height": 900}, locale=locale, reduced_motion=motion)
        contexts.append(context)
        page = context.new_page()
        page.requested = []
        page.on("request", lambda request: page.requested.append(request.url))
        page.complaints = []
        page.on("console", lambda said: page.complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.goto(address + query)
        expect(page.get_by_role("tab").last).to_be_visible(timeout=30_000)
        return page

    yield open_page
    for context in contexts:
        context.close()


def turn_to(page, tab):
    """Open a tab and wait for its result; returns the element where it stands."""
    page.get_by_role("tab", name=tab, exact=True).click()
    return ready(page, tab)


def ready(page, tab):
    """The element with the result of a tab that is open, once it is there."""
    figure = page.locator(f"#{FIGURES[tab]}")
    expect(figure.locator("img, canvas, .notice").first).to_be_visible(timeout=30_000)
    return figure


def pixels(image) -> np.ndarray:
    """The pixels of a picture in the page, as the browser decoded them."""
    grey = image.evaluate(PIXELS)
    return np.array(grey, np.uint8).reshape(-1, image.evaluate("image => image.naturalWidth"))
