"""Morphs from one garment to another, and class directions."""

import sys
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageSequence

import gengallery
from gengallery.images import CLASS_NAMES, to_uint8

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "demo"))

import morph
import views

VAE, GAN = "vae_2", views.gans()[0]
WISH = {
    "names": [VAE], "sources": [morph.SAMPLE, morph.SAMPLE], "seeds": [1, 2], "uploads": [None, None],
    "path": morph.STRAIGHT, "less": morph.NO_CLASS, "more": morph.NO_CLASS, "strength": 1.0,
}  # fmt: skip


def test_a_morph_leads_from_a_to_b():
    rows, _ = morph.morphs(**WISH | {"names": [VAE, GAN]})
    assert [row.label for row in rows] == [name for name in views.models() if name in (VAE, GAN)]
    for row in rows:
        assert len(row.pictures) == morph.STEPS
        model = gengallery.load(row.label)
        for index, seed in ((0, 1), (-1, 2)):
            end = to_uint8(model.generate(1, seed))[0]
            assert np.abs(row.pictures[index].astype(int) - end).max() <= 1


def test_a_picture_goes_through_the_encoder():
    picture = Image.fromarray(to_uint8(gengallery.load(VAE).generate(1, 4))[0])
    rows, _ = morph.morphs(**WISH | {"sources": [morph.UPLOAD, morph.TEST], "uploads": [picture, None]})
    expected = to_uint8(gengallery.load(VAE).reconstruct(picture))[0]
    assert np.abs(rows[0].pictures[0].astype(int) - expected).max() <= 1


def test_an_arc_keeps_the_length_and_turns_evenly():
    start, end, share = torch.tensor([3.0, 0.0]), torch.tensor([0.0, 3.0]), torch.linspace(0, 1, 4)
    z = morph.between(start, end, share, morph.ARC)
    torch.testing.assert_close(z.norm(dim=1), torch.full((4,), 3.0))
    torch.testing.assert_close(torch.atan2(z[:, 1], z[:, 0]), share * torch.pi / 2)
    longer = morph.between(start, 2 * end, share, morph.ARC)
    torch.testing.assert_close(longer.norm(dim=1), 3 + 3 * share)
    straight = morph.between(start, end, share, morph.STRAIGHT)
    torch.testing.assert_close(straight, torch.stack([3 - 3 * share, 3 * share], dim=1))


@pytest.mark.parametrize("end", [[0.0, 0.0], [6.0, 0.0], [-6.0, 0.0]])
def test_where_there_is_no_arc_the_way_is_straight(end):
    start, end, share = torch.tensor([3.0, 0.0]), torch.tensor(end), torch.linspace(0, 1, 5)
    expected = morph.between(start, end, share, morph.STRAIGHT)
    torch.testing.assert_close(morph.between(start, end, share, morph.ARC), expected)


def test_a_class_direction_is_added_all_along():
    model = gengallery.load(VAE)
    (row,), _ = morph.morphs(**WISH | {"less": "Sneaker", "more": "Bag", "strength": 0.5})
    centroids = model.statistics.centroids
    shift = 0.5 * (centroids[CLASS_NAMES.index("Bag")] - centroids[CLASS_NAMES.index("Sneaker")])
    expected = to_uint8(model.decode(model.sample(1, 1) + shift))[0]
    assert np.abs(row.pictures[0].astype(int) - expected).max() <= 1
    ((plain,), _), ((gan,), _) = (morph.morphs(**WISH | {"names": [GAN]} | more) for more in ({}, {"more": "Bag"}))
    np.testing.assert_array_equal(plain.pictures, gan.pictures)  # which has no centroids


def test_the_film_goes_there_and_back():
    _, gif = morph.morphs(**WISH | {"names": [VAE, GAN]})
    film = Image.open(BytesIO(gif))
    frames = [np.asarray(frame.convert("L")) for frame in ImageSequence.Iterator(film)]
    assert len(frames) == 2 * morph.FRAMES - 2
    np.testing.assert_array_equal(frames[1], frames[-1])
    assert frames[0].shape == (4 * 28, 4 * 58)
    assert (frames[0] != frames[morph.FRAMES - 1]).any()


BAD = [
    ({"names": []}, "models"), ({"names": ["nobody"]}, "nobody"), ({"path": "downhill"}, "path"),
    ({"sources": ["elsewhere", morph.TEST]}, "source of A"), ({"sources": [morph.TEST, None]}, "source of B"),
    ({"seeds": [-1, 0]}, "seed"), ({"seeds": [0, float("nan")]}, "seed"),
    ({"sources": [morph.TEST, morph.UPLOAD]}, "B: expected a picture"),
    ({"less": "Hat"}, "class"), ({"strength": float("nan")}, "strength"), ({"strength": 1e9}, "strength"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "named"), BAD)
def test_what_makes_no_sense_is_refused_by_name(change, named):
    with pytest.raises(ValueError, match=r"expected.*found") as refusal:
        morph.morphs(**WISH | change)
    assert named in str(refusal.value)
