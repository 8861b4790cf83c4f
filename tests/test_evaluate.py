"""Scorecards: their figures, when they hold and when they are void, and how they are verified.

One file, since all of it stands on one small gallery with a classifier and data of its own.
"""

import base64
import io
import math
import re
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import TEST_SIZE
from PIL import Image
from small_gallery import DRAWS, FEATURES, KINDS, OF_SAMPLES, WEIGHED, N, small_gallery, write_classifier

import gengallery
from gengallery import data, gallery
from gengallery.data import as_floats, default_spec, sources, splits
from gengallery.evaluation import figures as figures_module
from gengallery.evaluation import inception, metrics, reference, scorecard
from gengallery.evaluation.classifier import Classifier
from gengallery.evaluation.reference import Reference
from gengallery.evaluation.scorecard import VerificationError, record, verify
from gengallery.storage import checkpoint
from gengallery.storage.checkpoint import CheckpointError
from gengallery.training.run import mean_losses

pytestmark = pytest.mark.slow

NO_LABELS = torch.full((TEST_SIZE,), default_spec().no_class)
OF_IMAGES = {
    "ae_2": {"mse", "ssim"},
    "gan_dim_8": set(),
    "vae_2": {"mse", "ssim", "reconstruction", "kl", "total", "bound", "active_units"},
}
EXAMPLE = "vae_2"


@pytest.fixture
def folder(tmp_path, fake_data, monkeypatch) -> Path:
    """A gallery of three models and a classifier, with little data and figures of few samples."""
    return small_gallery(tmp_path, fake_data, monkeypatch)


@pytest.fixture
def real(folder) -> Reference:
    return Reference()


@pytest.fixture
def path(folder) -> Path:
    return folder / f"{EXAMPLE}.safetensors"


@pytest.fixture
def recorded(path, real) -> dict:
    """The scorecard of the example, which is in its file."""
    return asdict(record(EXAMPLE, real))


def rewrite(path: Path, scorecard: object) -> None:
    """Put another scorecard into the file at `path`."""
    saved = checkpoint.read(path)
    checkpoint.write(path, saved.tensors, {**saved.header, "scorecard": scorecard})


# -- what is written


@pytest.mark.parametrize("name", KINDS)
def test_a_scorecard_is_written_and_nothing_else_changes(name, folder, real, fake_test, monkeypatch):
    path = folder / f"{name}.safetensors"
    others = {other: other.read_bytes() for other in folder.iterdir() if other != path}
    before = checkpoint.read(path)
    made = record(name, real)
    after = checkpoint.read(path)
    new = ("scorecard", "seal")
    assert {**after.header, "scorecard": None, "seal": None} == {**before.header, "scorecard": None, "seal": None}
    assert all(after.header[key] != before.header.get(key) for key in new)
    assert after.tensors.keys() == before.tensors.keys()
    assert all(torch.equal(after.tensors[key], before.tensors[key]) for key in before.tensors)
    assert {other: other.read_bytes() for other in folder.iterdir() if other != path} == others

    found = gengallery.info(name)["scorecard"]
    assert found == asdict(made)
    assert found["weights"] == before.header["checksum"]
    assert found["judge"] == checkpoint.read_header(folder / "classifier.safetensors")["checksum"]
    assert found["data"] == fake_test.checksum()
    assert (found["samples"], found["seed"]) == (N, 0)
    assert found["floor"].keys() == OF_SAMPLES
    assert found["figures"].keys() == OF_SAMPLES | OF_IMAGES[name]
    assert all(math.isfinite(value) for value in (*found["floor"].values(), *found["figures"].values()))

    assert found["milliseconds"] > 0

    monkeypatch.setattr(scorecard, "milliseconds", lambda model: made.milliseconds)
    content = path.read_bytes()
    record(name, Reference())  # from a cache, over an older scorecard, after other random numbers
    assert path.read_bytes() == content


def test_the_golden_images_are_the_first_of_the_seed(recorded):
    levels = np.asarray(Image.open(io.BytesIO(base64.b64decode(recorded["golden"]))))
    images = gengallery.load(EXAMPLE).generate(8, seed=0)
    assert levels.shape == (28, 8 * 28)
    assert np.array_equal(levels, np.concatenate([np.rint(image[0].numpy() * 255) for image in images], axis=1))


# -- what is measured


