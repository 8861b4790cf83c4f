"""Has it memorised? Generated images above the training images nearest to them."""

from functools import lru_cache, partial
from typing import Any

import numpy as np
import torch

import gengallery
from gengallery import data
from gengallery.data import as_images, to_uint8
from gengallery.evaluation import metrics

from ...shared import checks
from ...shared.checks import MOST_IMAGES
from ...shared.models import dataset_name, image, models, sound_models
from ...shared.originals import CLASS_NAMES, CLASSES, split_of
from ...shared.panels import Panel, Row
from ...shared.python import quoted, script
from ...shared.samples import generated
from ...shared.words import Words, joined, number
from ...shared.work import turn

say = Words(__file__)

ORDINALS = (say("nearest"), say("second"), say("third"))
NEIGHBOURS = len(ORDINALS)
SEARCH = 0.5  # seconds that it costs


def memorised(name: str, count: int, seed: int) -> Panel:
    """`count` images by the model `name`, and below each the NEIGHBOURS training images nearest to it.

    Distances are Euclidean over all pixels. Where there is no training set, only the images, and a notice.
    """
    checks.choice(say("model"), name, models())
    count, seed = checks.count(count), checks.seed(seed)
    row = generated(name, count, seed)
    images = f"images = gengallery.load({quoted(name)}).generate({count}, seed={seed})"
    split = split_of(data.TRAINVAL)
    if split is None:
        notice = say("data_missing", dataset=dataset_name())
        return Panel([row], script(images, "rows = [images]"), notice)
    pictures = as_images(row.pictures, image())
    distances, indices = turn(SEARCH, partial(_nearest, split.images, pictures))
    rows = [row]
    for rank in range(NEIGHBOURS):
        captions = tuple(
            joined((number(distance, ".1f"), CLASSES[CLASS_NAMES[split.labels[i]]] if CLASS_NAMES else ""))
            for i, distance in zip(indices[:, rank].tolist(), distances[:, rank].tolist(), strict=True)
        )
        near = to_uint8(data.as_floats(split.images[indices[:, rank]]))
        rows.append(Row(ORDINALS[rank], say("of_training", count=number(len(split))), near, captions))
    lines = [
        images,
        f'train = data.as_floats(data.dataset({quoted(image().dataset)}).split("{data.TRAINVAL}").images)',
        f"distances, indices = metrics.nearest(images, train, k={NEIGHBOURS})",
        f"rows = [images, *(train[indices[:, rank]] for rank in range({NEIGHBOURS}))]",
    ]
    return Panel(rows, script(*lines), _copies(name, distances))


def _nearest(images: torch.Tensor, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Distances and indices of the training `images` nearest to `pictures`, each (n, NEIGHBOURS)."""
    return _neighbours(images).nearest(pictures, k=NEIGHBOURS)


@lru_cache(maxsize=1)
def _neighbours(images: torch.Tensor) -> metrics.Neighbours:
    """The training set, prepared for searches: the work of a second."""
    return metrics.Neighbours(data.as_floats(images))


def _copies(name: str, distances: torch.Tensor) -> str:
    """How many of the images are copies, and how far real images are from the training set."""
    copies = round(metrics.memorisation_rate(distances[:, :2]) * len(distances))
    found = say("copies", count=len(distances), copies=copies)
    scorecard = gengallery.info(name)["scorecard"]
    if scorecard is None:
        return found
    return joined((found, say("real_distance", distance=number(scorecard["floor"]["nearest"], ".1f"))), " ")


def surprise(rng: np.random.Generator) -> dict[str, Any]:
    """Something to look at, by the names of the tab's inputs."""
    return {"model": str(rng.choice(sound_models())), "count": MOST_IMAGES, "seed": int(rng.integers(1_000_000))}
