"""The tab Compare in a real browser: the table sorts itself, the plots are to scale, and every model has its card."""

import re
from urllib.parse import parse_qsl, urlparse

import numpy as np
import pytest
from conftest import pixels, ready, turn_to
from playwright.sync_api import expect

import gengallery
from demo.shared import models
from demo.tabs.compare import table
from demo.tabs.compare import view as comparison
from gengallery.data import to_uint8

OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
SOUND, EXHIBIT = models.sound_models()[0], models.models()[-1]
DOTS = """svg => [...svg.querySelectorAll('a.dot')].map(dot => {
    const circle = dot.querySelector('circle'), style = getComputedStyle(circle);
    return [dot.dataset.model, circle.cx.baseVal.value, circle.cy.baseVal.value, style.fill, style.stroke];
})"""
NAMES = """svg => [...svg.querySelectorAll('a.dot text')].filter(text => getComputedStyle(text).opacity === '1')
    .map(text => { const box = text.getBBox(); return [box.x, box.y, box.x + box.width, box.y + box.height]; })"""
TICKS = """svg => [...svg.querySelectorAll('.ground > text:not(.axis, .floor)')]
    .map(text => { const box = text.getBBox(); return [box.x, box.y, box.x + box.width, box.y + box.height]; })"""


@pytest.fixture(scope="module")
def figures():
    """What is known of every model, by the names of the columns."""
    found = table.as_json(comparison.comparison())["models"]
    return {name: model["values"] for name, model in found.items()}


def query(page):
    return {key: value for key, value in parse_qsl(urlparse(page.evaluate("location.href")).query) if key[0] != "_"}


def order(page):
    """The models, from the top of the table to its end."""
    return page.locator("#compare table.compare tr[data-model]").evaluate_all("rows => rows.map(r => r.dataset.model)")


def sorted_by(page, figures, column, falling=False):
    """Whether the table stands in that order, with the models that lack the figure last, as they were."""
    names = order(page)
    has, lack = [[name for name in figures if (column in figures[name]) == wanted] for wanted in (True, False)]
    values = [figures[name][column] for name in names[: len(has)] if name in has]
    return values == sorted((figures[name][column] for name in has), reverse=falling) and names[len(has) :] == lack


def heading(page, column):
    return page.locator(f"#compare th[data-column={column}]")


def opened(visit, query="?tab=compare", **options):
    page = visit(query=query, **options)
    ready(page, "Compare")
    return page


# -- the table


def test_the_table_hangs(visit):
    page = visit()
    figure = turn_to(page, "Compare")
    found = comparison.comparison()
    assert order(page) == [entry.name for family in found.families for entry in family.entries]
    expect(figure.locator("tbody th[scope=row]")).to_have_count(len(models.models()) + bool(found.floor))
    expect(figure.locator("article")).to_have_count(len(found.families))
    expect(figure.locator("th.over")).to_have_text(["What it is", *found.groups], use_inner_text=True)
    assert pixels(figure.locator("tbody img").first).shape == (28, 28)
    assert query(page) == {"tab": "compare"}
    assert page.complaints == []


@pytest.mark.parametrize("scorecards", [True, False])
@pytest.mark.parametrize("width", [390, 1280])
def test_the_table_scrolls_beside_its_names(visit, monkeypatch, width, scorecards):
    measured = {figure.name: 0.5 for figure in comparison.SAMPLES}
    scorecard = {"figures": measured, "floor": measured} if scorecards else None
    info = gengallery.info
    monkeypatch.setattr(gengallery, "info", lambda name: {**info(name), "scorecard": scorecard})
    monkeypatch.setattr(comparison, "_comparison", comparison._comparison.__wrapped__)  # not the one that is kept
    page = opened(visit, width=width)
    figure = page.locator("#compare")
    assert (figure.locator("td.missing").count() == 0) == scorecards
    expect(figure.locator("th[scope=row]", has_text="real images")).to_have_count(int(scorecards))
    name = figure.locator("th[scope=row]").first
    figure.locator(".jump").evaluate("buttons => buttons.scrollIntoView()")  # and what is below them
    before = name.bounding_box()
    for index, title in enumerate(["What it is", *comparison.comparison().groups]):
        figure.get_by_role("button", name=title).click()
        over = figure.locator("th.over > span").nth(index)
        expect(over).to_be_in_viewport(ratio=1)
        assert name.bounding_box()["x"] == pytest.approx(before["x"], abs=1)
        assert page.evaluate(OVERFLOW) == 0


