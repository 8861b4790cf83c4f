"""Requests to the demo's server as ASGI has them, without a server."""

import asyncio

import pytest

from demo.server.refusals import Refused


def scope(path="/", method="GET", client="127.0.0.1", query="", **headers):
    named = {"host": "localhost:7860"} | {name.replace("_", "-"): value for name, value in headers.items()}
    return {
        "type": "http", "path": path, "method": method, "client": (client, 1), "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in named.items()],
    }  # fmt: skip


def refusal(call, *arguments, **named) -> Refused:
    with pytest.raises(Refused) as refused:
        call(*arguments, **named)
    assert 400 <= refused.value.status < 500 or refused.value.status == 503
    assert str(refused.value).endswith(".") or ":" in str(refused.value)
    assert refused.value.text.pt != str(refused.value)
    return refused.value


def coming(*chunks, then=None):
    """What gives these chunks of a body, then what comes after it, or nothing for ever."""
    messages = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    if then is not None:
        messages.append(then)

    async def receive():
        if not messages:
            await asyncio.sleep(60)
        return messages.pop(0)

    return receive


END = {"type": "http.request", "body": b"", "more_body": False}
JSON = {"content_type": "application/json; charset=utf-8"}
FORM = {"content_type": 'multipart/form-data; boundary="part"'}
