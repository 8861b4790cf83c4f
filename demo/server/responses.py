"""What answers say beside their content, and what they keep to themselves."""

import json
import re
import sys
import traceback
from contextlib import suppress
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..shared.words import Text, Words
from .bodies import Gone
from .refusals import Refused

say = Words(__file__)
# What the browser may do for this page. Gradio's page and ours:
# - 'unsafe-eval': components run the scripts of `js_on_load` and `js` through `new Function`;
# - styles inline: Svelte sets them on elements, and the panels bring the number of their columns;
# - data: and blob: pictures and fonts: panels hold their pictures; what is saved is made in the page.
# Scripts inline are the page's own only, by a nonce (see front.py). Nothing comes from, or goes to, anywhere else.
POLICY = {
    "default-src": "'none'",
    "script-src": "'self' 'unsafe-eval'",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",
    "font-src": "'self' data:",
    "media-src": "'self' data: blob:",
    "connect-src": "'self'",
    "worker-src": "'self' blob:",
    "manifest-src": "'self'",
    "base-uri": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'self' https://huggingface.co https://*.hf.space",  # where a Space is shown
}
LONGEST = 1000  # characters of a sentence
LARGEST = 10**6  # bytes of an error's answer that are looked at


def policy(nonce: str = "") -> str:
    """The Content-Security-Policy of an answer; of a page whose scripts have the `nonce`."""
    own = POLICY | ({"script-src": f"{POLICY['script-src']} 'nonce-{nonce}'"} if nonce else {})
    return "; ".join(f"{what} {whence}" for what, whence in own.items())


class Responses:
    """Whatever is refused, or goes wrong, is answered by a sentence as JSON; and every answer has the headers by which
    a browser keeps it to this page."""

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        answer = _Response(scope, receive, send)
        try:
            await self.app(scope, receive, answer.send)
        except Gone:
            return
        except Refused as refused:
            await answer.refuse(refused)
        except Exception as error:
            if answer.started:  # of a stream: what there is to say was said in it
                if not hasattr(error, "status_code"):
                    log(scope, error)
                await answer.end()
                return
            log(scope, error)
            await answer.refuse(Refused(500, say("failed")))


class _Response:
    """An answer on its way."""

    def __init__(self, scope: Scope, receive: Receive, send: Send):
        self.scope, self.receive, self.onward = scope, receive, send
        self.started = False
        self.error: Message | None = None  # the start of one that is an error, until its end is there
        self.body = bytearray()

    async def refuse(self, refused: Refused) -> None:
        await refused.response(self.scope)(self.scope, self.receive, self.final)

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] >= 400 and self.scope["method"] != "HEAD":
            self.error = message
        elif self.error is None:
            await self.final(message)
        elif message["type"] == "http.response.body":
            self.body += message.get("body", b"")[: LARGEST - len(self.body)]
            if not message.get("more_body"):
                await self.refuse(explained(self.error["status"], bytes(self.body)))

    async def end(self) -> None:
        """End a stream that was begun."""
        with suppress(Exception):  # whoever listened may have gone
            await self.onward({"type": "http.response.body", "body": b"", "more_body": False})

    async def final(self, message: Message) -> None:
        """Send on, with the headers that every answer has."""
        if message["type"] == "http.response.start":
            self.started = True
            headers = MutableHeaders(raw=message["headers"])
            headers.setdefault("content-security-policy", policy())
            headers["x-content-type-options"] = "nosniff"
            headers["referrer-policy"] = "same-origin"
        await self.onward(message)


def explained(status: int, body: bytes) -> Refused:
    """Gradio's answer to what it could not do, in a sentence that echoes nothing at length."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = body.decode(errors="replace")
    sentence = _sentence(found)
    if status == 500:  # what a function of ours refuses comes as this from Gradio
        return Refused(422, _text(sentence) if sentence else say("failed_values"))
    return Refused(status, _text(sentence) if sentence else say("failed_values"))


def _sentence(found: Any) -> str:
    match found:
        case {"error": str(text)} | {"detail": str(text)} | str(text):
            return text
        case {"detail": [{"loc": [*place], "msg": str(text)}, *_]}:  # pydantic's, which would echo the whole value
            return f"{'.'.join(str(part)[:40] for part in place[:4])}: {text}"
    return ""


def _text(sentence: str) -> Text:
    return Text(sentence if len(sentence) <= LONGEST else sentence[: LONGEST - 3] + "...")


def log(scope: Scope, error: BaseException) -> None:
    """Say on stderr what went wrong, and where, without echoing what was sent."""
    lines = "".join(traceback.format_exception(error))
    lines = re.sub(r"[^\n]{300,}", lambda found: found[0][:297] + "...", lines)
    print(f"{scope['method']} {ascii(scope['path'])[:200]}\n{lines[-8000:]}", file=sys.stderr, flush=True)
