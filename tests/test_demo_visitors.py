"""What visitors stumbled over: Back, waiting, Stop, lost connections, the keyboard, phones, links, the start.

One file, since each takes a visit to the same slowed page.
"""

import gzip
import json
import os
import re
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from urllib.parse import parse_qsl, urlparse
from urllib.request import Request, urlopen

import numpy as np
import pytest
import safetensors.numpy
from conftest import FIGURES, free_port, in_loop, offline, ready, turn_to
from playwright.sync_api import expect

import gengallery
from demo import server
from demo.shared import decoders, models, originals
from demo.shared.kept import kept
from demo.shared.live import throttled
from demo.shared.work import Job
from demo.tabs.compare import view as comparison
from demo.tabs.explore import view as explore
from demo.tabs.learning import view as learning
from demo.tabs.memory import view as memory
from demo.tabs.reconstruction import view as reconstruction
from demo.tabs.steer import view as steer
from gengallery import data

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = sorted((ROOT / "demo").rglob("*.js"))
TABS = list(FIGURES.values())


def query(page) -> dict[str, str]:
    return dict(parse_qsl(urlparse(page.evaluate("location.href")).query))


def address_has(page, **values):
    """Wait until the address says `values`."""
    wanted = json.dumps(values)
    page.wait_for_function(f"Object.entries({wanted}).every(([k, v]) => new URL(location).searchParams.get(k) === v)")


def script(address, name) -> str:
    """The address of a script that all share."""
    return f"{address}files/static/{name}"


def open_tab(page):
    return page.locator("[role=tab][aria-selected=true]")


# -- Back and Forward


def test_back_and_forward_restore_tab_view_and_card(visit):
    page = visit(query="?tab=generate&seed=7")
    ready(page, "Generate")
    turn_to(page, "Memory")
    address_has(page, tab="memory")
    page.get_by_label("Seed").locator("visible=true").fill("5")  # replaces: no step of its own
    address_has(page, tab="memory", seed="5")
    turn_to(page, "Compare")
    page.locator("#compare .name").first.click()
    expect(page.locator("dialog[open]")).to_be_visible()
    card = query(page)["card"]

    page.go_back()
    expect(page.locator("dialog[open]")).to_have_count(0)
    assert query(page) == {"tab": "compare"}
    page.go_back()
    expect(open_tab(page)).to_have_text("Memory")
    expect(page.get_by_label("Seed").locator("visible=true")).to_have_value("5")
    page.go_back()
    expect(open_tab(page)).to_have_text("Generate")
    expect(page.get_by_label("Seed").locator("visible=true")).to_have_value("7")
    page.go_forward()
    expect(open_tab(page)).to_have_text("Memory")
    page.go_forward()
    expect(open_tab(page)).to_have_text("Compare")
    page.go_forward()
    expect(page.locator("dialog[open]")).to_contain_text(card)
    page.keyboard.press("Escape")  # closing goes back too, so that Back does not open it again
    address_has(page, tab="compare")
    expect(page.locator("dialog[open]")).to_have_count(0)
    assert "card" not in query(page)
    assert page.complaints == []


def test_the_page_around_a_spaces_frame_hears_of_the_address(browser, address):
    context = browser.new_context(locale="en-US", reduced_motion="reduce")
    context.add_init_script("heard = []; window.parent = { postMessage: (...said) => heard.push(said) }")
    page = context.new_page()
    page.goto(f"{address}?tab=generate&__sign=secret")
    ready(page, "Generate")
    turn_to(page, "Memory")
    address_has(page, tab="memory")
    page.wait_for_function("heard.some(([said]) => said?.queryString?.includes('tab=memory'))")
    said, target = page.evaluate("heard.findLast(([said]) => said?.queryString)")
    assert target == "https://huggingface.co"
    assert dict(parse_qsl(said["queryString"])) | {"__sign": "secret"} == query(page)
    link = page.evaluate("src => import(src).then(page => page.viewLink())", script(address, "page.js"))
    assert link.startswith(address) and "tab=memory" in link and "secret" not in link
    context.close()


# -- waiting and Stop


