"""Work takes turns: who is next, what a request may cost, and what nobody listens for any more."""

import asyncio
import threading
import time
from contextvars import copy_context
from functools import partial

import pytest
import torch
from conftest import in_loop
from playwright.sync_api import expect

import gengallery
from demo.shared import listeners, prices, work
from demo.shared.models import load, models, noise_models
from demo.shared.samples import reconstructed
from demo.shared.words import Refusal
from demo.shared.work import MOST_OF_ONE, MOST_WAITING, PLACES, SOON, Abandoned, Job, Turns, current
from demo.tabs.reconstruction import view as reconstruction


class Crowd:
    """Visitors whose parts run until they are let go, in threads of their own."""

    def __init__(self):
        self.turns, self.begun, self.threads = Turns(), [], []
        self.free: dict[str, threading.Event] = {}
        self.errors: dict[str, Refusal] = {}

    def ask(self, name: str, price: float, visitor: str | None = None, job: Job | None = None) -> None:
        """A part of this price, which holds its place until `let_go`; returns once it waits or runs."""
        job = job or Job(visitor or name)
        self.free[name] = threading.Event()

        def hold(name):
            self.begun.append(name)
            self.free[name].wait(20)

        def part():
            current.set(job)
            try:
                self.turns.turn(price, partial(hold, name))
            except Refusal as error:
                self.errors[name] = error

        before = len(self.turns.waiting) + len(self.begun) + len(self.errors)
        thread = threading.Thread(target=lambda: copy_context().run(part), daemon=True)
        self.threads.append(thread)
        thread.start()
        until(lambda: len(self.turns.waiting) + len(self.begun) + len(self.errors) > before)

    def let_go(self, name: str) -> None:
        self.free[name].set()
        until(lambda: not any(part.job.visitor == name for part in self.turns.running))


