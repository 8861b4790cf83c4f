"""What the page has to know of a tab."""

from collections.abc import Callable
from dataclasses import dataclass

import gradio as gr


@dataclass(frozen=True)
class Tab:
    """A tab, as the file tab.py in its folder has it under the name TAB. The folder's name is the tab's id, its name in
    the address and the id of the element where its first result stands; its title is among the words there."""

    order: int  # the page has the tabs from the lowest to the highest
    build: Callable[[gr.Tab], None]  # fills the tab, inside which it is called
    available: Callable[[], object] = lambda: True  # whether the gallery has models for it
