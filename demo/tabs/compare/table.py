"""The comparison of all models, and the card of one, as HTML. How it looks is said in compare.css, and what it does in
compare.js.

A model's name, and whatever else is not English, stands in <code>, which the page's translator leaves alone.
"""

from collections.abc import Collection, Mapping, Sequence
from html import escape
from itertools import groupby
from types import MappingProxyType
from typing import Any

from ...shared.walls import picture
from .view import HIGHER, LEVEL, LOWER, Card, Comparison, Entry, Family, Figure, Paper

FACTS = {  # columns of the table that say what a model is
    "Draws": "Images that it draws from its own prior",
    "Latent": "How many numbers make up a latent",
    "Prior": "What latents are drawn from",
    "Parameters": "How many numbers were learned",
    "File, MB": "Size of the file of weights",
    "Time, ms": "To make one image: the median of several decodes, taken just now on the machine that runs this page",
}
SORTED_BY = {  # those that have an order, and the value of an entry that gives it
    "Latent": "latent",
    "Prior": "prior",
    "Parameters": "parameters",
    "File, MB": "bytes",
    "Time, ms": "milliseconds",
}
WORDS = ("Draws", "Prior")  # those that stand to the left
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")  # digits of an exponent
SIGNS = {LOWER: ("↓", "Lower is better"), HIGHER: ("↑", "Higher is better"), LEVEL: ("≈", "Best near real images’ own")}
FLOOR = "Training images in the samples' place, test images for nearest and copies: what the best of models would reach"
HUES = 7  # families' colours in the style
DOT = '<i class="dot"></i>'  # in a family's colour


def as_json(found: Comparison) -> dict[str, Any]:
    """The table as HTML, and the numbers that the page sorts and plots by. Only a figure that says which values are
    good, and that two models have, is worth a plot."""
    entries = [(entry, hue) for hue, family in enumerate(found.families) for entry in family.entries]
    figures = [figure for group in found.groups.values() for figure in group if figure.good]
    return {
        "html": comparison(found),
        "families": [{"title": family.title, "hue": _hue(hue)} for hue, family in enumerate(found.families)],
        "models": {
            entry.name: {
                "hue": _hue(hue),
                "exhibit": entry.exhibit,
                "values": entry.values,
                "written": {f.name: f.written(entry.figures[f.name]) for f in figures if f.name in entry.figures}
                | {"milliseconds": f"{entry.milliseconds:.2f}", "parameters": f"{entry.parameters:,}"},
            }
            for entry, hue in entries
        },
        "figures": {
            figure.name: {"title": figure.title, "good": figure.good, "sign": " ".join(SIGNS[figure.good])}
            for figure in figures
            if sum(figure.name in entry.figures for entry, _ in entries) > 1
        },
        "floor": {
            figure.name: [found.floor[figure.name], figure.written(found.floor[figure.name])]
            for figure in figures
            if figure.name in found.floor
        },
    }


def comparison(found: Comparison) -> str:
    """One table of all models, a group of rows a family; under it what the figures mean, and each family's merits."""
    titles = {"What it is": FACTS, **found.groups}
    jumps = "".join(f'<button type="button">{escape(title)}</button>' for title in titles)
    groups = "".join(
        f'<th class="over" colspan="{len(group)}"><span>{escape(title)}</span></th>' for title, group in titles.items()
    )
    facts = "".join(
        _heading(title, SORTED_BY.get(title), meaning, words=title in WORDS) for title, meaning in FACTS.items()
    )
    heads = "".join(
        _heading(_headed(figure), figure.name, _explained(figure), figure.good == HIGHER, start=figure is group[0])
        for group in found.groups.values()
        for figure in group
    )
    model = f'<th class="words" rowspan="2" data-column="name">{_pressed("Model")}</th>'
    head = f"<tr>{model}{groups}</tr><tr>{facts}{heads}</tr>"
    bodies = "".join(
        _body(family.title, "".join(_entry(entry, found, hue) for entry in family.entries), titles, hue)
        for hue, family in enumerate(found.families)
    )
    if found.floor:
        cells = _figures(found.floor, found)
        name = f'<th scope="row" title="{escape(FLOOR)}">real images</th>'
        bodies += _body("The floor", f'<tr>{name}<td colspan="{len(FACTS)}"></td>{cells}</tr>', titles)
    return (
        f'<nav class="jump" aria-label="Columns">{jumps}'
        '<button type="button" class="families" hidden>By family</button></nav>'
        f'<div class="scroll" tabindex="0"><table class="compare"><thead>{head}</thead>{bodies}</table></div>'
        f'{_glossary(found)}<div class="cards">{"".join(map(_family, found.families))}</div>'
    )


