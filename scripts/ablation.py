"""What broke the report's GANs: raw noise, losses on clipped probabilities, or only both together?

    python scripts/ablation.py

Trains the report's GAN with each cause mended or not, prints the figures of its samples and, once all are measured,
puts the table into docs/ablation.md. No weights are kept. Needs the data set.
"""

import argparse
import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import torch

from gengallery import data
from gengallery.data import TEST
from gengallery.evaluate import SAMPLES, SEED, Bench
from gengallery.files import with_lines_between, write_atomically
from gengallery.model import Card, Model
from gengallery.models.gan import REPORT, Gan, GanConfig
from gengallery.noise import NORMAL, POISSON, UNIFORM
from gengallery.training import Run

PAGE = Path(__file__).resolve().parent.parent / "docs" / "ablation.md"
BEGINS, ENDS = "<!-- table: made by scripts/ablation.py -->", "<!-- end of table -->"
# The measured columns and how their figures are written.
FIGURES = {
    "frechet": "{:.2f}",
    "recall": "{:.2f}",
    "entropy": "{:.3f}",
    "generator loss": "{:.2f}",
}
HEAD = f"| noise | scale | losses on | {' | '.join(FIGURES)} |\n|---|---|---|{'---:|' * len(FIGURES)}"


@dataclass(frozen=True)
class Variant:
    """The report's GAN with its two suspected causes, each as the report had it or mended."""

    noise: str
    standardised: bool
    clipped: bool

    def card(self) -> Card:
        """What to train."""
        return Card(
            name="ablation",
            model=Gan,
            config=GanConfig(noise_dist=self.noise, standardised=self.standardised),
            recipe=replace(REPORT, clipped=self.clipped),
            summary="",
        )

    def row(self, figures: dict[str, float]) -> str:
        """Its line of the table."""
        scale = "standardised" if self.standardised else "raw"
        losses = "clipped probabilities" if self.clipped else "logits"
        cells = [form.format(figures[name]) for name, form in FIGURES.items()]
        return "| " + " | ".join([self.noise, scale, losses, *cells]) + " |"


# Normal noise is standardised as it is drawn, so it has no raw variant: it is the reference.
VARIANTS = (
    *(Variant(noise, *causes) for noise in (UNIFORM, POISSON) for causes in product((False, True), (True, False))),
    *(Variant(NORMAL, True, clipped) for clipped in (True, False)),
)


def measure(card: Card, bench: Bench, seed: int, epochs: int) -> dict[str, float]:
    """Train the GAN on `card` with the bench's data, and measure its samples as a scorecard does: FIGURES, and more.

    The generator's loss, in nats, is of the test set when training is over, by the loss it was trained with.
    """
    run = Run(card, bench.train, seed=seed, epochs=epochs)
    while not run.done:
        for _ in run.epoch():
            pass
    model, losses = run.finish(bench.test)
    assert isinstance(model, Model)
    return bench.of_samples(model.generate(SAMPLES, SEED)) | {"generator loss": losses[TEST]["generator"]}


def with_table(page: str, rows: Iterable[str]) -> str:
    """The page's text with the table in its place made anew. Raises ValueError if it has no such place."""
    return with_lines_between(page, BEGINS, ENDS, [HEAD, *rows], PAGE.name)


def main() -> None:
    parser = argparse.ArgumentParser(description="Find out what broke the report's GANs.")
    parser.add_argument("--data", type=Path, help=f"folder of the data set (default: ${data.VARIABLE}, else the cache)")
    parser.add_argument("--epochs", type=int, default=REPORT.epochs, help="of each training (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of each training (default: %(default)s)")
    options = parser.parse_args()
    torch.set_num_threads(1)  # the networks are small, and the sums come out the same everywhere
    try:
        page = with_table(PAGE.read_text(encoding="utf-8"), [])  # a page without a place is told before any training
        bench = Bench(options.data)
        rows = []
        print(HEAD, flush=True)
        for variant in VARIANTS:
            rows.append(variant.row(measure(variant.card(), bench, options.seed, options.epochs)))
            print(rows[-1], flush=True)
        write_atomically(PAGE, with_table(page, rows).encode())
    except (OSError, ValueError) as error:
        sys.exit(f"ablation.py: {error}")


if __name__ == "__main__":
    main()
