"""The address of the page: it says what is shown, and brings it back."""

from urllib.parse import quote, urlencode, urlparse

import pytest
from conftest import FIGURES, ready, turn_to
from demo_pages import MEANT, TOLD, query, shows
from playwright.sync_api import expect


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
