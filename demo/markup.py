"""From the views' pictures to HTML. How it looks is said in static/style.css.

Pictures stand in the page at their own size, as PNG, and the style enlarges them by whole factors, so that
every pixel stays a crisp square at any width and zoom.
"""

import base64
from html import escape
from io import BytesIO

import numpy as np
from PIL import Image
from views.common import Row, Wall

COLOURS = (  # one a class, told apart on white and on black
    "#4e79a7", "#f28e2b", "#e15759", "#45a5a0", "#59a14f", "#d4aa1c", "#b07aa1", "#ff8fa3", "#9c755f", "#8a8a8a",
)  # fmt: skip


def picture(pixels: np.ndarray, alt: str) -> str:
    """Grey levels (H, W) or colours (H, W, 3) as an image element."""
    height, width = pixels.shape[:2]
    return f'<img src="{data_url(pixels)}" width="{width}" height="{height}" alt="{escape(alt)}">'


def data_url(pixels: np.ndarray) -> str:
    """Grey levels (H, W) or colours (H, W, 3) as a PNG in an address."""
    file = BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_level=1)
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def wall(shown: Wall) -> str:
    """Rows of pictures, each under its label, and below them ways to keep and to share them."""
    columns = max(len(row.pictures) for row in shown.rows)
    return (
        f'{notice(shown.notice)}<div class="wall" style="--columns: {columns}">{"".join(map(_row, shown.rows))}</div>'
        f"{_film(shown.film, shown.title)}{_share(shown.python)}"
    )


def notice(text: str) -> str:
    """What the visitor should know, or nothing."""
    return f'<p class="notice">{escape(text)}</p>' if text else ""


def _row(row: Row) -> str:
    captions = row.captions or ("",) * len(row.pictures)
    cells = "".join(
        f"<figure>{picture(pixels, f'{row.label} · {index}'.removeprefix(' · '))}"
        + (f"<figcaption>{escape(caption)}</figcaption>" if caption else "")
        + "</figure>"
        for index, (pixels, caption) in enumerate(zip(row.pictures, captions, strict=True), start=1)
    )
    warning = f'<p class="warning">{escape(row.warning)}</p>' if row.warning else ""
    title = f"<header><b>{escape(row.label)}</b><span>{escape(row.note)}</span></header>" if row.label else ""
    return f'<section class="row">{title}{warning}<div class="cells">{cells}</div></section>'


def _film(gif: bytes, title: str) -> str:
    """A moving picture, and a way to keep it."""
    if not gif:
        return ""
    data = f"data:image/gif;base64,{base64.b64encode(gif).decode()}"
    return (
        f'<figure class="film"><img src="{data}" alt="{escape(title)}">'
        f'<figcaption><a href="{data}" download="gengallery.gif">Save as GIF</a></figcaption></figure>'
    )


def _share(python: str) -> str:
    """Buttons that static/page.js listens to, and the lines of Python."""
    return (
        '<div class="share"><span><button type="button" data-do="link">Copy a link to this view</button>'
        '<button type="button" data-do="save">Save as PNG</button></span>'
        f"<details><summary>In Python</summary><pre><code>{escape(python)}</code></pre></details></div>"
    )
