"""From what a visitor chose to pictures and tables: pure functions, no Gradio.

Whatever comes in may have been posted by hand, so each function checks all of it and raises ValueError, which
says what was expected and what was found. Pictures go out as grey levels, uint8.
"""

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from statistics import median
from typing import Any

import checks
import numpy as np
import torch
from checks import MOST_IMAGES, choice, choices, whole
from torch import Tensor

import gengallery
from gengallery import data, metrics
from gengallery.images import CLASS_NAMES, SIZE, as_images, enlarge, sheet, to_uint8
from gengallery.model import Model, Paper
from gengallery.models import family as family_class
from gengallery.noise import DISTRIBUTIONS, Fitted, Noise

SHEET_SCALE = 4
NEIGHBOURS, ORDINALS = 3, ("Nearest", "Second", "Third")

TEST, TRAIN, UPLOAD = "Test set", "Training set", "Your picture"
SOURCES = (TEST, TRAIN, UPLOAD)
# Noise to feed a generator with: distribution and whether it is standardised, by the name in the menu.
NOISES = {name: (name, True) for name in DISTRIBUTIONS} | {
    f"{name}, raw": (name, False) for name, (_, mean, deviation) in DISTRIBUTIONS.items() if (mean, deviation) != (0, 1)
}

load = cache(gengallery.load)


@dataclass(frozen=True)
class Figure:
    """A column of the comparison: what it says of a model, how it is written, and which values are good."""

    name: str
    title: str
    meaning: str
    good: str = ""  # LOWER, HIGHER, LEVEL, or nothing to go by
    form: str = "{:.2f}"

    def written(self, value: float) -> str:
        """`value` with as many digits as make sense, and no minus before a zero."""
        text = self.form.format(value)
        return text.replace("-", "−" if re.search("[1-9]", text) else "")


LOWER, HIGHER, LEVEL = "lower", "higher", "level with real images"
SAMPLES = (
    Figure("frechet", "Fréchet", "Distance of samples from the test images, by means and spreads.", LOWER, "{:.2f}"),
    Figure("kernel", "Kernel", "The same in another way, with nothing assumed of their shape.", LOWER, "{:.3f}"),
    Figure("precision", "Precision", "Share of samples that lie among real images: do they look real?", HIGHER),
    Figure("recall", "Recall", "Share of real images that lie among samples: is anything missing?", HIGHER),
    Figure(
        "density", "Density", "Precision that weighs the crowd: above 1, samples keep to the commonest looks.", LEVEL
    ),
    Figure("coverage", "Coverage", "Recall that strays can't lift: share of real images with one near by.", HIGHER),
    Figure("entropy", "Classes", "How evenly the classes turn up: 1 if all alike, 0 if only one.", HIGHER, "{:.3f}"),
    Figure(
        "nearest", "Nearest",
        "Median distance, over all pixels, to the nearest training image. Far below real images’ own: copies, or blur.",
        LEVEL,
    ),
    Figure("memorised", "Copies", "Share of samples that copy a training image.", LOWER, "{:.2%}"),
)  # fmt: skip
REBUILT = (
    Figure("mse", "MSE", "Mean squared error of a pixel, of a test image gone through the latents.", LOWER, "{:.4f}"),
    Figure("ssim", "SSIM", "Likeness of structure, in windows of 11 × 11: 1 for the same image.", HIGHER, "{:.3f}"),
    Figure(
        "reconstruction", "Reconstr.", "Cross-entropy in nats, summed over the pixels. Not 0 even if perfect.",
        LOWER, "{:.1f}",
    ),
    Figure("kl", "KL", "What the latents tell of an image, in nats: the price of reconstructing well."),
    Figure("total", "Total", "Reconstruction + KL: an upper bound of −log p(x), in nats.", LOWER, "{:.1f}"),
    Figure("bound", "Bound", "A tighter upper bound of −log p(x), from many draws.", LOWER, "{:.1f}"),
    Figure("active_units", "Active", "Latents that vary from image to image; the others are unused.", "", "{:.0f}"),
)  # fmt: skip
LOSS = "Losses that training watched. They say little about the images."
FIGURES = {figure.name: figure for figure in (*SAMPLES, *REBUILT)}