@pytest.fixture
def slow(monkeypatch):
    """Reconstruction's second default model takes its time, until the test lets it go on."""
    make, second, free = reconstruction._rebuilt.make, models.encoding_models()[1], []

    def held(name, *wish):
        until = time.monotonic() + 20
        while name == second and not free and time.monotonic() < until:
            time.sleep(0.05)
        return make(name, *wish)

    monkeypatch.setattr(reconstruction._rebuilt, "make", held)
    monkeypatch.setattr(reconstruction._rebuilt, "answers", type(reconstruction._rebuilt.answers)())
    yield free
    free.append(True)


def test_rows_say_that_they_are_being_made_and_stop_says_what_is_left(visit, slow):
    page = visit(query="?tab=reconstruction&seed=11&errors=false")
    panel = page.locator("#reconstruction")
    awaited = panel.locator(".row.awaited")
    names = models.encoding_models()
    expect(awaited).to_have_count(len(names) - 1, timeout=30_000)
    expect(awaited.first).to_contain_text(names[1])
    expect(awaited.first).to_contain_text("being made")
    expect(awaited.nth(1)).to_contain_text("to come")
    expect(panel.locator(".row", has_text=names[0]).locator("img").first).to_be_visible()
    assert float(panel.evaluate("panel => getComputedStyle(panel.querySelector('.rows')).opacity")) == 1
    page.get_by_role("button", name="Stop").locator("visible=true").click()
    expect(panel.locator(".state.stopped")).to_be_visible()
    expect(awaited.first).to_contain_text("not made")
    expect(awaited.first.locator(".making")).to_be_hidden()
    expect(page.locator(".voice")).to_contain_text("Stopped")
    slow.append(True)
    panel.get_by_role("button", name="Try again").locator("visible=true").click()
    expect(awaited).to_have_count(0, timeout=60_000)
    expect(panel.locator(".row")).to_have_count(1 + len(names))
    expect(panel.locator(".state:visible")).to_have_count(0)
    expect(page.locator(".voice")).to_have_text("Done")


def test_what_a_model_made_stays_when_another_is_chosen():
    wish = {
        "source": originals.TEST, "kind": originals.ANY_CLASS, "count": 2, "seed": 4321, "picture": None,
        "damage": reconstruction.NOTHING, "amount": 0.4, "errors": True,
    }  # fmt: skip
    first, second = models.encoding_models()[:2]
    *_, whole = reconstruction.growing([first], **wish)
    begun, *_, both = reconstruction.growing([first, second], **wish)
    assert [len(row.pictures) for row in begun.rows] == [2, 2, 2, 0]
    for before, after in zip(whole.rows, both.rows, strict=False):
        np.testing.assert_array_equal(before.pictures, after.pictures)


def test_kept_answers_are_the_last_ones():
    asked = []
    double = kept(2)(lambda x: asked.append(x) or 2 * x)
    assert [double(1), double(2), double(1), double(3)] == [2, 4, 2, 6]
    assert asked == [1, 2, 3]
    assert double.known(2) is None  # 1 was asked for since
    assert double.known(1) == 2


def test_what_grows_is_shown_when_nothing_followed_for_a_while():
    def values():
        yield "at once"
        yield "begun"
        time.sleep(0.8)
        yield "soon"
        yield "whole"

    async def collected(values):
        begun, job = time.monotonic(), Job("")
        shown = [(value, time.monotonic() - begun) async for value in throttled(values, job)]
        assert job.stopped
        return shown

    shown = in_loop(collected(values()))
    assert [value for value, _ in shown] == ["begun", "whole"]
    assert shown[0][1] == pytest.approx(0.5, abs=0.2)  # though what follows takes longer

    def broken():
        yield "begun"
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        in_loop(collected(broken()))


def test_a_lost_connection_is_told(visit):
    page = visit(query="?tab=memory")
    panel = ready(page, "Memory")
    page.context.set_offline(True)
    page.get_by_role("button", name="Another seed").locator("visible=true").click()
    expect(panel.locator(".state.lost")).to_be_visible(timeout=20_000)
    before = panel.locator("img").first.get_attribute("src")
    page.context.set_offline(False)  # and the page asks again by itself
    expect(panel.locator("img").first).not_to_have_attribute("src", before, timeout=20_000)
    expect(panel.locator(".state:visible")).to_have_count(0)


