"""The families: losses against independent oracles, what a step changes, the search, and configs that are refused."""

import sys
from dataclasses import asdict

import numpy as np
import pytest
import torch
from torch.distributions import Bernoulli, Normal, kl_divergence
from torch.nn import functional as F

import gengallery
from gengallery.checks import check_sizes, check_tuple
from gengallery.data import default_spec
from gengallery.families import cards, families, family
from gengallery.families import learner as new_learner
from gengallery.learners.adversarial import gradient_penalty
from gengallery.learners.learner import Descent, adam, drop_labels
from gengallery.model.latents import LatentStatistics
from gengallery.model.spec import Condition, Paper, Recipe, as_json
from gengallery.models.autoencoder import Autoencoder, AutoencoderConfig
from gengallery.models.flow import FlowConfig
from gengallery.models.gan import Gan, GanConfig, GanLearner, GanRecipe
from gengallery.models.r3gan import R3ganConfig
from gengallery.models.vae import Vae, VaeConfig, VaeLearner, VaeRecipe, cross_entropy
from gengallery.models.vqvae import Vqvae, VqvaeConfig
from gengallery.nn.inversion import CANDIDATES
from gengallery.nn.layers import Residual, mlp, one_hot, residuals
from gengallery.nn.unet import Block, UNet
from gengallery.priors import flow as flow_prior
from gengallery.priors.classwise import kl_to_standard_normal
from gengallery.priors.flow import FittedFlow
from gengallery.priors.gaussian import FittedGaussian
from gengallery.priors.mixture import FittedMixture
from gengallery.priors.noise import Noise
from gengallery.storage import checkpoint
from gengallery.storage.checkpoint import CheckpointError
from gengallery.training.flops import parameters

IMAGE = default_spec()
PIXELS, NO_CLASS = IMAGE.pixels, IMAGE.no_class
LABELS = torch.arange(6)  # of the images below
NO_LABELS = torch.full((6,), NO_CLASS)

OF_THE_REPORT = {"autoencoder", "gan", "vae"}

every_card = pytest.mark.parametrize("name", cards())


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


@pytest.fixture
def images() -> torch.Tensor:
    return torch.rand(len(LABELS), 1, 28, 28)


def rng() -> np.random.Generator:
    return np.random.default_rng(3)


def weights(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


def moved(module: torch.nn.Module, before: dict[str, torch.Tensor]) -> bool:
    return any(not torch.equal(tensor, before[name]) for name, tensor in module.state_dict().items())


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


# -- layers and the U-Net


@pytest.mark.parametrize("count", [1, 3])
def test_residual_blocks_start_as_nothing_and_keep_the_shape(count):
    layers, x = residuals(4, count), torch.randn(2, 4, 7, 5)
    assert len(layers) == count
    assert torch.equal(layers(x), x)
    torch.nn.init.normal_(layers[0].second.weight)
    assert layers(x).shape == x.shape
    assert not torch.equal(layers(x), x)


def test_a_residual_block_by_hand():
    block, x = Residual(3), torch.randn(2, 3, 6, 6)
    torch.nn.init.normal_(block.second.weight)
    leaky = lambda x: torch.where(x > 0, x, 0.2 * x)  # noqa: E731
    torch.testing.assert_close(block(x), x + block.second(leaky(block.first(leaky(x)))))


def unet(widths: tuple[int, int] = (8, 16), blocks: tuple[int, int] = (1, 2)) -> UNet:
    """One of which no part is silent."""
    network = UNet(widths, blocks, IMAGE)
    for parameter in network.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.1)
    return network


@pytest.mark.parametrize(("widths", "blocks"), [((8, 16), (1, 1)), ((16, 8), (2, 3)), ((8, 8), (3, 1))])
def test_a_unet_gives_images_and_says_nothing_at_first(widths, blocks, images):
    network = UNet(widths, blocks, IMAGE)
    assert torch.equal(network(images, torch.zeros(6), LABELS), torch.zeros_like(images))
    assert len(network.inward) == len(network.outward) == blocks[0]
    assert len(network.middle) == blocks[1]
    found = unet(widths, blocks)(images, torch.linspace(0, 1, 6), LABELS)
    assert found.shape == images.shape
    assert found.abs().min(0).values.max() > 0
    assert found.isfinite().all()


