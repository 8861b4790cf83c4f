"""The search for a latent where there is no encoder."""

import pytest
import torch

from gengallery.data import default_spec
from gengallery.model.spec import Condition
from gengallery.nn import inversion
from gengallery.nn.inversion import CANDIDATES, DESCENT, ROUND, search
from gengallery.priors.noise import NORMAL, Noise

SHAPE, PIXELS, NO_CLASS = default_spec().shape, default_spec().pixels, default_spec().no_class
DIM = 6
PRIOR = Noise(NORMAL, DIM)
NO_LABELS = Condition(torch.full((3,), NO_CLASS))


def linear(z: torch.Tensor, condition: Condition) -> torch.Tensor:
    """Images that are sums of six patterns, and brighter by a tenth for each class."""
    patterns = torch.randn(DIM, PIXELS, generator=torch.Generator().manual_seed(0)) / DIM**0.5
    return (z @ patterns + condition.labels[:, None] / 10).unflatten(1, SHAPE)


@pytest.fixture
def planted() -> torch.Tensor:
    return PRIOR.sample(3, seed=5)


def test_planted_latents_of_a_linear_decoder_are_found(planted):
    found = search(linear, PRIOR, linear(planted, NO_LABELS), NO_LABELS)
    torch.testing.assert_close(found, planted, rtol=0, atol=0.02)


def test_latents_that_the_prior_would_hardly_draw_are_found_too():
    far = torch.full((1, DIM), 4.0)
    found = search(linear, PRIOR, linear(far, Condition(torch.tensor([0]))), Condition(torch.tensor([0])))
    torch.testing.assert_close(found, far, rtol=0, atol=0.1)


def test_each_image_is_searched_for_under_its_own_class(planted):
    condition = Condition(torch.tensor([0, 9, 4]))
    images = linear(planted, condition)
    torch.testing.assert_close(search(linear, PRIOR, images, condition), planted, rtol=0, atol=0.02)
    wrong = search(linear, PRIOR, images, Condition(torch.tensor([0, 1, 4])))
    assert (wrong - planted)[1].abs().max() > 5 * (wrong - planted)[[0, 2]].abs().max()


def test_guidance_and_steps_reach_the_decoder(planted):
    seen = set()

    def spy(z, condition):
        seen.add((condition.guidance, condition.steps, len(z) == len(condition.labels)))
        return linear(z, condition)

    search(spy, PRIOR, linear(planted, NO_LABELS)[:1], Condition(torch.tensor([3]), 2.5, 7))
    assert seen == {(2.5, 7, True)}


def test_neighbours_do_not_matter(planted):
    images = linear(planted, NO_LABELS)
    together = search(linear, PRIOR, images, NO_LABELS)
    for i, alone in enumerate(images.split(1)):
        assert torch.equal(search(linear, PRIOR, alone, Condition(NO_LABELS.labels[:1]))[0], together[i])


def test_the_answer_is_no_worse_than_the_best_candidate():
    image = torch.rand(1, *SHAPE, generator=torch.Generator().manual_seed(1))  # which no latent makes
    one = Condition(torch.tensor([2]))
    found = search(linear, PRIOR, image, one)
    candidates = linear(PRIOR.sample(CANDIDATES, seed=0), Condition(torch.full((CANDIDATES,), 2)))
    best = (candidates - image).square().mean((1, 2, 3)).min()
    assert (linear(found, one) - image).square().mean() < best


def test_the_worse_half_of_the_starts_is_given_up_after_each_round(planted):
    sizes, one = [], Condition(NO_LABELS.labels[:1])

    def spy(z, condition):
        sizes.append(len(z))
        return linear(z, condition)

    search(spy, PRIOR, linear(planted[:1], one), one)
    rounds = [8] * (ROUND + 1) + [4] * ROUND + [2] * ROUND  # who is given up was looked at once more
    assert sizes == [CANDIDATES, *rounds, *[1] * (DESCENT + 1 - len(rounds))]


def test_it_starts_from_the_best_of_its_candidates(monkeypatch):
    """Between two hills of a bounded decoder, only a start on the right side gets there."""
    monkeypatch.setattr(inversion, "STARTS", 1)
    monkeypatch.setattr(inversion, "DESCENT", 30)

    def two(z, condition):  # the same image at -2 and at 2, but for a stripe
        x = (z.abs() - 2).square().sum(1)
        side = torch.sigmoid(20 * z[:, 0])
        return (x[:, None] + side[:, None] * torch.ones(PIXELS)).unflatten(1, SHAPE)

    one, target = Condition(torch.tensor([0])), torch.tensor([[2.0]])
    found = search(two, Noise(NORMAL, 1), two(target, one), one)
    torch.testing.assert_close(found, target, rtol=0, atol=0.3)


@pytest.mark.parametrize("mode", [torch.inference_mode, torch.no_grad, torch.enable_grad])
def test_a_search_works_in_any_mode_of_gradients_and_leaves_none(mode, planted):
    layer = torch.nn.Linear(DIM, PIXELS)

    def decoder(z, condition):
        return layer(z).unflatten(1, SHAPE)

    with mode():
        images = decoder(planted, NO_LABELS).detach()
        found = search(decoder, PRIOR, images, NO_LABELS)
    assert not found.requires_grad
    assert layer.weight.grad is None
    torch.testing.assert_close(found.clone(), planted, rtol=0, atol=0.02)