def until(condition, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came to be"
        time.sleep(0.005)


@pytest.fixture
def crowd():
    found = Crowd()
    yield found
    for name in found.free:
        found.free[name].set()
    for thread in found.threads:
        thread.join(20)
        assert not thread.is_alive()


def test_the_cheapest_comes_first(crowd):
    for name in "ab":
        crowd.ask(name, 1)
    for name, price in (("dear", 5), ("cheap", 1), ("middling", 3)):
        crowd.ask(name, price)
    assert crowd.begun == ["a", "b"]
    crowd.let_go("a")
    until(lambda: len(crowd.begun) == 3)
    crowd.let_go("b")
    until(lambda: len(crowd.begun) == 4)
    crowd.let_go("cheap")
    until(lambda: len(crowd.begun) == 5)
    assert crowd.begun[2:] == ["cheap", "middling", "dear"]


def test_a_visitor_has_one_part_running(crowd):
    crowd.ask("first", 1, "ann")
    crowd.ask("second", 1, "ann")
    crowd.ask("other", 5, "bob")
    until(lambda: crowd.begun == ["first", "other"])
    assert [part.job.visitor for part in crowd.turns.waiting] == ["ann"]
    crowd.free["first"].set()
    until(lambda: crowd.begun == ["first", "other", "second"])


def test_what_takes_long_never_takes_the_last_place(crowd):
    for number in range(10):
        crowd.ask(f"dear {number}", 10 * SOON)
    assert len(crowd.begun) == PLACES - 1
    crowd.ask("quick", 1)  # however many wait before it
    until(lambda: crowd.begun[-1] == "quick")


def test_who_was_served_much_waits_for_others(crowd):
    crowd.turns.served["greedy"] = 30.0, time.monotonic()
    for name in "ab":
        crowd.ask(name, 1)
    crowd.ask("greedy", 1)
    crowd.ask("modest", 5)
    crowd.let_go("a")
    until(lambda: len(crowd.begun) == 3)
    assert crowd.begun[-1] == "modest"


def test_what_was_served_is_forgotten_in_time():
    turns, now = Turns(), time.monotonic()
    turns.served["ann"] = 8.0, now
    assert turns._served("ann", now) == 8
    assert turns._served("ann", now + work.FORGOTTEN) == pytest.approx(4)
    assert turns._served("bob", now) == 0


def test_what_nobody_listens_for_is_never_begun(crowd):
    listened = []
    crowd.ask("left", 1, job=Job("left", lambda: False, patience=0.0))
    crowd.ask("late", 1, job=Job("late", lambda: bool(listened), patience=60.0))
    until(lambda: "left" in crowd.errors)
    assert isinstance(crowd.errors["left"], Abandoned)
    assert crowd.begun == []
    listened.append(True)
    until(lambda: crowd.begun == ["late"])


def test_what_was_stopped_is_not_gone_on_with(crowd):
    for name in "ab":
        crowd.ask(name, 1)
    job = Job("stopped")
    crowd.ask("stopped", 1, job=job)
    job.stopped = True
    until(lambda: isinstance(crowd.errors.get("stopped"), Abandoned))


def test_a_request_lasts_only_so_long(crowd):
    for name in "ab":
        crowd.ask(name, 1)
    crowd.ask("old", 1, job=Job("old", began=time.monotonic() - work.LONGEST - 1))
    until(lambda: "old" in crowd.errors)
    assert "180 seconds" in str(crowd.errors["old"])


def test_of_too_many_the_dearest_is_refused(crowd, monkeypatch):
    monkeypatch.setattr(work, "MOST_WAITING", 3)
    for name in "ab":
        crowd.ask(name, 1)
    for price in (5, 4, 3):
        crowd.ask(f"of {price}", price)
    crowd.ask("cheap", 1)
    until(lambda: "of 5" in crowd.errors)
    crowd.ask("dear", 50)
    until(lambda: "dear" in crowd.errors)
    assert "busy" in str(crowd.errors["dear"])
    assert len(crowd.turns.waiting) == 3
    assert MOST_WAITING > 100


def test_one_visitor_waits_for_a_few_things_only(crowd):
    for number in range(MOST_OF_ONE + 1):
        crowd.ask(f"wish {number}", 1, "ann")
    assert not crowd.errors
    crowd.ask("one more", 1, "ann")
    until(lambda: "one more" in crowd.errors)


def test_an_error_gives_the_place_back():
    turns = Turns()
    token = current.set(Job("ann"))
    try:
        with pytest.raises(ZeroDivisionError):  # inside of a turn, nothing has to be waited for
            turns.turn(1, lambda: turns.turn(1, lambda: len(turns.running) / 0))
        assert not turns.running
    finally:
        current.reset(token)


def test_outside_of_requests_nobody_waits():
    turns = Turns()
    assert turns.turn(1000, lambda: len(turns.running)) == 0


@pytest.mark.parametrize("name", [noise_models()[0], "vae_64", "cvae_64"])
def test_parts_give_what_the_whole_gives(name):
    model = load(name)
    images = model.generate(3, 1)
    assert torch.equal(reconstructed(name, images), model.reconstruct(images))
    z = model.sample(250, 0)
    assert torch.equal(work.in_parts(model.decode, z, work.PART / 110), model.decode(z))


# -- prices


def test_prices_follow_what_a_call_does():
    for name in models():
        assert 0 < prices.of_images(name, 1) < prices.of_images(name, 10)
        assert prices.of_images(name, 10) == pytest.approx(10 * prices.of_images(name, 1))
        assert prices.of_reconstructions(name, 1) > prices.of_images(name, 1)
    stepping = gengallery.list_models(option="steps")[0]
    assert prices.of_images(stepping, 1, 20) > 2 * prices.of_images(stepping, 1, 5)
    searching = noise_models()[0]
    assert prices.of_latents(searching, 1) > 50 * prices.of_images(searching, 1)


def test_what_costs_too_much_is_refused_with_what_would_fit():
    prices.afford({"a": prices.BUDGET}, 10)
    with pytest.raises(Refusal, match=r"about 120 seconds .* may take 60\. It would fit .* at most 5,"):
        prices.afford({"a": prices.BUDGET, "b": prices.BUDGET}, 10)
    with pytest.raises(Refusal, match="These models would fit: b, a"):
        prices.afford({"a": 30.0, "b": 20.0, "c": 1000.0}, 1)
    with pytest.raises(Refusal, match="Choose a faster model"):
        prices.afford({"a": 100.0})


def test_everything_at_once_is_refused_before_anything_is_made(monkeypatch):
    monkeypatch.setattr(reconstruction._rebuilt, "make", lambda *_: pytest.fail("nothing may be made"))
    monkeypatch.setattr(reconstruction._rebuilt, "answers", type(reconstruction._rebuilt.answers)())
    wish = models(), reconstruction.TEST, reconstruction.ANY_CLASS, 10, 0, None, reconstruction.NOTHING, 0.0, True
    with pytest.raises(Refusal, match=r"at most \d, or with fewer models|These models would fit"):
        next(reconstruction.growing(*wish))


# -- who listens


def scope(method: str, path: str, query: str = "") -> dict:
    return {"type": "http", "method": method, "path": path, "query_string": query.encode(), "headers": []}


def test_open_streams_are_counted():
    async def app(scope, receive, send):
        seen.append((dict(listeners.listening), listeners.connection.get()))

    async def asked():
        for path, query in (
            ("/gradio_api/queue/data", "session_hash=abc"), ("/gradio_api/call/generate/e1", ""), ("/config", ""),
        ):  # fmt: skip
            await listeners.Listeners(app)(scope("GET", path, query), None, None)

    seen: list = []
    in_loop(asked())
    assert [found for found, _ in seen] == [{"abc": 1}, {"e1": 1}, {}]
    assert not listeners.listening


def test_a_visitor_who_goes_away_is_noticed():
    async def app(scope, receive, send):
        assert (await receive())["body"] == b"{}"
        here = listeners.connection.get()
        seen.append(here.open)
        left.set()
        await asyncio.sleep(0.05)
        seen.append(here.open)

    async def asked():
        async def receive():
            if not messages:
                await left.wait()
                return {"type": "http.disconnect"}
            return messages.pop()

        messages = [{"type": "http.request", "body": b"{}", "more_body": False}]
        await listeners.Listeners(app)(scope("POST", "/gradio_api/run/predict"), receive, None)

    seen: list = []
    left = asyncio.Event()
    in_loop(asked())
    assert seen == [True, False]


def test_the_page_says_how_many_wait(visit, monkeypatch):
    part = work.Part(Job("others"), 1.0)
    blocked = [work.Part(Job(f"busy {number}"), 1.0) for number in range(PLACES)]
    monkeypatch.setattr(work.TURNS, "running", blocked)
    monkeypatch.setattr(work.TURNS, "waiting", [part])
    page = visit(query="?tab=memory")
    line = page.locator("#memory .queue")
    expect(line).to_have_text("The server is busy: 2 requests are waiting for their turn.", timeout=30_000)
    work.TURNS.waiting.remove(part)
    expect(line).to_have_text("The server is busy: one request is waiting for its turn.", timeout=30_000)
    blocked.clear()
    expect(page.locator("#memory img").first).to_be_visible(timeout=30_000)
    expect(line).to_be_hidden()
