"""Arrays of images and labels, as files hold them, brought to one shape and checked."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gengallery.data.images import CHANNELS, as_pil, levels_of
from gengallery.data.spec import MOST_CLASSES, ImageSpec

ENLARGING = Image.Resampling.BILINEAR
SHAPES = "(N, H, W), (N, H, W, 1, 3 or 4) or (N, 1, 3 or 4, H, W)"


def as_levels(values: Any, where: str) -> NDArray[np.uint8]:
    """Images as levels (N, H, W, C), uint8, with 1, 3 or 4 channels.

    `values` has one of these shapes, or (N, H * W) where H = W; integers or whole floats in 0..255, floats in [0, 1],
    or booleans. Raises ValueError, which begins with `where`, for anything else.
    """
    values = np.asarray(values)
    if values.ndim == 2 and (side := round(values.shape[1] ** 0.5)) ** 2 == values.shape[1]:
        values = values.reshape(-1, side, side)
    if values.ndim == 4 and values.shape[-1] not in CHANNELS and values.shape[1] in CHANNELS:
        values = np.moveaxis(values, 1, -1)
    elif values.ndim == 3:
        values = values[..., None]
    if values.ndim != 4 or values.shape[-1] not in CHANNELS or 0 in values.shape:
        raise ValueError(f"{where}: expected images of shape {SHAPES}, found {values.shape}")
    if values.dtype == np.uint8:
        return np.ascontiguousarray(values)
    if values.dtype == bool:
        return np.where(values, 255, 0).astype(np.uint8)
    if values.dtype.kind not in "iuf":
        raise ValueError(f"{where}: expected images of numbers, found an array of {values.dtype}")
    low, high = values.min(), values.max()
    if values.dtype.kind == "f" and not (np.isfinite(low) and np.isfinite(high)):
        raise ValueError(f"{where}: expected finite numbers, found NaN or infinity")
    levels: NDArray[np.uint8] | None = None
    if values.dtype.kind == "f" and low >= 0 and high <= 1:
        levels = np.rint(values * 255).astype(np.uint8)
    elif low >= 0 and high <= 255 and (values.dtype.kind != "f" or (values == np.rint(values)).all()):
        levels = values.astype(np.uint8)
    if levels is not None:
        return levels
    raise ValueError(
        f"{where}: expected levels in 0..255 or floats in [0, 1], found values of {values.dtype} "
        f"from {low:.4g} to {high:.4g}"
    )


def fitted(levels: NDArray[np.uint8], image: ImageSpec) -> NDArray[np.uint8]:
    """Levels (N, H, W, C) as (N, C, H, W) of the shape of `image`: resized, padded, in its channels, never inverted."""
    height, width, channels = levels.shape[1:]
    if channels in (1, image.channels) and (height, width) == (image.height, image.width):
        # The requirements have it copied where it can't be written, as torch wants to be able to.
        channels_first = np.broadcast_to(np.moveaxis(levels, -1, 1), (len(levels), *image.shape))
        return np.require(channels_first, requirements=("C", "W"))
    if channels == 4 or height * image.width != width * image.height:
        return np.stack([fitted_picture(as_pil(one), image) for one in levels])
    # Nothing to lay on a ground: the same, but faster.
    result = np.empty((len(levels), image.height, image.width, image.channels), np.uint8)
    way = resampling(width, image.width)
    for one, place in zip(levels, result, strict=True):
        picture = as_pil(one).convert("L" if image.channels == 1 else "RGB")
        place[:] = np.asarray(picture.resize((image.width, image.height), way)).reshape(place.shape)
    return np.ascontiguousarray(np.moveaxis(result, -1, 1))


def fitted_picture(picture: Image.Image, image: ImageSpec) -> NDArray[np.uint8]:
    """One picture as levels (C, H, W) of the shape of `image`."""
    return levels_of(picture, image, inverted=False, enlarge_by=ENLARGING)


def resampling(width: int, wanted: int) -> Image.Resampling:
    """How pictures are resized: smaller by an area average."""
    return ENLARGING if wanted > width else Image.Resampling.BOX


def as_values(labels: Any, where: str) -> NDArray[Any]:
    """The labels (N), integers or strings, of an array (N) or (N, 1) of these, of whole floats or of booleans.

    Raises ValueError, which begins with `where`, for anything else.
    """
    values = np.asarray(labels)
    if values.ndim == 2 and values.shape[1] > 1:
        raise ValueError(
            f"{where}: expected one label for each image, found {values.shape[1]} columns; "
            "where they are one for each class, argmax(1) gives the labels"
        )
    if values.ndim == 2:
        values = values[:, 0]
    if values.ndim != 1:
        raise ValueError(f"{where}: expected labels (N), found the shape {values.shape}")
    whole = values.dtype.kind == "f" and np.isfinite(values).all() and (values == np.rint(values)).all()
    if whole or values.dtype.kind in "iub":
        return values.astype(np.int64)
    if values.dtype.kind == "S":
        values = np.char.decode(values, "utf-8")
    if values.dtype.kind != "U":
        raise ValueError(f"{where}: expected labels that are whole numbers or names, found an array of {values.dtype}")
    return values


def within(labels: Any, classes: tuple[str, ...], where: str) -> NDArray[np.int64]:
    """Labels (N) of `classes`, from 0 on. Raises ValueError, which begins with `where`, if one is no class's number."""
    values, last = as_values(labels, where), max(1, len(classes)) - 1
    if values.dtype.kind != "i":
        raise ValueError(f"{where}: expected labels from 0 to {last}, found names, as {str(values[0])!r}")
    if len(values) and not 0 <= values.min() <= values.max() <= last:
        raise ValueError(
            f"{where}: expected labels from 0 to {last}, one for each class, found {values.min()} to {values.max()}"
        )
    return values


def numbered(labels: Mapping[str, NDArray[Any]], where: str) -> tuple[tuple[str, ...], dict[str, NDArray[np.int64]]]:
    """The labels that occur, sorted, as names, and those of each split as their numbers, from 0 on."""
    values = np.unique(np.concatenate([np.unique(each) for each in labels.values()]))
    if len(values) > MOST_CLASSES:
        raise ValueError(f"{where}: expected at most {MOST_CLASSES} classes, found {len(values):,} different labels")
    numbers = {split: np.searchsorted(values, each).astype(np.int64) for split, each in labels.items()}
    return tuple(map(str, values.tolist())), numbers
