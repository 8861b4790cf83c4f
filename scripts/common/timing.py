"""Timings, and the speed of the machine beside which they are to be read."""

import statistics
import time
from collections.abc import Callable

import torch

from gengallery.threads import THREADS, using_threads


def median_ms(call: Callable[[], object], repetitions: int) -> float:
    """The median of `repetitions` timings of `call`, in milliseconds, after one that is not counted."""
    call()
    timings = []
    for _ in range(repetitions):
        start = time.perf_counter()
        call()
        timings.append(time.perf_counter() - start)
    return 1000 * statistics.median(timings)


def matrix_product_rate() -> float:
    """Billions of floating-point operations a second in a product of two 1024 x 1024 matrices of float32."""
    a = torch.ones(1024, 1024)
    return 2 * 1024**3 / median_ms(lambda: a @ a, 20) / 1e6


def describe_machine() -> str:
    """The line above all figures: torch's threads, which this sets to THREADS, its speed and its version."""
    with using_threads(THREADS, apart=True):  # before any other work, so that it can tell torch's threads from others
        rate = matrix_product_rate()
    torch.set_num_threads(THREADS)
    return f"threads {THREADS}, matrix product {rate:.0f} GFLOP/s, torch {torch.__version__}"
