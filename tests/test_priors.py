"""The priors that are fitted to latents: what they draw, and that row i depends on (seed, i) alone."""

import numpy as np
import pytest
import torch
from fitted_priors import CLASSES, LARGE, by_class, flow, gaussian, latents, posteriors, priors
from torch.distributions import MultivariateNormal, Normal, kl_divergence

import gengallery
from gengallery.priors import FLOW, GAUSSIAN, KINDS, check_prior, fitted
from gengallery.priors.classwise import ClassGaussians, StandardGaussian
from gengallery.priors.flow import FittedFlow
from gengallery.priors.gaussian import FittedGaussian
from gengallery.priors.mixture import FittedMixture
from gengallery.priors.noise import Noise
from gengallery.storage import checkpoint
from gengallery.storage.checkpoint import CheckpointError


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
    fitted_ones = priors()
    torch.manual_seed(0)
    np.random.seed(0)
    before = torch.get_rng_state(), np.random.get_state()[1].copy()
    for prior in fitted_ones:
        prior.sample(3, seed=1)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert (np.random.get_state()[1] == before[1]).all()


@pytest.mark.parametrize(("kind", "made"), [*zip(KINDS, (FittedGaussian, FittedMixture, FittedFlow), strict=True)])
def test_a_prior_is_made_by_its_name(kind, made):
    prior = fitted(kind, 4, components=3, nonnegative=True)
    assert type(prior) is made
    assert prior.describe()["kind"] == kind
    assert prior.describe()["dim"] == prior.dim == 4
    assert prior.describe()["nonnegative"]
    assert prior.describe().get("components", 3) == 3
    assert not fitted(kind, 4).nonnegative
    check_prior(kind)


@pytest.mark.parametrize("unknown", ["lattice", "", "Gaussian", None, 1, [GAUSSIAN]])
def test_an_unknown_prior_is_refused(unknown):
    for call in (check_prior, lambda kind: fitted(kind, 4)):
        with pytest.raises(ValueError, match="prior: expected one of gaussian, mixture, flow; found ") as caught:
            call(unknown)
        assert str(caught.value).endswith(repr(unknown))


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
    free, clamped = (gaussian(nonnegative).sample(500, seed=1) for nonnegative in (False, True))
    assert (free < 0).any()
    assert torch.equal(clamped, free.clamp(min=0))


def test_one_dimension_is_fitted_too():
    prior = FittedGaussian(1, nonnegative=False)
    prior.fit(torch.tensor([[1.0], [3.0]]))
    assert prior.mean.item() == 2
    assert prior.factor.item() ** 2 == pytest.approx(2)


def test_a_fitted_gaussian_travels_in_its_state():
    prior, other = gaussian(True), FittedGaussian(5, True)
    other.load_state_dict(prior.state_dict())
    assert torch.equal(other.sample(9, seed=5), prior.sample(9, seed=5))


# -- the flow


def ring(n: int, seed: int) -> torch.Tensor:
    """Points around a circle of radius 3 about (10, -5), which no few Gaussians are."""
    rng = np.random.default_rng(seed)
    angles, radii = rng.uniform(0, 2 * np.pi, n), rng.normal(3, 0.1, n)
    points = np.stack([10 + radii * np.cos(angles), -5 + radii * np.sin(angles)], 1)
    return torch.from_numpy(points).float()


@pytest.mark.slow
def test_a_flow_learns_a_ring():
    prior = FittedFlow(2, nonnegative=False, width=64, epochs=30)
    prior.fit(ring(5000, seed=0))
    drawn = prior.sample(1000, seed=0) - torch.tensor([10.0, -5.0])
    assert ((drawn.norm(dim=1) - 3).abs() < 0.6).double().mean() > 0.9  # a Gaussian has a third there
    sectors = (torch.atan2(drawn[:, 1], drawn[:, 0]) / (2 * torch.pi) * 8).floor().long() % 8
    assert sectors.bincount(minlength=8).min() > 60  # of 125
    assert drawn.mean(0).abs().max() < 0.5


def test_a_flow_before_its_fit_draws_numbers_all_the_same():
    assert FittedFlow(3, nonnegative=False, width=8).sample(10, seed=0).isfinite().all()


