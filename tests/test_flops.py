"""What a training costs, against counts by hand."""

from dataclasses import replace

import pytest
import torch
from runs import BATCH, TRAINING_IMAGES

from gengallery.families import cards
from gengallery.models.autoencoder import AutoencoderConfig
from gengallery.models.gan import GanConfig
from gengallery.priors.flow import FittedFlow
from gengallery.training import flops
from gengallery.training.flops import Operations


def cost(card) -> dict[str, float]:
    return flops.cost(card, TRAINING_IMAGES)


@pytest.fixture
def small_flows(monkeypatch):
    """Flows for priors are small and quickly fitted."""
    monkeypatch.setattr(FittedFlow.__init__, "__defaults__", (32, 2))


def an_epoch(per_image: float, batch: int = BATCH) -> float:
    return per_image * (TRAINING_IMAGES // batch) * batch


def test_the_operations_of_a_dense_autoencoder_by_hand():
    card = cards()["ae_16"]
    card = replace(card, recipe=replace(card.recipe, epochs=1))
    layer = 2 * 784 * 16  # a multiplication and an addition a weight
    found = cost(card)
    # Two layers forward; two gradients of weights, and one of what lies between them: images need none.
    assert found["training"] == an_epoch(5 * layer)
    assert found["image"] == layer + 2 * 16 * 16  # the decoder, and a draw from the mixture
    assert cost(replace(card, recipe=replace(card.recipe, epochs=3)))["training"] == 3 * found["training"]


def test_the_operations_of_an_adversarial_step_by_hand():
    card = replace(cards()["gan_dim_8"], config=GanConfig(8, generator_dims=(32,), discriminator_dims=(16,)))
    plain = replace(card, recipe=replace(card.recipe, epochs=1, gamma=0.0))
    generator, discriminator = 2 * (8 * 32 + 32 * 784), 2 * (784 * 16 + 16)
    # A generated image; a logit of it and of a real one, and the gradients of the weights and of what lies between.
    first = generator + 2 * discriminator + 2 * discriminator + 2 * 2 * 16
    # A logit of the generated image, its gradient all the way back, then the generator's weights and what lies between.
    second = discriminator + discriminator + generator + 2 * 32 * 784
    assert cost(plain)["training"] == an_epoch(first + second)
    assert cost(plain)["image"] == generator
    penalised = [
        cost(replace(card, recipe=replace(card.recipe, epochs=1, gamma=1.0, penalty_every=every)))["training"]
        for every in (1, 4)
    ]
    extra = [value - cost(plain)["training"] for value in penalised]
    assert extra[0] == 4 * extra[1] > 0


@pytest.mark.usefixtures("small_flows")
def test_drawing_from_a_flow_is_counted_too(monkeypatch):
    card = replace(cards()["ae_2"], config=AutoencoderConfig(2, prior="flow"))
    prior, asked, velocity = card.model(card.config).prior, [], FittedFlow.velocity
    monkeypatch.setattr(FittedFlow, "velocity", lambda self, x, t: asked.append(len(x)) or velocity(self, x, t))
    found = cost(card)["image"]
    weights = sum(m.weight.numel() for m in prior.modules() if isinstance(m, torch.nn.Linear))
    assert sum(asked) > 10
    assert found == 2 * 784 * 2 + 2 * weights * sum(asked)


def test_counting_leaves_torchs_generator_alone():
    torch.manual_seed(0)
    before = torch.get_rng_state()
    cost(cards()["ae_2"])
    assert torch.equal(torch.get_rng_state(), before)


def test_operations_are_products_and_convolutions():
    with Operations() as counted:
        torch.ones(2, 3) @ torch.ones(3, 5)
        assert counted.total == 2 * 2 * 3 * 5
        torch.conv2d(torch.ones(1, 2, 8, 8), torch.ones(4, 2, 3, 3), padding=1)
        assert counted.total == 60 + 2 * 8 * 8 * 4 * 2 * 9
        torch.ones(100).exp().sum()
    assert counted.total == 60 + 2 * 8 * 8 * 4 * 2 * 9
    torch.ones(2, 3) @ torch.ones(3, 5)
    assert counted.total == 60 + 2 * 8 * 8 * 4 * 2 * 9
