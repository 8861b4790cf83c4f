"""Models that somebody else made, behind the gallery's calls, in its list and its evaluation."""

import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import gengallery
from gengallery import data, gallery
from gengallery.data import Dataset, ImageSpec, default_spec, sources
from gengallery.evaluation import classifier, figures, reference, scorecard
from gengallery.evaluation.classifier import ClassifierConfig
from gengallery.evaluation.reference import Reference
from gengallery.model.model import Model
from gengallery.nn import inversion
from gengallery.priors.noise import UNIFORM, Noise
from gengallery.storage import checkpoint
from gengallery.training.run import Run, file_header

IMAGE = default_spec()
D = 6
PATTERNS = torch.randn(D, IMAGE.pixels, generator=torch.Generator().manual_seed(0))
CLOSE = {"rtol": 1e-4, "atol": 1e-5}


@pytest.fixture
def home(tmp_path, monkeypatch) -> gallery.Gallery:
    """An empty gallery, which is the default one."""
    folder = tmp_path / "weights"
    folder.mkdir()
    monkeypatch.setenv(gallery.VARIABLE, str(folder))
    monkeypatch.setattr(inversion, "CANDIDATES", 32)
    monkeypatch.setattr(inversion, "DESCENT", 60)
    return gallery.default()


def decode(z: torch.Tensor) -> torch.Tensor:
    return torch.sigmoid(z @ PATTERNS.to(z) / 3).unflatten(1, IMAGE.shape)


def encode(images: torch.Tensor) -> torch.Tensor:
    return 3 * torch.logit(images.flatten(1), 1e-6) @ torch.linalg.pinv(PATTERNS)


def decode_with_class(z: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    return (decode(z) * (1 + labels[:, None, None, None]) / 11).clamp(0, 1)


def wrapped(**changes) -> Model:
    return gengallery.wrap("theirs", **{"decode": decode, "encode": encode, "latent": D, **changes})


# -- the calls


def test_the_calls(home):
    model = wrapped()
    z = model.sample(3, seed=1)
    images = model.decode(z)
    assert images.shape == (3, *IMAGE.shape)
    assert torch.equal(model.generate(3, seed=1), images)
    assert torch.equal(list(model.stream(3, seed=1))[-1], images)
    torch.testing.assert_close(model.encode(images), z, rtol=1e-2, atol=1e-2)
    torch.testing.assert_close(model.reconstruct(images), images, rtol=1e-2, atol=1e-2)
    assert torch.equal(z, torch.from_numpy(np.random.default_rng(1).standard_normal((3, D), dtype=np.float32)))
    assert not model.searches
    assert not model.training
    for option in ({"label": 1}, {"guidance": 1.0}, {"steps": 2}):
        with pytest.raises(TypeError, match="expected an option that theirs has"):
            model.generate(1, **option)


def test_what_it_gives_may_be_arrays(home):
    plain = wrapped()
    model = gengallery.wrap("arrays", latent=D, decode=lambda z: decode(z).numpy().astype(np.float64),
                            encode=lambda x: encode(x).tolist())  # fmt: skip
    images = model.generate(2)
    torch.testing.assert_close(images, plain.generate(2), **CLOSE)
    assert images.dtype == torch.float32
    torch.testing.assert_close(model.encode(images), plain.encode(images), **CLOSE)


def test_without_encode_the_latent_is_searched_for(home):
    model = wrapped(encode=None)
    assert model.searches
    images = model.generate(2, seed=3)
    again = model.reconstruct(images)
    best = (model.decode(model.prior.sample(32, seed=0))[:, None] - images).square().mean((2, 3, 4)).min(0).values
    assert ((again - images).square().mean((1, 2, 3)) < best / 2).all()
    other = gengallery.wrap("with an encoder", latent=D, decode=decode, encode=encode)
    assert not other.searches


def test_classes_reach_the_functions(home):
    seen = []

    def encode_with_class(images, labels):
        seen.append(labels.tolist())
        return encode(images)

    model = wrapped(decode=decode_with_class, encode=encode_with_class, label=True)
    assert model.options.names == ("label",)
    z = model.sample(2)
    light, dark = model.decode(z, label="Bag"), model.decode(z, label=0)
    torch.testing.assert_close(light, 9 * dark, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(model.decode(z), 11 * dark, rtol=1e-3, atol=1e-3)  # no class is number ten
    assert torch.equal(model.generate(4, seed=2), model.decode(model.sample(4, seed=2), label=model.labels(4, seed=2)))
    model.encode(light, label=[8, 3])
    assert seen == [[8, 3]]
    searching = gengallery.wrap("searching", latent=D, decode=decode_with_class, label=True)
    assert searching.searches
    assert searching.encode(dark[:1], label=0).shape == (1, D)


def test_images_of_another_kind_and_a_prior_of_its_own(home):
    image = ImageSpec(3, 20, 24, ("cat", "dog"))
    model = gengallery.wrap(
        "colour", latent=2, image=image, prior=Noise(UNIFORM, 2, standardised=False),
        decode=lambda z: z[:, :1, None, None].expand(-1, *image.shape),
        encode=lambda x: x.flatten(1).mean(1, keepdim=True).repeat(1, 2),
    )  # fmt: skip
    images = model.generate(3, seed=1)
    assert images.shape == (3, *image.shape)
    torch.testing.assert_close(images[:, 0, 0, 0], model.sample(3, seed=1)[:, 0])
    torch.testing.assert_close(model.encode(images)[:, 1], images[:, 0, 0, 0])
    assert model.image == image
    assert ImageSpec.from_json(gengallery.info("colour")["image"]) == image


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_latents_come_as_float32_to_functions_without_parameters(home, dtype):
    seen = []
    model = gengallery.wrap("spy", latent=D, decode=lambda z: seen.append(z.dtype) or decode(z), encode=encode)
    model.to(dtype)
    assert model.generate(1).dtype == torch.float32
    assert seen == [torch.float32]


# -- what it gives is checked


WRONG = {
    "too few": (lambda z: decode(z)[:-1], r"decode: expected the shape \(2, 1, 28, 28\), found \(1, 1, 28, 28\)"),
    "flat": (lambda z: decode(z).flatten(1), r"theirs\.decode: expected the shape .* found \(2, 784\)"),
    "without channels": (lambda z: decode(z)[:, 0], r"theirs\.decode: expected the shape .* found \(2, 28, 28\)"),
    "levels": (lambda z: decode(z) * 255, r"theirs\.decode: expected pixels in \[0, 1\], found values from"),
    "both signs": (lambda z: 2 * decode(z) - 1, r"theirs\.decode: expected pixels in \[0, 1\], found values from -"),
    "no number": (lambda z: decode(z) * torch.nan, r"theirs\.decode: expected finite numbers, found NaN or infinity"),
}  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_images_are_refused(home, wrong):
    function, says = WRONG[wrong]
    with pytest.raises(ValueError, match=says):
        wrapped(decode=function).generate(2)


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (lambda x: torch.zeros(len(x), D + 1), r"theirs\.encode: expected the shape \(2, 6\), found \(2, 7\)"),
        (lambda x: torch.zeros(D), r"theirs\.encode: expected the shape \(2, 6\), found \(6,\)"),
        (
            lambda x: torch.full((len(x), D), torch.inf),
            r"theirs\.encode: expected finite numbers, found NaN",
        ),
    ],
)
def test_wrong_latents_are_refused(home, function, says):
    with pytest.raises(ValueError, match=says):
        wrapped(encode=function).encode(torch.zeros(2, *IMAGE.shape))


