"""The tab Compare: every model in one table."""

import gradio as gr
import table
from views.comparison import comparison

from tabs.parts import LIVE, T, intro, more

# Whoever presses the name of a group of columns gets it beside the models' names.
JUMP = """element.addEventListener('click', event => {
    const button = event.target.closest('.jump button');
    if (!button) return;
    const box = element.querySelector('.scroll');
    const group = box.querySelectorAll('.over')[[...button.parentElement.children].indexOf(button)];
    const left = group.getBoundingClientRect().left - box.querySelector('[rowspan]').getBoundingClientRect().right;
    box.scrollBy({left, behavior: 'smooth'});
});"""


def build(tab: gr.Tab) -> None:
    """Fill the tab."""
    intro(
        "Side by side",
        "Every model in one table: what it is, how good its images are beside real ones, and how well it reconstructs.",
    )
    page = gr.HTML(elem_id="compare", js_on_load=JUMP, elem_classes="say")
    again = gr.Button(T("Measure again"), size="sm", elem_classes="again")
    gr.on(
        [tab.select, again.click], lambda: table.comparison(comparison()), None, page, api_visibility="private", **LIVE
    )
    more("compare")
