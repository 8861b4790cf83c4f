"""What the demo refuses of requests and lets through, piece by piece, without a server."""

import json
import time
from types import SimpleNamespace

import pytest
from asgi import END, FORM, JSON, coming, refusal, scope
from conftest import in_loop

from demo.server import bodies, calls, endpoints, limits
from demo.server.endpoints import Body
from demo.server.filter import RequestFilter
from demo.server.hosts import Hosts
from demo.server.refusals import Refused
from demo.server.visitors import visitor
from demo.shared import files, static

# -- addresses

THERE = ["/", "/config", "/assets/index.js", "/files/static/page.js", "/gradio_api/info", "/gradio_api/file=x",
         "/gradio_api/heartbeat/abc", "/gradio_api/queue/data", "/gradio_api/call/generate/abc"]  # fmt: skip
CLOSED = ["/gradio_api/process_recording", "/gradio_api/proxy=http://x", "/gradio_api/deep_link", "/monitoring",
          "/gradio_api/vibe-edit", "/gradio_api/dev/reload", "/login", "/logout", "/gradio_api/login_check",
          "/gradio_api/runs", "/gradio_api/upload_progress", "/docs", "/gradio_api/mcp/", "//", "/x"]  # fmt: skip


def test_only_what_the_page_and_its_api_use_is_there():
    for path in THERE:
        assert endpoints.endpoint(scope(path), tools=False).body is Body.NOTHING
        assert refusal(endpoints.endpoint, scope(path, "DELETE"), tools=False).status == 405
    for path in CLOSED:
        for method in ("GET", "POST"):
            assert refusal(endpoints.endpoint, scope(path, method), tools=False).status == 404
    for path in ("/assets/" + "x" * 5000, "/assets/x\0", "/static/\n"):
        assert refusal(endpoints.endpoint, scope(path), tools=False).status == 414
    assert endpoints.endpoint(scope("/gradio_api/mcp/", "POST"), tools=True).body is Body.TOOL


@pytest.mark.parametrize("path", ["/demo", "/demo/", "/demo/config", "/", "/config"])
def test_behind_a_proxy_the_page_has_its_addresses_at_its_root(path):
    assert endpoints.endpoint({**scope(path), "root_path": "/demo"}, tools=False)
    with pytest.raises(Refused):
        endpoints.endpoint({**scope("/demolition"), "root_path": "/demo"}, tools=False)


def test_static_files_have_addresses_that_say_nothing_of_the_machine():
    addresses = {static.address(path): path for path in static.served()}
    assert len(addresses) == len(static.served()) and "files/static/page.js" in addresses
    assert static.address(files.FOLDER / "x.png") == "files/made/x.png"


# -- names and pages

HOSTS = [
    "localhost:7860",
    "127.0.0.1",
    "[::1]:7860",
    "192.168.0.7",
    "demo.example.org",
    "sub.example.com",
    "LOCALHOST.",
]
FOREIGN = ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "example.com", "", "[", "a b", "x@evil"]


@pytest.fixture
def hosts(monkeypatch):
    monkeypatch.setenv("GENGALLERY_HOSTS", "demo.example.org, *.example.com")
    monkeypatch.delenv("SPACE_ID", raising=False)
    return Hosts(["127.0.0.1", None, "0.0.0.0", "here"], ["https://demo.example.net/gallery"])


def test_names_that_are_none_of_the_servers_are_refused(hosts):
    for name in HOSTS:
        hosts.check(scope(host=name))
        hosts.check(scope(x_forwarded_host=f"{name}, other"))
    for name in FOREIGN:
        assert refusal(hosts.check, scope(host=name)).status == 403
        if name:
            assert refusal(hosts.check, scope(x_forwarded_host=name)).status == 403
    assert "GENGALLERY_HOSTS" in str(refusal(hosts.check, scope(host="evil.example")))


def test_pages_of_others_are_refused(hosts):
    hosts.check(scope(origin="http://localhost:7860"))
    hosts.check(scope(origin="https://demo.example.org"))
    hosts.check(scope(origin="https://demo.example.net"))
    hosts.check(scope(host="1.2.3.4:80", origin="http://1.2.3.4:80"))
    hosts.check(scope(sec_fetch_site="cross-site"))  # a link that somebody follows
    for page in (
        "http://evil.example",
        "null",
        "",
        "http://localhost:1",
        "http://here",
        "http://127.0.0.1",
        "http://1.2.3.4",
        "http://[",
        "x",
    ):
        assert refusal(hosts.check, scope(origin=page)).status == 403
        assert refusal(hosts.check, scope(method="POST", origin=page)).status == 403
    assert refusal(hosts.check, scope(method="POST", sec_fetch_site="cross-site")).status == 403