def test_rounding_just_outside_is_let_in(home):
    model = wrapped(decode=lambda z: torch.full((len(z), *IMAGE.shape), 1 + 1e-5))
    assert model.generate(1).max() == 1


@pytest.mark.parametrize("latent", [0, -1, 2.0, "6", None, True])
def test_a_latent_has_a_size(home, latent):
    with pytest.raises(ValueError, match="latent: expected a whole number from 1 up, found"):
        wrapped(latent=latent)
    assert gengallery.list_models() == []


def test_a_label_needs_classes(home):
    with pytest.raises(ValueError, match="label: expected an image spec with classes, found one without"):
        wrapped(label=True, image=replace(IMAGE, classes=()))
    assert gengallery.list_models() == []


# -- in the gallery


def test_it_stands_in_the_list_and_is_loaded(home):
    model = wrapped(summary="Theirs.")
    assert gengallery.list_models() == ["theirs"]
    assert gengallery.list_models(family="wrapped") == ["theirs"]
    assert gengallery.list_models(option="label") == []
    assert gengallery.load("theirs") is model
    info = gengallery.info("theirs")
    assert (info["name"], info["family"], info["summary"], info["latent"]) == ("theirs", "wrapped", "Theirs.", D)
    assert info["scorecard"] is None
    assert info["options"] == []
    assert home.problems() == {}
    assert home.image == IMAGE


def test_a_name_that_is_taken_is_refused(home):
    gengallery.Gallery(gallery.SHIPPED).load("ae_2").save(home.folder / "ae_2.safetensors")
    for name in ("ae_2", ""):
        with pytest.raises(ValueError, match="model: expected"):
            gengallery.wrap(name, latent=D, decode=decode)
    first = wrapped()
    with pytest.raises(ValueError, match="model: expected a new name, found 'theirs'"):
        wrapped()
    assert gengallery.load("theirs") is first


