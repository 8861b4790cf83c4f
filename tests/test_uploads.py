"""Uploads: pictures of every kind become what the convention says, hostile files a refusal, and neither takes long."""

import io
import json
import os
import random
import struct
import zlib
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import run_python
from PIL import Image

from demo.shared import uploads
from gengallery.data import as_images

RNG = np.random.default_rng(0)
RGBA = Image.fromarray(RNG.integers(0, 256, (9, 6, 4), dtype=np.uint8)).resize((101, 150))
RGB = RGBA.convert("RGB")
GREY16 = RNG.integers(0, 1 << 16, (150, 90), dtype=np.uint16)
# Reads every file of a folder: what came of each, in how many seconds of the processor; and how many MB all that took.
# The peak is that of /proc, since what `resource` tells of a process begins at its parent's.
READ_ALL = """
import json, sys, time
from pathlib import Path
from demo.shared import uploads
from PIL import Image

def peak():
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 1000

def read(path):
    try:
        return list(uploads.read(str(path)).shape)
    except ValueError as error:
        return str(error)

Image.init()
folder = Path(sys.argv[1])
read(folder / "small.png")
before, found = peak(), {}
for path in sorted(folder.iterdir()):
    start = time.thread_time()
    found[path.name] = read(path), time.thread_time() - start
print(json.dumps([found, peak() - before]))
"""


def saved(picture: Image.Image, kind: str, **options) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def chunk(kind: bytes, content: bytes = b"") -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width: int, height: int, row: bytes, depth: int = 8, colour: int = 2, rows: int = 0, between: bytes = b""):
    """A PNG that says it has this size, of `rows` times the same row of bytes, `height` times unless told."""
    squeeze = zlib.compressobj(1)
    data = [*(squeeze.compress(b"\0" + row) for _ in range(rows or height)), squeeze.flush()]
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + between + chunk(b"IDAT", b"".join(data)) + chunk(b"IEND")


def resized(jpeg: bytes, width: int, height: int) -> bytes:
    """A JPEG whose header says that it has this size."""
    place = max(jpeg.find(b"\xff\xc0"), jpeg.find(b"\xff\xc2")) + 5
    return jpeg[:place] + struct.pack(">HH", height, width) + jpeg[place + 4 :]


@pytest.fixture
def read(tmp_path):
    """read(content) writes a file and reads it; no refusal tells anything of the file."""

    def call(content: bytes, name: str = "secret.png") -> torch.Tensor:
        path = tmp_path / name
        path.write_bytes(content)
        try:
            return uploads.read(str(path))
        except ValueError as error:
            said = str(error)
            assert said.startswith("Picture: expected ")
            assert said.count("; found ") == 1
            assert not any(secret in said for secret in ("secret", str(tmp_path), "\n", "0x", "Error"))
            raise

    return call


# -- pictures


@pytest.mark.parametrize(
    ("kind", "mode", "options"),
    [
        *(("PNG", mode, {}) for mode in ("1", "L", "LA", "P", "RGB", "RGBA")),
        ("PNG", "L", {"transparency": 100}),
        ("PNG", "RGB", {"transparency": RGB.getpixel((50, 70))}),
        ("PNG", "P", {"transparency": 7}),
        ("PNG", "P", {"transparency": bytes(range(256))}),
        *(("JPEG", mode, {"progressive": way}) for mode in ("L", "RGB", "CMYK") for way in (False, True)),
        *(("GIF", mode, {}) for mode in ("L", "P", "RGBA")),
        *(("BMP", mode, {}) for mode in ("1", "L", "P", "RGB", "RGBA")),
        *(("WEBP", mode, {"lossless": True}) for mode in ("RGB", "RGBA")),
    ],
)
def test_a_picture_is_converted_by_the_rule(read, kind, mode, options):
    picture = RGBA if mode == "RGBA" else RGB.convert("L").convert("LA") if mode == "LA" else RGB.convert(mode)
    content = saved(picture, kind, **options)
    assert torch.equal(read(content), as_images(Image.open(io.BytesIO(content))))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("turn", [3, 6, 8])
def test_a_photograph_is_turned_upright(read, kind, turn):
    exif = Image.Exif()
    exif[0x0112] = turn
    content = saved(RGB, kind, exif=exif)
    images = read(content)
    assert torch.equal(images, as_images(Image.open(io.BytesIO(content))))
    assert not torch.equal(images, read(saved(RGB, kind)))


def test_of_16_bits_the_upper_8_count(read):
    upper = (GREY16 >> 8).astype(np.uint8)
    assert torch.equal(read(saved(Image.fromarray(GREY16), "PNG")), as_images(Image.fromarray(upper)))
    row = RNG.integers(0, 256, 40 * 3 * 2, dtype=np.uint8)
    colour = np.tile(row[::2].reshape(1, 40, 3), (30, 1, 1))
    assert torch.equal(read(png(40, 30, row.tobytes(), depth=16)), as_images(Image.fromarray(colour)))


