"""Planes through latent spaces, the matrices on them, and the decoders that go to the browser."""

import json

import numpy as np
import pytest
import torch
from safetensors import safe_open
from torch import nn

import gengallery
from demo.shared import decoders, models
from demo.tabs.explore import view as latent
from gengallery.data import as_labels, to_uint8
from gengallery.model.latents import LatentStatistics

FLAT, DEEP, GAN = latent.flat_models(), latent.deep_models(), models.noise_models()[0]
# Those that the page's script has all layers for.
PLAIN = [
    name
    for family in ("autoencoder", "gan", "vae")
    for name in gengallery.list_models(family=family)
    if not gengallery.info(name)["options"]
]
AREA = (-1.0, 3.0, 2.0, 6.0)


def test_presets(monkeypatch):
    class Fake:
        statistics = LatentStatistics(2, 10)

    grid, labels = torch.stack([torch.linspace(0, 100, 2000), torch.linspace(0, -200, 2000)], dim=1), torch.arange(2000)
    Fake.statistics.fit(grid, labels % 10, grid, labels % 10)
    monkeypatch.setattr(latent, "load", lambda name: Fake)
    found = latent.plane(FLAT[0], "latents", 0)
    spread = 2 * grid.numpy().std(axis=0, ddof=1)
    assert found.ranges[latent.SQUARE] == (-1, 1, -1, 1)
    assert found.ranges[latent.MOST_DATA] == pytest.approx((2.5, 97.5, -195, -5), abs=1e-3)
    wide = (50 - spread[0], 50 + spread[0], -100 - spread[1], -100 + spread[1])
    assert found.ranges[latent.DEVIATIONS] == pytest.approx(wide, rel=1e-4)
    assert found.map[0] < 1 < 99 < found.map[1]
    assert torch.equal(found.points((0, 1, 0, 1), 2), torch.tensor([[0.0, 1], [1, 1], [0, 0], [1, 0]]))


@pytest.mark.parametrize("name", FLAT)
def test_a_matrix_goes_right_with_x_and_up_with_y(name):
    matrix = latent.matrix(name, "latents", 0, AREA, 3)
    assert matrix.pixels.shape == (84, 84)
    for column, x in enumerate((-1, 1, 3)):
        for row, y in enumerate((6, 4, 2)):
            cell = matrix.pixels[28 * row : 28 * row + 28, 28 * column : 28 * column + 28]
            alone = latent.decode(name, [x, y])
            assert np.abs(cell.astype(int) - alone).max() <= 1  # sums in batches may round another way


@pytest.mark.slow
@pytest.mark.parametrize("kind", latent.KINDS)
def test_every_plane_draws_the_largest_matrix(kind):
    for name in latent.KINDS[kind].models():
        found = latent.plane(name, kind, 3)
        assert tuple(found.ranges) == latent.KINDS[kind].ranges
        assert set(latent.KINDS[kind].start()) <= set(latent.KINDS[kind].models())
        area = list(found.ranges.values())[-1]
        pixels = latent.matrix(name, kind, 3, area, latent.MOST_SIDE).pixels
        assert pixels.shape == (840, 840)
        assert pixels.std() > 0


@pytest.mark.parametrize("name", DEEP)
def test_principal_directions_are_where_the_data_is_widest(name):
    found = latent.plane(name, "principal", 0)
    covariance = gengallery.load(name).statistics.covariance.double()
    values = torch.linalg.eigvalsh(covariance)
    for direction, value in ((found.across.double(), values[-1]), (found.up.double(), values[-2])):
        torch.testing.assert_close(covariance @ direction, value * direction, rtol=1e-3, atol=1e-3)
        assert direction.norm().item() == pytest.approx(value.sqrt().item(), rel=1e-4)


@pytest.mark.parametrize("name", DEEP)
def test_single_latents_are_those_that_tell_most(name):
    model, found = gengallery.load(name), latent.plane(name, "single", 0)
    first, second = (direction.nonzero() for direction in (found.across, found.up))
    assert first.numel() == second.numel() == 1
    information = model.kl_per_latent(latent.examples(200, 0), as_labels(None, 200))
    information = model.statistics.covariance.diagonal() if information is None else information
    assert [first.item(), second.item()] == information.argsort(descending=True)[:2].tolist()


def test_three_images_lie_at_the_corners():
    name = DEEP[0]
    found, images = latent.plane(name, "images", 5), latent.examples(3, 5)
    z = gengallery.load(name).encode(images)
    for (a, b), expected in zip(((0, 0), (1, 0), (0, 1)), z, strict=True):
        torch.testing.assert_close(found.origin + a * found.across + b * found.up, expected, rtol=1e-4, atol=1e-4)


