"""What scripts/bench.py --demo measures: what is made of what was noted, and visitors of a small app."""

import json
import os
import sys
import threading
from types import SimpleNamespace

import gradio as gr
import numpy as np
import pytest

import gengallery
from benchmark import demo, memory, visitors
from benchmark.goals import Goal, percentile, result_line
from benchmark.page import Frames, Traffic, choices
from benchmark.visitors import Load
from common import browsing
from common.browsing import free_port

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("values", "share", "found"),
    [
        ([3], 95, 3),
        (range(1, 101), 95, 95),
        (range(100, 0, -1), 50, 50),
        (range(1, 101), 100, 100),
        (range(1, 22), 95, 20),
        ([5, 1], 1, 1),
        ([1, 2, 3], 0, 1),
    ],
)
def test_percentile(values, share, found):
    assert percentile(list(values), share) == found


@pytest.mark.parametrize(
    ("value", "goal", "says"),
    [
        (3.0, Goal(3, "s"), "3 s          goal ≤ 3 s           met"),
        (3.01, Goal(3, "s"), "3.01 s          goal ≤ 3 s           NOT met"),
        (94.9, Goal(95, "%", least=True), "94.9 %          goal ≥ 95 %          NOT met"),
        (95, Goal(95, "%", least=True), "95 %          goal ≥ 95 %          met"),
        (float("nan"), Goal(1), "nan            goal ≤ 1             NOT met"),
        (12345.6, Goal(300, "ms"), "12346 ms         goal ≤ 300 ms        NOT met"),
    ],
)
def test_a_line_says_what_was_found_and_whether_it_will_do(value, goal, says):
    line = result_line("something", value, goal)
    assert line.startswith("something ") and line.endswith(f" {says}")
    assert result_line("something", value, goal, "a note").endswith(
        "met     a note" if "NOT" not in says else "NOT met a note"
    )


def test_frames():
    found = Frames.of([1000, 1016.6, 1033.2, 1066.8, 1083.2], [2.0, 3.0, 10.0])
    assert found.rate == pytest.approx(4 / 0.0832)
    assert found.in_time == 75  # the third took two frames' time
    assert found.describe_work() == "script 3.0 ms a frame (95 %: 10.0), drawn 36 times a second"
    assert Frames.of([0, 17], []).in_time == 0
    assert Frames.of([0, 17], []).describe_work() == "nothing was drawn"
    with pytest.raises(ValueError, match="at least 2, found 1"):
        Frames.of([5], [])


def test_traffic():
    traffic = Traffic()
    addresses = ["http://127.0.0.1:7860/config", "https://example.org/a.js", "http://127.0.0.1.example.org/"]
    for address in [*addresses, "data:image/png;base64,AAAA", "blob:http://127.0.0.1:7860/1"]:
        traffic.note_request(address)
    assert traffic.addresses == addresses
    assert traffic.outside == addresses[1:]


def test_resident_memory():
    assert memory.parse_resident_mb("Name:\tpython\nVmHWM:\t  999999 kB\nVmRSS:\t  524288 kB\nThreads:\t3\n") == 512
    for status in ("", "Name:\tpython\n", "VmRSS:\t12 pages\n"):
        with pytest.raises(OSError, match="VmRSS"):
            memory.parse_resident_mb(status)


def test_memory_is_judged_by_its_later_half():
    early = memory.memory_line([400, 450, 500, 503, 506], 1000)
    assert "growth in the last 500 calls" in early and "       6 MB" in early and "+106.0 MB in all 1000" in early
    assert " NOT met" not in early
    assert " NOT met" in memory.memory_line([400, 410, 420, 430, 440], 1000)


def test_without_proc_memory_is_not_measured():
    nobody = SimpleNamespace(pid="nobody")
    (line,) = memory.measure_memory(nobody, ["ae_2"])
    assert "not measured" in line


def test_lines_of_a_load():
    load = Load([0.1] * 94 + [0.2] * 5 + [4.0], ["AppError: no"], 10.0, 5.0)
    failures, median, slow = visitors.load_lines("many", load, 15.0)
    assert "NOT met" in failures and failures.endswith("AppError: no")
    assert " 0.1 s " in median and median.endswith("100 calls, 10.0 a second; processors: server 1.50, visitors 0.50")
    assert " 0.2 s " in slow and slow.endswith("slowest 4.00")
    assert len(visitors.load_lines("many", Load([], ["x"], 1.0, 0.0), 0.0)) == 1


def test_what_explore_shows():
    flat = demo.flat_models()
    assert flat and all(gengallery.info(name)["latent"] == 2 for name in flat)
    assert choices(["a", "b"]) == {
        "a and b": "?tab=explore", "a": "?tab=explore&models=a", "b": "?tab=explore&models=b",
    }  # fmt: skip
    assert choices(["a"]) == {"a": "?tab=explore&models=a"}


def test_unknown_parts_are_refused():
    with pytest.raises(ValueError, match=r"expected some of pad, page.*; found paint"):
        demo.measure(1, 1, None, ["page", "paint"])


def test_a_missing_playwright_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "playwright.sync_api", None)
    with pytest.raises(RuntimeError, match="pip install playwright"):
        demo.measure(1, 1, None, ["page"])


