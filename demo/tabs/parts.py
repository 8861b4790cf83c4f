"""What the tabs are made of: inputs, walls of pictures, islands of script, words in two languages, the address."""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from inspect import isgeneratorfunction, signature
from pathlib import Path
from typing import Any

import gradio as gr
import markup
import numpy as np
import uploads
from gradio.components import Component
from views import checks, common

HERE = Path(__file__).resolve().parent.parent
STATIC, PROSE = HERE / "static", HERE / "prose"
PORTUGUESE: dict[str, str] = json.loads((STATIC / "pt.json").read_text(encoding="utf-8"))
KEY = "gengallery: "  # before each text, since Gradio translates values too that happen to be keys
# `common.complete` is a text of Gradio's own, for screen readers, which it has forgotten to translate.
I18N = gr.I18n(
    en={KEY + text: text for text in PORTUGUESE} | {"common.complete": "Done"},
    pt={KEY + text: words for text, words in PORTUGUESE.items()} | {"common.complete": "Pronto"},
)
LIVE: dict[str, Any] = {"trigger_mode": "always_last", "show_progress": "hidden", "queue": False}
SELDOM = 0.5  # seconds between two pictures of a wall that grows
NEW_SEED = "() => Math.floor(Math.random() * 1e6)"


def address(path: Path) -> str:
    """Where the page finds a file under a static path."""
    return f"gradio_api/file={path}"


def script(name: str) -> str:
    """JavaScript: the promise of the module static/NAME.js."""
    return f"import(new URL({json.dumps(address(STATIC / f'{name}.js'))}, document.baseURI))"


# -- words and pictures


def T(text: str) -> Any:
    """`text`, which has to be in pt.json, in the visitor's language; the page's own script reads the same file."""
    if text not in PORTUGUESE:
        raise KeyError(f"expected a text of static/pt.json, found {text!r}; add its translation there")
    return I18N(KEY + text)


def intro(title: str, text: str) -> None:
    """What a tab is about, in a title and a line."""
    gr.HTML(f'<div class="intro"><h2>{title}</h2><p>{text}</p></div>', elem_classes="say")


def more(name: str) -> None:
    """The mathematics, from prose/NAME.LANGUAGE.md, in both languages; the style shows one."""
    with gr.Accordion(T("More"), open=False):
        for language in ("en", "pt"):
            text = (PROSE / f"{name}.{language}.md").read_text(encoding="utf-8")
            delimiters: list[dict[str, str | bool]] = [{"left": "$", "right": "$", "display": False}]
            gr.Markdown(text, latex_delimiters=delimiters, elem_classes=["prose", language])


def wall(elem_id: str) -> gr.HTML:
    """Where pictures hang."""
    return gr.HTML(elem_id=elem_id, elem_classes="say")


def island(name: str, functions: list, **props: Any) -> gr.HTML:
    """A part of the page that lives in the browser: static/NAME.html, which static/NAME.js brings to life."""
    start = (
        f"Promise.all([{script('page')}, {script(name)}]).then(async ([page, part]) => {{"
        "    const say = await page.language();"
        "    page.translate(element, say);"
        "    part.start(element, props, server, say, trigger, watch);"
        "});"
    )
    template = (STATIC / f"{name}.html").read_text(encoding="utf-8")
    options = {"elem_id": name} | props
    return gr.HTML(html_template=template, js_on_load=start, server_functions=functions or None, **options)


# -- inputs


def model_choices(names: list[str], *marks: str) -> list[tuple[str, str]]:
    """A menu of models, each with those of its `marks` that matter there."""

    def title(name: str) -> str:
        shown = " · ".join(mark for mark in common.marks(name) if mark in marks)
        return f"{name} · {T(shown)}" if shown else name  # Gradio translates one text in a title, not two

    return [(title(name), name) for name in names]


def word_choice(label: str, values: Sequence[str], value: str, short: bool = False) -> gr.Radio:
    """One of some texts, in the visitor's language; side by side unless they are a `short` list."""
    choices = [(T(text), text) for text in values]
    return gr.Radio(choices, value=value, label=T(label), elem_classes=None if short else "words")


def seed_box(value: int = 0, label: str = "Seed") -> gr.Number:
    """A seed, and a button that rolls another in the browser."""
    with gr.Group():
        seed = gr.Number(value, label=T(label), minimum=0, maximum=checks.LARGEST_SEED, step=1)
        another = gr.Button(T("Another seed"), size="sm")
    another.click(None, None, seed, js=NEW_SEED)
    return seed


def count_box() -> gr.Slider:
    """How many pictures in a row."""
    return gr.Slider(1, checks.MOST_IMAGES, checks.MOST_IMAGES, step=1, label=T("How many"), buttons=[])


def picture_box(source: gr.Radio) -> gr.HTML:
    """The visitor's own picture, to be drawn or uploaded: shown while `source` asks for it. Its value is text, as
    `common.picture_of` reads it, or ""."""
    with gr.Group(visible=False) as group:
        picture = island("draw", [], value="", elem_id=None, elem_classes="draw say")
        upload = gr.UploadButton(T("Upload a picture"), file_types=["image"], size="sm")
    source.change(
        lambda chosen: gr.update(visible=chosen == common.YOURS), source, group, api_visibility="private", **LIVE
    )
    # In the queue, since Gradio tells no errors of events outside it.
    upload.upload(read_upload, upload, picture, api_visibility="private", show_progress="minimal")
    return picture


