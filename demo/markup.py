"""From the views' pictures and tables to HTML. How it looks is said in static/style.css.

Pictures stand in the page at their own size, as PNG, and the style enlarges them by whole factors, so that
every pixel stays a crisp square at any width and zoom.
"""

import base64
import math
from collections.abc import Collection, Mapping, Sequence
from html import escape
from io import BytesIO
from itertools import groupby
from types import MappingProxyType

import numpy as np
from PIL import Image
from views import HIGHER, LEVEL, LOWER, Comparison, Entry, Family, Figure, Matrix, Range, Row

from gengallery.images import CLASS_NAMES

MAP = 400  # side of the map, in its own units
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
COLOURS = (  # one a class, told apart on white and on black
    "#4e79a7", "#f28e2b", "#e15759", "#45a5a0", "#59a14f", "#d4aa1c", "#b07aa1", "#ff8fa3", "#9c755f", "#8a8a8a",
)  # fmt: skip


def picture(pixels: np.ndarray, alt: str) -> str:
    """Grey levels (H, W) as an image element."""
    file = BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    data = base64.b64encode(file.getvalue()).decode()
    height, width = pixels.shape
    return f'<img src="data:image/png;base64,{data}" width="{width}" height="{height}" alt="{escape(alt)}">'


def rows(wall: Sequence[Row], notice: str = "") -> str:
    """Rows of pictures, each under its label."""
    columns = max(len(row.pictures) for row in wall)
    note = f'<p class="notice">{escape(notice)}</p>' if notice else ""
    return f'{note}<div class="wall" style="--columns: {columns}">{"".join(map(_row, wall))}</div>'


def _row(row: Row) -> str:
    captions = row.captions or ("",) * len(row.pictures)
    cells = "".join(
        f"<figure>{picture(pixels, f'{row.label}, picture {index}')}"
        + (f"<figcaption>{escape(caption)}</figcaption>" if caption else "")
        + "</figure>"
        for index, (pixels, caption) in enumerate(zip(row.pictures, captions, strict=True), start=1)
    )
    return (
        f'<section class="row"><header><b>{escape(row.label)}</b><span>{escape(row.note)}</span></header>'
        f'<div class="cells">{cells}</div></section>'
    )


def matrices(pair: Sequence[Matrix]) -> str:
    """Latent matrices side by side, each above its map, and one legend."""
    legend = "".join(
        f'<li class="class-{k}" style="--colour: {colour}">{escape(name)}</li>'
        for k, (name, colour) in enumerate(zip(CLASS_NAMES, COLOURS, strict=True))
    )
    return f'<div class="matrices">{"".join(map(_matrix, pair))}</div><ul class="legend">{legend}</ul>'


def _matrix(matrix: Matrix) -> str:
    area = matrix.range
    image = picture(matrix.pixels, f"Latent matrix of {matrix.model}, {matrix.side} by {matrix.side}")
    return (
        f'<section class="matrix"><header><b>{escape(matrix.model)}</b><span>{_span(area)}</span></header>'
        f'<div class="plate" style="--width: {matrix.pixels.shape[1]}px">{image}</div>{_map(matrix)}</section>'
    )


def _span(area: Range) -> str:
    return f"x {_tick(area.x_min)} to {_tick(area.x_max)}, y {_tick(area.y_min)} to {_tick(area.y_max)}"


def _tick(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".").replace("-", "−")


def _map(matrix: Matrix) -> str:
    """Encoded test images as dots, a colour each class, and the rectangle that the matrix shows."""
    area = matrix.range
    corners = np.array([[area.x_min, area.y_min], [area.x_max, area.y_max]])
    everything = np.concatenate([matrix.positions, corners])
    low, high = everything.min(0), everything.max(0)
    margin = 0.04 * (high - low)
    low, high = low - margin, high + margin

    def place(points: np.ndarray) -> np.ndarray:  # (n, 2) -> (n, 2), y downwards as SVG has it
        share = (points - low) / (high - low)
        return MAP * np.stack([share[:, 0], 1 - share[:, 1]], axis=1)

    spots = place(matrix.positions)
    dots = "".join(
        f'<path class="class-{k}" stroke="{colour}" d="{_dots(spots[matrix.labels == k])}"/>'
        for k, colour in enumerate(COLOURS)
    )
    (left, bottom), (right, top) = place(corners)
    return (
        f'<svg class="map" viewBox="-34 -6 {MAP + 40} {MAP + 30}" role="img" '
        f'aria-label="Encoded test images of {escape(matrix.model)}, coloured by class">'
        f'<rect class="frame" width="{MAP}" height="{MAP}"/>{_ticks(low, high)}{dots}'
        f'<rect class="range" x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}" height="{bottom - top:.1f}"/>'
        "</svg>"
    )


def _dots(spots: np.ndarray) -> str:
    """Dots at (n, 2) as one path: lines of no length, to which the style gives round ends."""
    return "".join(f"M{x:.1f} {y:.1f}h0" for x, y in spots)


def _ticks(low: np.ndarray, high: np.ndarray) -> str:
    """Round numbers along the left and the lower edge of a map from `low` to `high`, (2) each."""
    x = (
        f'<text x="{MAP * share:.0f}" y="{MAP + 18}">{_tick(value)}</text>' for value, share in _stops(low[0], high[0])
    )
    y = (
        f'<text class="y" x="-6" y="{MAP * (1 - share) + 4:.0f}">{_tick(value)}</text>'
        for value, share in _stops(low[1], high[1])
    )
    return "".join([*x, *y])


def _stops(low: float, high: float) -> list[tuple[float, float]]:
    """Three to eight round numbers between `low` and `high`, each with the share of the way to it."""
    power = 10.0 ** math.floor(math.log10((high - low) / 3))
    step = max(factor * power for factor in (1, 2, 5) if 3 * factor * power <= high - low)
    values = np.arange(math.ceil(low / step), math.floor(high / step) + 1) * step
    return [(float(value), float((value - low) / (high - low))) for value in values]


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
