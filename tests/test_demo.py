"""The demo as its visitors meet it: in a real browser, through its API, and started as a Space starts it."""

import json
import os
import re
import shutil
import subprocess
import sys
from functools import cache
from importlib.metadata import distribution
from io import BytesIO
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import parse_qsl, quote, urlencode, urlparse
from urllib.request import Request, urlopen

import numpy as np
import pytest
from conftest import FIGURES, free_port, pixels, ready, title_of, turn_to
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from packaging.requirements import Requirement
from PIL import Image, ImageSequence
from playwright.sync_api import expect

import gengallery
from demo.shared import checks, models, originals
from demo.shared.words import both
from demo.tabs.compare import view as comparison
from demo.tabs.explore import view as latent
from demo.tabs.generate import view as generate
from demo.tabs.learning import view as learning
from demo.tabs.memory import view as memory
from demo.tabs.morph import view as morph
from demo.tabs.reconstruction import view as reconstruction
from demo.tabs.steer import view as steer
from gengallery.images import CLASS_NAMES, as_images, enlarge, sheet, to_uint8

ROOT = Path(__file__).resolve().parent.parent
GAN, FLAT = models.noise_models()[0], latent.flat_models()
PICTURE = originals.picture_as_text(gengallery.load(GAN).generate(1, 3))
GUIDED, STEPPING = steer.guided_models()[0], steer.stepping_models()[0]
CANVAS = "c => Array.from(c.getContext('2d').getImageData(0, 0, 28, 28).data.filter((_, i) => i % 4 == 0))"
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
# Every text that a visitor of the page can see, but code and the mathematics, and every text in an attribute. As titles
# of its boxes, Gradio has their values.
TEXTS = """() => {
    const found = [], page = document.querySelector('.gradio-container');
    const seen = element => element.checkVisibility() && !element.closest('code, script, style, .prose.en, .prose.pt');
    const walker = document.createTreeWalker(page, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) if (seen(walker.currentNode.parentElement)) found.push(walker.currentNode.data);
    for (const name of ['alt', 'title', 'aria-label'])
        for (const node of page.querySelectorAll(`[${name}]:not(input)`))
            if (seen(node)) found.push(node.getAttribute(name));
    return found.map(text => text.trim().replace(/\\s+/g, ' ')).filter(text => text);
}"""


@pytest.fixture(scope="module")
def client(address):
    return Client(address, verbose=False)


def shown(page, name):
    """The pictures of a panel in the page, row by row, as grey levels."""
    return [[pixels(image) for image in row.locator("img").all()] for row in page.locator(f"#{name} .row").all()]


def shows(page, name, panel):
    """Whether exactly the pictures of `panel` stand in the page's element `name`, once they are there."""
    rows = page.locator(f"#{name} .row")
    expect(rows).to_have_count(len(panel.rows), timeout=30_000)
    first = rows.first.locator("img")
    expect(first).to_have_count(len(panel.rows[0].pictures))
    for found, row in zip(shown(page, name), panel.rows, strict=True):
        grey = row.pictures if row.pictures.ndim == 3 else row.pictures[..., 0]
        if not np.array_equal(found, grey):
            return False
    return True


def query(page) -> dict[str, str]:
    """What the address says."""
    return dict(parse_qsl(urlparse(page.evaluate("location.href")).query))


def python_of(page, name) -> str:
    return page.locator(f"#{name} code").first.text_content()


# -- the tabs


def test_generate(visit):
    page = visit(query="?tab=generate")
    ready(page, "Generate")
    assert shows(page, "generate", generate.same_seed(models.noise_models(), checks.MOST_IMAGES, 0))
    cells = page.locator("#generate .row").first.locator("img")
    style = cells.first.evaluate(
        "image => [getComputedStyle(image).imageRendering, image.getBoundingClientRect().width]"
    )
    assert style[0] == "pixelated"
    assert style[1] >= 56
    assert style[1] % 28 == 0

    before = cells.first.get_attribute("src")
    page.get_by_label("Seed").locator("visible=true").fill("5")
    expect(cells.first).not_to_have_attribute("src", before)
    menu = page.locator(".models").locator("visible=true")
    for name in models.noise_models()[1:]:
        menu.get_by_label(re.compile(rf"^\s*{name}\s*( · |$)")).uncheck()
    menu.get_by_label(FLAT[0], exact=True).check()
    expected = generate.same_seed([GAN, FLAT[0]], checks.MOST_IMAGES, 5)
    expect(page.locator("#generate .row")).to_have_count(2)
    assert shows(page, "generate", expected)
    assert python_of(page, "generate") == expected.python
    assert page.complaints == []