def test_a_broken_upload_leaves_the_drawing_alone(visit, tmp_path):
    (tmp_path / "broken.png").write_bytes(b"no picture")
    page = visit(query=f"?tab=reconstruction&source={originals.YOURS}")
    box = page.locator(".draw").locator("visible=true").first
    expect(box.locator("canvas")).to_be_visible(timeout=30_000)
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Upload a picture").locator("visible=true").click()
    chooser.value.set_files(tmp_path / "broken.png")
    expect(page.get_by_text("save it anew").first).to_be_visible(timeout=15_000)
    for status in page.locator(".draw [data-testid=status-tracker]").all():  # which says "Error", out of sight
        expect(status).not_to_be_visible()


# -- Compare

NAMES = """() => [...document.querySelectorAll('.plots svg')].map(svg => [...svg.querySelectorAll('a text')].map(
text => {
    const { left, right, top, bottom } = text.getBoundingClientRect();
    return [text.textContent, left, right, top + 2, bottom - 2, Number(getComputedStyle(text).opacity)];
}))"""


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("by", ["frechet", "memorised", "mse"])
def test_every_dot_has_its_name_and_no_two_names_meet(visit, width, by):
    page = visit(width, f"?tab=compare&by={by}")
    ready(page, "Compare")
    found = [
        model.name for family in comparison.comparison().families for model in family.entries if by in model.figures
    ]
    page.wait_for_function("document.querySelectorAll('.plots a').length > 0")
    for names in page.evaluate(NAMES):
        assert sorted(name for name, *_ in names) == sorted(found)
        assert all(opacity == 1 for *_, opacity in names)
        for i, (one, l1, r1, t1, b1, _) in enumerate(names):
            assert l1 >= 0 and r1 <= width, one
            for other, l2, r2, t2, b2, _ in names[:i]:
                assert r1 <= l2 or r2 <= l1 or b1 <= t2 or b2 <= t1, (one, other)


def test_the_axis_of_copies_reads_as_the_table_does(visit):
    page = visit(query="?tab=compare&by=memorised")
    ready(page, "Compare")
    ticks = page.locator(".plots svg").first.locator(".ground > text[text-anchor=end]:not(.floor)")
    expect(ticks.first).to_contain_text("%")
    assert all(text.endswith("%") for text in ticks.all_text_contents())


def test_times_are_taken_once(monkeypatch):
    before = comparison.comparison()
    monkeypatch.setattr(comparison, "milliseconds", lambda *_: pytest.fail("timed again"))
    assert comparison.comparison() is before


def test_compare_says_at_once_that_something_is_being_made(visit, monkeypatch):
    page = visit(query="?tab=memory")
    ready(page, "Memory")
    page.route("**/run/predict*", lambda route: None)  # the answer never comes
    page.get_by_role("tab", name="Compare", exact=True).click()
    expect(page.locator("#compare .waiting")).to_be_visible(timeout=5000)


# -- Explore

PLACE = "() => [...document.querySelectorAll('.pad-column output')].map(output => output.textContent)"


def test_a_class_survives_a_reload(visit):
    page = visit()
    ready(page, "Explore")
    before = page.evaluate(PLACE)
    page.get_by_role("button", name="Bag", exact=True).click()
    page.wait_for_function(
        f"before => JSON.stringify(({PLACE})()) !== before", arg=json.dumps(before, separators=(",", ":"))
    )
    address_has(page, **{"class": "Bag"})
    found = page.evaluate(PLACE)
    page.reload()
    ready(page, "Explore")
    page.wait_for_function(f"found => JSON.stringify(({PLACE})()) === JSON.stringify(found)", arg=found)


