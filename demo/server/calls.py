"""What the JSON of a request may say.

Gradio believes what it is sent: a path is read, an address is fetched, a number picks a function. So everything that it
would take as such is looked at first, and what makes no sense is refused in a sentence. What a function's own inputs
may be, the function says.
"""

import json
import math
import re
from inspect import signature
from typing import Any
from urllib.parse import unquote

from starlette.datastructures import QueryParams
from starlette.types import Scope

from ..shared.files import is_upload
from ..shared.words import Words, number
from .bodies import LARGEST
from .endpoints import Body, path_of
from .refusals import Refused, brief

say = Words(__file__)
DEEPEST = 20  # lists and objects inside each other
MOST = 20_000  # values in a body
LONGEST = 100_000  # characters of a text: a picture of 128 x 128 in three colours
LARGEST_NUMBER = 2**63
SESSION = re.compile(r"[\w-]{1,64}", re.ASCII)
FILE = re.compile(r"/gradio_api/file=(.+)", re.DOTALL)


def read(body: bytes, longest: int = LONGEST) -> Any:
    """The JSON of a body. Raises Refused for what is none, or can't be kept: too deep, too many values, a text that is
    too long or half a character, a number that is none or too large."""
    # An opening bracket that stands in a text is counted too; no text of ours has any.
    if body.count(b"[") + body.count(b"{") > MOST:
        raise Refused(413, say("json_many", most=number(MOST)))
    try:
        found = json.loads(body)
    except RecursionError:
        raise Refused(400, say("json_deep", most=DEEPEST)) from None
    except ValueError:  # also a number of more digits than Python reads, and bytes that are no text
        raise Refused(400, say("json_broken")) from None
    _check(found, longest)
    return found


def _check(found: Any, longest: int) -> None:
    level, count = [found], 0
    for _ in range(DEEPEST):
        below: list[Any] = []
        count += len(level)
        if count > MOST:
            raise Refused(413, say("json_many", most=number(MOST)))
        for value in level:
            match value:
                case dict():
                    below += [*value.keys(), *value.values()]
                    _check_file(value)
                case list():
                    below += value
                case str():
                    _check_text(value, longest)
                case int() | float() if not (math.isfinite(value) and abs(value) < LARGEST_NUMBER):
                    raise Refused(400, say("json_number", found=brief(value)))
        if not below:
            return
        level = below
    raise Refused(400, say("json_deep", most=DEEPEST))


def _check_text(text: str, longest: int) -> None:
    if len(text) > longest:
        raise Refused(413, say("json_long", most=number(longest), found=number(len(text))))
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Refused(400, say("json_half")) from None


def _check_file(value: dict) -> None:
    """An object with a path or an address is a file for Gradio: it has to be one that was uploaded."""
    path, url = value.get("path"), value.get("url")
    if "path" in value and path is not None and not is_upload(path):
        raise Refused(400, say("file_foreign", found=brief(path)))
    if url is None:
        return
    named = FILE.search(unquote(url)) if isinstance(url, str) else None
    if path is None or named is None or named[1] != path:
        raise Refused(400, say("file_foreign", found=brief(url)))


def check_address(scope: Scope) -> None:
    """Raises Refused for an address that names a file which is no upload, or a session that can't be one."""
    asked = FILE.fullmatch(path_of(scope))
    if asked and not is_upload(asked[1]):
        raise Refused(404, say("file_gone", found=brief(asked[1])))
    session = QueryParams(scope["query_string"]).get("session_hash")
    if session is not None:
        _session(session)


def check(found: Any, body: Body, scope: Scope, blocks: Any) -> None:
    """Raises Refused for the JSON of a request to `blocks`, the page as Gradio knows it, that names a function or a
    part which isn't there, or doesn't bring as many values as the function takes."""
    if body is Body.TOOL:
        return
    if not isinstance(found, dict):
        raise Refused(400, say("expected_object", found=brief(found)))
    if found.get("session_hash") is not None:
        _session(found["session_hash"])
    match body:
        case Body.CALL:
            _check_call(found, path_of(scope), blocks)
        case Body.COMPONENT:
            _check_component(found, blocks)


def _session(session: Any) -> None:
    if not isinstance(session, str) or not SESSION.fullmatch(session):
        raise Refused(400, say("expected_session", found=brief(session)))


def _check_call(found: dict, path: str, blocks: Any) -> None:
    name = path.rstrip("/").rpartition("/")[2]
    index = found.get("fn_index")
    if path.startswith("/gradio_api/call/") or (index is None and not path.endswith("/join")):
        function = next((one for one in blocks.fns.values() if one.api_name == name), None)
        if function is None or function.fn is None:
            raise Refused(404, say("no_function", found=brief(name)))
        if index is not None and index != function._id:
            raise Refused(400, say("no_function", found=brief(index)))
    else:
        function = blocks.fns.get(index) if _whole(index) else None
        if function is None or function.fn is None:
            raise Refused(400, say("no_function", found=brief(index)))
    if "/call/v2/" in path:
        _check_names(found, function)
        return
    values = found.get("data")
    if not isinstance(values, list) or (len(values) != len(function.inputs) and not function.cancels):
        count = brief(len(values) if isinstance(values, list) else values)
        raise Refused(400, say("expected_values", count=len(function.inputs), found=count))
    if path.endswith("/join") and found.get("session_hash") is None:
        raise Refused(400, say("expected_session", found=brief(None)))
    if found.get("trigger_id") is not None and not _whole(found["trigger_id"]):  # the page itself has a number too
        raise Refused(400, say("no_part", found=brief(found["trigger_id"])))
    for key in ("batched", "event_id", "oauth_token"):  # what the page and its API have no use for
        if found.get(key):
            raise Refused(400, say("no_such_key", found=brief(key)))


def _check_names(found: dict, function: Any) -> None:
    try:
        signature(function.fn).bind(**{name: value for name, value in found.items() if name != "session_hash"})
    except TypeError as error:
        raise Refused(400, say("expected_names_of", found=brief(str(error)))) from None


def _check_component(found: dict, blocks: Any) -> None:
    part, name = found.get("component_id"), found.get("fn_name")
    _check_part(part, blocks)
    function = getattr(blocks.blocks[part], name, None) if isinstance(name, str) else None
    if not getattr(function, "_is_server_fn", False):
        raise Refused(404, say("no_function", found=brief(name)))
    if "data" not in found or found.get("session_hash") is None:
        raise Refused(400, say("expected_data"))


def _check_part(part: Any, blocks: Any) -> None:
    if not _whole(part) or part not in blocks.blocks:
        raise Refused(400, say("no_part", found=brief(part)))


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


TOOL_TEXT = LARGEST  # characters of a text in a tool's call: it may hold a picture
