"""The tab Compare: every model in two plots and a table, and a card of each."""

from typing import Any

import gradio as gr
import table
from views import comparison

from tabs.parts import LIVE, T, answering, intro, island, more


@answering
def card(model: Any) -> dict[str, Any]:
    return {"html": table.card(comparison.card(model))}


def build(tab: gr.Tab) -> None:
    """Fill the tab."""
    intro(
        "Side by side",
        "How good each model's images are beside real ones, how well it reconstructs, and what that costs. "
        "Press a heading to sort, and a model for its card.",
    )
    page = island("compare", [card], value=None)
    again = gr.Button(T("Measure again"), size="sm", elem_classes="again")
    gr.on(
        [tab.select, again.click], lambda: table.as_json(comparison.comparison()), None, page,
        api_visibility="private", **LIVE,
    )  # fmt: skip
    more("compare")
