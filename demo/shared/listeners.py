"""Who still listens for an answer: the open connections of visitors.

Gradio finishes what was asked for even if nobody waits for it any more. This middleware sees every connection open and
close, so that `work` can leave such work undone.
"""

import asyncio
import re
from collections import Counter
from contextvars import ContextVar

from starlette.datastructures import QueryParams
from starlette.types import ASGIApp, Message, Receive, Scope, Send

STREAM = re.compile(r"/gradio_api/(?:queue/data$|call/(?:v2/)?[^/]+/([^/]+)$)")
listening: Counter[str] = Counter()  # open streams of answers, by session, or by the event that is listened for


class Connection:
    """One request, whose answer is awaited until the visitor goes away."""

    def __init__(self) -> None:
        self.open = True


connection: ContextVar[Connection | None] = ContextVar("connection", default=None)


class Listeners:
    """Middleware that keeps `listening` and `connection`."""

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        stream = STREAM.search(path)
        if stream and scope["method"] == "GET":
            key = stream[1] or QueryParams(scope["query_string"]).get("session_hash", "")
            listening[key] += 1
            try:
                await self.app(scope, receive, send)
            finally:
                listening[key] -= 1
                if not listening[key]:
                    del listening[key]
        elif scope["method"] == "POST":
            await self._watched(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _watched(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and notice when the one who made it goes away before there is an answer."""
        here = Connection()
        connection.set(here)
        gone: asyncio.Task[Message] | None = None

        async def received() -> Message:
            nonlocal gone
            if gone is not None:  # after the body there is but one message to come: that the visitor is gone
                return await asyncio.shield(gone)
            message = await receive()
            if message["type"] == "http.request" and not message.get("more_body"):
                gone = asyncio.ensure_future(receive())
                gone.add_done_callback(closed)
            return message

        def closed(_: object) -> None:
            here.open = False

        try:
            await self.app(scope, received, send)
        finally:
            here.open = False
            if gone is not None:
                gone.cancel()
