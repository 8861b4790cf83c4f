"""The demo in a real browser: what each tab shows for what its visitor chose, and the page as a whole."""

import re
from io import BytesIO

import demo_panels
import numpy as np
import pytest
from conftest import FIGURES, ready, turn_to
from demo_pages import CANVAS, FLAT, GAN, GUIDED, OVERFLOW, STEPPING, python_of, query, shown, shows
from PIL import Image, ImageSequence
from playwright.sync_api import expect

import gengallery
from demo.shared import checks, models, originals
from demo.shared.originals import CLASS_NAMES
from demo.tabs.generate import view as generate
from demo.tabs.learning import view as learning
from demo.tabs.memory import view as memory
from demo.tabs.morph import view as morph
from demo.tabs.reconstruction import view as reconstruction
from demo.tabs.steer import view as steer
from gengallery.data import as_images


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
    assert shows(page, "steer", demo_panels.classes(steer.labelled_models(), steer.EVERY, 0))
    assert shows(page, "strict", demo_panels.guided(GUIDED, CLASS_NAMES[-1], 0))
    assert shows(page, "formed", demo_panels.formed(STEPPING, steer.MOST_STEPS // 2, 0))
    with page.expect_download() as saved:
        page.get_by_role("link", name="Save as GIF").locator("visible=true").click()
    assert Image.open(saved.value.path()).n_frames == 1 + steer.MOST_STEPS // 2

    kind, label = (page.get_by_label("Bag", exact=True).locator("visible=true").nth(i) for i in (0, 1))
    kind.check()
    expected = demo_panels.classes(steer.labelled_models(), "Bag", 0)
    expect(page.locator("#steer code")).to_have_text(expected.python, timeout=30_000)
    assert shows(page, "steer", expected)
    label.check()
    expected = demo_panels.guided(GUIDED, "Bag", 0)
    expect(page.locator("#strict code")).to_have_text(expected.python, timeout=30_000)
    assert shows(page, "strict", expected)
    page.get_by_label("Steps").locator("visible=true").first.fill("3")
    expected = demo_panels.formed(STEPPING, 3, 0)
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
    expected = demo_panels.reconstructions(FLAT, originals.TEST, "Bag", 3, 4, None, reconstruction.PATCH, 0.4, True)
    expect(page.locator("#reconstruction .row")).to_have_count(len(expected.rows))
    caption = "generated" if expected.notice else "Bag"  # without the data set, or with it
    expect(page.locator("#reconstruction figcaption").first).to_have_text(caption, use_inner_text=True)
    assert shows(page, "reconstruction", expected)
    page.get_by_label("Error maps: blue is too dark, orange is too light").uncheck()
    expect(page.locator("#reconstruction .row")).to_have_count(4)
    assert page.complaints == []


def test_long_work_shows_what_it_has_and_can_be_stopped(visit):
    # Those whose search takes a second or so for a row: neither done at once, nor long on its way.
    names = [name for name in models.noise_models() if gengallery.info(name)["latent"] <= 32]
    page = visit(query=f"?tab=reconstruction&models={','.join(names)}&errors=false")
    # After those of the start, those of the address.
    expect(page.locator("#reconstruction .row").nth(1)).to_contain_text(names[0], timeout=30_000)
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
    assert shows(page, "reconstruction", demo_panels.reconstructions(*wish, text, reconstruction.NOTHING, 0.4, True))
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
    assert shows(page, "morph", demo_panels.morphs(*wish, morph.NO_CLASS, 1))
    with page.expect_download() as saved:
        page.get_by_role("link", name="Save as GIF").click()
    assert len(list(ImageSequence.Iterator(Image.open(saved.value.path())))) == 2 * morph.FRAMES - 2
    page.get_by_label("Bag", exact=True).locator("visible=true").last.check()
    expected = demo_panels.morphs(*wish, "Bag", 1)
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
    name = learning.first_history()
    assert shows(page, "learning", learning.learning(name, 0, checks.MOST_IMAGES, 0))
    expect(figure).to_contain_text("before training")
    epochs = page.get_by_role("group", name="Epochs of training").locator("visible=true")
    expect(epochs.get_by_role("radio")).to_have_count(len(learning.course(name)))
    epochs.get_by_label("4", exact=True).check()
    expect(figure).to_contain_text("after 4 epochs")
    assert shows(page, "learning", learning.learning(name, 4, checks.MOST_IMAGES, 0))
    page.get_by_role("button", name="Play").click()  # from there to the end
    last = max(learning.course(name))
    expect(figure).to_contain_text(f"after {last} epochs", timeout=30_000)
    assert query(page)["epochs"] == str(last)


def test_the_choice_of_epochs_is_narrowed_in_the_page_alone(visit):
    courses = {name: list(learning.course(name)) for name in gengallery.list_histories()}
    short = min(courses, key=lambda name: max(courses[name]))
    beyond = next(epoch for epoch in learning.all_epochs() if epoch not in courses[short])
    page = visit(query=f"?tab=learning&model={short}")
    ready(page, "Learning")
    expect(page.locator(".moments label")).to_have_text([str(epoch) for epoch in courses[short]])
    page.evaluate("([name, epoch]) => history.pushState(null, '', `?tab=learning&model=${name}&epochs=${epoch}`)",
                  [next(name for name in courses if beyond in courses[name]), beyond])  # fmt: skip
    page.evaluate("dispatchEvent(new PopStateEvent('popstate'))")  # both are set at once
    expect(page.locator("#learning")).to_contain_text(f"after {beyond} epochs")
    assert page.complaints == []


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
