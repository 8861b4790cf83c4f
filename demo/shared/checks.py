"""What a visitor may ask for. Whatever comes in may have been posted by hand, so everything is checked, and refused by
a ValueError that says what was expected and what was found. `field` is what the page calls the input."""

import math
from typing import Any

from .words import Refusal, Text, Words, number

say = Words(__file__)
MOST_IMAGES = 10  # in a row
FARTHEST = 1000.0  # from the origin of a latent space
LARGEST_SEED = 2**32 - 1


def choices(field: Text, values: Any, allowed: Any) -> list[str]:
    """`values`, each once, in the order of `allowed`."""
    if not isinstance(values, (list, tuple)) or not all(isinstance(value, str) for value in values):
        raise Refusal(say("expected_names", field=field, found=brief(values)))
    if not values:
        raise Refusal(say("expected_some", field=field))
    for value in values:
        choice(field, value, allowed)
    return [value for value in allowed if value in values]


def choice(field: Text, value: Any, allowed: Any) -> str:
    """`value`, which has to be one of `allowed`."""
    if not isinstance(value, str) or value not in allowed:
        raise Refusal(say("expected_choice", field=field, choices=", ".join(allowed), found=brief(value)))
    return value


def flag(field: Text, value: Any) -> bool:
    if not isinstance(value, bool):
        raise Refusal(say("expected_flag", field=field, found=brief(value)))
    return value


def whole(field: Text, value: Any, least: int, most: int) -> int:
    """`value` as an integer; JSON may have made it a float."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value) or value != int(value) or not least <= value <= most:
        raise Refusal(say("expected_whole", field=field, least=least, most=most, found=brief(value)))
    return int(value)


def count(value: Any) -> int:
    return whole(say("count"), value, 1, MOST_IMAGES)


def seed(value: Any) -> int:
    return whole(say("seed"), value, 0, LARGEST_SEED)


def between(field: Text, value: Any, least: float, most: float) -> float:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not least <= value <= most:  # written so that NaN fails too
        bounds = {"least": number(least, "g"), "most": number(most, "g")}
        raise Refusal(say("expected_number", field=field, found=brief(value), **bounds))
    return float(value)


def coordinate(field: Text, value: Any) -> float:
    return between(field, value, -FARTHEST, FARTHEST)


def coordinates(field: Text, values: Any, length: int) -> list[float]:
    """`values`, so many numbers."""
    if not isinstance(values, (list, tuple)) or len(values) != length:
        found = say("of_them", count=len(values)) if isinstance(values, (list, tuple)) else brief(values)
        raise Refusal(say("expected_numbers", field=field, count=length, found=found))
    return [coordinate(field, value) for value in values]


def brief(value: Any) -> str:
    """`value` for a message: as Python writes it, cut where it goes on for long."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
