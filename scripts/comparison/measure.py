"""What is measured of the families: a network of each, trained by the clock. It is kept as JSON."""

import copy
import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from math import inf
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

import gengallery
from common.timing import matrix_product_rate, median_ms
from gengallery.data import Split
from gengallery.evaluation import metrics
from gengallery.evaluation.reference import SEED, Reference, rebuilds
from gengallery.families import compared
from gengallery.model.model import Model
from gengallery.model.spec import Card
from gengallery.storage.files import write_atomically
from gengallery.threads import THREADS
from gengallery.training.flops import cost, parameters
from gengallery.training.run import Run

DOCS = Path(__file__).resolve().parents[2] / "docs"
RESULTS = "families.json"
AT_ONCE = (1, 16)  # images, whose milliseconds are taken
STEPS = (1, 2, 4, 8, 16)  # of a model that takes steps
REPETITIONS = 20  # of each timing; its median counts
WARM_UP_STEPS = 3  # of a run that is thrown away, in which torch makes what it keeps for all later ones


@dataclass(frozen=True)
class Settings:
    """What is equal for all families."""

    moments: tuple[float, ...] = (15, 30, 60, 120)  # seconds of training; the last is the budget
    samples: int = 5000
    stepped: int = 1000  # samples of a model that takes steps, which are slow to draw; and of precision and recall
    threads: int = THREADS
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.moments or list(self.moments) != sorted({*self.moments}) or self.moments[0] <= 0:
            raise ValueError(f"moments: expected seconds that grow, found {self.moments}")


class TimedRun(Run):
    """A run that ends after `budget` seconds of training instead of some epochs: its learning rate follows the clock.

    Only the steps count as training: while samples are evaluated, the clock stands still.
    """

    def __init__(self, card: Card, train: Split, seed: int, budget: float):
        super().__init__(card, train, seed, epochs=1)
        self.budget = budget
        self.clock = 0.0  # seconds of training
        self.steps = 0
        self._steps = self._endless()

    def _endless(self) -> Iterator[None]:
        while True:
            for _ in self.epoch():
                yield

    def _set_lr(self, share: float) -> None:
        super()._set_lr(min(1.0, self.clock / self.budget))

    def step(self) -> None:
        """Train for one step."""
        start = time.perf_counter()
        next(self._steps)
        self.clock += time.perf_counter() - start
        self.steps += 1

    def train_until(self, moment: float) -> None:
        """Train until the clock shows `moment`."""
        while self.clock < moment:
            self.step()


def measure_families(reference: Reference, settings: Settings, names: list[str] | None = None) -> dict[str, Any]:
    """All that the page is made of, as JSON: the families of these names, else every one, and the gallery's speed.

    Raises ValueError for an unknown name.
    """
    torch.set_num_threads(settings.threads)
    cards = compared()
    for name in names or ():
        if name not in cards:
            raise ValueError(f"unknown family {name!r}; there are {', '.join(cards)}")
    families = {}
    for name in names or cards:
        families[name] = measure_family(cards[name], reference, settings)
        last = families[name]["moments"][-1]
        print(f"{name}: Fréchet distance {last['frechet']:.2f} after {last['steps']:,} steps", flush=True)
    return rounded(
        {
            **conditions(settings),
            "floors": {str(n): floor(reference, n) for n in sorted({settings.samples, settings.stepped})},
            "families": families,
            "gallery": {name: generate_ms(gengallery.load(name)) for name in gengallery.list_models()},
        }
    )


def conditions(settings: Settings) -> dict[str, Any]:
    """What has to be equal for all families that stand beside one another."""
    return rounded({"settings": asdict(settings), "versions": {"torch": torch.__version__, "numpy": np.__version__}})


def measure_family(card: Card, reference: Reference, settings: Settings) -> dict[str, Any]:
    """Train by `card` for the whole budget and evaluate it at each moment: the family's part of the JSON."""
    rate = matrix_product_rate()  # beside each family's figures, since a machine is not equally free all the time
    warm_up = TimedRun(card, reference.train, settings.seed, inf)
    for _ in range(WARM_UP_STEPS):
        warm_up.step()
    stepped = card.config.options.steps is not None
    count = settings.stepped if stepped else settings.samples
    run = TimedRun(card, reference.train, settings.seed, settings.moments[-1])
    moments = []
    for moment in settings.moments:
        run.train_until(moment)
        model, fitting = snapshot(run)
        figures = evaluate_samples(reference, model.generate(count, SEED), settings.stepped)
        if rebuilds(model):
            figures["mse"] = reconstruction_error(model, reference.test)
        moments.append({"seconds": run.clock, "steps": run.steps, "fitting": fitting, **figures})
    one_step = cost(replace(card, recipe=replace(card.recipe, epochs=1)), images=card.recipe.batch)
    return {
        "card": card.name,
        "config": asdict(card.config),
        "recipe": asdict(card.recipe),
        "gflops": rate,
        "parameters": parameters(card),
        "fitted": sum(b.numel() for b in model.prior.buffers()) if model.prior.fitted else 0,
        "latent": card.config.latent,
        "searches": model.searches,
        "label": card.config.options.label,
        "default_steps": card.config.options.steps,
        "samples": count,
        "operations": {
            "step": one_step["training"],
            "image": one_step["image"],
        },
        "moments": moments,
        "milliseconds": generate_ms(model),
        "steps": [measure_steps(reference, model, count, steps) for steps in STEPS] if stepped else [],
    }


