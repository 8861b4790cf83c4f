"""English words that carry their translations."""

from typing import Any


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
