"""The page of the comparison, docs/families.md: from what was measured and the cards of the gallery, nothing else."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from common.library import gallery_cards
from comparison.measure import DOCS, best_of_gallery, frechet_of
from comparison.plots import sampling_plot, training_plot
from comparison.words import leaders, progress, strengths_and_weaknesses, title
from gengallery.evaluation.figures import FIGURES, Figure
from gengallery.storage.files import write_atomically

PAGE = "families.md"
TRAINING_PLOT, SAMPLING_PLOT = "families/training.svg", "families/sampling.svg"


def write(found: dict[str, Any], folder: Path = DOCS) -> None:
    """Write the page and its plots into `folder`."""
    cards = gallery_cards()
    write_atomically(folder / TRAINING_PLOT, training_plot(found))
    write_atomically(folder / SAMPLING_PLOT, sampling_plot(found, cards))
    write_atomically(folder / PAGE, markdown(found, cards).encode())


def markdown(found: dict[str, Any], cards: dict[str, dict[str, Any]]) -> str:
    """The page, as Markdown. `cards`: what `gengallery.info` knows of the gallery's models, by name."""
    return "\n".join([*_introduction(found), *_at_a_glance(found), *_beside(found, cards), *_in_turn(found)]) + "\n"


def _introduction(found: dict[str, Any]) -> Iterator[str]:
    settings, families = found["settings"], found["families"]
    sizes, rates = ([of[key] for of in families.values()] for key in ("parameters", "gflops"))
    budget, many, few = settings["moments"][-1], settings["samples"], settings["stepped"]
    with_label = [title(name) for name, of in families.items() if of["label"]]
    conditional = f"Some take the class as an input, which helps: {', '.join(with_label)}. " if with_label else ""
    floors = " and ".join(FIGURES["frechet"].written(found["floors"][str(n)]) for n in (many, few))
    yield "# The families compared\n"
    yield (
        "One network of each family, of equal size, trained for equal time, measured by the same classifier. "
        "`scripts/families.py` measures it all and makes this page; every sentence that ranks is made from "
        "the figures.\n"
    )
    yield (
        f"**What is equal.** The networks have {min(sizes):,} to {max(sizes):,} parameters. Each was trained for "
        f"{budget:g} seconds on {settings['threads']} threads of one processor, which multiplies matrices of "
        f"1024 × 1024 at {min(rates):.0f} to {max(rates):.0f} GFLOP/s, on the same 60,000 images, from seed "
        f"{settings['seed']}. Only the steps of training count, no evaluation. The learning rate follows the clock: "
        f"where the recipe lets it fall, it is zero at {budget:g} s.\n"
    )
    yield (
        "**What is not.** A GAN trains a discriminator too, which is not kept: its time counts, its parameters do "
        "not. A prior that is fitted afterwards adds numbers that do not count as parameters, and time, which is given "
        "separately. The earlier moments are of the same run on its way, not of shorter runs, whose rates would have "
        f"come down by then. {conditional}Fréchet distances are of {many:,} samples, or {few:,} of models that take "
        "steps, against the 10,000 test images in the classifier's features; as many training images in their place "
        f"have {floors}. Precision and recall are of {few:,} samples each. One seed, and recipes that nobody has tuned "
        "for this race: small differences mean nothing."
    )


def _at_a_glance(found: dict[str, Any]) -> Iterator[str]:
    families, settings, moments = found["families"], found["settings"], found["settings"]["moments"]
    yield "\n## At a glance\n"
    frechet, others = FIGURES["frechet"], [FIGURES[name] for name in ("precision", "recall", "mse")]
    head = ["", *(f"{frechet.title}, {moment:g} s" for moment in moments), *(figure.title for figure in others)]
    yield from table(
        [*head, "one image, ms", "of 16, ms"],
        [
            [
                title(name),
                *(frechet.written(moment["frechet"]) for moment in of["moments"]),
                *(_written(figure, of["moments"][-1]) for figure in others),
                f"{of['milliseconds']['1']:.2f}",
                f"{of['milliseconds']['16']:.3f}",
            ]
            for name, of in families.items()
        ]
        + [["*real images*", *[frechet.written(found["floors"][str(settings["samples"])])] * len(moments), *[""] * 5]],
    )
    ends = ", ".join(f"{title(name)} {frechet.written(of['moments'][-1]['frechet'])}" for name, of in families.items())
    yield f"\n![Fréchet distance against seconds of training; at the end: {ends}.]({TRAINING_PLOT})"