def test_transparent_16_bits_are_white(read):
    levels = np.full((40, 40), 0x1234, np.uint16)
    levels[10:30, 10:30] = 0x1235
    content = saved(Image.fromarray(levels), "PNG")
    place = content.index(b"IDAT") - 4
    images = read(content[:place] + chunk(b"tRNS", b"\x12\x34") + content[place:])
    assert torch.equal(images, as_images(Image.fromarray(np.where(levels == 0x1234, 255, 0x12).astype(np.uint8))))


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "MPO"])
def test_of_several_pictures_the_first_counts(read, kind):
    first = Image.new("RGB", (40, 40), "black")
    first.paste("white", (10, 15, 30, 25))
    content = saved(first, kind, save_all=True, append_images=[Image.new("RGB", (40, 40), c) for c in ("red", "blue")])
    picture = Image.open(io.BytesIO(content))
    assert picture.n_frames == 3
    picture.seek(0)
    assert torch.equal(read(content), as_images(picture))
    assert read(content)[0, 0, 14, 14] > 0.9


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "WEBP"])
def test_one_pixel_is_a_picture(read, kind):
    assert torch.equal(read(saved(Image.new("RGB", (1, 1), "black"), kind)), torch.zeros(1, 1, 28, 28))


@pytest.mark.parametrize("name", ["a", "a.txt", "a.gif", "a.svg", "a.eps"])
def test_the_name_does_not_matter(read, name):
    assert torch.equal(read(saved(RGB, "PNG"), name), as_images(RGB))


def test_a_png_that_ends_after_a_whole_row_is_black_below(read):
    white = bytes([255] * 30)
    picture = np.zeros((10, 10), np.uint8)
    picture[:3] = 255
    assert torch.equal(read(png(10, 10, white, rows=3)), as_images(Image.fromarray(picture)))
    assert torch.equal(read(png(10, 10, white, rows=30)), as_images(Image.new("L", (10, 10), "white")))


def test_a_photograph_of_a_phone_is_read(read):
    assert read(saved(Image.new("RGB", (4080, 3072)), "JPEG")).shape == (1, 1, 28, 28)


# -- refusals

JPEG = saved(RGB, "JPEG")
GIF = saved(RGB, "GIF")
BMP = saved(RGB, "BMP")
EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n%%EOF\n"
BLACK = bytes(30)  # a row of ten pixels
DAMAGED = "one that is damaged or cut short"
NO_PICTURE = "something else, or a damaged one"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "an empty file"),
        (b"just words", NO_PICTURE),
        (bytes(1000), NO_PICTURE),
        (b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>', NO_PICTURE),
        (EPS, NO_PICTURE),  # which PIL would leave to Ghostscript
        *((saved(RGB, kind), NO_PICTURE) for kind in ("TIFF", "PPM", "ICO", "PDF", "TGA", "SGI", "EPS")),
        *((saved(RGB, kind)[:60], f"{NO_PICTURE}|{DAMAGED}") for kind in ("PNG", "JPEG", "GIF", "BMP", "WEBP")),
        *((content[: len(content) // 2], DAMAGED) for content in (saved(RGB, "PNG"), JPEG, GIF, BMP)),
        (saved(RGB, "WEBP")[:-300], f"{NO_PICTURE}|{DAMAGED}"),
        (png(10, 10, BLACK[:20], rows=9), DAMAGED),
        (png(3600, 3600, BLACK, rows=10), DAMAGED),
        (png(0, 10, b""), NO_PICTURE),
        (png(10, 10, BLACK, between=chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(10**8)))), DAMAGED),
        (png(10, 10, BLACK, between=chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(10**6))) * 9), DAMAGED),
        (png(10, 10, BLACK, between=chunk(b"iCCP", b"k\0\0" + zlib.compress(bytes(10**8)))), DAMAGED),
        (png(8000, 5000, b"", colour=6), "8,000 × 5,000 pixels"),
        (png(3606, 3606, BLACK), "3,606 × 3,606 pixels"),
        (png(20_000, 1, bytes(60_000)), "20,000 × 1"),
        (png(20_000, 20_000, BLACK), "many more"),
        (resized(JPEG, 65_500, 65_500), "many more"),
        (resized(JPEG, 3_606, 3_606), "3,606 × 3,606 pixels"),
        (GIF[:6] + struct.pack("<HH", 65_535, 65_535) + GIF[10:], "many more"),
        (BMP[:18] + struct.pack("<ii", 60_000, -60_000) + BMP[26:], "many more"),
        (
            saved(Image.new("L", (2829, 2829)), "WEBP", lossless=True),
            "at most 8 megapixels; found 2,829 × 2,829 pixels",
        ),
        (saved(RGB, "PNG") + bytes(10**7), "at most 10 MB; found more"),
    ],
    ids=lambda value: value if isinstance(value, str) else "file",
)
def test_what_is_no_picture_or_too_large_is_refused(read, content, says):
    with pytest.raises(ValueError, match=says):
        read(content)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")  # pytest undoes what uploads.py set
