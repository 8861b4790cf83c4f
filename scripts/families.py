"""Compare the families: networks of equal size, trained for equal time, judged alike. `report.py --families` calls it.

`measure` trains a network of every family by the clock and gives what it found as JSON; `draw` makes a page and its
plots from nothing but that and the cards of the gallery's models. Every sentence of the page that ranks is made from
the figures, so that none can outlive them.
"""

import copy
import io
import json
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import pairwise
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from bench import THREADS, TRAINING_IMAGES, matrix_product_rate, median
from torch import Tensor

import gengallery
from gengallery import metrics
from gengallery.data import TEST, TRAIN, Split
from gengallery.evaluate import SEED, Bench, rebuilds
from gengallery.files import write_atomically
from gengallery.images import PIXELS
from gengallery.model import Card, Model
from gengallery.models import compared, family
from gengallery.training import Run, cost, parameters

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DOCS = Path(__file__).resolve().parent.parent / "docs"
FOUND, PAGE = "families.json", "families.md"
TRAINING_PLOT, SAMPLING_PLOT = "families/training.svg", "families/sampling.svg"
AT_ONCE = (1, 16)  # images, whose milliseconds are taken
STEPS = (1, 2, 4, 8, 16)  # of a model that takes steps
REPETITIONS = 20  # of each timing; its median counts
UNCOUNTED = 3  # steps of a run that is thrown away, in which torch makes what it keeps for all later ones
NEAR = 1.1  # times the best distance: fewer steps than this takes would show


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


# -- measuring


class Clocked(Run):
    """A run that ends after `budget` seconds of training instead of some epochs: its rate follows the clock.

    Only the steps count as training: while samples are judged, the clock stands still.
    """

    def __init__(self, card: Card, train: Split, seed: int, budget: float):
        super().__init__(card, train, seed, epochs=1)
        self.budget = budget
        self.clock = 0.0  # seconds of training
        self.steps = 0
        self._stream = self._endless()

    def _endless(self) -> Iterator[None]:
        while True:
            for _ in self.epoch():
                yield

    def _set_rate(self, share: float) -> None:
        super()._set_rate(min(1.0, self.clock / self.budget))

    def step(self) -> None:
        """Train for one step."""
        start = time.perf_counter()
        next(self._stream)
        self.clock += time.perf_counter() - start
        self.steps += 1

    def until(self, moment: float) -> None:
        """Train until the clock shows `moment`."""
        while self.clock < moment:
            self.step()


def measure(bench: Bench, settings: Settings, names: list[str] | None = None) -> dict[str, Any]:
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
        families[name] = of_family(cards[name], bench, settings)
        last = families[name]["moments"][-1]
        print(f"{name}: Fréchet distance {last['frechet']:.2f} after {last['steps']:,} steps", flush=True)
    return plain(
        {
            "settings": asdict(settings),
            "versions": {"torch": torch.__version__, "numpy": np.__version__},
            "floors": {str(n): floor(bench, n) for n in sorted({settings.samples, settings.stepped})},
            "families": families,
            "gallery": {name: milliseconds(gengallery.load(name)) for name in gengallery.list_models()},
        }
    )


def of_family(card: Card, bench: Bench, settings: Settings) -> dict[str, Any]:
    """Train by `card` for the whole budget and judge it at each moment: the family's part of the JSON."""
    rate = matrix_product_rate()  # beside each family's figures, since a machine is not equally free all the time
    uncounted = Clocked(card, bench.train, settings.seed, inf)
    for _ in range(UNCOUNTED):
        uncounted.step()
    stepped = card.config.options.steps is not None
    count = settings.stepped if stepped else settings.samples
    run = Clocked(card, bench.train, settings.seed, settings.moments[-1])
    moments = []
    for moment in settings.moments:
        run.until(moment)
        model, fitting = ready(run)
        figures = judged(bench, model.generate(count, SEED), settings.stepped)
        if rebuilds(model):
            figures["mse"] = reconstruction(model, bench.test)
        moments.append({"seconds": run.clock, "steps": run.steps, "fitting": fitting, **figures})
    work = cost(replace(card, recipe=replace(card.recipe, epochs=1)))
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
            "step": work["training"] / (TRAINING_IMAGES // card.recipe.batch),
            "image": work["image"],
        },
        "moments": moments,
        "milliseconds": milliseconds(model),
        "steps": [of_steps(bench, model, count, steps) for steps in STEPS] if stepped else [],
    }


