"""GANs: losses and penalties against independent oracles, which network a step moves, and the search."""

import numpy as np
import pytest
import torch
from networks import IMAGE, LABELS, NO_CLASS, NO_LABELS, PIXELS, batch, moved, rng, weights
from torch.nn import functional as F

from gengallery.families import cards
from gengallery.learners.adversarial import gradient_penalty
from gengallery.model.spec import Condition
from gengallery.models.gan import Gan, GanConfig, GanLearner, GanRecipe
from gengallery.nn.inversion import CANDIDATES
from gengallery.nn.layers import mlp
from gengallery.priors.noise import Noise


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


@pytest.fixture
def images() -> torch.Tensor:
    return batch()


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