def test_the_figures_of_samples_agree_with_ones_by_hand(real, fake_train, fake_test):
    samples = gengallery.load(EXAMPLE).generate(N, seed=0)
    (on_real, _), (fake, labels) = real.classifier.classify(fake_test.images), real.classifier.classify(samples)
    distances = torch.cdist(samples.flatten(1).double(), as_floats(fake_train.images).flatten(1).double())
    first, second = distances.sort(1).values[:, :2].T
    found = real.figures(gengallery.load(EXAMPLE))
    assert found["frechet"] == pytest.approx(metrics.frechet_distance(on_real, fake))
    assert found["kernel"] == pytest.approx(metrics.kernel_distance(on_real, fake))
    assert (found["precision"], found["recall"]) == metrics.precision_recall(on_real, fake)
    assert (found["density"], found["coverage"]) == metrics.density_coverage(on_real, fake)
    assert found["precision"] != found["recall"]
    assert found["entropy"] == metrics.class_entropy(labels, 10)
    assert found["nearest"] == pytest.approx(first.median().item())
    assert found["memorised"] == (first < second / 3).double().mean().item()
    assert real.of_samples(samples) == {name: found[name] for name in OF_SAMPLES}


def test_the_figures_of_images_agree_with_ones_by_hand(real, fake_test):
    model, images = gengallery.load(EXAMPLE), as_floats(fake_test.images)
    found = real.figures(model)
    again = model.reconstruct(fake_test.images)
    assert found["mse"] == pytest.approx((images - again).square().mean().item(), rel=1e-5)
    assert found["ssim"] == pytest.approx(metrics.ssim(images, again).mean().item())
    rng = np.random.default_rng(0)
    losses = {name: loss.item() for name, loss in model.losses(images, fake_test.labels, rng).items()}
    assert {name: found[name] for name in losses} == pytest.approx(losses, rel=1e-5)
    weights = model.log_weights(images[:WEIGHED], NO_LABELS[:WEIGHED], DRAWS, np.random.default_rng(0)).double().numpy()
    assert found["bound"] == pytest.approx(-np.log(np.exp(weights - weights.max(0)).mean(0)).mean()
                                           - weights.max(0).mean(), rel=1e-5)  # fmt: skip
    assert found["active_units"] == (model.encode(images).var(0) > 0.01).sum()


def test_the_floor_is_of_real_images(real, fake_train, fake_test):
    (on_real, _), (held, _) = (real.classifier.classify(images) for images in (fake_test.images, fake_train.images[:N]))
    distances = torch.cdist(*(as_floats(s.images).flatten(1).double() for s in (fake_test, fake_train))).sort(1).values
    floor = real.floor
    assert floor["frechet"] == pytest.approx(metrics.frechet_distance(on_real, held), rel=1e-4)
    assert floor["kernel"] == pytest.approx(metrics.kernel_distance(on_real, held), rel=1e-3, abs=1e-6)
    assert (floor["precision"], floor["recall"]) == pytest.approx(metrics.precision_recall(on_real, held))
    assert floor["entropy"] == metrics.class_entropy(fake_train.labels[:N], 10)
    assert floor["nearest"] == pytest.approx(distances[:, 0].median().item())
    copies = (distances[:, 0] < distances[:, 1] / 3) | (distances[:, 1] == 0)
    # An image may lie just at a third, where rounding decides.
    assert floor["memorised"] == pytest.approx(copies.double().mean().item(), abs=1.1 / TEST_SIZE)


def test_images_that_are_copies_are_told(real, fake_train):
    found = real.of_samples(as_floats(fake_train.images[:N]))
    assert found["nearest"] == 0
    assert found["memorised"] > 0.9


def test_mean_losses_weigh_every_image_alike(fake_test, monkeypatch):
    monkeypatch.setattr(splits, "BATCH", 60)  # 60, 60, 60 and 20 of 200
    sizes, draws = [], []

    def losses(images, labels, rng):
        sizes.append(len(images))
        draws.append(rng.random())
        assert torch.is_inference_mode_enabled()
        return {"light": images.mean(), "label": (labels % 7).float().mean()}

    found = mean_losses(losses, fake_test)
    assert sizes == [60, 60, 60, 20]
    assert found["light"] == pytest.approx((fake_test.images.double() / 255).mean().item(), rel=1e-6)
    assert found["label"] == pytest.approx((fake_test.labels % 7).double().mean().item(), rel=1e-6)
    assert draws == list(np.random.default_rng(0).random(4))
    assert mean_losses(lambda *_: {}, fake_test) == {}


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda x: x.index_fill(0, torch.tensor([3]), torch.nan), "no figure .*: as_images: .*found NaN or infinity"),
        (lambda x: x.index_fill(0, torch.tensor([3]), -torch.inf), "no figure .*: as_images: .*found NaN or infinity"),
        (lambda x: x - 0.5, r"no figure .*: as_images: expected floats in \[0, 1\]"),
        (lambda x: x * 255, r"no figure .*: as_images: expected floats in \[0, 1\]"),
        (lambda x: x[:0], "no figure .*: as_images: expected at least one image"),
        (lambda x: x[:FEATURES], "^frechet_distance: expected more samples than the 16 features.*, found 200 and 16"),
    ],
)
def test_samples_without_figures_say_which(spoil, says, real, fake_train):
    images = as_floats(fake_train.images[:N])
    with pytest.raises(ValueError, match=says):
        real.of_samples(spoil(images))


