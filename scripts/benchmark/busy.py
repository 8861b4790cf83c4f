"""What company costs: each figure of library.py alone, beside one busy process and beside two, in one run.

A busy process computes without end. A figure is the mean over SECONDS of calls, for what a call waits for others is in
the mean and not in the median; the three conditions take turns for ROUNDS rounds, of which the median counts. On two
cores a call that keeps both busy can at best take 1.5 times as long beside one process, and twice beside two.
"""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial

import torch

import gengallery
from benchmark.goals import Goal
from benchmark.library import IMPORT, TRAINING_IMAGES
from common.timing import describe_machine
from gengallery.data import Split, default_spec
from gengallery.families import cards
from gengallery.model.spec import Card
from gengallery.threads import using_threads
from gengallery.training.run import Run, threads_for

GOALS = (Goal(2.5, "times"), Goal(4, "times"))  # beside one busy process, and beside two
STEP = "step"
MAKING = 1  # threads that make images, as in the demo
SECONDS, ROUNDS, CALLS = 0.4, 3, 2  # CALLS: at least, in each round
BUSY = "import os; parent = os.getppid(); print(flush=True)\nwhile os.getppid() == parent: sum(range(100_000))"


@dataclass(frozen=True)
class Costs:
    """What a call of one figure takes, in milliseconds: alone, beside one busy process, beside two."""

    model: str
    figure: str
    threads: int
    ms: tuple[float, ...]

    @property
    def ratios(self) -> tuple[float, ...]:
        """How many times as long it takes in company."""
        return tuple(ms / self.ms[0] for ms in self.ms[1:])

    @property
    def met(self) -> bool:
        """Whether company costs no more than it may."""
        return all(goal.met(ratio) for goal, ratio in zip(GOALS, self.ratios, strict=True))

    def __str__(self) -> str:
        one, two = self.ratios
        verdict = "" if self.met else "  NOT met"
        return f"{self.model:22}{self.figure:15}{self.threads:>8}{self.ms[0]:>12.2f}{one:>9.2f}{two:>9.2f}{verdict}"


def measure(names: list[str], seconds: float = SECONDS) -> list[Costs]:
    """Print a line for each figure of the models of these names, all if there are none, and return what was found.

    Raises ValueError for a name that no model has.
    """
    models = gengallery.list_models()
    for name in names:
        if name not in models:
            raise ValueError(f"--only: expected a model, found {name!r}; there are {', '.join(models)}")
    print(describe_machine())
    print("threads 1, but 2 for training networks that convolve")
    print("ratios: the time beside one and two busy processes, over that alone")
    print(f"{'model':22}{'figure':15}{'threads':>8}{'alone ms':>12}{'one':>9}{'two':>9}")
    print(f"{'goal':22}{'':35}{GOALS[0].bound:>9}{GOALS[1].bound:>9}")
    found = [] if names else [costs("", "import", 1, start_python, seconds)]
    for line in found:
        print(line, flush=True)
    images = torch.randint(0, 256, (TRAINING_IMAGES, *default_spec().shape), dtype=torch.uint8)
    train = Split(images, torch.zeros(TRAINING_IMAGES, dtype=torch.int64))
    for name in names or models:
        for figure, threads, call in calls(name, cards()[name], train):
            found.append(costs(name, figure, threads, call, seconds))
            print(found[-1], flush=True)
    missed = [line for line in found if not line.met]
    print(f"{len(found)} figures, {len(missed)} above their goal")
    return found


def start_python() -> None:
    """`import gengallery` and `list_models()` in a fresh Python."""
    subprocess.run([sys.executable, "-c", IMPORT], capture_output=True, check=True)


def calls(name: str, card: Card, train: Split) -> Iterator[tuple[str, int, Callable[[], object]]]:
    """Each figure of the model, the threads of torch that it is given, and the call that is timed."""
    model = gengallery.load(name)
    yield "load", MAKING, partial(gengallery.load, name)
    if model.options.steps is None:
        z = model.sample(1000)
        yield "decode 1", MAKING, partial(model.decode, z[:1])
        yield "decode 1000", MAKING, partial(model.decode, z)
    for n in (1, 16):
        yield f"generate {n}", MAKING, partial(model.generate, n)
    yield STEP, threads_for(card), stepper(card, train)


def stepper(card: Card, train: Split) -> Callable[[], object]:
    """What does the next step of a training on `card`, epoch after epoch."""
    run = Run(card, train, epochs=1_000_000)
    steps = (step for _ in iter(lambda: run.done, True) for step in run.epoch())
    return partial(next, steps)


def costs(model: str, figure: str, threads: int, call: Callable[[], object], seconds: float) -> Costs:
    """The figure in each company."""
    rounds: list[list[float]] = [[] for _ in range(1 + len(GOALS))]
    with using_threads(threads, apart=figure == STEP):
        for _ in range(ROUNDS):
            for others, timings in enumerate(rounds):
                with company(others):
                    timings.append(mean_ms(call, seconds))
    return Costs(model, figure, threads, tuple(map(statistics.median, rounds)))


@contextmanager
def company(count: int) -> Iterator[None]:
    """So many busy processes beside this one."""
    with ExitStack() as stack:
        for _ in range(count):
            process = stack.enter_context(subprocess.Popen([sys.executable, "-c", BUSY], stdout=subprocess.PIPE))
            stack.callback(process.kill)
            assert process.stdout is not None
            process.stdout.readline()  # it is there
        yield


def mean_ms(call: Callable[[], object], seconds: float) -> float:
    """The mean time of `call` in milliseconds, over so many seconds, after one call that is not counted."""
    call()
    count, start = 0, time.perf_counter()
    while count < CALLS or time.perf_counter() - start < seconds:
        call()
        count += 1
    return 1000 * (time.perf_counter() - start) / count
