"""What answers of the demo's server say beside their content, and what they keep to themselves."""

from asgi import coming, scope
from conftest import in_loop

from demo.server import responses
from demo.server.refusals import Refused
from demo.shared.words import Words


def answered(app, language="en"):
    """The status, headers and JSON of the answer that leaves for what `app` does."""
    sent = []

    async def send(message):
        sent.append(message)

    in_loop(responses.Responses(app)(scope(accept_language=language), coming(), send))
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], headers, b"".join(message.get("body", b"") for message in sent[1:]).decode()


def saying(status, text, kind=b"application/json"):
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", kind)]})
        await send({"type": "http.response.body", "body": text.encode()})

    return app


def failing(error):
    async def app(scope, receive, send):
        raise error

    return app


def test_every_answer_is_kept_to_the_page():
    for app in (saying(200, "x"), saying(404, "x"), failing(KeyError("x"))):
        headers = answered(app)[1]
        assert "frame-ancestors 'self' https://huggingface.co https://*.hf.space" in headers["content-security-policy"]
        assert "'unsafe-inline'" not in headers["content-security-policy"].partition("style-src")[0]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"


def test_whatever_goes_wrong_is_a_sentence(capsys):
    status, _, text = answered(failing(KeyError("/secret/path" * 1000)))
    assert status == 500 and "secret" not in text and "could not answer" in text
    log = capsys.readouterr().err
    assert "KeyError" in log and len(log) < 9000
    assert "não conseguiu" in answered(failing(KeyError()), "pt-BR")[2]
    assert answered(failing(Refused(418, Words(responses.__file__)("failed"))))[0] == 418
    status, _, text = answered(saying(500, '{"error": "Model: expected one of a, b, found c"}'))
    assert status == 422 and "expected one of a, b, found c" in text
    status, _, text = answered(saying(500, '{"error": null}'))
    assert status == 422 and "Expected values" in text
    echoing = '{"detail": [{"loc": ["body", "data"], "msg": "Input should be a list", "input": "%s"}]}' % ("x" * 10**5)
    status, _, text = answered(saying(422, echoing))
    assert status == 422 and "body.data: Input should be a list" in text and len(text) < 500
    assert len(answered(saying(403, "x" * 10**5, b"text/plain"))[2]) < 3000
    assert answered(saying(200, '{"data": []}'))[2] == '{"data": []}'
