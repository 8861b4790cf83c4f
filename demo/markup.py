"""From the views' pictures and tables to HTML. How it looks is said in static/style.css.

Pictures stand in the page at their own size, as PNG, and the style enlarges them by whole factors, so that
every pixel stays a crisp square at any width and zoom.
"""

import base64
import math
from collections.abc import Iterable, Sequence
from html import escape
from io import BytesIO

import numpy as np
from PIL import Image
from views import Entry, Family, Matrix, Range, Row

from gengallery.images import CLASS_NAMES

MAP = 400  # side of the map, in its own units
WORDS = ("Model", "Draws", "Prior", "Loss")  # columns of the table that stand to the left
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


def comparison(families: Sequence[Family]) -> str:
    """One table of all models, a group a family, and under it what each family is good and bad at."""
    titles = ("Model", "Draws", "Latent", "Prior", "Parameters", "Loss", "Report", "Ours, test", "File", "One image")
    head = "".join(f'<th class="{"words" if title in WORDS else "number"}">{title}</th>' for title in titles)
    groups = "".join(
        f'<tbody><tr><th class="group" colspan="{len(titles)}"><span>{escape(family.title)}</span></th></tr>'
        f"{''.join(map(_entry, family.entries))}</tbody>"
        for family in families
    )
    cards = "".join(map(_card, families))
    return (
        f'<div class="scroll" tabindex="0"><table class="compare"><thead><tr>{head}</tr></thead>{groups}</table></div>'
        f'<div class="cards">{cards}</div>'
    )


def _entry(entry: Entry) -> str:
    draws = "".join(picture(pixels, f"Drawn by {entry.name}") for pixels in entry.pictures)
    mark = '<span class="mark">exhibit</span>' if entry.exhibit else ""
    cells = (
        f'<th scope="row" title="{escape(entry.summary)}">{escape(entry.name)}{mark}</th>',
        f'<td><div class="draws">{draws}</div></td>',
        f"<td>{entry.latent}</td>",
        f'<td class="words">{escape(entry.prior)}</td>',
        f"<td>{entry.parameters:,}</td>",
        f'<td class="words">{_lines(name for name, _, _ in entry.losses)}</td>',
        f"<td>{_lines('–' if theirs is None else f'{theirs:#.4g}' for _, theirs, _ in entry.losses)}</td>",
        f"<td>{_lines(f'{ours:#.4g}' for _, _, ours in entry.losses)}</td>",
        f"<td>{entry.bytes / 1e6:.2f} MB</td>",
        f"<td>{entry.milliseconds:.2f} ms</td>",
    )
    return f"<tr>{''.join(cells)}</tr>"


def _lines(texts: Iterable[str]) -> str:
    return "<br>".join(map(escape, texts))


def _card(family: Family) -> str:
    paper = family.paper
    return (
        f"<article><h3>{escape(family.title)}</h3>"
        f'<ul class="for">{"".join(f"<li>{escape(text)}</li>" for text in family.strengths)}</ul>'
        f'<ul class="against">{"".join(f"<li>{escape(text)}</li>" for text in family.weaknesses)}</ul>'
        f'<p>{escape(paper.authors)}, <a href="{escape(paper.url)}" rel="noreferrer">{escape(paper.title)}</a>, '
        f"{paper.year}</p></article>"
    )