def ready(run: Run) -> tuple[Model, float]:
    """A copy of the model as it stands, since training goes on; its prior fitted, and the seconds that took."""
    model = copy.deepcopy(run.model).eval()
    assert isinstance(model, Model)
    start = time.perf_counter()
    model.fit_prior(run.train.batches(), run.seed)
    return model, time.perf_counter() - start if model.prior.fitted else 0.0


def judged(bench: Bench, images: Tensor, few: int) -> dict[str, float]:
    """The figures of samples that the page needs, by the scorecards' judge; precision and recall of the first `few`,
    since they depend on how many there are."""
    features, _ = bench.judge.judge(images)
    real = bench.features[TEST]
    precision, recall = metrics.precision_recall(real, features[:few])
    return {"frechet": metrics.frechet_distance(real, features), "precision": precision, "recall": recall}


def floor(bench: Bench, n: int) -> float:
    """The Fréchet distance of the first `n` training images: as near as that many samples can be expected to come."""
    return metrics.frechet_distance(bench.features[TEST], bench.features[TRAIN][:n])


def reconstruction(model: Model, test: Split) -> float:
    """The mean squared error of the reconstructed test images."""
    return torch.cat([metrics.mse(images, model.reconstruct(images)) for images, _ in test.batches()]).mean().item()


def milliseconds(model: Model) -> dict[str, float]:
    """Of an image, when so many are made at once."""
    return {str(n): median(partial(model.generate, n), REPETITIONS) / n for n in AT_ONCE}


def of_steps(bench: Bench, model: Model, count: int, steps: int) -> dict[str, float]:
    """Quality and speed of a model that takes so many steps."""
    features, _ = bench.judge.judge(model.generate(count, SEED, steps=steps))
    return {
        "steps": steps,
        "frechet": metrics.frechet_distance(bench.features[TEST], features),
        "milliseconds": median(lambda: model.generate(AT_ONCE[-1], steps=steps), REPETITIONS) / AT_ONCE[-1],
    }


def plain(value: Any) -> Any:
    """`value` as it comes back from JSON, its numbers rounded to six digits."""
    return json.loads(json.dumps(value), parse_float=lambda text: float(f"{float(text):.6g}"))