def test_a_flows_fit_depends_on_its_data_and_seed_alone():
    z, fits = latents(500), []
    for noise, seed in ((1, 7), (2, 7), (1, 8)):
        torch.manual_seed(noise)  # of no importance
        np.random.seed(noise)
        fits.append(FittedFlow(5, True, width=8, epochs=2))
        before = torch.get_rng_state()
        fits[-1].fit(z, seed)
        assert torch.equal(torch.get_rng_state(), before)
    first, second, third = (prior.sample(5, seed=0) for prior in fits)
    assert torch.equal(first, second)
    assert not torch.equal(first, third)


def test_a_flow_copes_with_units_that_never_fire():
    prior = flow(epochs=1)
    drawn = prior.sample(100, seed=0)
    assert drawn.isfinite().all()
    assert drawn[:, 3].abs().max() < 0.02
    assert prior.deviation[3] > 0


def test_a_flows_nonnegative_draws_are_the_others_with_zero_for_what_is_below():
    free, clamped = (flow(nonnegative).sample(200, seed=1) for nonnegative in (False, True))
    assert (free < 0).any()
    assert torch.equal(clamped, free.clamp(min=0))


def test_a_flow_is_fitted_while_gradients_are_off_and_leaves_its_data_alone():
    z = latents(600)
    for off in (torch.no_grad, torch.inference_mode):
        prior = FittedFlow(5, False, width=8, epochs=1)
        before = prior.leave.weight.detach().clone()
        with off():
            given = z.clone()
            prior.fit(given)
        assert torch.equal(given, z)
        assert not torch.equal(prior.leave.weight, before)


def test_drawing_from_a_flow_leaves_it_as_it_was():
    prior = flow()
    before = {name: tensor.clone() for name, tensor in prior.state_dict().items()}
    prior.sample(3, seed=0)
    after = prior.state_dict()
    assert all(after[name].dtype == torch.float32 and torch.equal(after[name], before[name]) for name in before)


def test_a_flow_travels_in_a_file(tmp_path):
    prior = flow(True)
    header = {**gengallery.load("ae_2").file_header(), "family": "x", "prior": prior.describe()}
    checkpoint.write(tmp_path / "x.safetensors", prior.state_dict(), header)
    saved = checkpoint.read(tmp_path / "x.safetensors")
    fields = {key: value for key, value in saved.header["prior"].items() if key != "kind"}
    other = FittedFlow(**fields)
    assert saved.header["prior"]["kind"] == FLOW
    checkpoint.fill(other, saved)
    assert other.describe() == prior.describe()
    assert torch.equal(other.sample(9, seed=5), prior.sample(9, seed=5))
    with pytest.raises(CheckpointError, match="expected"):
        checkpoint.fill(FittedFlow(5, True, width=9), saved)


@pytest.mark.parametrize(
    ("setting", "says"), [({"width": 0}, "width: .* found 0"), ({"epochs": 1.5}, "epochs: .* 1.5")]
)
def test_settings_of_no_flow_are_refused(setting, says):
    with pytest.raises(ValueError, match=says):
        FittedFlow(2, False, **setting)


# -- a Gaussian for each class


def test_the_gaussians_of_classes_have_the_moments_of_their_posteriors():
    means, log_variances, labels = posteriors(60_000)
    prior = ClassGaussians(5, CLASSES).eval()
    prior.fit_posteriors(means, log_variances, labels)
    drawn = means + (log_variances / 2).exp() * torch.randn(means.shape, generator=torch.Generator().manual_seed(2))
    for k in range(11):
        torch.testing.assert_close(prior.means[k], drawn[labels == k].mean(0), rtol=0, atol=0.2)
        covariance = torch.cov(drawn[labels == k].T)
        made = prior.factors[k] @ prior.factors[k].T
        torch.testing.assert_close(made, covariance, rtol=0, atol=0.1 * covariance.diagonal().max().item())
        assert torch.equal(prior.factors[k], prior.factors[k].tril())