def _heading(title: str, column: str | None, meaning: str, falling: bool = False, **classes: bool) -> str:
    """A column's heading, title being HTML; a `column` can be sorted by, and one that is `falling` begins on high."""
    marks = f' data-column="{escape(column)}"' + " data-falling" * falling if column else ""
    inside = _pressed(title) if column else title
    return f'<th scope="col"{_classes(**classes)}{marks} title="{escape(meaning)}">{inside}</th>'


def _pressed(title: str) -> str:
    return f'<button type="button">{title}</button>'


def _body(title: str, rows: str, groups: Mapping[str, Collection], hue: int | None = None) -> str:
    """Rows of the table under a title as wide as the whole of it. What has no `hue` is no family."""
    width = 1 + sum(map(len, groups.values()))
    kind, dot = ('class="floor"', "") if hue is None else (f'class="family" style="{_coloured(hue)}"', DOT)
    head = f'<tr><th class="group" colspan="{width}"><span>{dot}{escape(title)}</span></th></tr>'
    return f"<tbody {kind}>{head}{rows}</tbody>"


def _hue(family: int) -> int:
    """Which of the style's colours is that of the family at this place."""
    return family % HUES + 1


def _coloured(family: int) -> str:
    return f"--hue: var(--hue-{_hue(family)})"


def _entry(entry: Entry, found: Comparison, hue: int) -> str:
    draws = "".join(picture(pixels, f"{entry.name} · {i}") for i, pixels in enumerate(entry.pictures, start=1))
    mark = '<span class="mark">exhibit</span>' if entry.exhibit else ""
    name = escape(entry.name).replace("_", "_<wbr>")  # where a narrow screen may break it
    best = {figure for model, figure in found.best if model == entry.name}
    cells = (
        f'<th scope="row" title="{escape(entry.summary)}">'
        f'<button type="button" class="name" aria-haspopup="dialog">{DOT}<code>{name}</code></button>{mark}</th>',
        f'<td class="words"><div class="draws">{draws}</div></td>',
        f"<td>{entry.latent}</td>",
        f'<td class="words">{escape(entry.prior)}</td>',
        f"<td>{entry.parameters:,}</td>",
        f"<td>{entry.bytes / 1e6:.2f}</td>",
        f"<td>{entry.milliseconds:.2f}</td>",
        _figures(entry.figures, found, entry.reported, entry.awaited, best),
    )
    hollow = " class='exhibit'" * entry.exhibit
    return f'<tr data-model="{escape(entry.name)}" style="{_coloured(hue)}"{hollow}>{"".join(cells)}</tr>'


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


def _classes(**wanted: bool) -> str:
    """The attribute that names the classes `wanted`."""
    names = " ".join(name for name, holds in wanted.items() if holds)
    return f' class="{names}"' if names else ""


def _headed(figure: Figure) -> str:
    sign = SIGNS.get(figure.good, ("", ""))[0]
    return f'{escape(figure.title)}<span class="sign" aria-hidden="true">{sign}</span>'


def _explained(figure: Figure) -> str:
    return " · ".join([figure.meaning, *([SIGNS[figure.good][1]] if figure.good else [])])


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


def _family(family: Family) -> str:
    """What a family is good and bad at."""
    return (
        f"<article><h3>{escape(family.title)}</h3>"
        f'<ul class="for">{"".join(f"<li>{escape(text)}</li>" for text in family.strengths)}</ul>'
        f'<ul class="against">{"".join(f"<li>{escape(text)}</li>" for text in family.weaknesses)}</ul>'
        f"<p>{_paper(family.paper)}</p></article>"
    )


def _paper(paper: Paper) -> str:
    link = f'<a href="{escape(paper.url)}" rel="noreferrer"><cite>{escape(paper.title)}</cite></a>'
    return f"<code>{escape(paper.authors)}, {link}, {paper.year}</code>"


# -- the card of one model