def merged(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """What was measured before, with what is new in its place. Raises ValueError if that was under other settings."""
    for key in ("settings", "versions"):
        if old[key] != new[key]:
            raise ValueError(f"{FOUND}: expected the {key} {new[key]}, found {old[key]}; measure all families anew")
    return {**new, "families": {**old["families"], **new["families"]}}


# -- the figures in words


@dataclass(frozen=True)
class Measure:
    """Something by which families rank: what it is, how its figures are written, and what its two ends are called."""

    what: str
    value: Callable[[dict[str, Any]], float | None]  # None: the family has no such figure
    form: str
    good: str
    bad: str
    low: bool = True  # is good

    def ranked(self, families: dict[str, Any]) -> list[str]:
        """The families that have the figure, the best first."""
        values = {name: self.value(found) for name, found in families.items()}
        return sorted((n for n, v in values.items() if v is not None), key=lambda n: self._order(values[n]))

    def _order(self, value: float | None) -> float:
        assert value is not None
        return value if self.low else -value

    def standing(self, name: str, families: dict[str, Any]) -> float | None:
        """Where the family stands: 0 is first, 1 is last; None where it has no such figure, or no rival."""
        order = self.ranked(families)
        return order.index(name) / (len(order) - 1) if name in order and len(order) > 1 else None

    def written(self, name: str, families: dict[str, Any]) -> str:
        """The family's figure."""
        return self.form.format(self.value(families[name]))

    def sentence(self, name: str, families: dict[str, Any]) -> str:
        """The family's figure and its place, beside the one that it is best compared with."""
        order = self.ranked(families)
        place = order.index(name)
        rival = order[1] if place == 0 else order[0]
        relation = "the next is" if place == 0 else f"the {self.good} is"
        return (
            f"{self.what}: {self.written(name, families)}, {ordinal(place, len(order), self.good, self.bad)} of "
            f"{len(order)}; {relation} {self.written(rival, families)}, {title(rival)}."
        )


def ordinal(place: int, count: int, good: str, bad: str) -> str:
    """The place, from 0, in words, counted from the nearer end."""
    from_end = count - 1 - place
    end, steps = (good, place) if place <= from_end else (bad, from_end)
    return f"the {('', 'second ', 'third ', 'fourth ', 'fifth ')[steps]}{end}"


def title(name: str) -> str:
    """The family, as people call it."""
    return family(name).title


def measures(settings: dict[str, Any]) -> list[Measure]:
    """What the families are ranked by."""
    first, last = settings["moments"][0], settings["moments"][-1]
    return [
        Measure(
            f"Fréchet distance after {last:g} s", lambda f: f["moments"][-1]["frechet"], "{:.2f}", "lowest", "highest"
        ),
        Measure(
            f"Fréchet distance after {first:g} s", lambda f: f["moments"][0]["frechet"], "{:.2f}", "lowest", "highest"
        ),
        Measure(
            "Share of samples that look real (precision)",
            lambda f: f["moments"][-1]["precision"], "{:.2f}", "highest", "lowest", low=False,
        ),
        Measure(
            "Share of real images that are matched (recall)",
            lambda f: f["moments"][-1]["recall"], "{:.2f}", "highest", "lowest", low=False,
        ),
        Measure(
            "Squared error of reconstructions", lambda f: f["moments"][-1].get("mse"), "{:.4f}", "lowest", "highest"
        ),
        Measure("One image", lambda f: f["milliseconds"]["1"], "{:.2f} ms", "shortest", "longest"),
        Measure("An image of 16 at once", lambda f: f["milliseconds"]["16"], "{:.3f} ms", "shortest", "longest"),
    ]  # fmt: skip


def strengths_and_weaknesses(name: str, found: dict[str, Any]) -> tuple[list[str], list[str]]:
    """What speaks for a family and against it: where it stands in the first or the last third, and what it lets one
    choose or lacks. Where there is none of these, the one thing in which it stands best, or worst."""
    families = found["families"]
    standings = {m: m.standing(name, families) for m in measures(found["settings"])}
    placed = {m: place for m, place in standings.items() if place is not None}
    good = [m.sentence(name, families) for m, place in placed.items() if place <= 1 / 3] + _choices(families[name])
    bad = [m.sentence(name, families) for m, place in placed.items() if place >= 2 / 3] + _lacks(families[name])
    if placed and not good:
        good = [min(placed, key=lambda m: placed[m]).sentence(name, families)]
    if placed and not bad:
        bad = [max(placed, key=lambda m: placed[m]).sentence(name, families)]
    return good, bad


def _choices(found: dict[str, Any]) -> list[str]:
    chosen = ["It is told the class, so you choose the garment."] if found["label"] else []
    if found["steps"]:
        lowest = min(run["frechet"] for run in found["steps"])
        run = next(run for run in found["steps"] if run["frechet"] <= NEAR * lowest)
        chosen.append(
            f"The number of steps is chosen after training: {run['steps']} are the fewest that come within a tenth of "
            f"its lowest distance, at {run['frechet']:.2f} and {run['milliseconds']:.2f} ms an image."
        )
    return chosen


def _lacks(found: dict[str, Any]) -> list[str]:
    lacks = []
    if found["searches"]:
        lacks.append("It has no encoder: the latent of an image has to be searched for.")
    if found["latent"] >= PIXELS:
        lacks.append(f"Its latent has {found['latent']} numbers, as many as the image: nothing is made smaller.")
    if found["fitted"]:
        seconds = found["moments"][-1]["fitting"]
        lacks.append(
            f"It has no prior of its own: one of {found['fitted']:,} numbers is fitted when training is over, which "
            f"took {seconds:.1f} s more."
        )
    return lacks


def leaders(found: dict[str, Any]) -> Iterator[str]:
    """Who is nearest to the data after each moment."""
    for index, moment in enumerate(found["settings"]["moments"]):
        distances = {name: of["moments"][index]["frechet"] for name, of in found["families"].items()}
        first, *rest = sorted(distances, key=lambda name: distances[name])
        before = f", before {title(rest[0])} at {distances[rest[0]]:.2f}" if rest else ""
        yield f"- After {moment:g} s: **{title(first)}** at {distances[first]:.2f}{before}."


def progress(name: str, found: dict[str, Any]) -> str:
    """What the last stretch of the budget changed."""
    moments = found["settings"]["moments"]
    if len(moments) < 2:
        return ""
    before, after = (moment["frechet"] for moment in found["families"][name]["moments"][-2:])
    verb = "fell" if after <= before else "rose"
    return f" From {moments[-2]:g} s to {moments[-1]:g} s its distance {verb} by {abs(1 - after / before):.0%}."


# -- the page


def page(found: dict[str, Any], cards: dict[str, dict[str, Any]]) -> str:
    """The page, as Markdown. `cards`: what `gengallery.info` knows of the gallery's models, by name."""
    return "\n".join([*_introduction(found), *_at_a_glance(found), *_beside(found, cards), *_in_turn(found)]) + "\n"


def _introduction(found: dict[str, Any]) -> Iterator[str]:
    settings, families = found["settings"], found["families"]
    sizes, rates = ([of[key] for of in families.values()] for key in ("parameters", "gflops"))
    budget, many, few = settings["moments"][-1], settings["samples"], settings["stepped"]
    with_label = [title(name) for name, of in families.items() if of["label"]]
    told = f"Some are told the class, which helps: {', '.join(with_label)}. " if with_label else ""
    floors = " and ".join(f"{found['floors'][str(n)]:.2f}" for n in (many, few))
    yield "# The families compared\n"
    yield (
        "One network of each family, of equal size, trained for equal time, judged by the same judge. "
        "`scripts/report.py --families` measures it all and makes this page; every sentence that ranks is made from "
        "the figures.\n"
    )
    yield (
        f"**What is equal.** The networks have {min(sizes):,} to {max(sizes):,} parameters. Each was trained for "
        f"{budget:g} seconds on {settings['threads']} threads of one processor, which multiplies matrices of "
        f"1024 × 1024 at {min(rates):.0f} to {max(rates):.0f} GFLOP/s, on the same 60,000 images, from seed "
        f"{settings['seed']}. Only the steps of training count, no judging. The learning rate follows the clock: where "
        f"the recipe lets it fall, it is zero at {budget:g} s.\n"
    )
    yield (
        "**What is not.** A contest trains a second network, which is thrown away: its time counts, its parameters do "
        "not. A prior that is fitted afterwards adds numbers that do not count as parameters, and time, which is told "
        "apart. The earlier moments are of the same run on its way, not of shorter runs, whose rates would have come "
        f"down by then. {told}Fréchet distances are of {many:,} samples, or {few:,} of models that take steps, against "
        "the 10,000 test images in the judge's features; as many training images in their place have "
        f"{floors}. Precision and recall are of {few:,} samples each. One seed, and recipes that nobody has tuned for "
        "this race: small differences mean nothing."
    )


def _at_a_glance(found: dict[str, Any]) -> Iterator[str]:
    families, moments = found["families"], found["settings"]["moments"]
    yield "\n## At a glance\n"
    head = ["", *(f"Fréchet, {moment:g} s" for moment in moments), "precision", "recall", "MSE", "one image, ms"]
    yield from table(
        [*head, "of 16, ms"],
        [
            [
                title(name),
                *(f"{moment['frechet']:.2f}" for moment in of["moments"]),
                *(f"{of['moments'][-1][figure]:.2f}" for figure in ("precision", "recall")),
                f"{of['moments'][-1]['mse']:.4f}" if "mse" in of["moments"][-1] else "",
                f"{of['milliseconds']['1']:.2f}",
                f"{of['milliseconds']['16']:.3f}",
            ]
            for name, of in families.items()
        ]
        + [["*real images*", *[f"{found['floors'][str(found['settings']['samples'])]:.2f}"] * len(moments), *[""] * 5]],
    )
    ends = ", ".join(f"{title(name)} {of['moments'][-1]['frechet']:.2f}" for name, of in families.items())
    yield f"\n![Fréchet distance against seconds of training; at the end: {ends}.]({TRAINING_PLOT})"


def _beside(found: dict[str, Any], cards: dict[str, dict[str, Any]]) -> Iterator[str]:
    """What more parameters and more time buy: the gallery's own models."""
    best = best_of_gallery(found, cards)
    yield "\n## Beside the gallery's own models\n"
    speeds = ", ".join(f"{title(name)} {of['milliseconds']['16']:.3f} ms" for name, of in found["families"].items())
    yield f"![Fréchet distance against milliseconds an image, of 16 at once: {speeds}.]({SAMPLING_PLOT})\n"
    yield (
        "Full circles are the networks of this page, hollow ones the gallery's, of any size, trained for as long as "
        "they need, and judged by 10,000 samples. A thin line joins one network at several numbers of steps. "
        f"{''.join(_head_starts(best.values(), cards))}The best of each family:\n"
    )
    yield from table(
        ["", "Fréchet here", "in the gallery", "parameters", "training, min", "Fréchet", "of 16, ms"],
        [
            [
                title(name),
                f"{found['families'][name]['moments'][-1]['frechet']:.2f}" if name in found["families"] else "",
                f"`{model}`",
                f"{cards[model]['parameters']:,}",
                f"{cards[model]['training']['seconds'] / 60:.1f}",
                f"{frechet_of(cards[model]):.2f}",
                f"{found['gallery'][model]['16']:.3f}",
            ]
            for name, model in best.items()
        ],
    )


def _head_starts(models: Iterable[str], cards: dict[str, dict[str, Any]]) -> Iterator[str]:
    """Whose training went on from another model's."""
    for model in models:
        if start := cards[model]["start"]:
            yield f"`{model}` begins with the weights of `{start}`, whose training comes on top: it has no rival here. "


def _in_turn(found: dict[str, Any]) -> Iterator[str]:
    yield "\n## Strengths and weaknesses, measured\n"
    yield (
        "The report weighed its three families by eye: what their reconstructions keep, and how their samples look. "
        "Here the same questions have figures. Nearest to the data, by Fréchet distance:\n"
    )
    yield from leaders(found)
    for name, of in found["families"].items():
        good, bad = strengths_and_weaknesses(name, found)
        yield f"\n### {title(name)}\n"
        yield (
            f"{of['parameters']:,} parameters, {of['latent']} numbers in a latent. A step of training takes "
            f"{of['operations']['step'] / 1e9:.2f} billion operations, on {of['recipe']['batch']} images; making an "
            f"image takes {of['operations']['image'] / 1e6:.2f} million, {of['milliseconds']['1']:.2f} ms on its own "
            f"and {of['milliseconds']['16']:.3f} ms among 16.{progress(name, found)}\n"
        )
        yield from table(*_moments(of))
        if of["steps"]:
            yield ""
            yield from table(
                ["steps to an image", "Fréchet", "of 16, ms"],
                [[str(r["steps"]), f"{r['frechet']:.2f}", f"{r['milliseconds']:.3f}"] for r in of["steps"]],
            )
        yield from ("", *(f"- ➕ {sentence}" for sentence in good), *(f"- ➖ {sentence}" for sentence in bad))


def _moments(of: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """The table of a family's moments: its head, and its rows."""
    columns: dict[str, Callable[[dict[str, Any]], str]] = {
        "seconds": lambda m: f"{m['seconds']:.1f}",
        "steps": lambda m: f"{m['steps']:,}",
        "operations, 10¹²": lambda m: f"{m['steps'] * of['operations']['step'] / 1e12:.2f}",
        "Fréchet": lambda m: f"{m['frechet']:.2f}",
        "precision": lambda m: f"{m['precision']:.2f}",
        "recall": lambda m: f"{m['recall']:.2f}",
    }
    if "mse" in of["moments"][-1]:
        columns["MSE"] = lambda m: f"{m['mse']:.4f}"
    if of["fitted"]:
        columns["fitting the prior, s"] = lambda m: f"{m['fitting']:.1f}"
    return list(columns), [[write(moment) for write in columns.values()] for moment in of["moments"]]


def table(head: list[str], rows: list[list[str]]) -> Iterator[str]:
    """A table, as Markdown; a first column without a name is of words, all else are figures."""
    yield "| " + " | ".join(head) + " |"
    yield "|" + "".join("---|" if not name or name == "in the gallery" else "---:|" for name in head)
    for row in rows:
        yield "| " + " | ".join(row) + " |"


def gallery_cards() -> dict[str, dict[str, Any]]:
    """What is known of the gallery's models, by name."""
    return {name: gengallery.info(name) for name in gengallery.list_models()}


def frechet_of(card: dict[str, Any]) -> float:
    """The Fréchet distance in the scorecard."""
    return card["scorecard"]["figures"]["frechet"]


def measured(found: dict[str, Any], cards: dict[str, dict[str, Any]]) -> list[str]:
    """The gallery's models that can stand in the plot: with a scorecard and a speed."""
    return [
        name for name, card in cards.items() if name in found["gallery"] and card["scorecard"] and not card["exhibit"]
    ]


def best_of_gallery(found: dict[str, Any], cards: dict[str, dict[str, Any]]) -> dict[str, str]:
    """The gallery's model of the lowest Fréchet distance, by family; first those that were compared."""
    order = sorted(measured(found, cards), key=lambda name: frechet_of(cards[name]), reverse=True)
    best = {cards[name]["family"]: name for name in order}
    return {name: best[name] for name in dict.fromkeys([*found["families"], *sorted(best)]) if name in best}


# -- the plots

PALETTE = (
    "#0b62a8",
    "#b3261e",
    "#00775a",
    "#9c4a00",
    "#6d3fa0",
    "#5c5f00",
    "#a81e72",
    "#40484f",
)  # on white, each 4.5:1
INK, LINE = "#3c4043", "#dadce0"
BESIDE = 9.0  # points from a point to its label
SIZE = 12  # of letters, in points, in a plot of 5.2 inches: 12 pixels still on a telephone
STYLE = {
    "svg.fonttype": "none",  # letters stay letters: to be found, read aloud and drawn in the reader's own font
    "svg.hashsalt": "families",  # else the same plot is another file each time
    "font.size": SIZE,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": LINE,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.minor.bottom": False,
    "ytick.minor.left": False,
}


@dataclass(frozen=True)
class Label:
    """Words beside a point."""

    x: float
    y: float
    text: str
    colour: str
    size: float = SIZE
    bold: bool = False

    @property
    def width(self) -> float:
        """In points, about: which font the reader has is not known."""
        return (0.68 if self.bold else 0.6) * self.size * len(self.text)


def colours(found: dict[str, Any], others: Iterable[str] = ()) -> dict[str, str]:
    """One for each family that was compared, the same in both plots, and one for each of the `others`."""
    names = dict.fromkeys([*found["families"], *others])
    return {name: PALETTE[index % len(PALETTE)] for index, name in enumerate(names)}


def training_plot(found: dict[str, Any]) -> bytes:
    """Quality against seconds of training, as SVG."""

    def draw(axes: "Axes") -> None:
        labels = []
        for name, colour in colours(found).items():
            moments = found["families"][name]["moments"]
            x, y = [m["seconds"] for m in moments], [m["frechet"] for m in moments]
            axes.plot(x, y, "o-", color=colour, linewidth=2, markersize=6)
            labels.append(Label(x[-1], y[-1], title(name), colour))
        moments = found["settings"]["moments"]
        room = (
            BESIDE + max(label.width for label in labels)
        ) / axes.get_window_extent().width  # a share, for the names
        axes.set_xlim(moments[0] / 1.15, moments[-1] * (1.15 * moments[-1] / moments[0]) ** (room / (1 - room)))
        values = [m["frechet"] for of in found["families"].values() for m in of["moments"]]
        axes.set_ylim(min(values) / 1.3, max(values) * 1.2)
        axes.set_xticks(moments, [f"{moment:g}" for moment in moments])
        at_the_end(axes, labels)

    return svg(draw, "seconds of training")


def sampling_plot(found: dict[str, Any], cards: dict[str, dict[str, Any]]) -> bytes:
    """Quality against milliseconds an image, of 16 at once, as SVG."""

    def draw(axes: "Axes") -> None:
        names, notes, points, lines = [], [], [], []
        best = best_of_gallery(found, cards)
        of_family = colours(found, best)
        for model in measured(found, cards):
            x, y, colour = found["gallery"][model]["16"], frechet_of(cards[model]), of_family[cards[model]["family"]]
            axes.plot(x, y, "o", markerfacecolor="none", markeredgecolor=colour, markersize=7, markeredgewidth=1.4)
            points.append((x, y))
            if model in best.values():
                notes.append(Label(x, y, model, colour, SIZE - 2))
        for name, of in found["families"].items():
            colour = of_family[name]
            runs = [(run["milliseconds"], run["frechet"]) for run in of["steps"]]
            axes.plot([x for x, _ in runs], [y for _, y in runs], ".-", color=colour, linewidth=1, markersize=6)
            for run in (of["steps"][0], of["steps"][-1]) if of["steps"] else ():
                words = f"{run['steps']} step{'s' if run['steps'] > 1 else ''}"
                notes.append(Label(run["milliseconds"], run["frechet"], words, colour, SIZE - 2))
            x, y = of["milliseconds"]["16"], of["moments"][-1]["frechet"]
            axes.plot(x, y, "o", color=colour, markersize=9)
            names.append(Label(x, y, title(name), colour, bold=True))
            points.append((x, y))
            lines += [runs[0], *between(runs)] if runs else []
        for limit, values in (
            (axes.set_xlim, [x for x, _ in points + lines]),
            (axes.set_ylim, [y for _, y in points + lines]),
        ):
            span = (max(values) / min(values)) ** 0.1
            limit(min(values) / span / 1.1, max(values) * span * 1.1)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(_decades(few=axis is axes.xaxis))
        where_free(axes, [*names, *notes], points + lines)

    return svg(draw, "milliseconds an image, 16 at once")


def between(corners: list[tuple[float, float]], parts: int = 12) -> list[tuple[float, float]]:
    """Points of the line through `corners` on logarithmic axes, the first left out: `parts` a stretch."""
    shares = [part / parts for part in range(1, parts + 1)]
    return [(a[0] ** (1 - t) * b[0] ** t, a[1] ** (1 - t) * b[1] ** t) for a, b in pairwise(corners) for t in shares]


def svg(draw: Callable[["Axes"], None], below: str) -> bytes:
    """A plot on a white card, both axes logarithmic, the second of Fréchet distances: the same bytes each time."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(STYLE):  # type: ignore[arg-type]  # the keys are known to matplotlib as literals
        figure = Figure(figsize=(5.2, 5.0), dpi=72, facecolor="white")
        axes = figure.add_axes((0.095, 0.125, 0.885, 0.785))
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(_decades())
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.minorticks_off()
        axes.grid(axis="y", color=LINE, linewidth=0.8)
        axes.set_axisbelow(True)
        axes.spines[["left", "top", "right"]].set_visible(False)
        axes.tick_params(length=0, pad=5)
        axes.set_xlabel(below, loc="left")
        axes.set_title("Fréchet distance: lower is nearer to the data", loc="left", fontsize=SIZE, x=-0.09, pad=12)
        draw(axes)
        file = io.BytesIO()
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    return file.getvalue()


def _decades(few: bool = False) -> Any:
    """Ticks at 1, 2, 3, 5, 10 and so on; at 1, 10 and so on where there is room for few."""
    from matplotlib.ticker import LogLocator

    return LogLocator(subs=(1,) if few else (1, 2, 3, 5), numticks=20)


def at_the_end(axes: "Axes", labels: list[Label]) -> None:
    """Write each label to the right of its point, as near to its height as the others allow."""
    places = [axes.transData.transform((label.x, label.y)) for label in labels]
    heights = spread([place[1] for place in places], 1.25 * SIZE)
    for label, place, height in zip(labels, places, heights, strict=True):
        write_beside(axes, label, BESIDE, height - place[1], "left")


def spread(heights: list[float], gap: float) -> list[float]:
    """`heights` moved as little as makes each two at least `gap` apart, their order kept."""
    order = sorted(range(len(heights)), key=lambda i: heights[i])
    groups: list[list[int]] = []  # of neighbours that touch: each group lies around its members' mean
    for index in order:
        groups.append([index])
        while len(groups) > 1 and _ends(groups[-1], heights, gap)[0] - _ends(groups[-2], heights, gap)[1] < gap:
            last = groups.pop()
            groups[-1] += last
    moved = list(heights)
    for group in groups:
        start = _ends(group, heights, gap)[0]
        for position, index in enumerate(group):
            moved[index] = start + position * gap
    return moved


def _ends(group: list[int], heights: list[float], gap: float) -> tuple[float, float]:
    """The lowest and highest place of a group whose members lie `gap` apart around their mean."""
    mean, half = sum(heights[i] for i in group) / len(group), gap * (len(group) - 1) / 2
    return mean - half, mean + half


def where_free(axes: "Axes", labels: list[Label], points: list[tuple[float, float]]) -> None:
    """Write each label beside its point, on the first side where it covers no point and no label before it."""
    taken = [_around(*axes.transData.transform(point)) for point in points]
    bounds = axes.get_window_extent().extents
    for label in labels:
        x, y = axes.transData.transform((label.x, label.y))
        best, least = None, inf
        for dx, dy, side in _sides(label.size):
            left = x + dx - {"left": 0.0, "center": label.width / 2, "right": label.width}[side]
            box = (left, y + dy - label.size / 2, left + label.width, y + dy + label.size / 2)
            bad = sum(_overlap(box, other) for other in taken) + 4 * (_area(box) - _overlap(box, tuple(bounds)))
            if bad < least:
                best, least = (dx, dy, side, box), bad
        assert best is not None
        taken.append(best[3])
        write_beside(axes, label, *best[:3])


def _sides(size: float) -> Iterator[tuple[float, float, str]]:
    """Where a label may stand from its point, the best first: how far to the right, how far up, which end is there."""
    for far in (0.0, 0.7 * size, 1.4 * size):
        yield from ((BESIDE + far, 0.0, "left"), (-BESIDE - far, 0.0, "right"))
        for up in (size + far, -size - far):
            yield from ((0.0, up, "center"), (4.0, up, "left"), (-4.0, up, "right"))


def _around(x: float, y: float, reach: float = 4.0) -> tuple[float, float, float, float]:
    return x - reach, y - reach, x + reach, y + reach


def _area(box: tuple[float, ...]) -> float:
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])


def _overlap(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    """The area that two boxes share."""
    return _area((max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3])))


def write_beside(axes: "Axes", label: Label, dx: float, dy: float, side: str) -> None:
    """Write the label so many points to the right of and above its point, which is at this end of it."""
    axes.annotate(
        label.text, (label.x, label.y), (dx, dy), textcoords="offset points", ha=side, va="center_baseline",
        color=label.colour, fontsize=label.size, fontweight="bold" if label.bold else "normal",
    )  # fmt: skip


def draw(found: dict[str, Any], folder: Path = DOCS) -> None:
    """Write the page and its plots into `folder`."""
    cards = gallery_cards()
    write_atomically(folder / TRAINING_PLOT, training_plot(found))
    write_atomically(folder / SAMPLING_PLOT, sampling_plot(found, cards))
    write_atomically(folder / PAGE, page(found, cards).encode())


def read(folder: Path = DOCS) -> dict[str, Any]:
    """What was measured last."""
    return json.loads((folder / FOUND).read_text(encoding="utf-8"))


def record(found: dict[str, Any], folder: Path = DOCS) -> None:
    """Keep what was measured, for pages to come."""
    write_atomically(folder / FOUND, (json.dumps(found, indent=1, ensure_ascii=False) + "\n").encode())
