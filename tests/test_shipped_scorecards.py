"""The scorecards that ship: they hold on the real data, and the bound in them lies where it should."""

import math

import numpy as np
import pytest
import torch
from conftest import TEST_SIZE
from small_gallery import OF_SAMPLES

import gengallery
from gengallery import data
from gengallery.data import as_floats, default_spec
from gengallery.evaluation import metrics
from gengallery.evaluation.reference import rebuilds
from gengallery.evaluation.scorecard import Scorecard, verify

NAMES = gengallery.list_models()
NO_LABELS = torch.full((TEST_SIZE,), default_spec().no_class)
OF_POSTERIOR = {"autoencoder": set(), "vae": {"bound", "active_units"}}  # by family


# -- the bound, on the real model and the real data


@pytest.fixture(scope="module")
def evidence(real_data) -> tuple[torch.Tensor, torch.Tensor]:
    """24 test images and log p(x) of each under vae_2: the integral over its latents, by a grid.

    Cells of 0.1 x 0.1 over the square in which the prior has all but 1e-4 of its mass; where an image's integrand is
    within 15 nats of its greatest, each cell is cut into 16, far narrower than the narrowest posterior.
    """
    model = gengallery.load("vae_2")
    images = as_floats(real_data.split(data.TEST).images[:24])
    pixels = images.flatten(1).double()

    def log_joint(z: torch.Tensor) -> torch.Tensor:
        """log p(x, z) of latents (m, 2) with each image, (m, 24)."""
        p = torch.cat([model.logits(part, NO_LABELS).flatten(1) for part in z.float().split(500)]).double()
        log_likelihood = pixels @ p.T - torch.log1p(torch.exp(-p.abs())).sum(1) - p.clamp(min=0).sum(1)
        return (log_likelihood - z.square().sum(1) / 2 - math.log(2 * math.pi)).T

    def square(axis: torch.Tensor) -> torch.Tensor:
        return torch.cartesian_prod(axis, axis)

    coarse = square(torch.arange(-40, 41, dtype=torch.float64) / 10)
    with torch.inference_mode():
        values = log_joint(coarse)
        rich = (values > values.max(0).values - 15).any(1)
        parts = square(torch.tensor([-3, -1, 1, 3], dtype=torch.float64) / 80)
        values = log_joint((coarse[rich][:, None] + parts).reshape(-1, 2))
    return images, values.logsumexp(0) + 2 * math.log(0.1 / 4)


def test_the_bound_lies_between_the_elbo_and_the_evidence(evidence):
    images, log_p = evidence
    model = gengallery.load("vae_2")
    with torch.inference_mode():
        weights = model.log_weights(images, NO_LABELS[:24], 3000, np.random.default_rng(0))
        elbo = [-model.losses(images, torch.zeros(24), np.random.default_rng(seed))["total"] for seed in range(40)]
    bound = metrics.importance_weighted_bound(weights)
    gap = log_p - bound
    # Each is a lower bound in the mean over draws only, and slow where the true posterior has two tops.
    assert gap.min() > -1.5
    assert gap.median().abs() < 0.4
    assert -0.1 < gap.mean() < 1.5
    assert gap.sort().values[:-2].mean() < 0.5
    assert (bound >= weights.double().mean(0)).all()
    assert weights.mean().item() == pytest.approx(sum(elbo).item() / 40, abs=0.5)
    assert bound.mean() > sum(elbo) / 40 + 1
    assert weights.shape == (3000, 24)


# -- the scorecards that are there


@pytest.mark.parametrize("name", NAMES)
def test_every_model_has_a_scorecard_and_makes_its_golden_images(name, real_data):
    info = gengallery.info(name)
    assert info["scorecard"] is not None, "run gengallery evaluate"
    card = Scorecard(**info["scorecard"])
    verify(name, figures=False)
    assert card.data == real_data.split(data.TEST).checksum()
    assert (card.samples, card.seed) == (10_000, 0)
    for found in (card.figures, card.floor):
        assert all(math.isfinite(value) for value in found.values())
        assert found.keys() >= OF_SAMPLES
        for share in ("precision", "recall", "coverage", "entropy", "memorised"):
            assert 0 <= found[share] <= 1
        assert min(found["frechet"], found["density"], found["nearest"]) >= 0
        assert found["kernel"] > -0.01
    figures, floor = card.figures, card.floor
    first = gengallery.info(NAMES[0])["scorecard"]["floor"]
    # One floor for all; in the last digits another processor rounds otherwise.
    assert {key: floor[key] for key in first} == pytest.approx(first, rel=1e-6)
    of_classes = {"judged", "judged_least"}
    assert floor.keys() - first.keys() == figures.keys() & of_classes
    assert floor["entropy"] > 0.999
    assert figures["frechet"] > floor["frechet"]
    assert figures["kernel"] > floor["kernel"]
    model = gengallery.load(name)
    assert (figures.keys() & of_classes == of_classes) == model.options.label
    if not rebuilds(model):
        assert figures.keys() - of_classes == OF_SAMPLES
        return
    assert 0 < figures["mse"] < 0.2
    assert 0 < figures["ssim"] <= 1
    # The losses were measured once more, by the same rule, when the training was over.
    losses = info["losses"]["test"]
    assert {term: figures[term] for term in losses} == pytest.approx(losses, rel=1e-3)
    of_images = {"mse", "ssim"} | losses.keys() | OF_POSTERIOR.get(info["family"], set())
    assert figures.keys() - of_classes == OF_SAMPLES | of_images
    if "bound" in figures:
        assert figures["bound"] > 0
        assert 0 <= figures["active_units"] <= info["latent"]


def test_cheap_figures_are_what_they_were(real_data):
    """Of the quickest model, and of fewer samples; gengallery verify measures them all."""
    train, test = real_data.split(data.TRAINVAL), real_data.split(data.TEST)
    model, figures = gengallery.load("ae_16"), gengallery.info("ae_16")["scorecard"]["figures"]
    images, again = as_floats(test.images), model.reconstruct(test.images)
    assert figures["mse"] == pytest.approx((images - again).square().mean().item(), rel=1e-3)
    assert figures["ssim"] == pytest.approx(metrics.ssim(images[:2000], again[:2000]).mean().item(), abs=0.02)
    references = as_floats(train.images[:20_000]).flatten(1)
    distances, _ = metrics.nearest(model.generate(200).flatten(1), references)
    assert distances.median().item() == pytest.approx(figures["nearest"], rel=0.15)  # of a third of the references
