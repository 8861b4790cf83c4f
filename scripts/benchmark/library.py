"""The cost of importing, loading, decoding, generating and training, in a table with the limits on top.

A training is measured by some of its steps on random images, times the steps of its recipe: it needs no data set.
"""

import statistics
import subprocess
import sys
from functools import partial

import torch

import gengallery
from common.timing import describe_machine, median_ms
from gengallery.data import Split, default_spec
from gengallery.evaluation import classifier
from gengallery.families import cards
from gengallery.model.model import Model
from gengallery.model.spec import Card
from gengallery.threads import using_threads
from gengallery.training.run import Run, threads_for

TRAINING_IMAGES = 60_000  # of the data set that the gallery's models are trained on

IMPORT = (
    "import time; start = time.perf_counter(); import gengallery; gengallery.list_models(); "
    "print(time.perf_counter() - start)"
)


def measure() -> None:
    """Print the table."""
    seconds = import_seconds()  # before anything else runs
    print(describe_machine())
    print(f"import gengallery and list_models(): {seconds:.3f} s (limit 0.2)\n")
    print("generate: 1000 images of a model that takes steps are ten times 100; decoding takes it as long")
    print(
        f"{'model':22}{'load ms':>9}{'decode 1 ms':>13}{'decode 1000 ms':>16}"
        f"{'generate 1 ms':>15}{'16 ms':>9}{'1000 ms':>10}{'step ms':>9}{'training min':>14}"
    )
    print(f"{'limit':22}{50:>9}{1.5:>13}{250:>16}{'':>15}{30:>9}")
    print(f"{'limit, in steps':22}{50:>9}{'':>13}{'':>16}{'':>15}{1000:>9}")
    images = torch.randint(0, 256, (TRAINING_IMAGES, *default_spec().shape), dtype=torch.uint8)
    train = Split(images, torch.zeros(TRAINING_IMAGES, dtype=torch.int64))
    of_classifier = step_ms(classifier.CARD, train) * training_steps(classifier.CARD) / 60_000
    total = of_classifier
    for name, card in sorted(cards().items(), key=lambda item: gengallery.list_models().index(item[0])):
        model = gengallery.load(name)
        step = step_ms(card, train)
        minutes = step * training_steps(card) / 60_000
        total += minutes
        print(
            f"{name:22}{median_ms(partial(gengallery.load, name), 10):9.1f}"
            f"{decoding_cells(model)}{generating_cells(model)}{step:9.1f}{minutes:14.1f}",
            flush=True,
        )
    print(f"{classifier.CARD.name:22}{of_classifier:95.1f}")
    print(f"{'all (limit 90)':22}{total:95.1f}")


def import_seconds() -> float:
    """`import gengallery` and `list_models()` in a fresh Python: the median of 5, after one that is not counted."""
    runs = [
        float(subprocess.run([sys.executable, "-c", IMPORT], capture_output=True, text=True, check=True).stdout)
        for _ in range(6)
    ]
    return statistics.median(runs[1:])


def decoding_cells(model: Model) -> str:
    """Milliseconds of decoding 1 and 1000 latents, in their columns; empty where steps make it a matter of seconds."""
    if model.options.steps is not None:
        return " " * 29
    z = model.sample(1000)
    return f"{median_ms(partial(model.decode, z[:1]), 200):13.2f}{median_ms(partial(model.decode, z), 10):16.1f}"


def generating_cells(model: Model) -> str:
    """Milliseconds of making 1, 16 and 1000 images, in their columns."""
    stepped = model.options.steps is not None
    one, some = (median_ms(partial(model.generate, n), 10 if stepped else 100) for n in (1, 16))
    # A thousand images in steps take as much longer as they are more: a tenth of them, timed thrice, says it.
    many = 10 * median_ms(partial(model.generate, 100), 3) if stepped else median_ms(partial(model.generate, 1000), 10)
    return f"{one:15.2f}{some:9.1f}{many:10.1f}"


def training_steps(card: Card) -> int:
    """How many steps the training on `card` has."""
    return TRAINING_IMAGES // card.recipe.batch * card.recipe.epochs


def step_ms(card: Card, train: Split) -> float:
    """A step of the training on `card`, averages and penalties included, on its threads: the median of blocks of eight
    steps."""
    steps = Run(card, train, epochs=1).epoch()
    with using_threads(threads_for(card), apart=True):
        return median_ms(lambda: [next(steps) for _ in range(8)], 8) / 8
