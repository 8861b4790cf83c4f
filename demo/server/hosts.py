"""Under which names the demo answers, and to which pages.

A page of somebody else can make a visitor's browser ask this server. Two things tell: the name that the request came
under (Host), which such a page can choose by its own name server (DNS rebinding), and the page that asks (Origin).
"""

import os
import socket
from collections.abc import Iterable
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import Scope

from ..shared.words import Words
from .refusals import Refused, brief

say = Words(__file__)
VARIABLE = "GENGALLERY_HOSTS"
HUB = "huggingface.co"  # whose pages show Spaces in a frame


class Hosts:
    """The names that the demo has: this machine's own, and those `here`, where it listens; those by which others know
    it: `public`, which may be addresses, that of its Space, and those in GENGALLERY_HOSTS, with commas between.
    "*.example.org" stands for every name that ends so.

    Every IP address will do as well: a page's own name server can't pretend to be one.
    """

    def __init__(self, here: Iterable[str | None] = (), public: Iterable[str | None] = ()):
        variables = [os.environ.get(VARIABLE, ""), os.environ.get("SPACE_HOST", "")]
        machine, space = socket.gethostname(), bool(os.environ.get("SPACE_ID"))
        self.pages = _names([*public, *",".join(variables).split(","), *([HUB] if space else [])])
        # A Space has several names under hf.space; pages of other Spaces have such names too.
        self.own = self.pages | _names(
            ["localhost", machine, f"{machine}.local", *here, *(["*.hf.space"] if space else [])]
        )

    def check(self, scope: Scope) -> None:
        """Raises Refused for a name that is not ours, a page that is not ours, and what another site's page sends."""
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        for asked in (host, *_first(headers, "x-forwarded-host")):
            if not _is_address(_name(asked)) and not _among(_name(asked), self.own):
                raise Refused(403, say("foreign_host", found=brief(_name(asked)), variable=VARIABLE))
        origin = headers.get("origin")
        if origin is not None and not self._is_ours(origin, [host, *_first(headers, "x-forwarded-host")]):
            raise Refused(403, say("foreign_page", found=brief(origin), variable=VARIABLE))
        from_elsewhere = headers.get("sec-fetch-site") == "cross-site" and origin is None
        if from_elsewhere and scope["method"] not in ("GET", "HEAD"):
            raise Refused(403, say("foreign_page", found="another site", variable=VARIABLE))

    def _is_ours(self, origin: str, hosts: list[str]) -> bool:
        try:
            place = urlsplit(origin).netloc.lower()
        except ValueError:
            return False
        return bool(place) and (place in [host.lower() for host in hosts] or _among(_name(place), self.pages))


def _names(texts: Iterable[str | None]) -> set[str]:
    return {name for text in texts if text and (name := _name(text))}


def _first(headers: Headers, name: str) -> list[str]:
    """The first value of a header that proxies append to, as Gradio reads it; none where it is not there."""
    return [headers[name].split(",")[0].strip()] if headers.get(name) else []


def _name(text: str) -> str:
    """The name in a host with its port, or in a whole address; empty if there is none."""
    try:
        return (urlsplit(text if "//" in text else f"//{text.strip()}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _among(name: str, names: Iterable[str]) -> bool:
    return any(name == one or (one.startswith("*.") and name.endswith(one[1:])) for one in names)
