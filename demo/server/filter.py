"""What every request has to be: for an address that is there, under a name that is ours, by a visitor who has not too
much, with a body within bounds and JSON that makes sense. What passes, Gradio gets to see."""

from typing import Any
from urllib.parse import parse_qsl, urlencode

from starlette.types import ASGIApp, Receive, Scope, Send

from ..shared.words import Words
from . import bodies, calls
from .endpoints import Body, endpoint
from .hosts import Hosts
from .limits import Connections, Uploads
from .refusals import Refused
from .visitors import visitor

say = Words(__file__)
OTHER_PAGES = ("page", "deep_link")  # names in a query by which Gradio looks for one


class RequestFilter:
    """Lets through to `app` what may ask `blocks`, the page as Gradio knows it, under the names of `hosts`; refuses the
    rest by Refused."""

    def __init__(self, app: ASGIApp, blocks: Any, hosts: Hosts, connections: Connections, uploads: Uploads):
        self.app, self.blocks, self.hosts = app, blocks, hosts
        self.connections, self.uploads = connections, uploads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return  # a websocket is refused by not being accepted: Gradio has none
        asked = endpoint(scope, tools=bool(self.blocks.mcp_server))
        self.hosts.check(scope)
        calls.check_address(scope)
        who = visitor(scope)
        with self.connections.one(who):
            if asked.body is Body.UPLOAD:
                await self._upload(who, scope, receive, send)
                return
            if asked.body is not Body.NOTHING and scope["method"] == "POST":
                receive = await self._json(asked.body, scope, receive)
            headers = {b"x-forwarded-for": who.encode()} if asked.body is Body.TOOL else {}
            await self.app(_plain(scope, headers), receive, send)

    async def _json(self, body: Body, scope: Scope, receive: Receive) -> Receive:
        content = await bodies.json_body(scope, receive)
        found = calls.read(content, calls.TOOL_TEXT if body is Body.TOOL else calls.LONGEST)
        calls.check(found, body, scope, self.blocks)
        return bodies.again(iter([content]), receive)

    async def _upload(self, who: str, scope: Scope, receive: Receive, send: Send) -> None:
        self.uploads.check(who)
        with await bodies.upload(scope, receive) as file:
            size = file.seek(0, 2)
            file.seek(0)
            self.uploads.check(who, size)
            self.uploads.take(who, size)
            # Without the name by which Gradio would tell of the progress: the file is there at once.
            alone = {**_plain(scope), "query_string": b""}
            try:
                await self.app(alone, bodies.again(bodies.chunks_of(file), receive), send)
            except (AssertionError, LookupError, TypeError, ValueError):  # by which Gradio meets a form that is none
                raise Refused(400, say("broken_form")) from None


def _plain(scope: Scope, headers: dict[bytes, bytes] | None = None) -> Scope:
    """Without a header by which Gradio would believe to be another server, and what would ask it for another page; with
    these `headers` in place of what was sent: a tool calls the server itself, in the name of the visitor who called the
    tool."""
    ours = headers or {}
    kept = [(name, value) for name, value in scope["headers"] if name not in {b"x-gradio-server", *ours}]
    asked = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    if any(name in OTHER_PAGES for name, _ in asked):
        query = urlencode([(name, value) for name, value in asked if name not in OTHER_PAGES]).encode()
        scope = {**scope, "query_string": query}
    return {**scope, "headers": [*kept, *ours.items()]}
