"""The figures: each against an independent oracle, what must hold of it, and what is refused by name.

One file, since they share their oracles and clouds of samples.
"""

import importlib
import math

import numpy as np
import pytest
import scipy.linalg
import scipy.special
import scipy.stats
import torch
from sklearn.metrics import mean_squared_error
from sklearn.metrics.pairwise import polynomial_kernel
from sklearn.neighbors import NearestNeighbors
from torch import Tensor, nn

from gengallery.data.downloads import torchvision_datasets
from gengallery.evaluation import metrics
from gengallery.evaluation.metrics import (
    active_units,
    class_entropy,
    density_coverage,
    frechet_distance,
    importance_weighted_bound,
    kernel_distance,
    memorisation_rate,
    mse,
    nearest,
    precision_recall,
    ssim,
)

ON_FEATURES = [frechet_distance, kernel_distance, precision_recall, density_coverage]
ON_IMAGES = [mse, ssim]
N, M, D = 700, 600, 12  # more than two chunks each


@pytest.fixture(scope="module")
def torchmetrics():
    # It imports torchvision, whose import may fail here; the data set's own import mends that for the process.
    torchvision_datasets()
    importlib.import_module("torchmetrics.image.kid")  # not imported with the rest unless torch-fidelity is there
    return importlib.import_module("torchmetrics")


class Passthrough(nn.Module):
    """In the place of the Inception network: the images are features already."""

    num_features = D

    def forward(self, x: Tensor) -> Tensor:
        return x


def cloud(n: int, seed: int, d: int = D, shift: float = 0.0) -> Tensor:
    """`n` draws from a Gaussian with correlated features of unlike variances, (n, d) float32, about `shift`."""
    mixing = torch.randn(d, d, generator=torch.Generator().manual_seed(99)) * torch.linspace(0.3, 2, d)
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed)) @ mixing + shift


def pictures(n: int, seed: int, height: int = 28, width: int = 28) -> Tensor:
    """Images from smooth to noisy, the first black, the second white, (n, 1, height, width)."""
    generator = torch.Generator().manual_seed(seed)
    smooth = torch.linspace(0, 1, width).expand(n, 1, height, width)
    noise = torch.rand(n, 1, height, width, generator=generator)
    images = torch.lerp(smooth, noise, torch.linspace(0, 1, n)[:, None, None, None])
    images[0], images[1] = 0, 1
    return images


REAL, FAKE = cloud(N, seed=1), 1.3 * cloud(M, seed=2) + 0.5


def close(value: float | Tensor, expected: float | np.ndarray, rel: float = 1e-9, floor: float = 0.0) -> bool:
    return value == pytest.approx(np.asarray(expected), rel=rel, abs=floor)


# Fréchet distance


def test_frechet_is_what_torchmetrics_finds(torchmetrics):
    oracle = torchmetrics.image.fid.FrechetInceptionDistance(Passthrough()).set_dtype(torch.float64)
    oracle.update(REAL.double(), real=True)
    oracle.update(FAKE.double(), real=False)
    assert close(frechet_distance(REAL, FAKE), oracle.compute().item())


def test_frechet_is_what_the_square_root_of_scipy_gives():
    a, b = REAL.double().numpy(), FAKE.double().numpy()
    cov_a, cov_b = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = scipy.linalg.sqrtm(cov_a @ cov_b).real
    expected = np.sum((a.mean(0) - b.mean(0)) ** 2) + np.trace(cov_a + cov_b - 2 * root)
    assert close(frechet_distance(REAL, FAKE), expected)


def test_frechet_of_known_gaussians():
    # Points at +-s_i on axis i, of which there are 2 d: mean 0, and variance 2 s_i^2 / (2 d - 1) on axis i, no other.
    s, t, shift = torch.tensor([1.0, 2.0, 5.0]), torch.tensor([3.0, 0.5, 5.0]), torch.tensor([1.0, -2.0, 0.5])
    a, b = torch.cat([s.diag(), -s.diag()]), torch.cat([t.diag(), -t.diag()]) + shift
    expected = (1 + 4 + 0.25) + 2 / 5 * ((1 - 3) ** 2 + (2 - 0.5) ** 2)
    assert close(frechet_distance(a, b), expected)
    assert close(frechet_distance(a[:, :1], b[:, :1]), 1 + 2 / 5 * (1 - 3) ** 2)  # a single feature