def test_a_missing_browser_is_told(tmp_path, monkeypatch):
    nowhere = SimpleNamespace(chromium=SimpleNamespace(executable_path=str(tmp_path / "none")))
    monkeypatch.setattr(browsing.shutil, "which", lambda name: None)
    monkeypatch.setattr(browsing, "BROWSERS", ())
    monkeypatch.setenv("CHROME", str(tmp_path / "neither"))
    with pytest.raises(RuntimeError, match="expected Chrome or Chromium"):
        browsing.browser_path(nowhere)
    (tmp_path / "neither").touch()
    assert browsing.browser_path(nowhere) == str(tmp_path / "neither")


def test_a_server_that_does_not_start_is_told(tmp_path, monkeypatch):
    (tmp_path / "app.py").write_text("raise SystemExit('no such luck')")
    monkeypatch.setattr(browsing, "APP", tmp_path / "app.py")
    with pytest.raises(RuntimeError, match="no such luck"), browsing.served():
        pass


def test_a_server_is_stopped_whatever_happens(tmp_path, monkeypatch):
    script = (
        "import http.server, os\n"
        "class Page(http.server.BaseHTTPRequestHandler):\n"
        "    def do_GET(self): self.send_response(200); self.end_headers()\n"
        "port = int(os.environ['GRADIO_SERVER_PORT'])\n"
        "http.server.HTTPServer((os.environ['GRADIO_SERVER_NAME'], port), Page).serve_forever()\n"
    )
    (tmp_path / "app.py").write_text(script)
    monkeypatch.setattr(browsing, "APP", tmp_path / "app.py")
    with pytest.raises(KeyboardInterrupt), browsing.served() as server:
        assert server.seconds > 0
        os.kill(server.pid, 0)  # it is there
        raise KeyboardInterrupt
    with pytest.raises(ProcessLookupError):
        os.kill(server.pid, 0)


@pytest.fixture(scope="module")
def small_app():
    """An app with an endpoint `generate` that notes what it is asked, and fails for the model "broken"."""
    asked, lock = [], threading.Lock()

    def generate(model, count, seed):
        if model == "broken":
            raise gr.Error("out of order", print_exception=False)
        with lock:
            asked.append((model, count, seed))
        # Equal pictures share a file, which would be written anew while it is sent to another visitor.
        return np.random.default_rng(int(seed)).integers(0, 256, (4, 4), np.uint8)

    with gr.Blocks(analytics_enabled=False) as app:
        boxes = [gr.Textbox(), gr.Number(precision=0), gr.Number(precision=0)]
        gr.Button().click(generate, boxes, gr.Image(format="png"), api_name="generate", concurrency_limit=None)
    _, url, _ = app.launch(
        server_name="127.0.0.1", server_port=free_port(), prevent_thread_lock=True, quiet=True, ssr_mode=False,
        run_history=False, show_error=True,
    )  # fmt: skip
    yield url, asked
    app.close()


@pytest.mark.slow
def test_visitors_call_until_their_time_is_over(small_app):
    url, asked = small_app
    asked.clear()
    load = visitors.run_apart(url, ["one", "two"], visitors=3, seconds=2, pause=0.1)
    assert load.failures == []
    assert len(load.calls) == len(asked) >= 3
    assert all(0 < seconds < load.seconds for seconds in load.calls)
    assert load.seconds >= 2 and load.cpu_seconds > 0
    assert {model for model, _, _ in asked} == {"one", "two"}
    assert all(1 <= count <= visitors.MOST_IMAGES for _, count, _ in asked)
    assert len({seed for _, _, seed in asked}) == len(asked)


def test_visitors_tell_what_failed(small_app):
    load = visitors.run_apart(small_app[0], ["broken"], visitors=1, seconds=0.5, pause=0)
    assert load.calls == []
    assert load.failures and "out of order" in load.failures[0]


def test_visitors_without_a_server_are_told():
    with pytest.raises(RuntimeError, match="expected their calls"):
        visitors.run_apart(f"http://127.0.0.1:{free_port()}/", ["one"], 1, 1, 0)


def test_many_calls_by_hand(small_app):
    url, asked = small_app
    asked.clear()
    memory.call_many(url, ["one", "two", "three"], range(5, 17))
    assert sorted(seed for _, _, seed in asked) == list(range(5, 17))
    assert {(model, seed % 3) for model, _, seed in asked} == {("one", 0), ("two", 1), ("three", 2)}
    with pytest.raises(RuntimeError, match="expected images, found"):
        memory.call_many(url, ["broken"], range(1))


def test_the_visitors_process_prints_what_run_visitors_returns(monkeypatch, capsys):
    load = Load([1.0], ["x"], 2.0, 3.0)
    monkeypatch.setattr(
        visitors, "run_visitors", lambda *given: load if given == ("u", ["a", "b"], 2, 1.5, 0.0) else None
    )
    monkeypatch.setattr(sys, "argv", ["visitors.py", "u", "a,b", "2", "1.5", "0"])
    visitors.main()
    assert Load(**json.loads(capsys.readouterr().out)) == load
