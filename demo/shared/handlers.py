"""Handlers of requests, whose ValueErrors the visitor or the program that calls gets to read, and whose work takes
turns with that of others."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from inspect import signature
from typing import Any

import gradio as gr
from gradio.context import LocalContext

from . import checks
from .listeners import connection, listening
from .words import Refusal, Words, both, html, said
from .work import Job, current

say = Words(__file__)
GONE, UNHEARD = 0.5, 30.0  # seconds until work is dropped that nobody listens for any more, or that nobody came for


def job() -> Job:
    """That of the request which Gradio is answering: asked over a connection that waits for the answer, or put into
    Gradio's queue, whose answers go to whoever listens to the session, or to the event."""
    here = connection.get()
    session = getattr(LocalContext.request.get(None), "session_hash", None) or ""
    if here is not None:
        return Job(session or str(id(here)), lambda: here.open, GONE)
    event = LocalContext.event_id.get(None) or ""
    return Job(session or event, lambda: bool(listening[session] or listening[event]), UNHEARD)


@contextmanager
def working() -> Iterator[None]:
    """Have the work that is done inside take turns, as that of the request which Gradio is answering, if it is."""
    before = current.set(job() if LocalContext.request.get(None) is not None else None)
    try:
        yield
    finally:
        current.reset(before)


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
            with working():
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
            with working():
                return handler(**request)
        except ValueError as error:
            return {"error": both(said(error))}

    answer.__name__ = handler.__name__  # by which the page calls it; its signature stays this one
    return answer