def test_a_unet_heeds_image_time_and_class_of_each_alone(images):
    network, t = unet(), torch.linspace(0.1, 0.9, 6)
    found = network(images, t, LABELS)
    for changed in (
        network(images.index_fill(0, torch.tensor([2]), 0.5), t, LABELS),
        network(images, t.index_fill(0, torch.tensor([2]), 0.75), LABELS),
        network(images, t, LABELS.index_fill(0, torch.tensor([2]), NO_CLASS)),
    ):
        others = torch.tensor([0, 1, 3, 4, 5])
        torch.testing.assert_close(changed[others], found[others], rtol=1e-4, atol=1e-5)
        assert (changed[2] - found[2]).abs().max() > 1e-4


def test_a_unets_skips_and_middle_all_matter(images):
    network, t = unet(blocks=(2, 1)), torch.full((6,), 0.3)
    found = network(images, t, LABELS)
    for part in (*network.inward, *network.middle, *network.outward, network.down, network.up):
        before = weights(part)
        for parameter in part.parameters():
            torch.nn.init.zeros_(parameter)
        assert not torch.allclose(network(images, t, LABELS), found, atol=1e-5)
        part.load_state_dict(before)
    torch.testing.assert_close(network(images, t, LABELS), found)


def test_a_block_may_change_the_number_of_channels():
    embedding = torch.randn(2, 12)
    for inputs, outputs in ((8, 8), (16, 8), (8, 24)):
        block, x = Block(inputs, outputs, 12), torch.randn(2, inputs, 7, 7)
        assert block(x, embedding).shape == (2, outputs, 7, 7)
        torch.testing.assert_close(block(x, embedding), block.skip(x))  # it starts as its skip
    assert isinstance(Block(8, 8, 12).skip, torch.nn.Identity)


# -- autoencoder


def test_the_autoencoders_loss_is_the_mean_square_over_pixels(images):
    learner = Descent(Autoencoder(AutoencoderConfig(4)), Recipe(epochs=1))
    model = learner.model
    x = images.flatten(1).double().numpy()
    inward, a, outward, b = (p.detach().double().numpy() for p in model.parameters())
    z = np.maximum(x @ inward.T + a, 0)
    expected = ((1 / (1 + np.exp(-(z @ outward.T + b))) - x) ** 2).mean()
    assert learner.losses(model, images, LABELS, rng())["mse"].item() == pytest.approx(expected, rel=1e-5)
    np.testing.assert_allclose(model.encode(images), z, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("prior", "kind", "tensors"),
    [
        ("gaussian", FittedGaussian, {"mean", "factor"}),
        ("mixture", FittedMixture, {"weights", "means", "factors"}),
        ("flow", FittedFlow, {"mean", "deviation", "leave.weight"}),
    ],
)
def test_an_autoencoders_prior_is_as_its_config_says_and_travels_in_its_file(
    prior, kind, tensors, tmp_path, monkeypatch
):
    monkeypatch.setattr(flow_prior, "LAYERS", 1)
    model, path = Autoencoder(AutoencoderConfig(4, 3, prior)).eval(), tmp_path / "x.safetensors"
    assert type(model.prior) is kind
    assert set(model.prior.state_dict()) >= tensors
    model.prior.fit(model.encode(torch.rand(100, 1, 28, 28)))
    header = {"name": "x", "family": "autoencoder", "config": asdict(model.config), "prior": model.prior.describe(),
              "card": {"exhibit": False}, "parameters": 1, "training": {}, "cost": {}, "losses": {}}  # fmt: skip
    checkpoint.write(path, model.state_dict(), header)
    again = gengallery.load(path)
    assert again.prior.describe() == model.prior.describe()
    assert torch.equal(again.generate(9, seed=2), model.generate(9, seed=2))
    assert (again.sample(50) >= 0).all()

    header["config"] = asdict(AutoencoderConfig(4, 3, "gaussian" if prior == "mixture" else "mixture"))
    checkpoint.write(path, model.state_dict(), header)
    with pytest.raises(CheckpointError, match="expected the prior"):
        gengallery.load(path)


# -- quantised autoencoder


def vqvae(**config) -> Vqvae:
    return Vqvae(VqvaeConfig(**{"widths": (8, 8), "blocks": (1, 1), "prior": "gaussian", **config}))


