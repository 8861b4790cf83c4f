"""Every family on images of any kind: it trains, is saved and loaded, and answers the calls."""

from dataclasses import asdict, replace

import numpy as np
import pytest
import torch

import gengallery
from gengallery.data import TEST, TRAINVAL, Dataset, ImageSpec
from gengallery.evaluation import classifier
from gengallery.evaluation.classifier import ClassifierConfig
from gengallery.families import compared, families, learner
from gengallery.learners.adversarial import RelativisticRecipe
from gengallery.model.model import Model
from gengallery.model.network import tensors_of
from gengallery.model.spec import Card, Config, Recipe
from gengallery.models.autoencoder import Autoencoder, AutoencoderConfig
from gengallery.models.flow import Flow, FlowConfig
from gengallery.models.gan import Gan, GanConfig, GanRecipe
from gengallery.models.onestep import OneStep, OneStepConfig
from gengallery.models.r3gan import R3gan, R3ganConfig
from gengallery.models.vae import Vae, VaeConfig, VaeRecipe
from gengallery.models.vqvae import Vqvae, VqvaeConfig
from gengallery.nn import inversion
from gengallery.storage import checkpoint
from gengallery.training.run import Run, file_header

pytestmark = pytest.mark.slow

TRAIN_SIZE, TEST_SIZE, BATCH = 96, 24, 32
WIDE = ImageSpec(3, 24, 36, ("cat", "dog", "eel"), 0.4, 0.2, "wide")


def small(name: str, kind: type, config: Config, recipe: Recipe) -> Card:
    return Card(name, kind, config, recipe, summary="A small one.")


ADVERSARIAL = RelativisticRecipe(1, batch=BATCH, betas=(0.0, 0.99), widths=(8, 16), ema_decay=0.9)
CARDS = {
    card.name: card
    for card in (
        small("ae", Autoencoder, AutoencoderConfig(4, components=2), Recipe(1, batch=BATCH)),
        small("vae", Vae, VaeConfig(2, hidden=8), VaeRecipe(1, batch=BATCH, kl_warmup=2)),
        small("cvae", Vae, VaeConfig(3, hidden=8, conditional=True, guidance=2.0), VaeRecipe(1, batch=BATCH)),
        small("gan", Gan, GanConfig(5, "poisson", (16,), (16,)), GanRecipe(1, batch=BATCH, gamma=0.1)),
        small("cgan", Gan, GanConfig(5, generator_dims=(16,), discriminator_dims=(16,), conditional=True),
              GanRecipe(1, batch=BATCH, auxiliary=1.0, ema_decay=0.9)),
        small("r3gan", R3gan, R3ganConfig(5, (8, 8), (1, 1)), ADVERSARIAL),
        small("flow", Flow, FlowConfig((8, 16), (1, 1), steps=2, exact_steps=3), Recipe(1, batch=BATCH, bfloat16=True)),
        small("onestep", OneStep, OneStepConfig((8, 16), (1, 1)), ADVERSARIAL),
        small("vqvae", Vqvae, VqvaeConfig(2, 4, (8, 8), (1, 1), "mixture", 2), Recipe(1, batch=BATCH)),
    )
}  # fmt: skip
CONDITIONAL = {"cvae", "cgan"}  # by their config; others take the classes that there are
every_card = pytest.mark.parametrize("name", CARDS)


