"""Make the report again: its tables, measured now beside its own figures, its pictures, and its last two sections.

    python scripts/report.py              some minutes
    python scripts/report.py --pages      measures and draws nothing: only the pages, from what was measured before

Writes docs/report.md and docs/report.pt.md, and into docs/report/ the report's figures 2 to 20 as PNG and what was
measured. Needs the data set, but for --pages.
"""

import argparse
import sys
from pathlib import Path

import torch

from gengallery import data
from gengallery.evaluate import Bench
from reporting import pages, pictures
from reporting.experiments import experiments, gallery_cards
from reporting.measure import Measured, measure

DOCS = Path(__file__).resolve().parent.parent / "docs"


def main() -> None:
    parser = argparse.ArgumentParser(description="Make the report's tables and figures again, measured now.")
    parser.add_argument("--data", type=Path, help=f"folder of the data set (default: ${data.VARIABLE}, else the cache)")
    parser.add_argument("--out", type=Path, default=DOCS, help="folder to write into (default: docs)")
    parser.add_argument("--pages", action="store_true", help="only the pages, from what was measured before")
    parser.add_argument("--threads", type=int, default=2, help="of torch (default: %(default)s)")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    folder = options.out / pictures.FOLDER
    try:
        cards = gallery_cards()
        found = experiments(cards)
        if not options.pages:
            reference = Bench(options.data)
            measured = measure(found, cards, reference)
            measured.write(folder)
            splits = {"train": reference.train, "test": reference.test}
            pictures.draw_all(folder, found, splits, measured.areas)
        for path in pages.write(options.out, Measured.read(folder), cards):
            print(path)
    except (OSError, ValueError) as error:
        sys.exit(f"report.py: {error}")


if __name__ == "__main__":
    main()
