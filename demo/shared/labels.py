"""The words of Gradio's components: Gradio itself shows them in the visitor's language, by key."""

import hashlib
import re
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.i18n import I18nData

from .words import LANGUAGES, Words, both

PREFIX = "gengallery/"  # since Gradio also translates a value of an input that happens to be a key
PLAIN = re.compile(r"[^\"'\\\\{}<>$]+")  # keys
LABELS: dict[str, dict[str, str]] = {}  # what the page's components are called, by key and language


class Labels:
    """The words that the file `file` may put on a component, by key."""

    def __init__(self, file: str | Path):
        self.words = Words(file)

    def __call__(self, key: str, **arguments: object) -> Any:
        """The words of `key` with its `arguments`, for a component."""
        name = "/".join([self.words.folder.name, key, *map(str, arguments.values())])
        return register(name, self.words(key, **arguments))


def label(text: object) -> Any:
    """A text that comes with its translations, for a component."""
    return register(f"text/{text}", text)


def register(key: str, text: object) -> I18nData:
    """Have Gradio know `text`, whatever its language, by `key`; of one with quotes or braces, which Gradio would take
    for its own, by a hash."""
    key = PREFIX + (key if PLAIN.fullmatch(key) else hashlib.sha256(key.encode()).hexdigest())
    LABELS[key] = both(text)
    return I18nData(key)


def i18n() -> gr.I18n:
    """All labels, for Gradio, once the page is built."""
    # `common.complete` is a text of Gradio's own, for screen readers, which it has forgotten to translate.
    labels = LABELS | {"common.complete": both(Words(__file__)("done"))}
    return gr.I18n(**{language: {key: texts[language] for key, texts in labels.items()} for language in LANGUAGES})
