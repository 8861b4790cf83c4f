"""What broke the report's GANs: raw noise, losses on clipped probabilities, or only both together?

    python scripts/ablation.py

Trains the report's GAN with each cause mended or not, prints the figures of its samples and, once all are measured,
puts the table into docs/ablation.md. No weights are kept. Needs the data set.
"""

import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import torch

from common.library import gallery_data
from gengallery.cli.common import Parser, add_data
from gengallery.evaluation.figures import figure
from gengallery.evaluation.reference import COUNT, SEED, Reference
from gengallery.model.model import Model
from gengallery.model.spec import Card
from gengallery.models.gan import REPORT, Gan, GanConfig
from gengallery.priors.noise import NORMAL, POISSON, UNIFORM
from gengallery.storage.files import with_lines_between, write_atomically
from gengallery.training.run import Run

PAGE = Path(__file__).resolve().parent.parent / "docs" / "ablation.md"
BEGINS, ENDS = "<!-- table: made by scripts/ablation.py -->", "<!-- end of table -->"
FIGURES = [figure(name) for name in ("frechet", "recall", "entropy")]  # of the samples
LOSS = "generator loss"  # the last column
TITLES = [*(figure.title for figure in FIGURES), LOSS]
HEAD = f"| noise | scale | losses on | {' | '.join(TITLES)} |\n|---|---|---|{'---:|' * len(TITLES)}"


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
        cells = [figure.written(figures[figure.name]) for figure in FIGURES]
        return "| " + " | ".join([self.noise, scale, losses, *cells, f"{figures[LOSS]:.2f}"]) + " |"


# Normal noise is standardised as it is drawn, so it has no raw variant: it is the reference.
VARIANTS = (
    *(Variant(noise, *causes) for noise in (UNIFORM, POISSON) for causes in product((False, True), (True, False))),
    *(Variant(NORMAL, True, clipped) for clipped in (True, False)),
)


def measure(card: Card, reference: Reference, seed: int, epochs: int) -> dict[str, float]:
    """Train the GAN on `card` with the reference's data, and measure its samples as a scorecard does: FIGURES, LOSS
    and more.

    The generator's loss, in nats, is of the test set when training is over, by the loss it was trained with.
    """
    run = Run(card, reference.train, seed=seed, epochs=epochs)
    while not run.done:
        for _ in run.epoch():
            pass
    model, losses = run.finish(reference.test)
    assert isinstance(model, Model)
    return reference.of_samples(model.generate(COUNT, SEED)) | {LOSS: losses["test"]["generator"]}


def with_table(page: str, rows: Iterable[str]) -> str:
    """The page's text with the table in its place made anew. Raises ValueError if it has no such place."""
    return with_lines_between(page, BEGINS, ENDS, [HEAD, *rows], PAGE.name)


def main() -> None:
    parser = Parser(description="Find out what broke the report's GANs.")
    add_data(parser, "that of the gallery's models")
    parser.add_argument("--epochs", type=int, default=REPORT.epochs, help="of each training (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of each training (default: %(default)s)")
    options = parser.parse_args()
    torch.set_num_threads(1)  # the networks are small, and the sums come out the same everywhere
    try:
        page = with_table(PAGE.read_text(encoding="utf-8"), [])  # a page without a place is refused before any training
        reference = Reference(gallery_data(options.data))
        rows = []
        print(HEAD, flush=True)
        for variant in VARIANTS:
            rows.append(variant.row(measure(variant.card(), reference, options.seed, options.epochs)))
            print(rows[-1], flush=True)
        write_atomically(PAGE, with_table(page, rows).encode())
    except (OSError, ValueError) as error:
        sys.exit(f"ablation.py: {error}")


if __name__ == "__main__":
    main()