def test_latents_are_levels(images):
    model = vqvae(channels=3, levels=5).eval()
    z = model.encode(images)
    assert z.shape == (6, 49 * 3) == (6, model.config.latent)
    distances = (z[..., None] - torch.tensor([-1, -0.5, 0, 0.5, 1])).abs().min(-1).values
    assert distances.max() < 1e-6
    assert len(z.unique()) > 1
    assert model.config.bits == pytest.approx(49 * 3 * np.log2(5))
    assert VqvaeConfig(channels=2, levels=16).bits == 49 * 2 * 4


def test_levels_are_the_nearest_and_what_lies_outside_is_clamped():
    model = vqvae(levels=3)
    z = torch.tensor([[-7.0, -1.0, -0.51, -0.49, 0.0, 0.2, 0.49, 0.51, 1.0, 3.0]])
    assert model.rounded(z).tolist() == [[-1, -1, -1, 0, 0, 0, 0, 1, 1, 1]]
    assert vqvae(levels=2).rounded(torch.tensor([[-0.1, 0.1]])).tolist() == [[-1, 1]]
    rounded = vqvae(levels=16).rounded(torch.linspace(-1, 1, 1001)[None])
    assert len(rounded.unique()) == 16


def test_the_gradient_passes_through_the_rounding():
    model, z = vqvae(levels=3), torch.tensor([[-0.7, 0.1, 0.9]], requires_grad=True)
    rounded = model.rounded(z)
    assert rounded.tolist() == [[-1, 0, 1]]
    (rounded * torch.tensor([1.0, 2.0, 3.0])).sum().backward()
    assert z.grad.tolist() == [[1, 2, 3]]


def test_decoding_rounds_what_it_is_given():
    model = vqvae(levels=3).eval().requires_grad_(False)
    z = torch.randn(2, model.config.latent)
    assert torch.equal(model.decode(z), model.decode(model.rounded(z)))
    assert not torch.equal(model.decode(z), model.decode(-z))


def test_a_latents_places_are_the_images_own():
    """In the order in which a page is read: a change above and left is far from below and right."""
    model = vqvae(channels=2, levels=3).eval().requires_grad_(False)
    z = torch.zeros(1, model.config.latent)
    for place, rows in ((0, slice(0, 14)), (48, slice(14, 28))):
        other = z.clone()
        other[0, 2 * place : 2 * place + 2] = 1
        changed = (model.decode(other) - model.decode(z))[0, 0].abs() > 1e-6
        assert changed[rows, rows].any()
        changed[rows, rows] = False
        assert not changed.any()


# -- variational autoencoder


def test_weights_decay_as_in_adamw():
    torch.manual_seed(0)
    ours = torch.nn.Linear(3, 2)
    theirs = torch.nn.Linear(3, 2)
    theirs.load_state_dict(ours.state_dict())
    recipe = VaeRecipe(epochs=1, lr=0.1, weight_decay=0.5)
    mine, torchs = adam(ours, recipe, recipe.weight_decay), torch.optim.AdamW
    for layer, optimizer in ((ours, mine), (theirs, torchs(theirs.parameters(), lr=0.1, weight_decay=0.5))):
        for step in range(3):
            optimizer.zero_grad()
            layer(torch.full((1, 3), step - 1.0)).square().sum().backward()
            optimizer.step()
    torch.testing.assert_close(ours.weight, theirs.weight)


def test_a_conditional_vaes_networks_take_the_class(images):
    model = Vae(VaeConfig(3, conditional=True))
    other = LABELS.flip(0)
    for one, another in zip(model.posterior(images, LABELS), model.posterior(images, other), strict=True):
        assert not torch.allclose(one, another)
    z = torch.randn(6, 3)
    assert not torch.allclose(model.logits(z, LABELS), model.logits(z, other))
    plain = Vae(VaeConfig(3))
    assert torch.equal(plain.logits(z, LABELS), plain.logits(z, other))
    assert torch.equal(plain.posterior(images, LABELS)[0], plain.posterior(images, other)[0])
    # Ten inputs more on each side, and nothing else.
    more = sum(p.numel() for p in model.parameters()) - sum(p.numel() for p in plain.parameters())
    assert more == 10 * 16 + 10 * 64 * 7 * 7


def fitted_conditional(images, dim: int = 3) -> Vae:
    """A conditional VAE whose prior no longer is N(0, I)."""
    model = Vae(VaeConfig(dim, conditional=True)).eval()
    model.heads.weight.data *= 20
    model.fit_prior([(images, LABELS), (images.flip(0), LABELS)], 0)
    return model