def test_a_space_knows_its_names(monkeypatch):
    monkeypatch.setenv("SPACE_ID", "somebody/gallery")
    monkeypatch.setenv("SPACE_HOST", "somebody-gallery.hf.space")
    hosts = Hosts()
    hosts.check(scope(host="somebody-gallery.hf.space", origin="https://somebody-gallery.hf.space"))
    hosts.check(scope(host="somebody-gallery--abc.hf.space", origin="https://huggingface.co"))
    refusal(hosts.check, scope(host="hf.space.evil.example"))
    refusal(hosts.check, scope(host="somebody-gallery.hf.space", origin="https://another.hf.space"))


# -- who asks


def test_a_visitor_is_an_address_that_nobody_can_make_up(monkeypatch):
    monkeypatch.delenv("SPACE_ID", raising=False)
    assert visitor(scope(client="10.0.0.9", x_forwarded_for="1.2.3.4")) == "10.0.0.9"
    assert visitor(scope(client="2001:db8:1:2:3::4")) == visitor(scope(client="2001:db8:1:2:9::9")) == "2001:db8:1:2::"
    assert visitor(scope(client="::ffff:10.0.0.9")) == "10.0.0.9"
    monkeypatch.setenv("SPACE_ID", "somebody/gallery")
    made_up = "9.9.9.9, 1.2.3.4, 8.8.4.4, 10.0.0.1, x"
    assert visitor(scope(client="10.0.0.9", x_forwarded_for=made_up)) == "8.8.4.4"
    assert visitor(scope(client="10.0.0.9", x_forwarded_for="x")) == visitor(scope(client="10.0.0.9")) == "10.0.0.9"
    assert visitor({**scope(), "client": None}) == ""


def test_connections_are_counted_while_they_are_open():
    connections = limits.Connections(each=2, together=3)
    with connections.one("a"), connections.one("a"):
        with pytest.raises(Refused), connections.one("a"):
            pass
        with connections.one("b"), pytest.raises(Refused), connections.one("c"):
            pass
    assert not connections.open
    with connections.one("a"):
        pass


def test_uploads_are_counted_by_visitor_and_in_all():
    uploads = limits.Uploads(each=3, together=5, seconds=0.2)
    for _ in range(3):
        uploads.check("a")
        uploads.take("a", 10)
    assert refusal(uploads.check, "a").status == 429
    uploads.check("b", 10**7)
    assert refusal(uploads.check, "b", 10**9).status == 429
    for _ in range(2):
        uploads.take("b", 10)
    assert refusal(uploads.check, "c").status == 429
    time.sleep(0.25)
    uploads.check("a")


# -- bodies


def body(chunks, then=END, read=bodies.json_body, **headers):
    return in_loop(read(scope(method="POST", **headers), coming(*chunks, then=then)))


def test_a_body_is_read_whole():
    assert body([b"{", b"}"], **JSON) == b"{}"
    with body([b"--part", b"x" * 10**6, b"--part--"], read=bodies.upload, **FORM) as file:
        assert len(file.read()) == 10**6 + 14


def test_a_body_that_is_too_large_is_refused_before_it_is_there():
    assert refusal(body, [], **JSON, content_length="1000001").status == 413
    assert refusal(body, [b"x" * 10**5] * 20, **JSON).status == 413
    assert refusal(body, [b"x" * 10**6] * 20, read=bodies.upload, **FORM).status == 413
    assert refusal(body, [b"--part"] * 12, read=bodies.upload, **FORM).status == 413
    assert refusal(body, [b"--", b"part"] * 12, read=bodies.upload, **FORM).status == 413
    assert refusal(body, [], content_type="text/plain").status == 415
    assert refusal(body, []).status == 415
    assert refusal(body, [], read=bodies.upload, **JSON).status == 415
    assert refusal(body, [], read=bodies.upload, content_type="multipart/form-data").status == 400


