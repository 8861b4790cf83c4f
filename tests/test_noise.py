"""The priors that are noise: what they draw, that it is standardised, and that row i depends on (seed, i) alone."""

import numpy as np
import pytest
import scipy.stats
import torch

from gengallery.priors.noise import DISTRIBUTIONS, NORMAL, POISSON, UNIFORM, Noise, Prior

ORACLES = {NORMAL: scipy.stats.norm(), UNIFORM: scipy.stats.uniform(), POISSON: scipy.stats.poisson(1)}
LARGE = 200_000


def priors() -> list[Prior]:
    return [Noise(name, 5, standardised) for name in DISTRIBUTIONS for standardised in (True, False)]


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
