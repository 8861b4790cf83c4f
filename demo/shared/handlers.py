"""Handlers of requests, whose ValueErrors the visitor or the program that calls gets to read."""

from collections.abc import Callable
from functools import wraps
from inspect import signature
from typing import Any

import gradio as gr

from . import checks
from .words import Refusal, Words, both, html, said

say = Words(__file__)


def refusing(handler: Callable) -> Callable:
    """`handler` for programs, which get to read its ValueErrors, in English."""
    return _refusing(handler, str)


def refusing_visitors(handler: Callable) -> Callable:
    """`handler` for the page, whose visitor gets to read its ValueErrors, in either language."""
    return _refusing(handler, html)


def _refusing(handler: Callable, written: Callable[[object], str]) -> Callable:
    @wraps(handler)
    def wrapped(*args):
        try:
            return handler(*args)
        except ValueError as error:
            raise gr.Error(written(said(error)), print_exception=False) from error

    return wrapped


def answering(handler: Callable) -> Callable:
    """`handler` of one request, a dict of parameters as the page sends it; its answer may be a refusal."""

    def answer(request: Any) -> dict[str, Any]:
        try:
            if not isinstance(request, dict):
                raise Refusal(say("expected_parameters", found=checks.brief(request)))
            wanted = signature(handler).parameters.keys()
            if request.keys() != wanted:
                names = ", ".join(wanted)
                raise Refusal(say("expected_request", names=names, found=checks.brief(list(request))))
            return handler(**request)
        except ValueError as error:
            return {"error": both(said(error))}

    answer.__name__ = handler.__name__  # by which the page calls it; its signature stays this one
    return answer