def test_frechet_of_a_cloud_to_itself_is_zero_even_with_dead_features():
    dead = REAL.clone()
    dead[:, ::2] = 3.0
    for x in (REAL, dead, 1000 * dead):
        assert 0 <= frechet_distance(x, x.clone()) < 1e-12 * x.double().var(0).sum()


def test_frechet_of_a_shift_is_its_square():
    assert close(frechet_distance(REAL.double(), REAL.double() + 2), 4 * D)


def test_frechet_takes_one_sample_more_than_features():
    assert math.isfinite(frechet_distance(REAL[: D + 1], FAKE[: D + 1]))
    for a, b in ((REAL[:D], FAKE), (REAL, FAKE[:D])):
        with pytest.raises(ValueError, match=r"^frechet_distance: expected more samples than the 12 .*, found"):
            frechet_distance(a, b)


# Kernel distance


@pytest.mark.filterwarnings("ignore:Metric `Kernel Inception Distance` will save all")
def test_kernel_distance_is_what_torchmetrics_finds(torchmetrics):
    oracle = torchmetrics.image.kid.KernelInceptionDistance(Passthrough(), subsets=1, subset_size=M)
    oracle = oracle.set_dtype(torch.float64)
    oracle.update(REAL[:M].double(), real=True)
    oracle.update(FAKE.double(), real=False)
    assert close(kernel_distance(REAL[:M], FAKE), oracle.compute()[0].item())


def test_kernel_distance_of_unlike_numbers_is_the_mean_kernel_of_sklearn():
    a, b = REAL.double().numpy(), FAKE.double().numpy()

    def kernel(x, y):
        return polynomial_kernel(x, y, degree=3, gamma=1 / D, coef0=1)

    within = [kernel(x, x)[~np.eye(len(x), dtype=bool)].mean() for x in (a, b)]
    assert close(kernel_distance(REAL, FAKE), sum(within) - 2 * kernel(a, b).mean())


def test_kernel_distance_is_unbiased():
    figures = [kernel_distance(cloud(40, seed), cloud(40, 1000 + seed)) for seed in range(200)]
    error = np.std(figures) / math.sqrt(len(figures))
    assert abs(np.mean(figures)) < 3 * error
    assert min(figures) < 0 < max(figures)


def test_kernel_distance_needs_a_pair():
    assert math.isfinite(kernel_distance(REAL[:2], FAKE[:2]))
    for a, b in ((REAL[:1], FAKE), (REAL, FAKE[:1])):
        with pytest.raises(ValueError, match=r"^kernel_distance: expected at least 2 samples .*, found"):
            kernel_distance(a, b)


# Precision, recall, density and coverage


def balls(centres: Tensor, points: Tensor, k: int) -> np.ndarray:
    """Which point lies in the ball of which centre, (points, centres), by sklearn."""
    centres, points = centres.double().numpy(), points.double().numpy()
    search = NearestNeighbors(n_neighbors=k, algorithm="kd_tree").fit(centres)
    radii = search.kneighbors()[0][:, -1]  # without an argument, a point isn't its own neighbour
    order_distances, order = search.kneighbors(points, n_neighbors=len(centres))
    inside = np.zeros((len(points), len(centres)), bool)
    np.put_along_axis(inside, order, order_distances <= radii[order], axis=1)
    return inside


@pytest.mark.parametrize("k", [1, 3, 5, 10])
@pytest.mark.parametrize("fake", [FAKE, cloud(M, seed=3), 0.5 * cloud(M, seed=4)], ids=["far", "alike", "narrow"])
def test_precision_recall_density_coverage_are_what_sklearn_finds(fake, k):
    in_real, in_fake = balls(REAL, fake, k), balls(fake, REAL, k)
    assert close(precision_recall(REAL, fake, k), [in_real.any(1).mean(), in_fake.any(1).mean()])
    assert close(density_coverage(REAL, fake, k), [in_real.sum() / (k * len(fake)), in_real.any(0).mean()])
    assert 0 < in_real.mean() < 1


def test_their_k_is_the_papers():
    assert precision_recall(REAL, FAKE) == precision_recall(REAL, FAKE, k=3) != precision_recall(REAL, FAKE, k=5)
    assert density_coverage(REAL, FAKE) == density_coverage(REAL, FAKE, k=5) != density_coverage(REAL, FAKE, k=3)