def test_latents_of_a_class_are_placed_and_measured_back():
    prior, labels = by_class(), torch.tensor([0, 10, 3, 3])
    u = prior.sample(4, seed=1)
    z = prior.place(u, labels)
    torch.testing.assert_close(z, prior.means[labels] + torch.stack(
        [prior.factors[k] @ row for k, row in zip(labels, u, strict=True)]
    ))  # fmt: skip
    torch.testing.assert_close(prior.measure(z, labels), u, rtol=0, atol=1e-4)
    assert torch.equal(prior.place(u[2:3], labels[2:3]), z[2:3])  # neighbours do not matter


def test_the_gaussians_of_classes_agree_with_torch_distributions():
    prior, (means, log_variances, labels) = by_class(), posteriors(22)
    theirs = MultivariateNormal(prior.means[labels], scale_tril=prior.factors[labels])
    torch.testing.assert_close(prior.log_density(means, labels), theirs.log_prob(means), rtol=1e-3, atol=1e-3)
    posterior = MultivariateNormal(means, log_variances.exp().diag_embed())
    expected = kl_divergence(posterior, theirs)
    torch.testing.assert_close(prior.kl(means, log_variances, labels), expected, rtol=1e-3, atol=1e-3)
    u = (
        torch.linalg.solve(prior.factors[labels], log_variances.exp().diag_embed())
        @ torch.linalg.inv(prior.factors[labels]).mT
    )
    torch.testing.assert_close(prior.variance(log_variances, labels), u.diagonal(dim1=1, dim2=2), rtol=1e-3, atol=1e-4)


def test_fitting_the_gaussians_brings_the_posteriors_nearer():
    prior, (means, log_variances, labels) = ClassGaussians(5, CLASSES).eval(), posteriors()
    before = prior.kl(means, log_variances, labels).mean()
    prior.fit_posteriors(means, log_variances, labels)
    assert prior.kl(means, log_variances, labels).mean() < before
    for nudged in (prior.means, prior.factors):  # and no other Gaussians would be nearer still
        for change in (0.05, -0.05):
            other = by_class()
            dict(other.named_buffers())["means" if nudged is prior.means else "factors"].add_(
                change * (torch.ones(5) if nudged is prior.means else torch.eye(5))
            )
            assert other.kl(means, log_variances, labels).mean() > prior.kl(means, log_variances, labels).mean()


def test_truncation_draws_nearer_to_the_mean():
    assert torch.equal(
        ClassGaussians(5, CLASSES, 0.5).sample(3, seed=1), 0.5 * ClassGaussians(5, CLASSES).sample(3, seed=1)
    )


def test_before_it_is_fitted_a_class_is_standard_normal():
    prior, labels = ClassGaussians(5, CLASSES).eval(), torch.tensor([0, 4])
    u = prior.sample(2, seed=0)
    assert torch.equal(prior.place(u, labels), u)
    prior.fit_posteriors(*(x[:1] for x in posteriors()))  # one image, of class 0: its posterior is the Gaussian
    assert torch.equal(prior.place(u, labels)[1], u[1])
    assert not torch.equal(prior.place(u, labels)[0], u[0])
    torch.testing.assert_close(prior.kl(*(x[:1] for x in posteriors())), torch.zeros(1), rtol=0, atol=1e-5)


def test_while_the_model_trains_a_posterior_is_compared_with_a_standard_normal():
    prior, (means, log_variances, labels) = by_class(), posteriors(22)
    expected = kl_divergence(Normal(means, (log_variances / 2).exp()), Normal(0.0, 1.0)).sum(1)
    assert not torch.isclose(prior.kl(means, log_variances, labels), expected).any()
    torch.testing.assert_close(prior.train().kl(means, log_variances, labels), expected)
    torch.testing.assert_close(StandardGaussian(5).eval().kl(means, log_variances, labels), expected)


def test_a_standard_gaussian_has_its_latents_where_they_are():
    prior, (means, log_variances, labels) = StandardGaussian(5), posteriors(22)
    assert torch.equal(prior.place(means, labels), means)
    assert torch.equal(prior.measure(means, labels), means)
    torch.testing.assert_close(prior.variance(log_variances, labels), log_variances.exp())
    torch.testing.assert_close(prior.log_density(means, labels), Normal(0.0, 1.0).log_prob(means).sum(1))
    prior.fit_posteriors(means, log_variances, labels)
    assert prior.describe() == Noise("normal", 5).describe()
    assert not prior.fitted
