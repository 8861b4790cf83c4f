"""The classifier: its network, its augmentation, its training, its file, and that the gallery does not show it."""

import shutil
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import TEST_SIZE, TRAIN_SIZE, adapted

import gengallery
from gengallery import data, gallery
from gengallery.data import as_floats
from gengallery.evaluation import classifier
from gengallery.evaluation.classifier import CARD, HOLE, SHIFT, SMOOTHING, Classifier, ClassifierConfig, augment
from gengallery.model.spec import as_json
from gengallery.storage import checkpoint
from gengallery.storage.checkpoint import CheckpointError
from gengallery.training.run import Run, file_header

pytestmark = pytest.mark.slow

# A narrow one that learns from a few steps: the card's own average would still be full of its first weights.
SMALL = replace(
    CARD, config=ClassifierConfig((8, 16, 16)), recipe=replace(CARD.recipe, epochs=25, lr=1e-2, ema_decay=0.8)
)
FILE = "classifier.safetensors"
CHANCE = 0.1


def complete(run: Run) -> list:
    steps = []
    while not run.done:
        steps += run.epoch()
    return steps


def same(one: torch.nn.Module, other: torch.nn.Module) -> bool:
    a, b = one.state_dict(), other.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.fixture(scope="module")
def trained(fake_data, fake_train, fake_test) -> tuple[Run, dict]:
    """A small classifier trained on the stand-in: its run, and its losses."""
    run = Run(adapted(SMALL, fake_data.spec), fake_train)
    complete(run)
    return run, run.finish(fake_test)[1]


@pytest.fixture
def network(trained) -> Classifier:
    return trained[0].model


@pytest.fixture
def file(trained, tmp_path) -> Path:
    """The small classifier's file."""
    run, losses = trained
    checkpoint.write(tmp_path / FILE, run.model.state_dict(), file_header(run, losses, "a command"))
    return tmp_path / FILE


# -- the network


@pytest.mark.parametrize(
    "widths",
    [
        (32, 64),
        (32, 64, 128, 256),
        [32, 64, 128],
        32,
        None,
        "abc",
        (32, 64, 0),
        (32, -1, 128),
        (1.5, 64, 128),
        (32, 64, True),
        (32, 64, "128"),
        (32, 64, 65537),
    ],
)
def test_configs_that_make_no_sense_are_refused(widths):
    with pytest.raises(ValueError, match=r"^widths(\[[012]\])?: expected"):
        ClassifierConfig(widths)


def test_a_config_comes_back_from_json():
    image = data.ImageSpec(3, 32, 36, ("cat", "dog"), 0.4, 0.2)
    fields = as_json({"widths": [8, 16, 24], "image": asdict(image)})
    config = ClassifierConfig.from_json(fields)
    assert config == ClassifierConfig((8, 16, 24), image=image)
    assert config.latent == 24
    assert Classifier.build(fields).config == config


def test_shapes(fake_test):
    torch.manual_seed(0)
    made = Classifier(ClassifierConfig((4, 6, 9))).eval()
    images = as_floats(fake_test.images[:5])
    features, logits = made(images)
    assert (features.shape, logits.shape) == ((5, 9), (5, 10))
    assert made.maps[0](images).shape == (5, 4, 28, 28)
    assert made.maps[:3](images).shape == (5, 6, 14, 14)
    assert made.maps(images).shape == (5, 9, 7, 7)
    assert CARD.config.latent == 128
    assert CARD.family == CARD.name == checkpoint.CLASSIFIER


def test_a_residual_block_adds_to_what_it_is_given():
    block, x = classifier.Residual(4).eval(), torch.randn(2, 4, 7, 7, generator=torch.Generator().manual_seed(0))
    added = block(x) - x
    assert (added >= 0).all()
    torch.testing.assert_close(added, block.block(x))
    torch.nn.init.zeros_(block.block[1].weight)
    assert torch.equal(block(x), x)


def test_features_are_what_the_head_sees(network, fake_test):
    images = as_floats(fake_test.images[:50])
    features, logits = network(images)
    torch.testing.assert_close(features, network.maps(images).flatten(2).mean(2))
    torch.testing.assert_close(features @ network.head.weight.T + network.head.bias, logits)
    found, labels = network.classify(fake_test.images[:50])
    torch.testing.assert_close(found, features)
    assert torch.equal(labels, logits.argmax(1))
    assert labels.unique().numel() > 1


