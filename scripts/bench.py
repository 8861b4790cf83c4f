"""Measure what the library costs: import, loading, decoding. The reference for speed on a machine with two cores.

    python scripts/bench.py

Every figure is a median over repetitions. The machine's own matrix-product rate, measured in the same run, stands on
top, so that two machines can be compared. Training times come from the files of weights.
"""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable

THREADS = 2
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

    torch.set_num_threads(THREADS)
    print(f"threads {THREADS}, matrix product {matrix_product_rate():.0f} GFLOP/s, torch {torch.__version__}")
    print(f"import gengallery and list_models(): {seconds:.3f} s (limit 0.2)\n")
    print(f"{'model':22}{'load ms':>9}{'decode 1 ms':>13}{'decode 1000 ms':>16}{'training s':>12}{'s an epoch':>12}")
    print(f"{'limit':22}{50:>9}{1.5:>13}{250:>16}")
    total = 0.0
    for name in gengallery.list_models():
        model = gengallery.load(name)
        z = model.sample(1000)
        training = gengallery.info(name)["training"]
        total += training["seconds"]
        print(
            f"{name:22}{median(lambda name=name: gengallery.load(name), 10):9.1f}"
            f"{median(lambda model=model, z=z: model.decode(z[:1]), 200):13.2f}"
            f"{median(lambda model=model, z=z: model.decode(z), 10):16.1f}"
            f"{training['seconds']:12.0f}{training['seconds'] / training['epochs']:12.1f}"
        )
    print(f"\nTraining of all, as recorded in the files: {total / 60:.0f} minutes")


if __name__ == "__main__":
    main()
