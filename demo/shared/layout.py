"""What a tab is made of beside its inputs: titles, prose, panels of pictures, components with a script of their own."""

import json
import re
from pathlib import Path
from typing import Any

import gradio as gr

from .labels import Labels
from .panels import EMPTY
from .static import PAGE, address, script
from .words import LANGUAGES, Text, Words, attribute, html

T = Labels(__file__)


def intro(title: Text, text: Text) -> None:
    """What a tab is about, in a title and a line."""
    gr.HTML(f'<div class="intro"><h2>{html(title)}</h2><p>{html(text)}</p></div>', elem_classes="lead")


def more(folder: Path) -> None:
    """The mathematics, from more.LANGUAGE.md in a tab's folder, in each language; the style shows one."""
    with gr.Accordion(T("more"), open=False):
        for language in LANGUAGES:
            text = (folder / f"more.{language}.md").read_text(encoding="utf-8")
            delimiters: list[dict[str, str | bool]] = [{"left": "$", "right": "$", "display": False}]
            gr.Markdown(text, latex_delimiters=delimiters, elem_classes=["prose", language])


def panel(elem_id: str) -> gr.HTML:
    """Where a panel of pictures stands."""
    return gr.HTML(EMPTY, elem_id=elem_id, elem_classes="pictures")


def component(template: Path, functions: list, fixed: dict[str, Any] | None = None, **props: Any) -> gr.HTML:
    """A part of the page that lives in the browser: the file `template`, NAME.html, which NAME.js beside it brings to
    life, with the words of the folder. NAME is its element's id. Its script gets what is `fixed` as it is; `props`,
    which may change, Gradio loses when it shows a part that was hidden."""
    words = template.with_name("words.json")
    own = json.dumps(address(words)) if words.exists() else "null"  # those of static/ have the shared ones only
    start = (
        f"Promise.all([{PAGE}, {script(template.with_suffix('.js'))}]).then(async ([page, part]) => {{"
        f"    part.start(element, props, server, await page.speaker({own}), trigger, watch, {json.dumps(fixed)});"
        "});"
    )
    options = {"elem_id": template.stem} | props
    return gr.HTML(html_template=filled(template), js_on_load=start, server_functions=functions or None, **options)


def filled(template: Path) -> str:
    """The HTML in a file, with its words: those of KEY stand in an empty element with data-word="KEY", and in the
    attribute NAME of one with data-word-NAME="KEY"."""
    words = Words(template)
    text = template.read_text(encoding="utf-8")
    text = re.sub(r' data-word-([\w-]+)="(\w+)"', lambda found: attribute(found[1], words(found[2])), text)
    return re.sub(r' data-word="(\w+)"([^<>]*>)', lambda found: found[2] + html(words(found[1])), text)
