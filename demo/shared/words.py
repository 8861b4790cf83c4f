"""The words of the page, in each of its languages, and how they become HTML and JSON.

A folder of the demo has its words in words.json, by key: {"seed": {"en": "Seed", "pt": "Semente"}, ...}. The words in
shared/ are there for every folder. A key in a script or a template is looked up in the same two files. What belongs to
a model, a figure or a data set comes from the library, as a str with `translations`.

The server sends every language, so that a page needs nothing but the style to show one.
"""

import json
import re
from collections.abc import Iterable
from functools import cache
from html import escape
from pathlib import Path

from gengallery.text import Text

LANGUAGES = ("en", "pt")
SHARED = Path(__file__).resolve().parent
SWAPPED = str.maketrans(",.", ".,")  # Portuguese has its decimal comma where English has a point


class Words:
    """The words that the file `file` of the demo may ask for: those of its folder, and those that all share.

    Example:
        say = Words(__file__)
        say("after_epochs", count=4)
    """

    def __init__(self, file: str | Path):
        self.folder = Path(file).resolve().parent
        self.texts = read(SHARED) | read(self.folder)

    def __call__(self, key: str, **arguments: object) -> Text:
        """The words of `key`, with its `arguments` in the places that have their names in braces."""
        texts = {language: _filled(text, arguments, language) for language, text in self.texts[key].items()}
        return Text(texts.pop("en"), **texts)


def _filled(text: str, arguments: dict[str, object], language: str) -> str:
    return re.sub(r"\{(\w+)\}", lambda name: both(arguments[name[1]])[language], text)


@cache
def read(folder: Path) -> dict[str, dict[str, str]]:
    """The words in a folder by key and language; none where it has no file of them."""
    path = folder / "words.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def both(text: object) -> dict[str, str]:
    """`text` by language, in English where it has no translation."""
    translations = getattr(text, "translations", {})
    return {language: translations.get(language, str(text)) for language in LANGUAGES}


def number(value: float, form: str = ",") -> Text:
    """A number written by `form`, with the separators that each language has."""
    return numeral(format(value, form))


def numeral(english: str) -> Text:
    """A number as English writes it, with the separators that each language has."""
    return Text(english, pt=english.translate(SWAPPED))


def joined(parts: Iterable[object], separator: str = " · ") -> Text:
    """The parts that are not empty in one text."""
    texts = [both(part) for part in parts if part]
    english, portuguese = (separator.join(text[language] for text in texts) for language in LANGUAGES)
    return Text(english, pt=portuguese)


def html(text: object) -> str:
    """`text` as HTML with every language in it, of which style.css shows the visitor's."""
    english, portuguese = map(escape, both(text).values())
    if english == portuguese:
        return english
    return f'<span class="en">{english}</span><span class="pt">{portuguese}</span>'


def attribute(name: str, text: object) -> str:
    """The attribute `name` of an HTML element, after a blank; page.js puts its translation into its place."""
    english, portuguese = map(escape, both(text).values())
    return f' {name}="{english}"' + (f' data-pt-{name}="{portuguese}"' if english != portuguese else "")


class Refusal(ValueError):
    """What the demo says of a wish that makes no sense: what was expected, and what was found."""

    def __init__(self, text: Text):
        super().__init__(str(text))
        self.text = text


def said(error: ValueError) -> str:
    """What an error says, in every language where it is the demo's own."""
    return error.text if isinstance(error, Refusal) else str(error)
