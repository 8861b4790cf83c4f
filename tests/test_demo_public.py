"""The demo's server from the outside: what it answers, what it opens, what it keeps to itself, and how it ends."""

import gzip
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import FIGURES, ROOT, free_port, offline, turn_to
from gradio_client import Client, handle_file
from PIL import Image
from playwright.sync_api import expect

from attacks.common import ask, form, leaks, post, seen_from, upload
from common.browsing import HOST, Server, served
from demo.shared.files import UPLOADS

# Written down by the server itself: what it opens, and whom it asks for the address of a name.
WATCH = """
import os, sys
log = os.open(os.environ["WATCHED"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
def watch(event, arguments):
    if event == "socket.connect" and not isinstance(arguments[1], (str, bytes)):
        os.write(log, f"{arguments[1][0]}\\n".encode())
    if event in ("socket.getaddrinfo", "socket.gethostbyname"):
        os.write(log, f"{arguments[0]}\\n".encode())
sys.addaudithook(watch)
"""


@pytest.fixture(scope="module")
def watched(tmp_path_factory) -> Path:
    """A folder for PYTHONPATH, by which a Python writes into its file `log` whom it connects to."""
    folder = tmp_path_factory.mktemp("watched")
    (folder / "sitecustomize.py").write_text(WATCH)
    return folder


@pytest.fixture(scope="module")
def server(app, address) -> Server:
    return Server(address, os.getpid(), 0)


# -- pages and programs that are welcome


def test_the_policy_stops_nothing_that_a_tab_does(visit):
    page = visit(query="?tab=explore")
    for tab in [*FIGURES, "Explore"]:
        figure = turn_to(page, tab)
        page.wait_for_load_state("networkidle")
        panel = figure.locator("xpath=ancestor::*[@role='tabpanel']")
        panel.locator("button", has_text="More").first.click()  # formulas bring styles and fonts
        expect(panel.locator(".prose").locator("visible=true").first).to_be_visible()
    assert page.complaints == []  # where the browser tells of what it stopped
    assert all(url.startswith((page.url.partition("?")[0], "data:", "blob:")) for url in page.requested)


def test_a_script_that_is_written_into_the_page_does_not_run(visit):
    page = visit(query="?tab=memory")
    page.evaluate("""() => {
        const script = document.createElement('script');
        script.textContent = 'window.ran = true';
        document.body.append(script);
        document.body.insertAdjacentHTML('beforeend', '<img src="data:," onerror="window.ran = true">');
    }""")
    page.wait_for_timeout(500)
    assert page.evaluate("window.ran") is None
    refused = page.evaluate("fetch('https://example.com/').then(() => 'answered', error => String(error))")
    assert "TypeError" in refused


def test_a_picture_may_be_uploaded_by_the_page_and_by_a_program(visit, address, tmp_path):
    file = tmp_path / "a red ünd blue.png"
    Image.new("RGB", (40, 30), (200, 10, 10)).save(file)
    assert Path(Client(address, verbose=False).predict("ae_64", handle_file(file), api_name="/reconstruct")).exists()
    page = visit(query="?tab=reconstruction&source=Your+picture")
    turn_to(page, "Reconstruction")
    page.locator("input[type=file]").first.set_input_files(file)
    expect(page.locator("#reconstruction .row img").first).to_be_visible(timeout=30_000)
    page.wait_for_function("new URL(location).searchParams.get('picture')")
    assert page.complaints == []


def test_what_a_shell_may_ask(server):
    answer = post(server, "call/generate", {"data": ["vae_2", 1, 1, ""]})
    told = ask(server, "GET", f"gradio_api/call/generate/{answer.json()['event_id']}")
    assert "event: complete" in told.text
    answer = post(server, "call/v2/generate", {"model": "vae_2", "count": 1, "seed": 1})
    assert ask(server, "GET", f"gradio_api/call/generate/{answer.json()['event_id']}").text.count("complete") == 1
    head = ask(server, "HEAD", "")
    assert (head.status, head.text) == (200, "")


# -- what it keeps to itself


def test_no_answer_tells_where_anything_lies(server):
    for path in ("", "config", "gradio_api/info", "gradio_api/openapi.json", "theme.css", "manifest.json",
                 "gradio_api/startup-events", "gradio_api/queue/status", "gradio_api/app_id", "nothing"):  # fmt: skip
        text = ask(server, "GET", path).text
        assert leaks(text) == set() and str(ROOT) not in text and str(UPLOADS.parent) not in text, path
        assert not re.search(r'"/(?:home|root|usr|opt|Users|srv|var)/', text), path


