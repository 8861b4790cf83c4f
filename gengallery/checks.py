"""Checks of settings and arguments: each raises ValueError that says what was expected and what was found."""

from numbers import Integral, Real
from typing import Any

LARGEST_SIZE = 65536  # of a layer, in units or channels


def check_sizes(**sizes: Any) -> None:
    """Raise ValueError unless every given value is a whole number from 1 to 65536."""
    for name, size in sizes.items():
        check_whole(name, size, 1, LARGEST_SIZE)
        if not isinstance(size, int):
            raise ValueError(f"{name}: expected a plain integer, found {size!r}")


def check_flags(**flags: Any) -> None:
    """Raise ValueError unless every given value is true or false."""
    for name, flag in flags.items():
        if not isinstance(flag, bool):
            raise ValueError(f"{name}: expected true or false, found {flag!r}")


def check_tuple(name: str, sizes: Any, length: int | None = None) -> None:
    """Raise ValueError unless `sizes` is a tuple of sizes, of the given `length`, or else of one at least."""
    if not isinstance(sizes, tuple) or not sizes or (length is not None and len(sizes) != length):
        count = "at least one size" if length is None else f"{length} sizes"
        raise ValueError(f"{name}: expected {count}, found {sizes!r}")
    check_sizes(**{f"{name}[{i}]": size for i, size in enumerate(sizes)})


def check_whole(name: str, value: Any, least: int, most: int | None = None) -> int:
    """`value` as an int. Raises ValueError unless it is a whole number from `least` up, and to `most` if given."""
    range_ = f"from {least} up" if most is None else f"from {least} to {most}"
    whole = isinstance(value, Integral) and not isinstance(value, bool)
    if not whole or int(value) < least or (most is not None and int(value) > most):
        raise ValueError(f"{name}: expected a whole number {range_}, found {value!r}")
    return int(value)


def check_number(name: str, value: Any, least: float, most: float) -> float:
    """`value` as a float. Raises ValueError unless it is a number from `least` to `most`, both included."""
    if isinstance(value, bool) or not isinstance(value, Real) or not least <= float(value) <= most:
        raise ValueError(f"{name}: expected a number from {least:g} to {most:g}, found {value!r}")
    return float(value)


def check_guidance(guidance: Any) -> float:
    """`guidance` as a float. Raises ValueError unless it is a number from 0 to 100."""
    return check_number("guidance", guidance, 0, 100)


def check_choice(name: str, value: Any, choices: tuple[str, ...]) -> None:
    """Raise ValueError unless `value` is one of `choices`."""
    if value not in choices:
        raise ValueError(f"{name}: expected one of {', '.join(choices)}; found {value!r}")
