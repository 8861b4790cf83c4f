"""Images to begin with: of the data set, or the visitor's own."""

import base64
import binascii
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gengallery import data
from gengallery.images import CLASS_NAMES, PIXELS, SHAPE, as_images, to_uint8

from . import checks
from .models import best_maker, dataset_name, load
from .words import Refusal, Words

say = Words(__file__)

TEST, TRAIN, YOURS = "Test set", "Training set", "Your picture"
SOURCES = {TEST: say("test_set"), TRAIN: say("training_set"), YOURS: say("own_picture")}
ANY_CLASS = "any"
CLASSES = {name: name for name in CLASS_NAMES}  # what the page calls each
KINDS = {ANY_CLASS: say("all_classes"), **CLASSES}
SPLITS = {TEST: data.TEST, TRAIN: data.TRAIN}


@dataclass(frozen=True)
class Originals:
    """Images (n, 1, 28, 28) to begin with, a caption each, what to know of them, and the Python that gets them."""

    images: Tensor
    captions: tuple[str, ...]
    notice: str
    python: str  # an expression


def originals(source: str, kind: str, count: int, seed: int, picture: Any) -> Originals:
    """`count` images from `source`, one of SOURCES, of the class `kind` or ANY_CLASS, which `seed` chooses; or the
    visitor's own `picture`, as `picture_of` reads it."""
    checks.choice(say("source"), source, SOURCES)
    checks.choice(say("class"), kind, KINDS)
    seed = checks.seed(seed)
    if source == YOURS:
        image = picture_of(picture)
        code = f"np.frombuffer(base64.urlsafe_b64decode(\n    {picture!r}\n), np.uint8).reshape(1, 28, 28)"
        return Originals(image, (say("own_caption"),), "", f"as_images({code})")
    split = split_of(SPLITS[source])
    if split is None:
        maker = best_maker()
        images = load(maker).generate(count, seed)
        notice = say("originals_missing", dataset=dataset_name())
        code = f'gengallery.load("{maker}").generate({count}, seed={seed})'
        return Originals(images, (say("generated_caption"),) * count, notice, code)
    pool = np.arange(len(split)) if kind == ANY_CLASS else np.flatnonzero(split.labels == CLASS_NAMES.index(kind))
    chosen = np.random.default_rng(seed).choice(pool, count, replace=False)
    captions = tuple(CLASS_NAMES[label] for label in split.labels[chosen].tolist())
    code = f'as_images(data.load("{SPLITS[source]}").images[{chosen.tolist()}])'
    return Originals(as_images(split.images[chosen]), captions, "", code)


def split_of(name: str) -> data.Split | None:
    """The data set's split of that name; None where it is not on this machine."""
    try:
        return data.load(name, download=False)
    except (data.DataMissing, RuntimeError):  # the latter from pathlib, for a user without a home to look in
        return None


def picture_of(text: Any) -> Tensor:
    """The visitor's own picture, (1, 1, 28, 28), from its 784 grey levels as bytes in base64 (RFC 4648, section 5)."""
    if not isinstance(text, str) or not text:
        raise Refusal(say("expected_picture"))
    try:
        levels = base64.b64decode(text, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise Refusal(say("expected_levels", count=PIXELS, found=checks.brief(text))) from error
    if len(levels) != PIXELS:
        raise Refusal(say("expected_levels", count=PIXELS, found=say("of_them", count=len(levels))))
    return torch.frombuffer(bytearray(levels), dtype=torch.uint8).reshape(1, *SHAPE).float() / 255


def picture_as_text(image: Tensor) -> str:
    """One image, (1, 1, 28, 28), as `picture_of` reads it."""
    return base64.urlsafe_b64encode(to_uint8(image).tobytes()).decode()
