"""The priors: what they draw, that it is standardised, and that row i depends on (seed, i) alone."""

import numpy as np
import pytest
import scipy.stats
import torch

from gengallery.noise import DISTRIBUTIONS, NORMAL, POISSON, UNIFORM, FittedGaussian, Noise, Prior

ORACLES = {NORMAL: scipy.stats.norm(), UNIFORM: scipy.stats.uniform(), POISSON: scipy.stats.poisson(1)}
LARGE = 200_000


def priors() -> list[Prior]:
    noises = [Noise(name, 5, standardised) for name in DISTRIBUTIONS for standardised in (True, False)]
    return [*noises, fitted(nonnegative=True), fitted(nonnegative=False)]


def fitted(nonnegative: bool) -> FittedGaussian:
    prior = FittedGaussian(5, nonnegative)
    prior.fit(latents(1000))
    return prior


def latents(n: int) -> torch.Tensor:
    """Correlated numbers of five units, of which the fourth is dead and the last a copy of the first."""
    x = torch.randn(n, 5, generator=torch.Generator().manual_seed(0)) + torch.tensor([3.0, -1.0, 0.5, 0.0, 0.0])
    x[:, 1] += 2 * x[:, 0]
    x[:, 3] = 0
    x[:, 4] = x[:, 0]
    return x


@pytest.mark.parametrize("prior", priors(), ids=lambda prior: str(list(prior.describe().values())))
def test_row_i_depends_on_seed_and_i_alone(prior):
    many = prior.sample(40, seed=3)
    assert many.shape == (40, 5)
    assert many.dtype == torch.float32
    for n in (1, 2, 7, 39):
        assert torch.equal(prior.sample(n, seed=3), many[:n])
    assert torch.equal(prior.sample(40, seed=3), many)
    assert not torch.equal(prior.sample(40, seed=4), many)
    assert len(many.unique(dim=0)) > 30  # rows differ


@pytest.mark.parametrize("prior", priors(), ids=lambda prior: str(list(prior.describe().values())))
def test_draws_go_on_where_the_last_ended(prior):
    rng = np.random.default_rng(9)
    parts = torch.cat([prior.draw(3, rng), prior.draw(1, rng), prior.draw(6, rng)])
    assert torch.equal(parts, prior.sample(10, seed=9))


def test_sampling_leaves_the_global_generators_alone():
    torch.manual_seed(0)
    np.random.seed(0)
    before = torch.get_rng_state(), np.random.get_state()[1].copy()
    for prior in priors():
        prior.sample(3, seed=1)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert (np.random.get_state()[1] == before[1]).all()


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_constants_are_those_of_the_distribution(distribution):
    _, mean, deviation = DISTRIBUTIONS[distribution]
    assert mean == pytest.approx(ORACLES[distribution].mean())
    assert deviation == pytest.approx(ORACLES[distribution].std())


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_standardised_noise_has_mean_0_and_variance_1(distribution):
    z = Noise(distribution, 2).sample(LARGE // 2, seed=0).double()
    # Five standard errors: of the mean 1 / sqrt(n), of the variance sqrt((kurtosis + 2) / n).
    kurtosis = float(ORACLES[distribution].stats(moments="k"))
    assert abs(z.mean()) < 5 / LARGE**0.5
    assert abs(z.var() - 1) < 5 * ((kurtosis + 2) / LARGE) ** 0.5
    assert abs(np.corrcoef(z.T.numpy())[0, 1]) < 5 / (LARGE / 2) ** 0.5


@pytest.mark.parametrize("distribution", [NORMAL, UNIFORM])
def test_raw_noise_follows_the_distribution(distribution):
    z = Noise(distribution, 1, standardised=False).sample(LARGE, seed=0).flatten().numpy()
    assert scipy.stats.kstest(z, ORACLES[distribution].cdf).pvalue > 1e-3


def test_raw_poisson_noise_follows_the_distribution():
    z = Noise(POISSON, 1, standardised=False).sample(LARGE, seed=0).flatten().numpy()
    seen = np.bincount(z.astype(int), minlength=6)
    assert (z == z.astype(int)).all()
    expected = np.append(ORACLES[POISSON].pmf(range(5)), ORACLES[POISSON].sf(4)) * LARGE
    assert scipy.stats.chisquare(np.append(seen[:5], seen[5:].sum()), expected).pvalue > 1e-3


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_standardising_is_a_shift_and_a_scale_of_the_same_draws(distribution):
    raw = Noise(distribution, 4, standardised=False).sample(50, seed=2)
    oracle = ORACLES[distribution]
    torch.testing.assert_close(Noise(distribution, 4).sample(50, seed=2), (raw - oracle.mean()) / oracle.std())


def test_unknown_distribution_is_refused():
    with pytest.raises(ValueError, match=r"expected one of normal, uniform, poisson; found 'cauchy'"):
        Noise("cauchy", 2)


def test_a_fitted_gaussian_recovers_mean_and_covariance():
    z, prior = latents(2000), FittedGaussian(5, nonnegative=False)
    prior.fit(z)
    torch.testing.assert_close(prior.mean, z.mean(0))
    covariance = torch.from_numpy(np.cov(z.T.double().numpy())).float()
    torch.testing.assert_close(prior.factor @ prior.factor.T, covariance, rtol=1e-4, atol=1e-4)

    drawn = prior.sample(LARGE, seed=0)
    torch.testing.assert_close(drawn.mean(0), prior.mean, rtol=0, atol=0.05)
    torch.testing.assert_close(torch.cov(drawn.T), covariance, rtol=0.03, atol=0.03)
    torch.testing.assert_close(drawn[:, 3], torch.zeros(LARGE), rtol=0, atol=1e-4)  # dead stays dead
    torch.testing.assert_close(drawn[:, 4], drawn[:, 0], rtol=1e-3, atol=1e-3)  # the copy stays one


def test_nonnegative_draws_are_the_gaussians_with_zero_for_what_is_below():
    free, clamped = (fitted(nonnegative).sample(500, seed=1) for nonnegative in (False, True))
    assert (free < 0).any()
    assert torch.equal(clamped, free.clamp(min=0))


def test_one_dimension_is_fitted_too():
    prior = FittedGaussian(1, nonnegative=False)
    prior.fit(torch.tensor([[1.0], [3.0]]))
    assert prior.mean.item() == 2
    assert prior.factor.item() ** 2 == pytest.approx(2)


def test_a_fitted_gaussian_travels_in_its_state():
    prior, other = fitted(True), FittedGaussian(5, True)
    other.load_state_dict(prior.state_dict())
    assert torch.equal(other.sample(9, seed=5), prior.sample(9, seed=5))