@pytest.mark.parametrize("width", [390, 1280])
def test_steer(visit, width):
    page = visit(width, "?tab=steer")
    ready(page, "Steer")
    assert shows(page, "steer", steer.classes(steer.labelled_models(), steer.EVERY, 0))
    assert shows(page, "strict", steer.guided(GUIDED, CLASS_NAMES[-1], 0))
    assert shows(page, "formed", steer.formed(STEPPING, steer.MOST_STEPS // 2, 0))
    with page.expect_download() as saved:
        page.get_by_role("link", name="Save as GIF").locator("visible=true").click()
    assert Image.open(saved.value.path()).n_frames == 1 + steer.MOST_STEPS // 2

    kind, label = (page.get_by_label("Bag", exact=True).locator("visible=true").nth(i) for i in (0, 1))
    kind.check()
    expected = steer.classes(steer.labelled_models(), "Bag", 0)
    expect(page.locator("#steer code")).to_have_text(expected.python, timeout=30_000)
    assert shows(page, "steer", expected)
    label.check()
    expected = steer.guided(GUIDED, "Bag", 0)
    expect(page.locator("#strict code")).to_have_text(expected.python, timeout=30_000)
    assert shows(page, "strict", expected)
    page.get_by_label("Steps").locator("visible=true").first.fill("3")
    expected = steer.formed(STEPPING, 3, 0)
    expect(page.locator("#formed code")).to_have_text(expected.python, timeout=30_000)
    assert shows(page, "formed", expected)
    expect(page.locator("#formed figcaption").nth(1)).to_have_text("step 1", use_inner_text=True)
    assert query(page).items() >= {"kind": "Bag", "label": "Bag", "steps": "3"}.items()
    assert page.evaluate(OVERFLOW) == 0
    assert page.complaints == []


def test_a_menu_says_which_models_go_in_steps(visit):
    for tab in ("Morph", "Reconstruction"):
        page = visit(query=f"?tab={tab.lower()}")
        menu = page.locator(".models").locator("visible=true")
        for name in steer.stepping_models():
            box = menu.get_by_label(f"{name} · steps", exact=True)
            expect(box).to_be_visible(timeout=30_000)
            expect(box).not_to_be_checked()


def test_the_prior_is_swapped_live_with_a_warning(visit):
    page = visit(query="?tab=generate")
    ready(page, "Generate")
    assert shows(page, "priors", generate.swapped_priors(GAN, list(generate.NOISES), 1, checks.MOST_IMAGES, 0))
    warnings = page.locator("#priors .warning")
    expect(warnings).to_have_count(len(generate.NOISES) - 1)
    page.get_by_label("Multiply z by").first.fill("2")
    expect(warnings).to_have_count(len(generate.NOISES))
    expect(warnings.first).to_contain_text(
        "standard deviation 2.00; it was trained with mean 0.00 and standard deviation 1.00"
    )
    assert shows(page, "priors", generate.swapped_priors(GAN, list(generate.NOISES), 2, checks.MOST_IMAGES, 0))


def test_reconstruction_of_a_class_with_damage(visit):
    page = visit(query="?tab=reconstruction&models=vae_2,ae_2&seed=4&count=3")
    ready(page, "Reconstruction")
    for choice in ("Bag", reconstruction.PATCH):
        page.get_by_label(choice, exact=True).locator("visible=true").check()
    expected = reconstruction.reconstructions(FLAT, originals.TEST, "Bag", 3, 4, None, reconstruction.PATCH, 0.4, True)
    expect(page.locator("#reconstruction .row")).to_have_count(len(expected.rows))
    expect(page.locator("#reconstruction figcaption").first).to_have_text("Bag")
    assert shows(page, "reconstruction", expected)
    page.get_by_label("Error maps: blue is too dark, orange is too light").uncheck()
    expect(page.locator("#reconstruction .row")).to_have_count(4)
    assert page.complaints == []


def test_long_work_shows_what_it_has_and_can_be_stopped(visit):
    # Those whose search takes a second or so for a row: neither done at once, nor long on its way.
    names = [name for name in models.noise_models() if gengallery.info(name)["latent"] <= 32]
    page = visit(query=f"?tab=reconstruction&models={','.join(names)}&errors=false")
    rows = page.locator("#reconstruction .row:not(.awaited)")
    expect(rows.nth(1)).to_be_visible(timeout=30_000)
    page.get_by_role("button", name="Stop").locator("visible=true").click()
    page.wait_for_timeout(1500)  # for a row that was already on its way
    so_far = rows.count()
    assert 2 <= so_far < 1 + len(names)
    page.wait_for_timeout(4000)
    assert rows.count() == so_far
    for name in names[1:]:  # and the page goes on
        page.locator(".models").locator("visible=true").get_by_label(re.compile(rf"^\s*{name}\s*( · |$)")).uncheck()
    expect(rows).to_have_count(2, timeout=60_000)
    assert page.complaints == []


def test_an_upload_and_a_drawing(visit, tmp_path):
    page = visit(query="?tab=reconstruction&models=vae_2")
    ready(page, "Reconstruction")
    page.get_by_label(originals.YOURS, exact=True).locator("visible=true").check()
    expect(page.locator("#reconstruction")).to_contain_text("Draw in the black square")
    picture = Image.fromarray(np.kron(np.eye(4, dtype=np.uint8) * 240, np.ones((20, 20), np.uint8)))
    picture.save(tmp_path / "eye.png")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Upload a picture").locator("visible=true").click()
    chooser.value.set_files(tmp_path / "eye.png")
    text = originals.picture_as_text(as_images(picture))
    wish = ["vae_2"], originals.YOURS, originals.ANY_CLASS, checks.MOST_IMAGES, 0
    expect(page.locator("#reconstruction .row")).to_have_count(3, timeout=30_000)
    assert shows(page, "reconstruction", reconstruction.reconstructions(*wish, text, reconstruction.NOTHING, 0.4, True))
    assert query(page)["picture"] == text

    canvas = page.locator(".drawing canvas").locator("visible=true")
    page.get_by_role("button", name="Clear", exact=True).locator("visible=true").click()
    expect(page.locator("#reconstruction")).to_contain_text("Draw in the black square")
    box = canvas.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 4, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + 3 * box["width"] / 4, box["y"] + box["height"] / 2, steps=5)
    page.mouse.up()
    expect(page.locator("#reconstruction .row")).to_have_count(3)
    drawn = np.array(canvas.evaluate(CANVAS), np.uint8).reshape(28, 28)
    assert drawn[14, 7:21].min() > 150 and drawn[:8].max() == drawn[20:].max() == 0
    np.testing.assert_array_equal(shown(page, "reconstruction")[0][0], drawn)
    assert page.complaints == []


def test_an_upload_that_is_no_picture_is_refused_on_the_page(visit, tmp_path):
    page = visit(query="?tab=reconstruction&models=vae_2&source=Your+picture")
    (tmp_path / "fake.png").write_bytes(b"not a picture")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Upload a picture").locator("visible=true").click(timeout=30_000)
    chooser.value.set_files(tmp_path / "fake.png")
    expect(page.get_by_text(re.compile("expected .* found"))).to_be_visible()


def test_what_a_view_refuses_stands_where_its_pictures_would(visit):
    page = visit(query="?tab=generate&models=vae_2")
    ready(page, "Generate")
    page.locator(".models").locator("visible=true").get_by_label("vae_2", exact=True).uncheck()
    expect(page.locator("#generate .notice")).to_have_text(
        "Models: expected at least one, found none; choose one", use_inner_text=True
    )
    page.locator(".models").locator("visible=true").get_by_label("ae_2", exact=True).check()
    assert shows(page, "generate", generate.same_seed(["ae_2"], checks.MOST_IMAGES, 0))


def test_morphs(visit):
    page = visit(query="?tab=morph")
    ready(page, "Morph")
    wish = models.encoding_models(), originals.TEST, 0, None, originals.TEST, 1, None, morph.STRAIGHT, morph.NO_CLASS
    assert shows(page, "morph", morph.morphs(*wish, morph.NO_CLASS, 1))
    with page.expect_download() as saved:
        page.get_by_role("link", name="Save as GIF").click()
    assert len(list(ImageSequence.Iterator(Image.open(saved.value.path())))) == 2 * morph.FRAMES - 2
    page.get_by_label("Bag", exact=True).locator("visible=true").last.check()
    expected = morph.morphs(*wish, "Bag", 1)
    expect(page.locator("#morph code")).to_have_text(expected.python)
    assert shows(page, "morph", expected)


def test_memory(visit):
    page = visit(query="?tab=memory&count=4")
    figure = ready(page, "Memory")
    expected = memory.memorised(models.best_maker(), 4, 0)
    assert shows(page, "memory", expected)
    expect(figure.locator(".notice")).to_have_text(expected.notice, use_inner_text=True)
    captions = figure.locator(".row").nth(1).locator("figcaption")
    expect(captions).to_have_text(list(expected.rows[1].captions), use_inner_text=True)


def test_learning(visit):
    page = visit(query="?tab=learning")
    figure = ready(page, "Learning")
    page.get_by_label("Moment").first.fill("0")
    expect(figure).to_contain_text("before training")
    name = gengallery.list_histories()[0]
    assert shows(page, "learning", learning.learning(name, 0, checks.MOST_IMAGES, 0))


def test_a_wall_can_be_kept_at_print_size(visit):
    page = visit(query="?tab=generate&models=gan_dim_8,vae_2&count=4")
    ready(page, "Generate")
    wall = generate.same_seed(["gan_dim_8", "vae_2"], 4, 0)
    assert shows(page, "generate", wall)
    with page.expect_download() as saved:
        page.locator("#generate").get_by_role("button", name="Save as PNG").click()
    picture = np.asarray(Image.open(saved.value.path()).convert("L"))
    assert picture.shape[1] >= 2400
    scale = picture.shape[1] // (30 * 4 + 2)
    across = slice(2 * scale, 30 * scale, scale)
    first = wall.rows[0].pictures[0]
    tops = [y for y in range(12 * scale) if np.array_equal(picture[y : y + 28 * scale : scale, across], first)]
    assert tops  # below the row's name


@pytest.mark.parametrize("tab", [tab for tab in FIGURES if tab not in ("Explore", "Compare")])
def test_a_surprise_in_every_tab(visit, tab):
    page = visit(query=f"?tab={tab.lower()}")
    figure = ready(page, tab)
    before = figure.inner_html()
    address = page.evaluate("location.href")
    page.get_by_role("button", name="Surprise me").locator("visible=true").click()
    page.wait_for_function("before => location.href !== before", arg=address)
    page.wait_for_function(f"before => document.querySelector('#{FIGURES[tab]}').innerHTML !== before", arg=before)
    expect(figure.locator("img").first).to_be_visible()
    assert page.complaints == []


# -- the address

TOLD = {  # what an address says
    "generate": {
        "models": "ae_2,gan_dim_16", "count": "3", "seed": "7", "model": "gan_dim_16", "noises": "normal,raw uniform",
        "stretch": "1.5",
    },
    "reconstruction": {
        "models": "ae_2,vae_2", "source": "Training set", "kind": "Sandal", "count": "2", "seed": "11",
        "damage": "Noise", "amount": "0.25", "errors": "false",
    },
    "reconstruction of yours": {"models": "vae_2", "source": "Your picture", "picture": PICTURE, "errors": "true"},
    "morph": {
        "models": "vae_2", "source_a": "The model's own", "seed_a": "5", "source_b": "Your picture",
        "picture_b": PICTURE, "path": "Along an arc", "less": "Coat", "plus": "Dress", "strength": "0.7",
    },
    "steer": {
        "models": ",".join(steer.labelled_models()[:2]), "kind": "Sandal", "seed": "8", "guided": GUIDED,
        "label": "Coat", "stepping": STEPPING, "steps": "4",
    },
    "memory": {"model": "vae_2", "count": "2", "seed": "9"},
    "learning": {"model": gengallery.list_histories()[-1], "epochs": "2", "count": "3", "seed": "4"},
}  # fmt: skip
MEANT = {
    "generate": lambda: generate.same_seed(["ae_2", "gan_dim_16"], 3, 7),
    "reconstruction": lambda: reconstruction.reconstructions(
        ["ae_2", "vae_2"], originals.TRAIN, "Sandal", 2, 11, None, reconstruction.NOISE, 0.25, False
    ),
    "reconstruction of yours": lambda: reconstruction.reconstructions(
        ["vae_2"], originals.YOURS, originals.ANY_CLASS, 1, 0, PICTURE, reconstruction.NOTHING, 0, True
    ),
    "morph": lambda: morph.morphs(
        ["vae_2"], morph.SAMPLE, 5, None, originals.YOURS, 0, PICTURE, morph.ARC, "Coat", "Dress", 0.7
    ),
    "steer": lambda: steer.classes(steer.labelled_models()[:2], "Sandal", 8),
    "memory": lambda: memory.memorised("vae_2", 2, 9),
    "learning": lambda: learning.learning(gengallery.list_histories()[-1], 2, 3, 4),
}


@pytest.mark.parametrize(("width", "theme"), [(1280, "light"), (390, "dark")])
@pytest.mark.parametrize("view", TOLD)
def test_every_view_opens_from_its_address_and_stays_in_it(visit, view, width, theme):
    tab = view.split()[0]
    page = visit(width, f"?{urlencode({'tab': tab, '__theme': theme} | TOLD[view])}")
    name = FIGURES[tab.capitalize()]
    wall = MEANT[view]()
    expect(page.locator(f"#{name} code").first).to_have_text(wall.python, timeout=30_000)
    assert shows(page, name, wall)
    assert query(page).items() >= TOLD[view].items()
    link = page.evaluate("location.href")
    again = visit(query="?" + urlparse(link).query)  # as sent to somebody else
    expect(again.locator(f"#{name} code").first).to_have_text(wall.python, timeout=30_000)
    assert shows(again, name, wall)
    assert page.complaints == again.complaints == []


def test_the_address_follows_the_open_tab(visit):
    page = visit(query="?tab=memory&seed=3")
    ready(page, "Memory")
    turn_to(page, "Generate")
    page.wait_for_function("() => new URL(location).searchParams.get('tab') === 'generate'")
    assert "noises" in query(page)
    turn_to(page, "Explore")
    page.wait_for_function("() => new URL(location).searchParams.get('tab') === 'explore'")
    assert "noises" not in query(page)


@pytest.mark.parametrize(
    ("link", "tab"),
    [
        ("?tab=generate&models=nobody,<b>&count=1e9&seed=NaN&model=../x&noises=&stretch=-1", "Generate"),
        ("?tab=reconstruction&source=elsewhere&kind=Hat&amount=inf&errors=maybe&picture=AAAA", "Reconstruction"),
        ("?tab=steer&kind=Hat&label=every class&steps=21&guided=nobody&models=,&stepping=x", "Steer"),
        ("?tab=learning&epochs=99&model=__proto__", "Learning"),
        ("?tab=nowhere&seed=1", "Explore"),
    ],
)  # fmt: skip
def test_nonsense_in_any_address_is_left_aside(visit, link, tab):
    page = visit(query=quote(link, safe="?&=,"))
    ready(page, tab)
    expect(page.locator(f"#{FIGURES[tab]} canvas, #{FIGURES[tab]} img").first).to_be_visible()
    assert page.complaints == []


def test_copying_a_link(visit):
    page = visit(query="?tab=memory&count=2")
    ready(page, "Memory")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator("#memory").get_by_role("button", name="Copy link").click()
    expect(page.locator("#memory").get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == page.evaluate("location.href")


# -- Explore


def explore(visit, width=1280, query=""):
    """The tab Explore, with its matrices drawn; returns the page and the pads."""
    page = visit(width, query)
    pads = page.locator(".pad-column")
    expect(pads.first).to_be_visible(timeout=30_000)
    for pad in pads.all():
        expect(pad.locator(".matrix-image")).to_have_attribute("src", re.compile("^data:"), timeout=30_000)
    return page, pads


def written(pad) -> list[float]:
    """Where the cursor stands, as the page says it."""
    return [float(part) for part in pad.locator("output").inner_text().replace("−", "-").split(",")]


def decoded(page) -> dict[str, list[float]]:
    """The latents in the lines of Python, by model."""
    lines = page.locator(".share code").inner_text()
    return {name: json.loads(z) for name, z in re.findall(r'load\("(\w+)"\).decode\((.*)\)', lines)}


def garment(pad) -> np.ndarray:
    return np.array(pad.locator(".decoded").evaluate(CANVAS), np.uint8).reshape(28, 28)


def close(image: np.ndarray, name: str, z: list[float]) -> bool:
    """Whether the page's image is Python's, but for one grey level."""
    return np.abs(image.astype(int) - latent.decode(name, z)).max() <= 1


def test_the_browser_decodes_as_python_does(visit):
    from demo.shared import static
    from demo.tabs.explore import tab

    page = visit()
    for name in latent.encoders():
        if not (tab.DECODERS / f"{name}.safetensors").exists():  # the server decodes for it
            continue
        z = models.load(name).sample(20, seed=3)
        image = page.evaluate(
            """async ([script, file, latents]) => {
                const { fetchDecoder } = await import(new URL(script, document.baseURI));
                const decoder = await fetchDecoder(new URL(file, document.baseURI));
                return latents.map(z => [...decoder.decode(z)]);
            }""",
            [
                static.address(static.STATIC / "decoder.js"),
                static.address(tab.DECODERS / f"{name}.safetensors"),
                z.tolist(),
            ],
        )
        expected = models.load(name).decode(z).flatten(1).numpy()
        assert np.abs(np.array(image) - expected).max() < 1 / 255, name


@pytest.mark.parametrize("width", [390, 1280])
def test_the_garments_follow_the_mouse(visit, width):
    page, pads = explore(visit, width)
    expect(pads.locator("header b")).to_have_text(FLAT)
    canvas = pads.first.locator(".pad")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    before = [garment(pad) for pad in pads.all()]
    page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 0.8 * box["height"])
    expect(page.locator(".share code")).to_contain_text("import gengallery")
    expect(pads.first.locator("output")).not_to_have_text("")
    page.wait_for_function("() => new URL(location).searchParams.get('at')?.startsWith('0.3')")
    for pad, old, (name, z) in zip(pads.all(), before, decoded(page).items(), strict=True):
        plane = latent.plane(name, "latents", 0)
        x_min, x_max, y_min, y_max = plane.map
        assert z == pytest.approx([x_min + 0.3 * (x_max - x_min), y_min + 0.2 * (y_max - y_min)], abs=0.2)
        assert written(pad) == pytest.approx(z, abs=0.01)
        assert close(garment(pad), name, z)
        assert (garment(pad) != old).any()
    assert page.complaints == []


def test_the_keyboard_alone(visit):
    page, pads = explore(visit)
    pad = pads.first.locator(".pad")
    pad.focus()
    start = written(pads.first)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowUp")
    expect(pads.first.locator("output")).not_to_have_text(f"{start[0]}, {start[1]}")
    x_min, x_max, y_min, y_max = latent.plane(FLAT[0], "latents", 0).map
    there = [start[0] + 0.01 * (x_max - x_min), start[1] + 0.05 * (y_max - y_min)]
    page.wait_for_function("() => new URL(location).searchParams.get('at') === '0.51,0.55'")
    assert written(pads.first) == pytest.approx(there, abs=0.02)

    page.keyboard.press("Enter")
    for _ in range(4):
        page.keyboard.press("Shift+ArrowLeft")
    page.keyboard.press(" ")
    morph = page.get_by_role("button", name="Morph between the pins")
    expect(morph).to_be_enabled()
    before = written(pads.first)
    morph.press("Enter")
    page.wait_for_function(
        "before => document.querySelector('.pad-column output').textContent !== before", arg=str(before)
    )
    page.get_by_role("button", name="Clear pins").press("Enter")
    expect(morph).to_be_disabled()


def test_a_class_and_a_surprise(visit):
    page, pads = explore(visit)
    page.get_by_role("button", name="Sneaker").click()
    sneaker = CLASS_NAMES.index("Sneaker")
    for pad, name in zip(pads.all(), FLAT, strict=True):
        expected = models.load(name).statistics.centroids[sneaker].tolist()
        expect(pad.locator("output")).to_have_text(re.compile(rf"^−?{abs(round(expected[0], 2)):g}, "))
        assert written(pad) == pytest.approx(expected, abs=0.011)
    before = written(pads.first)
    page.locator("#explore").get_by_role("button", name="Surprise me").click()
    page.wait_for_timeout(100)
    assert written(pads.first) != before


def test_the_matrix_answers_a_click(visit):
    _, pads = explore(visit)
    for pad, name in zip(pads.all(), FLAT, strict=True):
        area = latent.plane(name, "latents", 0).ranges[latent.DEVIATIONS]
        expected = latent.matrix(name, "latents", 0, area, 15).pixels
        np.testing.assert_array_equal(pixels(pad.locator(".matrix-image")), expected)
        image = pad.locator(".matrix-image")
        size = image.bounding_box()["width"]
        image.click(position={"x": size * 3.5 / 15, "y": size * 7.5 / 15})
        z = latent.latent_grid(*area, 15).reshape(15, 15, 2)[7, 3].tolist()
        x_min, x_max, y_min, y_max = latent.plane(name, "latents", 0).map
        seen = [min(max(z[0], x_min), x_max), min(max(z[1], y_min), y_max)]
        expect(pad.locator("output")).to_have_text(re.compile(rf"^−?{abs(round(seen[0], 2)):g}, "))
        assert written(pad) == pytest.approx(seen, abs=0.011)


def test_ranges_and_resolution(visit):
    page, pads = explore(visit)
    page.get_by_label(latent.OWN, exact=True).check()
    for label, value in {"x from": "-1.5", "x to": "0.5", "y from": "0", "y to": "2.5"}.items():
        page.get_by_role("spinbutton", name=label, exact=True).fill(value)
    page.get_by_label("Images per side").fill("7")
    image = pads.first.locator(".matrix-image")
    expect(image).to_have_attribute("alt", re.compile("7 × 7$"))
    page.wait_for_function("() => document.querySelector('.matrix-image').naturalWidth === 196")
    expected = latent.matrix(FLAT[0], "latents", 0, (-1.5, 0.5, 0, 2.5), 7).pixels
    page.wait_for_timeout(500)
    np.testing.assert_array_equal(pixels(image), expected)

    with page.expect_download() as saved:
        pads.first.get_by_role("button", name="Save the matrix").click()
    picture = np.asarray(Image.open(saved.value.path()).convert("L"))
    assert len(picture) >= 2400
    scale = len(picture) // len(expected)
    np.testing.assert_array_equal(picture[::scale, ::scale], expected)

    page.get_by_role("spinbutton", name="x to", exact=True).fill("-3")
    expect(page.get_by_text("Each range needs a minimum below its maximum.")).to_be_visible()


@pytest.mark.parametrize("kind", [kind for kind in latent.KINDS if kind != "latents"])
def test_planes_through_deeper_spaces(visit, kind):
    page, pads = explore(visit)
    page.get_by_role("combobox", name="Space").select_option(kind)
    names = latent.KINDS[kind].start()
    expect(pads.locator("header b")).to_have_text(names)
    page.wait_for_function(
        "names => names.every(name => document.querySelector('.share code').textContent.includes(name))", arg=names
    )
    for pad, (name, z) in zip(pads.all(), decoded(page).items(), strict=True):
        plane = latent.plane(name, kind, 0)
        (x_min, x_max, y_min, y_max) = plane.map
        middle = plane.origin + (x_min + x_max) / 2 * plane.across + (y_min + y_max) / 2 * plane.up
        assert z == pytest.approx(middle.tolist(), abs=1e-3)
        assert np.abs(garment(pad).astype(int) - to_uint8(models.load(name).decode(middle))[0]).max() <= 1
    assert page.complaints == []


def test_without_decoders_the_server_answers(visit):
    page = visit(query="?__theme=light")
    page.route("**/*.safetensors", lambda route: route.abort())
    page.reload()
    pad = page.locator(".pad-column").first
    expect(pad.locator(".matrix-image")).to_have_attribute("src", re.compile("^data:"), timeout=30_000)
    pad.locator(".pad").focus()
    page.keyboard.press("Shift+ArrowLeft")
    page.wait_for_function("() => new URL(location).searchParams.get('at')?.startsWith('0.45')")
    page.wait_for_timeout(300)
    assert close(garment(pad), FLAT[0], decoded(page)[FLAT[0]])


def test_the_address_brings_the_view_back(visit):
    page, pads = explore(visit, query="?tab=explore&models=vae_2&range=%5B-1%2C+1%5D&side=5&at=0.25,0.75&pins=0.1,0.2")
    expect(pads.locator("header b")).to_have_text(["vae_2"])
    assert page.get_by_label("[-1, 1]", exact=True).is_checked()
    area = latent.plane("vae_2", "latents", 0).ranges[latent.SQUARE]
    expected = latent.matrix("vae_2", "latents", 0, area, 5).pixels
    np.testing.assert_array_equal(pixels(pads.first.locator(".matrix-image")), expected)
    page.wait_for_function("() => document.querySelector('.share code').textContent.includes('vae_2')")
    found = dict(parse_qsl(urlparse(page.url).query))
    assert (found["at"], found["pins"], found["side"]) == ("0.25,0.75", "0.1,0.2", "5")


def test_the_cursor_shows_what_there_is_to_do_until_somebody_does_it(visit):
    page = visit(motion="no-preference")
    place = page.locator(".pad-column output").first
    expect(place).not_to_have_text("", timeout=30_000)
    first = place.inner_text()
    expect(place).not_to_have_text(first)
    page.keyboard.press("Tab")
    page.wait_for_timeout(100)
    still = place.inner_text()
    page.wait_for_timeout(300)
    assert place.inner_text() == still


def test_nonsense_in_the_address_is_left_aside(visit):
    query = "?tab=explore&models=nobody,<b>&range=all&side=1e9&at=NaN,7&pins=x&plane=__proto__&own=4,3,2,1"
    page, pads = explore(visit, query=query)
    expect(pads.locator("header b")).to_have_text(FLAT)
    assert page.complaints == []


# -- Portuguese

WORDS = {path.parent.name: json.loads(path.read_text(encoding="utf-8")) for path in (ROOT / "demo").rglob("words.json")}


def portuguese(key, folder="shared"):
    return WORDS[folder][key]["pt"]


def test_the_page_speaks_portuguese(visit, app):
    page = visit(locale="pt-BR")
    page.get_by_role("button", name=portuguese("surprise")).first.click(timeout=30_000)
    expect(page.get_by_role("tab")).to_have_text([portuguese("title", name) for name in app.TABS])
    expect(page.locator(".chips button")).to_have_text([both(name)["pt"] for name in CLASS_NAMES])
    expect(page.locator("#explore select option")).to_have_text([both(k.title)["pt"] for k in latent.KINDS.values()])
    expect(page.get_by_role("application").first).to_have_attribute("aria-label", f"Mapa de {FLAT[0]}")
    expect(page.locator(".pad-column output").first).to_have_text(re.compile(r"^−?\d+,\d+; −?\d+,\d+$"))
    page.get_by_role("tab", name=portuguese("title", "learning"), exact=True).click()
    ready(page, "Learning")
    expect(page.get_by_label("Semente").locator("visible=true")).to_be_visible()
    page.get_by_text("Mais", exact=True).locator("visible=true").click()
    expect(page.locator(".prose.pt").locator("visible=true").first).to_contain_text("Os momentos")
    expect(page.locator(".prose.en").locator("visible=true")).to_have_count(0)
    assert page.complaints == []
    page = visit(query="?tab=reconstruction&models=gan_dim_8&errors=false", locale="pt-BR")
    note = page.locator("#reconstruction .row header > span").last
    expect(note).to_have_text(re.compile(r"^busca · erro 0,\d+$"), use_inner_text=True, timeout=30_000)


def test_panels_that_grow_speak_portuguese_to_the_end(visit):
    page = visit(query="?tab=steer", locale="pt-BR")
    ready(page, "Steer")
    expect(page.locator("#formed img").first).to_be_visible(timeout=60_000)
    for name in ("steer", "strict", "formed"):
        said = [portuguese(key) for key in ("copy_link", "save_png")]
        expect(page.locator(f"#{name} .share button")).to_have_text(said, use_inner_text=True)
        expect(page.locator(f"#{name} summary")).to_have_text(portuguese("in_python"), use_inner_text=True)
    # What is drawn again keeps its elements: their attributes are translated again too.
    page.get_by_label("Passos").locator("visible=true").first.fill("3")
    expect(page.locator("#formed figcaption").nth(3)).to_have_text("passo 3", use_inner_text=True)
    expect(page.locator("#formed .film img")).to_have_attribute("alt", portuguese("film", "steer"))
    assert page.complaints == []


def test_refusals_speak_portuguese(visit, tmp_path):
    page = visit(query="?tab=reconstruction&models=vae_2&source=Your+picture", locale="pt-BR")
    notice = page.locator("#reconstruction .notice")
    expect(notice).to_have_text(portuguese("draw_or_upload"), use_inner_text=True, timeout=30_000)
    (tmp_path / "fake.png").write_bytes(b"not a picture")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name=portuguese("upload")).locator("visible=true").click()
    chooser.value.set_files(tmp_path / "fake.png")
    expect(page.get_by_text(portuguese("upload_unknown"))).to_be_visible()
    expect(page.get_by_text(WORDS["shared"]["upload_unknown"]["en"])).to_be_hidden()
    page = visit(query="?tab=generate&models=vae_2", locale="pt-BR")
    ready(page, "Generate")
    page.locator(".models").locator("visible=true").get_by_label("vae_2", exact=True).uncheck()
    expect(page.locator("#generate .notice")).to_have_text(
        "Modelos: esperava ao menos um, não encontrou nenhum; escolha um", use_inner_text=True
    )


