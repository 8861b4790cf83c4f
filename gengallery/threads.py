"""Threads of torch on the CPU: how they wait for each other, how many they are, and on which cores they run.

Torch's threads are OpenMP's, which by default spin while they wait. Two threads that spin on two cores are a trap
beside any other busy process: the one that waits burns the time that the other needs, and a step of training takes ten
times as long. What is set here is set for the processes that gengallery owns, which are the command, the demo and the
scripts; a program that imports gengallery keeps its own settings, unless it calls these functions too.
"""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

THREADS = 2  # unless told otherwise: more are hardly faster for networks as small as these
# Read once, when torch is imported. PASSIVE is OpenMP's word for sleeping instead of spinning. Going to sleep takes
# longer than most waits, so GNU's OpenMP, which torch brings on Linux, looks so many times before; its own default is
# 300,000.
WAITING = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "10000"}
TASKS = Path("/proc/self/task")  # the threads of this process, on Linux

_team: list[int] = []  # the other threads that work for the main thread, once they are known


def wait_passively() -> None:
    """Have torch's threads sleep where they wait for long, unless the environment says how they are to wait.

    Does nothing once torch is imported, for it would come too late.
    """
    if "torch" not in sys.modules and not any(name in os.environ for name in WAITING):
        os.environ.update(WAITING)


@contextmanager
def using_threads(count: int, apart: bool = False) -> Iterator[None]:
    """Have torch use `count` threads, each on cores of its own if they are to be `apart`, as trainings are. Raises
    ValueError unless `count` is 1 or more.

    Example:
        >>> import torch
        >>> with using_threads(1):
        ...     torch.get_num_threads()
        1
    """
    import torch

    check_threads(count)
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        with _apart(count) if apart else nullcontext():
            yield
    finally:
        torch.set_num_threads(before)


def check_threads(count: int) -> None:
    """Raise ValueError unless `count` is 1 or more."""
    if count < 1:
        raise ValueError(f"--threads: expected 1 or more, found {count}")


@contextmanager
def _apart(count: int) -> Iterator[None]:
    """Share the cores out among `count` threads of torch, where the system can (Linux) and there are enough.

    Beside other busy processes the system may put two threads on one core, and leave them there. The threads of a
    convolution's gradient wait for each other within it, where no setting keeps them from spinning: on one core each
    such wait lasts until the system's clock takes the core away, and a step takes seconds instead of a tenth.
    """
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    threads = _threads()[:count] if 1 < count <= len(cores) and TASKS.is_dir() else []
    if len(threads) != count:
        yield
        return
    for number, thread in enumerate(threads):
        _put(thread, cores[number::count])
    try:
        yield
    finally:
        for thread in threads:
            _put(thread, cores)


def _threads() -> list[int]:
    """The system's numbers of the main thread and of those that work for it, which can be told apart from others only
    if torch has not worked with several threads before."""
    import torch

    if threading.current_thread() is not threading.main_thread():
        return []  # it has others that work for it
    before = {path.name for path in TASKS.iterdir()}
    torch.ones(1 << 18).add_(1)  # starts them
    _team.extend(sorted(int(path.name) for path in TASKS.iterdir() if path.name not in before))
    return [threading.get_native_id(), *_team]


def _put(thread: int, cores: list[int]) -> None:
    """Have `thread` run on these `cores` alone. One that has ended, or a system that refuses, is left alone."""
    try:
        os.sched_setaffinity(thread, cores)
    except OSError:
        _team.clear()
