"""Compare the families: networks of equal size, trained for equal time, measured alike.

    python scripts/families.py                     half an hour; on a machine that does nothing else
    python scripts/families.py --only gan vae      measures these anew, beside what was measured of the others
    python scripts/families.py --redraw            measures nothing

What it measures goes to docs/families.json, and from there into docs/families.md and its plots. Needs the data set,
unless it only draws, and pip install '.[report]' for the plots.
"""

import importlib.util
import sys
from pathlib import Path

from common.library import gallery_data
from comparison import page
from comparison.measure import DOCS, Settings, measure_families, merge, read, record, require_same_conditions
from gengallery.cli.common import Parser, add_data
from gengallery.evaluation.reference import Reference


def main() -> None:
    parser = Parser(description="Compare the families at equal size and equal time.")
    add_data(parser, "that of the gallery's models")
    parser.add_argument("--out", type=Path, default=DOCS, help="folder to write into (default: docs)")
    parser.add_argument("--redraw", action="store_true", help="only draw what was measured before")
    parser.add_argument("--only", nargs="+", default=[], metavar="FAMILY", help="measure these anew")
    parser.add_argument("--moments", nargs="+", type=float, default=[], metavar="S", help="of training, in seconds")
    options = parser.parse_args()
    if options.redraw and (options.only or options.moments):
        parser.error("--redraw measures nothing: it goes without --only and --moments")
    if importlib.util.find_spec("matplotlib") is None:  # so that half an hour of measuring is not in vain
        sys.exit("families.py: expected matplotlib, found none: pip install '.[report]' in the checkout")
    try:
        if not options.redraw:
            settings = Settings(tuple(options.moments)) if options.moments else Settings()
            earlier = read(options.out) if options.only else None
            if earlier:
                require_same_conditions(earlier, settings)
            found = measure_families(Reference(gallery_data(options.data)), settings, options.only)
            record(merge(earlier, found) if earlier else found, options.out)
        page.write(read(options.out), options.out)
    except (OSError, ValueError) as error:
        sys.exit(f"families.py: {error}")
    print(options.out / page.PAGE)


if __name__ == "__main__":
    main()
