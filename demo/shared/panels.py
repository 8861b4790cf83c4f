"""Panels of pictures: rows with labels, films, and how they become HTML. How it looks is said in static/style.css.

Pictures stand in the page at their own size, as PNG, and the style enlarges them by whole factors, so that
every pixel stays a crisp square at any width and zoom.
"""

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from io import BytesIO

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from gengallery.data import enlarge, sheet

from .checks import MOST_IMAGES
from .words import Text, Words, attribute, html, joined

say = Words(__file__)

GROUND = 128  # the grey level between the pictures of a film, on a white page as on a black one


@dataclass(frozen=True)
class Row:
    """Pictures (n, H, W) or (n, H, W, 3), uint8, that belong together: what made them, and what there is to say of
    each. Of a row that is awaited there are none. Every text may be one with translations."""

    label: str
    note: str
    pictures: np.ndarray
    captions: tuple[str, ...] = ()
    warning: str = ""


def awaited(label: str, note: Text | None = None) -> Row:
    """A row whose pictures are not there yet."""
    return Row(label, note or say("being_made"), np.empty((0, 0, 0), np.uint8))


def in_turn(labels: Sequence[str], done: Mapping[str, Sequence[Row]]) -> list[Row]:
    """The rows that are `done`, and in place of the others, by their `labels`, rows that say how it stands."""
    rows: list[Row] = []
    note = say("being_made")
    for label in labels:
        if label in done:
            rows += done[label]
        else:
            rows.append(awaited(label, note))
            note = say("to_come")
    return rows


@dataclass(frozen=True)
class Panel:
    """Rows of pictures, what the visitor should know of them, and the lines of Python that make them."""

    rows: list[Row]
    python: str
    notice: str = ""
    film: bytes = b""  # a GIF
    title: str = ""  # what the film shows


# -- films


def gif(films: Sequence[Tensor], times: Sequence[int]) -> bytes:
    """Films, each (frames, C, H, W), side by side, every pixel 4 x 4; a frame stays for so many milliseconds."""
    sheets = [sheet(torch.stack(images), len(films), gap=1, ground=GROUND) for images in zip(*films, strict=True)]
    first, *others = [Image.fromarray(enlarge(grey, 4)) for grey in sheets]
    file = BytesIO()
    first.save(file, "GIF", save_all=True, append_images=others, duration=list(times), loop=0)
    return file.getvalue()


# -- HTML


def picture(pixels: np.ndarray, alt: str) -> str:
    """Grey levels (H, W) or colours (H, W, 3) as an image element."""
    height, width = pixels.shape[:2]
    return f'<img src="{data_url(pixels)}" width="{width}" height="{height}"{attribute("alt", alt)}>'


def data_url(pixels: np.ndarray) -> str:
    """Grey levels (H, W) or colours (H, W, 3) as a PNG in an address."""
    file = BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_level=1)
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def to_html(panel: Panel) -> str:
    """The rows of a panel, each under its label, and below them ways to keep and to share them."""
    made = [row for row in panel.rows if len(row.pictures)]
    columns = max((len(row.pictures) for row in made), default=MOST_IMAGES)
    side = made[0].pictures.shape[2] if made else 0
    size = f' style="--columns: {columns}' + f"; --side: {side}px" * bool(side) + '"'
    return (
        f'{notice(panel.notice)}<div class="rows"{size}>{"".join(map(_row, panel.rows))}</div>'
        f"{_film(panel.film, panel.title)}{_share(panel.python) if made else ''}"
    )


AGAIN = f'<button type="button" data-do="again">{html(say("again"))}</button>'
STATES = "".join(  # what a panel says of itself: static/wishes.js says which of them holds, and the style shows it
    f'<p class="state {state}"><span>{html(text)}</span>{" " + AGAIN if final else ""}</p>'
    for state, text, final in (
        ("waiting", say("state_waiting"), False),
        ("stopped", say("state_stopped"), True),
        ("stale", say("state_stale"), True),
        ("lost", say("state_lost"), True),
    )
)


QUEUE = '<p class="queue" hidden></p>'  # how many requests wait, where the panel has to wait too


def answer(drawn: str, wish: str) -> str:
    """What a panel shows, as the answer to the `wish` of that number."""
    return f'<div class="made" data-of="{escape(wish)}">{STATES}{QUEUE}{drawn}</div>'


def given_up(drawn: str) -> str:
    """A panel without the rows that it awaits."""
    return re.sub(r'<section class="row awaited">.*?</section>', "", drawn)


# Until the first answer.
EMPTY = f'<div class="made" data-of="0"><p class="making">{html(say("state_making"))}</p>{STATES}{QUEUE}</div>'


def notice(text: str) -> str:
    """What the visitor should know, or nothing."""
    return f'<p class="notice">{html(text)}</p>' if text else ""


def _row(row: Row) -> str:
    if not len(row.pictures):
        return (
            f'<section class="row awaited"><header><b>{html(row.label)}</b><span class="making">{html(row.note)}</span>'
            f'<span class="unmade">{html(say("not_made"))}</span></header><div class="cells"></div></section>'
        )
    captions = row.captions or ("",) * len(row.pictures)
    cells = "".join(
        f"<figure>{picture(pixels, joined((row.label, index)))}"
        + (f"<figcaption>{html(caption)}</figcaption>" if caption else "")
        + "</figure>"
        for index, (pixels, caption) in enumerate(zip(row.pictures, captions, strict=True), start=1)
    )
    warning = f'<p class="warning">{html(row.warning)}</p>' if row.warning else ""
    title = f"<header><b>{html(row.label)}</b><span>{html(row.note)}</span></header>" if row.label else ""
    return f'<section class="row">{title}{warning}<div class="cells">{cells}</div></section>'


def _film(gif: bytes, title: str) -> str:
    """A moving picture, and a way to keep it."""
    if not gif:
        return ""
    data = f"data:image/gif;base64,{base64.b64encode(gif).decode()}"
    still = data_url(np.asarray(Image.open(BytesIO(gif)).convert("RGB")))
    return (
        '<figure class="film"><picture>'
        f'<source media="(prefers-reduced-motion: reduce)" srcset="{still}"><img src="{data}"{attribute("alt", title)}>'
        f"</picture><figcaption>"
        f'<a href="{data}" download="gengallery.gif">{html(say("save_gif"))}</a></figcaption></figure>'
    )


def _share(python: str) -> str:
    """Buttons that static/page.js listens to, and the lines of Python."""
    return (
        f'<div class="share"><span><button type="button" data-do="link">{html(say("copy_link"))}</button>'
        f'<button type="button" data-do="save">{html(say("save_png"))}</button></span>'
        f"<details><summary>{html(say('in_python'))}</summary><pre><code>{escape(python)}</code></pre></details></div>"
    )