def test_precision_and_recall_swap():
    assert precision_recall(REAL, FAKE) == precision_recall(FAKE, REAL)[::-1]


def test_what_is_real_is_precise_dense_and_covered():
    a, b = cloud(2000, seed=5, d=2), cloud(2000, seed=6, d=2)
    assert precision_recall(a, a) == (1, 1)
    # Among twice k candidates, k of each cloud, a ball of n real points is missed by n fakes with 1 chance in 2^k.
    assert density_coverage(a, b, k=5) == (pytest.approx(1, abs=0.05), pytest.approx(1 - 2**-5, abs=0.02))
    assert min(precision_recall(a, b)) > 0.9


def test_a_dropped_mode_costs_recall_and_noise_costs_precision():
    modes = torch.cat([cloud(300, seed=7, d=3), cloud(300, seed=8, d=3, shift=100)])
    precision, recall = precision_recall(modes, cloud(300, seed=9, d=3))
    assert precision > 0.8
    assert 0.4 < recall <= 0.5
    assert density_coverage(modes, cloud(300, seed=9, d=3))[1] <= 0.5
    assert precision_recall(modes, cloud(300, seed=9, d=3, shift=50)) == (0, 0)


def test_a_ball_holds_its_surface_whatever_rounding_does():
    """Points on a line, evenly spaced: fakes that copy some lie on the surface of their neighbours' balls."""
    direction = cloud(1, seed=19, d=64).double().mul(8).round()  # whole numbers, so that the spacing is exact
    real = torch.arange(41)[:, None] * direction + 1000
    real[40] += 1000 / 7 * direction[0]  # moves the mean off them
    # The ball for k = 1 around point i has i - 1 and i + 1 on its surface, and each fake is in three.
    assert density_coverage(real, real[10:30:2], k=1) == (3, 21 / 41)  # the balls of points 9 to 29
    # Its copies make the radius 0, and yet a fake that is one more copy is in.
    copies = torch.cat([real[5:6].expand(4, -1), real[20:]])
    assert precision_recall(copies, real[5:6].repeat(5, 1), k=3)[0] == 1
    assert precision_recall(copies, real[5:6].repeat(5, 1) + 1e-3, k=3)[0] == 0
    same = torch.ones(6, 3)
    assert precision_recall(same, same) == density_coverage(same, same, k=6 - 1)[1:] * 2 == (1, 1)


@pytest.mark.parametrize("offset", [0.0, 3e4])
def test_neighbours_are_told_apart_in_tight_clusters_far_from_zero(offset):
    real = 1e-3 * cloud(100, seed=10, d=5).double() + offset
    fake = 1e-3 * cloud(100, seed=11, d=5).double() + offset
    assert close(precision_recall(real, fake), precision_recall(real - offset, fake - offset))
    assert precision_recall(real, fake)[0] < 1


@pytest.mark.parametrize("figure", [precision_recall, density_coverage])
def test_neighbours_must_be_there(figure):
    assert all(map(math.isfinite, figure(REAL[:3], FAKE[:3], k=2)))
    for a, b in ((REAL[:3], FAKE), (REAL, FAKE[:3])):
        with pytest.raises(ValueError, match=rf"^{figure.__name__}: expected more than k = 3 samples .*, found"):
            figure(a, b, k=3)
    with pytest.raises(ValueError, match=rf"^{figure.__name__}: expected k from 1 up, found 0"):
        figure(REAL, FAKE, k=0)


# All on features


@pytest.mark.parametrize("figure", ON_FEATURES)
def test_the_order_of_samples_does_not_matter(figure):
    shuffled = (x[torch.randperm(len(x), generator=torch.Generator().manual_seed(0))] for x in (REAL, FAKE))
    assert close(figure(*shuffled), figure(REAL, FAKE))


@pytest.mark.parametrize("figure", [frechet_distance, kernel_distance])
def test_distances_are_symmetric(figure):
    assert close(figure(REAL, FAKE), figure(FAKE, REAL))


@pytest.mark.parametrize("figure", [frechet_distance, kernel_distance])
def test_distances_rise_as_clouds_part(figure):
    figures = [figure(REAL, cloud(M, seed=12, shift=shift)) for shift in (0, 0.3, 1, 3)]
    assert figures == sorted(figures)
    assert figures[0] < 0.2 * figures[2]