def test_a_body_that_is_slow_or_breaks_off_leaves_nothing(monkeypatch):
    monkeypatch.setattr(bodies, "SECONDS", 0.05)
    monkeypatch.setattr(bodies, "SECONDS_FILE", 0.05)
    before = sorted(files.PRIVATE.rglob("*"))
    assert refusal(body, [b"{"], then=None, **JSON).status == 408
    assert refusal(body, [b"x" * 10**6], then=None, read=bodies.upload, **FORM).status == 408
    for read, headers in ((bodies.json_body, JSON), (bodies.upload, FORM)):
        with pytest.raises(bodies.Gone):
            body([b"x" * 10**6], then={"type": "http.disconnect"}, read=read, **headers)
    assert sorted(files.PRIVATE.rglob("*")) == before


def test_what_was_read_is_given_again():
    async def given():
        replay = bodies.again(iter([b"a", b"b"]), coming(then={"type": "http.disconnect"}))
        return [await replay() for _ in range(3)]

    first, second, third = in_loop(given())
    assert (first["body"], first["more_body"], second["body"], second["more_body"]) == (b"a", True, b"b", False)
    assert third["type"] == "http.disconnect"


# -- JSON

BROKEN = [b"", b"{", b"\xff\xfe", b"[1e400]", b"[NaN]", b"[-Infinity]", b"[1" + b"0" * 5000 + b"]",
          b"[1" + b"0" * 30 + b"]", b'["\\ud800"]', b'{"\\udfff": 0}', b"[" * 10**6,
          b'{"a":' * 10**5, b"[" * 30 + b"]" * 30,
          b"[" + b"0," * 499_000 + b"0]", b"[" + b'{"a":{}},' * 110_000 + b"0]",
          b"{" + b",".join(b'"%d":0' % i for i in range(90_000)) + b"}", b'["' + b"x" * 999_000 + b'"]']  # fmt: skip


def test_json_that_nobody_needs_is_refused_soon():
    for content in BROKEN:
        start = time.thread_time()
        assert refusal(calls.read, content).status in (400, 413), content[:40]
        assert time.thread_time() - start < 0.5, content[:40]
    assert calls.read(b'{"data": [1, -0, 0.5, null, true, "\\u00e9", {}]}')["data"][5] == "é"
    assert calls.read(b'["' + b"x" * 900_000 + b'"]', calls.TOOL_TEXT)


@pytest.fixture
def uploaded():
    file = files.UPLOADS / "abc" / "a file.png"
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(b"x")
    yield str(file)
    file.unlink()
    file.parent.rmdir()


def test_only_uploaded_files_are_files(uploaded, tmp_path):
    def ask(given):
        return calls.read(json.dumps({"data": [[given]]}).encode())

    quoted = uploaded.replace(" ", "%20")
    for given in (
        {"path": uploaded},
        {"path": uploaded, "url": None},
        {"path": uploaded, "url": f"http://localhost/gradio_api/file={quoted}"},
        {"path": None},
        {"orig_name": "x"},
    ):
        assert ask(given)
    (tmp_path / "x").write_bytes(b"x")
    link = files.UPLOADS / "link"
    link.symlink_to(tmp_path / "x")
    try:
        for path in ("/etc/passwd", "http://127.0.0.1:9/x", f"{uploaded}x", str(files.UPLOADS), str(link), 5, [], "",
                     f"{files.UPLOADS}/../made/x", str(files.FOLDER), "\0", "x" * 9999, f"{uploaded}\0"):  # fmt: skip
            assert refusal(ask, {"path": path}).status == 400
            assert refusal(ask, {"url": path}).status == 400
            assert refusal(ask, {"path": uploaded, "url": path}).status == 400
            if isinstance(path, str):
                assert refusal(calls.check_address, scope(f"/gradio_api/file={path}x")).status == 404
    finally:
        link.unlink()
    calls.check_address(scope(f"/gradio_api/file={uploaded}"))
    refusal(calls.check_address, scope("/gradio_api/queue/data", query="session_hash=" + "x" * 100))


def server_function():
    """One of a part of the page."""


server_function._is_server_fn = True
FUNCTION = SimpleNamespace(api_name="draw", _id=3, fn=lambda model, count=1: None, inputs=[0, 1], cancels=[])
IN_PAGE = SimpleNamespace(api_name="js", _id=4, fn=None, inputs=[], cancels=[])
BLOCKS = SimpleNamespace(fns={3: FUNCTION, 4: IN_PAGE}, blocks={7: SimpleNamespace(ask=server_function, other=print)})


def check(path, body=Body.CALL, **found):
    calls.check(found, body, scope(f"/gradio_api/{path}", "POST"), BLOCKS)