def test_a_model_that_makes_no_images_is_not_recorded(path, real, monkeypatch):
    before = path.read_bytes()
    monkeypatch.setattr(
        type(gengallery.load(EXAMPLE)), "decoder", lambda self, z, _: torch.full((len(z), 1, 28, 28), 1e9)
    )
    with pytest.raises(ValueError, match="no figure of these samples can be computed"):
        record(EXAMPLE, real)
    assert path.read_bytes() == before


def test_the_bound_of_one_draw_is_the_elbo(real, monkeypatch):
    monkeypatch.setattr(figures_module, "DRAWS", 1)
    monkeypatch.setattr(figures_module, "WEIGHED", TEST_SIZE)
    found = real.figures(gengallery.load(EXAMPLE))
    assert found["bound"] == pytest.approx(found["total"], rel=0.01)


# -- when a scorecard is void


def test_a_scorecard_is_void_after_the_weights_change(path, recorded):
    saved = checkpoint.read(path)
    name = next(name for name, tensor in saved.tensors.items() if tensor.is_floating_point())
    checkpoint.write(path, {**saved.tensors, name: saved.tensors[name] * 1.001}, saved.header)
    assert checkpoint.read_header(path)["scorecard"] == recorded
    assert gengallery.info(EXAMPLE)["scorecard"] is None


def test_a_scorecard_is_void_after_the_classifier_changes(folder, recorded, fake_data):
    write_classifier(folder, fake_data, seed=1)
    assert gengallery.info(EXAMPLE)["scorecard"] is None
    write_classifier(folder, fake_data)
    assert gengallery.info(EXAMPLE)["scorecard"] == recorded


def test_a_scorecard_is_void_where_there_is_no_classifier(folder, recorded):
    (folder / "classifier.safetensors").write_bytes(b"damaged")
    assert gengallery.info(EXAMPLE)["scorecard"] is None
    (folder / "classifier.safetensors").unlink()
    assert gengallery.info(EXAMPLE)["scorecard"] is None
    assert gengallery.load(EXAMPLE).generate(1).shape == (1, 1, 28, 28)  # which needs no classifier
    with pytest.raises(CheckpointError, match=r"classifier\.safetensors: expected a file of weights"):
        Reference()


def test_no_scorecard_is_void(path):
    rewrite(path, None)
    assert gengallery.info(EXAMPLE)["scorecard"] is None


@pytest.mark.parametrize("scorecard", [[], "good", {}, {"weights": 1, "judge": 2}])
def test_what_is_no_scorecard_is_not_written(scorecard, path):
    before = path.read_bytes()
    with pytest.raises(ValueError, match=r"the header's 'scorecard.*not written"):
        rewrite(path, scorecard)
    assert path.read_bytes() == before


@pytest.mark.parametrize("damage", [{"golden": None}, {"floor": ...}, {"golden": ...}, {"another": 1}])
def test_nor_is_one_with_a_field_too_few_or_too_many(damage, path, recorded):
    damaged = {key: value for key, value in (recorded | damage).items() if value is not ...}
    with pytest.raises(ValueError, match=r"the header's 'scorecard.*not written"):
        rewrite(path, damaged)


# -- the cache of features


def kept(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "cache" / "gengallery").glob("features-*"))


def never(*_, **__):
    raise AssertionError("asked again")


def test_features_are_kept_and_used(real, tmp_path, fake_train, fake_test, monkeypatch):
    made = real.features
    torch.testing.assert_close(made["test"], real.classifier.classify(fake_test.images)[0])
    torch.testing.assert_close(made["train"], real.classifier.classify(fake_train.images[:N])[0])
    (file,) = kept(tmp_path)
    content = file.read_bytes()
    monkeypatch.setattr(Classifier, "classify", never)
    again = Reference().features
    assert all(torch.equal(again[half], made[half]) for half in ("train", "test"))
    assert file.read_bytes() == content


