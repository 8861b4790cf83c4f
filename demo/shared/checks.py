"""What a visitor may ask for. Whatever comes in may have been posted by hand, so everything is checked, and refused by
a ValueError that says what was expected and what was found."""

import math
from typing import Any

MOST_IMAGES = 10  # in a row
FARTHEST = 1000.0  # from the origin of a latent space
LARGEST_SEED = 2**32 - 1


def choices(field: str, values: Any, allowed: Any) -> list[str]:
    """`values`, each once, in the order of `allowed`."""
    if not isinstance(values, (list, tuple)) or not all(isinstance(value, str) for value in values):
        raise ValueError(f"{field}: expected a list of names, found {brief(values)}")
    if not values:
        raise ValueError(f"{field}: expected at least one, found none; choose one")
    for value in values:
        choice(field, value, allowed)
    return [value for value in allowed if value in values]


def choice(field: str, value: Any, allowed: Any) -> str:
    """`value`, which has to be one of `allowed`."""
    if not isinstance(value, str) or value not in allowed:
        raise ValueError(f"{field}: expected one of {', '.join(allowed)}; found {brief(value)}")
    return value


def whole(field: str, value: Any, least: int, most: int) -> int:
    """`value` as an integer; JSON may have made it a float."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or value != int(value) or not least <= value <= most:
        raise ValueError(f"{field}: expected a whole number from {least} to {most}, found {brief(value)}")
    return int(value)


def count(value: Any) -> int:
    return whole("how many", value, 1, MOST_IMAGES)


def seed(value: Any) -> int:
    return whole("seed", value, 0, LARGEST_SEED)


def between(field: str, value: Any, least: float, most: float) -> float:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not least <= value <= most:  # written so that NaN fails too
        raise ValueError(f"{field}: expected a number from {least:g} to {most:g}, found {brief(value)}")
    return float(value)


def coordinate(field: str, value: Any) -> float:
    return between(field, value, -FARTHEST, FARTHEST)


def coordinates(field: str, values: Any, length: int) -> list[float]:
    """`values`, so many numbers."""
    if not isinstance(values, (list, tuple)) or len(values) != length:
        found = f"{len(values)} of them" if isinstance(values, (list, tuple)) else brief(values)
        raise ValueError(f"{field}: expected {length} numbers, found {found}")
    return [coordinate(field, value) for value in values]


def brief(value: Any) -> str:
    """`value` for a message: as Python writes it, cut where it goes on for long."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