@dataclass(frozen=True)
class Row:
    """Pictures (n, 28, 28), uint8, that belong together: what made them, and what there is to say of each."""

    label: str
    note: str
    pictures: np.ndarray
    captions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Entry:
    """One model in the comparison. Its figures, and the report's own, go by the names of `Figure`."""

    name: str
    summary: str
    exhibit: bool
    latent: int
    prior: str
    parameters: int
    bytes: int
    milliseconds: float  # an image, the median of several decodes just now
    pictures: np.ndarray  # (n, 28, 28), uint8
    figures: dict[str, float]
    reported: dict[str, float]
    awaited: frozenset[str]  # figures that it has by its nature, but that nobody measured


@dataclass(frozen=True)
class Family:
    """A family's models and what it is good and bad at."""

    title: str
    paper: Paper
    strengths: tuple[str, ...]
    weaknesses: tuple[str, ...]
    entries: tuple[Entry, ...]


@dataclass(frozen=True)
class Comparison:
    """Every model, the figures to show of each, by the heading above them, and those of real images."""

    families: tuple[Family, ...]
    groups: dict[str, tuple[Figure, ...]]
    floor: dict[str, float]  # empty while no model is measured
    best: frozenset[tuple[str, str]]  # (model, figure): exhibits don't compete, and those that are written alike share


# -- menus


def models() -> list[str]:
    """Every model of the gallery."""
    return gengallery.list_models()


def gans() -> list[str]:
    """The GANs of the gallery, exhibits last."""
    return gengallery.list_models("gan")


def encoding_models() -> list[str]:
    """The sound models with an encoder, which reconstruct without a search."""
    return [name for name in models() if not gengallery.info(name)["exhibit"] and not load(name).searches]


def marks(name: str) -> list[str]:
    """What a menu should say of the model beside its name: that it is an exhibit, that it searches."""
    return ["exhibit"] * gengallery.info(name)["exhibit"] + ["search"] * load(name).searches


# -- GANs


def gan_variants(names: Sequence[str], count: int, seed: int) -> list[Row]:
    """`count` images from the same seed by each of the GANs `names`, a row each."""
    names, count, seed = choices("variants", names, gans()), checks.count(count), checks.seed(seed)
    return [_generated(name, count, seed) for name in names]


def swapped_priors(name: str, noises: Sequence[str], count: int, seed: int) -> list[Row]:
    """The GAN `name` on its own noise, and then on each of `noises` (keys of NOISES), all from the same seed."""
    (name,) = choices("model", [name], gans())
    noises, count, seed = choices("noise", noises, NOISES), checks.count(count), checks.seed(seed)
    model = load(name)
    rows = [Row(f"Its own: {_noise_name(model.prior.describe())}", name, to_uint8(model.generate(count, seed)))]
    for noise in noises:
        prior = Noise(NOISES[noise][0], model.prior.dim, NOISES[noise][1])
        if prior.describe() != model.prior.describe():
            rows.append(Row(noise, "swapped in", to_uint8(model.decode(prior.sample(count, seed)))))
    return rows


# -- reconstruction


def reconstructions(
    names: Sequence[str], source: str, count: int, seed: int, upload: Any = None
) -> tuple[list[Row], str]:
    """Originals in the first row, under it what each of the models `names` makes of them, with the mean squared errors.

    `source` is one of SOURCES; `upload` anything that `as_images` takes, for the last of them. Beside the rows comes
    a notice: what the visitor should know of the originals, or "".
    """
    names = choices("models", names, models())
    images, captions, notice = originals(source, checks.count(count), checks.seed(seed), upload)
    rows = [Row("Originals", source.lower() if not notice else "", to_uint8(images), captions)]
    for name in names:
        model = load(name)
        answer = model.reconstruct(images)
        errors = (answer - images).square().flatten(1).mean(1)
        how = "search · " if model.searches else ""
        rows.append(
            Row(name, f"{how}error {errors.mean():.4f}", to_uint8(answer), tuple(f"{error:.4f}" for error in errors))
        )
    return rows, notice


def from_noise(names: Sequence[str], seed: int) -> list[Row]:
    """Ten images that each of the models `names` draws from its own prior."""
    return [_generated(name, MOST_IMAGES, checks.seed(seed)) for name in choices("models", names, models())]