@pytest.mark.parametrize("name", explore.flat_models())
def test_a_click_on_the_rim_of_a_matrix_goes_there(visit, name):
    area, side = explore.plane(name, "latents", 0).ranges[explore.DEVIATIONS], 15
    page = visit(query=f"?tab=explore&models={name}")
    ready(page, "Explore")
    image = page.locator(".matrix-image")
    expect(image).to_have_attribute("src", re.compile("^data:"), timeout=20_000)
    box = image.bounding_box()
    cell = box["width"] / side
    image.click(position={"x": cell / 2, "y": box["height"] - cell / 2})
    wanted = [round(area[0], 2), round(area[2], 2)]
    read = "() => document.querySelector('.pad-column output').textContent.replaceAll('−', '-').split(', ').map(Number)"
    page.wait_for_function(f"wanted => ({read})().every((x, i) => Math.abs(x - wanted[i]) < 0.02)", arg=wanted)


def test_a_morph_pressed_twice_runs_once(visit):
    page = visit(query="?tab=explore&models=vae_2&pins=0.2,0.2,0.8,0.8")
    ready(page, "Explore")
    button = page.locator("#explore [data-do=morph]")
    expect(button).to_be_enabled()
    page.evaluate("""() => {
        seen = [];
        const button = document.querySelector('#explore [data-do=morph]');
        const output = document.querySelector('.pad-column output');
        new MutationObserver(() => seen.push(Number(output.textContent.replaceAll('−', '-').split(', ')[0])))
            .observe(output, { childList: true, characterData: true, subtree: true });
        button.click();
        setTimeout(() => button.click(), 500);
    }""")
    page.wait_for_timeout(3600)
    seen = page.evaluate("seen")
    turns = sum((b - a) * (c - b) < 0 for a, b, c in zip(seen, seen[1:], seen[2:], strict=False))
    assert len(seen) > 10
    assert turns <= 3  # once for the new start, once at the far end; two at a time would turn at each frame


def test_only_explore_loads_decoders(visit):
    for tab in ("generate", "compare"):
        page = visit(query=f"?tab={tab}")
        ready(page, tab.capitalize())
        page.wait_for_load_state("networkidle")
        assert not [url for url in page.requested if url.endswith(".safetensors")]
    page = visit()
    ready(page, "Explore")
    page.wait_for_function("document.querySelector('.matrix-image')?.src")
    assert [url for url in page.requested if url.endswith(".safetensors")]


# -- Learning and Steer begin where there is something to see


def test_learning_plays_from_its_start(visit):
    page = visit(query="?tab=learning")
    panel = ready(page, "Learning")
    expect(panel.locator(".row").first).to_contain_text("Generated")
    expect(panel).to_contain_text("before training")
    name = learning.first_history()
    epochs = [str(epoch) for epoch in learning.course(name)]
    boxes = page.locator(".moments label")
    expect(boxes).to_have_text(epochs)
    page.get_by_role("button", name="Play", exact=True).click()
    expect(page.get_by_role("button", name="Pause", exact=True)).to_be_visible()
    expect(panel).to_contain_text(f"after {epochs[-1]} epochs", timeout=30_000)
    expect(page.get_by_role("button", name="Play", exact=True)).to_be_visible()
    address_has(page, epochs=epochs[-1])
    assert page.complaints == []


def test_another_models_epochs_are_its_own(visit):
    first, other = learning.first_history(), "gan_dim_8"
    assert list(learning.course(first)) != list(learning.course(other))
    page = visit(query=f"?tab=learning&model={first}&epochs={max(learning.course(first))}")
    ready(page, "Learning")
    page.get_by_label(other, exact=True).locator("visible=true").check()
    expect(page.locator(".moments label")).to_have_text([str(epoch) for epoch in learning.course(other)])
    last = learning.last_before(other, max(learning.course(first)))
    expect(page.locator("#learning")).to_contain_text(f"after {last} epochs")


def test_steer_begins_with_a_model_where_guidance_shows():
    assert steer.first_guided() in steer.stepping_models()


# -- the keyboard, and those who have the page read to them