def _beside(found: dict[str, Any], cards: dict[str, dict[str, Any]]) -> Iterator[str]:
    """What more parameters and more time buy: the gallery's own models."""
    best, frechet = best_of_gallery(found, cards), FIGURES["frechet"]
    yield "\n## Beside the gallery's own models\n"
    speeds = ", ".join(f"{title(name)} {of['milliseconds']['16']:.3f} ms" for name, of in found["families"].items())
    yield f"![Fréchet distance against milliseconds an image, of 16 at once: {speeds}.]({SAMPLING_PLOT})\n"
    yield (
        "Full circles are the networks of this page, hollow ones the gallery's, of any size, trained for as long as "
        "they need, and measured on 10,000 samples. A thin line joins one network at several numbers of steps. "
        f"{''.join(_head_starts(best.values(), cards))}The best of each family:\n"
    )
    yield from table(
        ["", f"{frechet.title} here", "in the gallery", "parameters", "training, min", frechet.title, "of 16, ms"],
        [
            [
                title(name),
                _written(frechet, found["families"][name]["moments"][-1]) if name in found["families"] else "",
                f"`{model}`",
                f"{cards[model]['parameters']:,}",
                f"{cards[model]['training']['seconds'] / 60:.1f}",
                frechet.written(frechet_of(cards[model])),
                f"{found['gallery'][model]['16']:.3f}",
            ]
            for name, model in best.items()
        ],
    )


def _head_starts(models: Iterable[str], cards: dict[str, dict[str, Any]]) -> Iterator[str]:
    """Whose training went on from another model's."""
    for model in models:
        if start := cards[model]["start"]:
            yield f"`{model}` begins with the weights of `{start}`, whose training comes on top. "


def _in_turn(found: dict[str, Any]) -> Iterator[str]:
    frechet = FIGURES["frechet"]
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
                ["steps to an image", frechet.title, "of 16, ms"],
                [[str(r["steps"]), _written(frechet, r), f"{r['milliseconds']:.3f}"] for r in of["steps"]],
            )
        yield from ("", *(f"- ➕ {sentence}" for sentence in good), *(f"- ➖ {sentence}" for sentence in bad))


def _moments(of: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """The table of a family's moments: its head, and its rows."""
    columns: dict[str, Callable[[dict[str, Any]], str]] = {
        "seconds": lambda m: f"{m['seconds']:.1f}",
        "steps": lambda m: f"{m['steps']:,}",
        "operations, 10¹²": lambda m: f"{m['steps'] * of['operations']['step'] / 1e12:.2f}",
    }
    figures = [FIGURES[name] for name in ("frechet", "precision", "recall", "mse") if name in of["moments"][-1]]
    columns |= {figure.title: partial(_written, figure) for figure in figures}
    if of["fitted"]:
        columns["fitting the prior, s"] = lambda m: f"{m['fitting']:.1f}"
    return list(columns), [[write(moment) for write in columns.values()] for moment in of["moments"]]


def _written(figure: Figure, values: dict[str, Any]) -> str:
    """The value of a figure among `values`; empty where there is none."""
    return figure.written(values[figure.name]) if figure.name in values else ""


def table(head: list[str], rows: list[list[str]]) -> Iterator[str]:
    """A table, as Markdown; a first column without a name is of words, all else are figures."""
    yield "| " + " | ".join(head) + " |"
    yield "|" + "".join("---|" if not name or name == "in the gallery" else "---:|" for name in head)
    for row in rows:
        yield "| " + " | ".join(row) + " |"