def test_a_grid_is_a_matrix_enlarged():
    picture = latent.grid(FLAT[0], latent.OWN, 3, *AREA)
    np.testing.assert_array_equal(picture[::2, ::2], latent.matrix(FLAT[0], "latents", 0, AREA, 3).pixels)
    preset = latent.grid(FLAT[0], latent.SQUARE, 3, 9, -9, 9, -9)  # the numbers count for nothing
    np.testing.assert_array_equal(preset, latent.grid(FLAT[0], latent.OWN, 3, -1, 1, -1, 1))


MATRIX = {"name": FLAT[0], "kind": "latents", "seed": 0, "area": AREA, "side": 3}
NOT_FINITE = (float("nan"), float("inf"), float("-inf"), None)
BAD = [
    (latent.matrix, {**MATRIX, "name": GAN}, "model"),
    (latent.matrix, {**MATRIX, "name": ["x"]}, "model"),
    (latent.matrix, {**MATRIX, "kind": "flat earth"}, "space"),
    (latent.matrix, {**MATRIX, "kind": None}, "space"),
    *((latent.matrix, {**MATRIX, "seed": bad}, "seed") for bad in (-1, 0.5, "x", *NOT_FINITE)),
    *((latent.matrix, {**MATRIX, "side": bad}, "side") for bad in (1, 31, 1e9, 2.5, *NOT_FINITE)),
    *((latent.matrix, {**MATRIX, "area": bad}, "range") for bad in ([1, 2, 3], "1234", None, [-1, 1e9, 0, 1])),
    *((latent.matrix, {**MATRIX, "area": (-1, 1, 0, bad)}, "range") for bad in NOT_FINITE),
    (latent.matrix, {**MATRIX, "area": (1, 1, 0, 1)}, "x"),
    (latent.matrix, {**MATRIX, "area": (0, 1, 1, 0)}, "y"),
    (latent.plane, {"name": FLAT[0], "kind": "principal", "seed": 0}, "model"),
    (latent.decode, {"name": "../x", "z": [0, 0]}, "model"),
    *((latent.decode, {"name": FLAT[0], "z": bad}, "z") for bad in ([], [0], [0, "1"], [0, 1e9], {}, "00", [0] * 9999)),
    *((latent.decode, {"name": FLAT[0], "z": [0, bad]}, "z") for bad in NOT_FINITE),
]  # fmt: skip


@pytest.mark.parametrize(("view", "choices", "named"), BAD)
def test_what_makes_no_sense_is_refused_by_name(view, choices, named):
    with pytest.raises(ValueError, match=r"expected.*found") as refusal:
        view(**choices)
    assert named in str(refusal.value).lower()
    assert len(str(refusal.value)) < 400


# -- decoders for the browser


@pytest.mark.parametrize("name", PLAIN)
def test_plain_decoders_run_in_the_browser(name, tmp_path):
    model = gengallery.load(name)
    assert decoders.export(model, tmp_path / "file")
    with safe_open(tmp_path / "file", "pt") as file:
        layers = json.loads(file.metadata()["layers"])
        assert int(file.metadata()["latent"]) == model.config.latent
        named = {layer[key] for layer in layers for key in ("weight", "bias") if key in layer}
        assert named == set(file.keys()) - {"centroids", "positions", "labels"}
        assert ("positions" in file.keys()) == (name in FLAT)  # noqa: SIM118


@pytest.mark.parametrize("name", gengallery.list_models(option="label"))
def test_a_model_that_takes_options_stays_with_the_server(name, tmp_path):
    assert not decoders.export(gengallery.load(name), tmp_path / "file")
    assert not (tmp_path / "file").exists()


def test_a_decoder_that_depends_on_its_numbers_stays_with_the_server(tmp_path):
    class Forked(type(gengallery.load(FLAT[0]))):
        def decoder(self, z, condition):
            return super().decoder(-z if z.sum() < 0 else z, condition)

    model = gengallery.load(FLAT[0])
    model.__class__ = Forked
    assert not decoders.export(model, tmp_path / "file")
    assert not (tmp_path / "file").exists()


def test_a_decoder_beyond_the_script_stays_with_the_server(tmp_path):
    model = gengallery.load(FLAT[0])
    model.outward = nn.Sequential(model.outward, nn.GELU())
    assert not decoders.export(model, tmp_path / "file")
    assert not (tmp_path / "file").exists()


def test_weights_that_would_suffer_stay_whole(tmp_path):
    model = gengallery.load(FLAT[0])
    decoders.export(model, tmp_path / "halved")
    model.outward.weight.data *= 300  # where rounding to half precision shows
    decoders.export(model, tmp_path / "whole")
    assert (tmp_path / "whole").stat().st_size > (tmp_path / "halved").stat().st_size
    assert to_uint8(model.decode([[1.0, 1.0]])).shape == (1, 28, 28)