def test_tabs_answer_to_arrows_and_a_link_leads_past_them(visit):
    page = visit(query="?tab=memory")
    ready(page, "Memory")
    open_tab(page).focus()
    page.keyboard.press("ArrowRight")
    expect(open_tab(page)).to_have_text("Learning")
    expect(open_tab(page)).to_be_focused()
    page.keyboard.press("Home")
    expect(open_tab(page)).to_have_text("Explore")
    page.keyboard.press("ArrowLeft")
    expect(open_tab(page)).to_have_text("Compare")
    assert page.locator("[role=tab][tabindex='0']").count() == 1
    panel = page.locator(f"#{open_tab(page).get_attribute('aria-controls')}")
    expect(panel).to_be_visible()
    skip = page.locator("a.skip")
    skip.focus()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(panel).to_be_focused()
    assert "#" not in page.url


def test_groups_have_names_and_changes_are_told(visit):
    page = visit(query="?tab=steer")
    ready(page, "Steer")
    for group in page.locator("fieldset").locator("visible=true").all():
        assert group.get_attribute("aria-label") or group.locator("legend").count()
    expect(page.locator(".voice")).to_have_text("Done", timeout=60_000)
    assert page.locator(".voice").get_attribute("aria-live") == "polite"


CONTRAST = """() => [...document.querySelectorAll('input[type=checkbox], input[type=radio]')]
    .filter(box => !box.checked).filter(box => box.checkVisibility()).map(box => {
        const canvas = new OffscreenCanvas(1, 1).getContext('2d');
        const light = colours => {
            for (const colour of colours) { canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); }
            return [...canvas.getImageData(0, 0, 1, 1).data.slice(0, 3)].map(x => x / 255)
                .map(x => x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4)
                .reduce((sum, x, i) => sum + x * [0.2126, 0.7152, 0.0722][i], 0);
        };
        const grounds = [];
        for (let node = box.parentElement; node; node = node.parentElement)
            grounds.unshift(getComputedStyle(node).backgroundColor);
        const rim = getComputedStyle(box).borderTopColor;
        const [dark, bright] = [light(grounds), light([...grounds, rim])].sort((a, b) => a - b);
        return (bright + 0.05) / (dark + 0.05);
    })"""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_empty_boxes_can_be_seen(visit, theme):
    page = visit(query=f"?tab=reconstruction&__theme={theme}")
    ready(page, "Reconstruction")
    found = page.evaluate(CONTRAST)
    assert len(found) > 5
    assert min(found) >= 3


SMALL = """() => [...document.querySelectorAll('button, a[href], input, select, summary, label')].filter(node => {
    const { width, height } = (node.closest('label') ?? node).getBoundingClientRect();
    const seen = node.checkVisibility({ visibilityProperty: true, opacityProperty: true }) && width > 1;
    return seen && !node.closest('p, cite, svg, .skip') && (width < 23.9 || height < 23.9);
}).map(node => node.outerHTML.slice(0, 120))"""


@pytest.mark.parametrize("tab", TABS)
def test_what_can_be_touched_is_large_enough(visit, tab):
    page = visit(390, f"?tab={tab}")
    ready(page, tab.capitalize())
    page.wait_for_load_state("networkidle")
    assert page.evaluate(SMALL) == []


def test_phones_show_warnings_whole(visit):
    page = visit(390, "?tab=generate&stretch=2")
    ready(page, "Generate")
    warning = page.locator(".warning").first
    expect(warning).to_be_visible()
    left, right = warning.evaluate(
        "warning => { const { left, right } = warning.getBoundingClientRect(); return [left, right]; }"
    )
    assert 0 <= left < right <= 390
    assert warning.evaluate("warning => warning.scrollWidth <= warning.clientWidth")


@pytest.mark.parametrize(("motion", "kind"), [("reduce", "png"), ("no-preference", "gif")])
def test_films_stand_still_for_those_who_want_no_motion(visit, motion, kind):
    page = visit(query="?tab=morph&models=vae_2", motion=motion)
    film = page.locator("#morph .film img")
    expect(film).to_be_visible(timeout=30_000)
    assert film.evaluate("film => film.currentSrc").startswith(f"data:image/{kind}")


# -- the server


def fetched(url: str, encoding: str = "identity") -> tuple[dict[str, str], bytes]:
    with urlopen(Request(url, headers={"Accept-Encoding": encoding}), timeout=20) as answer:
        return {name.lower(): value for name, value in answer.headers.items()}, answer.read()