def test_sorting_by_click_turns_round_and_goes_back(visit, figures):
    page = opened(visit)
    families = order(page)
    title = heading(page, "frechet")
    expect(page.locator("#compare tbody .group")).to_have_count(len(comparison.comparison().families) + 1)
    title.get_by_role("button").click()
    expect(title).to_have_attribute("aria-sort", "ascending")  # the lowest is the best, and comes first
    assert sorted_by(page, figures, "frechet")
    expect(page.locator("#compare tbody .group")).to_have_count(1)  # that of the floor, which stays last
    expect(page.locator("#compare tbody tr").last).to_contain_text("real images")
    assert query(page) == {"tab": "compare", "sort": "frechet", "order": "up"}
    title.get_by_role("button").click()
    expect(title).to_have_attribute("aria-sort", "descending")
    assert sorted_by(page, figures, "frechet", falling=True)
    assert query(page)["order"] == "down"
    title.get_by_role("button").click()
    expect(page.locator("#compare [aria-sort]")).to_have_count(0)
    assert order(page) == families
    assert query(page) == {"tab": "compare"}
    assert page.complaints == []


@pytest.mark.parametrize("key", ["Enter", "Space"])
def test_sorting_by_keyboard(visit, figures, key):
    page = opened(visit)
    families = order(page)
    button = heading(page, "recall").get_by_role("button")
    button.focus()
    page.keyboard.press(key)
    expect(heading(page, "recall")).to_have_attribute("aria-sort", "descending")  # the highest is the best
    assert sorted_by(page, figures, "recall", falling=True)
    expect(button).to_be_focused()
    page.get_by_role("button", name="By family").focus()
    page.keyboard.press(key)
    expect(page.locator("#compare [aria-sort]")).to_have_count(0)
    expect(page.get_by_role("button", name="By family")).to_be_hidden()
    assert order(page) == families


def test_every_column_sorts(visit, figures):
    page = opened(visit)
    columns = page.locator("#compare [data-column]").evaluate_all("heads => heads.map(head => head.dataset.column)")
    for column in columns:
        heading(page, column).get_by_role("button").click()
        expect(page.locator("#compare [aria-sort]")).to_have_count(1)
        if column in ("name", "prior", "milliseconds"):  # words, and what is measured anew
            assert sorted(order(page)) == sorted(figures)
        else:
            assert sorted_by(page, figures, column, heading(page, column).get_attribute("aria-sort") == "descending")
    assert page.complaints == []


def test_the_order_is_in_the_address(visit, figures):
    page = opened(visit, "?tab=compare&sort=mse&order=down&by=recall&__theme=dark")
    expect(heading(page, "mse")).to_have_attribute("aria-sort", "descending")
    head, scroll = heading(page, "mse").bounding_box(), page.locator("#compare .scroll").bounding_box()
    assert scroll["x"] <= head["x"] <= scroll["x"] + scroll["width"] - head["width"]
    assert sorted_by(page, figures, "mse", falling=True)
    expect(page.get_by_role("combobox", name="Quality", exact=True)).to_have_value("recall")
    assert query(page) == {"tab": "compare", "sort": "mse", "order": "down", "by": "recall"}
    turn_to(page, "Generate")
    turn_to(page, "Compare")
    page.wait_for_url("**sort=mse**")


@pytest.mark.parametrize(
    "nonsense", ["sort=nothing&order=up", "order=sideways&by=kl", "card=nobody", "card=%3Cb%3E&by="]
)
def test_nonsense_in_the_address_is_left_aside(visit, nonsense):
    page = opened(visit, f"?tab=compare&{nonsense}")
    expect(page.locator("#compare [aria-sort]")).to_have_count(0)
    expect(page.locator("#compare dialog")).to_be_hidden()
    assert query(page) == {"tab": "compare"}
    assert page.complaints == []


def test_the_script_is_quick(visit):
    page = opened(visit)
    took = page.evaluate("""async () => {
        const button = document.querySelector('#compare [data-column=frechet] button'), start = performance.now();
        button.click();
        document.body.offsetHeight;
        return performance.now() - start;
    }""")
    assert took < 150


# -- the plots


