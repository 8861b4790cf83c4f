"""What a tab is made of beside its inputs: titles, prose, walls of pictures, islands of script."""

from pathlib import Path
from typing import Any

import gradio as gr

from .static import PAGE, script
from .words import T


def intro(title: str, text: str) -> None:
    """What a tab is about, in a title and a line."""
    gr.HTML(f'<div class="intro"><h2>{title}</h2><p>{text}</p></div>', elem_classes="say")


def more(folder: Path) -> None:
    """The mathematics, from more.LANGUAGE.md in a tab's folder, in both languages; the style shows one."""
    with gr.Accordion(T("More"), open=False):
        for language in ("en", "pt"):
            text = (folder / f"more.{language}.md").read_text(encoding="utf-8")
            delimiters: list[dict[str, str | bool]] = [{"left": "$", "right": "$", "display": False}]
            gr.Markdown(text, latex_delimiters=delimiters, elem_classes=["prose", language])


def wall(elem_id: str) -> gr.HTML:
    """Where pictures hang."""
    return gr.HTML(elem_id=elem_id, elem_classes="say")


def island(template: Path, functions: list, **props: Any) -> gr.HTML:
    """A part of the page that lives in the browser: the file `template`, NAME.html, which NAME.js beside it brings to
    life. NAME is its element's id."""
    start = (
        f"Promise.all([{PAGE}, {script(template.with_suffix('.js'))}]).then(async ([page, part]) => {{"
        "    const say = await page.language();"
        "    page.translate(element, say);"
        "    part.start(element, props, server, say, trigger, watch);"
        "});"
    )
    options = {"elem_id": template.stem} | props
    html = template.read_text(encoding="utf-8")
    return gr.HTML(html_template=html, js_on_load=start, server_functions=functions or None, **options)
