"""The image convention of the whole project, stated once.

A batch of images is a tensor of shape (B, C, H, W), float32, every value in [0, 1]; what C, H and W are, an `ImageSpec`
says. Every model takes and gives exactly this. `as_images` brings what people have (PIL, uint8, floats, one or many,
other sizes) to it; `to_uint8`, `to_pil` and `sheet` lead from it to pictures.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps
from torch import Tensor

from gengallery.data.sources import default_spec
from gengallery.data.spec import ImageSpec

CHANNELS = (1, 3, 4)  # grey, red-green-blue, and with transparency
ACCEPTED = (
    "a PIL image, an array of numbers (H, W), (H, W, 3 or 4), (N, H, W), (N, 1 or 3, H, W), (N, H, W, 3 or 4) or "
    "(N, {pixels}), integers in 0..255 or floats in [0, 1], or a list of these, one picture each"
)
NEARLY_WHITE = 230  # of 255
SHOWN = 20  # names of classes in an error
LUMA = np.array([299, 587, 114]) / 1000  # ITU-R BT.601


def as_images(images: Any, image: ImageSpec | None = None) -> Tensor:
    """Bring `images` to the convention of `image` (default: the gallery's own): (B, C, H, W), float32, in [0, 1].

    `images` is a PIL image; an array (numpy, torch, data frame, nested lists) of one or many, of any size, grey or in
    colour; or a list of PIL images and arrays, one picture each, which may differ in size.

    - Arrays of the convention's own height and width, grey or with its channels, are in the convention already: floats
      in [0, 1] pass as they are, integers in 0..255 are divided by 255, and none is ever inverted; grey is
      repeated where the convention has colour.
    - Everything else, namely PIL images, other sizes and colour where the convention is grey, is a picture, and is
      converted so: transparency is laid on a ground; colour becomes grey (ITU-R 601) where the convention is grey; it
      is resized with an area average, its aspect ratio kept, until it fits, and centred on its ground (the border's
      median).
    - Where the convention is light on dark, a picture whose border is lighter than mid-grey on the whole (its median)
      is dark on light, and is inverted. Of Fashion-MNIST's 70,000 images, given as pictures, this inverts 2 wrongly:
      bags that fill the frame. Transparency is laid on black if what is visible is light on the whole, else on white.
    - Elsewhere no picture is inverted, and transparency is laid on white, or on black if what is visible is nearly
      white itself.

    Where a shape can be read in two ways: two axes with C * H * W numbers in the second hold N flattened images; an
    array of the shape (C, H, W) is one image; a last axis of 1, 3 or 4 holds the channels of colour; three axes are
    otherwise N grey pictures; of four axes the second holds the channels if the last does not.

    Raises ValueError, which names what was found, for anything else: other shapes, numbers out of range, NaN, an empty
    batch.

    Example:
        >>> import numpy as np
        >>> as_images(np.zeros((100, 40, 60, 3), np.uint8), ImageSpec(3, 32, 32)).shape
        torch.Size([100, 3, 32, 32])
    """
    image = image or default_spec()
    try:
        return _converted(images, image)
    except (ValueError, MemoryError):
        raise
    except Exception as error:  # of tensors and pictures of every kind; PIL has no one kind for what it can't read
        accepted = ACCEPTED.format(pixels=image.pixels)
        raise ValueError(
            f"as_images: expected {accepted}; found {type(images).__name__}, which can't be read ({error})"[:1000]
        ) from error


def _converted(images: Any, image: ImageSpec) -> Tensor:
    if isinstance(images, (list, tuple)) and images and all(map(_is_picture, images)):
        return torch.cat([_converted(_as_batch(one, image), image) for one in images])
    if isinstance(images, Image.Image):
        return _to_floats(levels_of(images, image)[None])
    pictures = _to_unit(_split(_as_array(images, image), image))
    if pictures.shape[1:3] == (image.height, image.width) and pictures.shape[-1] in (1, image.channels):
        channels_first = np.broadcast_to(np.moveaxis(pictures, -1, 1), (len(pictures), *image.shape))
        return torch.from_numpy(np.require(channels_first, requirements=("C", "W")))
    levels = np.rint(pictures * 255).astype(np.uint8)
    return _to_floats(np.stack([levels_of(as_pil(one), image) for one in levels]))


def as_labels(label: Any, n: int, image: ImageSpec | None = None) -> Tensor:
    """Classes (n), int64, of `label`: a class's number or its name in `image.classes` (default: the gallery's own), in
    any case, for all n, or a list or array with one of these for each; None gives `image.no_class` for all.

    Raises ValueError for anything else.

    Example:
        >>> as_labels(["Dog", 0], 2, ImageSpec(3, 32, 32, ("cat", "dog")))
        tensor([1, 0])
    """
    image = image or default_spec()
    if label is None:
        return torch.full((n,), image.no_class, dtype=torch.int64, device="cpu")
    each = label.tolist() if hasattr(label, "tolist") else label
    if not isinstance(each, (list, tuple)):
        return torch.full((n,), _class_number(each, image), dtype=torch.int64, device="cpu")
    if len(each) != n:
        raise ValueError(f"label: expected one class for all, or one for each of {n}, found {len(each)}")
    return torch.tensor([_class_number(one, image) for one in each], dtype=torch.int64, device="cpu")


def _class_number(label: Any, image: ImageSpec) -> int:
    """The number of a class from its number or name."""
    names = image.classes
    if not names:
        raise ValueError(f"label: expected None, since these images have no classes; found {label!r}")
    if isinstance(label, str):
        wanted = label.strip()
        if wanted in names:  # names may differ in nothing but case, as letters do
            return names.index(wanted)
        alike = [number for number, name in enumerate(names) if name.strip().casefold() == wanted.casefold()]
        if len(alike) == 1:
            return alike[0]
    if isinstance(label, (int, np.integer)) and not isinstance(label, bool) and 0 <= label < len(names):
        return int(label)
    shown = ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
    raise ValueError(f"label: expected a number from 0 to {len(names) - 1} or one of {shown}; found {label!r}")


def _is_picture(image: Any) -> bool:
    return isinstance(image, Image.Image) or (isinstance(image, (np.ndarray, Tensor)) and image.ndim >= 2)


def _as_batch(one: Any, image: ImageSpec) -> Any:
    flat = not isinstance(one, Image.Image) and tuple(one.shape) == (1, image.pixels)
    return one if flat or isinstance(one, Image.Image) else one[None]


def _as_array(images: Any, image: ImageSpec) -> NDArray[Any]:
    accepted = ACCEPTED.format(pixels=image.pixels)
    if isinstance(images, Tensor):
        images = images.detach().cpu().resolve_conj().resolve_neg()
        images = (images.float() if images.is_floating_point() else images).numpy()  # numpy has no bfloat16
    try:
        values = np.asarray(images)
    except (ValueError, TypeError, RuntimeError) as error:
        raise ValueError(f"as_images: expected {accepted}; found arrays that do not fit together ({error})") from error
    if values.dtype.kind not in "iuf":
        found = f"an array of {values.dtype}" if isinstance(images, np.ndarray) else type(images).__name__
        raise ValueError(f"as_images: expected {accepted}; found {found}")
    return values


def _split(values: NDArray[Any], image: ImageSpec) -> NDArray[Any]:
    """One array of pictures as (N, H, W, C), by the rules for shapes at `as_images`."""
    shape = values.shape
    if values.size == 0:
        raise ValueError(f"as_images: expected at least one image and one pixel, found the shape {shape}")
    if values.ndim >= 2 and shape[-1] == image.pixels and values.size == len(values) * image.pixels:
        values = values.reshape(-1, *image.shape)  # (N, C * H * W), from here on (N, C, H, W)
    elif values.ndim == 3 and shape == image.shape:
        values = values[None]  # (C, H, W)
    if values.ndim == 2:
        return values[None, ..., None]  # (H, W)
    if values.ndim in (3, 4) and values.shape[-1] in CHANNELS:
        return values[None] if values.ndim == 3 else values  # (H, W, C) or (N, H, W, C)
    if values.ndim == 3:
        return values[..., None]  # (N, H, W)
    if values.ndim == 4 and values.shape[1] in CHANNELS:
        return np.moveaxis(values, 1, -1)  # (N, C, H, W)
    raise ValueError(
        f"as_images: expected {ACCEPTED.format(pixels=image.pixels)}; found an array of shape {values.shape}"
    )


def _to_unit(values: NDArray[Any]) -> NDArray[np.float32]:
    """Numbers in 0..255 or [0, 1], as float32 in [0, 1]."""
    low, high = values.min(), values.max()
    if values.dtype.kind == "f":
        if not (np.isfinite(low) and np.isfinite(high)):
            raise ValueError("as_images: expected finite numbers, found NaN or infinity")
        if low < -1e-6 or high > 1 + 1e-6:
            hint = "; for values in [-1, 1] give (x + 1) / 2" if low >= -1.001 and high <= 1.001 else ""
            raise ValueError(
                f"as_images: expected floats in [0, 1], found values from {low:.4g} to {high:.4g}{hint}; "
                "for values in 0..255 give integers"
            )
        return np.asarray(np.clip(values, 0, 1), dtype=np.float32)
    if low < 0 or high > 255:
        raise ValueError(f"as_images: expected integers in 0..255, found values from {low} to {high}")
    return np.asarray(values, dtype=np.float32) / np.float32(255)


def _to_floats(levels: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(levels.astype(np.float32) / np.float32(255))


def as_pil(levels: NDArray[np.uint8]) -> Image.Image:
    """Levels (H, W, 1, 3 or 4) as a PIL image."""
    return Image.fromarray(np.ascontiguousarray(levels.squeeze(-1) if levels.shape[-1] == 1 else levels))


def levels_of(
    picture: Image.Image,
    image: ImageSpec,
    *,
    inverted: bool | None = None,
    enlarge_by: Image.Resampling = Image.Resampling.BOX,
) -> NDArray[np.uint8]:
    """One picture of any size and mode as levels (C, H, W), uint8, of `image`; the rule stands at `as_images`.

    `inverted` says whether what is dark on light is inverted, by default where the convention is light on dark.
    """
    picture = _flattened(picture, image)
    pixels = np.asarray(picture)
    border = np.concatenate([pixels[0], pixels[-1], pixels[1:-1, 0], pixels[1:-1, -1]])
    ground = np.median(border, axis=0).astype(int)  # of each channel
    if (image.light_on_dark if inverted is None else inverted) and _luminance(ground) > 127:
        picture, ground = ImageOps.invert(picture), 255 - ground
    # Shrunk before it is padded: a strip of a few pixels' width would else fill the memory as a square.
    width, height = picture.size
    if width * image.height >= height * image.width:
        fitted = image.width, max(1, round(height * image.width / width))
    else:
        fitted = max(1, round(width * image.height / height)), image.height
    way = enlarge_by if fitted[0] > width else Image.Resampling.BOX  # BOX is the area average
    colour = int(ground) if image.channels == 1 else tuple(map(int, ground))
    canvas = Image.new(picture.mode, (image.width, image.height), colour)
    canvas.paste(picture.resize(fitted, way), ((image.width - fitted[0]) // 2, (image.height - fitted[1]) // 2))
    levels = np.array(canvas, dtype=np.uint8)
    return levels[None] if image.channels == 1 else np.ascontiguousarray(np.moveaxis(levels, -1, 0))


def _luminance(ground: NDArray[Any]) -> float:
    return float(ground @ LUMA) if ground.ndim else float(ground)


def _flattened(picture: Image.Image, image: ImageSpec) -> Image.Image:
    """`picture` upright, without transparency, in 8 bits of grey or of each colour."""
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
            picture = Image.alpha_composite(Image.new("RGBA", rgba.size, _ground_for(rgba, image)), rgba)
        return picture.convert("L" if image.channels == 1 else "RGB")
    except (OSError, SyntaxError, ValueError) as error:  # PIL reads a file only here, and may find it cut short
        raise ValueError(
            f"as_images: expected a whole picture in grey or colour, found one of mode {picture.mode!r} "
            f"that can't be read ({error})"
        ) from error


def _ground_for(rgba: Image.Image, image: ImageSpec) -> str:
    """The colour to lay a transparent picture on, so that what is visible stays so."""
    grey = np.asarray(rgba.convert("RGB").convert("L"), dtype=np.float64)
    alpha = np.asarray(rgba.getchannel("A"), dtype=np.float64)
    return ground_for(float((grey * alpha).sum() / alpha.sum()) if alpha.any() else 0.0, image)


def ground_for(visible: float, image: ImageSpec) -> str:
    """The colour, "black" or "white", to lay a transparent picture on whose visible pixels have the mean luminance
    `visible`, from 0 to 255."""
    return "black" if visible > (127 if image.light_on_dark else NEARLY_WHITE) else "white"


def to_uint8(images: Tensor) -> NDArray[np.uint8]:
    """Images (B, C, H, W) in [0, 1] as levels, uint8, rounded to the nearest: (B, H, W) if grey, else (B, H, W, 3)."""
    levels = np.rint(images.detach().float().cpu().numpy() * 255).astype(np.uint8)
    return levels[:, 0] if levels.shape[1] == 1 else np.ascontiguousarray(np.moveaxis(levels, 1, -1))


def to_pil(image: Tensor, scale: int = 1) -> Image.Image:
    """One image, (C, H, W) or (1, C, H, W), as a PIL image, each of its pixels `scale` pixels a side."""
    batch = image.reshape(1, *image.shape[-3:]) if image.ndim > 2 else image[None, None]
    return Image.fromarray(enlarge(to_uint8(batch)[0], scale))


def enlarge(pixels: NDArray[np.uint8], scale: int) -> NDArray[np.uint8]:
    """Levels (H, W) or (H, W, 3) drawn `scale` times as large, each pixel a crisp square."""
    return pixels.repeat(scale, axis=0).repeat(scale, axis=1)
