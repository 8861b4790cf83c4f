"""What may be asked for at all. Gradio has many more addresses, for recordings, proxies, shared links, monitoring,
logins and editors of its own: the page and its API need none of them, so they are not there."""

import re
from dataclasses import dataclass
from enum import Enum

from starlette.types import Scope

from ..shared.static import ROUTE
from ..shared.words import Words
from .refusals import Refused, brief

say = Words(__file__)
READ = frozenset({"GET", "HEAD"})
POST = frozenset({"POST"})
LONGEST_NAME = 200  # characters of a part of it, which may name a file
LONGEST = 400  # characters of a path: an upload's, with what it is called


class Body(Enum):
    """What a request brings."""

    NOTHING = "nothing"
    CALL = "a call of a function, as JSON"
    COMPONENT = "a call from a part of the page, as JSON"
    JSON = "JSON"
    UPLOAD = "a file, as multipart/form-data"
    TOOL = "a message of the Model Context Protocol"


@dataclass(frozen=True)
class Endpoint:
    """An address, or a pattern of some, and how it may be asked."""

    path: re.Pattern[str]
    methods: frozenset[str] = READ
    body: Body = Body.NOTHING


def _endpoint(path: str, methods: frozenset[str] = READ, body: Body = Body.NOTHING) -> Endpoint:
    return Endpoint(re.compile(path), methods, body)


ENDPOINTS = (
    # the page, and what it is made of
    _endpoint(r"/"),
    _endpoint(r"/config/?"),
    _endpoint(r"/(theme\.css|manifest\.json|favicon\.ico|robots\.txt)"),
    _endpoint(rf"/(assets|static|{ROUTE})/.+"),
    # what it, and programs, read
    _endpoint(r"/gradio_api/(info/?|openapi\.json|startup-events|app_id/?|theme\.css)"),
    _endpoint(r"/gradio_api/heartbeat/[\w-]{1,64}"),
    _endpoint(r"/gradio_api/queue/(data|status)"),
    _endpoint(r"/gradio_api/call/(v2/)?\w+/\w+"),
    _endpoint(r"/gradio_api/file=.+"),
    # what they ask
    _endpoint(r"/gradio_api/(run|api|call|call/v2)/\w+/?", POST, Body.CALL),
    _endpoint(r"/gradio_api/queue/join", POST, Body.CALL),
    _endpoint(r"/gradio_api/component_server/?", POST, Body.COMPONENT),
    _endpoint(r"/gradio_api/(cancel|reset/?)", POST, Body.JSON),
    _endpoint(r"/gradio_api/upload", POST, Body.UPLOAD),
)
TOOLS = (
    _endpoint(r"/gradio_api/mcp/schema"),
    _endpoint(r"/gradio_api/mcp(/|/http/?)?", frozenset({"GET", "POST", "DELETE"}), Body.TOOL),
)


def path_of(scope: Scope) -> str:
    """The path that is asked for, from where the demo itself begins."""
    path, root = scope["path"], scope.get("root_path", "").rstrip("/")
    inside = root and (path == root or path.startswith(f"{root}/"))
    return (path[len(root) :] if inside else path) or "/"


def endpoint(scope: Scope, tools: bool) -> Endpoint:
    """The one that a request is for; those for assistants are there if there are `tools`. Raises Refused if there is
    none, or none by that method."""
    path = path_of(scope)
    if len(path) > LONGEST or max(map(len, path.split("/"))) > LONGEST_NAME or not path.isprintable():
        raise Refused(414, say("path_odd", most=LONGEST, found=brief(path)))
    found = [one for one in (*ENDPOINTS, *(TOOLS if tools else ())) if one.path.fullmatch(path)]
    if not found:
        raise Refused(404, say("nothing_there", found=brief(path)))
    allowed = frozenset[str]().union(*(one.methods for one in found))
    if scope["method"] not in allowed:
        methods = ", ".join(sorted(allowed))
        raise Refused(405, say("expected_method", methods=methods, found=brief(scope["method"])), {"Allow": methods})
    return next(one for one in found if scope["method"] in one.methods)
