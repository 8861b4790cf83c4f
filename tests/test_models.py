"""The families: what a step changes, configs that are refused, and where the encoded data lies."""

import sys
from dataclasses import asdict

import numpy as np
import pytest
import torch
from networks import IMAGE, LABELS, NO_CLASS, batch, moved, rng, weights

from gengallery.checks import check_sizes, check_tuple
from gengallery.families import cards, families, family
from gengallery.families import learner as new_learner
from gengallery.learners.learner import drop_labels
from gengallery.model.latents import LatentStatistics
from gengallery.model.spec import Paper, as_json
from gengallery.models.autoencoder import AutoencoderConfig
from gengallery.models.flow import FlowConfig
from gengallery.models.gan import Gan, GanConfig
from gengallery.models.r3gan import R3ganConfig
from gengallery.models.vae import VaeConfig
from gengallery.models.vqvae import VqvaeConfig
from gengallery.nn.layers import one_hot
from gengallery.training.flops import parameters

OF_THE_REPORT = {"autoencoder", "gan", "vae"}

every_card = pytest.mark.parametrize("name", cards())


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


@pytest.fixture
def images() -> torch.Tensor:
    return batch()


# -- every family


@every_card
def test_a_step_learns_and_gives_finite_scalars_under_the_reports_names(name, images):
    card = cards()[name]
    learner = new_learner(card)
    before = weights(learner.model)
    losses = learner.step(images, LABELS, rng())
    assert moved(learner.model, before)
    assert set(card.reported) <= losses.keys()
    assert all(loss.shape == () and loss.isfinite() for loss in losses.values())
    with torch.inference_mode():
        assert learner.losses(learner.model, images, LABELS, rng()).keys() == losses.keys()


@every_card
def test_a_step_depends_on_its_generator_alone(name, images):
    card, learners = cards()[name], []
    for noise in (1, 2):
        torch.manual_seed(0)
        learners.append(new_learner(card))
        torch.manual_seed(noise)  # of no importance
        learners[-1].step(images, LABELS, rng())
    assert not moved(learners[0], weights(learners[1]))


@every_card
def test_parameters_are_counted_without_buffers(name):
    card = cards()[name]
    model = card.model(card.config)
    assert parameters(card) == sum(p.numel() for p in model.parameters()) > 0


def test_parameters_by_hand():
    counted = {name: parameters(cards()[name]) for name in ("ae_2", "gan_dim_8", "vae_2")}
    convolutions = 32 * 9 + 32 + 64 * 32 * 9 + 64
    transposed = 64 * 64 * 9 + 64 + 64 * 32 * 9 + 32 + 32 * 9 + 1
    assert counted == {
        "ae_2": 784 * 2 + 2 + 2 * 784 + 784,
        "gan_dim_8": 8 * 256 + 256 + 256 * 784 + 784,
        "vae_2": convolutions + 3136 * 16 + 16 + 16 * 4 + 4 + 2 * 3136 + 3136 + transposed,
    }


@pytest.mark.parametrize("name", [name for name, card in cards().items() if card.family in OF_THE_REPORT])
def test_networks_start_as_keras_does(name):
    card = cards()[name]
    learner = new_learner(card)
    for layer in learner.modules():
        if isinstance(layer, torch.nn.Linear):
            bound = (6 / (layer.in_features + layer.out_features)) ** 0.5
            assert layer.weight.abs().max() <= bound
            if layer.weight.numel() > 1000:
                assert layer.weight.abs().max() > 0.95 * bound
        if hasattr(layer, "bias") and layer.bias is not None:
            assert not layer.bias.any()


@every_card
def test_cards_are_told_in_full(name):
    card = cards()[name]
    paper = card.paper or card.model.paper
    assert isinstance(paper, Paper)
    assert paper.url.startswith("https://")
    assert card.equations or card.model.equations
    assert card.model.title
    assert card.model.strengths
    assert card.model.weaknesses
    assert card.summary
    assert card.notes
    assert family(card.family).model is card.model


def test_an_unknown_family_is_refused():
    assert set(families()) >= OF_THE_REPORT
    with pytest.raises(ValueError, match=f"unknown family 'os'; there are {', '.join(families())}$"):
        family("os")


