"""The mixture of Gaussians that is fitted to latents."""

import numpy as np
import pytest
import scipy.stats
import torch
from fitted_priors import LARGE, latents, mixture
from sklearn.mixture import GaussianMixture
from torch.distributions import Categorical, MixtureSameFamily, MultivariateNormal

from gengallery.priors.gaussian import FittedGaussian
from gengallery.priors.mixture import FLOOR, FittedMixture


def clouds(n: int, seed: int) -> torch.Tensor:
    """Draws from three Gaussians in the plane, which overlap, with shares of 5, 3 and 2 tenths."""
    rng = np.random.default_rng(seed)
    means = np.array([[0, 0], [4, 1], [1, 5]])
    factors = np.array([[[1, 0], [0.8, 0.5]], [[0.6, 0], [-0.5, 1]], [[1.5, 0], [0, 0.3]]])
    which = rng.choice(3, size=n, p=(0.5, 0.3, 0.2))
    return torch.from_numpy(means[which] + np.einsum("nij,nj->ni", factors[which], rng.standard_normal((n, 2)))).float()


def as_torchs_own(prior: FittedMixture) -> MixtureSameFamily:
    normals = MultivariateNormal(prior.means.double(), scale_tril=prior.factors.double())
    return MixtureSameFamily(Categorical(prior.weights.double()), normals)


def test_a_fitted_mixture_is_as_likely_as_scikit_learns():
    z, fresh = clouds(3000, seed=0), clouds(3000, seed=1)
    prior = FittedMixture(2, 3, nonnegative=False)
    prior.fit(z)
    oracle = GaussianMixture(3, reg_covar=FLOOR * float(z.var(0).mean()), n_init=3, random_state=0).fit(z.numpy())
    for data in (z, fresh):
        assert prior.log_density(data).mean().item() == pytest.approx(oracle.score(data.numpy()), abs=2e-3)
    ours, theirs = prior.weights.argsort(), oracle.weights_.argsort()
    np.testing.assert_allclose(prior.weights[ours], oracle.weights_[theirs], atol=0.01)
    np.testing.assert_allclose(prior.means[ours], oracle.means_[theirs], atol=0.05)
    covariances = prior.factors @ prior.factors.transpose(1, 2)
    np.testing.assert_allclose(covariances[ours], oracle.covariances_[theirs], atol=0.08)


def test_the_density_agrees_with_torch_distributions():
    prior = mixture()
    z = torch.randn(50, 5, generator=torch.Generator().manual_seed(1))
    expected = as_torchs_own(prior).log_prob(z.double())
    torch.testing.assert_close(prior.log_density(z), expected, rtol=1e-6, atol=1e-4)


@pytest.mark.parametrize("data", [clouds(2000, seed=0), latents(2000)], ids=["clouds", "dead and doubled units"])
def test_a_mixtures_draws_have_the_moments_of_its_closed_form_and_of_the_data(data):
    dim = data.shape[1]
    prior = FittedMixture(dim, 3, nonnegative=False)
    prior.fit(data)
    weights, means = prior.weights.double(), prior.means.double()
    mean = weights @ means
    within = torch.einsum("k,kij->ij", weights, prior.factors.double() @ prior.factors.double().transpose(1, 2))
    covariance = within + torch.einsum("k,ki,kj->ij", weights, means - mean, means - mean)
    # A step of expectation-maximization keeps the data's own moments, but for the floor under the variances.
    assert weights.sum().item() == pytest.approx(1)
    torch.testing.assert_close(mean, data.double().mean(0), rtol=0, atol=1e-5)
    floor = FLOOR * data.double().var(0, correction=0).mean() * torch.eye(dim)
    torch.testing.assert_close(covariance, torch.cov(data.double().T, correction=0) + floor, rtol=0, atol=1e-4)

    drawn = prior.sample(LARGE, seed=0).double()
    deviation = covariance.diagonal().sqrt()
    five = 5 * deviation / LARGE**0.5  # standard errors of a mean
    assert ((drawn.mean(0) - mean).abs() < five).all()
    torch.testing.assert_close(torch.cov(drawn.T), covariance, rtol=0, atol=0.02 * float(deviation.max()) ** 2)


