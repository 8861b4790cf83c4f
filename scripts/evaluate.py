"""Measure how good models are, write it into their files, and make the README's tables from what the files say.

python scripts/evaluate.py vae_2 ae_64
python scripts/evaluate.py --all
python scripts/evaluate.py --verify --all
python scripts/evaluate.py --inception vae_2      only prints the FID; needs pip install '.[inception]'
"""

import argparse
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import torch

import gengallery
from gengallery import data
from gengallery.evaluate import Bench, Inception, record, verify
from gengallery.files import with_lines_between, write_atomically

README = Path(__file__).resolve().parent.parent / "README.md"
BEGINS, ENDS = "<!-- models: made by scripts/evaluate.py -->", "<!-- end of models -->"
UNKNOWN = "not measured"
# The columns of the tables and how their figures are written. A figure that no row has gives no column, if any row has
# a figure.
SAMPLES = {
    "frechet": "{:.2f}",
    "kernel": "{:z.3f}",
    "precision": "{:.2f}",
    "recall": "{:.2f}",
    "density": "{:.2f}",
    "coverage": "{:.2f}",
    "entropy": "{:.3f}",
    "nearest": "{:.2f}",
    "memorised": "{:.2%}",
    "judged": "{:.1%}",
    "judged_least": "{:.1%}",
}
IMAGES = {
    "mse": "{:.4f}",
    "ssim": "{:.3f}",
    "reconstruction": "{:.2f}",
    "kl": "{:.2f}",
    "total": "{:.2f}",
    "bound": "{:.2f}",
    "active_units": "{}",
}


def tables() -> Iterator[str]:
    """The README's tables, as Markdown, line by line: what the models are, their samples, their reconstructions."""
    cards = [gengallery.info(name) for name in gengallery.list_models()]
    yield "| model | what it is | parameters |"
    yield "|---|---|---:|"
    for card in cards:
        yield f"| `{card['name']}` | {card['summary']} | {card['parameters']:,} |"
    yield "\nSamples: 10,000 of each model against the 10,000 test images.\n"
    scorecards = {card["name"]: card["scorecard"] for card in cards}
    floor = {key: value for found in scorecards.values() if found for key, value in found["floor"].items()}
    rows = {f"`{name}`": found and found["figures"] for name, found in scorecards.items()}
    yield from _table(SAMPLES, {**rows, "*real images*": floor or None})
    yield "\nReconstructions of the test images, with the report's own figures.\n"
    with_encoder = {
        card["name"]: card for card in cards if not (card["scorecard"] and "mse" not in card["scorecard"]["figures"])
    }
    ours = {f"`{name}`": rows[f"`{name}`"] for name in with_encoder}
    theirs = {f"`{name}`, the report": card["reported"] for name, card in with_encoder.items() if card["reported"]}
    order = [key for name in with_encoder for key in (f"`{name}`", f"`{name}`, the report")]
    both = {**ours, **theirs}
    yield from _table(IMAGES, {key: both[key] for key in order if key in both})


def _table(columns: dict[str, str], rows: dict[str, dict[str, float] | None]) -> Iterator[str]:
    used = {name: form for name, form in columns.items() if any(name in (figures or {}) for figures in rows.values())}
    used = used or columns
    yield "| | " + " | ".join(name.replace("_", " ") for name in used) + " |"
    yield "|---|" + "---:|" * len(used)
    for row, figures in rows.items():
        cells = (
            [UNKNOWN] + [""] * (len(used) - 1)
            if figures is None
            else [form.format(figures[name]) if name in figures else "" for name, form in used.items()]
        )
        yield f"| {row} | " + " | ".join(cells) + " |"


def with_tables(readme: str) -> str:
    """The README's text with the tables in their place made anew. Raises ValueError if it has no such place."""
    return with_lines_between(readme, BEGINS, ENDS, tables(), README.name)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure how good models are, and record it in their files.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="models to measure")
    parser.add_argument("--all", action="store_true", help="measure every model")
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--verify", action="store_true", help="compare with what is recorded, and write nothing")
    only.add_argument("--inception", action="store_true", help="print the Inception FID, and write nothing")
    parser.add_argument("--readme", action="store_true", help="measure nothing: only make the README's tables anew")
    parser.add_argument("--data", type=Path, help=f"folder of the data set (default: ${data.VARIABLE}, else the cache)")
    parser.add_argument("--threads", type=int, default=2, help="of torch (default: %(default)s)")
    options = parser.parse_args()
    only_look = options.verify or options.inception
    if [bool(options.names), options.all, options.readme].count(True) != 1 or (options.readme and only_look):
        parser.error("give either names or --all, or --readme alone")
    torch.set_num_threads(options.threads)
    try:
        if not options.readme:
            names = options.names or gengallery.list_models()
            for name in names:
                gengallery.info(name)  # an unknown one is told before anything is measured
            if options.inception:
                inception = Inception(data.load(data.TEST, options.data))
            else:
                bench = Bench(options.data)
            for name in names:
                start = time.perf_counter()
                told = "as recorded"
                if options.inception:
                    told = f"Inception FID {inception.distance(gengallery.load(name)):.2f}"
                elif options.verify:
                    verify(name, bench)
                else:
                    figures = record(name, bench).figures
                    told = ", ".join(f"{figure} {value:.4g}" for figure, value in figures.items())
                print(f"{name}: {told} ({time.perf_counter() - start:.0f} s)", flush=True)
        if not only_look:
            write_atomically(README, with_tables(README.read_text(encoding="utf-8")).encode())
    except (OSError, ValueError) as error:
        sys.exit(f"evaluate.py: {error}")


if __name__ == "__main__":
    main()