def test_it_may_stand_in_a_gallery_of_its_own(home, tmp_path):
    other = gengallery.Gallery(tmp_path / "other")
    gengallery.wrap("theirs", latent=D, decode=decode, gallery=other)
    assert other.list() == ["theirs"]
    assert gengallery.list_models() == []


def test_it_has_no_file(home, tmp_path):
    with pytest.raises(ValueError, match="theirs: expected a model of the gallery's families, found a wrapped one"):
        wrapped().save(tmp_path / "theirs.safetensors")
    assert list(home.folder.iterdir()) == []


def test_it_is_copied(home):
    model = wrapped()
    assert torch.equal(copy.deepcopy(model).generate(2), model.generate(2))


# -- its scorecard


@pytest.fixture
def real(home, fake_data, monkeypatch, tmp_path) -> Reference:
    """Little data, few samples, and a classifier that has learned nothing."""
    card = replace(classifier.CARD, config=ClassifierConfig((4, 8, 16), image=fake_data.spec))
    run = Run(card, fake_data.split(data.TRAINVAL))
    checkpoint.write(home.classifier, run.model.state_dict(), file_header(run, {}, "a command"))
    for module in (reference, scorecard):
        monkeypatch.setattr(module, "COUNT", 40)
    monkeypatch.setattr(figures, "WEIGHED", 10)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return Reference(fake_data, home)


OF_SAMPLES = {"frechet", "kernel", "precision", "recall", "density", "coverage", "entropy", "nearest", "memorised"}


def test_its_scorecard_is_measured_as_any(home, real, fake_test):
    model = wrapped()
    found = real.figures(model)
    assert found.keys() == OF_SAMPLES | {"mse", "ssim"}
    assert all(np.isfinite(value) for value in found.values())
    originals = fake_test.images / 255
    assert found["mse"] == pytest.approx(
        (model.reconstruct(fake_test.images) - originals).square().mean().item(), rel=1e-4
    )
    made = scorecard.evaluate("theirs", real, home)
    assert made.figures == pytest.approx(found)
    assert made.milliseconds > 0
    assert made.golden == scorecard.golden(model)


def test_its_scorecard_without_an_encoder_and_with_classes(home, real):
    found = real.figures(wrapped(decode=decode_with_class, encode=None, label=True))
    assert found.keys() == OF_SAMPLES | {"judged", "judged_least"}


def test_samples_need_no_model(real, fake_test):
    found = real.of_samples(decode(torch.randn(40, D, generator=torch.Generator().manual_seed(0))))
    assert found.keys() == OF_SAMPLES
    labelled = real.of_samples(fake_test.images[:40], fake_test.labels[:40])
    assert labelled.keys() == OF_SAMPLES | {"judged", "judged_least"}
    assert 0 <= labelled["judged_least"] <= labelled["judged"] <= 1


def test_a_scorecard_of_coloured_images(home, monkeypatch, tmp_path):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (120, 16, 16, 3), dtype=np.uint8)
    labels = np.arange(120) % 2
    arrays = {"train": (images, labels), "test": (images[:60], labels[:60])}
    colour = Dataset.from_arrays("colour", arrays, size=16)
    card = replace(classifier.CARD, config=ClassifierConfig((4, 8, 16), image=colour.spec),
                   recipe=replace(classifier.CARD.recipe, batch=32))  # fmt: skip
    run = Run(card, colour.split(data.TRAINVAL))
    checkpoint.write(home.classifier, run.model.state_dict(), file_header(run, {}, "a command"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(reference, "COUNT", 40)
    model = gengallery.wrap(
        "mean", latent=3, image=colour.spec, encode=lambda x: x.mean((2, 3)),
        decode=lambda z: torch.sigmoid(z)[:, :, None, None].expand(-1, 3, 16, 16) * torch.rand(len(z), 3, 16, 16),
    )  # fmt: skip
    monkeypatch.setitem(sources._registered, "colour", colour)
    found = Reference(gallery=home).figures(model)
    assert found.keys() >= OF_SAMPLES | {"mse", "ssim"}
    with pytest.raises(ValueError, match=r"data: expected images of shape \(3, 16, 16\), as the classifier"):
        Reference(Dataset.from_arrays("grey", {"train": (images[..., 0], None)}, size=16), home)


def test_a_gallery_without_a_classifier_measures_nothing(home, fake_data):
    with pytest.raises(checkpoint.CheckpointError, match=r"classifier\.safetensors: expected a file of weights"):
        Reference(fake_data, home)
    assert Path(home.folder).is_dir()
