"""The comparison of all models as HTML. How it looks is said in static/style.css."""

from collections.abc import Collection, Mapping
from html import escape
from itertools import groupby
from types import MappingProxyType

from markup import picture
from views.comparison import HIGHER, LEVEL, LOWER, Comparison, Entry, Family, Figure

FACTS = {  # columns of the table that say what a model is
    "Draws": "Images that it draws from its own prior",
    "Latent": "How many numbers make up a latent",
    "Prior": "What latents are drawn from",
    "Parameters": "How many numbers were learned",
    "File, MB": "Size of the file of weights",
    "Time, ms": "To make one image: the median of several decodes, taken just now on the machine that runs this page",
}
WORDS = ("Draws", "Prior")  # those that stand to the left
SIGNS = {LOWER: ("↓", "Lower is better"), HIGHER: ("↑", "Higher is better"), LEVEL: ("≈", "Best near real images’ own")}
FLOOR = "Training images in the samples' place, test images for nearest and copies: what the best of models would reach"


def comparison(found: Comparison) -> str:
    """One table of all models, a group of rows a family; under it what the figures mean, and each family's merits."""
    titles = {"What it is": FACTS, **found.groups}
    jumps = "".join(f'<button type="button">{escape(title)}</button>' for title in titles)
    groups = "".join(
        f'<th class="over" colspan="{len(group)}"><span>{escape(title)}</span></th>' for title, group in titles.items()
    )
    facts = "".join(f'<th scope="col" title="{meaning}"{_side(title)}>{title}</th>' for title, meaning in FACTS.items())
    heads = "".join(
        f'<th scope="col"{_classes(start=figure is group[0])} title="{escape(_explained(figure))}">'
        f"{_headed(figure)}</th>"
        for group in found.groups.values()
        for figure in group
    )
    head = f'<tr><th class="words" rowspan="2">Model</th>{groups}</tr><tr>{facts}{heads}</tr>'
    bodies = "".join(
        _body(family.title, "".join(_entry(entry, found) for entry in family.entries), titles)
        for family in found.families
    )
    if found.floor:
        cells = _figures(found.floor, found)
        name = f'<th scope="row" title="{escape(FLOOR)}">real images</th>'
        bodies += _body("The floor", f'<tr>{name}<td colspan="{len(FACTS)}"></td>{cells}</tr>', titles)
    return (
        f'<nav class="jump" aria-label="Columns">{jumps}</nav>'
        f'<div class="scroll" tabindex="0"><table class="compare"><thead>{head}</thead>{bodies}</table></div>'
        f'{_glossary(found)}<div class="cards">{"".join(map(_card, found.families))}</div>'
    )


def _body(title: str, rows: str, groups: Mapping[str, Collection]) -> str:
    """Rows of the table under a title as wide as the whole of it."""
    width = 1 + sum(map(len, groups.values()))
    return f'<tbody><tr><th class="group" colspan="{width}"><span>{escape(title)}</span></th></tr>{rows}</tbody>'


def _entry(entry: Entry, found: Comparison) -> str:
    draws = "".join(picture(pixels, f"Drawn by {entry.name}") for pixels in entry.pictures)
    mark = '<span class="mark">exhibit</span>' if entry.exhibit else ""
    name = escape(entry.name).replace("_", "_<wbr>")  # where a narrow screen may break it
    best = {figure for model, figure in found.best if model == entry.name}
    cells = (
        f'<th scope="row" title="{escape(entry.summary)}">{name}{mark}</th>',
        f'<td class="words"><div class="draws">{draws}</div></td>',
        f"<td>{entry.latent}</td>",
        f'<td class="words">{escape(entry.prior)}</td>',
        f"<td>{entry.parameters:,}</td>",
        f"<td>{entry.bytes / 1e6:.2f}</td>",
        f"<td>{entry.milliseconds:.2f}</td>",
        _figures(entry.figures, found, entry.reported, entry.awaited, best),
    )
    return f"<tr>{''.join(cells)}</tr>"


def _figures(
    values: Mapping[str, float],
    found: Comparison,
    reported: Mapping[str, float] = MappingProxyType({}),
    awaited: Collection[str] = (),
    best: Collection[str] = (),
) -> str:
    """A row's cells, one a figure; neighbours of a group that await measuring share one."""
    cells = []
    for group in found.groups.values():
        for missing, span in groupby(group, lambda figure: figure.name in awaited):
            figures = list(span)
            if missing:
                classes = _classes(missing=True, start=figures[0] is group[0])
                cells.append(f'<td{classes} colspan="{len(figures)}"><span>not measured</span></td>')
                continue
            for figure in figures:
                text = theirs = ""
                if figure.name in values:
                    text = escape(figure.written(values[figure.name]))
                    text = f"<strong>{text}</strong>" if figure.name in best else text
                    if figure.name in reported:
                        theirs = f"<small>{escape(figure.written(reported[figure.name]))}</small>"
                cells.append(f"<td{_classes(start=figure is group[0])}>{text}{theirs}</td>")
    return "".join(cells)


def _side(title: str) -> str:
    return _classes(words=title in WORDS)


def _classes(**wanted: bool) -> str:
    """The attribute that names the classes `wanted`."""
    names = " ".join(name for name, holds in wanted.items() if holds)
    return f' class="{names}"' if names else ""


def _headed(figure: Figure) -> str:
    sign = SIGNS.get(figure.good, ("", ""))[0]
    return f'{escape(figure.title)}<span class="sign" aria-hidden="true">{sign}</span>'


def _explained(figure: Figure) -> str:
    return " ".join([figure.meaning, *([f"{SIGNS[figure.good][1]}."] if figure.good else [])])


def _glossary(found: Comparison) -> str:
    """What the headings mean, and what is good."""
    signs = "".join(f"<li><span>{sign}</span> {escape(text)}</li>" for sign, text in SIGNS.values())
    lists = "".join(
        f"<section><h4>{escape(title)}</h4><dl>"
        + "".join(
            f"<div><dt>{'<br>'.join(map(_headed, alike))}</dt><dd>{escape(meaning)}</dd></div>"
            for meaning, alike in groupby(group, lambda figure: figure.meaning)
        )
        + "</dl></section>"
        for title, group in found.groups.items()
    )
    return (
        f'<ul class="key">{signs}<li><strong>0.00</strong> Best of its column, exhibits apart</li>'
        f'<li><small>0.00</small> The report’s own figure, below ours</li></ul><div class="glossary">{lists}</div>'
    )


def _card(family: Family) -> str:
    paper = family.paper
    return (
        f"<article><h3>{escape(family.title)}</h3>"
        f'<ul class="for">{"".join(f"<li>{escape(text)}</li>" for text in family.strengths)}</ul>'
        f'<ul class="against">{"".join(f"<li>{escape(text)}</li>" for text in family.weaknesses)}</ul>'
        f'<p>{escape(paper.authors)}, <a href="{escape(paper.url)}" rel="noreferrer">{escape(paper.title)}</a>, '
        f"{paper.year}</p></article>"
    )
