"""The tab Explore in a real browser: maps to point at, matrices, and a decoder that agrees with Python's."""

import json
import re
from urllib.parse import parse_qsl, urlparse

import numpy as np
import pytest
from conftest import pixels
from demo_pages import (
    CANVAS,
    FLAT,
)
from PIL import Image
from playwright.sync_api import expect

from demo.shared import models
from demo.shared.originals import CLASS_NAMES
from demo.tabs.explore import view as latent
from gengallery.data import to_uint8
from gengallery.model.latents import latent_grid


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
    lines = page.locator(".share code").text_content()
    return {name: json.loads(z) for name, z in re.findall(r'load\("(\w+)"\).decode\((.*)\)', lines)}


def decoded_image(pad) -> np.ndarray:
    return np.array(pad.locator(".decoded").evaluate(CANVAS), np.uint8).reshape(28, 28)


def close(image: np.ndarray, name: str, z: list[float]) -> bool:
    """Whether the page's image is Python's, but for one grey level."""
    return np.abs(image.astype(int) - latent.decode(name, z)).max() <= 1


def test_the_browser_decodes_as_python_does(visit):
    from demo.shared import static
    from demo.shared.files import FOLDER

    page = visit()
    for name in latent.encoders():
        if not (FOLDER / f"{name}.safetensors").exists():  # the server decodes for it
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
                static.address(FOLDER / f"{name}.safetensors"),
                z.tolist(),
            ],
        )
        expected = models.load(name).decode(z).flatten(1).numpy()
        assert np.abs(np.array(image) - expected).max() < 1 / 255, name


@pytest.mark.parametrize("width", [390, 1280])
def test_the_images_follow_the_mouse(visit, width):
    page, pads = explore(visit, width)
    expect(pads.locator("header b")).to_have_text(FLAT)
    canvas = pads.first.locator(".pad")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    before = [decoded_image(pad) for pad in pads.all()]
    page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 0.8 * box["height"])
    expect(page.locator(".share code")).to_contain_text("import gengallery")
    expect(pads.first.locator("output")).not_to_have_text("")
    page.wait_for_function("() => new URL(location).searchParams.get('at')?.startsWith('0.3')")
    for pad, old, (name, z) in zip(pads.all(), before, decoded(page).items(), strict=True):
        plane = latent.plane(name, "latents", 0)
        x_min, x_max, y_min, y_max = plane.map
        assert z == pytest.approx([x_min + 0.3 * (x_max - x_min), y_min + 0.2 * (y_max - y_min)], abs=0.2)
        assert written(pad) == pytest.approx(z, abs=0.01)
        assert close(decoded_image(pad), name, z)
        assert (decoded_image(pad) != old).any()
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
        z = latent_grid(*area, 15).reshape(15, 15, 2)[7, 3].tolist()
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
        assert np.abs(decoded_image(pad).astype(int) - to_uint8(models.load(name).decode(middle))[0]).max() <= 1
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
    assert close(decoded_image(pad), FLAT[0], decoded(page)[FLAT[0]])


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
