"""From one garment to another, through the latents of any model; and class directions to add and take away.

Pure functions, no Gradio; requests are checked as in checks.py.
"""

from collections.abc import Sequence
from io import BytesIO
from typing import Any

import checks
import torch
import views
from checks import choice, choices, coordinate
from PIL import Image
from torch import Tensor
from views import Row

from gengallery.images import CLASS_NAMES, as_images, enlarge, sheet, to_uint8
from gengallery.model import Model

STEPS = 10  # images from one end to the other, both included
TEST, SAMPLE, UPLOAD = "Test image", "The model's own", "Your picture"
SOURCES = (TEST, SAMPLE, UPLOAD)
STRAIGHT, ARC = "Straight", "Along an arc"
PATHS = (STRAIGHT, ARC)
NO_CLASS = "nothing"
FRAMES, DURATION = 24, 70  # of the moving picture, one way, and milliseconds each


def morphs(
    names: Sequence[str], sources: Sequence[str], seeds: Sequence[int], uploads: Sequence[Any], path: str,
    less: str, more: str, strength: float,
) -> tuple[list[Row], bytes]:  # fmt: skip
    """A row for each of the models `names`, STEPS images from A to B; and there and back as a GIF, the models side by
    side, each pixel 4 x 4.

    `sources`, `seeds` and `uploads` are those of A and B: one of SOURCES, what chooses the image, and the picture for
    the last of them. On the way, `strength` times the direction from the class `less` to the class `more` is added;
    either may be NO_CLASS, and then the mean of all data stands in its place. Models without an encoder have no such
    directions.
    """
    rows, films = [], []
    for name, start, end, shift in _ends(names, sources, seeds, uploads, path, less, more, strength):
        model = views.load(name)
        still, moving = (
            model.decode(between(start, end, torch.linspace(0, 1, steps), path) + shift) for steps in (STEPS, FRAMES)
        )
        note = "search" if model.searches and sources != [SAMPLE, SAMPLE] else ""
        rows.append(Row(name, note, to_uint8(still)))
        films.append(moving)
    return rows, _gif(films)


def _gif(films: Sequence[Tensor]) -> bytes:
    """Films (FRAMES, 1, 28, 28), side by side, there and back."""
    frames = [
        Image.fromarray(enlarge(sheet(torch.stack(images), len(films)), 4)) for images in zip(*films, strict=True)
    ]
    file = BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:] + frames[-2:0:-1], duration=DURATION, loop=0)
    return file.getvalue()


def between(start: Tensor, end: Tensor, share: Tensor, path: str) -> Tensor:
    """The latents (m, d) at each `share` (m) of the way from `start` (d) to `end` (d).

    Along an arc, the angle grows evenly about the origin (K. Shoemake 1985, doi.org/10.1145/325165.325242), as suits
    Gaussian noise, whose length hardly varies (T. White 2016, arxiv.org/abs/1609.04468); the length goes evenly from
    one to the other. Latents in one line have no arc, and go straight.
    """
    t = share[:, None]
    lengths = torch.stack([start.norm(), end.norm()])
    cosine = torch.dot(start, end) / lengths.prod()
    if path == STRAIGHT or not cosine.abs() < 1 - 1e-6:  # written so that NaN, of a latent at the origin, goes straight
        return start + t * (end - start)
    angle = cosine.acos()
    direction = (((1 - t) * angle).sin() * start / lengths[0] + (t * angle).sin() * end / lengths[1]) / angle.sin()
    return direction * (lengths[0] + t * (lengths[1] - lengths[0]))


def _ends(names, sources, seeds, uploads, path, less, more, strength):
    """For each model: its name, the latents (d) at A and B, and what is added on the way (d)."""
    names = choices("models", names, views.models())
    choice("path", path, PATHS)
    strength = coordinate("strength", strength)
    classes = [choice("class", name, (NO_CLASS, *CLASS_NAMES)) for name in (less, more)]
    ends = [_end(*end) for end in zip("AB", sources, seeds, uploads, strict=True)]
    for name in names:
        model = views.load(name)
        start, end = (model.sample(1, of)[0] if isinstance(of, int) else model.encode(of)[0] for of in ends)
        yield name, start, end, strength * _direction(model, *classes)


def _end(side: str, source: Any, seed: Any, upload: Any) -> Tensor | int:
    """An image (1, 1, 28, 28) to be encoded, or the seed of a sample."""
    choice(f"source of {side}", source, SOURCES)
    seed = checks.seed(seed)
    if source == SAMPLE:
        return seed
    if source == TEST:
        return views.originals(views.TEST, 1, seed, None)[0]
    if upload is None:
        raise ValueError(f"{side}: expected a picture, found none; drop one into its box, or choose another source")
    return as_images(upload)[:1]


def _direction(model: Model, less: str, more: str) -> Tensor:
    """From the centroid of one class to that of another, (d); zeros for a model without them."""
    if model.statistics is None or less == more:
        return torch.zeros(model.config.latent)
    place = {NO_CLASS: model.statistics.mean, **dict(zip(CLASS_NAMES, model.statistics.centroids, strict=True))}
    return place[more] - place[less]
