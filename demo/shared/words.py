"""The page's words, in two languages."""

import json
from typing import Any

import gradio as gr

from .static import STATIC

PORTUGUESE: dict[str, str] = json.loads((STATIC / "pt.json").read_text(encoding="utf-8"))
KEY = "gengallery: "  # before each text, since Gradio translates values too that happen to be keys
# `common.complete` is a text of Gradio's own, for screen readers, which it has forgotten to translate.
I18N = gr.I18n(
    en={KEY + text: text for text in PORTUGUESE} | {"common.complete": "Done"},
    pt={KEY + text: words for text, words in PORTUGUESE.items()} | {"common.complete": "Pronto"},
)


def T(text: str) -> Any:
    """`text`, which has to be in pt.json, in the visitor's language; the page's own script reads the same file."""
    if text not in PORTUGUESE:
        raise KeyError(f"expected a text of static/pt.json, found {text!r}; add its translation there")
    return I18N(KEY + text)