def test_a_mixtures_components_come_as_often_as_they_weigh():
    prior = FittedMixture(1, 4, nonnegative=False)
    prior.weights, prior.means = torch.tensor([0.1, 0.0, 0.6, 0.3]), torch.tensor([[0.0], [1.0], [2.0], [3.0]])
    prior.factors = torch.full((4, 1, 1), 1e-3)
    seen = prior.sample(LARGE, seed=0).round().int().flatten().bincount(minlength=4).numpy()
    assert seen[1] == 0
    assert scipy.stats.chisquare(seen[[0, 2, 3]], np.array([0.1, 0.6, 0.3]) * LARGE).pvalue > 1e-3


def test_weights_that_round_to_more_than_one_still_draw():
    prior = FittedMixture(2, 3, nonnegative=False)
    prior.weights = torch.tensor([0.5, 0.5000001, 1e-12])
    assert prior.sample(1000, seed=0).isfinite().all()


def test_more_components_make_the_data_likelier_and_one_is_the_gaussian():
    z = clouds(2000, seed=0)
    priors = {k: FittedMixture(2, k, nonnegative=False) for k in (1, 2, 3)}
    for prior in priors.values():
        prior.fit(z)
    one, two, three = (prior.log_density(z).mean() for prior in priors.values())
    assert one + 0.1 < two
    assert two + 0.1 < three
    gaussian = FittedGaussian(2, nonnegative=False)
    gaussian.fit(z)
    torch.testing.assert_close(priors[1].means[0], gaussian.mean)
    covariance = gaussian.factor @ gaussian.factor.T
    torch.testing.assert_close(priors[1].factors[0] @ priors[1].factors[0].T, covariance, rtol=2e-3, atol=2e-3)


def test_a_fit_depends_on_its_data_and_seed_alone():
    z, fits = latents(500), []
    for noise, seed in ((1, 7), (2, 7), (1, 8)):
        torch.manual_seed(noise)  # of no importance
        np.random.seed(noise)
        fits.append(FittedMixture(5, 4, nonnegative=True))
        fits[-1].fit(z, seed)
    assert torch.equal(fits[0].means, fits[1].means)
    assert torch.equal(fits[0].factors, fits[1].factors)
    assert not torch.equal(fits[0].means, fits[2].means)


def test_a_mixtures_nonnegative_draws_are_the_others_with_zero_for_what_is_below():
    free, clamped = (mixture(nonnegative).sample(500, seed=1) for nonnegative in (False, True))
    assert (free < 0).any()
    assert torch.equal(clamped, free.clamp(min=0))


def test_fewer_different_latents_than_components_still_give_a_mixture():
    z = torch.tensor([[0.0, 1.0], [2.0, 3.0]]).repeat(20, 1)
    prior = FittedMixture(2, 6, nonnegative=False)
    prior.fit(z)
    drawn = prior.sample(200, seed=0)
    assert torch.cdist(drawn, z[:2]).min(1).values.max() < 0.2


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (torch.randn(50, 4), r"expected the shape \(n, 5\), found \(50, 4\)"),
        (torch.randn(50), r"expected the shape \(n, 5\), found \(50,\)"),
        (torch.randn(0, 5), "expected at least one, found none"),
        (torch.full((9, 5), torch.nan), "expected finite numbers"),
        (torch.full((9, 5), torch.inf), "expected finite numbers"),
    ],
)
def test_latents_that_have_no_mixture_are_refused_and_change_nothing(bad, says):
    prior = FittedMixture(5, 3, nonnegative=False)
    with pytest.raises(ValueError, match=says):
        prior.fit(bad)
    assert torch.equal(prior.means, torch.zeros(3, 5))


@pytest.mark.parametrize("latents", [torch.ones(9, 5), torch.zeros(2, 5), torch.randn(2, 5)])
def test_an_encoder_that_learned_nothing_or_saw_little_still_gets_a_prior(latents):
    prior = FittedMixture(5, 3, nonnegative=False)
    prior.fit(latents)
    assert torch.cdist(prior.sample(50, seed=0), latents).min(1).values.max() < 0.2


def test_a_fitted_mixture_travels_in_its_state():
    prior, other = mixture(True), FittedMixture(5, 3, True)
    other.load_state_dict(prior.state_dict())
    assert torch.equal(other.sample(9, seed=5), prior.sample(9, seed=5))
