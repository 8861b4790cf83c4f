"""Autoencoders, quantised and variational ones: losses and latents against independent oracles."""

from dataclasses import asdict

import numpy as np
import pytest
import torch
from networks import LABELS, NO_CLASS, NO_LABELS, PIXELS, batch, rng
from torch.distributions import Bernoulli, Normal, kl_divergence

import gengallery
from gengallery.families import cards
from gengallery.learners.learner import Descent, adam
from gengallery.model.spec import Recipe
from gengallery.models.autoencoder import Autoencoder, AutoencoderConfig
from gengallery.models.vae import Vae, VaeConfig, VaeLearner, VaeRecipe, cross_entropy
from gengallery.models.vqvae import Vqvae, VqvaeConfig
from gengallery.priors import flow as flow_prior
from gengallery.priors.classwise import kl_to_standard_normal
from gengallery.priors.flow import FittedFlow
from gengallery.priors.gaussian import FittedGaussian
from gengallery.priors.mixture import FittedMixture
from gengallery.storage import checkpoint
from gengallery.storage.checkpoint import CheckpointError


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


@pytest.fixture
def images() -> torch.Tensor:
    return batch()


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
    header = {**model.file_header(), "name": "x"}
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


@pytest.mark.slow
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
