"""Measure what the library costs: import, loading, decoding, generating, training.

    python scripts/bench.py
    python scripts/bench.py --race KERAS      a Python that has Keras with TensorFlow; needs the data set
    python scripts/bench.py --demo            the demo in a browser and under load (bench_demo.py)

Every figure is a median over repetitions, on two threads. The machine's own matrix-product rate, measured in the same
run, stands on top, so that two machines can be compared. A training is measured by some of its steps on random images,
times the steps of its recipe; needs no data set.

The races are against the report's own networks in Keras (bench_keras.py), one after the other on the same machine, on
two threads each: seconds of training until the test set's loss is the report's, without those that measuring that loss
takes. Ours go by schedules as short as the goal allows, Keras by the report's settings. Ours counts every second;
Keras is charged its epochs at their median, so without the time that its first takes to compile. A GAN has no such
loss: there it is an epoch against an epoch, of the same steps and batches.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gengallery.data import Split
    from gengallery.model import Card, Model, Recipe

THREADS = 2
KERAS = Path(__file__).resolve().parent / "bench_keras.py"
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


@dataclass(frozen=True)
class Race:
    """A model against its Keras original: to the report's loss on the test set, or an epoch against an epoch."""

    name: str
    recipe: "Recipe"
    target: float | None  # None: a race of epochs
    goal: float  # how many times sooner we want to be there
    keras_epochs: int  # at most


@dataclass(frozen=True)
class Finish:
    """How one side fared."""

    seconds: float  # of training
    epochs: int
    loss: float | None  # of the test set, at the end
    reached: bool


def races() -> tuple[Race, ...]:
    """The races that there are."""
    from gengallery.model import Recipe
    from gengallery.models.gan import REPORT
    from gengallery.models.vae import VaeRecipe

    quick = VaeRecipe(epochs=12, rate=8e-3, warmup=0.02, bfloat16=True, ramp=900)
    return (
        Race("ae_64", Recipe(epochs=8, batch=256, rate=1e-2, betas=(0.9, 0.98), warmup=0.2), 0.0089, 10, 40),
        Race("vae_2", quick, 262.2, 10, 200),
        Race("gan_dist_normal", replace(REPORT, epochs=5, clipped=False), None, 4, 5),
    )


def ours(race: Race, train: "Split", test: "Split") -> Finish:
    """Train until the race's target, or for all epochs of its recipe."""
    from gengallery.evaluate import mean_losses
    from gengallery.models import cards
    from gengallery.training import Run

    run = Run(replace(cards()[race.name], recipe=race.recipe), train)
    laps: list[float] = []
    loss = None
    while not run.done:
        before = run.seconds
        for _ in run.epoch():
            pass
        laps.append(run.seconds - before)
        if race.target is not None:
            *_, loss = mean_losses(partial(run.learner.losses, run.model), test).values()
            if loss <= race.target:
                return Finish(run.seconds, run.finished, loss, True)
    if race.target is None:
        return Finish(statistics.median(laps[1:] or laps), 1, None, True)
    return Finish(run.seconds, run.finished, loss, False)


def theirs(race: Race, python: str, folder: Path, limit: float) -> Finish:
    """The same in Keras, by the interpreter `python`, for at most `limit` seconds. Raises RuntimeError if it fails."""
    command = [python, str(KERAS), str(folder), race.name, "--epochs", str(race.keras_epochs), "--limit", str(limit)]
    command += ["--threads", str(THREADS)]
    if race.target is not None:
        command += ["--target", str(race.target)]
    done = subprocess.run(command, capture_output=True, text=True)
    laps = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode or not laps:
        raise RuntimeError(f"{python}: expected the laps of Keras, found:\n{done.stderr[-2000:]}")
    lap = statistics.median([lap["seconds"] for lap in laps[1:] or laps])
    if race.target is None:
        return Finish(lap, 1, None, True)
    loss = laps[-1]["test"]
    return Finish(lap * len(laps), len(laps), loss, loss <= race.target)


def outcome(race: Race, our: Finish, their: Finish) -> str:
    """The race in a line: both times, their ratio, and the goal."""

    def told(side: Finish) -> str:
        if side.loss is None:
            return f"{side.seconds:.2f} s"
        return f"{side.seconds:.1f} s ({side.epochs} epochs {side.loss:.5g})"

    aim = "an epoch" if race.target is None else f"to {race.target}"
    if not our.reached:
        verdict = "we did not get there"
    else:
        # Keras that was stopped before the target would have needed longer still.
        more = "" if their.reached else "more than "
        verdict = f"{more}{their.seconds / our.seconds:.1f} times (goal {race.goal:g})"
    return f"{race.name:16} {aim:12} ours {told(our):30} Keras {told(their):30} {verdict}"


