"""The words of the pages, in English and Brazilian Portuguese, and the numbers in them as each language writes them.

They lie by key in the files of `texts/`, both languages together.
"""

import json
import re
import string
import tomllib
from pathlib import Path
from typing import Any

# TEMPORARY: delete, with its use below, once the summaries of info() carry their translations.
_OLD_TRANSLATIONS = Path(__file__).parents[2] / "demo" / "static" / "pt.json"

FOLDER = Path(__file__).with_name("texts")
LANGUAGES = ("en", "pt")
_SWAPPED = str.maketrans(",.", ".,")


def read() -> dict[str, dict[str, str]]:
    """Every text by key and language. Raises ValueError for a key that two files have."""
    texts: dict[str, dict[str, str]] = {}
    for path in sorted(FOLDER.glob("*.toml")):
        for key, of in tomllib.loads(path.read_text(encoding="utf-8")).items():
            if key in texts:
                raise ValueError(f"{path}: expected new keys, found {key!r}, which another file has")
            texts[key] = {language: text.strip() for language, text in of.items()}
    return texts


class Words(string.Formatter):
    """The texts of one language; `used` holds the keys of those that were asked for."""

    def __init__(self, language: str):
        self.language = language
        self.used: set[str] = set()
        self._texts = read()

    def __call__(self, key: str, **values: Any) -> str:
        """The text of `key` with `values` in their places. Raises KeyError for an unknown key or a missing value."""
        self.used.add(key)
        return self.vformat(self._texts[key][self.language], (), values)

    def number(self, value: float, form: str) -> str:
        """A number as the language writes it: 1,234.5 in English is 1.234,5 in Portuguese."""
        text = format(value, form).replace("-", "−")
        return text.translate(_SWAPPED) if self.language == "pt" else text

    def format_field(self, value: Any, form: str) -> str:
        """What `vformat` writes in the place of a value."""
        return self.number(value, form) if isinstance(value, (int, float)) else format(value, form)

    def translated(self, text: str) -> str:
        """A text of the library in this language."""
        if hasattr(text, "translated"):
            return text.translated(self.language)
        return _translated(text) if self.language == "pt" else text  # TEMPORARY: see _OLD_TRANSLATIONS


def _translated(text: str) -> str:  # TEMPORARY: see _OLD_TRANSLATIONS
    """`text` in Portuguese by the demo's table, in which # stands for each number."""
    numbers = iter(re.findall(r"\d+", text))
    known = json.loads(_OLD_TRANSLATIONS.read_text(encoding="utf-8"))
    return re.sub("#", lambda _: next(numbers), known.get(re.sub(r"\d+", "#", text), text))