@pytest.mark.parametrize(
    ("config", "says"),
    [
        (lambda: AutoencoderConfig(0), "latent_dim: expected a whole number from 1 to 65536, found 0"),
        (lambda: AutoencoderConfig(2.0), r"latent_dim: .* found 2\.0"),
        (lambda: AutoencoderConfig("2"), "latent_dim: .* found '2'"),
        (lambda: AutoencoderConfig(True), "latent_dim: .* found True"),
        (lambda: AutoencoderConfig(65537), "latent_dim: .* found 65537"),
        (lambda: AutoencoderConfig(2, components=0), "components: expected a whole number from 1 to 65536, found 0"),
        (
            lambda: AutoencoderConfig(2, prior="lattice"),
            "prior: expected one of gaussian, mixture, flow; found 'lattice'",
        ),
        (lambda: VaeConfig(2, hidden=0), "hidden: .* found 0"),
        (lambda: VaeConfig(-2), "latent_dim: .* found -2"),
        (lambda: VaeConfig(2, relu_heads=1), "relu_heads: expected true or false, found 1"),
        (lambda: VaeConfig(2, conditional="no"), "conditional: expected true or false, found 'no'"),
        (lambda: VaeConfig(2, truncation=0), r"truncation: expected a number from 0\.001 to 1, found 0"),
        (lambda: VaeConfig(2, guidance=-1), "guidance: expected a number from 0 to 100, found -1"),
        (lambda: GanConfig(noise_dim=0), "noise_dim: .* found 0"),
        (lambda: GanConfig(noise_dist="gauss"), "noise_dist: expected one of normal, uniform, poisson; found 'gauss'"),
        (lambda: GanConfig(generator_dims=()), r"generator_dims: expected at least one size, found \(\)"),
        (lambda: GanConfig(discriminator_dims=[256]), r"discriminator_dims: expected at least one size, found \[256\]"),
        (lambda: GanConfig(generator_dims=(256, 0)), r"generator_dims\[1\]: .* found 0"),
        (lambda: GanConfig(standardised=None), "standardised: expected true or false, found None"),
        (lambda: GanConfig(conditional=0), "conditional: expected true or false, found 0"),
        (lambda: FlowConfig(steps=0), "steps: .* found 0"),
        (lambda: FlowConfig(exact_steps=2.5), r"exact_steps: .* found 2\.5"),
        (lambda: FlowConfig(guidance=-1), "guidance: expected a number from 0 to 100, found -1"),
        (lambda: FlowConfig(guidance="much"), "guidance: .* found 'much'"),
        (lambda: FlowConfig(widths=(64,)), r"widths: expected 2 sizes, found \(64,\)"),
        (lambda: FlowConfig(blocks=(2, 0)), r"blocks\[1\]: .* found 0"),
        (lambda: R3ganConfig(noise_dim=0), "noise_dim: .* found 0"),
        (lambda: R3ganConfig(widths=8), "widths: expected 2 sizes, found 8"),
        (lambda: VqvaeConfig(levels=1), "levels: expected a whole number from 2 to 65536, found 1"),
        (lambda: VqvaeConfig(channels=0), "channels: .* found 0"),
        (lambda: VqvaeConfig(prior=None), "prior: expected one of .* found None"),
        (lambda: check_tuple("sides", [1, 2], 2), r"sides: expected 2 sizes, found \[1, 2\]"),
        (lambda: check_sizes(width=None), "width: .* found None"),
    ],
)
def test_bad_settings_are_refused_by_name(config, says):
    with pytest.raises(ValueError, match=says):
        config()


def test_a_config_comes_back_from_json():
    config = GanConfig(8, "poisson", (64, 32), (128,), False)
    fields = {"noise_dim": 8, "noise_dist": "poisson", "generator_dims": [64, 32], "discriminator_dims": [128],
              "standardised": False, "image": as_json(asdict(IMAGE))}  # fmt: skip
    assert GanConfig.from_json(fields) == config
    assert [p.shape for p in Gan(config).generator.parameters()][::2] == [(64, 8), (32, 64), (784, 32)]
    with pytest.raises(TypeError, match="beta"):
        VaeConfig.from_json({"latent_dim": 2, "beta": 4})