@pytest.mark.parametrize("what", ["classifier", "training images", "test images", "number"])
def test_features_of_anything_else_are_not_used(what, real, folder, tmp_path, fake_data, fake_train, monkeypatch):
    before = real.features
    if what == "classifier":
        write_classifier(folder, fake_data, seed=1)
    if what == "number":
        monkeypatch.setattr(reference, "COUNT", N - 1)
    other = Reference()
    if what == "training images":
        other.held = data.Split(fake_train.images[-N:], fake_train.labels[-N:])
    if what == "test images":
        other.test = data.Split(other.test.images.flip(0), other.test.labels.flip(0))
    after = other.features
    assert any(not torch.equal(after[half], before[half]) for half in ("train", "test"))
    assert len(kept(tmp_path)) == 2


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[:50],
        lambda content: content[:-1],
        lambda content: b"garbage" * 100,
        lambda content: content.replace(b'"test"', b'"text"'),
        lambda content: content.replace(b"[200,16]", b"[16,200]"),
        lambda content: content.replace(b'"F32"', b'"F99"'),
    ],
)
def test_a_damaged_cache_is_made_anew(damage, real, tmp_path):
    made = real.features
    (file,) = kept(tmp_path)
    content = file.read_bytes()
    file.write_bytes(damage(content))
    assert file.read_bytes() != content
    again = Reference().features
    assert all(torch.equal(again[half], made[half]) for half in ("train", "test"))
    assert file.read_bytes() == content


def test_a_cache_that_cannot_be_written_does_no_harm(real, tmp_path, monkeypatch):
    made = real.features
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    again = Reference().features
    assert all(torch.equal(again[half], made[half]) for half in ("train", "test"))


# -- verify


@pytest.mark.parametrize("name", KINDS)
def test_a_model_verifies_right_after_it_was_recorded(name, folder, real):
    record(name, real)
    before = {path: path.read_bytes() for path in folder.iterdir()}
    assert verify(name) is None
    verify(name, real)
    verify(name, figures=False)
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_without_figures_no_data_and_never_are_needed(recorded, monkeypatch):
    monkeypatch.delitem(sources._registered, data.DEFAULT)
    monkeypatch.setattr(scorecard, "Reference", never)
    verify(EXAMPLE, figures=False)


def test_a_model_that_was_not_measured_does_not_verify(path, real, folder, fake_data):
    says = rf"{re.escape(str(path))}: expected a scorecard of these weights by the classifier, found none; "
    for figures in (False, True):
        with pytest.raises(VerificationError, match=f"{says}measure it with gengallery evaluate {EXAMPLE}$"):
            verify(EXAMPLE, real, figures=figures)
    record(EXAMPLE, real)
    write_classifier(folder, fake_data, seed=1)
    with pytest.raises(VerificationError, match=says):
        verify(EXAMPLE, Reference())


def png(levels: np.ndarray) -> str:
    file = io.BytesIO()
    Image.fromarray(levels).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def levels_of(scorecard: dict) -> np.ndarray:
    return np.array(Image.open(io.BytesIO(base64.b64decode(scorecard["golden"]))))


@pytest.mark.parametrize("figures", [False, True])
def test_golden_images_may_differ_by_one_level_and_no_more(figures, path, recorded, real):
    levels = levels_of(recorded)
    near, far = levels.copy(), levels.copy()
    near[levels < 100] += 1
    near[levels >= 100] -= 1
    rewrite(path, {**recorded, "golden": png(near)})
    verify(EXAMPLE, real, figures=figures)
    row, column = np.argwhere((levels > 50) & (levels < 200))[0]
    far[row, column] += 2
    for other in (far, levels[:, :28], levels[:14], np.stack([levels] * 3, axis=2)):
        rewrite(path, {**recorded, "golden": png(other)})
        with pytest.raises(VerificationError, match=r"vae_2\.safetensors: expected the golden images"):
            verify(EXAMPLE, real, figures=figures)


