"""Measure what the library costs: import, loading, decoding, training.

    python scripts/bench.py

Every figure is a median over repetitions, on two threads. The machine's own matrix-product rate, measured in the same
run, stands on top, so that two machines can be compared. A training is measured by some of its steps on random images,
times the steps of its recipe; needs no data set.
"""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gengallery.data import Split
    from gengallery.model import Card

THREADS = 2
TRAINING_IMAGES = 60_000
IMPORT = (
    "import time; start = time.perf_counter(); import gengallery; gengallery.list_models(); "
    "print(time.perf_counter() - start)"
)


def median(call: Callable[[], object], repetitions: int) -> float:
    """The median of `repetitions` timings of `call`, in milliseconds, after one that is not counted."""
    call()
    timings = []
    for _ in range(repetitions):
        start = time.perf_counter()
        call()
        timings.append(time.perf_counter() - start)
    return 1000 * statistics.median(timings)


def import_seconds() -> float:
    """`import gengallery` and `list_models()` in a fresh Python: the median of 5, after one that is not counted."""
    runs = [
        float(subprocess.run([sys.executable, "-c", IMPORT], capture_output=True, text=True, check=True).stdout)
        for _ in range(6)
    ]
    return statistics.median(runs[1:])


def matrix_product_rate() -> float:
    """Billions of floating-point operations a second in a product of two 1024 x 1024 matrices of float32."""
    import torch

    a = torch.ones(1024, 1024)
    return 2 * 1024**3 / median(lambda: a @ a, 20) / 1e6


def main() -> None:
    seconds = import_seconds()  # before torch is in: nothing else should run beside it

    import torch

    import gengallery
    from gengallery import classifier
    from gengallery.data import Split
    from gengallery.models import cards

    torch.set_num_threads(THREADS)
    print(f"threads {THREADS}, matrix product {matrix_product_rate():.0f} GFLOP/s, torch {torch.__version__}")
    print(f"import gengallery and list_models(): {seconds:.3f} s (limit 0.2)\n")
    print(f"{'model':22}{'load ms':>9}{'decode 1 ms':>13}{'decode 1000 ms':>16}{'step ms':>9}{'training min':>14}")
    print(f"{'limit':22}{50:>9}{1.5:>13}{250:>16}")
    images = torch.randint(0, 256, (TRAINING_IMAGES, 1, 28, 28), dtype=torch.uint8)
    train = Split(images, torch.zeros(TRAINING_IMAGES, dtype=torch.int64))
    judge = step_milliseconds(classifier.CARD, train) * training_steps(classifier.CARD) / 60_000
    total = judge
    for name, card in sorted(cards().items(), key=lambda item: gengallery.list_models().index(item[0])):
        model = gengallery.load(name)
        z = model.sample(1000)
        step = step_milliseconds(card, train)
        minutes = step * training_steps(card) / 60_000
        total += minutes
        print(
            f"{name:22}{median(partial(gengallery.load, name), 10):9.1f}"
            f"{median(partial(model.decode, z[:1]), 200):13.2f}"
            f"{median(partial(model.decode, z), 10):16.1f}{step:9.1f}{minutes:14.1f}",
            flush=True,
        )
    print(f"{classifier.CARD.name:22}{judge:61.1f}")
    print(f"{'all (limit 90)':22}{total:61.1f}")


def training_steps(card: "Card") -> int:
    """How many steps the training on `card` has."""
    return TRAINING_IMAGES // card.recipe.batch * card.recipe.epochs


def step_milliseconds(card: "Card", train: "Split") -> float:
    """A step of the training on `card`, averages and penalties included: the median of blocks of eight steps."""
    from gengallery.training import Run

    steps = Run(card, train, epochs=1).epoch()
    return median(lambda: [next(steps) for _ in range(8)], 8) / 8


if __name__ == "__main__":
    main()
