"""Work takes turns, so that no visitor keeps the others waiting.

What takes long is done in parts, each by `turn(seconds, call)`, which waits until it may begin. Two parts run at once.
Next comes the one whose request has least left to do, by its price, and whose visitor was served least in the last
minute; a visitor has one part running at most. One of the two places is for requests that are done soon, so that they
pass those that take minutes. What nobody listens for any more is not begun.

Prices are seconds, known before anything runs: see `prices`.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial
from threading import Event, Lock
from typing import TypeVar

import torch
from torch import Tensor

from gengallery.model.model import CHUNK

from .words import Refusal, Words, number

say = Words(__file__)
R = TypeVar("R")

PLACES = 2  # parts that run at once
PART = 2.0  # seconds that a part should cost
SOON = 10.0  # seconds: what costs no more may take the last place
LONGEST = 180.0  # seconds that a request may last, waiting included
FORGOTTEN = 60.0  # seconds after which half of what a visitor was served no longer counts
MOST_WAITING = 200  # requests; then the dearest is refused
MOST_OF_ONE = 6  # of them, of one visitor
LOOK = 0.5  # seconds between two looks at whether anybody still does


class Abandoned(Refusal):
    """Nobody listens for the answer any more."""


@dataclass
class Job:
    """One request: whose it is, whether somebody listens for its answer, for how many seconds it waits until somebody
    does, and how many seconds of work it has left."""

    visitor: str
    heard: Callable[[], bool] = lambda: True
    patience: float = 0.0
    left: float = 0.0
    stopped: bool = False
    began: float = field(default_factory=time.monotonic)


@dataclass(eq=False)
class Part:
    """A part of a job that waits for its turn, or has it."""

    job: Job
    price: float
    go: Event = field(default_factory=Event)
    refused: Refusal | None = None


current: ContextVar[Job | None] = ContextVar("job", default=None)


def expect(seconds: float) -> None:
    """Say how much work is to come in the current job."""
    job = current.get()
    if job is not None:
        job.left += seconds


# Threads of their own, in which there is no current job: torch and the allocator keep some memory for each.
PLACE = ThreadPoolExecutor(PLACES, thread_name_prefix="turn")


class Turns:
    """Parts of jobs, those that wait and those that run."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.waiting: list[Part] = []
        self.running: list[Part] = []
        self.served: dict[str, tuple[float, float]] = {}  # by visitor: seconds, and when they were counted

    def turn(self, price: float, call: Callable[[], R]) -> R:
        """What `call` returns, once it is the turn of the current job, whose next part costs so many seconds; outside
        of jobs, and inside a turn, at once.

        Raises `Refusal` where there are too many, where it has lasted too long, or where nobody listens any more."""
        job = current.get()
        if job is None:
            return call()
        part = Part(job, price)
        self._await(part)
        began = time.monotonic()
        try:
            return PLACE.submit(call).result()
        finally:
            with self.lock:
                self.running.remove(part)
                now = time.monotonic()
                self.served[job.visitor] = self._served(job.visitor, now) + now - began, now
                job.left = max(0.0, job.left - price)
                self._forget(now)
                self._next()

    def _await(self, part: Part) -> None:
        job = part.job
        job.left = max(job.left, part.price)
        with self.lock:
            self._admit(part)
            self._next()
        while not part.go.wait(LOOK):
            age = time.monotonic() - job.began
            heard = job.heard()
            with self.lock:
                if part.go.is_set():
                    return
                if job.stopped or (not heard and age > job.patience):
                    part.refused = Abandoned(say("abandoned"))
                elif age > LONGEST:
                    part.refused = Refusal(say("too_slow", seconds=number(LONGEST, "g")))
                if part.refused:
                    if part in self.waiting:
                        self.waiting.remove(part)
                    raise part.refused
                self._next()
        if part.refused:
            raise part.refused

    def _admit(self, part: Part) -> None:
        """Let `part` wait; or refuse it, or a dearer one in its place, where too many do."""
        mine = sum(other.job.visitor == part.job.visitor for other in self.waiting)
        if mine >= MOST_OF_ONE:
            raise Refusal(say("too_many_of_one", most=MOST_OF_ONE))
        self.waiting.append(part)
        if len(self.waiting) > MOST_WAITING:
            dearest = max(self.waiting, key=lambda other: (not other.job.heard(), self._rank(other)))
            self.waiting.remove(dearest)
            dearest.refused = Refusal(say("too_many", waiting=MOST_WAITING))
            if dearest is part:
                raise dearest.refused
            dearest.go.set()

    def _next(self) -> None:
        """Let those begin who may."""
        while len(self.running) < PLACES:
            busy = {part.job.visitor for part in self.running}
            last = len(self.running) == PLACES - 1
            slow = any(self._rank(part) > SOON for part in self.running)
            able = [
                part
                for part in self.waiting
                if part.job.visitor not in busy and part.job.heard() and not (last and slow and self._rank(part) > SOON)
            ]
            if not able:
                return
            first = min(able, key=self._rank)
            self.waiting.remove(first)
            self.running.append(first)
            first.go.set()

    def _rank(self, part: Part) -> float:
        """Seconds: what its job has left to do, and what its visitor was served of late."""
        return part.job.left + self._served(part.job.visitor, time.monotonic())

    def _served(self, visitor: str, now: float) -> float:
        seconds, when = self.served.get(visitor, (0.0, now))
        return seconds * 0.5 ** ((now - when) / FORGOTTEN)

    def _forget(self, now: float) -> None:
        if len(self.served) > 1000:
            self.served = {who: served for who, served in self.served.items() if self._served(who, now) > 0.01}


TURNS = Turns()
turn = TURNS.turn


def in_parts(call: Callable[[Tensor], Tensor], things: Tensor, each: float) -> Tensor:
    """`call` of `things` (n, ...), some at a time, each part in a turn; one of the things costs `each` seconds."""
    size = max(1, min(len(things), int(PART / each)))
    size = size // CHUNK * CHUNK or size  # a model's own chunks, whose answer is the same bit by bit
    answers = []
    for part in things.split(size):
        answers.append(turn(each * len(part), partial(call, part)))
    return torch.cat(answers)


def waiting() -> int:
    """How many requests wait for their turn."""
    return len({id(part.job) for part in TURNS.waiting if part.job.heard()})