def originals(source: str, count: int, seed: int, upload: Any) -> tuple[Tensor, tuple[str, ...], str]:
    """Images from `source`, one of SOURCES, which `seed` chooses; a caption for each, and a notice or ""."""
    choices("source", [source], SOURCES)
    if source == UPLOAD:
        if upload is None:
            raise ValueError("picture: expected an upload, found none; drop one into the box, or choose another source")
        images = as_images(upload)[:MOST_IMAGES]
        notice = "Your picture as the models see it: grey, light on black, 28 × 28. It stays with this page's server."
        return images, ("yours",) * len(images), notice
    try:
        split = data.load(data.TEST if source == TEST else data.TRAIN, download=False)
    except data.DataMissing:
        maker = gans()[0]
        notice = (
            f"Fashion-MNIST is not on this machine, so these originals are the gallery's own: {maker} generated them."
        )
        return load(maker).generate(count, seed), ("generated",) * count, notice
    chosen = np.random.default_rng(seed).choice(len(split), count, replace=False)
    return as_images(split.images[chosen]), tuple(CLASS_NAMES[label] for label in split.labels[chosen].tolist()), ""


# -- memory


def memorised(name: str, count: int, seed: int) -> tuple[list[Row], str]:
    """`count` images by the model `name`, and below each the NEIGHBOURS training images nearest to it.

    Distances are Euclidean over all pixels. Beside the rows comes a notice, with only the images where there is no
    training set.
    """
    choice("model", name, models())
    row = _generated(name, checks.count(count), checks.seed(seed))
    try:
        split = data.load(data.TRAIN, download=False)
    except data.DataMissing:
        return [row], "This needs the training set of Fashion-MNIST, which is not on this machine."
    distances, indices = metrics.nearest(
        torch.from_numpy(row.pictures).float()[:, None] / 255, data.as_floats(split.images), k=NEIGHBOURS
    )
    copies = round(metrics.memorisation_rate(distances[:, :2]) * len(distances))
    verdict = (
        f"Copies among these {len(distances)}, at least three times nearer to one garment than to any other: {copies}."
    )
    scorecard = gengallery.info(name)["scorecard"]
    usual = (
        ""
        if scorecard is None
        else f" Real test images are {scorecard['floor']['nearest']:.1f} from theirs, in the median."
    )
    rows = [row]
    for rank in range(NEIGHBOURS):
        captions = tuple(
            f"{CLASS_NAMES[split.labels[i]]} {distance:.1f}"
            for i, distance in zip(indices[:, rank].tolist(), distances[:, rank].tolist(), strict=True)
        )
        rows.append(
            Row(
                ORDINALS[rank],
                "of 60,000 training images",
                to_uint8(as_images(split.images[indices[:, rank]])),
                captions,
            )
        )
    return rows, verdict + usual


# -- learning


@cache
def course(name: str) -> dict[int, Model]:
    """The model `name` in the course of its training, by epochs behind it."""
    return gengallery.load_history(choice("model", name, gengallery.list_histories()))


def learning(name: str, moment: int, count: int, seed: int) -> list[Row]:
    """What the model `name` could do at a `moment` of its training, the index of a snapshot: images of its own, and
    originals reconstructed, as far as its kind does either without what is fitted after training."""
    snapshots = course(name)
    moment, count, seed = whole("moment", moment, 0, len(snapshots) - 1), checks.count(count), checks.seed(seed)
    epoch, model = list(snapshots.items())[moment]
    when = f"after {epoch} epoch{'' if epoch == 1 else 's'}" if epoch else "before training"
    rows = []
    if not isinstance(model.prior, Fitted):
        rows.append(Row("Generated", when, to_uint8(model.generate(count, seed))))
    if not model.searches:
        images, captions, _ = originals(TEST, count, seed, None)
        answer = model.reconstruct(images)
        error = (answer - images).square().mean()
        rows += [
            Row("Originals", "", to_uint8(images), captions),
            Row("Reconstructed", f"{when}, error {error:.4f}", to_uint8(answer)),
        ]
    return rows


# -- comparison