@pytest.mark.parametrize("figure", ON_FEATURES)
def test_figures_on_features_are_plain_numbers_and_leave_their_input_alone(figure):
    a, b = REAL.double(), FAKE.double()
    before = a.clone(), b.clone()
    result = figure(a, b)
    assert all(type(value) is float for value in (result if isinstance(result, tuple) else (result,)))
    assert torch.equal(a, before[0])
    assert torch.equal(b, before[1])


@pytest.mark.parametrize("figure", ON_FEATURES)
def test_the_largest_numbers_that_are_let_in_give_finite_figures(figure):
    result = figure(2e13 * REAL[:50], 2e13 * FAKE[:50])
    assert np.isfinite(result).all()


@pytest.mark.parametrize("figure", [*ON_FEATURES, nearest])
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, 1e16])
def test_features_must_be_finite(figure, bad):
    broken = REAL.clone()
    broken[-1, -1] = bad
    for a, b in ((broken, FAKE), (FAKE, broken)):
        with pytest.raises(ValueError, match=rf"^{figure.__name__}: expected numbers from -1e\+15 to 1e\+15, found"):
            figure(a, b)


@pytest.mark.parametrize("figure", [*ON_FEATURES, nearest])
def test_features_must_be_two_sets_of_one_size(figure):
    name = figure.__name__
    with pytest.raises(ValueError, match=rf"^{name}: expected 12 numbers each in both sets, found 11 in the second"):
        figure(REAL, FAKE[:, :-1])
    for bad in (torch.zeros(0, D), torch.zeros(20, 0), torch.zeros(20), torch.tensor(1.0)):
        for a, b in ((bad, FAKE), (FAKE, bad)):
            with pytest.raises(ValueError, match=rf"^{name}: expected numbers of shape \(n, d\), found the shape \("):
                figure(a, b)


@pytest.mark.parametrize("figure", ON_FEATURES)
def test_features_have_two_axes(figure):
    with pytest.raises(ValueError, match=r"expected numbers of shape \(n, d\), found the shape \(700, 12, 1\)"):
        figure(REAL[..., None], FAKE[..., None])


# The classes


def test_class_entropy_is_scipys():
    labels = torch.from_numpy(np.random.default_rng(0).binomial(9, 0.3, 500))
    counts = np.bincount(labels, minlength=10)
    assert 0 in counts
    assert close(class_entropy(labels, 10), scipy.stats.entropy(counts, base=10))
    assert close(class_entropy(labels, classes=20), scipy.stats.entropy(counts, base=20))
    assert class_entropy(labels.to(torch.uint8), 10) == class_entropy(labels, 10)


def test_class_entropy_from_one_class_to_all():
    assert class_entropy(torch.arange(10).repeat(7), 10) == pytest.approx(1)
    assert str(class_entropy(torch.full((9,), 4), 10)) == "0.0"  # not -0.0
    assert class_entropy(torch.tensor([0, 1]), classes=2) == pytest.approx(1)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (torch.tensor([0, 10]), "numbers from 0 to 9, found 0 to 10"),
        (torch.tensor([-1, 3]), "numbers from 0 to 9, found -1 to 3"),
        (torch.tensor([1.0, 2.0]), "labels of a type of whole numbers, found torch.float32"),
        (torch.tensor([1.0, math.nan]), "numbers from 0 to 9, found NaN or infinity"),
        (torch.zeros(0, dtype=torch.long), r"numbers of shape \(n\), found the shape \(0,\)"),
        (torch.zeros(3, 1, dtype=torch.long), r"numbers of shape \(n\), found the shape \(3, 1\)"),
    ],
)
def test_class_entropy_refuses(labels, expected):
    with pytest.raises(ValueError, match=f"^class_entropy: expected {expected}"):
        class_entropy(labels, 10)


def test_class_entropy_needs_two_classes():
    with pytest.raises(ValueError, match=r"^class_entropy: expected at least 2 classes, found 1"):
        class_entropy(torch.zeros(3, dtype=torch.long), classes=1)


# Images


def test_mse_is_sklearns():
    a, b = pictures(9, seed=0), pictures(9, seed=1).flip(0)
    expected = [mean_squared_error(x.flatten().double(), y.flatten().double()) for x, y in zip(a, b, strict=True)]
    assert close(mse(a, b), expected)
    for channels in (1, 3):
        assert mse(torch.zeros(2, channels, 28, 28), torch.ones(2, channels, 28, 28)).tolist() == [1, 1]