@pytest.mark.parametrize("view", TOLD)
def test_views_are_the_same_in_portuguese(visit, view):
    tab = view.split()[0]
    page = visit(query=f"?{urlencode({'tab': tab} | TOLD[view])}", locale="pt-BR")
    panel = MEANT[view]()
    expect(page.locator(f"#{tab} code").first).to_have_text(panel.python, timeout=30_000)
    assert shows(page, tab, panel)
    page.get_by_role("button", name=portuguese("surprise")).locator("visible=true").click()
    expect(page.locator(f"#{tab} code").first).not_to_have_text(panel.python, timeout=30_000)
    expect(page.locator(f"#{tab} .notice", has_text="expected")).to_have_count(0)
    assert page.complaints == []


def pattern(text: str) -> re.Pattern:
    """What a text of words.json may look like in the page."""
    return re.compile(re.sub(r"\\\{\w+\\\}", ".+", re.escape(text)))


NAMES = "|".join(map(re.escape, models.models()))
# Figures and signs, names, and Gradio's own.
OTHER = re.compile(rf"^[^A-Za-z]*$|^[\d.]+s$|^({NAMES})( · \d+)?$|^(gengallery|A|B|cpu|Loading|Número|number|range).*$")


@cache
def texts_of_the_library() -> set[str]:
    """Texts of models, figures and classes, which have their translations from there."""
    cards, found = [gengallery.info(name) for name in models.models()], comparison.comparison(samples=1)
    texts = {*CLASS_NAMES, *(card["summary"] for card in cards)}
    for family in found.families:
        texts |= {family.title, *family.strengths, *family.weaknesses}
    for figures in found.groups.values():
        texts |= {text for figure in figures for text in (figure.title, figure.meaning)}
    return texts