def test_an_image_alone_is_the_image_in_a_batch(network, fake_test):
    many = torch.cat([fake_test.images] * 3)  # 600: more than go through at once
    features, labels = network.classify(many)
    assert features.shape == (3 * TEST_SIZE, 16)
    assert labels.dtype == torch.int64
    for row in (0, 499, 500, 599):
        alone, label = network.classify(many[row])
        torch.testing.assert_close(alone[0], features[row], rtol=1e-4, atol=1e-5)
        assert label[0] == labels[row]
    assert torch.equal(labels[:TEST_SIZE], labels[TEST_SIZE : 2 * TEST_SIZE])


def test_classifying_takes_what_people_have_and_the_answer_is_theirs(network, fake_test):
    images = fake_test.images[:4]
    features, labels = network.classify(images)
    for given in (images[:, 0], images.numpy(), as_floats(images), images.double() / 255):
        torch.testing.assert_close(network.classify(given)[0], features)
    features.zero_()
    labels.zero_()  # in place: no inference tensors
    for bad in (torch.full((1, 28, 28), torch.nan), "shoe.png", torch.full((1, 28, 28), 2.0)):
        with pytest.raises(ValueError, match="as_images: expected"):
            network.classify(bad)


# -- images that are never twice the same


def augmented_slowly(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """What `augment` says it does, pixel by pixel: mirror, move onto black, cut a hole."""
    n = len(images)
    mirrored = rng.random((n, 1, 1)) < 0.5
    moves = rng.integers(-SHIFT, SHIFT + 1, (2, n, 1))
    corners = rng.integers(-HOLE + 1, 28, (2, n, 1))
    made = np.zeros_like(images)
    for i in range(n):
        image = images[i, 0, :, ::-1] if mirrored[i] else images[i, 0]
        (down, right), (top, left) = moves[:, i, 0], corners[:, i, 0]
        for row in range(28):
            for column in range(28):
                to_row, to_column = row + down, column + right
                in_hole = top <= to_row < top + HOLE and left <= to_column < left + HOLE
                if 0 <= to_row < 28 and 0 <= to_column < 28 and not in_hole:
                    made[i, 0, to_row, to_column] = image[row, column]
    return made


@pytest.fixture
def lively() -> torch.Tensor:
    """64 images of which no part is like another, light up to the rim."""
    return torch.from_numpy(np.random.default_rng(5).uniform(0.1, 1, (64, 1, 28, 28)).astype(np.float32))


def test_images_are_augmented_as_by_hand(lively):
    before = lively.clone()
    found = augment(lively, np.random.default_rng(3))
    assert np.array_equal(found.numpy(), augmented_slowly(lively.numpy(), np.random.default_rng(3)))
    assert torch.equal(lively, before)
    assert (found.shape, found.dtype) == (lively.shape, lively.dtype)
    assert found.is_contiguous(memory_format=torch.channels_last)


def test_half_the_images_are_mirrored(lively, monkeypatch):
    monkeypatch.setattr(classifier, "SHIFT", 0)
    monkeypatch.setattr(classifier, "HOLE", 0)
    many = lively.repeat(16, 1, 1, 1)
    found = augment(many, np.random.default_rng(0))
    as_is, turned = ((found == other).all((1, 2, 3)) for other in (many, many.flip(3)))
    assert (as_is ^ turned).all()
    assert turned.float().mean() == pytest.approx(0.5, abs=0.05)


def test_images_move_by_up_to_the_shift_every_way(monkeypatch):
    monkeypatch.setattr(classifier, "SHIFT", 2)
    monkeypatch.setattr(classifier, "HOLE", 0)
    dot = torch.zeros(1000, 1, 28, 28)
    dot[:, :, 20, 8] = 1
    places = augment(dot, np.random.default_rng(0)).nonzero()
    assert len(places) == 1000
    assert set(places[:, 2].tolist()) == set(range(18, 23))
    assert set(places[:, 3].tolist()) == {*range(6, 11), *range(17, 22)}  # 8 or, mirrored, 19


def test_the_hole_is_anywhere_and_may_lie_partly_outside(monkeypatch):
    monkeypatch.setattr(classifier, "SHIFT", 0)
    holes = augment(torch.ones(4000, 1, 28, 28), np.random.default_rng(0))[:, 0] == 0
    sizes = holes.sum((1, 2))
    assert (sizes.min(), sizes.max()) == (1, HOLE**2)
    assert holes.any(0).all()
    whole = holes[sizes == HOLE**2]
    assert set(whole.any(2).sum(1).tolist()) == set(whole.any(1).sum(1).tolist()) == {HOLE}  # squares


def test_augmentation_depends_on_the_rng_alone(lively):
    torch.manual_seed(0)
    np.random.seed(0)
    first = augment(lively, np.random.default_rng(1))
    torch.manual_seed(1)
    np.random.seed(1)
    state = torch.get_rng_state()
    assert torch.equal(augment(lively, np.random.default_rng(1)), first)
    assert torch.equal(torch.get_rng_state(), state)
    assert not torch.equal(augment(lively, np.random.default_rng(2)), first)


# -- training


def test_a_training_rises_far_above_chance(trained, fake_test):
    run, losses = trained
    assert losses["test"].keys() == losses["train"].keys() == {"cross_entropy", "accuracy"}
    assert losses["test"]["accuracy"] > 5 * CHANCE
    _, labels = run.model.classify(fake_test.images)
    assert losses["test"]["accuracy"] == pytest.approx((labels == fake_test.labels).float().mean().item())
    assert not run.model.training
    counts = [n for name, n in run.learner.model.named_buffers() if name.endswith("num_batches_tracked")]
    assert counts == [25 * (TRAIN_SIZE // 128)] * 6  # normalised over its batches, and not those of the tests


def test_it_learns_from_augmented_images_and_smoothed_labels(fake_train, monkeypatch):
    run, shown = Run(SMALL, data.Split(fake_train.images, torch.zeros_like(fake_train.labels))), []
    monkeypatch.setattr(classifier, "augment", lambda images, rng: shown.append(rng) or torch.zeros_like(images))
    with torch.no_grad():
        run.learner.model.head.weight.zero_()
        run.learner.model.head.bias.copy_(torch.arange(10.0))
    step = next(run.epoch())
    assert shown == [run.rng]
    assert SMOOTHING > 0
    log_shares = torch.arange(10.0).log_softmax(0)
    by_hand = -(1 - SMOOTHING) * log_shares[0] - SMOOTHING * log_shares.mean()
    assert step.losses["cross_entropy"] == pytest.approx(by_hand.item(), rel=1e-3)
    assert step.losses["accuracy"] == 0  # all are taken for the last class


def test_losses_are_without_smoothing_and_on_the_images_as_they_are(trained, fake_test):
    run, losses = trained
    log_shares = run.model(as_floats(fake_test.images))[1].log_softmax(1)
    by_hand = -log_shares[torch.arange(TEST_SIZE), fake_test.labels].mean().item()
    assert losses["test"]["cross_entropy"] == pytest.approx(by_hand, rel=1e-5)


def test_a_restored_training_goes_on_bit_for_bit(fake_train, fake_test, tmp_path):
    """The means and variances of batch normalisation, which no optimizer holds, come along."""
    card = replace(SMALL, recipe=replace(CARD.recipe, ema_decay=0.8))
    whole = Run(card, fake_train, epochs=3)
    steps = complete(whole)
    first = Run(card, fake_train, epochs=3)
    list(first.epoch())
    first.save(tmp_path / "state")
    second = Run(card, fake_train, epochs=3, seed=0)
    second.restore(tmp_path / "state")
    for here, there in ((second.learner, first.learner), (second.average, first.average)):
        assert same(here, there)
        buffers = [name for name, _ in here.named_buffers() if name.endswith(("running_mean", "running_var"))]
        assert len(buffers) == 12
    rest = complete(second)
    assert [step.losses for step in rest] == [step.losses for step in steps[len(steps) // 3 :]]
    (network, losses), (expected, expected_losses) = second.finish(fake_test), whole.finish(fake_test)
    assert same(network, expected)
    assert losses == expected_losses


def test_the_average_normalises_as_the_last_step(trained):
    run, _ = trained
    theirs, ours = run.learner.model.state_dict(), run.model.state_dict()
    for name, tensor in theirs.items():
        if "running" in name:
            assert torch.equal(tensor, ours[name])
    assert not torch.equal(theirs["head.weight"], ours["head.weight"])


# -- its file


def test_a_classifier_saved_and_loaded_is_the_same(file, network, fake_test):
    loaded = classifier.load(file)
    assert same(loaded, network)
    assert not loaded.training
    assert not any(p.requires_grad for p in loaded.parameters())
    torch.testing.assert_close(loaded.classify(fake_test.images)[0], network.classify(fake_test.images)[0])
    assert same(classifier.load(str(file)), network)


def test_the_classifier_is_that_of_the_gallery(file, network, monkeypatch):
    monkeypatch.setenv(gallery.VARIABLE, str(file.parent))
    assert same(classifier.load(), network)
    other = Classifier(network.config)
    checkpoint.write(file, other.state_dict(), checkpoint.read_header(file))
    assert same(classifier.load(), other)  # the file that is there now
    file.unlink()
    with pytest.raises(CheckpointError, match=rf"{FILE}: expected a file of weights; found No such file"):
        classifier.load()


def test_the_file_of_a_model_is_refused():
    with pytest.raises(CheckpointError, match=r"vae_2\.safetensors: expected the classifier; found a file of 'vae'"):
        classifier.load(gengallery.info("vae_2")["path"])


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda content: b"", "found an empty file"),
        (lambda content: content[:1000], "expected a whole safetensors file"),
        (lambda content: content[:-1], "expected a whole safetensors file"),
        (lambda content: content[:-1] + bytes([content[-1] ^ 1]), "expected tensors with the checksum"),
        (lambda content: content.replace(rb"[8, 16, 16]", rb"[8, 16, 18]"), "expected a header as it was written"),
    ],
)
def test_a_damaged_file_is_refused(damage, says, file):
    sound = file.read_bytes()
    file.write_bytes(damage(sound))
    assert file.read_bytes() != sound
    with pytest.raises(CheckpointError, match=rf"{FILE}: .*{says}"):
        classifier.load(file)


# -- it is no model of the gallery


def test_the_gallery_does_not_show_it(file, monkeypatch):
    for name in ("ae_2", "vae_2"):
        shutil.copy(gengallery.info(name)["path"], file.parent)
    monkeypatch.setenv(gallery.VARIABLE, str(file.parent))
    assert gengallery.list_models() == ["ae_2", "vae_2"]
    for call in (gengallery.load, gengallery.info):
        with pytest.raises(ValueError, match=r"unknown model 'classifier': (?!.*'classifier')"):
            call("classifier")
        with pytest.raises(ValueError, match=r"unknown model 'clasifier': (?!.*'classifier')"):
            call("clasifier")
    with pytest.raises(ValueError, match="unknown family 'classifier'; there are autoencoder, vae"):
        gengallery.list_models(family="classifier")
    with pytest.raises(CheckpointError, match="expected a model; found a network of the family 'classifier'"):
        gengallery.load(file)
    without = {name: gengallery.info(name) for name in gengallery.list_models()}
    file.unlink()
    assert {name: gengallery.info(name) for name in gengallery.list_models()} == without


def test_a_gallery_with_a_classifier_and_no_model_is_empty(file, monkeypatch):
    monkeypatch.setenv(gallery.VARIABLE, str(file.parent))
    assert gengallery.list_models() == []
    with pytest.raises(ValueError, match="no weights in"):
        gengallery.load("vae_2")


# -- the one by which the gallery is evaluated


def test_the_committed_classifier_is_small_and_as_good_as_it_says(real_data):
    path = gallery.SHIPPED / FILE
    assert path.stat().st_size < 2_000_000
    header, test = checkpoint.read_header(path), real_data.split(data.TEST)
    _, labels = classifier.load().classify(test.images)
    accuracy = (labels == test.labels).float().mean().item()
    assert accuracy >= 0.94
    assert accuracy == pytest.approx(header["losses"]["test"]["accuracy"], abs=3e-4)  # three images, by rounding


def test_the_committed_classifier_is_the_cards():
    header = checkpoint.read_header(gallery.SHIPPED / FILE)
    assert header["card"] == CARD.describe()
    assert ClassifierConfig.from_json(header["config"]) == CARD.config
    assert (header["training"]["epochs"], header["training"]["seed"]) == (CARD.recipe.epochs, CARD.seed)
    assert header["parameters"] == sum(p.numel() for p in classifier.load().parameters())