@pytest.mark.parametrize(("height", "width", "channels"), [(28, 28, 1), (11, 11, 1), (12, 31, 1), (32, 32, 3)])
def test_ssim_is_what_torchmetrics_finds(torchmetrics, height, width, channels):
    a, b = (
        torch.cat([pictures(9, seed + 7 * channel, height, width).double() for channel in range(channels)], 1)
        for seed in (0, 1)
    )
    b[3:5] = 1 - b[3:5]  # patterns that oppose each other
    _, full = torchmetrics.functional.image.structural_similarity_index_measure(
        a, b, data_range=1.0, reduction="none", return_full_image=True
    )
    # It mirrors the images at their borders, and has a window around each pixel: those within leave 5 pixels out.
    expected = full[..., 5 : height - 5, 5 : width - 5].mean((1, 2, 3))
    assert close(ssim(a, b), expected, floor=1e-9)
    assert channels == 3 or expected.min() < -0.04 < 0.25 < expected[2:].max() < 0.99


def test_ssim_of_flat_images_is_the_brightness_alone():
    # With K1 = 0.01: 2 x y + 1e-4 over x^2 + y^2 + 1e-4.
    flat = torch.ones(1, 1, 28, 28)
    assert close(ssim(0.2 * flat, 0.8 * flat), [(0.32 + 1e-4) / (0.68 + 1e-4)], rel=1e-6)
    assert close(ssim(0 * flat, flat), [1e-4 / (1 + 1e-4)], rel=1e-6)


@pytest.mark.parametrize("figure", ON_IMAGES)
def test_figures_on_images_go_image_by_image_and_are_symmetric(figure):
    a, b = pictures(9, seed=0), pictures(9, seed=1).flip(0)
    result = figure(a, b)
    assert result.shape == (9,)
    assert result.dtype == torch.float64
    assert close(figure(b, a), result, floor=1e-12)
    assert close(figure(a[4:5], b[4:5]), result[4:5])
    assert close(figure(a, a), np.full(9, float(figure is ssim)), floor=1e-12)


@pytest.mark.parametrize("figure", ON_IMAGES)
@pytest.mark.parametrize(
    ("images", "expected"),
    [
        (torch.full((2, 1, 28, 28), -0.01), "numbers from 0 to 1, found -0.00"),
        (torch.full((2, 1, 28, 28), 1 + 2e-7), "numbers from 0 to 1, found 1.00000024"),
        (torch.full((2, 1, 28, 28), 255, dtype=torch.uint8), "numbers from 0 to 1, found 255"),
        (torch.full((2, 1, 28, 28), math.nan), "numbers from 0 to 1, found NaN"),
        (torch.zeros(2, 28, 28), r"numbers of shape \(n, c, h, w\), found the shape \(2, 28, 28\)"),
        (torch.zeros(0, 1, 28, 28), r"numbers of shape \(n, c, h, w\), found the shape \(0,"),
        (torch.zeros(2, 3, 28, 28), "two batches of shape"),
        (torch.zeros(3, 1, 28, 28), "two batches of shape"),
        (torch.zeros(2, 1, 28, 27), "two batches of shape"),
    ],
)
def test_figures_on_images_refuse(figure, images, expected):
    good = torch.zeros(2, 1, 28, 28)
    expected = expected.replace("-0.00", "-0.0099")  # as float32 is
    for a, b in ((images, good), (good, images)):
        with pytest.raises(ValueError, match=f"^{figure.__name__}: expected {expected}"):
            figure(a, b)


@pytest.mark.parametrize("size", [(10, 28), (28, 10)])
def test_ssim_refuses_images_smaller_than_its_window(size):
    images = torch.zeros(2, 1, *size)
    with pytest.raises(ValueError, match=rf"^ssim: expected images of at least 11 x 11, found {size[0]} x {size[1]}"):
        ssim(images, images)
    assert mse(images, images).tolist() == [0, 0]


# Autoencoders


def test_importance_weighted_bound_is_scipys():
    log_weights = 30 * torch.randn(50, 7, generator=torch.Generator().manual_seed(0)) - 1000  # whose exp is 0
    expected = scipy.special.logsumexp(log_weights.double().numpy(), axis=0, b=1 / 50)
    assert close(importance_weighted_bound(log_weights), expected)


