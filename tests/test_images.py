"""The image convention: what comes in, how it is converted, and what is refused by name.

One file, since every rule is tried on the same pictures.
"""

import io
import time

import numpy as np
import pytest
import torch
from PIL import Image

from gengallery.data import ImageSpec, as_images, as_labels, default_spec, enlarge, sheet, to_pil, to_uint8
from gengallery.data.opening import clocked

RNG = np.random.default_rng(0)
GREY = np.zeros((5, 28, 28), np.uint8)  # five pictures with a black border
GREY[:, 4:24, 6:22] = RNG.integers(1, 256, (5, 20, 16))
FLOATS = torch.from_numpy(GREY.astype(np.float32) / 255)[:, None]  # (5, 1, 28, 28)
COLOUR = ImageSpec(3, 32, 32, ("cat", "dog"), dataset="pets")
PLAIN = ImageSpec(1, 32, 32, dataset="x-rays")  # not light on dark, and without classes


def in_convention(images: torch.Tensor, image: ImageSpec | None = None) -> bool:
    return (
        images.ndim == 4
        and images.shape[1:] == (image or default_spec()).shape
        and images.dtype == torch.float32
        and images.is_contiguous()
        and 0 <= images.min() <= images.max() <= 1
    )


def box(height: int, width: int, ground: int = 0, garment: int = 200) -> np.ndarray:
    """A box in the middle half of the picture."""
    picture = np.full((height, width), ground, np.uint8)
    picture[height // 4 : -(height // 4), width // 4 : -(width // 4)] = garment
    return picture


@pytest.mark.parametrize(
    "given",
    [
        FLOATS,
        FLOATS.numpy(),
        FLOATS.double(),
        FLOATS.squeeze(1),
        FLOATS.tolist(),
        FLOATS.requires_grad_(False).clone().requires_grad_(),
        FLOATS.to(memory_format=torch.channels_last),
        FLOATS.permute(0, 2, 3, 1),
        FLOATS.flatten(1),
        FLOATS.flatten(1).tolist(),
        FLOATS.flatten(1)[:, None],
        list(FLOATS.flatten(1)),
        [one[None] for one in FLOATS.flatten(1)],
        GREY.reshape(5, -1),
        GREY[:, ::-1][:, ::-1],
        GREY.astype(">i4"),
        FLOATS.numpy().astype(">f8"),
        list(FLOATS),
        list(FLOATS.squeeze(1).numpy()),
        tuple(FLOATS),
        GREY,
        GREY.astype(np.int64),
        GREY[:, None],
        GREY[..., None],
        torch.from_numpy(GREY),
        GREY.tolist(),
        list(GREY),
        [GREY[0], FLOATS[1], Image.fromarray(GREY[2]), torch.from_numpy(GREY[3]), FLOATS[4].numpy()],
        [Image.fromarray(picture) for picture in GREY],
        [Image.fromarray(picture).convert("RGB") for picture in GREY],
        np.repeat(GREY[..., None], 3, axis=-1),
        np.repeat(GREY[:, None], 3, axis=1),
        torch.from_numpy(np.repeat(GREY[:, None], 3, axis=1)) / 255,
        np.append(np.repeat(GREY[..., None], 3, axis=-1), np.full((5, 28, 28, 1), 255, np.uint8), axis=-1),
    ],
)
def test_every_form_of_the_same_images_gives_the_same(given):
    images = as_images(given)
    assert in_convention(images)
    torch.testing.assert_close(images, FLOATS, rtol=0, atol=1e-7)
    assert not images.requires_grad


@pytest.mark.parametrize("given", [GREY[0], FLOATS[0], FLOATS[0, 0], FLOATS[0, 0].tolist(), Image.fromarray(GREY[0])])
def test_one_image_becomes_a_batch_of_one(given):
    torch.testing.assert_close(as_images(given), FLOATS[:1], rtol=0, atol=1e-7)


def test_what_comes_out_is_a_copy():
    mine = FLOATS.clone()
    as_images(mine).zero_()
    assert torch.equal(mine, FLOATS)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_short_floats_pass(dtype):
    torch.testing.assert_close(as_images(FLOATS.to(dtype)), FLOATS, rtol=0, atol=4e-3)


def test_arrays_of_28_x_28_are_never_inverted():
    white = np.full((2, 28, 28), 255, np.uint8)
    for given in (white, white[0], white[:, None], white[..., None], white / 255.0, list(white)):
        assert (as_images(given) == 1).all()


# -- pictures


@pytest.mark.parametrize("n", [1, 2, 6])
@pytest.mark.parametrize(
    "layout",
    [
        lambda p: p,  # (N, H, W)
        lambda p: p[:, None],  # (N, 1, H, W)
        lambda p: p[..., None],  # (N, H, W, 1)
        lambda p: np.repeat(p[:, None], 3, 1),  # (N, 3, H, W)
        lambda p: np.repeat(p[..., None], 3, -1),  # (N, H, W, 3)
        lambda p: np.append(np.repeat(p[..., None], 3, -1), np.full((*p.shape, 1), 255, np.uint8), -1),
        lambda p: torch.from_numpy(p / 255),
        list,
    ],
)
def test_many_pictures_of_another_size_are_each_converted(n, layout):
    pictures = np.stack([box(40, 52, ground=255 * (i % 2), garment=100 + i) for i in range(n)])
    images = as_images(layout(pictures))
    assert in_convention(images)
    assert len(images) == n
    for image, picture in zip(images, pictures, strict=True):
        assert torch.equal(image[None], as_images(Image.fromarray(picture)))


def test_a_list_may_mix_sizes_and_kinds():
    given = [box(30, 30), torch.from_numpy(box(10, 60)), Image.fromarray(box(90, 40)), box(50, 50)[None] / 255.0]
    images = as_images(given)
    assert in_convention(images)
    assert torch.equal(images, torch.cat([as_images(one) for one in given]))


def test_ambiguous_shapes_are_read_by_the_documented_rule():
    assert len(as_images(np.zeros((28, 28, 3), np.uint8))) == 1  # last axis of 3: colour
    assert len(as_images(np.zeros((3, 28, 28), np.uint8))) == 3  # else three axes: grey pictures
    assert len(as_images([np.zeros((3, 28, 28), np.uint8)])) == 1  # in a list: one picture each
    assert len(as_images(np.zeros((6, 3, 28, 28), np.uint8))) == 6
    assert len(as_images(np.zeros((6, 28, 28, 3), np.uint8))) == 6


def test_colour_becomes_grey_by_itu_r_601():
    colours = np.zeros((28, 28, 3), np.uint8)
    colours[8:20, 8:20] = (200, 100, 50)
    expected = round(0.299 * 200 + 0.587 * 100 + 0.114 * 50) / 255
    assert as_images(colours)[0, 0, 14, 14] == pytest.approx(expected, abs=1 / 255)


def test_a_light_border_means_black_on_white():
    torch.testing.assert_close(as_images(box(56, 56, ground=255, garment=40)), as_images(box(56, 56, 0, 215)))
    assert as_images(Image.fromarray(np.full((28, 28), 128, np.uint8))).max() < 0.5
    assert as_images(Image.fromarray(np.full((28, 28), 127, np.uint8))).max() < 0.5


def test_many_flattened_images_are_not_one_picture():
    assert len(as_images(np.zeros((100, 784), np.uint8))) == 100
    assert len(as_images(np.zeros((1, 784)))) == 1
    assert as_images(np.zeros((100, 783), np.uint8)).shape == (1, 1, 28, 28)  # a picture of 100 x 783
    assert len(as_images(np.zeros((7, 3 * 32 * 32)), COLOUR)) == 7
    assert len(as_images(np.zeros((7, 32 * 32)), PLAIN)) == 7


def test_light_things_on_transparency_are_laid_on_black():
    rgba = Image.new("RGBA", (56, 56), (255, 255, 255, 0))
    rgba.paste((230, 240, 235, 255), (14, 14, 42, 42))
    image = as_images(rgba)[0, 0]
    assert image[0, 0] == 0
    assert image[14, 14] == pytest.approx(0.93, abs=0.01)
    assert torch.equal(as_images(np.asarray(rgba)), as_images(rgba))  # an array (H, W, 4) is the same picture
    assert as_images(Image.new("RGBA", (40, 40), (255, 255, 255, 0))).max() == 0  # nothing is visible


def test_half_transparent_pixels_count_half():
    rgba = np.zeros((40, 40, 4), np.uint8)
    rgba[:30] = (0, 0, 0, 60)  # much, but faint
    rgba[30:] = (255, 255, 255, 255)
    assert as_images(rgba)[0, 0, 27, 0] == 1  # what is light weighs more: black ground, nothing inverted


def test_transparency_is_laid_on_white():
    rgba = Image.new("RGBA", (56, 56), (0, 0, 0, 0))
    rgba.paste((60, 60, 60, 255), (14, 14, 42, 42))
    assert torch.equal(as_images(rgba), as_images(box(56, 56, ground=255, garment=60)))
    palette = rgba.convert("P")
    palette.info["transparency"] = palette.getpixel((0, 0))
    assert as_images(palette)[0, 0, 0, 0] == 0


def test_resizing_is_an_area_average():
    picture = box(84, 84)
    picture[30:50, 30:50] = RNG.integers(0, 256, (20, 20))
    expected = picture.reshape(28, 3, 28, 3).mean((1, 3)) / 255
    np.testing.assert_allclose(as_images(picture)[0, 0].numpy(), expected, atol=1.01 / 255)


def test_a_picture_is_centred_on_its_ground():
    wide = np.full((20, 40), 30, np.uint8)
    wide[5:15, 10:30] = 220
    image = as_images(wide)[0, 0]  # 14 x 28, seven rows of ground above and below
    assert (image[:7] == 30 / 255).all()
    assert (image[21:] == 30 / 255).all()
    assert image[14, 14] == 220 / 255


@pytest.mark.parametrize("size", [(1, 1), (1, 28), (3, 200), (1, 60_000), (60_000, 2), (5, 7), (1000, 1000)])
def test_any_size_is_converted_in_little_memory(size):
    # A strip of 1 x 60,000, padded to a square before it is shrunk, would take 3.6 GB.
    assert in_convention(as_images(Image.fromarray(np.full(size, 20, np.uint8))))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "HSV"])
