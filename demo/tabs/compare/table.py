"""The comparison of all models, and the card of one, as HTML. How it looks is said in compare.css, and what it does in
compare.js.

Names of models and settings, and lines of code, stand in <code>: they are the same in every language.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby
from types import MappingProxyType
from typing import Any

from gengallery.text import is_web_address

from ...shared.panels import picture
from ...shared.words import Text, Words, attribute, both, html, joined, number, numeral
from .view import HIGHER, LEVEL, LOWER, Card, Comparison, Entry, Family, Figure, Paper

say = Words(__file__)


@dataclass(frozen=True)
class Fact:
    """A column of the table that says what a model is."""

    title: Text
    meaning: Text
    value: str = ""  # of an entry, by which the column is sorted, if it can be
    words: bool = False  # stands to the left


FACTS = (
    Fact(say("draws"), say("draws_meaning"), words=True),
    Fact(say("latent"), say("latent_meaning"), "latent"),
    Fact(say("prior"), say("prior_meaning"), "prior", words=True),
    Fact(say("parameters"), say("parameters_meaning"), "parameters"),
    Fact(say("file"), say("file_meaning"), "bytes"),
    Fact(say("time"), say("time_meaning"), "milliseconds"),
)
SETTINGS = {  # of a training, as a file of weights has them
    "command": say("command"),
    "data": say("data"),
    "device": say("device"),
    "epochs": say("epochs"),
    "seconds": say("seconds"),
    "seed": say("seed"),
    "threads": say("threads"),
    "versions": say("versions"),
}
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")  # digits of an exponent
SIGNS = {LOWER: ("↓", say("lower")), HIGHER: ("↑", say("higher")), LEVEL: ("≈", say("level"))}
HUES = 7  # families' colours in the style
DOT = '<i class="dot"></i>'  # in a family's colour
HASH = re.compile("[0-9a-f]{64}")
SHORT = 8  # digits of a hash that are in sight


def as_json(found: Comparison) -> dict[str, Any]:
    """The table as HTML, and the numbers that the page sorts and plots by. Only a figure that says which values are
    good, and that two models have, is worth a plot."""
    entries = [(entry, hue) for hue, family in enumerate(found.families) for entry in family.entries]
    figures = [figure for group in found.groups.values() for figure in group if figure.better]
    return {
        "html": comparison(found),
        "families": [{"title": both(family.title), "hue": _hue(hue)} for hue, family in enumerate(found.families)],
        "models": {
            entry.name: {
                "hue": _hue(hue),
                "exhibit": entry.exhibit,
                "values": entry.values | {"prior": both(entry.prior)},
                "written": {
                    f.name: both(_written(f, entry.figures[f.name])) for f in figures if f.name in entry.figures
                }
                | {"milliseconds": both(number(entry.milliseconds, ".2f"))}
                | {"parameters": both(number(entry.parameters))},
            }
            for entry, hue in entries
        },
        "figures": {
            figure.name: {
                "title": both(figure.title),
                "good": figure.better,
                "sign": SIGNS[figure.better][0],
                "better": both(SIGNS[figure.better][1]),
                "percent": "%" in figure.form,
            }
            for figure in figures
            if sum(figure.name in entry.figures for entry, _ in entries) > 1
        },
        "floor": {
            figure.name: [found.floor[figure.name], both(_written(figure, found.floor[figure.name]))]
            for figure in figures
            if figure.name in found.floor
        },
    }


def _written(figure: Figure, value: float) -> Text:
    """A value of a figure."""
    return numeral(figure.written(value))


def comparison(found: Comparison) -> str:
    """One table of all models, a group of rows a family; under it what the figures mean, and each family's merits."""
    titles: dict[str, Collection] = {say("about"): FACTS, **found.groups}
    jumps = "".join(f'<button type="button">{html(title)}</button>' for title in titles)
    groups = "".join(
        f'<th class="over" colspan="{len(group)}"><span>{html(title)}</span></th>' for title, group in titles.items()
    )
    facts = "".join(_heading(html(fact.title), fact.value, fact.meaning, words=fact.words) for fact in FACTS)
    heads = "".join(
        _heading(_headed(figure), figure.name, _explained(figure), figure.better == HIGHER, start=figure is group[0])
        for group in found.groups.values()
        for figure in group
    )
    model = f'<th class="words" rowspan="2" data-column="name">{_pressed(html(say("model")))}</th>'
    head = f"<tr>{model}{groups}</tr><tr>{facts}{heads}</tr>"
    bodies = "".join(
        _body(family.title, "".join(_entry(entry, found, hue) for entry in family.entries), titles, hue)
        for hue, family in enumerate(found.families)
    )
    if found.floor:
        cells = _figures(found.floor, found)
        name = f'<th scope="row"{attribute("title", say("real_meaning"))}>{html(say("real_images"))}</th>'
        bodies += _body(say("real_group"), f'<tr>{name}<td colspan="{len(FACTS)}"></td>{cells}</tr>', titles)
    return (
        f'<nav class="jump"{attribute("aria-label", say("columns"))}>{jumps}'
        f'<button type="button" class="families" hidden>{html(say("by_family"))}</button></nav>'
        f'<div class="scroll" tabindex="0"><table class="compare"><thead>{head}</thead>{bodies}</table></div>'
        f'{_glossary(found)}<div class="cards">{"".join(map(_family, found.families))}</div>'
    )