@pytest.mark.parametrize(
    "damage",
    [
        {"golden": "abc"},  # base64 comes in fours
        {"golden": ""},
        {"golden": base64.b64encode(b"no picture").decode()},
        {"golden": lambda golden: golden[: len(golden) // 8 * 4]},
    ],
)
def test_a_damaged_scorecard_does_not_verify(damage, path, recorded, real):
    damaged = recorded | {key: value(recorded[key]) if callable(value) else value for key, value in damage.items()}
    rewrite(path, damaged)
    for figures in (False, True):
        with pytest.raises(VerificationError, match=r"vae_2\.safetensors: expected a whole scorecard.*measure it with"):
            verify(EXAMPLE, real, figures=figures)


@pytest.mark.parametrize("which", ["figures", "floor"])
@pytest.mark.parametrize("figure", ["entropy", "memorised"])
def test_a_changed_figure_does_not_verify(which, figure, path, recorded, real):
    what = "figure" if which == "figures" else "floor"
    value = recorded[which][figure]
    for near in (value * 1.019, value * 0.981, value - 9e-5):
        rewrite(path, recorded | {which: recorded[which] | {figure: near}})
        verify(EXAMPLE, real)
    for far in (value * 1.03 + 2e-4, value * 0.97 - 2e-4):
        rewrite(path, recorded | {which: recorded[which] | {figure: far}})
        verify(EXAMPLE, real, figures=False)
        with pytest.raises(VerificationError, match=rf"vae_2\.safetensors: expected the {what} {figure} {far}, found "):
            verify(EXAMPLE, real)


def test_figures_more_or_fewer_do_not_verify(path, recorded, real):
    for which in ("figures", "floor"):
        fewer = {figure: value for figure, value in recorded[which].items() if figure != "coverage"}
        rewrite(path, recorded | {which: fewer})
        with pytest.raises(VerificationError, match="coverage None, found 0"):
            verify(EXAMPLE, real)
        rewrite(path, recorded | {which: recorded[which] | {"beauty": 1.0}})
        with pytest.raises(VerificationError, match=r"beauty 1\.0, found None"):
            verify(EXAMPLE, real)


def test_a_figure_that_is_no_number_does_not_verify(path, recorded, real, monkeypatch):
    card = gengallery.info(EXAMPLE)  # no such file can be written
    card["scorecard"]["figures"]["frechet"] = math.nan
    monkeypatch.setattr(gallery.Gallery, "info", lambda self, name: card)
    with pytest.raises(VerificationError, match="figure frechet nan, found"):
        verify(EXAMPLE, real)


def test_other_data_does_not_verify(recorded, real):
    other = Reference()
    other.test = data.Split(other.test.images.flip(2), other.test.labels)
    with pytest.raises(VerificationError, match=r"vae_2\.safetensors: expected the test set it was measured on"):
        verify(EXAMPLE, other)


def test_a_model_that_makes_other_images_does_not_verify(recorded, real, monkeypatch):
    kind = type(gengallery.load(EXAMPLE))
    decoder = kind.decoder
    monkeypatch.setattr(kind, "decoder", lambda self, *given: decoder(self, *given).flip(3))
    with pytest.raises(VerificationError, match="expected the golden images"):
        verify(EXAMPLE, real)


def test_damaged_tensors_do_not_verify(path, recorded, real):
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(CheckpointError, match=r"vae_2\.safetensors: expected tensors with the checksum"):
        verify(EXAMPLE, real, figures=False)


def test_unknown_names_do_not_verify(real):
    for call in (verify, record, scorecard.evaluate):
        with pytest.raises(ValueError, match="unknown model 'vae_3': the nearest are 'vae_2'"):
            call("vae_3", real)


# -- the Inception distance


class Tiny(torch.nn.Module):
    """In the place of the Inception network: means over blocks of pixels."""

    num_features = 16

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        assert images.dtype == torch.uint8 and images.shape[1:] == (3, 28, 28)
        assert (images[:, :1] == images).all()  # grey
        return torch.nn.functional.avg_pool2d(images[:, :1].float(), 7).flatten(1)


def test_the_inception_distance_is_the_frechet_distance_of_its_features(folder, fake_test, monkeypatch):
    model = gengallery.load("vae_2")
    monkeypatch.setattr(inception, "COUNT", N)
    samples = (model.generate(N, reference.SEED) * 255).round().to(torch.uint8)
    expected = metrics.frechet_distance(*(Tiny()(x.expand(-1, 3, -1, -1)) for x in (fake_test.images, samples)))
    found = inception.Inception(fake_test, Tiny())
    assert found.distance(model) == pytest.approx(expected, rel=1e-3)
    found.distance(gengallery.load("gan_dim_8"))
    assert found.distance(model) == pytest.approx(expected, rel=1e-3)  # the last one's samples are forgotten


def test_without_the_inception_network_it_says_what_to_do(fake_test, monkeypatch):
    monkeypatch.setitem(sys.modules, "torchmetrics.image.fid", None)
    with pytest.raises(inception.InceptionMissing, match=r"pip install '\.\[inception\]'"):
        inception.Inception(fake_test)
