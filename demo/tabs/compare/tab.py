"""The tab Compare: every model in two plots and a table, and a card of each."""

from pathlib import Path
from typing import Any

import gradio as gr

from ...shared.handlers import answering
from ...shared.layout import intro, island
from ...shared.live import LIVE
from ...shared.tab import Tab
from ...shared.words import T
from . import table, view


@answering
def card(model: Any) -> dict[str, Any]:
    return {"html": table.card(view.card(model))}


def build(tab: gr.Tab) -> None:
    """Fill the tab."""
    intro(
        "Side by side",
        "How good each model's images are beside real ones, how well it reconstructs, and what that costs. "
        "Press a heading to sort, and a model for its card.",
    )
    page = island(Path(__file__).with_name("compare.html"), [card], value=None)
    again = gr.Button(T("Measure again"), size="sm", elem_classes="again")
    gr.on(
        [tab.select, again.click], lambda: table.as_json(view.comparison()), None, page,
        api_visibility="private", **LIVE,
    )  # fmt: skip


TAB = Tab("Compare", order=80, build=build)