def snapshot(run: Run) -> tuple[Model, float]:
    """A copy of the model as it stands, since training goes on; its prior fitted, and the seconds that took."""
    model = copy.deepcopy(run.model).eval()
    assert isinstance(model, Model)
    start = time.perf_counter()
    model.fit_prior(run.train.batches(), run.seed)
    return model, time.perf_counter() - start if model.prior.fitted else 0.0


def evaluate_samples(reference: Reference, images: Tensor, few: int) -> dict[str, float]:
    """The figures of samples that the page needs, in the classifier's features; precision and recall of the first
    `few`, since they depend on how many there are."""
    features, _ = reference.classifier.classify(images)
    real = reference.features["test"]
    precision, recall = metrics.precision_recall(real, features[:few])
    return {"frechet": metrics.frechet_distance(real, features), "precision": precision, "recall": recall}


def floor(reference: Reference, n: int) -> float:
    """The Fréchet distance of the first `n` training images: as near as that many samples can be expected to come."""
    return metrics.frechet_distance(reference.features["test"], reference.features["train"][:n])


def reconstruction_error(model: Model, test: Split) -> float:
    """The mean squared error of the reconstructed test images."""
    return torch.cat([metrics.mse(images, model.reconstruct(images)) for images, _ in test.batches()]).mean().item()


def generate_ms(model: Model) -> dict[str, float]:
    """Milliseconds an image, when so many are made at once."""
    return {str(n): median_ms(partial(model.generate, n), REPETITIONS) / n for n in AT_ONCE}


def measure_steps(reference: Reference, model: Model, count: int, steps: int) -> dict[str, float]:
    """Quality and speed of a model that takes so many steps."""
    features, _ = reference.classifier.classify(model.generate(count, SEED, steps=steps))
    return {
        "steps": steps,
        "frechet": metrics.frechet_distance(reference.features["test"], features),
        "milliseconds": median_ms(lambda: model.generate(AT_ONCE[-1], steps=steps), REPETITIONS) / AT_ONCE[-1],
    }


def rounded(value: Any) -> Any:
    """`value` as it comes back from JSON, its numbers rounded to six digits."""
    return json.loads(json.dumps(value), parse_float=lambda text: float(f"{float(text):.6g}"))


def merge(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """What was measured before, with what is new in its place."""
    return {**new, "families": {**old["families"], **new["families"]}}


def require_same_conditions(old: dict[str, Any], settings: Settings) -> None:
    """Raise ValueError if what was measured before had other settings, or other versions of torch and NumPy."""
    for key, now in conditions(settings).items():
        if old[key] != now:
            raise ValueError(f"{RESULTS}: expected the {key} {now}, found {old[key]}; measure all families anew")


def read(folder: Path = DOCS) -> dict[str, Any]:
    """What was measured last."""
    return json.loads((folder / RESULTS).read_text(encoding="utf-8"))


def record(found: dict[str, Any], folder: Path = DOCS) -> None:
    """Keep what was measured, for pages to come."""
    write_atomically(folder / RESULTS, (json.dumps(found, indent=1, ensure_ascii=False) + "\n").encode())


# -- the gallery's own models, by their cards


def frechet_of(card: dict[str, Any]) -> float:
    """The Fréchet distance in the scorecard."""
    return card["scorecard"]["figures"]["frechet"]


def measured_models(found: dict[str, Any], cards: dict[str, dict[str, Any]]) -> list[str]:
    """The gallery's models that can stand in the plot: with a scorecard and a speed."""
    return [
        name for name, card in cards.items() if name in found["gallery"] and card["scorecard"] and not card["exhibit"]
    ]


def best_of_gallery(found: dict[str, Any], cards: dict[str, dict[str, Any]]) -> dict[str, str]:
    """The gallery's model of the lowest Fréchet distance, by family; first those that were compared."""
    order = sorted(measured_models(found, cards), key=lambda name: frechet_of(cards[name]), reverse=True)
    best = {cards[name]["family"]: name for name in order}
    return {name: best[name] for name in dict.fromkeys([*found["families"], *sorted(best)]) if name in best}