def made(name: str, size: int, channels: int, classes: int) -> Dataset:
    """Blobs, lighter or redder for each class, over noise."""
    rng = np.random.default_rng(0)
    arrays = {}
    for split, n in (("train", TRAIN_SIZE), ("test", TEST_SIZE)):
        labels = np.arange(n) % max(1, classes)
        images = rng.integers(0, 60, (n, size, size, channels), dtype=np.uint8)
        for image, label in zip(images, labels, strict=True):
            image[size // 4 : -size // 4, 4 : 12 + 2 * label, label % channels] = rng.integers(120, 256)
        arrays[split] = images, labels if classes else None
    names = tuple(f"kind {k}" for k in range(classes))
    return Dataset.from_arrays(name, arrays, classes=names, size=size)


SETS = {
    "grey-28-of-4-classes": lambda: made("grey", 28, 1, 4),
    "grey-28-without-classes": lambda: made("plain", 28, 1, 0),
    "colour-32-of-7-classes": lambda: made("colour", 32, 3, 7),
}


@pytest.fixture(scope="module", params=SETS)
def images(request) -> Dataset:
    return SETS[request.param]()


@pytest.fixture(autouse=True)
def short_searches(monkeypatch):
    for name, value in {"CANDIDATES": 16, "STARTS": 2, "DESCENT": 3}.items():
        monkeypatch.setattr(inversion, name, value)


def for_images(card: Card, image: ImageSpec) -> Card:
    return replace(card, config=replace(card.config, image=image), dataset=image.dataset)


def answers(model: Model, real: torch.Tensor) -> list[torch.Tensor]:
    """What the calls give, each checked for its shape and range."""
    n, shape, d = len(real), model.image.shape, model.config.latent
    z = model.sample(n, seed=3)
    found = [model.generate(n, seed=3), model.decode(z), model.reconstruct(real)]
    options = [{}]
    if model.options.label:
        last = model.image.classes[-1]
        options.append({"label": last})
        assert torch.equal(model.decode(z, label=last), model.decode(z, label=len(model.image.classes) - 1))
        found += [model.generate(n, label=last), model.decode(z, label=last), model.reconstruct(real, label=last)]
        assert model.labels(50).unique().tolist() == list(range(len(model.image.classes)))
    if model.options.guidance is not None:
        found.append(model.decode(z, label=0, guidance=3))
        assert not torch.equal(found[-1], model.decode(z, label=0, guidance=1))
    found.append(list(model.stream(n, seed=3))[-1])
    assert torch.equal(found[-1], found[0])
    for made in found:
        assert made.shape == (n, *shape)
        assert made.dtype == torch.float32
        assert 0 <= made.min() <= made.max() <= 1
    latents = [model.encode(real, **given) for given in options]
    for z in latents:
        assert z.shape == (n, d)
        assert z.isfinite().all()
    return found + latents


def test_every_family_is_here():
    assert {card.family for card in CARDS.values()} == set(families())


@every_card
def test_every_family_trains_on_any_images(name, images, tmp_path):
    spec = images.spec
    if name in CONDITIONAL and not spec.classes:
        with pytest.raises(ValueError, match="conditional: expected images with classes, found a data set without"):
            for_images(CARDS[name], spec)
        return
    card, test = for_images(CARDS[name], spec), images.split(TEST)
    run = Run(card, images.split(TRAINVAL))
    before = {key: tensor.clone() for key, tensor in tensors_of(run.learner.model).items()}
    steps = list(run.epoch())
    assert len(steps) == TRAIN_SIZE // BATCH
    assert all(np.isfinite(list(step.losses.values())).all() for step in steps)
    assert any(not torch.equal(tensor, before[key]) for key, tensor in tensors_of(run.learner.model).items())
    model, losses = run.finish(test)
    assert all(np.isfinite(list(of.values())).all() for of in losses.values())
    assert model.image == spec

    path = tmp_path / f"{name}.safetensors"
    checkpoint.write(path, model.state_dict(), file_header(run, losses, "a command"))
    again = gengallery.load(path)
    assert again.image == spec
    assert again.config == card.config
    info = gengallery.info(path)
    assert ImageSpec.from_json(info["image"]) == spec
    assert info["dataset"] == spec.dataset
    real = test.images[:3]
    for one, other in zip(answers(again, real), answers(model, real), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)
    if again.options.label:
        with pytest.raises(ValueError, match=rf"label: expected a number from 0 to {len(spec.classes) - 1} or one of "):
            again.generate(1, label=len(spec.classes))
    if again.statistics is not None:
        assert again.statistics.centroids.shape == (len(spec.classes), again.config.latent)
        assert len(again.statistics.shown()[0]) == (TEST_SIZE if again.config.latent == 2 else 0)

    again.save(tmp_path / "copy.safetensors")
    for one, other in zip(
        answers(gengallery.load(tmp_path / "copy.safetensors"), real), answers(again, real), strict=True
    ):
        assert torch.equal(one, other)


@pytest.mark.parametrize("name", compared())
def test_the_cards_by_which_families_are_compared_fit_any_images(name):
    for image in (WIDE, replace(WIDE, classes=())):
        model = learner(for_images(compared()[name], image)).model.eval().requires_grad_(False)
        assert model.generate(2).shape == (2, *image.shape)


@every_card
def test_images_need_not_be_square(name):
    card = for_images(CARDS[name], WIDE)
    torch.manual_seed(0)
    made = learner(card)
    for seed in range(3):
        made.step(torch.rand(BATCH, *WIDE.shape), torch.arange(BATCH) % 3, np.random.default_rng(seed))
    model = made.model.eval().requires_grad_(False)
    answers(model, torch.rand(2, *WIDE.shape))
    with pytest.raises(ValueError, match="z: expected"):
        model.decode(torch.zeros(1, model.config.latent + 1))


def test_the_classifier_trains_on_any_images(images, tmp_path):
    config = ClassifierConfig((8, 8, 16), image=images.spec)
    card = replace(classifier.CARD, config=config, recipe=Recipe(3, batch=BATCH, lr=1e-2))
    run = Run(card, images.split(TRAINVAL))
    while not run.done:
        list(run.epoch())
    network, losses = run.finish(images.split(TEST))
    path = tmp_path / "classifier.safetensors"
    checkpoint.write(path, network.state_dict(), file_header(run, losses, "a command"))
    features, labels = classifier.load(path).classify(images.split(TEST).images)
    assert features.shape == (TEST_SIZE, 16)
    assert labels.max() < max(1, len(images.spec.classes))
    torch.testing.assert_close(network.classify(images.split(TEST).images)[0], features)
    assert losses["test"]["accuracy"] == pytest.approx((labels == images.split(TEST).labels).float().mean().item())


@pytest.mark.parametrize("config", [lambda image: GanConfig(conditional=True, image=image),
                                    lambda image: VaeConfig(2, conditional=True, image=image)])  # fmt: skip
def test_a_conditional_config_needs_classes(config):
    with pytest.raises(ValueError, match="conditional: expected images with classes, found a data set without"):
        config(ImageSpec(1, 28, 28))
    assert config(WIDE).options.label


@pytest.mark.parametrize("name", ["flow", "onestep", "r3gan"])
def test_without_classes_there_is_no_label_to_give(name):
    model = CARDS[name].model(replace(CARDS[name].config, image=replace(WIDE, classes=()))).eval()
    assert not model.options.label
    assert model.options.guidance is None
    for call in (lambda: model.generate(1, label=0), lambda: model.labels(1)):
        with pytest.raises(TypeError, match=r"^label: expected an option that this model has"):
            call()


def test_a_config_comes_back_from_json_with_its_images():
    for card in CARDS.values():
        config = replace(card.config, image=WIDE)
        fields = {**asdict(config), "image": {**asdict(WIDE), "classes": ["cat", "dog", "eel"]}}
        assert type(config).from_json(fields) == config