def test_calls_name_a_function_and_bring_its_values():
    check("run/draw", data=[1, 2])
    check("run/predict", data=[1, 2], fn_index=3, session_hash="h")
    check("call/draw", data=[1, 2])
    check("call/v2/draw", model=1)
    check("queue/join", data=[1, 2], fn_index=3, session_hash="h", trigger_id=7, event_data=None)
    for path, found in (
        ("run/draw", {"data": []}), ("run/draw", {"data": [1, 2, 3]}), ("run/draw", {"data": None}), ("run/draw", {}),
        ("run/predict", {"data": [1, 2]}), ("run/js", {"data": []}), ("call/nobody", {"data": []}),
        ("call/v2/draw", {}), ("call/v2/draw", {"model": 1, "x": 2}), ("queue/join", {"data": [1, 2], "fn_index": 3}),
        *(("queue/join", {"data": [1, 2], "fn_index": index, "session_hash": "h"})
          for index in (None, -1, 4, 5, 2**62, 3.0, "3", [], True)),
        *(("run/draw", {"data": [1, 2], "session_hash": session}) for session in ("", "x" * 65, "/", 5, [], "é")),
        *(("run/draw", {"data": [1, 2], "trigger_id": part}) for part in ("7", [], 7.0, {})),
        *(("run/draw", {"data": [1, 2], key: True}) for key in ("batched", "event_id", "oauth_token")),
    ):  # fmt: skip
        assert refusal(check, path, **found).status in (400, 404), (path, found)
    refusal(calls.check, [1], Body.JSON, scope(), BLOCKS)


def test_parts_of_the_page_offer_their_own_functions_only():
    sound = {"component_id": 7, "fn_name": "ask", "session_hash": "h", "data": {}}
    check("component_server", Body.COMPONENT, **sound)
    for change in (
        *({"component_id": part} for part in (8, -1, "7", None, [], 7.0)),
        *({"fn_name": name} for name in ("other", "__init__", "", None, [])),
        {"session_hash": None},
    ):
        assert refusal(check, "component_server", Body.COMPONENT, **sound | change).status in (400, 404), change


# -- all of it


def passed(asked, chunks=(), then=END, tools=False):
    """The scope and the body that a request has once it has passed the filter."""
    seen = {}

    async def app(scope, receive, send):
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message["body"], message["more_body"]
        seen.update(scope=scope, body=body)

    blocks = SimpleNamespace(**vars(BLOCKS), mcp_server=tools)
    filtered = RequestFilter(app, blocks, Hosts(), limits.Connections(), limits.Uploads(each=2))
    in_loop(filtered(asked, coming(*chunks, then=then), None))
    return seen


def test_what_passes_is_what_was_sent():
    call = json.dumps({"data": [1, 2]}).encode()
    seen = passed(scope("/gradio_api/run/draw", "POST", x_gradio_server="http://evil", **JSON), [call])
    assert seen["body"] == call
    assert b"x-gradio-server" not in dict(seen["scope"]["headers"])
    form = [b"--part", b"x" * 10**6, b"--part--"]
    seen = passed(scope("/gradio_api/upload", "POST", query="upload_id=x", **FORM), form)
    assert seen["body"] == b"".join(form) and seen["scope"]["query_string"] == b""
    assert passed({**scope(), "type": "websocket"}) == {}


def test_other_pages_are_not_asked_for():
    for query in ("page=x&tab=morph", "%70age=x&tab=morph", "page=&page=y&tab=morph", "tab=morph&deep_link=..%2Fx"):
        assert passed(scope(query=query))["scope"]["query_string"] == b"tab=morph", query
    odd = "tab=morph&x=%ff;&&y"
    assert passed(scope(query=odd))["scope"]["query_string"] == odd.encode()


def test_a_tool_asks_in_the_name_of_its_visitor():
    sent = scope("/gradio_api/mcp/", "POST", client="10.0.0.9", x_forwarded_for="1.2.3.4", **JSON)
    seen = passed(sent, [b"{}"], tools=True)
    assert [value for name, value in seen["scope"]["headers"] if name == b"x-forwarded-for"] == [b"10.0.0.9"]
    refusal(passed, sent, [b"{}"])


def test_a_form_that_gradio_can_not_read_is_refused():
    async def app(scope, receive, send):
        raise TypeError

    none, few = SimpleNamespace(mcp_server=False), limits.Uploads(each=1)
    filtered = RequestFilter(app, none, Hosts(), limits.Connections(), few)
    asked = scope("/gradio_api/upload", "POST", **FORM)
    for status in (400, 429):
        assert refusal(lambda: in_loop(filtered(asked, coming(b"--part", then=END), None))).status == status