def test_a_conditional_vae_trains_against_a_standard_normal_and_is_measured_against_its_prior(images):
    model, labels = fitted_conditional(images), LABELS
    mean, log_variance = model.posterior(images, labels)
    fitted = model.losses(images, labels, rng())
    torch.testing.assert_close(fitted["kl"], model.prior.kl(mean, log_variance, labels).mean())
    trained = model.train().losses(images, labels, rng())
    torch.testing.assert_close(trained["kl"], kl_to_standard_normal(mean, log_variance).sum(1).mean())
    assert torch.equal(trained["reconstruction"], fitted["reconstruction"])
    assert not torch.isclose(trained["kl"], fitted["kl"])


def test_where_the_decoder_alone_has_no_class_the_encoder_does_not_help_it(images):
    model = Vae(VaeConfig(3, conditional=True))
    found = model.losses(images, LABELS, rng(), decoded=NO_LABELS)
    torch.testing.assert_close(found["kl"], model.losses(images, LABELS, rng())["kl"])
    found["reconstruction"].backward()
    assert all(p.grad is None or not p.grad.any() for p in [*model.inward.parameters(), *model.heads.parameters()])
    assert all(p.grad.any() for p in model.outward.parameters())
    some = torch.where(torch.arange(6) < 3, LABELS, NO_LABELS)
    model.zero_grad()
    model.losses(images, LABELS, rng(), decoded=some)["reconstruction"].backward()
    assert model.heads.weight.grad.any()


def test_a_conditional_vae_trains_with_classes_left_out_for_both_and_for_the_decoder_alone(images, monkeypatch):
    learner, seen = VaeLearner(Vae(VaeConfig(3, conditional=True)), VaeRecipe(1)), {}
    images, labels = images.repeat(500, 1, 1, 1), LABELS.repeat(500)
    for name in ("posterior", "logits"):
        real = getattr(learner.model, name)
        monkeypatch.setattr(learner.model, name, lambda x, c, n=name, f=real: seen.update({n: c}) or f(x, c))
    learner.step(images, labels, rng())
    encoded, decoded = ((seen[name] == NO_CLASS).float() for name in ("posterior", "logits"))
    assert encoded.mean() == pytest.approx(0.1, abs=0.02)
    assert (decoded - encoded).mean() == pytest.approx(0.09, abs=0.02)
    assert (decoded >= encoded).all()


def test_a_conditional_vaes_latents_are_in_the_units_of_the_class(images):
    model = fitted_conditional(images)
    mean, _ = model.posterior(images, LABELS)
    u = model.encode(images, label=LABELS)
    torch.testing.assert_close(model.prior.place(u, LABELS), mean, rtol=1e-4, atol=1e-4)
    found = model.decode(u, label=LABELS, guidance=1)
    torch.testing.assert_close(found, torch.sigmoid(model.logits(mean, LABELS)), rtol=1e-3, atol=1e-4)


def test_guidance_weighs_the_log_odds(images):
    model = fitted_conditional(images)
    u = model.encode(images, label=LABELS)
    z = model.prior.place(u, LABELS)
    without, given = model.logits(z, NO_LABELS), model.logits(z, LABELS)
    found = model.decode(u, label=LABELS, guidance=3)
    torch.testing.assert_close(found, torch.sigmoid(without + 3 * (given - without)), rtol=1e-3, atol=1e-4)
    assert torch.equal(model.reconstruct(images, label=LABELS), model.decode(u, label=LABELS, guidance=1))
    strict = Vae(VaeConfig(3, conditional=True, guidance=3)).eval()
    strict.load_state_dict(model.state_dict())
    for nothing in ({}, {"guidance": None}):  # an image comes back as it was, whatever guidance the config has
        assert torch.equal(strict.reconstruct(images, label=LABELS, **nothing), model.decode(u, label=LABELS))
    assert torch.equal(model.decode(u, label=LABELS, guidance=0), model.decode(u))


@pytest.mark.parametrize("fitted", [False, True])
def test_log_weights_average_to_the_negative_loss(images, fitted):
    model = fitted_conditional(images) if fitted else Vae(VaeConfig(3)).eval()
    with torch.inference_mode():
        found = model.log_weights(images, LABELS, 50, rng())
        losses = [model.losses(images, LABELS, np.random.default_rng(seed))["total"].item() for seed in range(50)]
    assert found.shape == (50, 6)
    assert found.mean().item() == pytest.approx(-np.mean(losses), abs=0.4)


