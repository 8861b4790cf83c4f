"""`gengallery generate`, `reconstruct` and `grid`: the pictures and arrays that they write are the models' own."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageSequence

import gengallery
from gengallery.data import as_images, sheet
from gengallery.model.latents import latent_grid


def test_generate_writes_a_sheet_named_after_the_model(output, tmp_path):
    assert output("generate", "vae_2") == "vae_2.png: 16 images by vae_2, of seed 0\n"
    expected = sheet(gengallery.load("vae_2").generate(16), 4).repeat(4, 0).repeat(4, 1)
    assert np.array_equal(np.asarray(Image.open(tmp_path / "vae_2.png")), expected)


def test_generate_writes_arrays(output, tmp_path):
    output("generate", "flow", "-n", 3, "--seed", 5, "--steps", 2, "--out", "some.npz")
    model = gengallery.load("flow")
    found = np.load(tmp_path / "some.npz")
    assert np.array_equal(found["images"], model.generate(3, 5, steps=2))
    assert np.array_equal(found["latents"], model.sample(3, 5))
    assert np.array_equal(found["labels"], model.labels(3, 5))
    output("generate", "vae_2", "-n", 2, "--out", "two.npy")
    assert np.array_equal(np.load(tmp_path / "two.npy"), gengallery.load("vae_2").generate(2))


def test_classes_by_name_and_number_take_turns(output, tmp_path):
    output("generate", "cgan", "-n", 5, "--label", "sneaker", "--label", 8, "--out", "five.npz")
    found = np.load(tmp_path / "five.npz")
    assert found["labels"].tolist() == [7, 8, 7, 8, 7]
    assert np.array_equal(found["images"], gengallery.load("cgan").generate(5, label=[7, 8, 7, 8, 7]))


def test_a_gif_shows_the_steps_or_a_closed_path(output, tmp_path):
    output("generate", "flow", "-n", 2, "--steps", 3, "--gif")
    frames = frames_of(tmp_path / "flow.gif")
    assert len(frames) == 4  # the noise, and each step
    last = sheet(gengallery.load("flow").generate(2, steps=3), 2).repeat(4, 0).repeat(4, 1)
    assert np.abs(frames[-1] - last).max() <= 1
    assert output("generate", "vae_2", "-n", 1, "--out", "path.gif") == "path.gif: 46 frames of 1 images by vae_2\n"
    frames = frames_of(tmp_path / "path.gif")
    first = sheet(gengallery.load("vae_2").generate(1), 1).repeat(4, 0).repeat(4, 1)
    assert np.abs(frames[0] - first).max() <= 1


def frames_of(path: Path) -> list[np.ndarray]:
    """The grey levels of each frame, in order."""
    return [np.asarray(frame.convert("L"), int) for frame in ImageSequence.Iterator(Image.open(path))]


def test_type_and_device_reach_the_model(output, tmp_path):
    output("generate", "vae_2", "-n", 4, "--dtype", "float64", "--device", "cpu", "--out", "double.npy")
    expected = gengallery.load("vae_2", dtype=torch.float64).generate(4)
    assert np.array_equal(np.load(tmp_path / "double.npy"), expected)


def test_reconstruct_takes_pictures_and_arrays(output, tmp_path):
    model = gengallery.load("ae_16")
    images = model.generate(3)
    Image.fromarray(sheet(images[:1], 1)).save(tmp_path / "one.png")
    np.save(tmp_path / "two.npy", images[1:])
    said = output("reconstruct", "ae_16", "one.png", "two.npy", "--out", "three.npz")
    found = np.load(tmp_path / "three.npz")
    originals = torch.cat([as_images(Image.open(tmp_path / "one.png")), images[1:]])
    assert np.array_equal(found["originals"], originals)
    assert np.array_equal(found["images"], model.reconstruct(originals))
    assert np.array_equal(found["latents"], model.encode(originals))
    error = float(((found["images"] - found["originals"]) ** 2).mean())
    assert said == f"three.npz: 3 images and their reconstructions by ae_16, mean squared error {error:.4f}\n"


def test_reconstruct_shows_test_images_and_below_each_what_is_left(output, tmp_path, fake_root, fake_test):
    output("reconstruct", "ae_16", "--data", fake_root, "-n", 9, "--scale", 1)
    originals = as_images(fake_test.images[:9])
    images = gengallery.load("ae_16").reconstruct(originals)
    blank = torch.ones(7, 1, 28, 28)
    rows = torch.cat([originals[:8], images[:8], originals[8:], blank, images[8:], blank])
    assert np.array_equal(np.asarray(Image.open(tmp_path / "ae_16-reconstructions.png")), sheet(rows, 8))


@pytest.mark.parametrize(
    ("arguments", "area"),
    [
        (("--range", "square"), (-1, 1, -1, 1)),
        (("--x-min", -2, "--x-max", 3.5, "--y-min", 0, "--y-max", 1), (-2, 3.5, 0, 1)),
        (("--range", "square", "--y-max", 4), (-1, 1, -1, 4)),
    ],
)
def test_a_grid_of_latents(arguments, area, output, tmp_path):
    output("grid", "vae_2", *arguments, "--side", 3, "--out", "grid.npz")
    found, z = np.load(tmp_path / "grid.npz"), latent_grid(*area, 3)
    assert np.array_equal(found["latents"], z)
    assert np.array_equal(found["images"], gengallery.load("vae_2").decode(z))


def test_ranges_of_a_grid_follow_the_data(output, tmp_path):
    statistics = gengallery.load("ae_2").statistics
    output("grid", "ae_2", "--side", 2, "--out", "a.npz")
    z = np.load(tmp_path / "a.npz")["latents"]
    places = statistics.shown()[0].numpy()
    inside = ((places >= z.min(0)) & (places <= z.max(0))).mean(0)
    assert inside.tolist() == pytest.approx([0.95, 0.95], abs=0.002)
    output("grid", "ae_2", "--side", 2, "--range", "deviations", "--out", "b.npz")
    z = np.load(tmp_path / "b.npz")["latents"]
    assert np.allclose(z.mean(0), statistics.mean, atol=1e-4)
    assert np.allclose(z.max(0) - z.min(0), 4 * statistics.covariance.diagonal().sqrt(), rtol=1e-4)


def test_a_grid_is_one_picture_without_gaps(output, tmp_path):
    output("grid", "vae_2", "--side", 4, "--scale", 1)
    assert Image.open(tmp_path / "vae_2-grid.png").size == (4 * 28, 4 * 28)