def refusing(handler: Callable) -> Callable:
    """`handler`, whose ValueErrors the visitor gets to read."""

    @wraps(handler)
    def wrapped(*args):
        try:
            return handler(*args)
        except ValueError as error:
            raise gr.Error(str(error), print_exception=False) from error

    return wrapped


@refusing
def read_upload(path: str) -> str:
    """An uploaded file as the models see it, as text."""
    return common.picture_as_text(uploads.read(path))


def answering(handler: Callable) -> Callable:
    """`handler` of one request, a dict of parameters as the page sends it; its answer may be a refusal."""

    def answer(request: Any) -> dict[str, Any]:
        try:
            if not isinstance(request, dict):
                raise ValueError(f"request: expected parameters by name, found {checks.brief(request)}")
            wanted = signature(handler).parameters.keys()
            if request.keys() != wanted:
                raise ValueError(f"request: expected {', '.join(wanted)}; found {checks.brief(list(request))}")
            return handler(**request)
        except ValueError as error:
            return {"error": str(error)}

    answer.__name__ = handler.__name__  # by which the page calls it; its signature stays this one
    return answer


# -- a tab's view, live and in the address


@dataclass(frozen=True)
class View:
    """A tab's inputs, by the names that they have in the address."""

    tab: gr.Tab
    inputs: Mapping[str, Any]


VIEWS: dict[str, View] = {}  # by the tab's id


def live(
    tab: gr.Tab, inputs: Mapping[str, Any], handler: Callable, pages: Sequence[gr.HTML],
    surprise: Callable[[np.random.Generator], dict[str, Any]],
) -> None:  # fmt: skip
    """Draw `pages` by `handler` when the tab first opens and whenever an input changes; the inputs stay in the address.

    `handler` takes the inputs by order and gives HTML, one for each page, or yields it again and again as it grows;
    then a button can stop it. What it refuses, the pages say. Another button brings something that `surprise` finds.
    """
    key, names, boxes = str(tab.id), list(inputs), list(inputs.values())
    VIEWS[key] = View(tab, inputs)
    grows = isgeneratorfunction(handler)
    waits = {"show_progress": "minimal", "show_progress_on": pages, "queue": True}
    ways: dict[str, Any] = LIVE | (waits if grows else {})

    def refused(error: ValueError) -> Any:
        said = [markup.notice(str(error))] * len(pages)
        return said if len(said) > 1 else said[0]

    def drawn(*values: Any) -> Any:
        try:
            return handler(*values)
        except ValueError as error:
            return refused(error)

    def growing(*values: Any) -> Iterator[Any]:
        try:
            yield from seldom(handler(*values))
        except ValueError as error:
            yield refused(error)

    # Inputs that change together would each ask the server, whose answers might come in any order: the page asks
    # when the sum of them has changed.
    wish = gr.Textbox(visible="hidden", label=T("All inputs"))
    gr.on(
        [tab.select, *(box.change for box in boxes)], None, boxes, wish,
        js=f"async (...values) => (await {script('page')}).keep({json.dumps(key)}, {json.dumps(names)}, values)",
        api_visibility="private",
    )  # fmt: skip
    drawing = wish.change(growing if grows else drawn, boxes, pages, api_visibility="private", **ways)

    def surprised() -> list[Any]:
        found = surprise(np.random.default_rng())
        return [found.get(name, gr.skip()) for name in names]

    button = gr.Button(T("Surprise me"), size="sm")
    button.click(surprised, None, boxes, api_visibility="private", **LIVE)
    if grows:
        stop = gr.Button(T("Stop"), size="sm", elem_classes="stop")
        stop.click(None, None, None, cancels=drawing, api_visibility="private")


def seldom(values: Iterator[Any]) -> Iterator[Any]:
    """The last of `values`, and those before it that come at least half a second after the one before."""
    value, pending, last = None, False, time.monotonic()
    for value in values:
        pending = time.monotonic() - last < SELDOM
        if not pending:
            last = time.monotonic()
            yield value
    if pending:
        yield value


def restore(request: gr.Request) -> list[Any]:
    """The tab that the address names, and the values that it gives for its inputs, as far as they make sense."""
    query = dict(request.query_params)
    chosen = query.get("tab", "")
    found = [gr.update(selected=chosen) if chosen in VIEWS else gr.skip()]
    for key, view in VIEWS.items():
        for name, box in view.inputs.items():
            value = _parsed(box, query[name]) if key == chosen and name in query else None
            found.append(gr.skip() if value is None else value)
    return found


def _parsed(box: Component, text: str) -> Any:
    """The value of `box` that `text` in an address stands for; None if it is no such value."""
    match box:
        case gr.CheckboxGroup():
            return [value for _, value in box.choices if value in text.split(",")] or None
        case gr.Radio() | gr.Dropdown():
            return text if text in [value for _, value in box.choices] else None
        case gr.Checkbox():
            return {"true": True, "false": False}.get(text)
        case gr.Slider() | gr.Number():
            try:
                number = float(text)
            except ValueError:
                return None
            fits = (box.minimum or 0) <= number <= (box.maximum or 0) and (box.step != 1 or number == int(number))
            return (int(number) if box.step == 1 else number) if fits else None
        case _:
            try:
                common.picture_of(text)
            except ValueError:
                return None
            return text


def hung(wall: common.Wall) -> str:
    """A wall as HTML."""
    return markup.wall(wall)