def test_kl_agrees_with_torch_distributions():
    mean, log_variance = torch.randn(20, 7, dtype=torch.float64) * 3, torch.randn(20, 7, dtype=torch.float64) * 2
    expected = kl_divergence(Normal(mean, (log_variance / 2).exp()), Normal(0.0, 1.0))
    torch.testing.assert_close(kl_to_standard_normal(mean, log_variance), expected)
    assert (kl_to_standard_normal(torch.zeros(1, 3), torch.zeros(1, 3)) == 0).all()


def test_kl_per_latent_adds_up(images):
    model = Vae(VaeConfig(5)).eval()
    found = model.kl_per_latent(images, LABELS)
    assert found.shape == (5,)
    assert found.sum().item() == pytest.approx(
        model.losses(images, LABELS, np.random.default_rng(0))["kl"].item(), rel=1e-5
    )
    assert Autoencoder(AutoencoderConfig(5)).kl_per_latent(images, LABELS) is None


def test_cross_entropy_agrees_with_torch_distributions(images):
    logits = torch.randn_like(images) * 5
    expected = -Bernoulli(logits=logits, validate_args=False).log_prob(images).sum((1, 2, 3))
    torch.testing.assert_close(cross_entropy(logits, images), expected)
    probabilities = torch.sigmoid(logits.double())
    by_hand = -(images * probabilities.log() + (1 - images) * (1 - probabilities).log()).sum((1, 2, 3))
    torch.testing.assert_close(cross_entropy(logits, images), by_hand.float())


def test_cross_entropy_stays_finite_where_probabilities_do_not():
    logits, image = torch.full((1, 1, 28, 28), 1000.0), torch.zeros(1, 1, 28, 28)
    assert cross_entropy(logits, image).item() == pytest.approx(1000 * PIXELS)


def test_the_vaes_loss_is_the_negative_elbo_of_one_sample(images):
    learner = Descent(Vae(VaeConfig(3)), Recipe(epochs=1))
    losses = learner.losses(learner.model, images, LABELS, rng())
    mean, log_variance = learner.model.posterior(images, LABELS)
    noise = torch.from_numpy(rng().standard_normal((6, 3), dtype=np.float32))
    posterior = Normal(mean, (log_variance / 2).exp())
    z = posterior.mean + posterior.stddev * noise
    pixels = Bernoulli(logits=learner.model.logits(z, LABELS), validate_args=False)
    reconstruction = -pixels.log_prob(images).sum((1, 2, 3)).mean()
    kl = kl_divergence(posterior, Normal(0.0, 1.0)).sum(1).mean()
    torch.testing.assert_close(losses["reconstruction"], reconstruction)
    torch.testing.assert_close(losses["kl"], kl)
    torch.testing.assert_close(losses["total"], reconstruction + kl)


def test_the_heads_have_no_relu_but_in_the_exhibit(images):
    for relu in (False, True):
        model = Vae(VaeConfig(64, relu_heads=relu))
        mean, log_variance = model.posterior(images, LABELS)
        assert mean.shape == log_variance.shape == (6, 64)
        assert ((mean < 0).any() or (log_variance < 0).any()) == (not relu)
    assert [name for name, card in cards().items() if getattr(card.config, "relu_heads", False)] == ["vae_64_relu"]


# -- GAN


def gan(**recipe) -> GanLearner:
    return GanLearner(
        Gan(GanConfig(noise_dim=5, generator_dims=(32,), discriminator_dims=(16,))), GanRecipe(1, **recipe)
    )


