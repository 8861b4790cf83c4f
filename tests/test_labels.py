"""Labels: as people write them, as they are drawn, and what changes with them."""

import numpy as np
import pytest
import scipy.stats
import torch
from networks import KINDS, untrained

from gengallery.data import as_labels, default_spec
from gengallery.model.model import CHUNK

CLASS_NAMES, NO_CLASS = default_spec().classes, default_spec().no_class
CLOSE = {"rtol": 1e-4, "atol": 1e-5}
every_kind = pytest.mark.parametrize("kind", KINDS)


# -- labels as people write them


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, [NO_CLASS] * 3),
        (7, [7] * 3),
        (np.uint8(7), [7] * 3),
        (np.array(7), [7] * 3),
        (torch.tensor(7), [7] * 3),
        ("Sneaker", [7] * 3),
        ("sneaker", [7] * 3),
        ("  ANKLE BOOT ", [9] * 3),
        ("t-shirt/top", [0] * 3),
        ([0, 9, 4], [0, 9, 4]),
        ((0, 9, 4), [0, 9, 4]),
        (["bag", 1, np.int64(2)], [8, 1, 2]),
        (np.array([3, 2, 1], np.uint8), [3, 2, 1]),
        (np.array(["Coat", "dress", "BAG"]), [4, 3, 8]),
        (torch.tensor([3, 2, 1]), [3, 2, 1]),
        (torch.tensor([3, 2, 1], dtype=torch.uint8), [3, 2, 1]),
    ],
)
def test_labels_are_read(given, expected):
    found = as_labels(given, 3)
    assert found.dtype == torch.int64
    assert found.tolist() == expected


@pytest.mark.parametrize("number", range(len(CLASS_NAMES)))
def test_each_class_goes_by_its_name(number):
    for name in (CLASS_NAMES[number], CLASS_NAMES[number].upper(), CLASS_NAMES[number].lower()):
        assert as_labels(name, 1).tolist() == [number]


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (10, "found 10$"),
        (-1, "found -1$"),
        (NO_CLASS, "expected a number from 0 to 9 or one of T-shirt/top, Trouser, .*; found 10"),
        (1.0, r"found 1\.0"),
        (True, "found True"),
        ("boot", "found 'boot'"),
        ("7", "found '7'"),
        ("", "found ''"),
        ({1}, r"found \{1\}"),
        ([1, 2], "expected one class for all, or one for each of 3, found 2"),
        ([], "for each of 3, found 0"),
        ([1, 2, 3, 4], "for each of 3, found 4"),
        (torch.zeros(4, dtype=torch.int64), "for each of 3, found 4"),
        ([1, 2, None], "found None"),
        ([[1], [2], [3]], r"found \[1\]"),
        (np.array([0.0, 1.0, 2.0]), r"found 0\.0"),
        (torch.tensor([True, False, True]), "found True"),
    ],
)
def test_labels_that_are_none_are_refused(bad, says):
    with pytest.raises(ValueError, match=f"^label: .*{says}"):
        as_labels(bad, 3)
    model = untrained("gan")
    z = model.sample(3)
    images = model.decode(z)
    for call in (lambda: model.generate(3, label=bad), lambda: model.stream(3, label=bad),
                 lambda: model.decode(z, label=bad), lambda: model.encode(images, label=bad),
                 lambda: model.reconstruct(images, label=bad)):  # fmt: skip
        with pytest.raises(ValueError, match=f"^label: .*{says}"):
            call()


# -- what is drawn when no label is given


def test_drawn_labels_depend_on_seed_and_number_alone():
    model = untrained("vae")
    many = model.labels(100, seed=3)
    assert many.shape == (100,)
    assert many.dtype == torch.int64
    for n in (1, 2, 7, 99):
        assert torch.equal(model.labels(n, seed=3), many[:n])
    assert torch.equal(untrained("flow").labels(100, seed=3), many)
    assert not torch.equal(model.labels(100, seed=4), many)
    assert torch.equal(model.labels(100), model.labels(100, seed=0))


def test_drawn_labels_are_equally_likely_and_say_nothing_of_the_noise():
    model = untrained("gan")
    labels = model.labels(20_000, seed=1)
    counts = labels.bincount(minlength=len(CLASS_NAMES))
    assert len(counts) == len(CLASS_NAMES)
    assert scipy.stats.chisquare(counts.numpy()).pvalue > 1e-3
    z = model.sample(20_000, seed=1)
    groups = [z[labels == k, 0].numpy() for k in range(len(CLASS_NAMES))]
    assert scipy.stats.f_oneway(*groups).pvalue > 1e-3


def test_labels_are_drawn_for_whole_numbers_alone():
    for n in (0, -1, 2.0, None, True):
        with pytest.raises(ValueError, match="n: expected a whole number from 1 up"):
            untrained("gan").labels(n)
    with pytest.raises(ValueError, match="seed: expected a whole number from 0 up"):
        untrained("gan").labels(1, seed=-1)


@every_kind
def test_generate_decodes_its_sample_under_its_labels(kind):
    model = untrained(kind)
    z = model.sample(6, seed=2)
    assert torch.equal(model.generate(6, seed=2), model.decode(z, label=model.labels(6, seed=2)))
    assert torch.equal(model.generate(6, seed=2, label=None), model.generate(6, seed=2))
    assert torch.equal(model.generate(6, seed=2, label="bag"), model.decode(z, label=[8] * 6))


# -- the same label, the same image


@every_kind
def test_every_class_gives_another_image(kind):
    model = untrained(kind)
    z = model.sample(1, seed=1).repeat(11, 1)
    images = torch.cat([model.decode(z[:10], label=list(range(10))), model.decode(z[:1])])
    distances = torch.cdist(images.flatten(1), images.flatten(1)) + torch.eye(11)
    assert distances.min() > 1e-4


@every_kind
def test_an_image_depends_on_its_own_seed_number_and_label_alone(kind):
    model, label = untrained(kind), [3, 1, 4, 1, 5, 9]
    images = model.generate(6, seed=7, label=label)
    torch.testing.assert_close(model.generate(3, seed=7, label=label[:3]), images[:3], **CLOSE)
    others = model.generate(6, seed=7, label=[3, 0, 4, 8, 0, 9])
    torch.testing.assert_close(others[[0, 2, 5]], images[[0, 2, 5]], **CLOSE)
    assert all((others[i] - images[i]).abs().max() > 1e-5 for i in (1, 3, 4))


@every_kind
def test_labels_stay_with_their_images_across_chunks(kind):
    model, n = untrained(kind), CHUNK + 3
    label = [i % 10 for i in range(n)]
    images = model.generate(n, label=label)
    z = model.sample(n)
    for i in (0, CHUNK - 1, CHUNK, n - 1):
        torch.testing.assert_close(model.decode(z[i], label=label[i]), images[i : i + 1], **CLOSE)
    if kind == "vae":  # the others take their time
        found = model.encode(images, label=label)
        torch.testing.assert_close(model.encode(images[CHUNK:], label=label[CHUNK:]), found[CHUNK:], **CLOSE)


def test_encoding_takes_the_class_too():
    for kind in ("vae", "flow", "gan"):
        model = untrained(kind)
        image = model.generate(1, seed=3, label=2)
        given, other, without = model.encode(image, label=2), model.encode(image, label=3), model.encode(image)
        assert not torch.allclose(given, other, atol=1e-4)
        assert not torch.allclose(given, without, atol=1e-4)
        if kind != "gan":  # a search takes its time
            again = model.decode(given, label=2, **({"steps": 20} if kind == "flow" else {}))
            assert torch.equal(model.reconstruct(image, label=2), again)