LINKS = [
    "tab=explore", "tab=morph&source_a=Your+picture", "tab=generate&stretch=2",
    "tab=reconstruction&damage=Noise&source=Training+set&models=gan_dim_8,vae_2",
    "tab=reconstruction&source=Your+picture", "tab=memory", "tab=learning&epochs=0&model=vae_2",
    "tab=learning&epochs=1&model=ae_16", "tab=compare", "tab=steer", "tab=steer&kind=Bag",
]  # fmt: skip


@pytest.mark.parametrize("locale", ["en-US", "pt-BR"])
@pytest.mark.parametrize("link", LINKS)
def test_every_text_of_the_page_is_in_its_language(visit, link, locale):
    page = visit(query=f"?{link}", locale=locale)
    tab = link.split("&")[0].removeprefix("tab=")
    ready(page, title_of(tab))
    page.wait_for_load_state("networkidle")
    language = locale[:2]
    known = [pattern(texts[language]) for folder in ("shared", tab) for texts in WORDS[folder].values()]
    known += [pattern(words["title"][language]) for folder, words in WORDS.items() if folder != "shared"]
    library = {both(text)[language] for text in texts_of_the_library()}
    parts = {part.lstrip("↓←↑→ ") for text in page.evaluate(TEXTS) for part in text.split(" · ")}
    unknown = {
        part
        for part in parts
        if part not in library and not OTHER.match(part) and not any(text.fullmatch(part) for text in known)
    }
    assert unknown == set()
    assert len(parts) > 30


