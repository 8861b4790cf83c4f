"""Adversarial learning: losses and penalties against oracles, and which network a step moves."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from gengallery.data import default_spec
from gengallery.learners.adversarial import Discriminator, RelativisticLearner, RelativisticRecipe, gradient_penalty
from gengallery.model.spec import Condition, Options
from gengallery.models.onestep import FlowDiscriminator, OneStep, OneStepConfig, OneStepLearner
from gengallery.nn.unet import UNet
from gengallery.priors.noise import NORMAL, Noise

IMAGE = default_spec()
SHAPE, PIXELS, NO_CLASS = IMAGE.shape, IMAGE.pixels, IMAGE.no_class
LABELS = torch.arange(8)


class Dense(nn.Module):
    """The smallest generator: one layer and a table of classes."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, PIXELS)
        self.by_class = nn.Embedding(NO_CLASS + 1, 4)
        self.prior = Noise(NORMAL, 4)
        self.image, self.options = IMAGE, Options(label=True)

    def decoder(self, z: torch.Tensor, condition: Condition) -> torch.Tensor:
        return torch.sigmoid(self.layer(z + self.by_class(condition.labels))).unflatten(1, SHAPE)


class Slope(nn.Module):
    """A discriminator whose slope is the same everywhere, but for each class its own."""

    def __init__(self):
        super().__init__()
        self.slopes = nn.Embedding(NO_CLASS + 1, PIXELS)

    def forward(self, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return (images.flatten(1) * self.slopes(labels)).sum(1)


def relativistic(**recipe) -> RelativisticLearner:
    torch.manual_seed(0)
    settings = {"epochs": 1, "widths": (4, 8), "betas": (0.0, 0.99), **recipe}
    return RelativisticLearner(Dense(), RelativisticRecipe(**settings))


def rng() -> np.random.Generator:
    return np.random.default_rng(3)


def weights(module: nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


def moved(module: nn.Module, before: dict[str, torch.Tensor]) -> bool:
    return any(not torch.equal(tensor, before[name]) for name, tensor in module.state_dict().items())


@pytest.fixture
def images() -> torch.Tensor:
    return torch.rand(len(LABELS), *SHAPE, generator=torch.Generator().manual_seed(1))


# -- the discriminator


@pytest.mark.parametrize(("kind", "widths"), [(Discriminator, (4, 8)), (FlowDiscriminator, (8, 16))])
def test_a_logit_is_one_number_an_image(kind, widths, images):
    torch.manual_seed(0)
    for blocks in ((1, 1), (2, 3)):
        discriminator = kind(widths, blocks, IMAGE)
        assert discriminator(images, LABELS).shape == (8,)
        alone = discriminator(images[2:3], LABELS[2:3])
        torch.testing.assert_close(alone[0], discriminator(images, LABELS)[2], rtol=1e-4, atol=1e-5)


def test_the_class_matters(images):
    torch.manual_seed(0)
    discriminator = Discriminator((4, 8), (1, 1), IMAGE)
    with torch.no_grad():
        discriminator.by_class.weight.fill_(1)
        same = discriminator(images, LABELS)
        torch.testing.assert_close(discriminator(images, LABELS.flip(0)), same)
        discriminator.by_class.weight[3] += 1
        other = discriminator(images, LABELS)
    changed = other != same
    assert changed.tolist() == [label == 3 for label in LABELS.tolist()]
    torch.testing.assert_close(other[3], 2 * same[3])  # the projection is linear in the class


def test_no_class_has_a_place_of_its_own(images):
    torch.manual_seed(0)
    discriminator = Discriminator((4, 8), (1, 1), IMAGE)
    assert len(discriminator.by_class.weight) == NO_CLASS + 1
    assert not torch.equal(discriminator(images, torch.full((8,), NO_CLASS)), discriminator(images, LABELS))


def test_the_discriminator_sees_pixels_from_minus_one_to_one(images):
    discriminator, seen = Discriminator((4, 8), (1, 1), IMAGE), []
    discriminator.maps.register_forward_pre_hook(lambda module, given: seen.append(given[0]))
    discriminator(images, LABELS)
    torch.testing.assert_close(seen[0], images * 2 - 1)


# -- the discriminator that starts from a flow's network


def flow_discriminator() -> FlowDiscriminator:
    """One of which no part is silent."""
    torch.manual_seed(0)
    discriminator = FlowDiscriminator((8, 16), (1, 2), IMAGE)
    for parameter in discriminator.parameters():
        if not parameter.any():
            nn.init.normal_(parameter, std=0.1)
    return discriminator


def test_the_class_of_each_image_matters_to_its_own_logit(images):
    discriminator = flow_discriminator()
    found = discriminator(images, LABELS)
    for label in (3, NO_CLASS):
        other = discriminator(images, LABELS.index_fill(0, torch.tensor([2]), label))
        assert (~torch.isclose(other, found, rtol=0, atol=1e-5)).tolist() == [False, False, True, *5 * [False]]


def test_a_flows_network_sees_images_as_it_knows_them(images):
    """Shifted and scaled, and at the end of the way: what it saw there while it learned to flow."""
    discriminator, flow = flow_discriminator(), UNet((8, 16), (1, 2), IMAGE)
    flow.load_state_dict(discriminator.unet.state_dict(), strict=False)
    seen = []
    flow.middle[-1].register_forward_hook(lambda module, given, maps: seen.append(maps))
    flow((images - IMAGE.mean) / IMAGE.std, torch.ones(8), LABELS)
    torch.testing.assert_close(discriminator(images, LABELS), discriminator.logit(seen[0]).flatten())


def test_both_networks_of_a_one_step_learner_learn(images):
    recipe = RelativisticRecipe(epochs=1, lr=1e-3, widths=(8, 16), betas=(0.0, 0.99))
    learner = OneStepLearner(OneStep(OneStepConfig((8, 16), (1, 1))), recipe)
    before = weights(learner.discriminator.unet), weights(learner.model)
    for _ in range(2):  # a network that starts as nothing has no slope for what stands before its last layer
        learner.step(images, LABELS, rng())
    assert moved(learner.discriminator.unet, before[0])
    assert moved(learner.model, before[1])


# -- losses and penalties


def penalised(learner: RelativisticLearner, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """The mean squared gradient of the discriminator, of pixels from -1 to 1, which are twice as far apart."""
    return gradient_penalty(learner.discriminator, images, labels) / 4


def test_losses_are_those_of_pairs(images):
    learner = relativistic()
    fake = learner.model.decoder(learner.model.prior.draw(8, rng()), Condition(LABELS))
    on_real, on_fake = learner.discriminator(images, LABELS), learner.discriminator(fake, LABELS)
    found = learner.losses(learner.model, images, LABELS, rng())
    entropy, ones = F.binary_cross_entropy_with_logits, torch.ones(8)
    torch.testing.assert_close(found["discriminator"], entropy(on_real - on_fake, ones))
    torch.testing.assert_close(found["generator"], entropy(on_fake - on_real, ones))


def test_the_penalty_of_a_linear_discriminator_is_its_squared_slope(images):
    learner = relativistic()
    learner.discriminator = Slope()
    # In pixels from -1 to 1 every slope is half as steep.
    expected = (learner.discriminator.slopes.weight[LABELS] / 2).square().sum(1).mean()
    torch.testing.assert_close(penalised(learner, images, LABELS), expected)


def test_the_penalty_agrees_with_finite_differences():
    learner, h = relativistic().double(), 1e-6
    images = torch.rand(2, *SHAPE, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    nn.init.normal_(learner.discriminator.maps[2][0].second.weight, std=0.1)  # a residual block starts as nothing
    squares = []
    with torch.no_grad():
        for image, label in zip(images, LABELS, strict=False):
            steps = (h * torch.eye(PIXELS, dtype=torch.float64)).unflatten(1, SHAPE) / 2  # h in pixels from -1 to 1
            labels = label.repeat(PIXELS)
            rise = learner.discriminator(image + steps, labels) - learner.discriminator(image - steps, labels)
            squares.append((rise / (2 * h)).square().sum())
    torch.testing.assert_close(penalised(learner, images, LABELS[:2]), torch.stack(squares).mean().float())


def test_a_steps_gradient_is_that_of_the_loss_and_both_penalties(images, monkeypatch):
    monkeypatch.setattr("gengallery.learners.adversarial.drop_labels", lambda labels, no_class, rng: labels)
    learner = relativistic(gamma=0.7, penalty_every=3)
    fake = learner.model.decoder(learner.model.prior.draw(8, rng()), Condition(LABELS)).detach()
    on_real, on_fake = learner.discriminator(images, LABELS), learner.discriminator(fake, LABELS)
    r1, r2 = (penalised(learner, x, LABELS) for x in (images, fake))
    plain = F.softplus(on_fake - on_real).mean()
    parameters = list(learner.discriminator.parameters())
    for step in range(2):
        wanted = plain + 0.5 * 0.7 * 3 * (r1 + r2) if step == 0 else plain
        expected = torch.autograd.grad(wanted, parameters, retain_graph=True)
        learner = relativistic(gamma=0.7, penalty_every=3)
        learner.steps += step  # the penalties come at steps 0, 3, 6
        captured: list[torch.Tensor] = []
        learner.optimizers[0].register_step_pre_hook(
            lambda optimizer, *_, to=captured: to.extend(p.grad.clone() for p in optimizer.param_groups[0]["params"])
        )
        learner.step(images, LABELS, rng())
        for given, wished in zip(captured, expected, strict=True):
            torch.testing.assert_close(given, wished, rtol=1e-4, atol=1e-6)


def test_penalties_come_every_few_steps(images):
    learner, seen = relativistic(penalty_every=3), []
    original = learner.penalty
    learner.penalty = lambda *given: (seen.append(int(learner.steps)), original(*given))[1]
    for _ in range(7):
        learner.step(images, LABELS, rng())
    assert seen == [0, 3, 6]


# -- steps


def test_each_optimizer_moves_its_own_network(images):
    for index, (mine, other) in enumerate((("discriminator", "model"), ("model", "discriminator"))):
        learner = relativistic()
        learner.optimizers[1 - index].step = lambda: None
        before = weights(getattr(learner, mine)), weights(getattr(learner, other))
        learner.step(images, LABELS, rng())
        assert moved(getattr(learner, mine), before[0])
        assert not moved(getattr(learner, other), before[1])
        assert all(p.requires_grad for p in learner.parameters())


def test_the_discriminator_learns_to_tell_light_from_dark():
    learner, light = relativistic(lr=1e-3), torch.full((8, *SHAPE), 0.9)
    learner.optimizers[1].step = lambda: None  # generated images stay mid-grey
    noise = rng()
    losses = [learner.step(light, LABELS, noise)["discriminator"].item() for _ in range(40)]
    assert losses[0] == pytest.approx(np.log(2), abs=0.2)
    assert losses[-1] < losses[0] / 2


def test_the_generator_goes_where_the_discriminator_points(images):
    learner = relativistic(lr=1e-2)
    learner.discriminator = Slope()
    learner.discriminator.slopes.weight.data.fill_(0.01)  # lighter is more real
    learner.optimizers[0].step = lambda: None
    z, noise = learner.model.prior.sample(8, seed=0), rng()
    before = learner.model.decoder(z, Condition(LABELS)).mean()
    steps = [learner.step(images, LABELS, noise)["generator"].item() for _ in range(20)]
    assert steps[-1] < steps[0] - 0.1
    assert learner.model.decoder(z, Condition(LABELS)).mean() > before + 0.03


def test_the_generator_learns_from_the_discriminator_that_has_moved(images, monkeypatch):
    monkeypatch.setattr("gengallery.learners.adversarial.drop_labels", lambda labels, no_class, rng: labels)
    learner, fresh = relativistic(), relativistic()
    reported = learner.step(images, LABELS, rng())
    before = fresh.losses(fresh.model, images, LABELS, rng())
    fresh.discriminator.load_state_dict(learner.discriminator.state_dict())
    after = fresh.losses(fresh.model, images, LABELS, rng())
    torch.testing.assert_close(reported["generator"], after["generator"])
    torch.testing.assert_close(reported["discriminator"], before["discriminator"])
    assert after["generator"] != before["generator"]


def test_a_step_drops_some_labels(images):
    learner, seen = relativistic(), []
    decode = learner.model.decoder
    learner.model.decoder = lambda z, condition: (seen.append(condition.labels), decode(z, condition))[1]
    noise = rng()
    for _ in range(50):
        learner.step(images, LABELS, noise)
    labels = torch.stack(seen)
    dropped = (labels == NO_CLASS).double().mean().item()
    assert dropped == pytest.approx(0.1, abs=0.05)
    assert ((labels == NO_CLASS) | (labels == LABELS)).all()