def run_races(python: str, folder: Path | None, limit: float, names: list[str]) -> None:
    """Run the races of these names, all if there are none, and print each outcome."""
    import torch

    from gengallery import data

    torch.set_num_threads(THREADS)
    root = folder or data.default_root()
    train, test = data.load(data.TRAIN, root), data.load(data.TEST, root)
    print(f"threads {THREADS}, matrix product {matrix_product_rate():.0f} GFLOP/s, torch {torch.__version__}")
    for race in races():
        if not names or race.name in names:
            print(outcome(race, ours(race, train, test), theirs(race, python, root / data.FOLDER, limit)), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure what the library costs.")
    parser.add_argument("--race", metavar="KERAS", help="race against Keras, run by this Python")
    parser.add_argument("--demo", action="store_true", help="measure the demo, in Chromium and under load")
    parser.add_argument("--visitors", type=int, default=100, help="of --demo, at once (default: %(default)s)")
    parser.add_argument("--minutes", type=float, default=1, help="that they stay (default: %(default)g)")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="these races, or these parts of --demo")
    parser.add_argument("--limit", type=float, default=3600, help="seconds that Keras may train (default: %(default)s)")
    parser.add_argument("--data", type=Path, help="folder of the data set (default: $GENGALLERY_DATA, else the cache)")
    options = parser.parse_args()
    try:
        if options.demo:
            run_demo(options.visitors, options.minutes, options.data, options.only)
        elif options.race:
            run_races(options.race, options.data, options.limit, options.only)
        else:
            costs()
    except (OSError, ValueError, RuntimeError) as error:
        sys.exit(f"bench.py: {error}")


def run_demo(visitors: int, minutes: float, folder: Path | None, parts: list[str]) -> None:
    """Print what these parts of bench_demo.py find, all if there are none."""
    import bench_demo
    import torch

    torch.set_num_threads(THREADS)
    print(f"threads {THREADS}, matrix product {matrix_product_rate():.0f} GFLOP/s, torch {torch.__version__}")
    bench_demo.measure(visitors, minutes, folder, parts)


def costs() -> None:
    """Print what importing, loading, decoding, generating and training cost."""
    seconds = import_seconds()  # before torch is in: nothing else should run beside it

    import torch

    import gengallery
    from gengallery import classifier
    from gengallery.data import Split
    from gengallery.models import cards

    torch.set_num_threads(THREADS)
    print(f"threads {THREADS}, matrix product {matrix_product_rate():.0f} GFLOP/s, torch {torch.__version__}")
    print(f"import gengallery and list_models(): {seconds:.3f} s (limit 0.2)\n")
    print("generate: 1000 images of a model that takes steps are ten times 100; decoding takes it as long")
    print(
        f"{'model':22}{'load ms':>9}{'decode 1 ms':>13}{'decode 1000 ms':>16}"
        f"{'generate 1 ms':>15}{'16 ms':>9}{'1000 ms':>10}{'step ms':>9}{'training min':>14}"
    )
    print(f"{'limit':22}{50:>9}{1.5:>13}{250:>16}{'':>15}{30:>9}")
    print(f"{'limit, in steps':22}{50:>9}{'':>13}{'':>16}{'':>15}{1000:>9}")
    images = torch.randint(0, 256, (TRAINING_IMAGES, 1, 28, 28), dtype=torch.uint8)
    train = Split(images, torch.zeros(TRAINING_IMAGES, dtype=torch.int64))
    judge = step_milliseconds(classifier.CARD, train) * training_steps(classifier.CARD) / 60_000
    total = judge
    for name, card in sorted(cards().items(), key=lambda item: gengallery.list_models().index(item[0])):
        model = gengallery.load(name)
        step = step_milliseconds(card, train)
        minutes = step * training_steps(card) / 60_000
        total += minutes
        print(
            f"{name:22}{median(partial(gengallery.load, name), 10):9.1f}"
            f"{decoding(model)}{generating(model)}{step:9.1f}{minutes:14.1f}",
            flush=True,
        )
    print(f"{classifier.CARD.name:22}{judge:95.1f}")
    print(f"{'all (limit 90)':22}{total:95.1f}")


def decoding(model: "Model") -> str:
    """Milliseconds of decoding 1 and 1000 latents, in their columns; empty where steps make it a matter of seconds."""
    if model.options.steps is not None:
        return " " * 29
    z = model.sample(1000)
    return f"{median(partial(model.decode, z[:1]), 200):13.2f}{median(partial(model.decode, z), 10):16.1f}"


def generating(model: "Model") -> str:
    """Milliseconds of making 1, 16 and 1000 images, in their columns."""
    stepped = model.options.steps is not None
    one, some = (median(partial(model.generate, n), 10 if stepped else 100) for n in (1, 16))
    # A thousand images in steps take as much longer as they are more: a tenth of them, timed thrice, says it.
    many = 10 * median(partial(model.generate, 100), 3) if stepped else median(partial(model.generate, 1000), 10)
    return f"{one:15.2f}{some:9.1f}{many:10.1f}"


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
