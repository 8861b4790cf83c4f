"""Measure what the library costs: import, loading, decoding, generating, training.

    python scripts/bench.py
    python scripts/bench.py --race KERAS      a Python that has Keras with TensorFlow; needs the data set
    python scripts/bench.py --demo            the demo in a browser and under load
    python scripts/bench.py --busy            the first, alone and beside one and two busy processes

Every figure is a median over repetitions, on two threads, or on one where dense networks are trained; beside busy
processes images are made on one too, as in the demo. The machine's own
matrix-product rate, measured in the same run, stands on top, so that two machines can be compared. What is measured,
and how, is in benchmark/: library.py, race.py, demo.py, busy.py.
"""

import argparse
import sys
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure what the library costs.")
    parser.add_argument("--race", metavar="KERAS", help="race against Keras, run by this Python")
    parser.add_argument("--demo", action="store_true", help="measure the demo, in Chromium and under load")
    parser.add_argument("--visitors", type=int, default=100, help="of --demo, at once (default: %(default)s)")
    parser.add_argument("--minutes", type=float, default=1, help="that they stay (default: %(default)g)")
    parser.add_argument("--busy", action="store_true", help="measure what busy processes beside it cost")
    parser.add_argument(
        "--only",
        nargs="+",
        default=[],
        metavar="NAME",
        help="these races, these parts of --demo, these models of --busy",
    )
    parser.add_argument("--limit", type=float, default=3600, help="seconds that Keras may train (default: %(default)s)")
    parser.add_argument("--data", type=Path, help="folder of the data set (default: $GENGALLERY_DATA, else the cache)")
    options = parser.parse_args()
    try:
        if options.demo:
            from benchmark import demo

            demo.measure(options.visitors, options.minutes, options.data, options.only)
        elif options.busy:
            from benchmark import busy

            busy.measure(options.only)
        elif options.race:
            from benchmark import race

            race.measure(options.race, options.data, options.limit, options.only)
        else:
            from benchmark import library

            library.measure()
    except (OSError, ValueError, RuntimeError) as error:
        sys.exit(f"bench.py: {error}")


if __name__ == "__main__":
    main()
