"""The words of the pages, in English and Brazilian Portuguese, and the numbers in them as each language writes them.

They lie by key in the files of `texts/`, both languages together.
"""

import string
import tomllib
from pathlib import Path
from typing import Any

from gengallery.evaluation.figures import figure
from gengallery.text import Text

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
        return self._localised(format(value, form).replace("-", "−"))

    def figure(self, name: str, value: float) -> str:
        """The value of the figure `name` of a scorecard, with as many digits as the library gives it."""
        return self._localised(figure(name).written(value))

    def title(self, name: str) -> str:
        """What the library calls the figure `name` of a scorecard."""
        return self.translated(figure(name).title)

    def _localised(self, number: str) -> str:
        return number.translate(_SWAPPED) if self.language == "pt" else number

    def format_field(self, value: Any, form: str) -> str:
        """What `vformat` writes in the place of a value."""
        return self.number(value, form) if isinstance(value, (int, float)) else format(value, form)

    def translated(self, text: str) -> str:
        """A text of the library in this language."""
        return text.translated(self.language) if isinstance(text, Text) else text