def test_a_picture_that_pil_only_warns_of_is_refused(read):
    with pytest.raises(ValueError, match="at most 13 megapixels"):
        read(png(10_000, 10_000, BLACK))


@pytest.mark.parametrize("path", [None, 3, b"a.png", ["a.png"], {"path": "a.png"}, Path("a.png"), "", "\0", "a" * 5000])
def test_what_is_no_path_is_refused(path):
    with pytest.raises(
        ValueError, match=r"Picture: expected an uploaded file; found (none|int|bytes|list|dict|.*Path)"
    ):
        uploads.read(path)


@pytest.mark.parametrize(
    "make",
    [Path.mkdir, lambda path: path.symlink_to(os.devnull), lambda path: path.symlink_to(path), lambda path: None],
)
def test_only_a_file_is_read(tmp_path, make):
    make(tmp_path / "secret")
    with pytest.raises(ValueError, match="found none; upload the picture again") as refusal:
        uploads.read(str(tmp_path / "secret"))
    assert "secret" not in str(refusal.value)


@pytest.mark.parametrize("seed", range(300))
def test_a_file_with_wrong_bytes_is_read_or_refused(read, seed):
    chance = random.Random(seed)
    kind = chance.choice(["PNG", "JPEG", "GIF", "BMP", "WEBP"])
    content = bytearray(saved(RGBA.resize((30, 20)) if kind in ("PNG", "WEBP") else RGB.resize((30, 20)), kind))
    for _ in range(chance.choice([1, 2, 5, 20])):
        content[chance.randrange(min(len(content), chance.choice([60, 5000])))] = chance.randrange(256)
    try:
        images = read(bytes(content))
    except ValueError as error:
        assert "as_images" not in str(error)
    else:
        assert images.shape == (1, 1, 28, 28)


# -- little time, little memory


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of memory is measured on Linux only")
def test_no_file_takes_long_or_much_memory(tmp_path):
    jpeg, gif = (saved(Image.new("L", (3600, 3600)), kind, progressive=True) for kind in ("JPEG", "GIF"))
    scan = jpeg[jpeg.rfind(b"\xff\xc4") : -2]  # the last of ten, with its table
    extension = gif.index(b"\0,") + 1  # where the palette ends
    frames = [Image.new("L", (40, 40), i % 256) for i in range(3000)]
    pictures = {
        "small.png": png(10, 10, BLACK),
        "alpha.png": png(4096, 3173, bytes(4096 * 4), colour=6),
        "alpha 16.png": png(4096, 3173, bytes(4096 * 8), 16, 6),
        "grey 16.png": png(4096, 3173, bytes(4096 * 2), 16, 0),
        "cmyk.jpg": saved(Image.new("CMYK", (4096, 3173), (9, 8, 7, 6)), "JPEG", progressive=True, subsampling=0),
        "alpha.webp": saved(Image.new("RGBA", (2828, 2828), (9, 8, 7, 6)), "WEBP", lossless=True, method=0),
        "frames.gif": saved(frames[0], "GIF", save_all=True, append_images=frames[1:]),
    }
    bombs = {
        "pixels.png": png(8000, 5000, bytes(8000 * 4), colour=6),
        "more pixels.png": png(10_000, 10_000, bytes(10_000), colour=0),
        "text.png": png(10, 10, BLACK, between=chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(10**6))) * 60),
        "chunks.png": png(10, 10, BLACK, between=chunk(b"abCd") * 800_000),
        "lie.png": png(3600, 3600, BLACK, rows=10),
        "scans.jpg": jpeg[:-2] + scan * 2000 + b"\xff\xd9",
        "segments.jpg": jpeg[:2] + b"\xff\xfe\0\2" * 2_400_000 + jpeg[2:],
        "comment.gif": gif[:extension] + b"!\xfe" + b"\1a" * 500_000 + b"\0" + gif[extension:],
    }
    for name, content in chain(pictures.items(), bombs.items()):
        (tmp_path / name).write_bytes(content)
    done = run_python("-W", "always", "-c", READ_ALL, tmp_path)
    assert done.stderr == ""  # no warning of PIL's
    found, memory = json.loads(done.stdout)
    for name, (answer, seconds) in found.items():
        assert seconds < 1.5, f"{name}: {seconds:.2f} s of the processor"
        assert (answer == [1, 1, 28, 28]) if name in pictures else str(answer).startswith("Picture: expected "), name
    assert memory < 200
