"""Images to begin with: of the data set, or the visitor's own."""

import base64
import binascii
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gengallery import data
from gengallery.data import Split

from . import checks, prices
from .models import best_maker, classes, dataset_name, image, load
from .python import quoted
from .words import Refusal, Words
from .work import turn

say = Words(__file__)

TEST, TRAIN, YOURS = "Test set", "Training set", "Your picture"
SOURCES = {TEST: say("test_set"), TRAIN: say("training_set"), YOURS: say("own_picture")}
ANY_CLASS = "any"
CLASS_NAMES = image().classes
CLASSES = classes()  # what the page calls each
KINDS = {ANY_CLASS: say("all_classes"), **CLASSES}
SPLITS = {TEST: data.TEST, TRAIN: data.TRAINVAL}


@dataclass(frozen=True)
class Originals:
    """Images (n, C, H, W) to begin with, a caption each, what to know of them, and the Python that gets them."""

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
        levels = f"np.frombuffer(base64.urlsafe_b64decode(\n    {picture!r}\n), np.uint8)"
        code = f"as_images({levels}[None])"
        return Originals(picture_of(picture), (say("own_caption"),), "", code)
    split = split_of(SPLITS[source])
    if split is None:
        maker = best_maker()
        images = turn(prices.of_images(maker, count), partial(load(maker).generate, count, seed))
        notice = say("originals_missing", dataset=dataset_name())
        code = f"gengallery.load({quoted(maker)}).generate({count}, seed={seed})"
        return Originals(images, (say("generated_caption"),) * count, notice, code)
    pool = np.arange(len(split)) if kind == ANY_CLASS else np.flatnonzero(split.labels == CLASS_NAMES.index(kind))
    chosen = np.random.default_rng(seed).choice(pool, count, replace=False)
    labels = split.labels[chosen].tolist()
    captions = tuple(CLASSES[CLASS_NAMES[label]] for label in labels) if CLASS_NAMES else ("",) * count
    known = f'data.dataset({quoted(image().dataset)}).split("{SPLITS[source]}").images'
    code = f"data.as_floats({known}[{chosen.tolist()}])"
    return Originals(data.as_floats(split.images[chosen]), captions, "", code)


def split_of(name: str) -> Split | None:
    """The data set's split of that name; None where it is not on this machine."""
    spec = image()
    try:
        found = data.dataset(spec.dataset, size=spec.height, channels=spec.channels, download=False)
        return found.split(name)
    except (data.DataMissing, ValueError):  # the latter for a data set that has no name here
        return None


def picture_of(text: Any) -> Tensor:
    """The visitor's own picture, (1, C, H, W), from its levels, channel by channel, as bytes in base64 (RFC 4648,
    section 5)."""
    if not isinstance(text, str) or not text:
        raise Refusal(say("expected_picture"))
    try:
        levels = base64.b64decode(text, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise Refusal(say("expected_levels", count=image().pixels, found=checks.brief(text))) from error
    if len(levels) != image().pixels:
        raise Refusal(say("expected_levels", count=image().pixels, found=say("of_them", count=len(levels))))
    return torch.frombuffer(bytearray(levels), dtype=torch.uint8).reshape(1, *image().shape).float() / 255


def picture_as_text(picture: Tensor) -> str:
    """One image, (1, C, H, W), as `picture_of` reads it."""
    levels = (picture * 255).round().to(torch.uint8)
    return base64.urlsafe_b64encode(levels.contiguous().numpy().tobytes()).decode()
