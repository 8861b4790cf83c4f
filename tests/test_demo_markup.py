"""A gallery whose every text is markup: nothing of it becomes a part of the page, and no link leads anywhere but to the
web. Looked at in a browser."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from dataclasses import asdict, replace
from typing import Any

import pytest
from conftest import ROOT
from playwright.sync_api import expect

from common.browsing import free_port
from gengallery.data import ImageSpec
from gengallery.model.spec import as_json
from gengallery.models.gan import Gan, GanConfig
from gengallery.models.vae import Vae, VaeConfig
from gengallery.storage import checkpoint

pytestmark = pytest.mark.slow
EVIL = "<img src=x onerror=window.owned=1>\"'><script>window.owned=1</script>${window.owned=1}"
NAME = "<img src=x onerror=window.owned=1>"
# A model that no file brought, so that no schema has looked at it.
SERVE = """
import sys
import gengallery, torch
evil, name, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
image = gengallery.gallery.default().image
wrapped = gengallery.wrap(
    name + "'2", latent=2, image=image, decode=lambda z: z.new_zeros(len(z), *image.shape), summary=evil
)
paper = {"authors": evil, "title": evil, "year": evil, "url": "javascript:window.owned=1"}
wrapped.header["card"] |= {"paper": paper, "notes": evil, "equations": [evil], "recipe": {evil: evil}}
wrapped.header["training"] = {evil: evil, "data": evil, "versions": {evil: evil}}
from demo import page
page.launch(server_name="127.0.0.1", server_port=port, quiet=True)
"""
MARKED = """() => window.owned !== undefined
    || [...document.querySelectorAll("img")].some(image => image.getAttribute("src") === "x")
    || [...document.querySelectorAll("script")].some(script => script.textContent.startsWith("window.owned"))
    || [...document.querySelectorAll("a[href]")].some(link => !/^(https?|data|blob):/.test(link.href))"""


def marked(value: Any) -> Any:
    """`value` with markup in place of every text."""
    match value:
        case str():
            return EVIL
        case list():
            return [marked(item) for item in value] or [EVIL]
        case dict():
            return {key: marked(item) for key, item in value.items()}
    return value


def write(folder, name: str, kind, config) -> None:
    """A model of that name, which has learned nothing, and whose file is markup wherever it may be."""
    path = folder / f"{name}.safetensors"
    model = kind(config)
    model.name = name
    header = model.file_header()
    card = marked({**header["card"], "options": [], "recipe": {EVIL: EVIL, "lr": [EVIL]}, "reported": {EVIL: 1.5}})
    card |= {"options": header["card"]["options"], "translations": {"pt": {"summary": EVIL, "notes": EVIL}}}
    card["paper"] = {"authors": EVIL, "title": EVIL, "year": 1, "url": "https://example.org/?a=1&b=2"}
    training = {"command": EVIL, "device": EVIL, "data": EVIL, "versions": {EVIL: EVIL}, EVIL: EVIL}
    losses = {split: {EVIL: 0.5} for split in ("train", "test", EVIL)}
    cost = {EVIL: 1.0, "image": 1.0}
    config = as_json(asdict(config))
    checkpoint.write(
        path, model.state_dict(),
        {**header, "card": card, "training": training, "losses": losses, "cost": cost, "config": config},
    )  # fmt: skip


@pytest.fixture
def served(tmp_path):
    """The address of the demo of such a gallery."""
    image = ImageSpec(1, 16, 16, tuple(f"{EVIL}{k}" for k in range(3)), 0.2, 0.3, EVIL)
    write(tmp_path, NAME, Vae, replace(VaeConfig(2), image=image))
    write(tmp_path, "vae_64", Vae, replace(VaeConfig(8, conditional=True), image=image))
    write(tmp_path, "gan", Gan, replace(GanConfig(4, generator_dims=(16,)), image=image))
    port = free_port()
    environment = {"GENGALLERY_WEIGHTS": str(tmp_path), "GENGALLERY_DATA": str(tmp_path / "none")}
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", SERVE, EVIL, NAME, str(port)],
            cwd=ROOT, env=os.environ | environment | {"PYTHONPATH": str(ROOT)}, stdout=log, stderr=log,
        )  # fmt: skip
        try:
            address = f"http://127.0.0.1:{port}"
            for _ in range(600):
                try:
                    urllib.request.urlopen(address, timeout=5).close()
                    break
                except OSError:
                    assert process.poll() is None, (tmp_path / "log").read_text()
                    time.sleep(0.2)
            yield address
        finally:
            process.terminate()
            process.wait(30)


def test_no_text_of_a_file_becomes_a_part_of_the_page(served, browser):
    for locale in ("en-US", "pt-BR"):
        context = browser.new_context(locale=locale, reduced_motion="reduce", viewport={"width": 1400, "height": 900})
        page = context.new_page()
        page.set_default_timeout(60_000)
        asked = []
        page.on("dialog", lambda dialog, asked=asked: (asked.append(dialog.message), dialog.dismiss()))
        page.goto(served)
        expect(page.get_by_role("tab").last).to_be_visible(timeout=60_000)
        tabs = page.get_by_role("tab").all()
        assert len(tabs) >= 6
        for tab in tabs:
            tab.click()
            shown = page.locator('[role="tabpanel"]:visible')
            expect(shown.locator("img, canvas, table").locator("visible=true").first).to_be_visible(timeout=60_000)
            expect(shown.locator(".making").locator("visible=true")).to_have_count(0, timeout=60_000)
            assert not page.evaluate(MARKED), page.url
            assert "__i18n__" not in shown.first.inner_text()
        rows = page.locator("tr[data-model]")
        expect(rows).to_have_count(4)
        for index in range(4):  # Compare is the last of the tabs, and has a card of each
            rows.nth(index).locator("button.name").click()
            dialog = page.locator("dialog[open]")
            expect(dialog.locator("h3")).to_be_visible()
            assert not page.evaluate(MARKED)
            assert "<script>window.owned=1</script>" in dialog.inner_text()  # it is there, as text
            dialog.locator("[data-do=close]").click()
        assert asked == []
        context.close()


def test_lines_of_python_hold_names_as_they_are():
    from demo.shared.python import listed, quoted

    for name in (EVIL, 'x"); print("owned', "\\", "é\n"):
        assert eval(quoted(name)) == name
        assert eval(listed([name, name])) == [name, name]
        assert json.loads(quoted(name)) == name
