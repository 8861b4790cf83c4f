"""Pictures that visitors upload. Whatever a file holds, it becomes an image of the convention or is refused in one
sentence, within a second and 200 MB."""

import io
import threading
import warnings
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, PngImagePlugin
from torch import Tensor

from gengallery.data import as_images
from gengallery.data.images import ground_for
from gengallery.data.opening import Clocked

from .models import image
from .words import Refusal, Words, number
from .work import turn

say = Words(__file__)

# What browsers show, each with its most megapixels: a phone's photograph, except where decoding takes 18 bytes a pixel.
# No other decoder of PIL sees a file; some of them start programs.
MEGAPIXELS = {"PNG": 13, "JPEG": 13, "GIF": 13, "BMP": 13, "WEBP": 8}
LONGEST_SIDE = 1 << 14
MEGABYTES = 10  # of a file
SECONDS = 0.7  # of the processor
BLOCK = 1 << 10  # bytes decoded between two looks at the clock
STRIP = 64  # rows converted at once
ALONE = threading.Lock()  # what several visitors upload at the same time must not add up

# These two hold for the whole process; what `warnings.catch_warnings` does in one thread is seen by all.
warnings.simplefilter("error", Image.DecompressionBombWarning)
PngImagePlugin.MAX_TEXT_MEMORY = 4 * PngImagePlugin.MAX_TEXT_CHUNK  # which is 1 MB; PIL keeps 64 of them


def read(path: Any) -> Tensor:
    """The picture in the file at `path`, as (1, C, H, W), by the rule for pictures at `gengallery.data.as_images`.

    - The file is a PNG, JPEG, GIF, WebP or BMP, whatever its name says, of at most 10 MB, 16,384 pixels a side and 13
      megapixels, 8 for a WebP. One pixel is a picture too.
    - Of an animation, or of several pictures in one file, the first counts.
    - Of 16 bits a channel the upper 8 count.
    - A PNG whose data end after a whole row is black below it; what else is cut short is refused.

    Raises ValueError for anything else. It tells neither where the file lies nor what PIL says of it.
    """
    content = _content(path)
    try:
        return turn(SECONDS, partial(_read, content))
    except Refusal:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise Refusal(say("upload_enormous", most=MEGAPIXELS["PNG"])) from None
    except TimeoutError:
        raise Refusal(say("upload_slow")) from None
    except Image.UnidentifiedImageError:
        raise Refusal(say("upload_unknown")) from None
    except Exception:  # PIL has errors of every kind for files that were made to break it
        raise Refusal(say("upload_damaged")) from None


def _read(content: bytes) -> Tensor:
    with ALONE:
        return as_images(_flat(Clocked(content, SECONDS)), image())


def _content(path: Any) -> bytes:
    if not isinstance(path, str):
        raise Refusal(say("upload_none") if path is None else say("upload_no_path", found=type(path).__name__))
    try:
        file = Path(path)
        if not file.is_file():  # a folder, or a pipe, which may never end
            raise FileNotFoundError
        with file.open("rb") as stream:
            content = stream.read(MEGABYTES * 10**6 + 1)
    except (OSError, ValueError):
        raise Refusal(say("upload_lost")) from None
    if not content:
        raise Refusal(say("upload_empty"))
    if len(content) > MEGABYTES * 10**6:
        raise Refusal(say("upload_large", most=MEGABYTES))
    return content


def _flat(file: io.BytesIO) -> Image.Image:
    """The picture in 8 bits of grey, or of each colour where the gallery's images have them, without transparency, but
    not yet turned upright.

    It is converted in strips: as a whole, one with transparency would lie in memory five times.
    """
    picture = Image.open(file, formats=tuple(MEGAPIXELS))  # the header only
    width, height = picture.size
    most = MEGAPIXELS.get(picture.format or "", MEGAPIXELS["JPEG"])  # some phones' JPEGs are called MPO
    size = {"width": number(width), "height": number(height)}
    if width * height > most * 10**6:
        raise Refusal(say("upload_megapixels", most=most, **size))
    if max(width, height) > LONGEST_SIDE:
        raise Refusal(say("upload_long", most=number(LONGEST_SIDE), **size))
    picture.decodermaxblock = BLOCK
    picture.load()
    mode = "L" if image().channels == 1 else "RGB"
    ground = _ground(picture)
    flat = Image.new(mode, picture.size)
    for top, strip in _strips(picture):
        flat.paste(_without_transparency(strip, ground).convert(mode), (0, top))
    flat.info = {key: value for key, value in picture.info.items() if key != "transparency"}  # it says what is up
    return flat


def _strips(picture: Image.Image) -> Iterator[tuple[int, Image.Image]]:
    """Some rows of the picture at a time, and where they begin."""
    width, height = picture.size
    for top in range(0, height, STRIP):
        yield top, picture.crop((0, top, width, min(top + STRIP, height)))


def _ground(picture: Image.Image) -> str:
    """The colour to lay the picture on where it is transparent, so that what is visible stays so."""
    if not picture.has_transparency_data or picture.mode.startswith("I"):
        return "white"
    light = weight = 0.0
    for _, strip in _strips(picture):
        rgba = strip.convert("RGBA")
        alpha = np.asarray(rgba.getchannel("A"), dtype=np.float64)
        light += float((np.asarray(rgba.convert("RGB").convert("L")) * alpha).sum())
        weight += float(alpha.sum())
    return ground_for(light / weight if weight else 0.0, image())


def _without_transparency(strip: Image.Image, ground: str) -> Image.Image:
    clear = strip.info.get("transparency")
    if strip.mode.startswith("I"):  # 16 bits of grey
        levels = np.asarray(strip)
        return Image.fromarray((np.where(levels == clear, 65535, levels) >> 8).astype(np.uint8))
    if strip.has_transparency_data:
        rgba = strip.convert("RGBA")
        strip = Image.alpha_composite(Image.new("RGBA", rgba.size, ground), rgba)
    return strip
