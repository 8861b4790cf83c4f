"""The image convention of the whole project, stated once.

An image is a light garment on a black ground; a batch of them is a tensor of shape (B, 1, 28, 28),
float32, every value in [0, 1]. Every model takes and gives exactly this. `as_images` brings what
people have (PIL, uint8, floats, one or many, other sizes) to it; `to_uint8`, `to_pil` and `sheet`
lead from it to pictures.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

SIZE = 28
PIXELS = SIZE * SIZE
SHAPE = (1, SIZE, SIZE)
CLASS_NAMES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
ACCEPTED = (
    "a PIL image or a list of them; or an array of numbers, (28, 28), (N, 28, 28) or (N, 1, 28, 28), "
    "or one picture of another size, (H, W) or (H, W, 3 or 4); integers in 0..255 or floats in [0, 1]"
)


def as_images(images: Any) -> Tensor:
    """Bring `images` to the convention: (B, 1, 28, 28), float32, in [0, 1], light on black.

    `images` is a PIL image, an array (numpy, torch, nested lists), or a list of PIL images or arrays.

    - Arrays of floats in the shape (N, 1, 28, 28) are in the convention already and pass as they are.
      So do arrays of integers in 0..255 of 28 x 28 pixels, divided by 255.
    - Everything else, namely PIL images, colour and other sizes, is a picture, and is converted so:
      transparency is laid on white; colour becomes grey (ITU-R 601); a picture whose border is
      lighter than mid-grey on the whole (its median) is black on white, and is inverted; it is padded
      to a square with the ground (the border's median), and resized to 28 x 28 with an area average.

    Raises ValueError, which names what was found, for anything else: other shapes, numbers out of
    range, NaN, an empty batch.
    """
    if isinstance(images, Image.Image):
        return _from_picture(images)[None]
    if isinstance(images, (list, tuple)) and any(isinstance(i, Image.Image) for i in images):
        return torch.cat([as_images(image) for image in images])
    values = _as_array(images)
    if values.shape[-2:] == (SIZE, SIZE) and (
        values.ndim in (2, 3) or (values.ndim == 4 and values.shape[1] == 1)
    ):
        values = values.reshape(-1, *SHAPE)
        if len(values) == 0:
            raise ValueError(f"as_images: expected at least one image, found the shape {values.shape}")
        return torch.from_numpy(_to_unit(values))
    if values.ndim == 2 or (values.ndim == 3 and values.shape[-1] in (1, 3, 4)):
        if min(values.shape[:2]) == 0:
            raise ValueError(f"as_images: expected pixels, found the shape {values.shape}")
        pixels = np.rint(_to_unit(values) * 255).astype(np.uint8)
        return _from_picture(Image.fromarray(pixels.squeeze(-1) if pixels.shape[-1] == 1 else pixels))[None]
    raise ValueError(f"as_images: expected {ACCEPTED}; found an array of shape {values.shape}")


def _as_array(images: Any) -> np.ndarray:
    if isinstance(images, Tensor):
        images = images.detach().cpu().numpy()
    try:
        values = np.asarray(images)
    except ValueError as error:
        raise ValueError(f"as_images: expected {ACCEPTED}; found arrays of different shapes") from error
    if values.dtype.kind not in "iuf":
        kind = type(images).__name__ if values.dtype == object else f"numbers of type {values.dtype}"
        raise ValueError(f"as_images: expected {ACCEPTED}; found {kind}")
    return values


def _to_unit(values: np.ndarray) -> np.ndarray:
    """Numbers in 0..255 or [0, 1], as float32 in [0, 1]."""
    low, high = (values.min(), values.max()) if values.size else (0, 0)
    if values.dtype.kind == "f":
        if not (np.isfinite(low) and np.isfinite(high)):
            raise ValueError("as_images: expected finite numbers, found NaN or infinity")
        if low < -1e-6 or high > 1 + 1e-6:
            hint = "; for values in [-1, 1] give (x + 1) / 2" if low >= -1.001 and high <= 1.001 else ""
            raise ValueError(
                f"as_images: expected floats in [0, 1], found values from {low:.4g} to {high:.4g}{hint}; "
                "for values in 0..255 give integers"
            )
        return np.clip(values, 0, 1).astype(np.float32)
    if low < 0 or high > 255:
        raise ValueError(f"as_images: expected integers in 0..255, found values from {low} to {high}")
    return values.astype(np.float32) / 255


def _from_picture(picture: Image.Image) -> Tensor:
    """One picture of any size and mode, as (1, 28, 28); the rule stands at `as_images`."""
    if min(picture.size) == 0:
        raise ValueError(f"as_images: expected pixels, found a picture of size {picture.size}")
    if picture.mode in ("I", "I;16", "F"):
        raise ValueError(
            f"as_images: expected a picture of 8 bits a channel, found the PIL mode {picture.mode!r}; "
            "convert it with .convert('L') once its values are in 0..255"
        )
    picture = ImageOps.exif_transpose(picture)
    if picture.has_transparency_data:
        rgba = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba)
    grey = picture.convert("L")
    pixels = np.asarray(grey)
    border = np.concatenate([pixels[0], pixels[-1], pixels[1:-1, 0], pixels[1:-1, -1]])
    ground = int(np.median(border))
    if ground > 127:
        grey, ground = ImageOps.invert(grey), 255 - ground
    if grey.size != (SIZE, SIZE):
        grey = ImageOps.pad(grey, (max(grey.size),) * 2, color=ground)
        grey = grey.resize((SIZE, SIZE), Image.Resampling.BOX)
    return torch.from_numpy(np.array(grey, dtype=np.float32) / 255)[None]


def to_uint8(images: Tensor) -> np.ndarray:
    """Images (B, 1, 28, 28) in [0, 1] as grey levels (B, 28, 28), uint8, rounded to the nearest."""
    return np.rint(images.detach().squeeze(1).numpy() * 255).astype(np.uint8)


def enlarge(pixels: np.ndarray, scale: int) -> np.ndarray:
    """Grey levels (H, W) drawn `scale` times as large, each pixel a crisp square."""
    return pixels.repeat(scale, axis=0).repeat(scale, axis=1)


def to_pil(image: Tensor, scale: int = 1) -> Image.Image:
    """One image, (1, 28, 28) or (1, 1, 28, 28), as a grey PIL image of 28 * `scale` pixels a side."""
    return Image.fromarray(enlarge(to_uint8(image.reshape(1, *SHAPE))[0], scale))


def sheet(images: Tensor, columns: int, gap: int = 2, ground: int = 255) -> np.ndarray:
    """Images (B, 1, 28, 28) laid out in rows of `columns`, as grey levels (H, W), uint8.

    `gap` pixels of the grey level `ground` stand between neighbours, none at the rim; an unfinished
    last row is filled with the ground.
    """
    cell = SIZE + gap
    rows = -(-len(images) // columns)
    canvas = np.full((rows * cell, columns * cell), ground, np.uint8)
    for index, pixels in enumerate(to_uint8(images)):
        row, column = divmod(index, columns)
        canvas[row * cell : row * cell + SIZE, column * cell : column * cell + SIZE] = pixels
    return canvas[: rows * cell - gap, : columns * cell - gap] if gap else canvas