def test_importance_weighted_bound_is_the_evidence_bound_for_one_latent_and_above_it_for_more():
    log_weights = torch.randn(50, 7, generator=torch.Generator().manual_seed(0)).double()
    assert torch.equal(importance_weighted_bound(log_weights[:1]), log_weights[0])
    assert (importance_weighted_bound(log_weights) > log_weights.mean(0)).all()
    assert close(importance_weighted_bound(torch.full((5, 2), -240.5)), [-240.5, -240.5])


def test_importance_weighted_bound_reaches_the_evidence_of_a_gaussian():
    """z ~ N(0, 1) and x | z ~ N(z, 1) have log p(x) = log N(x; 0, 2); latents come from a rough q(z|x) = N(x/2, 1)."""
    x, normal = np.array([-1.0, 0.0, 2.5]), scipy.stats.norm()
    z = x / 2 + np.random.default_rng(0).standard_normal((200_000, 3))
    log_weights = normal.logpdf(z) + normal.logpdf(x - z) - normal.logpdf(z - x / 2)
    expected = scipy.stats.norm(scale=math.sqrt(2)).logpdf(x)
    assert close(importance_weighted_bound(torch.from_numpy(log_weights)), expected, rel=0, floor=0.01)


@pytest.mark.parametrize("bad", [torch.zeros(3), torch.zeros(0, 3), torch.full((2, 3), -math.inf)])
def test_importance_weighted_bound_refuses(bad):
    with pytest.raises(ValueError, match=r"^importance_weighted_bound: expected numbers .*, found"):
        importance_weighted_bound(bad)


def test_active_units_counts_variances_above_the_threshold():
    deviations = torch.tensor([0.0, 0.05, 0.09, 0.11, 0.5, 2.0])  # 0.1^2 is the threshold
    wave = torch.tensor([1.0, -1.0]).repeat(500)[:, None]  # of variance 1 and a thousandth
    means = deviations * wave + 100
    assert active_units(means) == 3
    assert active_units(means, threshold=0.3) == 1
    assert active_units(means, threshold=0) == 5  # more than, not at least
    assert active_units(torch.tensor([[0.0], [0.13]])) == 0  # 0.00845 unbiased
    assert active_units(torch.tensor([[0.0], [0.15]])) == 1  # 0.01125 unbiased, 0.0056 biased
    assert type(active_units(means)) is int


@pytest.mark.parametrize("bad", [torch.zeros(5), torch.zeros(0, 3), torch.full((5, 2), math.nan), torch.zeros(1, 4)])
def test_active_units_refuses(bad):
    with pytest.raises(ValueError, match=r"^active_units: expected .*, found"):
        active_units(bad)


# Copies


@pytest.mark.parametrize("k", [1, 2, 5, 40])
def test_nearest_is_what_sklearn_finds(k):
    samples, references = cloud(M, seed=13, d=50, shift=20), cloud(N, seed=14, d=50, shift=20)
    search = NearestNeighbors(n_neighbors=k, algorithm="kd_tree").fit(references.double().numpy())
    expected, expected_indices = search.kneighbors(samples.double().numpy())
    distances, indices = nearest(samples, references, k)
    assert distances.shape == indices.shape == (M, k)
    assert (distances.dtype, indices.dtype) == (torch.float64, torch.int64)
    assert close(distances, expected)
    assert (indices.numpy() == expected_indices).all()
    far = nearest(samples.double() + 2**27, references.double() + 2**27, k)  # where float32 has steps of 8
    assert torch.equal(far[1], indices)


def test_nearest_of_images_finds_copies_and_near_copies_exactly():
    references = pictures(900, seed=15)
    samples = references[100:850:3].clone()
    distances, indices = nearest(samples, references)
    assert (distances == 0).all()  # a product of matrices alone would leave about 1e-3
    assert indices.flatten().tolist() == list(range(100, 850, 3))
    samples[:, 0, 14, 14] += 2**-10  # of one pixel
    expected = (samples.double() - references[100:850:3].double()).flatten(1).norm(dim=1)
    assert close(nearest(samples, references)[0][:, 0], expected.numpy())
    assert close(nearest(samples, references)[0].max().item(), 2**-10, rel=1e-3)