def test_a_fault_is_told_to_the_log_and_not_to_the_visitor(server):
    answer = post(server, "run/generate", {"data": [[], {}, [["/etc"]], 5]})
    assert answer.status == 422 and answer.json()["error"]
    assert leaks(answer.text) == set()


def test_large_answers_are_compressed_beside_all_this(server):
    answer = ask(server, "GET", "nothing" * 20, headers={"Accept-Encoding": "gzip"})
    assert answer.status == 404
    from urllib.request import Request, urlopen

    with urlopen(Request(server.address, headers={"Accept-Encoding": "gzip"}), timeout=20) as found:
        assert found.headers["content-encoding"] == "gzip"
        nonce = re.search(r"'nonce-([\w-]+)'", found.headers["content-security-policy"])[1]
        page = gzip.decompress(found.read()).decode()
    assert page.count(f'<script nonce="{nonce}"') == page.count("<script") > 2


# -- uploads


def test_uploads_that_break_off_or_are_too_many_leave_nothing(server):
    before = set(UPLOADS.rglob("*"))
    for i in range(5):
        from attacks.uploads import broken_off

        broken_off(server, i)
    time.sleep(1)
    assert set(UPLOADS.rglob("*")) == before
    statuses = [upload(server, f"{i}".encode(), "198.51.100.77").status for i in range(65)]
    assert statuses == [200] * 60 + [429] * 5
    large, headers = form(bytes(11 * 10**6))
    assert ask(server, "POST", "gradio_api/upload", large, headers | seen_from("198.51.100.78")).status == 413
    body, headers = form(bytes(10**7 + 1))  # what is around the file is allowed for, the file is not
    assert ask(server, "POST", "gradio_api/upload", body, headers | seen_from("198.51.100.78")).status == 413
    assert len([path for path in set(UPLOADS.rglob("*")) - before if path.is_file()]) == 60


# -- start and end


def test_it_opens_no_connection_but_to_itself(watched):
    log = watched / "log"
    path = os.pathsep.join([str(watched), str(ROOT), os.environ.get("PYTHONPATH", "")])
    from attacks import files

    with served(PYTHONPATH=path, WATCHED=str(log), GRADIO_MCP_SERVER="True") as server:
        outcome = files.attack(server, 0.1)
        names = Client(server.address, verbose=False).view_api(return_format="dict")["named_endpoints"]
    assert outcome.tried > 900 and outcome.failures == [] and len(names) == 3
    assert set(log.read_text().split()) <= {"127.0.0.1", "localhost", "::1", "None"}


@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("command", [["demo/app.py"], ["-m", "gengallery", "demo"]])
def test_it_ends_when_told_and_leaves_no_temporary_files(tmp_path, told, command):
    environment = offline(
        GRADIO_SERVER_NAME=HOST, GRADIO_SERVER_PORT=str(free_port()), PYTHONUNBUFFERED="1", TMPDIR=str(tmp_path)
    )
    process = subprocess.Popen(
        [sys.executable, *command],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        said = ""
        for line in process.stdout:
            said += line
            if "http://" in line:
                break
        server = Server(f"http://{HOST}:{environment['GRADIO_SERVER_PORT']}/", process.pid, 0)
        assert upload(server, b"x").status == 200, said
        assert list(tmp_path.glob("gengallery-*/u/*/x.png"))
        # What nobody waits for does not keep it.
        every = {"data": ["flow", 10, 1, ""], "session_hash": "h"}
        assert post(server, "call/generate", every).status == 200
        process.send_signal(told)
        start = time.monotonic()
        said += process.communicate(timeout=30)[0]
        assert process.returncode == 0 and "Traceback" not in said, said
        assert time.monotonic() - start < 15
    finally:
        process.kill()
    assert [path for path in tmp_path.rglob("*") if path.is_file() or "gengallery" in path.name] == []


def test_a_space_answers_under_its_name(monkeypatch):
    with served(SPACE_ID="somebody/gallery", SPACE_HOST="somebody-gallery.hf.space", SYSTEM="spaces") as server:
        name = {"Host": "somebody-gallery.hf.space", "X-Forwarded-Proto": "https", "X-Forwarded-For": "8.8.8.8"}
        page = ask(server, "GET", "", headers=name)
        assert page.status == 200 and '"root":"https://somebody-gallery.hf.space"' in page.text
        body = {"data": ["vae_2", 1, 1, ""]}
        own = name | {"Origin": "https://somebody-gallery.hf.space"}
        assert post(server, "call/generate", body, own).status == 200
        assert post(server, "call/generate", body, name | {"Origin": "https://evil.hf.space"}).status == 403
        assert ask(server, "GET", "", headers={"Host": "evil.example"}).status == 403