def logits_on(learner: GanLearner, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The discriminator's logits on `images` and on those that `rng()` makes, one after the other."""
    fake = learner.model.decoder(learner.model.prior.draw(len(images), rng()), Condition(NO_LABELS))
    return learner.discriminator(images, NO_LABELS), learner.discriminator(fake, NO_LABELS)


def test_the_gans_losses_are_cross_entropies(images):
    learner = gan()
    for p in learner.discriminator.parameters():
        p.data *= 3  # logits that differ
    losses = learner.losses(learner.model, images, LABELS, rng())
    on_real, on_fake = logits_on(learner, images)
    entropy, ones, zeros = F.binary_cross_entropy_with_logits, torch.ones_like(on_real), torch.zeros_like(on_fake)
    torch.testing.assert_close(losses["generator"], entropy(on_fake, ones))
    torch.testing.assert_close(losses["discriminator"], (entropy(on_real, ones) + entropy(on_fake, zeros)) / 2)


def test_clipped_losses_are_those_of_keras(images):
    clipped, plain = gan(clipped=True), gan()
    logits = torch.tensor([-40.0, -3.0, 0.0, 2.0, 40.0])
    for real in (True, False):
        p = torch.sigmoid(logits.double()).clamp(1e-7, 1 - 1e-7)
        expected = F.binary_cross_entropy(p, torch.full_like(p, float(real)), reduction="none")
        torch.testing.assert_close(clipped._cross_entropy(logits, real), expected.float(), rtol=1e-4, atol=1.2e-7)
        torch.testing.assert_close(clipped._cross_entropy(logits[1:4], real), plain._cross_entropy(logits[1:4], real))
    # Keras' loss saturates at log(1e7), about 16.1, and teaches nothing from there on; on logits it goes on.
    for learner, value, slope in ((clipped, np.log(1e7), 0), (plain, 40, -1)):
        x = torch.tensor(-40.0, requires_grad=True)
        entropy = learner._cross_entropy(x, real=True)
        entropy.backward()
        assert entropy.item() == pytest.approx(value, rel=1e-5)
        assert x.grad.item() == pytest.approx(slope)


def test_r1_of_a_linear_discriminator_is_its_squared_slope(images):
    learner = gan()
    learner.discriminator.layers = mlp((PIXELS, 1), torch.nn.ReLU())
    slope = learner.discriminator.layers[0].weight
    found = gradient_penalty(learner.discriminator, images, LABELS)
    torch.testing.assert_close(found, slope.square().sum())
    torch.testing.assert_close(learner.penalty(images, images, LABELS), found / 2)


def test_r1_agrees_with_finite_differences():
    learner = gan().double()
    real, h = torch.rand(3, *IMAGE.shape, dtype=torch.float64), 1e-6
    steps, labels = (h * torch.eye(PIXELS, dtype=torch.float64)).unflatten(1, IMAGE.shape), torch.zeros(PIXELS).long()
    with torch.no_grad():
        rises = [learner.discriminator(x + steps, labels) - learner.discriminator(x - steps, labels) for x in real]
    expected = torch.stack([(rise / (2 * h)).square().sum() for rise in rises]).mean()
    found = gradient_penalty(learner.discriminator, real, LABELS[:3])
    torch.testing.assert_close(found.double(), expected, rtol=1e-5, atol=1e-8)


def test_the_penalty_comes_every_few_steps_with_its_weight_multiplied(images):
    seen = []
    learner = gan(gamma=0.5, penalty_every=3)
    original = learner.penalty
    learner.penalty = lambda *given: (seen.append(int(learner.steps)), original(*given))[1]
    for _ in range(7):
        learner.step(images, LABELS, rng())
    assert seen == [0, 3, 6]

    # The first step's gradient on the discriminator, by hand.
    torch.manual_seed(1)
    learner = gan(gamma=0.5, penalty_every=3)
    on_real, on_fake = logits_on(learner, images)
    penalty = gradient_penalty(learner.discriminator, images, LABELS)
    loss = (F.softplus(-on_real).mean() + F.softplus(on_fake).mean()) / 2 + 0.5 * 0.5 * 3 * penalty
    expected = torch.autograd.grad(loss, list(learner.discriminator.parameters()))
    captured = []
    learner.optimizers[0].register_step_pre_hook(
        lambda optimizer, *_: captured.extend(p.grad.clone() for p in optimizer.param_groups[0]["params"])
    )
    learner.step(images, LABELS, rng())
    for given, wanted in zip(captured, expected, strict=True):
        torch.testing.assert_close(given, wanted)


def test_without_gamma_there_is_no_penalty(images):
    learner = gan(gamma=0.0)
    learner.penalty = None
    learner.step(images, LABELS, rng())


def test_each_optimizer_moves_its_own_network(images):
    for index, (mine, other) in enumerate((("discriminator", "model"), ("model", "discriminator"))):
        learner = gan()
        learner.optimizers[1 - index].step = lambda: None
        before = weights(getattr(learner, mine)), weights(getattr(learner, other))
        learner.step(images, LABELS, rng())
        assert moved(getattr(learner, mine), before[0])
        assert not moved(getattr(learner, other), before[1])
        assert all(p.requires_grad for p in learner.parameters())


def test_the_generator_learns_from_the_discriminator_that_has_moved(images):
    torch.manual_seed(1)
    learner = gan()
    reported = learner.step(images, LABELS, rng())
    torch.manual_seed(1)
    fresh = gan()
    fresh.discriminator.load_state_dict(learner.discriminator.state_dict())
    torch.testing.assert_close(reported["generator"], fresh.losses(fresh.model, images, LABELS, rng())["generator"])


# -- GAN with classes


def conditional(**recipe) -> GanLearner:
    config = GanConfig(noise_dim=5, generator_dims=(32,), discriminator_dims=(16,), conditional=True)
    return GanLearner(Gan(config), GanRecipe(1, **recipe))


def test_a_conditional_gans_losses_take_the_class(images):
    learner = conditional(auxiliary=0.5)
    for p in learner.discriminator.parameters():
        p.data *= 3
    losses = learner.losses(learner.model, images, LABELS, rng())
    noise = torch.cat([learner.model.prior.draw(6, rng()), torch.eye(10)[:6]], 1)
    fake = torch.sigmoid(learner.model.generator(noise))
    on_real, on_fake = (
        learner.discriminator.layers(torch.cat([x, torch.eye(10)[:6]], 1))[:, 0] for x in (images.flatten(1), fake)
    )
    torch.testing.assert_close(losses["generator"], F.softplus(-on_fake).mean())
    torch.testing.assert_close(losses["discriminator"], (F.softplus(-on_real) + F.softplus(on_fake)).mean() / 2)


def test_the_auxiliary_loss_is_the_cross_entropy_of_the_named_classes(images):
    learner = conditional(auxiliary=0.5)
    # Without the class, since with it there would be nothing to find out.
    classes = learner.discriminator.layers(torch.cat([images.flatten(1), torch.zeros(6, 10)], 1))[:, 1:]
    assert classes.shape == (6, 10)
    labels = LABELS.clone()
    labels[4:] = NO_CLASS
    expected = -classes.log_softmax(1)[range(4), range(4)].mean()
    torch.testing.assert_close(learner._naming_loss(images, labels), expected)
    assert conditional()._naming_loss(images, LABELS) == 0


def test_the_auxiliary_loss_moves_both_networks(images):
    for network in ("discriminator", "model"):
        ends = []
        for auxiliary in (0.5, 5.0):
            torch.manual_seed(0)
            learner = conditional(auxiliary=auxiliary)
            learner.optimizers[network == "discriminator"].step = lambda: None
            learner.step(images, LABELS, rng())
            ends.append(weights(getattr(learner, network)))
        assert any(not torch.equal(ends[0][name], ends[1][name]) for name in ends[0])


def test_a_step_survives_a_batch_without_any_class(images, monkeypatch):
    none = lambda labels, no_class, rng: torch.full_like(labels, no_class)  # noqa: E731
    monkeypatch.setattr("gengallery.learners.adversarial.drop_labels", none)
    learner = conditional(auxiliary=0.5)
    learner.step(images, LABELS, rng())
    assert all(p.isfinite().all() for p in learner.parameters())


def test_a_search_finds_a_generated_image_back():
    model = gan().model
    for p in model.parameters():
        p.data *= 2  # a generator whose images differ
    model.requires_grad_(False).eval()
    images = model.generate(3, seed=5)
    candidates = model.decode(model.prior.sample(CANDIDATES, seed=0))
    found = model.reconstruct(images)
    for image, again in zip(images, found, strict=True):
        best = (candidates - image).square().mean((1, 2, 3)).min()
        assert (again - image).square().mean() < 0.02 * best
    assert torch.equal(model.encode(images[1]), model.encode(images)[1:2])  # neighbours do not matter


def test_a_search_leaves_the_network_as_it_was():
    model = gan().model
    before = weights(model)
    model.encode(torch.rand(1, 1, 28, 28))
    assert not moved(model, before)
    assert all(p.grad is None for p in model.parameters())


def test_raw_noise_is_left_to_the_exhibits():
    raw = {name for name, card in cards().items() if not getattr(card.config, "standardised", True)}
    assert raw == {"gan_dist_uniform_raw", "gan_dist_poisson_raw"}
    for name in raw:
        card = cards()[name]
        assert card.exhibit
        prior = card.model(card.config).prior
        assert isinstance(prior, Noise)
        assert prior.sample(100, seed=0).min() >= 0