def _heading(title: str, column: str, meaning: str, falling: bool = False, **classes: bool) -> str:
    """A column's heading, title being HTML; a `column` can be sorted by, and one that is `falling` begins on high."""
    marks = f' data-column="{escape(column)}"' + " data-falling" * falling if column else ""
    inside = _pressed(title) if column else title
    return f'<th scope="col"{_classes(**classes)}{marks}{attribute("title", meaning)}>{inside}</th>'


def _pressed(title: str) -> str:
    return f'<button type="button">{title}</button>'


def _body(title: str, rows: str, groups: Mapping[str, Collection], hue: int | None = None) -> str:
    """Rows of the table under a title as wide as the whole of it. What has no `hue` is no family."""
    width = 1 + sum(map(len, groups.values()))
    kind, dot = ('class="floor"', "") if hue is None else (f'class="family" style="{_coloured(hue)}"', DOT)
    head = f'<tr><th class="group" colspan="{width}"><span>{dot}{html(title)}</span></th></tr>'
    return f"<tbody {kind}>{head}{rows}</tbody>"


def _hue(family: int) -> int:
    """Which of the style's colours is that of the family at this place."""
    return family % HUES + 1


def _coloured(family: int) -> str:
    return f"--hue: var(--hue-{_hue(family)})"


def _entry(entry: Entry, found: Comparison, hue: int) -> str:
    draws = "".join(picture(pixels, f"{entry.name} · {i}") for i, pixels in enumerate(entry.pictures, start=1))
    mark = _mark(entry.exhibit)
    name = escape(entry.name).replace("_", "_<wbr>")  # where a narrow screen may break it
    best = {figure for model, figure in found.best if model == entry.name}
    cells = (
        f'<th scope="row"{attribute("title", entry.summary)}>'
        f'<button type="button" class="name" aria-haspopup="dialog">{DOT}<code>{name}</code></button>{mark}</th>',
        f'<td class="words"><div class="draws">{draws}</div></td>',
        f"<td>{escape(str(entry.latent))}</td>",
        f'<td class="words">{html(entry.prior)}</td>',
        f"<td>{html(number(entry.parameters))}</td>",
        f"<td>{html(number(entry.bytes / 1e6, '.2f'))}</td>",
        f"<td>{html(number(entry.milliseconds, '.2f'))}</td>",
        _figures(entry.figures, found, entry.reported, entry.awaited, best),
    )
    hollow = " class='exhibit'" * entry.exhibit
    return f'<tr data-model="{escape(entry.name)}" style="{_coloured(hue)}"{hollow}>{"".join(cells)}</tr>'