def test_latent_statistics_are_those_of_the_data():
    z, labels = torch.randn(500, 2) @ torch.tensor([[2.0, 1.0], [0.0, 0.5]]) + 3, torch.arange(500) % 10
    test_z, test_labels = torch.randn(2500, 2), torch.arange(2500) % 7
    statistics = LatentStatistics(2, 10)
    statistics.fit(z, labels, test_z, test_labels)
    np.testing.assert_allclose(statistics.mean, z.numpy().mean(0), rtol=1e-5)
    np.testing.assert_allclose(statistics.covariance, np.cov(z.numpy().T), rtol=1e-4)
    np.testing.assert_allclose(statistics.centroids[3], z.numpy()[3::10].mean(0), rtol=1e-5)
    assert torch.equal(statistics.positions, test_z[:2000])
    assert torch.equal(statistics.labels, test_labels[:2000].to(torch.uint8))
    shown, classes = statistics.shown()
    assert torch.equal(shown, test_z[:2000])
    assert torch.equal(classes, test_labels[:2000])
    wide = LatentStatistics(3, 10)
    wide.fit(torch.randn(50, 3), labels[:50], torch.randn(20, 3), labels[:20])
    assert len(wide.positions) == len(wide.labels) == 0


def test_a_class_without_images_has_its_centroid_at_the_origin():
    statistics = LatentStatistics(2, 10)
    statistics.fit(torch.ones(90, 2), torch.arange(90) % 9, torch.ones(5, 2), torch.arange(5))
    assert torch.equal(statistics.centroids, torch.ones(10, 2).index_fill(0, torch.tensor([9]), 0))
    assert all(tensor.isfinite().all() for tensor in statistics.state_dict().values())
    shown, classes = statistics.shown()
    assert (len(shown), classes.tolist()) == (5, [0, 1, 2, 3, 4])


def test_latent_statistics_of_data_without_classes_and_with_many():
    for classes in (0, 1, 300):
        statistics, labels = LatentStatistics(2, classes), torch.arange(600) % max(1, classes)
        statistics.fit(torch.randn(600, 2), labels, torch.randn(400, 2), labels[:400])
        assert statistics.centroids.shape == (classes, 2)
        assert torch.equal(statistics.shown()[1], labels[:400])


def test_classes_are_written_one_hot():
    for dtype in (torch.float32, torch.float64, torch.bfloat16):
        found = one_hot(torch.tensor([2, 10, 9]), 10, dtype)
        assert found.dtype == dtype
        assert torch.equal(found, torch.eye(11, dtype=dtype)[[2, 10, 9], :10])
    assert one_hot(torch.tensor([0, 0]), 0, torch.float32).shape == (2, 0)


def test_a_tenth_of_the_labels_are_dropped():
    labels = torch.arange(20_000) % 10
    found = drop_labels(labels, NO_CLASS, rng())
    dropped = found == NO_CLASS
    assert dropped.double().mean().item() == pytest.approx(0.1, abs=0.01)
    assert torch.equal(found[~dropped], labels[~dropped])
    assert torch.equal(labels, torch.arange(20_000) % 10)  # those given stay as they were
    assert torch.equal(drop_labels(labels, NO_CLASS, rng()), found)
    half = drop_labels(labels, NO_CLASS, rng(), share=0.5) == NO_CLASS
    assert half.double().mean().item() == pytest.approx(0.5, abs=0.02)


@every_card
def test_training_drops_labels_where_the_model_takes_them(name, images, monkeypatch):
    card, seen = cards()[name], []
    learner = new_learner(card)
    module = sys.modules[learner.step.__module__]  # a learner may inherit its step
    monkeypatch.setattr(module, "drop_labels", lambda labels, *_: seen.append(labels) or labels, raising=False)
    learner.step(images, LABELS, rng())
    assert bool(seen) == card.config.options.label
    assert all(torch.equal(labels, LABELS) for labels in seen)