def card(found: Card) -> str:
    """All that is known of a model, for a dialog."""
    known = found.info
    facts = {
        "Family": escape(found.family),
        "Latent": str(known["latent"]),
        "Prior": escape(found.prior),
        "Parameters": f"{known['parameters']:,}",
        "File, MB": f"{known['bytes'] / 1e6:.2f}",
        "Training, operations": scientific(known["cost"]["training"]),
        "Image, operations": scientific(known["cost"]["image"]),
        **({"Takes": f"<code>{escape(', '.join(known['options']))}</code>"} if known["options"] else {}),
        "Paper": _paper(found.paper),
    }
    mark = '<span class="mark">exhibit</span>' if known["exhibit"] else ""
    draws = "".join(picture(pixels, f"{known['name']} · {i}") for i, pixels in enumerate(found.pictures, start=1))
    return (
        f"<header><h3><code>{escape(known['name'])}</code>{mark}</h3>"
        '<button type="button" data-do="close" aria-label="Close">×</button></header>'
        f'<p class="summary">{escape(known["summary"])}</p><div class="draws">{draws}</div>'
        f'<p class="notes">{escape(known["notes"])}</p>{_equations(known["equations"])}'
        f"<div class='columns'>{_facts('What it is', facts)}{_scores(found)}{_losses(found)}"
        f"{_facts('Training', _told(known['training']))}{_facts('Recipe', _told(known['recipe']))}</div>"
        f"<footer><h4>In Python</h4><pre><code>{escape(found.python)}</code></pre>"
        '<span><button type="button" data-do="link">Copy a link to this view</button>'
        '<button type="button" data-do="python">Copy the Python</button></span></footer>'
    )


def scientific(value: float) -> str:
    """A large number by two digits and a power of ten, "1.6 × 10¹⁵"."""
    digits, exponent = f"{value:.1e}".split("e")
    return f"{digits} × 10{str(int(exponent)).translate(RAISED)}"


def _equations(lines: Sequence[str]) -> str:
    """What the code implements, a line each."""
    if not lines:
        return ""
    code = "".join(f"<code>{escape(line)}</code>" for line in lines)
    return f'<section class="equations"><h4>Equations</h4><pre tabindex="0">{code}</pre></section>'


def _facts(title: str, facts: Mapping[str, str]) -> str:
    """Values, as HTML, by their names."""
    rows = "".join(f"<div><dt>{escape(name)}</dt><dd>{value}</dd></div>" for name, value in facts.items())
    return f"<section><h4>{escape(title)}</h4><dl>{rows}</dl></section>"


def _told(settings: Mapping[str, Any]) -> dict[str, str]:
    """What stands in a file of weights, for `_facts`."""
    return {name.replace("_", " ").capitalize(): _value(value) for name, value in settings.items()}


def _value(value: Any) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case int() | float():
            return f"{value:,}"
        case list():
            return ", ".join(map(_value, value))
        case dict():
            return "<br>".join(f"<code>{escape(str(name))} {escape(str(part))}</code>" for name, part in value.items())
        case _:
            return f"<code>{escape(str(value))}</code>"


def _scores(found: Card) -> str:
    if not found.figures:
        return '<section><h4>Scorecard</h4><p class="missing">not measured</p></section>'
    rows = [(figure, (value, floor)) for figure, value, floor in found.figures]
    return _columns("Scorecard", ("this model", "real images"), rows)


def _losses(found: Card) -> str:
    rows = [(figure, (train, test, reported)) for figure, train, test, reported in found.losses]
    return _columns("Losses", ("training set", "test set", "the report’s"), rows)


def _columns(title: str, heads: tuple[str, ...], rows: Sequence[tuple[Figure, tuple[float | None, ...]]]) -> str:
    """Figures, a row each, in columns; without those that are empty."""
    full = [k for k in range(len(heads)) if any(values[k] is not None for _, values in rows)]
    head = "".join(f'<th scope="col">{escape(heads[k])}</th>' for k in full)
    body = "".join(
        f'<tr><th scope="row" title="{escape(_explained(figure))}">{_headed(figure)}</th>'
        + "".join(f"<td>{'' if (value := values[k]) is None else escape(figure.written(value))}</td>" for k in full)
        + "</tr>"
        for figure, values in rows
    )
    return (
        f"<section><h4>{escape(title)}</h4><table><thead><tr><td></td>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table></section>"
    )