def _mark(exhibit: bool) -> str:
    """What stands beside the name of a model that is kept to show a failure."""
    return f'<span class="mark">{html(say("exhibit"))}</span>' if exhibit else ""


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
                cells.append(f'<td{classes} colspan="{len(figures)}"><span>{html(say("not_measured"))}</span></td>')
                continue
            for figure in figures:
                text = theirs = ""
                if figure.name in values:
                    text = html(_written(figure, values[figure.name]))
                    text = f"<strong>{text}</strong>" if figure.name in best else text
                    if figure.name in reported:
                        theirs = f"<small>{html(_written(figure, reported[figure.name]))}</small>"
                cells.append(f"<td{_classes(start=figure is group[0])}>{text}{theirs}</td>")
    return "".join(cells)


def _classes(**wanted: bool) -> str:
    """The attribute that names the classes `wanted`."""
    names = " ".join(name for name, holds in wanted.items() if holds)
    return f' class="{escape(names)}"' if names else ""


def _headed(figure: Figure) -> str:
    sign = SIGNS.get(figure.better, ("", ""))[0]
    return f'{html(figure.title)}<span class="sign" aria-hidden="true">{sign}</span>'


def _explained(figure: Figure) -> Text:
    return joined([figure.meaning, *([SIGNS[figure.better][1]] if figure.better else [])])


def _glossary(found: Comparison) -> str:
    """What the headings mean, and what is good."""
    signs = "".join(f"<li><span>{sign}</span> {html(text)}</li>" for sign, text in SIGNS.values())
    lists = "".join(
        f"<section><h3>{html(title)}</h3><dl>"
        + "".join(
            f"<div><dt>{'<br>'.join(map(_headed, alike))}</dt><dd>{html(meaning)}</dd></div>"
            for meaning, alike in groupby(group, lambda figure: figure.meaning)
        )
        + "</dl></section>"
        for title, group in found.groups.items()
    )
    return (
        f'<ul class="key">{signs}<li><strong>{html(number(0, ".2f"))}</strong> {html(say("best"))}</li>'
        f"<li><small>{html(number(0, '.2f'))}</small> {html(say('report_below'))}</li></ul>"
        f'<div class="glossary">{lists}</div>'
    )


def _family(family: Family) -> str:
    """What a family is good and bad at."""
    return (
        f"<article><h3>{html(family.title)}</h3>"
        f'<ul class="for">{"".join(f"<li>{html(text)}</li>" for text in family.strengths)}</ul>'
        f'<ul class="against">{"".join(f"<li>{html(text)}</li>" for text in family.weaknesses)}</ul>'
        f"{f'<p>{_paper(family.paper)}</p>' if family.paper.title else ''}</article>"
    )


def _paper(paper: Paper) -> str:
    title = f"<cite>{escape(paper.title)}</cite>"
    # Of a model that no file brought, nobody has looked at the address.
    link = f'<a href="{escape(paper.url)}" rel="noreferrer">{title}</a>' if is_web_address(paper.url) else title
    return f"<code>{escape(paper.authors)}, {link}, {escape(str(paper.year))}</code>"


# -- the card of one model

COSTS = {"training": say("training_operations"), "image": say("image_operations")}