def test_the_page_says_what_it_is(address):
    page = fetched(f"{address}?tab=memory")[1].decode()
    tags = dict(re.findall(r'<meta (?:name|property)="([\w:]+)" content="([^"]*)"', page))
    assert tags["og:title"] == "gengallery"
    assert "Fashion-MNIST" in tags["description"] == tags["og:description"]
    assert tags["og:url"] == f"{address}?tab=memory"
    assert fetched(tags["og:image"])[1].startswith(b"\x89PNG")
    assert "Gradio" not in "".join(tags.values())
    assert page.count("og:title") == 1
    assert '"selected":"memory"' in page
    assert '"selected":"explore"' in fetched(f"{address}?tab=%22nobody")[1].decode()


def test_the_page_the_calls_and_the_decoders_are_compressed(address):
    decoder = re.search(r"files/made/[^\"]+\.safetensors", fetched(address)[1].decode())[0]
    for path in ("", "config", decoder):
        plain, (headers, packed) = fetched(address + path)[1], fetched(address + path, "gzip")
        assert headers["content-encoding"] == "gzip", path
        if path:  # the page has its session in it
            assert gzip.decompress(packed) == plain
        assert len(packed) < len(plain) * (1 if path == decoder else 0.3)
    asked = Request(address + decoder, headers={"Accept-Encoding": "gzip", "Range": "bytes=0-7"})
    with urlopen(asked, timeout=20) as answer:
        assert answer.status == 206 and "content-encoding" not in answer.headers


def test_hardly_anything_moves_while_the_page_loads(visit):
    for tab, width in (("explore", 1280), ("compare", 1280), ("generate", 1280)):
        page = visit(width, f"?tab={tab}")
        page.evaluate("""() => {
            moved = 0;
            const watch = new PerformanceObserver(list => list.getEntries().forEach(({ value }) => (moved += value)));
            watch.observe({ type: 'layout-shift', buffered: true });
        }""")
        ready(page, tab.capitalize())
        page.wait_for_load_state("networkidle")
        assert page.evaluate("moved") < 0.2, tab  # Gradio mounts the rows of a tab after what stands below them


def test_the_machine_itself_is_reached_past_any_proxy(monkeypatch):
    for variable in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(variable, "example.org")
    server.reach_directly(["192.168.0.5", None, "0.0.0.0"])
    for variable in ("NO_PROXY", "no_proxy"):
        assert os.environ[variable] == "example.org,localhost,127.0.0.1,::1,192.168.0.5"
    server.reach_directly(["192.168.0.5"])
    assert os.environ["NO_PROXY"].count("192.168.0.5") == 1


NOBODY = """
import os, pwd, runpy, sys
def nobody(user):
    raise KeyError(user)
pwd.getpwuid = nobody  # as in a container whose user has no entry
sys.argv = ["demo/app.py"]
runpy.run_path("demo/app.py", run_name="__main__")
"""


