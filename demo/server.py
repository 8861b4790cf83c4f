"""What the demo adds to Gradio's server: a page that says what it is, open at the tab that its address names;
compression of what Gradio leaves as it is; and calls to the machine itself that no proxy gets to see."""

import os
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from html import escape
from urllib.parse import urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LEVEL = 5  # of gzip: a tenth of the time of 9 for 2 % more bytes
# Gradio compresses files by their endings; these it sends as they are. Events that stream are no use to compress.
PLAIN = re.compile(r"/$|/config$|/gradio_api/(run|api)/|/gradio_api/component_server|/info$|\.safetensors$")
THEIRS = re.compile(r'<meta\s+(?:property="og:|name="(?:twitter:|description"))[^>]*>\s*')


@dataclass(frozen=True)
class About:
    """What the page says of itself to those who show a link to it."""

    title: str
    description: str
    picture: str  # its address, from the page's own
    tabs: Collection[str]
    root: str = ""  # where a proxy has the page, if not at its root


class Compressed(GZipMiddleware):
    """Compression of what Gradio doesn't compress, but for parts of files."""

    def __init__(self, app: ASGIApp):
        super().__init__(app, minimum_size=1000, compresslevel=LEVEL)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        wanted = scope["type"] == "http" and PLAIN.search(scope["path"]) and "range" not in Headers(scope=scope)
        await (super().__call__ if wanted else self.app)(scope, receive, send)


class FrontPage:
    """The page with what `about` says of it in place of Gradio's own words, and opened at the tab of its address."""

    def __init__(self, app: ASGIApp, about: About):
        self.app, self.about = app, about

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        front = scope["type"] == "http" and scope["path"].rstrip("/") == scope.get("root_path", "").rstrip("/")
        if not front or scope["method"] != "GET":
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
                body = described(body.decode(), self.about, Request(scope)).encode()
                headers["content-length"] = str(len(body))
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


def reach_directly(hosts: Iterable[str | None] = ()) -> None:
    """Keep proxies out of calls to this machine, by its usual names and `hosts`: Gradio asks itself whether it runs."""
    own = ["localhost", "127.0.0.1", "::1", *(host for host in hosts if host and host not in ("0.0.0.0", "::"))]
    for variable in ("NO_PROXY", "no_proxy"):
        before = [host for host in os.environ.get(variable, "").split(",") if host.strip()]
        os.environ[variable] = ",".join(dict.fromkeys([*before, *own]))
