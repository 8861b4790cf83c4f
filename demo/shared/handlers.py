"""Handlers of requests, whose ValueErrors the visitor gets to read."""

from collections.abc import Callable
from functools import wraps
from inspect import signature
from typing import Any

import gradio as gr

from . import checks


def refusing(handler: Callable) -> Callable:
    """`handler`, whose ValueErrors the visitor gets to read."""

    @wraps(handler)
    def wrapped(*args):
        try:
            return handler(*args)
        except ValueError as error:
            raise gr.Error(str(error), print_exception=False) from error

    return wrapped


def answering(handler: Callable) -> Callable:
    """`handler` of one request, a dict of parameters as the page sends it; its answer may be a refusal."""

    def answer(request: Any) -> dict[str, Any]:
        try:
            if not isinstance(request, dict):
                raise ValueError(f"request: expected parameters by name, found {checks.brief(request)}")
            wanted = signature(handler).parameters.keys()
            if request.keys() != wanted:
                raise ValueError(f"request: expected {', '.join(wanted)}; found {checks.brief(list(request))}")
            return handler(**request)
        except ValueError as error:
            return {"error": str(error)}

    answer.__name__ = handler.__name__  # by which the page calls it; its signature stays this one
    return answer
