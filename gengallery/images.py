"""The image convention of the whole project, stated once.

An image is a light garment on a black ground; a batch of them is a tensor of shape (B, 1, 28, 28),
float32, every value in [0, 1]. Every model takes and gives exactly this. `as_images` brings what
people have (PIL, uint8, floats, one or many, other sizes) to it; `to_uint8`, `to_pil` and `sheet`
lead from it to pictures.
"""

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
NO_CLASS = len(CLASS_NAMES)  # the label of an image whose class is not told
CHANNELS = (1, 3, 4)  # grey, red-green-blue, and with transparency
ACCEPTED = (
    "a PIL image, an array of numbers (H, W), (H, W, 3 or 4), (N, H, W), (N, 1 or 3, H, W) or (N, H, W, 3 or 4), "
    "integers in 0..255 or floats in [0, 1], or a list of these, one picture each"
)


def as_images(images: Any) -> Tensor:
    """Bring `images` to the convention: (B, 1, 28, 28), float32, in [0, 1], light on black.

    `images` is a PIL image; an array (numpy, torch, nested lists) of one or many, of any size, grey or in
    colour; or a list of PIL images and arrays, one picture each, which may differ in size.

    - Grey arrays of 28 x 28 pixels are in the convention already: floats in [0, 1] pass as they are,
      integers in 0..255 are divided by 255, and none is ever inverted.
    - Everything else, namely PIL images, colour and other sizes, is a picture, and is converted so:
      transparency is laid on white; colour becomes grey (ITU-R 601); a picture whose border is
      lighter than mid-grey on the whole (its median) is black on white, and is inverted; it is resized with an
      area average until its longer side has 28 pixels, and centred on its ground (the border's median).
      Of the data set's 70,000 images, given as pictures, this inverts 2 wrongly: bags that fill the frame.

    Where a shape can be read in two ways: a last axis of 1, 3 or 4 holds the channels of colour; three axes
    are otherwise N grey pictures; of four axes the second holds the channels if the last does not.

    Raises ValueError, which names what was found, for anything else: other shapes, numbers out of
    range, NaN, an empty batch.
    """
    if isinstance(images, (list, tuple)) and images and all(map(_is_picture, images)):
        return torch.cat([as_images(_as_batch(image)) for image in images])
    if isinstance(images, Image.Image):
        return _from_picture(images)[None]
    pictures = _to_unit(_split(_as_array(images)))
    if pictures.shape[1:] == (SIZE, SIZE, 1):
        return torch.from_numpy(pictures.reshape(-1, *SHAPE))
    pixels = np.rint(pictures * 255).astype(np.uint8)
    return torch.stack([_from_picture(Image.fromarray(p.squeeze(-1) if p.shape[-1] == 1 else p)) for p in pixels])


def as_labels(label: Any, n: int) -> Tensor:
    """Classes (n), int64, of `label`: a number from 0 to 9 or a name of `CLASS_NAMES`, in any case, for all n, or a
    list or array with one of these for each; None gives `NO_CLASS` for all.

    Raises ValueError for anything else.
    """
    if label is None:
        return torch.full((n,), NO_CLASS)
    if isinstance(label, Tensor):
        label = label.detach().cpu().numpy()
    each = label.tolist() if isinstance(label, (np.ndarray, np.generic)) else label
    if not isinstance(each, (list, tuple)):
        return torch.full((n,), _class_number(each))
    if len(each) != n:
        raise ValueError(f"label: expected one class for all, or one for each of {n}, found {len(each)}")
    return torch.tensor([_class_number(one) for one in each])


def _class_number(label: Any) -> int:
    """The number of a class from its number or name."""
    names = [name.casefold() for name in CLASS_NAMES]
    if isinstance(label, str) and label.strip().casefold() in names:
        return names.index(label.strip().casefold())
    if isinstance(label, (int, np.integer)) and not isinstance(label, bool) and 0 <= label < len(names):
        return int(label)
    raise ValueError(f"label: expected a number from 0 to 9 or one of {', '.join(CLASS_NAMES)}; found {label!r}")


def _is_picture(image: Any) -> bool:
    return isinstance(image, Image.Image) or (isinstance(image, (np.ndarray, Tensor)) and image.ndim >= 2)


def _as_batch(image: Any) -> Any:
    return image if isinstance(image, Image.Image) else image[None]


def _as_array(images: Any) -> np.ndarray:
    if isinstance(images, Tensor):
        images = images.detach().cpu()
        images = (images.float() if images.is_floating_point() else images).numpy()  # numpy has no bfloat16
    try:
        values = np.asarray(images)
    except (ValueError, TypeError, RuntimeError) as error:
        raise ValueError(f"as_images: expected {ACCEPTED}; found arrays that do not fit together ({error})") from error
    if values.dtype.kind not in "iuf":
        found = f"an array of {values.dtype}" if isinstance(images, np.ndarray) else type(images).__name__
        raise ValueError(f"as_images: expected {ACCEPTED}; found {found}")
    return values


def _split(values: np.ndarray) -> np.ndarray:
    """One array of pictures as (N, H, W, C), by the rules for shapes at `as_images`."""
    if values.size == 0:
        raise ValueError(f"as_images: expected at least one image and one pixel, found the shape {values.shape}")
    if values.ndim == 2:
        return values[None, ..., None]  # (H, W)
    if values.ndim in (3, 4) and values.shape[-1] in CHANNELS:
        return values[None] if values.ndim == 3 else values  # (H, W, C) or (N, H, W, C)
    if values.ndim == 3:
        return values[..., None]  # (N, H, W)
    if values.ndim == 4 and values.shape[1] in CHANNELS:
        return np.moveaxis(values, 1, -1)  # (N, C, H, W)
    raise ValueError(f"as_images: expected {ACCEPTED}; found an array of shape {values.shape}")


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
    grey = _to_grey(picture)
    pixels = np.asarray(grey)
    border = np.concatenate([pixels[0], pixels[-1], pixels[1:-1, 0], pixels[1:-1, -1]])
    ground = int(np.median(border))
    if ground > 127:
        grey, ground = ImageOps.invert(grey), 255 - ground
    # Shrunk before it is padded: a strip of a few pixels' width would else fill the memory as a square.
    width, height = (max(1, round(side * SIZE / max(grey.size))) for side in grey.size)
    canvas = Image.new("L", (SIZE, SIZE), ground)
    canvas.paste(grey.resize((width, height), Image.Resampling.BOX), ((SIZE - width) // 2, (SIZE - height) // 2))
    return torch.from_numpy(np.array(canvas, dtype=np.float32) / 255)[None]


def _to_grey(picture: Image.Image) -> Image.Image:
    """`picture` upright, on white where it is transparent, in 8 bits of grey."""
    if min(picture.size) == 0:
        raise ValueError(f"as_images: expected pixels, found a picture of size {picture.size}")
    if picture.mode.startswith(("I", "F")):
        raise ValueError(
            f"as_images: expected a picture of 8 bits a channel, found the PIL mode {picture.mode!r}; "
            "convert it with .convert('L') once its values are in 0..255"
        )
    try:
        picture = ImageOps.exif_transpose(picture)
        if picture.has_transparency_data:
            rgba = picture.convert("RGBA")
            picture = Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba)
        return picture.convert("L")
    except (OSError, SyntaxError, ValueError) as error:  # PIL reads a file only here, and may find it cut short
        raise ValueError(
            f"as_images: expected a whole picture in grey or colour, found one of mode {picture.mode!r} "
            f"that can't be read ({error})"
        ) from error


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
