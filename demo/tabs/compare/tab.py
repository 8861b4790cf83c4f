"""The tab Compare: every model in two plots and a table, and a card of each."""

from pathlib import Path
from typing import Any

import gradio as gr

from ...shared.handlers import answering
from ...shared.layout import component, intro
from ...shared.live import LIVE
from ...shared.tab import Tab
from ...shared.words import Words
from . import table, view

say = Words(__file__)


@answering
def card(model: Any) -> dict[str, Any]:
    return {"html": table.card(view.card(model))}


def build(tab: gr.Tab) -> None:
    """Fill the tab."""
    intro(say("heading"), say("lead"))
    page = component(Path(__file__).with_name("compare.html"), [card], value=None)
    tab.select(lambda: table.as_json(view.comparison()), None, page, api_visibility="private", **LIVE)


TAB = Tab(order=80, build=build)