@pytest.mark.slow
def test_it_starts_behind_a_dead_proxy_and_without_a_home():
    port = free_port()
    environment = offline(GRADIO_SERVER_PORT=str(port), GRADIO_SERVER_NAME="127.0.0.1", PYTHONUNBUFFERED="1")
    for variable in ("HOME", "XDG_CACHE_HOME", "GENGALLERY_DATA", "no_proxy", "NO_PROXY"):
        environment.pop(variable, None)
    process = subprocess.Popen(
        [sys.executable, "-c", NOBODY],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        said = ""
        for line in process.stdout:
            said += line
            if "Running on local URL" in line:
                break
        assert f"http://127.0.0.1:{port}" in said, said
        assert fetched(f"http://127.0.0.1:{port}/")[1]
    finally:
        process.terminate()
        process.communicate(timeout=20)


def test_without_a_home_the_tabs_work_as_without_the_data_set(monkeypatch):
    def nowhere():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", nowhere)
    for name in ("HOME", "XDG_CACHE_HOME", data.VARIABLE):
        monkeypatch.delenv(name, raising=False)
    assert learning.learning(learning.first_history(), 0, 2, 0).notice
    assert memory.memorised(models.noise_models()[0], 2, 0).notice
    assert originals.originals(originals.TEST, originals.ANY_CLASS, 2, 0, None).notice


def test_files_that_are_not_sound_are_named(monkeypatch):
    class Gallery:
        def problems(self):
            return {"vae_9.safetensors": ValueError("it is a pointer of Git LFS")}

    monkeypatch.setattr(gengallery.gallery, "default", Gallery, raising=False)
    assert models.problems() == {"vae_9.safetensors": "it is a pointer of Git LFS"}


# -- scripts know no sizes


def test_no_script_or_style_knows_the_size_of_a_picture():
    for path in [*SCRIPTS, *(ROOT / "demo").rglob("*.html")]:
        text = re.sub(r"//.*", "", path.read_text(encoding="utf-8"))
        assert not re.findall(r"(?<![\w.#-])(27|28|56|784|783)(?![\w%])", text), path
    for path in (ROOT / "demo").rglob("*.css"):
        assert not re.findall(r"round\([^;]*28px", path.read_text(encoding="utf-8")), path


def test_decoders_say_what_their_images_are(tmp_path):
    name = explore.flat_models()[0]
    assert decoders.export(models.load(name), tmp_path / "decoder")
    with safetensors.safe_open(tmp_path / "decoder", "np") as file:
        image = json.loads(file.metadata()["image"])
    _, channels, height, width = models.load(name).generate(1).shape
    assert image == {"channels": channels, "height": height, "width": width, "classes": 10}


def test_the_pages_decoder_does_colour(visit, address):
    rng = np.random.default_rng(0)
    channels, height, width = 3, 4, 5
    tensors = {"weight": rng.normal(size=(60, 2)).astype(np.float32), "bias": rng.normal(size=60).astype(np.float32)}
    layers = [{"kind": "dense", "weight": "weight", "bias": "bias"}, {"kind": "sigmoid"}]
    image = {"channels": channels, "height": height, "width": width, "classes": 0}
    file = safetensors.numpy.save(tensors, {"latent": "2", "layers": json.dumps(layers), "image": json.dumps(image)})
    page = visit(query="?tab=memory")
    found = page.evaluate(
        """async ([module, bytes]) => {
            const { compile, paint } = await import(module);
            const canvas = document.createElement('canvas'), context = canvas.getContext('2d');
            const decoder = compile(Uint8Array.from(bytes).buffer);
            paint(canvas, decoder.decode([0.5, -1]), decoder.image);
            const { width, height } = canvas;
            return [width, height, ...context.getImageData(0, 0, width, height).data];
        }""",
        [script(address, "decoder.js"), list(file)],
    )
    assert found[:2] == [width, height]
    levels = 1 / (1 + np.exp(-(tensors["weight"] @ [0.5, -1] + tensors["bias"]))).reshape(channels, height, width)
    shown = np.array(found[2:]).reshape(height, width, 4)[..., :3].transpose(2, 0, 1)
    assert np.abs(shown - 255 * levels).max() <= 0.51


# -- calls


def post(address, call, *values):
    asked = Request(
        f"{address}gradio_api/run/{call}", json.dumps({"data": values}).encode(), {"Content-Type": "application/json"}
    )
    with urlopen(asked, timeout=30) as answer:
        return json.loads(answer.read())["data"][0]["url"]


def test_calls_take_what_the_library_takes(address):
    name = gengallery.list_models(option="label")[0]
    ask = partial(post, address, "generate", name, 2, 1)
    one, other = (fetched(ask(label))[1] for label in ("sneaker", "Sneaker"))
    assert one == other
    info = json.loads(fetched(f"{address}gradio_api/info")[1])["named_endpoints"]
    optional = {p["parameter_name"] for p in info["/latent_grid"]["parameters"] if p["parameter_has_default"]}
    assert optional == {"x_min", "x_max", "y_min", "y_max"}
    assert post(address, "latent_grid", explore.flat_models()[0], explore.SQUARE, 3, None, None, None, None)