def card(found: Card) -> str:
    """All that is known of a model, for a dialog."""
    known = found.info
    facts: dict[str, str] = {
        say("family"): html(found.family),
        say("latent"): html(number(known["latent"])),
        say("prior"): html(found.prior),
        say("parameters"): html(number(known["parameters"])),
        say("file"): html(number(known["bytes"] / 1e6, ".2f")),
        **{title: html(scientific(known["cost"][what])) for what, title in COSTS.items() if what in known["cost"]},
        **({say("options"): f"<code>{escape(', '.join(known['options']))}</code>"} if known["options"] else {}),
        **({say("paper"): _paper(found.paper)} if found.paper.title else {}),
    }
    training = {html(SETTINGS.get(key, key)): _value(value) for key, value in known["training"].items()}
    recipe = {f"<code>{escape(key)}</code>": _value(value) for key, value in known["recipe"].items()}
    draws = "".join(picture(pixels, f"{known['name']} · {i}") for i, pixels in enumerate(found.pictures, start=1))
    return (
        f"<header><h3><code>{escape(known['name'])}</code>{_mark(known['exhibit'])}</h3>"
        f'<button type="button" data-do="close"{attribute("aria-label", say("close"))}>×</button></header>'
        f'<p class="summary">{html(known["summary"])}</p><div class="draws">{draws}</div>'
        f'<p class="notes">{html(known["notes"])}</p>{_equations(known["equations"])}'
        f"<div class='columns'>{_facts(say('about'), {html(name): value for name, value in facts.items()})}"
        f"{_scores(found)}{_losses(found) if found.losses else ''}"
        f"{_facts(say('training'), training) if training else ''}"
        f"{_facts(say('recipe'), recipe) if recipe else ''}</div>"
        f'<footer class="share"><span><button type="button" data-do="link">{html(say("copy_link"))}</button>'
        f'<button type="button" data-do="python">{html(say("copy_python"))}</button></span>'
        f"<details><summary>{html(say('in_python'))}</summary><pre><code>{escape(found.python)}</code></pre></details></footer>"
    )


def scientific(value: float) -> Text:
    """A large number by two digits and a power of ten, "1.6 × 10¹⁵"."""
    digits, exponent = f"{value:.1e}".split("e")
    return numeral(f"{digits} × 10{str(int(exponent)).translate(RAISED)}")


def _equations(lines: Sequence[str]) -> str:
    """What the code implements, a line each."""
    if not lines:
        return ""
    code = "".join(f"<code>{escape(line)}</code>" for line in lines)
    return f'<section class="equations"><h4>{html(say("equations"))}</h4><pre tabindex="0">{code}</pre></section>'


def _facts(title: Text, facts: Mapping[str, str]) -> str:
    """Values by their names, both of them HTML."""
    rows = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in facts.items())
    return f"<section><h4>{html(title)}</h4><dl>{rows}</dl></section>"


def _value(value: Any) -> str:
    """A setting as HTML; of a hash only the beginning is in sight."""
    match value:
        case bool():
            return html(say("yes") if value else say("no"))
        case int() | float():
            return html(number(value))
        case list():
            return "; ".join(map(_value, value))
        case dict():
            return "<br>".join(f"<code>{escape(str(name))} {escape(str(part))}</code>" for name, part in value.items())
        case str() if HASH.fullmatch(value):
            return f'<code title="{escape(value)}">{escape(value[:SHORT])}…</code>'
        case _:
            return f"<code>{escape(str(value))}</code>"


def _scores(found: Card) -> str:
    if not found.figures:
        return f'<section><h4>{html(say("scorecard"))}</h4><p class="missing">{html(say("not_measured"))}</p></section>'
    rows = [(figure, (value, floor)) for figure, value, floor in found.figures]
    return _columns(say("scorecard"), (say("this_model"), say("real_images")), rows)


def _losses(found: Card) -> str:
    rows = [(figure, (train, test, reported)) for figure, train, test, reported in found.losses]
    return _columns(say("losses_head"), (say("on_training"), say("on_test"), say("in_report")), rows)


def _columns(title: Text, heads: tuple[Text, ...], rows: Sequence[tuple[Figure, tuple[float | None, ...]]]) -> str:
    """Figures, a row each, in columns; without those that are empty."""
    full = [k for k in range(len(heads)) if any(values[k] is not None for _, values in rows)]
    head = "".join(f'<th scope="col">{html(heads[k])}</th>' for k in full)
    body = "".join(
        f'<tr><th scope="row"{attribute("title", _explained(figure))}>{_headed(figure)}</th>'
        + "".join(f"<td>{'' if (value := values[k]) is None else html(_written(figure, value))}</td>" for k in full)
        + "</tr>"
        for figure, values in rows
    )
    return (
        f"<section><h4>{html(title)}</h4><table><thead><tr><td></td>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table></section>"
    )