def comparison(samples: int = 3) -> Comparison:
    """Every model of the gallery, family by family, with its speed measured now."""
    cards = [gengallery.info(name) for name in models()]
    names = sorted({card["family"] for card in cards})
    families = tuple(_family(name, [card for card in cards if card["family"] == name], samples) for name in names)
    entries = [entry for family in families for entry in family.entries]
    losses = dict.fromkeys(name for entry in entries for name in entry.figures if name not in FIGURES)
    others = tuple(Figure(name, name.replace("_", " ").capitalize(), LOSS, "", "{:.3f}") for name in losses)
    groups = {"How good its images are": SAMPLES, "How well it reconstructs": REBUILT, "Other losses": others}
    floor: dict[str, float] = next((card["scorecard"]["floor"] for card in cards if card["scorecard"]), {})
    best = frozenset((name, figure.name) for figure in FIGURES.values() for name in _best(figure, entries, floor))
    return Comparison(families, {title: group for title, group in groups.items() if group}, floor, best)


def _best(figure: Figure, entries: list[Entry], floor: dict[str, float]) -> list[str]:
    """The sound models with the best value of `figure`, by name; none where no value is better, or all are alike."""
    rivals = {e.name: e.figures[figure.name] for e in entries if not e.exhibit and figure.name in e.figures}
    if len(rivals) < 2 or not figure.good or (figure.good == LEVEL and figure.name not in floor):
        return []
    rank = {LOWER: lambda value: value, HIGHER: lambda value: -value, LEVEL: lambda v: abs(v - floor[figure.name])}
    first = figure.written(min(rivals.values(), key=rank[figure.good]))
    winners = [name for name, value in rivals.items() if figure.written(value) == first]
    return winners if len(winners) < len(rivals) else []


def milliseconds(model: Model, repeats: int = 9) -> float:
    """How long `model` takes to decode one latent, the median of `repeats` times after one to warm up."""
    z = model.sample(1)
    times = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        model.decode(z)
        times.append(time.perf_counter() - start)
    return 1000 * median(times[1:])


def _family(name: str, cards: list[dict], samples: int) -> Family:
    kind = family_class(name)
    entries = tuple(_entry(card, samples) for card in cards)
    return Family(kind.title, kind.paper, kind.strengths, kind.weaknesses, entries)


def _entry(card: dict, samples: int) -> Entry:
    model, scorecard = load(card["name"]), card["scorecard"]
    figures = {**card["losses"]["test"], **(scorecard["figures"] if scorecard else {})}
    return Entry(
        name=card["name"],
        summary=card["summary"],
        exhibit=card["exhibit"],
        latent=card["latent"],
        prior=_noise_name(card["prior"]),
        parameters=card["parameters"],
        bytes=card["bytes"],
        milliseconds=milliseconds(model),
        pictures=to_uint8(model.generate(samples)),
        figures=figures,
        reported=card["reported"],
        awaited=frozenset() if scorecard else _measurable(model) - figures.keys(),
    )


def _measurable(model: Model) -> frozenset[str]:
    """The names of the figures that a scorecard of `model` would hold, its losses apart."""
    names = {figure.name for figure in SAMPLES}
    if not model.searches:
        names |= {"mse", "ssim"}
        with torch.inference_mode():
            if model.log_weights(torch.zeros(1, 1, SIZE, SIZE), 1, np.random.default_rng(0)) is not None:
                names |= {"bound", "active_units"}
    return frozenset(names)


# -- shared


def poster(rows: Sequence[Row]) -> np.ndarray:
    """The rows under one another as one picture to keep, (H, W) uint8, each pixel 4 x 4; short rows end in white."""
    widest = max(len(row.pictures) for row in rows)
    padded = [
        np.pad(row.pictures, ((0, widest - len(row.pictures)), (0, 0), (0, 0)), constant_values=255) for row in rows
    ]
    images = torch.from_numpy(np.concatenate(padded)).float()[:, None] / 255
    return enlarge(sheet(images, widest), SHEET_SCALE)


def _generated(name: str, count: int, seed: int) -> Row:
    model = load(name)
    return Row(name, _noise_name(model.prior.describe(), model.prior.dim), to_uint8(model.generate(count, seed)))


def _noise_name(prior: dict, dim: int | None = None) -> str:
    """A prior, as `describe` gives it, in a few words."""
    if prior["kind"] == "mixture":
        return f"mixture of {prior['components']} Gaussians"
    name = prior.get("distribution", "fitted Gaussian")
    if f"{name}, raw" in NOISES and not prior["standardised"]:
        name += ", raw"
    return name if dim is None else f"{dim} × {name}"
