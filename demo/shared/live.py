"""A tab's view, live and in the address."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from inspect import isgeneratorfunction
from typing import Any
from urllib.parse import parse_qsl

import gradio as gr
import numpy as np
from gradio.components import Component

from .handlers import job, working
from .labels import Labels
from .originals import picture_of
from .panels import answer, given_up, notice
from .static import PAGE
from .words import said
from .work import Job, current

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
    ways: dict[str, Any] = LIVE | ({"queue": True} if grows else {})

    def answered(found: Any, wish: Any) -> Any:
        number = str(wish).split(" ", 1)[0]
        shown = [answer(html, number) for html in ([found] if isinstance(found, str) else found)]
        return shown if len(shown) > 1 else shown[0]

    def refused(error: ValueError, shown: Any = "") -> list[str]:
        before = [shown] * len(pages) if isinstance(shown, str) else shown
        return [notice(said(error)) + given_up(html) for html in before]

    def drawn(wish: Any, *values: Any) -> Any:
        try:
            with working():
                return answered(handler(*values), wish)
        except ValueError as error:
            return answered(refused(error), wish)

    async def growing(wish: Any, *values: Any) -> AsyncIterator[Any]:
        found: Any = ""
        try:
            async for found in throttled(handler(*values), job()):
                yield answered(found, wish)
        except ValueError as error:
            yield answered(refused(error, found), wish)

    # Inputs that change together would each ask the server, whose answers might come in any order: the page asks
    # when the sum of them has changed. It numbers what it asks for, and the panels say which of that they answer.
    wish = gr.Textbox(visible="hidden", label=T("all_inputs"))
    arguments = ", ".join(map(json.dumps, (key, names, [page.elem_id for page in pages])))
    gr.on(
        [tab.select, *(box.change for box in boxes)], None, boxes, wish,
        js=f"async (...values) => (await {PAGE}).keep({arguments}, values)", api_visibility="private",
    )  # fmt: skip
    again = gr.Button(visible="hidden", elem_id=f"again-{key}")
    again.click(
        None,
        boxes,
        wish,
        js=f"async (...values) => (await {PAGE}).keep({arguments}, values, true)",
        api_visibility="private",
    )
    drawing = wish.change(growing if grows else drawn, [wish, *boxes], pages, api_visibility="private", **ways)

    def surprised() -> list[Any]:
        found = surprise(np.random.default_rng())
        return [found.get(name, gr.skip()) for name in names]

    button = gr.Button(T("surprise"), size="sm", elem_classes="plainly")
    button.click(surprised, None, boxes, api_visibility="private", **LIVE)
    if grows:
        stop = gr.Button(T("stop"), size="sm", elem_classes=["plainly", "stop"])
        stop.click(
            None, None, None, cancels=drawing, js=f"async () => (await {PAGE}).stop({json.dumps(key)})",
            api_visibility="private",
        )  # fmt: skip


# Most of them wait for their turn: see `work`.
WORKERS = ThreadPoolExecutor(max_workers=256, thread_name_prefix="growing")
END = object()


async def throttled(values: Iterator[Any], job: Job) -> AsyncIterator[Any]:
    """The last of `values`, and those that half a second went by without another for, or since the one before; the work
    on them takes its turns as that of `job`."""

    def following() -> Any:
        current.set(job)
        return next(values, END)

    value, pending, last = None, False, time.monotonic()
    try:
        while True:
            coming = asyncio.get_running_loop().run_in_executor(WORKERS, following)
            coming.add_done_callback(lambda done: done.cancelled() or done.exception())  # it may be left unasked for
            if pending:
                await asyncio.wait([coming], timeout=max(0.0, last + INTERVAL - time.monotonic()))
                if not coming.done():
                    last, pending = time.monotonic(), False
                    yield value
            found = await coming
            if found is END:
                break
            value, pending = found, True
        if pending:
            yield value
    finally:
        job.stopped = True  # what the visitor stopped, or left, too


def restore(request: gr.Request) -> list[Any]:
    """The values that the address gives for the inputs of the tab that it names, as far as they make sense. The page
    opens at that tab by itself, see server/front.py, and the visitor may have turned to another since."""
    return _restored(dict(request.query_params), back=False)


def go_back(event: gr.EventData) -> list[Any]:
    """The same for an address that the visitor went back to, or forward, and the tab: what it doesn't say is as at the
    start."""
    search = event._data.get("search") if isinstance(event._data, dict) else None
    query = dict(parse_qsl(search.removeprefix("?"))) if isinstance(search, str) else {}
    return _restored({"tab": next(iter(VIEWS))} | query, back=True)


def _restored(query: dict[str, str], back: bool) -> list[Any]:
    chosen = query.get("tab", "")
    found = [gr.update(selected=chosen) if back and chosen in VIEWS else gr.skip()]
    for key, view in VIEWS.items():
        for name, box in view.inputs.items():
            value = _parsed(box, query[name]) if key == chosen and name in query else None
            if value is None and back and key == chosen:
                value = box.value
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