def test_modes_of_pil(mode):
    picture = Image.fromarray(box(40, 40)).convert("RGB").convert(mode) if mode != "PA" else None
    picture = picture or Image.fromarray(box(40, 40)).convert("P").convert("PA")
    assert in_convention(as_images(picture))


def test_a_photograph_is_turned_upright():
    picture = Image.fromarray(box(40, 40))
    picture.paste(255, (15, 2, 25, 8))  # a mark at the top
    upright = as_images(picture)
    exif = Image.Exif()
    exif[0x0112] = 6  # "turn me a quarter clockwise"
    file = io.BytesIO()
    picture.rotate(90, expand=True).save(file, "PNG", exif=exif)
    assert torch.equal(as_images(Image.open(file)), upright)


# -- refusals


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (None, "NoneType"),
        ("shoe.png", "found str"),
        (b"bytes", "found bytes"),
        ({}, "found dict"),
        (object(), "found object"),
        ([], r"the shape \(0,\)"),
        (np.zeros((0, 28, 28)), r"the shape \(0, 28, 28\)"),
        (torch.zeros(0, 1, 28, 28), r"\(0, 1, 28, 28\)"),
        (np.zeros((28, 0)), r"\(28, 0\)"),
        (3.5, r"shape \(\)"),
        (np.zeros(784), r"shape \(784,\)"),
        (np.zeros((2, 2, 28, 28)), r"shape \(2, 2, 28, 28\)"),
        (np.zeros((28, 28, 2, 2)), r"shape \(28, 28, 2, 2\)"),
        (np.zeros((1, 1, 1, 28, 28)), r"shape \(1, 1, 1, 28, 28\)"),
        ([np.zeros((1, 1, 28, 28))], r"shape \(1, 1, 1, 28, 28\)"),
        (np.zeros((28, 28), bool), "array of bool"),
        (np.zeros((28, 28), complex), "array of complex128"),
        (np.full((28, 28), np.nan), "finite numbers, found NaN"),
        (np.full((28, 28), np.inf), "finite numbers"),
        (np.full((28, 28), 1.5), r"floats in \[0, 1\], found values from 1.5 to 1.5"),
        (np.full((28, 28), -1.0), r"for values in \[-1, 1\] give \(x \+ 1\) / 2"),
        (np.full((28, 28), 256), r"integers in 0..255, found values from 256"),
        (np.full((28, 28), -1), r"integers in 0..255, found values from -1"),
        (np.full((40, 40, 3), 2.0), r"floats in \[0, 1\]"),
        ([[0.0, 0.5], [0.1]], "do not fit together"),
        ([Image.new("L", (28, 28)), "shoe.png"], "found list|do not fit"),
        (Image.new("I", (28, 28)), "the PIL mode 'I'"),
        (Image.new("I;16", (28, 28)), "the PIL mode 'I;16'"),
        (Image.new("F", (28, 28)), "the PIL mode 'F'"),
        (Image.new("LAB", (28, 28)), "mode 'LAB'"),
        (Image.new("L", (0, 28)), r"size \(0, 28\)"),
        ([np.zeros((28, 28)), np.full((40, 40), 7.0)], r"floats in \[0, 1\]"),
    ],
)
def test_what_cannot_be_converted_is_refused_by_name(given, says):
    with pytest.raises(ValueError, match=f"as_images: expected .*(?:{says})"):
        as_images(given)


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_file_cut_short_is_refused(kind):
    file = io.BytesIO()
    Image.fromarray(RNG.integers(0, 256, (64, 64), dtype=np.uint8)).save(file, kind)
    picture = Image.open(io.BytesIO(file.getvalue()[: len(file.getvalue()) // 2]))
    with pytest.raises(ValueError, match=r"expected a whole picture.*can't be read"):
        as_images(picture)


# -- on the way out


def test_grey_levels_survive_the_round_trip():
    levels = np.arange(784).reshape(1, 28, 28).astype(np.uint8)
    assert (to_uint8(as_images(levels)) == levels).all()
    assert to_uint8(torch.full((1, 1, 28, 28), 0.5))[0, 0, 0] == 128  # 127.5, rounded to the even one


def test_enlarged_pixels_are_crisp_squares():
    large = enlarge(GREY[0], 3)
    assert large.shape == (84, 84)
    assert (large.reshape(28, 3, 28, 3) == GREY[0][:, None, :, None]).all()


def test_a_pil_image_leads_back():
    for image in (FLOATS[0], FLOATS[:1]):
        assert (np.asarray(to_pil(image)) == GREY[0]).all()
    assert to_pil(FLOATS[0], scale=4).size == (112, 112)
    assert to_pil(FLOATS[0]).mode == "L"


def test_a_sheet_lays_images_in_rows():
    picture = sheet(FLOATS, columns=2, gap=3, ground=77)
    assert picture.shape == (3 * 28 + 2 * 3, 2 * 28 + 3)
    assert (picture[:28, :28] == GREY[0]).all()
    assert (picture[:28, 31:] == GREY[1]).all()
    assert (picture[31:59, :28] == GREY[2]).all()
    assert (picture[62:, :28] == GREY[4]).all()
    assert (picture[62:, 31:] == 77).all()  # the place that stays empty
    assert (picture[28:31] == 77).all()
    assert sheet(FLOATS, columns=5, gap=0).shape == (28, 140)


# -- other conventions


def coloured(height: int, width: int, colour=(200, 100, 50), ground=(10, 20, 30)) -> np.ndarray:
    picture = np.empty((height, width, 3), np.uint8)
    picture[:] = ground
    picture[height // 4 : -(height // 4), width // 4 : -(width // 4)] = colour
    return picture


@pytest.mark.parametrize(
    "form",
    [
        lambda p: p,
        lambda p: p[0],
        lambda p: np.moveaxis(p, -1, 1),
        lambda p: np.moveaxis(p, -1, 1)[0],  # (C, H, W), as the convention has one image
        lambda p: torch.from_numpy(p / 255),
        lambda p: np.moveaxis(p, -1, 1).reshape(len(p), -1),
        lambda p: [Image.fromarray(one) for one in p],
        lambda p: list(np.moveaxis(p, -1, 1)),
    ],
)
def test_forms_of_the_same_coloured_images(form):
    pictures = np.stack([coloured(32, 32)] * 2)
    images = as_images(form(pictures), COLOUR)
    assert in_convention(images, COLOUR)
    torch.testing.assert_close(images[0], torch.from_numpy(np.moveaxis(pictures[0], -1, 0) / 255).float())


def test_grey_is_repeated_where_the_convention_is_coloured():
    grey = np.arange(1024, dtype=np.uint8).reshape(32, 32)
    for given in (grey, grey[None, None], Image.fromarray(grey), grey / 255):
        images = as_images(given, COLOUR)
        assert in_convention(images, COLOUR)
        assert (to_uint8(images)[0] == grey[..., None]).all()


def test_colour_becomes_grey_by_itu_r_601_in_any_convention():
    expected = round(0.299 * 200 + 0.587 * 100 + 0.114 * 50) / 255
    assert as_images(coloured(32, 32), PLAIN)[0, 0, 16, 16] == pytest.approx(expected, abs=1 / 255)


@pytest.mark.parametrize("image", [COLOUR, PLAIN])
def test_pictures_are_inverted_only_where_the_convention_is_light_on_dark(image):
    light = box(64, 64, ground=250, garment=30)
    assert as_images(light, image)[0, 0, 0, 0] == pytest.approx(250 / 255)
    dark = ImageSpec(image.channels, 32, 32, light_on_dark=True)
    assert as_images(light, dark)[0, 0, 0, 0] == pytest.approx(5 / 255)


def test_a_coloured_picture_keeps_its_proportions_on_its_ground():
    image = as_images(coloured(20, 40), COLOUR)[0]  # 16 x 32, eight rows of ground above and below
    for channel, (ground, thing) in enumerate(zip((10, 20, 30), (200, 100, 50), strict=True)):
        assert (image[channel, :8] == ground / 255).all()
        assert (image[channel, 24:] == ground / 255).all()
        assert image[channel, 16, 16] == pytest.approx(thing / 255)


@pytest.mark.parametrize(("size", "shape"), [((16, 24), (1, 16, 24)), ((64, 20), (1, 64, 20))])
def test_height_and_width_may_differ(size, shape):
    image = ImageSpec(1, *size)
    for given in (box(50, 50), box(*size), Image.fromarray(box(30, 90)), np.zeros((3, *size))):
        images = as_images(given, image)
        assert in_convention(images, image)
        assert images.shape[1:] == shape


@pytest.mark.parametrize("image", [COLOUR, PLAIN])
@pytest.mark.parametrize(("shade", "ground"), [(20, 255), (200, 255), (250, 0)])
def test_transparency_is_laid_on_white_unless_what_is_visible_is_nearly_white(image, shade, ground):
    rgba = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
    rgba.paste((shade, shade, shade, 255), (16, 16, 48, 48))
    images = as_images(rgba, image)
    assert (images[0, :, 0, 0] == ground / 255).all()
    assert (images[0, :, 16, 16] == shade / 255).all()


def test_refusals_name_what_the_convention_takes():
    with pytest.raises(ValueError, match=r"as_images: expected .*\(N, 3072\).*found an array of shape \(3072,\)"):
        as_images(np.zeros(3072), COLOUR)


def test_global_settings_of_torch_change_nothing():
    before = [as_images(FLOATS), as_images(coloured(40, 50), COLOUR), as_labels(["Bag", 2], 2), as_labels(None, 2)]
    dtype = torch.get_default_dtype()
    try:
        torch.set_default_dtype(torch.float64)
        torch.set_default_device("meta")
        after = [as_images(FLOATS), as_images(coloured(40, 50), COLOUR), as_labels(["Bag", 2], 2), as_labels(None, 2)]
    finally:
        torch.set_default_dtype(dtype)
        torch.set_default_device(None)
    for one, other in zip(before, after, strict=True):
        assert one.dtype == other.dtype
        assert torch.equal(one, other)


# -- labels


@pytest.mark.parametrize(
    "label",
    [
        "dog",
        " DOG ",
        1,
        np.int64(1),
        np.array(1),
        torch.tensor(1),
        ["dog", "Dog"],
        (1, "dog"),
        np.array([1, 1]),
        np.array(["dog", "dog"]),
        torch.tensor([1, 1]),
    ],
)
def test_forms_of_the_same_labels(label):
    labels = as_labels(label, 2, COLOUR)
    assert labels.tolist() == [1, 1]
    assert labels.dtype == torch.int64


def test_no_label_is_the_number_after_the_last_class():
    assert as_labels(None, 3, COLOUR).tolist() == [2, 2, 2]
    assert as_labels(None, 2).tolist() == [default_spec().no_class] * 2
    assert as_labels(None, 2, PLAIN).tolist() == [0, 0]


@pytest.mark.parametrize("label", ["fish", 2, -1, 1.0, True, "", [0, "fish"], np.bool_(True), [None, 0], b"dog"])
def test_a_label_that_is_none_is_refused(label):
    with pytest.raises(ValueError, match="label: expected a number from 0 to 1 or one of cat, dog; found"):
        as_labels(label, 2, COLOUR)


def test_as_many_labels_as_images():
    with pytest.raises(ValueError, match="one for each of 3, found 2"):
        as_labels([0, 1], 3, COLOUR)


@pytest.mark.parametrize("label", [0, "cat", [0, 0]])
def test_without_classes_there_are_no_labels(label):
    with pytest.raises(ValueError, match="label: expected None, since these images have no classes"):
        as_labels(label, 2, PLAIN)


def test_names_that_differ_in_case_alone():
    letters = ImageSpec(1, 32, 32, ("A", "a", "B"))
    assert as_labels(["a", "A", "b"], 3, letters).tolist() == [1, 0, 2]


def test_many_names_are_shortened_in_the_error():
    many = ImageSpec(1, 32, 32, tuple(f"class {n}" for n in range(30)))
    with pytest.raises(ValueError, match="class 19 and 10 more; found 30") as caught:
        as_labels(30, 1, many)
    assert "class 20" not in str(caught.value)


# -- on the way out, in colour


def test_coloured_images_lead_to_pictures():
    pictures = np.stack([coloured(32, 32), coloured(32, 32, (1, 2, 3))])
    images = as_images(pictures, COLOUR)
    assert (to_uint8(images) == pictures).all()
    assert (np.asarray(to_pil(images[0])) == pictures[0]).all()
    assert to_pil(images[:1], scale=2).size == (64, 64)
    assert to_pil(images[0]).mode == "RGB"
    laid = sheet(images, columns=2, gap=3, ground=77)
    assert laid.shape == (32, 67, 3)
    assert (laid[:, :32] == pictures[0]).all()
    assert (laid[:, 35:] == pictures[1]).all()
    assert (laid[:, 32:35] == 77).all()
    assert (enlarge(pictures[0], 2)[::2, ::2] == pictures[0]).all()


def test_what_leads_out_takes_any_type():
    for images in (FLOATS.bfloat16(), FLOATS.double(), FLOATS.clone().requires_grad_()):
        assert np.abs(to_uint8(images).astype(int) - GREY).max() <= 1


ODD = {
    "meta": lambda: torch.zeros(1, 28, 28, device="meta"),
    "sparse": lambda: torch.zeros(28, 28).to_sparse(),
    "compressed rows": lambda: torch.zeros(28, 28).to_sparse_csr(),
    "complex": lambda: torch.zeros(28, 28, dtype=torch.complex64),
    "conjugate": lambda: torch.zeros(28, 28, dtype=torch.complex64).conj(),
    "quantised": lambda: torch.quantize_per_tensor(torch.zeros(28, 28), 0.1, 0, torch.quint8),
    "nested": lambda: torch.nested.nested_tensor([torch.zeros(28, 28), torch.zeros(20, 28)]),
    "an array of its own kind": lambda: Unreadable(),
}


class Unreadable:
    """Something that fails when numpy asks for its numbers."""

    def __array__(self, *_, **__):
        raise ZeroDivisionError("anything")


@pytest.mark.filterwarnings("ignore")  # of torch's own, for some of these kinds
@pytest.mark.parametrize("kind", ODD)
def test_tensors_of_odd_kinds_are_refused_as_everything_else(kind):
    for odd in (ODD[kind](), [ODD[kind]()]):
        with pytest.raises(ValueError, match="as_images: expected "):
            as_images(odd)


def test_a_negated_view_is_read_as_what_it_says():
    view = torch.complex(torch.zeros(28, 28), -torch.ones(28, 28)).conj().imag  # whose minus torch keeps for later
    assert view.is_neg()
    assert torch.equal(as_images(view), torch.ones(1, 1, 28, 28))


def test_a_picture_that_fails_in_any_way_is_refused():
    class Broken(Image.Image):
        def load(self):
            raise RuntimeError("of a decoder")

    broken = Broken()
    broken._mode, broken._size = "L", (28, 28)
    with pytest.raises(ValueError, match=r"as_images: expected .*of a decoder"):
        as_images(broken)


def test_a_picture_of_a_million_parts_is_given_up(tmp_path):
    file = io.BytesIO()
    Image.new("L", (20, 20), 99).save(file, "GIF")
    content = file.getvalue()
    start = content.index(b"\x2c", 13 + 3 * 2)  # where the picture begins
    (tmp_path / "many.gif").write_bytes(content[:start] + b"\x21\xfe\x01a\x00" * 1_500_000 + content[start:])
    began = time.thread_time()
    with pytest.raises(TimeoutError):
        Image.open(clocked(tmp_path / "many.gif"))
    assert time.thread_time() - began < 4
