"""A tab's view, live and in the address."""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from inspect import isgeneratorfunction
from typing import Any

import gradio as gr
import numpy as np
from gradio.components import Component

from .labels import Labels
from .originals import picture_of
from .panels import notice
from .static import PAGE
from .words import said

T = Labels(__file__)
LIVE: dict[str, Any] = {"trigger_mode": "always_last", "show_progress": "hidden", "queue": False}
INTERVAL = 0.5  # seconds between two versions of a panel that grows


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
        notices = [notice(said(error))] * len(pages)
        return notices if len(notices) > 1 else notices[0]

    def drawn(*values: Any) -> Any:
        try:
            return handler(*values)
        except ValueError as error:
            return refused(error)

    def growing(*values: Any) -> Iterator[Any]:
        try:
            yield from throttled(handler(*values))
        except ValueError as error:
            yield refused(error)

    # Inputs that change together would each ask the server, whose answers might come in any order: the page asks
    # when the sum of them has changed.
    wish = gr.Textbox(visible="hidden", label=T("all_inputs"))
    gr.on(
        [tab.select, *(box.change for box in boxes)], None, boxes, wish,
        js=f"async (...values) => (await {PAGE}).keep({json.dumps(key)}, {json.dumps(names)}, values)",
        api_visibility="private",
    )  # fmt: skip
    drawing = wish.change(growing if grows else drawn, boxes, pages, api_visibility="private", **ways)

    def surprised() -> list[Any]:
        found = surprise(np.random.default_rng())
        return [found.get(name, gr.skip()) for name in names]

    button = gr.Button(T("surprise"), size="sm")
    button.click(surprised, None, boxes, api_visibility="private", **LIVE)
    if grows:
        stop = gr.Button(T("stop"), size="sm", elem_classes="stop")
        stop.click(None, None, None, cancels=drawing, api_visibility="private")


def throttled(values: Iterator[Any]) -> Iterator[Any]:
    """The last of `values`, and those before it that come at least half a second after the one before."""
    value, pending, last = None, False, time.monotonic()
    for value in values:
        pending = time.monotonic() - last < INTERVAL
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
                picture_of(text)
            except ValueError:
                return None
            return text
