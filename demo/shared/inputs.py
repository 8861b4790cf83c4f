"""The inputs that tabs share: models, words, seeds, counts, the visitor's own picture."""

from collections.abc import Sequence

import gradio as gr

from . import checks, models, originals, uploads
from .handlers import refusing
from .layout import island
from .live import LIVE
from .static import STATIC
from .words import T

NEW_SEED = "() => Math.floor(Math.random() * 1e6)"


def model_choices(names: list[str], *marks: str) -> list[tuple[str, str]]:
    """A menu of models, each with those of its `marks` that matter there."""

    def title(name: str) -> str:
        shown = " · ".join(mark for mark in models.marks(name) if mark in marks)
        return f"{name} · {T(shown)}" if shown else name  # Gradio translates one text in a title, not two

    return [(title(name), name) for name in names]


def word_choice(label: str, values: Sequence[str], value: str, short: bool = False) -> gr.Radio:
    """One of some texts, in the visitor's language; side by side unless they are a `short` list."""
    choices = [(T(text), text) for text in values]
    return gr.Radio(choices, value=value, label=T(label), elem_classes=None if short else "words")


def seed_box(value: int = 0, label: str = "Seed") -> gr.Number:
    """A seed, and a button that rolls another in the browser."""
    with gr.Group():
        seed = gr.Number(value, label=T(label), minimum=0, maximum=checks.LARGEST_SEED, step=1)
        another = gr.Button(T("Another seed"), size="sm")
    another.click(None, None, seed, js=NEW_SEED)
    return seed


def count_box() -> gr.Slider:
    """How many pictures in a row."""
    return gr.Slider(1, checks.MOST_IMAGES, checks.MOST_IMAGES, step=1, label=T("How many"), buttons=[])


def picture_box(source: gr.Radio) -> gr.HTML:
    """The visitor's own picture, to be drawn or uploaded: shown while `source` asks for it. Its value is text, as
    `originals.picture_of` reads it, or ""."""
    with gr.Group(visible=False) as group:
        picture = island(STATIC / "draw.html", [], value="", elem_id=None, elem_classes="draw say")
        upload = gr.UploadButton(T("Upload a picture"), file_types=["image"], size="sm")
    source.change(
        lambda chosen: gr.update(visible=chosen == originals.YOURS), source, group, api_visibility="private", **LIVE
    )
    # In the queue, since Gradio tells no errors of events outside it.
    upload.upload(read_upload, upload, picture, api_visibility="private", show_progress="minimal")
    return picture


@refusing
def read_upload(path: str) -> str:
    """An uploaded file as the models see it, as text."""
    return originals.picture_as_text(uploads.read(path))