@pytest.mark.parametrize("width", [390, 1280])
def test_plots_have_a_dot_a_model_in_the_right_order(visit, figures, width):
    page = opened(visit, width=width)
    plots = page.locator("#compare .plots svg")
    expect(plots).to_have_count(2)
    for svg, cost in zip(plots.all(), ("milliseconds", "parameters"), strict=True):
        dots = svg.evaluate(DOTS)
        assert sorted(name for name, *_ in dots) == sorted(figures)
        across = {name: x for name, x, *_ in dots}
        down = {name: y for name, _, y, *_ in dots}
        cell = 6 if cost == "milliseconds" else 4
        rows = page.locator("#compare tr[data-model]").all()
        shown = {row.get_attribute("data-model"): row.locator("> *").nth(cell).inner_text() for row in rows}
        costs = {name: float(text.replace(",", "")) for name, text in shown.items()}
        for first in figures:
            for second in figures:
                if costs[first] < costs[second]:
                    assert across[first] < across[second]
                if figures[first]["frechet"] < figures[second]["frechet"]:
                    assert down[first] > down[second]  # less is lower
        logs = np.log([figures[name]["frechet"] for name in down])
        assert np.corrcoef(logs, list(down.values()))[0, 1] == pytest.approx(-1)  # to scale
        boxes = svg.evaluate(NAMES)
        meet = [(a, b) for i, a in enumerate(boxes) for b in boxes[:i] if overlap(a, b) > 2]
        assert meet == []
        # Where dots crowd, as the speed that was just measured has it, some names wait for a pointer.
        assert len(boxes) >= (0.6 * len(figures) if width == 1280 else 4)
        ticks = svg.evaluate(TICKS)
        assert [(a, b) for i, a in enumerate(ticks) for b in ticks[:i] if overlap(a, b) > 0] == []
        below = [box for box in ticks if box[1] == max(box[1] for box in ticks)]
        assert below[-1][0] - below[0][0] > svg.bounding_box()["width"] / 4  # and not all at one end
        floor = svg.locator("line.floor")
        expect(floor).to_have_count(1)
        assert float(floor.get_attribute("y1")) > max(down.values())
        expect(svg.locator("text.floor")).to_contain_text("real images")
    assert page.evaluate(OVERFLOW) == 0
    assert page.complaints == []


def overlap(a, b):
    """How far two boxes reach into each other, in px."""
    return min(a[2], b[2]) - max(a[0], b[0]) if min(a[3], b[3]) - max(a[1], b[1]) > 2 else 0


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_families_have_colours_and_exhibits_are_hollow(visit, theme):
    page = opened(visit, f"?tab=compare&__theme={theme}")
    dots = {name: style for name, _, _, *style in page.locator("#compare .plots svg").first.evaluate(DOTS)}
    families = {name: gengallery.info(name)["family"] for name in dots}
    colours = {(families[name], dots[name][0]) for name in models.sound_models()}
    assert len(colours) == len({family for family, _ in colours}) == len({colour for _, colour in colours})
    for name in set(dots) - set(models.sound_models()):
        fill, stroke = dots[name]
        assert fill not in {colour for _, colour in colours}
        assert (families[name], stroke) in colours


def test_another_figure_is_plotted(visit, figures):
    page = opened(visit)
    page.get_by_role("combobox", name="Quality", exact=True).select_option("mse")
    dots = page.locator("#compare .plots svg").first.evaluate(DOTS)
    assert {name for name, *_ in dots} == {name for name in figures if "mse" in figures[name]}
    by_height = [name for name, _, y, *_ in sorted(dots, key=lambda dot: -dot[2])]
    assert [figures[n]["mse"] for n in by_height] == sorted(figures[n]["mse"] for n in by_height)
    expect(page.locator("#compare line.floor")).to_have_count(0)  # which has none
    assert query(page) == {"tab": "compare", "by": "mse"}
    options = page.get_by_role("combobox", name="Quality", exact=True).locator("option").all_inner_texts()
    assert options == [figure.title for figure in comparison.FIGURES.values() if figure.better]
    assert page.complaints == []


# -- the cards


def card(page, name):
    """The open card, once it is that of the model."""
    dialog = page.locator("#compare dialog")
    expect(dialog.locator("h3 code")).to_have_text(name)
    expect(dialog).to_be_visible()
    return dialog


