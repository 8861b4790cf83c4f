"""The page itself: it says what it is, is open at the tab that its address names, and runs no scripts but its own."""

import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from html import escape
from urllib.parse import urlencode

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .endpoints import path_of
from .responses import policy

THEIRS = re.compile(r'<meta\s+(?:property="og:|name="(?:twitter:|description"))[^>]*>\s*')


@dataclass(frozen=True)
class About:
    """What the page says of itself to those who show a link to it."""

    title: str
    description: str
    picture: str  # its address, from the page's own
    tabs: Collection[str]
    root: str = ""  # where a proxy has the page, if not at its root


class FrontPage:
    """The page with what `about` says of it in place of Gradio's own words, and opened at the tab of its address."""

    def __init__(self, app: ASGIApp, about: About):
        self.app, self.about = app, about

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or path_of(scope) != "/" or scope["method"] != "GET":
            await self.app(scope, receive, send)
            return
        start: Message | None = None
        parts: list[bytes] = []

        async def collect(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                start = message
                return
            parts.append(message.get("body", b""))
            if message.get("more_body") or start is None:
                return
            headers, body = MutableHeaders(raw=start["headers"]), b"".join(parts)
            if headers.get("content-type", "").startswith("text/html") and "content-encoding" not in headers:
                nonce = secrets.token_urlsafe(16)
                page = described(body.decode(), self.about, Request(scope))
                # In what the page is told, as JSON, Gradio has "<" escaped: these are the tags that it wrote itself.
                body = page.replace("<script", f'<script nonce="{nonce}"').encode()
                headers["content-length"] = str(len(body))
                headers["content-security-policy"] = policy(nonce)
            await send(start)
            await send({"type": "http.response.body", "body": body})

        await self.app(scope, receive, collect)


def described(page: str, about: About, request: Request) -> str:
    """Gradio's `page` with the meta tags of `about`, and the tab that the request names open from the start."""
    base = about.root if about.root.startswith("http") else str(request.base_url).rstrip("/") + about.root
    tab = request.query_params.get("tab", "")
    query = f"?{urlencode({'tab': tab})}" if tab in about.tabs else ""
    tags = [
        ("name", "description", about.description),
        ("property", "og:type", "website"),
        ("property", "og:title", about.title),
        ("property", "og:description", about.description),
        ("property", "og:url", f"{base.rstrip('/')}/{query}"),
        ("property", "og:image", f"{base.rstrip('/')}/{about.picture}"),
        ("name", "twitter:card", "summary_large_image"),
    ]
    ours = "".join(f'<meta {kind}="{name}" content="{escape(text)}" />\n' for kind, name, text in tags)
    page = THEIRS.sub("", page).replace("</head>", ours + "</head>", 1)
    if tab in about.tabs:
        page = page.replace(f'"selected":"{next(iter(about.tabs))}"', f'"selected":"{tab}"', 1)
    return page
