"""The demo as its visitors meet it: in a real browser, through its API, and started as a Space starts it."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from importlib.metadata import distribution
from io import BytesIO
from pathlib import Path
from urllib.parse import parse_qsl, urlparse
from urllib.request import urlopen

import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from packaging.requirements import Requirement
from PIL import Image
from playwright.sync_api import expect, sync_playwright

import gengallery
from gengallery.images import CLASS_NAMES, to_uint8

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "demo"))

import app  # noqa: E402
import checks  # noqa: E402
import latent  # noqa: E402
import morph  # noqa: E402
import views  # noqa: E402

GAN, FLAT = views.gans()[0], latent.flat_models()
TABS = {
    "Explore": "explore",
    "Morph": "morphs",
    "GANs": "gans",
    "Reconstruction": "reconstructions",
    "Memory": "memory",
    "Learning": "learning",
    "Compare": "compare",
}  # name: id of its figure
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)  # fmt: skip
PIXELS = """image => {
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
    const context = canvas.getContext('2d');
    context.drawImage(image, 0, 0);
    return Array.from(context.getImageData(0, 0, canvas.width, canvas.height).data.filter((_, i) => i % 4 == 0));
}"""
CANVAS = "c => Array.from(c.getContext('2d').getImageData(0, 0, 28, 28).data.filter((_, i) => i % 4 == 0))"
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def address():
    yield app.launch(server_name="127.0.0.1", server_port=free_port(), prevent_thread_lock=True, quiet=True)
    app.demo.close()


@pytest.fixture(scope="module")
def client(address):
    return Client(address, verbose=False)


@pytest.fixture(scope="module")
def playwright():
    with sync_playwright() as running:
        yield running


@pytest.fixture
def visit(playwright, address, tmp_path):
    """visit(width, query) opens the page in a browser of its own; the requests it made are in page.requested."""
    names = ("chromium", "chrome", "google-chrome", "chromium-browser")
    browsers = [
        os.environ.get("CHROME"),
        "/usr/bin/chromium",
        *map(shutil.which, names),
        playwright.chromium.executable_path,
    ]
    browser = next((path for path in browsers if path and Path(path).exists()), None)
    if browser is None:
        pytest.skip("no Chrome or Chromium found; install one, or name it in $CHROME")
    contexts = []

    def open_page(width=1280, query="", locale="en-US"):
        context = playwright.chromium.launch_persistent_context(
            tmp_path / f"browser{len(contexts)}", headless=True, executable_path=browser, args=FLAGS,
            viewport={"width": width, "height": 900}, locale=locale,
        )  # fmt: skip
        contexts.append(context)
        page = context.new_page()
        page.requested = []
        page.on("request", lambda request: page.requested.append(request.url))
        page.complaints = []
        page.on("console", lambda said: page.complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.goto(address + query)
        expect(page.get_by_role("tab", name="Compare", exact=True)).to_be_visible(timeout=30_000)
        return page

    yield open_page
    for context in contexts:
        context.close()


def turn_to(page, tab):
    """Open a tab and wait until its figure hangs; returns the figure."""
    page.get_by_role("tab", name=tab, exact=True).click()
    figure = page.locator(f"#{TABS[tab]}")
    expect(figure.locator("img, canvas").first).to_be_visible(timeout=30_000)
    return figure


def pixels(image) -> np.ndarray:
    """The pixels of a picture in the page, as the browser decoded them."""
    width = image.evaluate("image => image.naturalWidth")
    return np.array(image.evaluate(PIXELS), np.uint8).reshape(-1, width)


# -- in the browser


def test_gans(visit):
    page = visit()
    turn_to(page, "GANs")
    cells = page.locator("#gans .row").first.locator("img")
    expect(cells).to_have_count(checks.MOST_IMAGES)
    (row,) = views.gan_variants([GAN], checks.MOST_IMAGES, 0)
    np.testing.assert_array_equal([pixels(cell) for cell in cells.all()], row.pictures)

    style = cells.first.evaluate(
        "image => [getComputedStyle(image).imageRendering, image.getBoundingClientRect().width]"
    )
    assert style[0] == "pixelated"
    assert style[1] >= 56
    assert style[1] % 28 == 0

    before = cells.first.get_attribute("src")
    page.get_by_label("Seed").first.fill("5")
    expect(cells.first).not_to_have_attribute("src", before)
    np.testing.assert_array_equal(pixels(cells.first), views.gan_variants([GAN], 1, 5)[0].pictures[0])

    page.get_by_label(GAN, exact=True).first.uncheck()
    expect(page.locator("#gans .row")).to_have_count(len(views.gans()) - 1)
    expect(page.locator("#priors .row").first).to_contain_text("Its own")


def test_reconstruction_of_an_upload(visit, tmp_path):
    page = visit()
    figure = turn_to(page, "Reconstruction")
    expect(figure.locator(".row")).to_have_count(1 + len(views.encoding_models()))
    expect(page.locator("#noise .row")).to_have_count(len(views.encoding_models()))
    picture = Image.fromarray(np.kron(np.eye(4, dtype=np.uint8) * 240, np.ones((20, 20), np.uint8)))
    picture.save(tmp_path / "eye.png")
    page.get_by_label("Your picture", exact=True).first.check()
    page.locator("input[type=file]").first.set_input_files(tmp_path / "eye.png")
    expect(figure.locator(".notice")).to_contain_text("Your picture", timeout=30_000)
    rows, _ = views.reconstructions(views.encoding_models(), views.UPLOAD, 1, 0, picture)
    for index, row in enumerate(rows):
        shown = figure.locator(".row").nth(index)
        expect(shown.locator("figcaption")).to_have_text(list(row.captions))
        np.testing.assert_array_equal([pixels(shown.locator("img"))], row.pictures)


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
    return np.array(pad.locator(".garment").evaluate(CANVAS), np.uint8).reshape(28, 28)


def close(image: np.ndarray, name: str, z: list[float]) -> bool:
    """Whether the page's image is Python's, but for one grey level."""
    return np.abs(image.astype(int) - latent.decode(name, z)).max() <= 1


def test_the_browser_decodes_as_python_does(visit):
    page = visit()
    for name in latent.encoders():
        z = views.load(name).sample(20, seed=3)
        image = page.evaluate(
            """async ([script, file, latents]) => {
                const { fetchDecoder } = await import(new URL(script, document.baseURI));
                const decoder = await fetchDecoder(new URL(file, document.baseURI));
                return latents.map(z => [...decoder.decode(z)]);
            }""",
            [app.address(app.STATIC / "decoder.js"), app.address(app.DECODERS / f"{name}.safetensors"), z.tolist()],
        )
        expected = views.load(name).decode(z).flatten(1).numpy()
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
        expected = views.load(name).statistics.centroids[sneaker].tolist()
        expect(pad.locator("output")).to_have_text(re.compile(rf"^−?{abs(round(expected[0], 2)):g}, "))
        assert written(pad) == pytest.approx(expected, abs=0.011)
    before = written(pads.first)
    page.get_by_role("button", name="Surprise me").click()
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
        page.get_by_label(label, exact=True).fill(value)
    page.get_by_label("Images a side").fill("7")
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

    page.get_by_label("x to", exact=True).fill("-3")
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
        assert np.abs(garment(pad).astype(int) - to_uint8(views.load(name).decode(middle))[0]).max() <= 1
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


def test_explore_speaks_portuguese(visit):
    page = visit(locale="pt-BR")
    words = json.loads((app.STATIC / "pt.json").read_text(encoding="utf-8"))
    page.get_by_role("button", name=words["Surprise me"]).click(timeout=30_000)
    chips = page.locator(".chips button")
    expect(chips).to_have_text([words[name] for name in CLASS_NAMES])
    options = page.locator("#explore select option")
    expect(options).to_have_text([words[kind.title] for kind in latent.KINDS.values()])
    expect(page.locator("#explore legend").first).to_have_text("Modelos")
    assert page.complaints == []


def test_every_text_of_explore_has_its_translation():
    words = json.loads((app.STATIC / "pt.json").read_text(encoding="utf-8"))
    texts = {
        text.strip() for text in re.findall(r">([^<>]+)<", (app.STATIC / "explore.html").read_text()) if text.strip()
    }
    scripts = "".join((app.STATIC / name).read_text() for name in ("explore.js", "page.js"))
    texts |= set(re.findall(r'say\("([^"]+)"\)', scripts)) | set(CLASS_NAMES) | {latent.OWN, latent.TRIANGLE}
    texts |= {kind.title for kind in latent.KINDS.values()} | set(latent.RANGES)
    assert texts - words.keys() == set()
    assert len(texts) > 30


def test_nonsense_in_the_address_is_left_aside(visit):
    query = "?tab=explore&models=nobody,<b>&range=all&side=1e9&at=NaN,7&pins=x&plane=__proto__&own=4,3,2,1"
    page, pads = explore(visit, query=query)
    expect(pads.locator("header b")).to_have_text(FLAT)
    assert page.complaints == []


def test_morphs(visit):
    page = visit()
    figure = turn_to(page, "Morph")
    rows = figure.locator(".row")
    expect(rows).to_have_count(len(views.encoding_models()))
    wish = [views.encoding_models(), [morph.TEST] * 2, [0, 1], [None] * 2, morph.STRAIGHT, morph.NO_CLASS]
    expected_rows, _ = morph.morphs(*wish, morph.NO_CLASS, 1)
    for row, expected in zip(rows.all(), expected_rows, strict=True):
        np.testing.assert_array_equal([pixels(image) for image in row.locator("img").all()], expected.pictures)
    with page.expect_download() as saved:
        figure.get_by_role("link", name="Save as GIF").click()
    assert Image.open(saved.value.path()).n_frames == 2 * morph.FRAMES - 2


def test_memory(visit):
    page = visit()
    figure = turn_to(page, "Memory")
    rows, notice = views.memorised(GAN, checks.MOST_IMAGES, 0)
    expect(figure.locator(".notice")).to_have_text(notice)
    for row, expected in zip(figure.locator(".row").all(), rows, strict=True):
        np.testing.assert_array_equal([pixels(image) for image in row.locator("img").all()], expected.pictures)


def test_learning(visit):
    page = visit()
    figure = turn_to(page, "Learning")
    name = gengallery.list_histories()[0]
    last = len(views.course(name)) - 1
    page.get_by_label("Moment").first.fill("0")
    expect(figure).to_contain_text("before training")
    expected = views.learning(name, 0, checks.MOST_IMAGES, 0)
    row = figure.locator(".row").last
    np.testing.assert_array_equal([pixels(image) for image in row.locator("img").all()], expected[-1].pictures)
    assert last > 0


def test_compare(visit):
    page = visit()
    figure = turn_to(page, "Compare")
    found = views.comparison()
    names = figure.locator("tbody tr:has(img) th")
    expect(names).to_have_count(len(gengallery.list_models()))
    expect(figure.locator("tbody th[scope=row]")).to_have_count(len(gengallery.list_models()) + bool(found.floor))
    expect(figure.locator("article")).to_have_count(len(found.families))
    expect(figure.locator("th.over")).to_have_text(["What it is", *found.groups])
    assert pixels(figure.locator("tbody img").first).shape == (28, 28)
    page.get_by_text("Measure again").click()
    expect(names).to_have_count(len(gengallery.list_models()))


@pytest.mark.parametrize("scorecards", [True, False])
@pytest.mark.parametrize("width", [390, 1280])
def test_the_table_scrolls_beside_its_names(visit, monkeypatch, width, scorecards):
    measured = {figure.name: 0.5 for figure in views.SAMPLES}
    scorecard = {"figures": measured, "floor": measured} if scorecards else None
    info = gengallery.info
    monkeypatch.setattr(gengallery, "info", lambda name: {**info(name), "scorecard": scorecard})
    page = visit(width)
    figure = turn_to(page, "Compare")
    assert (figure.locator("td.missing").count() == 0) == scorecards
    expect(figure.locator("th[scope=row]", has_text="real images")).to_have_count(int(scorecards))
    name = figure.locator("th[scope=row]").first
    before = name.bounding_box()
    for index, title in enumerate(["What it is", *views.comparison().groups]):
        figure.get_by_role("button", name=title).click()
        heading = figure.locator("th.over span").nth(index)
        expect(heading).to_be_in_viewport(ratio=1)
        assert name.bounding_box()["x"] == pytest.approx(before["x"], abs=1)
        assert page.evaluate(OVERFLOW) == 0


@pytest.mark.parametrize(("width", "query"), [(390, "?__theme=light"), (390, "?__theme=dark"), (1280, "?__theme=dark")])
def test_every_tab_fits_and_nothing_leaves_the_machine(visit, address, width, query):
    page = visit(width, query)
    for tab in TABS:
        turn_to(page, tab)
        page.get_by_text("More", exact=True).locator("visible=true").click()
        assert page.evaluate(OVERFLOW) == 0, f"{tab} is wider than the screen"
    outside = [url for url in page.requested if not url.startswith((address, "data:", "blob:"))]
    assert outside == []
    assert len(page.requested) > 10  # the list was kept at all


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_can_be_read(visit, theme):
    page = visit(query=f"?__theme={theme}")
    picture = page.locator(".intro").first.screenshot()
    grey = np.asarray(Image.open(BytesIO(picture)).convert("L")).astype(int)
    ground = np.median(grey)
    assert ground < 60 if theme == "dark" else ground > 200
    assert np.abs(grey - ground).max() > 120


# -- through the API

CALLS = {
    "/gan_variants": {"variants": [GAN], "count": 2, "seed": 1},
    "/swap_prior": {"model": GAN, "noises": ["uniform, raw"], "count": 2, "seed": 1},
    "/reconstruct": {"models": FLAT[:1], "source": views.TEST, "count": 2, "seed": 1, "upload": None},
    "/from_noise": {"models": [GAN], "seed": 1},
    "/latent_grid": {
        "model": FLAT[0], "preset": latent.OWN, "side": 3, "x_min": -1, "x_max": 1, "y_min": -2, "y_max": 2,
    },
    "/morph": {
        "models": FLAT[:1], "source_a": morph.TEST, "seed_a": 0, "upload_a": None, "source_b": morph.SAMPLE,
        "seed_b": 1, "upload_b": None, "path": morph.ARC, "less": morph.NO_CLASS, "more": "Bag", "strength": 1,
    },
    "/memorised": {"model": GAN, "count": 2, "seed": 1},
    "/learning": {"model": gengallery.list_histories()[0], "moment": 1, "count": 2, "seed": 1},
    "/compare": {},
}  # fmt: skip
POSTERS = {
    "/gan_variants": lambda: views.poster(views.gan_variants([GAN], 2, 1)),
    "/swap_prior": lambda: views.poster(views.swapped_priors(GAN, ["uniform, raw"], 2, 1)),
    "/reconstruct": lambda: views.poster(views.reconstructions(FLAT[:1], views.TEST, 2, 1)[0]),
    "/morph": lambda: views.poster(
        morph.morphs(FLAT[:1], [morph.TEST, morph.SAMPLE], [0, 1], [None, None], morph.ARC, morph.NO_CLASS, "Bag", 1)[0]
    ),
    "/memorised": lambda: views.poster(views.memorised(GAN, 2, 1)[0]),
    "/learning": lambda: views.poster(views.learning(gengallery.list_histories()[0], 1, 2, 1)),
    "/from_noise": lambda: views.poster(views.from_noise([GAN], 1)),
}


def call(client, endpoint, **changes):
    """Call an endpoint by the order of its inputs."""
    return client.predict(*(CALLS[endpoint] | changes).values(), api_name=endpoint)


def test_every_endpoint_is_named_and_documented(client):
    endpoints = client.view_api(return_format="dict")["named_endpoints"]
    assert set(endpoints) == set(CALLS)
    assert all(endpoint["description"] for endpoint in endpoints.values())


@pytest.mark.parametrize("endpoint", POSTERS)
def test_endpoints_give_the_page_and_a_lossless_picture(client, endpoint):
    page, poster = call(client, endpoint)
    assert "data:image/png;base64," in page
    assert Path(poster).suffix == ".png"
    np.testing.assert_array_equal(np.asarray(Image.open(poster).convert("L")), POSTERS[endpoint]())


def test_compare_endpoint(client):
    page = call(client, "/compare")
    assert all(f'alt="Drawn by {name}"' in page for name in gengallery.list_models())


def test_upload_through_the_api(client, tmp_path):
    Image.new("RGBA", (40, 30), (200, 10, 10, 128)).save(tmp_path / "red.png")
    page, _ = call(client, "/reconstruct", source=views.UPLOAD, upload=handle_file(tmp_path / "red.png"))
    assert "Your picture" in page


@pytest.mark.parametrize(
    ("endpoint", "changes", "message"),
    [
        ("/gan_variants", {"variants": []}, "variants: expected at least one"),
        ("/gan_variants", {"variants": ["nobody"]}, "nobody"),
        ("/gan_variants", {"count": 11}, "11"),
        ("/gan_variants", {"seed": -1}, "-1"),
        ("/gan_variants", {"seed": 0.5}, "seed: expected a whole number"),
        ("/swap_prior", {"model": "../weights"}, "../weights"),
        ("/swap_prior", {"noises": ["cauchy"]}, "cauchy"),
        ("/reconstruct", {"source": views.UPLOAD}, "upload"),
        ("/reconstruct", {"models": []}, "models: expected at least one"),
        ("/from_noise", {"seed": 2**32}, str(2**32)),
        ("/latent_grid", {"side": 31}, "31"),
        ("/latent_grid", {"x_min": 1}, "minimum below the maximum"),
        ("/latent_grid", {"y_max": 1e9}, "range: expected a number"),
        ("/latent_grid", {"model": GAN}, GAN),
    ],
)
def test_endpoints_say_what_is_wrong(client, endpoint, changes, message):
    with pytest.raises(AppError) as refusal:
        call(client, endpoint, **changes)
    assert message in str(refusal.value)


def test_an_upload_that_is_no_picture_is_refused(client, tmp_path):
    (tmp_path / "fake.png").write_bytes(b"not a picture")
    with pytest.raises(AppError, match="cannot identify image"):
        call(client, "/reconstruct", source=views.UPLOAD, upload=handle_file(tmp_path / "fake.png"))


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
        page, _ = call(Client(f"http://127.0.0.1:{port}", verbose=False), "/reconstruct")
        assert "not on this machine" in page
    finally:
        server.terminate()
        server.communicate(timeout=20)
