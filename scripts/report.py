"""Make the report again: its tables, measured now beside its own figures, its pictures, and its last two sections.

    python scripts/report.py              some minutes
    python scripts/report.py --pages      measures and draws nothing: only the pages, from what was measured before

Writes docs/report.md and docs/report.pt.md, and into docs/report/ the report's figures 2 to 20 as PNG and what was
measured. Needs the data set, but for --pages.
"""

import sys
from pathlib import Path

from common.library import gallery_cards, gallery_data
from gengallery.cli.common import Parser, add_data
from gengallery.evaluation.reference import Reference
from reporting import pages, pictures
from reporting.experiments import experiments
from reporting.measure import Measured, measure

DOCS = Path(__file__).resolve().parent.parent / "docs"


def main() -> None:
    parser = Parser(description="Make the report's tables and figures again, measured now.")
    add_data(parser, "that of the gallery's models")
    parser.add_argument("--out", type=Path, default=DOCS, help="folder to write into (default: docs)")
    parser.add_argument("--pages", action="store_true", help="only the pages, from what was measured before")
    parser.add_argument("--threads", type=int, default=2, help="of torch (default: %(default)s)")
    options = parser.parse_args()
    import torch  # here, since common says how its threads are to wait

    torch.set_num_threads(options.threads)
    folder = options.out / pictures.FOLDER
    try:
        cards = gallery_cards()
        found = experiments(cards)
        if not options.pages:
            reference = Reference(gallery_data(options.data))
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