# -- the whole page


@pytest.mark.parametrize(("width", "theme"), [(390, "light"), (390, "dark"), (1280, "light"), (1280, "dark")])
def test_every_tab_fits_and_nothing_leaves_the_machine(visit, address, width, theme):
    page = visit(width, f"?__theme={theme}")
    for tab in FIGURES:
        turn_to(page, tab)
        page.get_by_text("More", exact=True).locator("visible=true").click()
        assert page.evaluate(OVERFLOW) == 0, f"{tab} is wider than the screen"
    outside = [url for url in page.requested if not url.startswith((address, "data:", "blob:"))]
    assert outside == []
    assert len(page.requested) > 10  # the list was kept at all
    assert page.complaints == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_can_be_read(visit, theme):
    page = visit(query=f"?__theme={theme}")
    picture = page.locator(".intro").first.screenshot()
    grey = np.asarray(Image.open(BytesIO(picture)).convert("L")).astype(int)
    ground = np.median(grey)
    assert ground < 60 if theme == "dark" else ground > 200
    assert np.abs(grey - ground).max() > 120


def test_tabs_and_walls_by_the_keyboard_alone(visit):
    page = visit()
    tab = page.get_by_role("tab", name="Memory", exact=True)
    tab.focus()
    page.keyboard.press("Enter")
    figure = ready(page, "Memory")
    before = figure.locator("img").first.get_attribute("src")
    page.get_by_label("Seed").locator("visible=true").focus()
    page.keyboard.press("ArrowUp")
    expect(figure.locator("img").first).not_to_have_attribute("src", before, timeout=15_000)
    python = figure.locator("summary")
    python.focus()
    page.keyboard.press("Enter")
    expect(figure.locator("code")).to_be_visible()


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
            assert status in (200, 422, 500), (event.fn.__name__, values, text)
            if status == 500:
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
        assert "expected" in text or (status == 200 and "data:image/png" in text), (bad, text)
    for data in GARBAGE:
        status, text = post(address, "component_server/", ask | {"data": data})
        assert not LEAK.search(text) and "expected" in text, (data, text)


