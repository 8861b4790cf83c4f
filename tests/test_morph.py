"""Morphs from one image to another, and class directions."""

from io import BytesIO

import demo_panels
import numpy as np
import pytest
import torch
from PIL import Image, ImageSequence

import gengallery
from demo.shared import models, originals
from demo.shared.originals import CLASS_NAMES
from demo.tabs.morph import view as morph
from gengallery.data import to_uint8
from gengallery.model.latents import latent_path

VAE, GAN = models.encoding_models()[-1], models.noise_models()[0]
WISH = {
    "names": [VAE], "source_a": morph.SAMPLE, "seed_a": 1, "picture_a": None, "source_b": morph.SAMPLE, "seed_b": 2,
    "picture_b": None, "path": morph.STRAIGHT, "less": morph.NO_CLASS, "plus": morph.NO_CLASS, "strength": 1.0,
}  # fmt: skip


def test_a_morph_leads_from_a_to_b():
    rows = demo_panels.morphs(**WISH | {"names": [VAE, GAN]}).rows
    assert [row.label for row in rows] == [name for name in models.models() if name in (VAE, GAN)]
    for row in rows:
        assert len(row.pictures) == morph.STEPS
        model = gengallery.load(row.label)
        for index, seed in ((0, 1), (-1, 2)):
            end = to_uint8(model.decode(model.sample(1, seed)))[0]
            assert np.abs(row.pictures[index].astype(int) - end).max() <= 1


def test_a_picture_goes_through_the_encoder():
    image = gengallery.load(VAE).generate(1, 4)
    text = originals.picture_as_text(image)
    (row,) = demo_panels.morphs(
        **WISH | {"source_a": originals.YOURS, "picture_a": text, "source_b": originals.TEST}
    ).rows
    expected = to_uint8(gengallery.load(VAE).reconstruct(originals.picture_of(text)))[0]
    assert np.abs(row.pictures[0].astype(int) - expected).max() <= 1


def test_the_path_decides():
    straight, arc = (demo_panels.morphs(**WISH | {"path": path}).rows[0].pictures for path in morph.PATHS)
    assert (straight[1:-1] != arc[1:-1]).any()
    assert np.abs(straight[[0, -1]].astype(int) - arc[[0, -1]]).max() <= 1


def test_an_arc_keeps_the_length_and_turns_evenly():
    start, end, share = torch.tensor([3.0, 0.0]), torch.tensor([0.0, 3.0]), torch.linspace(0, 1, 4)
    z = latent_path(start, end, 4, arc=True)
    torch.testing.assert_close(z.norm(dim=1), torch.full((4,), 3.0))
    torch.testing.assert_close(torch.atan2(z[:, 1], z[:, 0]), share * torch.pi / 2)
    longer = latent_path(start, 2 * end, 4, arc=True)
    torch.testing.assert_close(longer.norm(dim=1), 3 + 3 * share)
    torch.testing.assert_close(latent_path(start, end, 4), torch.stack([3 - 3 * share, 3 * share], dim=1))


@pytest.mark.parametrize("end", [[0.0, 0.0], [6.0, 0.0], [-6.0, 0.0]])
def test_where_there_is_no_arc_the_way_is_straight(end):
    start, end = torch.tensor([3.0, 0.0]), torch.tensor(end)
    torch.testing.assert_close(latent_path(start, end, 5, arc=True), latent_path(start, end, 5))


def test_a_class_direction_is_added_all_along():
    model = gengallery.load(VAE)
    (row,) = demo_panels.morphs(**WISH | {"less": "Sneaker", "plus": "Bag", "strength": 0.5}).rows
    centroids = model.statistics.centroids
    shift = 0.5 * (centroids[CLASS_NAMES.index("Bag")] - centroids[CLASS_NAMES.index("Sneaker")])
    expected = to_uint8(model.decode(model.sample(1, 1) + shift))[0]
    assert np.abs(row.pictures[0].astype(int) - expected).max() <= 1
    plain, gan = (demo_panels.morphs(**WISH | {"names": [GAN]} | more).rows[0] for more in ({}, {"plus": "Bag"}))
    np.testing.assert_array_equal(plain.pictures, gan.pictures)  # which has no centroids


def test_the_film_goes_there_and_back():
    film = Image.open(BytesIO(demo_panels.morphs(**WISH | {"names": [VAE, GAN]}).film))
    frames = [np.asarray(frame.convert("L")) for frame in ImageSequence.Iterator(film)]
    assert len(frames) == 2 * morph.FRAMES - 2
    np.testing.assert_array_equal(frames[1], frames[-1])
    assert frames[0].shape == (4 * 28, 4 * 57)
    assert (frames[0] != frames[morph.FRAMES - 1]).any()


BAD = [
    ({"names": []}, "models"), ({"names": ["nobody"]}, "nobody"), ({"path": "downhill"}, "path"),
    ({"source_a": "elsewhere"}, "source of a"), ({"source_b": None}, "source of b"),
    ({"seed_a": -1}, "seed"), ({"seed_b": float("nan")}, "seed"), ({"source_b": originals.YOURS}, "picture"),
    ({"less": "Hat"}, "class"), ({"strength": float("nan")}, "how much"), ({"strength": 1e9}, "how much"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "named"), BAD)
def test_what_makes_no_sense_is_refused_by_name(change, named):
    with pytest.raises(ValueError, match=r"expected.*found") as refusal:
        demo_panels.morphs(**WISH | change)
    assert named in str(refusal.value).lower()
