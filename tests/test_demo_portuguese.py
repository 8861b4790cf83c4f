"""The page in Portuguese, and every text of it in the visitor's language."""

import json
import re
from functools import cache
from pathlib import Path
from urllib.parse import urlencode

import pytest
from conftest import ready, title_of
from demo_pages import (
    FLAT,
    MEANT,
    TOLD,
    shows,
)
from playwright.sync_api import expect

import gengallery
from demo.shared import models
from demo.shared.originals import CLASSES
from demo.shared.words import both
from demo.tabs.compare import view as comparison
from demo.tabs.explore import view as latent

ROOT = Path(__file__).resolve().parent.parent
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

WORDS = {path.parent.name: json.loads(path.read_text(encoding="utf-8")) for path in (ROOT / "demo").rglob("words.json")}


def portuguese(key, folder="shared"):
    return WORDS[folder][key]["pt"]


def test_the_page_speaks_portuguese(visit, app):
    page = visit(locale="pt-BR")
    page.get_by_role("button", name=portuguese("surprise")).first.click(timeout=30_000)
    expect(page.get_by_role("tab")).to_have_text([portuguese("title", name) for name in app.TABS])
    expect(page.locator(".chips button")).to_have_text([both(name)["pt"] for name in CLASSES.values()])
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
    page = visit(query="?tab=learning&model=vae_2&epochs=4", locale="pt-BR")
    note = page.locator("#learning .row header > span").last
    expect(note).to_have_text(re.compile(r"^depois de 4 épocas · erro 0,\d+$"), use_inner_text=True, timeout=30_000)


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
    texts = {*CLASSES.values(), *(card["summary"] for card in cards)}
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
    known += [pattern(words["title"][language]) for words in WORDS.values() if "title" in words]
    library = {both(text)[language] for text in texts_of_the_library()}
    parts = {part.lstrip("↓←↑→ ") for text in page.evaluate(TEXTS) for part in text.split(" · ")}
    unknown = {
        part
        for part in parts
        if part not in library and not OTHER.match(part) and not any(text.fullmatch(part) for text in known)
    }
    assert unknown == set()
    assert len(parts) > 30