SERVERS = ["weights/../pyproject.toml", "weights", "demo/app.py", "demo", "demo/static", "demo/tabs/explore"]
SERVERS += ["demo/tabs/explore/../explore/view.py", "demo/static/../page.py", "demo/tabs/explore/explore.js/../tab.py"]


def handed_out(address, path) -> bytes:
    with urlopen(f"{address}gradio_api/file={path}", timeout=20) as answer:
        return answer.read()


@pytest.mark.parametrize("path", ["/etc/passwd", *SERVERS])
def test_no_file_of_the_servers_is_handed_out(address, path):
    with pytest.raises(HTTPError) as refusal:
        handed_out(address, path if path.startswith("/") else f"{ROOT}/{path}")
    assert refusal.value.code in (403, 404)


def test_of_the_demo_only_what_browsers_need_is_handed_out(address):
    files = [path for path in (ROOT / "demo").rglob("*") if path.is_file()]
    assert len({path.suffix for path in files}) > 4
    for path in files:
        if path.suffix in (".css", ".html", ".js", ".json"):
            assert handed_out(address, path) == path.read_bytes()
        else:
            with pytest.raises(HTTPError) as refusal:
                handed_out(address, path)
            assert refusal.value.code in (403, 404), path


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


def test_it_starts_as_a_space(tmp_path):
    """The repository copied, requirements.txt installed, nothing else, no data set: the page answers.

    The packages are those that are here already, since installing them anew would be gigabytes; `-S` hides all others,
    and any installed gengallery.
    """
    for folder in ("gengallery", "demo"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(gengallery.gallery.WEIGHTS, tmp_path / "weights", ignore=shutil.ignore_patterns(".*"))
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
