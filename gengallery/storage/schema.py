"""What may stand in the header of a file of weights, declared once, and checked wherever one is read or written.

A schema is a type (str, int, float, bool), a check, a tuple of alternatives, a list [SCHEMA] of any length, a dict
{str: SCHEMA} of any keys, or a dict of fields by name. A field whose name ends in "?" may be missing; fields that are
not named are refused by `Only`, and else are any JSON. float takes whole numbers too.
"""

import sys
from collections.abc import Callable, Iterator
from typing import Any

from gengallery.text import harmless, is_web_address

MOST_ITEMS = 1000  # of a list: no more than an image spec's classes
LARGEST = 2**63 - 1  # of whole numbers
Problem = tuple[str, str, Any]  # the path of a field, what it should be, what it is


class Only(dict[str, Any]):
    """Fields by name, and no others."""


def url(value: Any) -> str | None:
    """Nothing if `value` is an address of the web, or empty; else what it should be."""
    return None if value == "" or is_web_address(value) else "an http(s) address"


def positive(value: Any) -> str | None:
    """Nothing if `value` is a whole number from 1 up; else what it should be."""
    return None if type(value) is int and 1 <= value <= LARGEST else "int, 1 or more"


ANY = object()  # JSON whose texts are harmless and whose numbers are of a sane size
NUMBERS = {str: float}
SCORECARD = Only({
    "weights": str, "judge": str, "data": str, "golden": str, "figures": NUMBERS, "floor": NUMBERS,
    "samples": int, "seed": int, "milliseconds?": (float, None),
})  # fmt: skip
CARD = {
    "summary": str, "notes": str, "translations": {str: Only({"summary?": str, "notes?": str})}, "exhibit": bool,
    "reported": NUMBERS, "report": str, "paper": Only({"authors": str, "title": str, "year": int, "url": url}),
    "equations": [str], "options": [str], "recipe": {str: ANY}, "start": str, "float16": bool, "dataset": str,
}  # fmt: skip
TRAINING = {
    "command?": str, "seed?": int, "epochs?": int, "seconds?": float, "device?": str, "threads?": int, "data?": str,
    "versions?": {str: str},
}  # fmt: skip
IMAGE = {
    "channels": int, "height": int, "width": int, "classes?": [str], "mean?": float, "std?": float, "dataset?": str,
    "light_on_dark?": bool,
}  # fmt: skip
HEADER = {
    "name": str, "family": str, "config": {"image": IMAGE}, "prior?": {"kind?": str, "dim": positive}, "card": CARD,
    "parameters": int, "training": TRAINING, "cost": NUMBERS, "losses": {str: NUMBERS}, "checksum": str,
    "scorecard?": (SCORECARD, None),
}  # fmt: skip


def problems(value: Any, schema: Any = HEADER, path: str = "") -> Iterator[Problem]:
    """What of `value` is not as `schema` says, each with its path, such as "scorecard.figures.frechet"."""
    if isinstance(schema, tuple):
        first, *_ = schema
        if value is not None:
            yield from problems(value, first, path)
    elif isinstance(schema, dict):
        yield from _fields(value, schema, path)
    elif isinstance(schema, list):
        if type(value) is not list or len(value) > MOST_ITEMS:
            yield path, f"list of at most {MOST_ITEMS}", value
        else:
            for index, item in enumerate(value):
                yield from problems(item, schema[0], f"{path}[{index}]")
    elif isinstance(schema, type):
        if not (type(value) is schema or (schema is float and type(value) is int)):
            yield path, schema.__name__, value
        else:
            yield from _harm(value, path)
    elif schema is ANY:
        yield from _harm(value, path)
    else:
        check: Callable[[Any], str | None] = schema
        if expected := check(value):
            yield path, expected, value


def _fields(value: Any, schema: dict[Any, Any], path: str) -> Iterator[Problem]:
    if type(value) is not dict:
        yield path, "dict", value
        return
    if str in schema:
        for key, item in value.items():
            yield from _harm(key, path)
            yield from problems(item, schema[str], f"{path}.{key}".lstrip("."))
        return
    named = {name.removesuffix("?"): name for name in schema}
    for key, name in named.items():
        if key in value:
            yield from problems(value[key], schema[name], f"{path}.{key}".lstrip("."))
        elif not name.endswith("?"):
            yield f"{path}.{key}".lstrip("."), _worded(schema[name]), None
    for key in value.keys() - named.keys():
        if isinstance(schema, Only):
            yield path, f"only {', '.join(named)}", key
        yield from _harm(key, path)
        yield from _harm(value[key], f"{path}.{key}".lstrip("."))


def _worded(schema: Any) -> str:
    """What a schema asks for, in a word or two."""
    if isinstance(schema, type):
        return schema.__name__
    if isinstance(schema, (dict, list)):
        return "list" if isinstance(schema, list) else "dict"
    return str(schema(None)) if callable(schema) else "a value"


def _harm(value: Any, path: str) -> Iterator[Problem]:
    """What in `value`, any JSON, would harm where it is shown."""
    match value:
        case str():
            if harmless(value) != value:
                yield path, "text without control characters", value
        case bool() | None:
            pass
        case int():
            if abs(value) > LARGEST:
                yield path, "a whole number of 64 bits", value
        case float():
            if not abs(value) <= sys.float_info.max:
                yield path, "a finite number", value
        case list():
            if len(value) > MOST_ITEMS:
                yield path, f"at most {MOST_ITEMS} values", len(value)
            else:
                for index, item in enumerate(value):
                    yield from _harm(item, f"{path}[{index}]")
        case dict():
            for key, item in value.items():
                yield from _harm(key, path)
                yield from _harm(item, f"{path}.{key}".lstrip("."))
        case _:
            yield path, "JSON", value