def test_a_card_opens_by_a_name_and_closes_by_escape(visit):
    page = opened(visit, "?tab=compare&sort=frechet&order=up")
    name = page.locator(f"#compare tr[data-model={SOUND}] button.name")
    name.click()
    dialog = card(page, SOUND)
    known = gengallery.info(SOUND)
    expect(dialog).to_contain_text(known["summary"])
    expect(dialog).to_contain_text(known["notes"])
    data = known["training"]["data"]  # a hash, too long to read
    expect(dialog.locator(f"[title='{data}']")).to_have_text(f"{data[:8]}…")
    expect(dialog.locator("footer pre")).to_have_text(comparison.card(SOUND).python)
    expect(dialog.locator(".equations code")).to_have_text(known["equations"])
    expect(dialog.get_by_role("link", name=known["paper"]["title"])).to_have_attribute("href", known["paper"]["url"])
    drawn = [pixels(image) for image in dialog.locator("img").all()]
    np.testing.assert_array_equal(drawn, to_uint8(gengallery.load(SOUND).generate(len(drawn), seed=0)))
    assert query(page) == {"tab": "compare", "sort": "frechet", "order": "up", "card": SOUND}
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(name).to_be_focused()
    assert query(page) == {"tab": "compare", "sort": "frechet", "order": "up"}
    assert page.complaints == []


@pytest.mark.parametrize("way", ["click", "near", "keyboard"])
def test_a_card_opens_by_a_dot(visit, way):
    page = opened(visit)
    dot = page.locator(f"#compare .plots svg >> nth=1 >> a[data-model={SOUND}]")
    circle = dot.locator("circle")
    circle.scroll_into_view_if_needed()
    box = circle.bounding_box()
    assert re.fullmatch(rf"{SOUND} · Fréchet · [\d.]+ · Parameters · [\d,]+", dot.get_attribute("aria-label"))
    if way == "keyboard":
        dot.focus()
        page.keyboard.press("Enter")
    else:
        shift = 14 if way == "near" else 0
        page.mouse.click(box["x"] + box["width"] / 2 - shift, box["y"] + box["height"] / 2)
    dialog = card(page, SOUND)
    assert query(page)["card"] == SOUND
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_be_hidden()
    if way != "near":
        expect(dot).to_be_focused()
    assert "card" not in query(page)
    assert page.complaints == []


@pytest.mark.parametrize("width", [390, 1280])
def test_a_card_opens_from_the_address(visit, width):
    page = opened(visit, f"?tab=compare&card={EXHIBIT}", width=width)
    dialog = card(page, EXHIBIT)
    expect(dialog.locator(".mark")).to_have_text("failure case", use_inner_text=True)
    assert query(page) == {"tab": "compare", "card": EXHIBIT}
    box = dialog.bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
    assert dialog.evaluate("dialog => dialog.scrollWidth - dialog.clientWidth") == 0
    dialog.locator("footer pre").scroll_into_view_if_needed()
    expect(dialog.get_by_role("button", name="Close")).to_be_in_viewport(ratio=1)
    page.keyboard.press("Escape")
    expect(page.locator(f"#compare tr[data-model={EXHIBIT}] button.name")).to_be_focused()
    assert page.evaluate(OVERFLOW) == 0
    assert page.complaints == []


def test_a_surprise_is_some_models_card(visit):
    page = opened(visit)
    page.locator("#compare").get_by_role("button", name="Surprise me").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    card(page, query(page)["card"])
    assert page.complaints == []


def test_a_click_beside_the_card_closes_it(visit):
    page = opened(visit, f"?tab=compare&card={SOUND}")
    dialog = card(page, SOUND)
    box = dialog.bounding_box()
    page.mouse.click(box["x"] + 5, box["y"] + box["height"] / 2)  # on its rim
    expect(dialog).to_be_visible()
    page.mouse.click(5, 5)
    expect(dialog).to_be_hidden()


def test_the_card_that_the_server_refuses_is_no_dialog(visit, monkeypatch):
    page = opened(visit)

    def refused(name):
        raise ValueError("model: expected another; found this")

    monkeypatch.setattr(comparison, "card", refused)
    page.locator(f"#compare tr[data-model={SOUND}] button.name").click()
    expect(page.locator("#compare .notice")).to_contain_text("expected another")
    expect(page.locator("#compare dialog")).to_be_hidden()
