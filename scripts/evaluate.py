"""Measure how good models are, write it into their files, and make the README's tables from what the files say.

python scripts/evaluate.py vae_2 ae_64
python scripts/evaluate.py --all
python scripts/evaluate.py --verify --all
python scripts/evaluate.py --readme               measures nothing: only the README's tables

The first two are `gengallery evaluate`, and then the tables; the third is `gengallery verify`. Other arguments are
theirs, too.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import gengallery
from gengallery import cli
from gengallery.evaluation.figures import RECONSTRUCTIONS, SAMPLES, Figure
from gengallery.storage.files import with_lines_between, write_atomically

README = Path(__file__).resolve().parent.parent / "README.md"
BEGINS, ENDS = "<!-- models: made by scripts/evaluate.py -->", "<!-- end of models -->"
UNKNOWN = "not measured"
PROG = "evaluate.py"
Figures = dict[str, float]


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
    yield from _table(RECONSTRUCTIONS, {key: both[key] for key in order if key in both})


def _table(figures: tuple[Figure, ...], rows: dict[str, Figures | None]) -> Iterator[str]:
    """A table of `figures`; without those that no row has, if any row has one."""
    used = [figure for figure in figures if any(figure.name in (row or {}) for row in rows.values())] or list(figures)
    yield "| | " + " | ".join(figure.title for figure in used) + " |"
    yield "|---|" + "---:|" * len(used)
    for name, row in rows.items():
        cells = (
            [UNKNOWN] + [""] * (len(used) - 1)
            if row is None
            else [figure.written(row[figure.name]) if figure.name in row else "" for figure in used]
        )
        yield f"| {name} | " + " | ".join(cells) + " |"


def with_tables(readme: str) -> str:
    """The README's text with the tables in their place made anew. Raises ValueError if it has no such place."""
    return with_lines_between(readme, BEGINS, ENDS, tables(), README.name)


def main(arguments: list[str] | None = None) -> int:
    """Run the command that `arguments`, those of the process unless given, ask for; returns the exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    if {"-h", "--help"} & {*given}:
        print(f"usage: {PROG} [--verify] NAME... | [--verify] --all | --readme\n\n{__doc__}")
        return 0
    if "--readme" in given and given != ["--readme"]:
        print(f"{PROG}: expected --readme alone", file=sys.stderr)
        return cli.FAILED
    if "--verify" in given:
        return cli.main([argument for argument in given if argument != "--verify"], PROG, "verify")
    if given != ["--readme"]:
        code = cli.main(given, PROG, "evaluate")
        if code or "--inception" in given:
            return code
    try:
        write_atomically(README, with_tables(README.read_text(encoding="utf-8")).encode())
    except (OSError, ValueError) as error:
        print(f"{PROG}: {error}", file=sys.stderr)
        return cli.FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main())
