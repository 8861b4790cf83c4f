"""The inputs that tabs share: models, words, seeds, counts, the visitor's own picture."""

from collections.abc import Iterable, Mapping
from typing import Any

import gradio as gr

from . import checks, models, originals, uploads
from .handlers import refusing_visitors
from .labels import Labels, label
from .layout import component
from .live import LIVE
from .static import STATIC
from .words import joined

T = Labels(__file__)
NEW_SEED = "() => Math.floor(Math.random() * 1e6)"


def model_choices(names: Iterable[str], *marks: str) -> list[tuple[str, str]]:
    """A menu of models, each with those of its `marks` that matter there."""

    def title(name: str) -> str:
        shown = joined(models.MARKS[mark] for mark in models.marks(name) if mark in marks)
        return f"{name} · {label(shown)}" if shown else name

    return [(title(name), name) for name in names]


def choice_box(title: Any, choices: Mapping[str, str], value: str, short: bool = False) -> gr.Radio:
    """One of some `choices`, by what the page calls each; side by side unless they are a `short` list."""
    named = [(label(text), key) for key, text in choices.items()]
    return gr.Radio(named, value=value, label=title, elem_classes=None if short else "words")


def seed_box(value: int = 0, title: Any = None) -> gr.Number:
    """A seed, and a button that rolls another in the browser."""
    with gr.Group():
        seed = gr.Number(value, label=title or T("seed"), minimum=0, maximum=checks.LARGEST_SEED, step=1)
        another = gr.Button(T("another_seed"), size="sm", elem_classes="plainly")
    another.click(None, None, seed, js=NEW_SEED)
    return seed


def count_box() -> gr.Slider:
    """How many pictures in a row."""
    return gr.Slider(1, checks.MOST_IMAGES, checks.MOST_IMAGES, step=1, label=T("count"), buttons=[])


def picture_box(source: gr.Radio) -> gr.HTML:
    """The visitor's own picture, to be drawn or uploaded: shown while `source` asks for it. Its value is text, as
    `originals.picture_of` reads it, or ""."""
    with gr.Group(visible=False) as group:
        picture = component(STATIC / "draw.html", [], models.image_size(), value="", elem_id=None, elem_classes="draw")
        upload = gr.UploadButton(T("upload"), file_types=["image"], size="sm")
    source.change(
        lambda chosen: gr.update(visible=chosen == originals.YOURS), source, group, api_visibility="private", **LIVE
    )
    # In the queue, since Gradio tells no errors of events outside it; without its own sign of progress, which would
    # leave "Error" over the drawing.
    upload.upload(read_upload, upload, picture, api_visibility="private", show_progress="hidden")
    return picture


@refusing_visitors
def read_upload(path: str) -> str:
    """An uploaded file as the models see it, as text."""
    return originals.picture_as_text(uploads.read(path))
