"""English words that carry their translations, and text that others wrote."""

import re
from typing import Any

# What a terminal acts on, what turns text round or hides it, and halves of characters; not a new line or a tab.
HARMFUL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]")


ADDRESS = re.compile(r"https?://[^\s\"'<>\\]+", re.IGNORECASE)


def is_web_address(text: object) -> bool:
    """Whether `text` is an address of the web, http or https, and no other that a link could lead to."""
    return isinstance(text, str) and ADDRESS.fullmatch(text) is not None


def harmless(text: str) -> str:
    """`text` as it can be printed, with a question mark in place of each character that a terminal would act on.

    Example:
        >>> harmless("red: \\x1b[31m")
        'red: ?[31m'
    """
    return HARMFUL.sub("?", text)


class Text(str):
    """An English string with the same words in other languages.

    It is the English string wherever a string is asked for: it compares, hashes, prints and turns into JSON as that.

    Arguments:
        english: the words in English.
        translations: the same words by language, named by its ISO 639-1 code.

    Example:
        >>> noise = Text("Noise", pt="Ruído")
        >>> noise == "Noise", noise.pt, noise.translated("fr")
        (True, 'Ruído', 'Noise')
    """

    translations: dict[str, str]

    def __new__(cls, english: str = "", /, **translations: str) -> "Text":
        text = super().__new__(cls, english)
        for language, words in translations.items():
            if not isinstance(words, str):
                raise ValueError(f"Text: expected words in {language!r}, found {type(words).__name__}")
        text.translations = {language: str(words) for language, words in translations.items()}
        return text

    @property
    def pt(self) -> str:
        """The words in Portuguese, else in English."""
        return self.translated("pt")

    def translated(self, language: str) -> str:
        """The words in `language`, or in English where there is no such translation."""
        return self.translations.get(language, str(self))

    def __getnewargs_ex__(self) -> tuple[tuple[str], dict[str, Any]]:
        return (str(self),), dict(self.translations)  # for pickle and copy