def test_nearest_ranks_what_float32_products_cannot():
    """Six references in a row, 1e-4 from one to the next, each beside the sample but far from the rest."""
    samples = cloud(40, seed=20, d=50, shift=5)
    step = torch.zeros(50)
    step[0] = 1e-4
    near = [sample.double() + multiple * step for sample in samples for multiple in (6, 4, 2, 1, 3, 5)]
    distances, indices = nearest(samples.double(), torch.stack(near), k=2)
    assert indices.tolist() == [[6 * i + 3, 6 * i + 2] for i in range(40)]
    assert close(distances, np.tile([1e-4, 2e-4], (40, 1)), rel=1e-6)


def test_nearest_puts_the_lower_index_first_among_equals():
    references = cloud(50, seed=16)
    references[[30, 7, 19]] = references[40].clone()
    distances, indices = nearest(references[40:41], references, k=5)
    assert indices[0, :4].tolist() == [7, 19, 30, 40]
    assert distances[0, :4].tolist() == [0, 0, 0, 0]
    assert distances[0, 4] > 0


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.uint8])
def test_nearest_takes_numbers_of_any_type(dtype):
    numbers = torch.randint(0, 256, (60, 9), generator=torch.Generator().manual_seed(0))
    given = numbers.to(dtype)
    assert torch.equal(nearest(given[:20], given[20:])[0], nearest(numbers[:20].float(), numbers[20:].float())[0])


def test_nearest_takes_all_references_and_no_more():
    distances, indices = nearest(REAL[:3], FAKE[:4], k=4)
    assert indices.sort(1).values.tolist() == [[0, 1, 2, 3]] * 3
    assert (distances.diff(dim=1) > 0).all()
    for k in (0, 5):
        with pytest.raises(ValueError, match=rf"^nearest: expected k from 1 to the number of references, 4, found {k}"):
            nearest(REAL[:3], FAKE[:4], k=k)


def test_memorisation_rate_counts_what_is_three_times_as_near():
    distances = torch.tensor([[0.9, 3.0], [1.0, 3.0], [1.1, 3.0], [0.0, 2.0], [0.0, 0.0], [2.0, 2.0], [0.0, 1e-9]])
    expected = [True, False, False, True, True, False, True]
    assert [memorisation_rate(row[None]) for row in distances] == expected
    assert memorisation_rate(distances) == pytest.approx(4 / 7)
    assert type(memorisation_rate(distances)) is float


def test_memorisation_rate_finds_copies():
    references = pictures(300, seed=17)
    fresh = pictures(300, seed=18)[150:]  # noisier than any near copy
    assert memorisation_rate(nearest(fresh, references, k=2)[0]) == 0
    mixed = torch.cat([fresh[:90], references[200:230]])
    assert memorisation_rate(nearest(mixed, references, k=2)[0]) == pytest.approx(30 / 120)


@pytest.mark.parametrize(
    ("distances", "expected"),
    [
        (torch.ones(4), r"numbers of shape \(n, 2\), found the shape \(4,\)"),
        (torch.ones(4, 3), "two distances each, found 3"),
        (torch.ones(0, 2), r"numbers of shape \(n, 2\), found the shape \(0, 2\)"),
        (torch.tensor([[-1.0, 2.0]]), r"numbers from 0 to 1e\+15, found -1 to 2"),
        (torch.tensor([[1.0, math.inf]]), r"numbers from 0 to 1e\+15, found NaN or infinity"),
        (torch.tensor([[1.0, 2.0], [2.0, 1.0]]), "the nearest first, found a second distance below the first"),
    ],
)
def test_memorisation_rate_refuses(distances, expected):
    with pytest.raises(ValueError, match=f"^memorisation_rate: expected {expected}"):
        memorisation_rate(distances)


def test_chunks_leave_no_trace(monkeypatch):
    before = kernel_distance(REAL, FAKE), precision_recall(REAL, FAKE), density_coverage(REAL, FAKE)
    found = nearest(REAL, FAKE, k=2)
    monkeypatch.setattr(metrics, "CHUNK", 7)
    assert close(kernel_distance(REAL, FAKE), before[0])
    assert (precision_recall(REAL, FAKE), density_coverage(REAL, FAKE)) == before[1:]
    assert all(map(torch.equal, nearest(REAL, FAKE, k=2), found))
