"""The figures of the comparison: how good images are, how varied, how faithful, and whether they are copies.

Pure functions of tensors. Those on features look at two clouds of points, one of real and one of generated
images, as some network sees them: `frechet_distance` and `kernel_distance` say in one number how far the clouds
lie apart; `precision_recall` and `density_coverage` tell poor images from missing ones. `mse` and `ssim` compare
images one by one, `nearest` and `memorisation_rate` look for copies of training images, and
`importance_weighted_bound` and `active_units` look into autoencoders.

All sums run in float64, and so are the tensors that come out, unless a function says otherwise. No figure is NaN:
input that has no such figure raises ValueError, which names the figure, what it expected and what it found. That
holds for every function here: the wrong number of axes, nothing at all, NaN, infinity and numbers beyond 1e15.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional

CHUNK = 256  # rows of a matrix of distances that are in memory at once
LARGEST = 1e15  # of the numbers let in: their squares and cubes must not overflow
SPARE = 8  # candidates beyond the k nearest, which rounding may have pushed out of the first k
WINDOW, SIGMA = 11, 1.5  # of SSIM: side and standard deviation of the Gaussian window, in pixels
K1, K2 = 0.01, 0.03  # of SSIM: keep its quotients finite where the image is dark or flat


def frechet_distance(a: Tensor, b: Tensor) -> float:
    """Squared Fréchet distance of the Gaussians fitted to features `a` (n, d) and `b` (m, d): 0 or more, 0 is best.

    |mean_a - mean_b|^2 + tr(A + B - 2 (A B)^(1/2)), with the unbiased covariances A and B. In squared units of the
    features, so only figures of the same features compare. It falls as samples grow in number: compare equal numbers.

    Raises ValueError for d samples or fewer, whose covariance has no full rank, and for features of different sizes.
    Heusel, Ramsauer, Unterthiner, Nessler and Hochreiter (2017), https://arxiv.org/abs/1706.08500.
    """
    a, b = _features("frechet_distance", a, b)
    enough = f"more samples than the {a.shape[1]} features, for a covariance of full rank"
    _require("frechet_distance", min(len(a), len(b)) > a.shape[1], enough, f"{len(a)} and {len(b)}")
    (root_a, trace_a), (root_b, trace_b) = _root_of_covariance(a), _root_of_covariance(b)
    # tr (A B)^(1/2) is the sum of the singular values of R S, for A = R' R and B = S S'. Taken so, and not as roots of
    # the eigenvalues of R B R', a rounding error of 1e-16 stays one, and doesn't become its root, 1e-8.
    overlap = torch.linalg.svdvals(root_a.T @ root_b).sum()
    distance = (a.mean(0) - b.mean(0)).square().sum() + trace_a + trace_b - 2 * overlap
    return max(float(distance.item()), 0.0)


def _root_of_covariance(x: Tensor) -> tuple[Tensor, Tensor]:
    """R (d, d) with R R' the covariance of `x` (n, d), and the covariance's trace."""
    values, vectors = torch.linalg.eigh(torch.cov(x.T).reshape(x.shape[1], x.shape[1]))
    return vectors * values.clamp(min=0).sqrt(), values.sum()


def kernel_distance(a: Tensor, b: Tensor) -> float:
    """Kernel distance (KID) of features `a` (n, d) and `b` (m, d): the unbiased estimate of MMD^2 with the kernel
    (x.y / d + 1)^3. Its mean is 0 for samples of one distribution, whatever their number, so it may be below 0.

    Over all pairs of the samples at once, not as a mean over subsets, which only adds noise. Raises ValueError for
    fewer than 2 samples, which make no pair, and for features of different sizes.
    Bińkowski, Sutherland, Arbel and Gretton (2018), https://arxiv.org/abs/1801.01401.
    """
    a, b = _features("kernel_distance", a, b)
    n, m = len(a), len(b)
    _require("kernel_distance", min(n, m) >= 2, "at least 2 samples in each set, which make a pair", f"{n} and {m}")
    within_a, within_b = _kernel_within(a) / (n * (n - 1)), _kernel_within(b) / (m * (m - 1))
    return within_a + within_b - 2 * _kernel_sum(a, b) / (n * m)


def _kernel_within(x: Tensor) -> float:
    """The kernel's sum over all pairs of different rows; a row with itself would bias the mean."""
    return _kernel_sum(x, x) - _cubed(x.square().sum(1) / x.shape[1] + 1).sum().item()


def _kernel_sum(a: Tensor, b: Tensor) -> float:
    return sum(_cubed((rows @ b.T).div_(b.shape[1]).add_(1)).sum().item() for rows in a.split(CHUNK))


def _cubed(x: Tensor) -> Tensor:
    return x.square().mul_(x)  # many times faster than pow(3)


def precision_recall(real: Tensor, fake: Tensor, k: int = 3) -> tuple[float, float]:
    """Precision and recall of features `fake` (m, d) against `real` (n, d), each in [0, 1], 1 is best.

    A cloud's manifold is the union of balls, one around each point, that reach to its k-th nearest other point.
    Precision is the share of fakes in the manifold of the real: are the images good? Recall is the share of reals
    in the manifold of the fakes: is every kind there?

    Raises ValueError for k samples or fewer, which have no k-th neighbour, and for features of different sizes.
    Kynkäänniemi, Karras, Laine, Lehtinen and Aila (2019), https://arxiv.org/abs/1904.06991.
    """
    real, fake = _neighbours("precision_recall", real, fake, k)
    return _share(_inside(fake, real, k).any(1)), _share(_inside(real, fake, k).any(1))


def density_coverage(real: Tensor, fake: Tensor, k: int = 5) -> tuple[float, float]:
    """Density and coverage of features `fake` (m, d) against `real` (n, d): precision and recall made robust. An
    outlier's huge ball makes all fakes within it precise, and the real points within a fake outlier's are recalled.

    Density, 0 or more and about 1 when fakes are like reals, is the number of balls around real points that a fake
    lies in, as a mean over the fakes, divided by k. Coverage, in [0, 1], is the share of these balls that hold a fake.

    Raises ValueError as `precision_recall` does.
    Naeem, Oh, Uh, Choi and Yoo (2020), https://arxiv.org/abs/2002.09797.
    """
    real, fake = _neighbours("density_coverage", real, fake, k)
    inside = _inside(fake, real, k)
    # Not inside.sum(), for which torch copies the booleans as int64.
    return inside.count_nonzero().item() / (k * len(fake)), _share(inside.any(0))


def _inside(points: Tensor, centres: Tensor, k: int) -> Tensor:
    """Which of the points (n, d) lie in the ball around which of the centres (m, d): (n, m) of booleans.

    A ball reaches to the k-th nearest other centre, and holds its surface.
    """
    # A product of matrices gives |x - y|^2 = |x|^2 + |y|^2 - 2 x.y ten times faster than differences do, but cancels
    # where x is near y. In float64 and about the mean the loss is some 1e-14 of |x|^2 + |y|^2. It can only matter for
    # a point on the surface, as a fake is that copies a neighbour; so that much is granted, and the surface is in.
    mean = centres.mean(0)
    points, centres = points - mean, centres - mean
    leeway = 4 * centres.shape[1] * torch.finfo(torch.float64).eps
    squared_norms = centres.square().sum(1)

    def squared_distances(rows: Tensor, leeway: float = 0.0) -> Tensor:
        norms = rows.square().sum(1, keepdim=True) + squared_norms  # (rows, m)
        return norms.mul_(1 - leeway).sub_(rows @ centres.T, alpha=2)

    # A centre is its own nearest, so the k-th other one is the last of k + 1.
    nearest_ones = [squared_distances(rows).topk(k + 1, largest=False).values for rows in centres.split(CHUNK)]
    squared_radii = torch.cat(nearest_ones)[:, k]
    inside = torch.empty(len(points), len(centres), dtype=torch.bool)
    for rows, part in zip(points.split(CHUNK), inside.split(CHUNK), strict=True):
        torch.le(squared_distances(rows, leeway), squared_radii, out=part)
    return inside


def _share(which: Tensor) -> float:
    return which.double().mean().item()


def class_entropy(labels: Tensor, classes: int) -> float:
    """How evenly the classes occur among `labels`, (n) whole numbers from 0 to `classes` - 1: the entropy of their
    histogram divided by log(`classes`). In [0, 1]: 0 for a single class, 1 for all alike.

    Raises ValueError for labels out of range or not whole, and for fewer than two classes.
    """
    _require("class_entropy", classes >= 2, "at least 2 classes", classes)
    _check("class_entropy", labels, "(n)", 0, classes - 1)
    whole = not labels.is_floating_point()
    _require("class_entropy", whole, "labels of a type of whole numbers", labels.dtype)
    shares = labels.bincount().double() / len(labels)
    return float(torch.special.entr(shares).sum().item()) / math.log(classes)


def mse(a: Tensor, b: Tensor) -> Tensor:
    """Mean squared error over the pixels of each image of `a` against its like in `b`: (n), 0 is best, 1 is worst.

    Both (n, channels, height, width) in [0, 1]. Raises ValueError for values out of range and shapes that differ.
    """
    a, b = _images("mse", a, b)
    return (a - b).square().mean((1, 2, 3))


def ssim(a: Tensor, b: Tensor) -> Tensor:
    """Structural similarity of each image of `a` to its like in `b`: (n), each in [-1, 1], 1 is best.

    Both (n, channels, height, width) in [0, 1]. Each window, a Gaussian one of 11 x 11 pixels, compares its two
    cut-outs in brightness, contrast and pattern; the figure is the mean over all windows that lie wholly in the image,
    of every channel.

    Raises ValueError for values out of range, shapes that differ and images smaller than the window.
    Wang, Bovik, Sheikh and Simoncelli (2004), https://doi.org/10.1109/TIP.2003.819861.
    """
    a, b = _images("ssim", a, b)
    height, width = a.shape[2:]
    _require("ssim", min(height, width) >= WINDOW, f"images of at least {WINDOW} x {WINDOW}", f"{height} x {width}")
    rows, columns = _windows(height), _windows(width)

    def mean(x: Tensor) -> Tensor:
        return rows @ x @ columns.T  # (n, c, h, w) -> (n, c, h - 10, w - 10): a Gaussian is one down times one across

    mean_a, mean_b = mean(a), mean(b)
    variances = mean(a.square()) - mean_a.square() + mean(b.square()) - mean_b.square()
    covariance = mean(a * b) - mean_a * mean_b
    brightness = (2 * mean_a * mean_b + K1**2) / (mean_a.square() + mean_b.square() + K1**2)
    contrast_and_pattern = (2 * covariance + K2**2) / (variances + K2**2)
    return (brightness * contrast_and_pattern).mean((1, 2, 3))


def _windows(size: int) -> Tensor:
    """The window's weights along an axis of `size` pixels, (size - 10, size): row i has it start at pixel i."""
    weights = torch.exp(-0.5 * (torch.arange(WINDOW, dtype=torch.float64) - WINDOW // 2).div(SIGMA).square())
    weights /= weights.sum()
    starts = range(size - WINDOW + 1)
    return torch.stack([functional.pad(weights, (start, size - WINDOW - start)) for start in starts])


def importance_weighted_bound(log_weights: Tensor) -> Tensor:
    """The importance-weighted lower bound of log p(x) for each of n images: (n), in nats, more is better.

    `log_weights` (k, n) holds log p(x, z) - log q(z|x) for k latents z drawn from q(z|x). For k = 1 this is the
    evidence lower bound; it rises with k, towards log p(x).
    Burda, Grosse and Salakhutdinov (2016), https://arxiv.org/abs/1509.00519.
    """
    _check("importance_weighted_bound", log_weights, "(k, n)")
    return log_weights.double().logsumexp(0) - math.log(len(log_weights))


def active_units(means: Tensor, threshold: float = 0.01) -> int:
    """How many latents tell images apart: those whose posterior mean varies over the data by more than `threshold`.

    `means` (n, d), of n images; the unbiased variance is in squared units of the latent. Raises ValueError for fewer
    than 2 images, which have no variance.
    Burda, Grosse and Salakhutdinov (2016), https://arxiv.org/abs/1509.00519.
    """
    _check("active_units", means, "(n, d)")
    _require("active_units", len(means) >= 2, "at least 2 images", len(means))
    return int((means.double().var(0) > threshold).sum())


def nearest(samples: Tensor, references: Tensor, k: int = 1) -> tuple[Tensor, Tensor]:
    """The `k` nearest of the references (m, ...) to each of the samples (n, ...), by Euclidean distance.

    Returns the distances, float64, and the references' indices, int64, both (n, k), nearest first, and of two equally
    near the lower index first. The distances are those of the references found. These are sought in float32, with 8
    candidates to spare: the true ones, unless so many more lie as near, to about a millionth of the squared spread.

    Raises ValueError for samples and references of different sizes, and unless k is from 1 to m.
    """
    return Neighbours(references).nearest(samples, k)


class Neighbours:
    """References (m, ...) among which to look for the nearest, prepared once for many searches."""

    def __init__(self, references: Tensor):
        self._references = references.flatten(1) if references.ndim > 1 else references
        _check("nearest", self._references, "(n, d)")
        self._mean = self._references.mean(0, dtype=torch.float64)  # about which the numbers are small, and round less
        self._keys = (self._references - self._mean).float()
        self._half_squares = self._keys.square().sum(1) / 2

    def nearest(self, samples: Tensor, k: int = 1) -> tuple[Tensor, Tensor]:
        """What `gengallery.evaluation.metrics.nearest` gives for these references."""
        samples = samples.flatten(1) if samples.ndim > 1 else samples
        _check_pair("nearest", samples, self._references)
        most = len(self._references)
        _require("nearest", 1 <= k <= most, f"k from 1 to the number of references, {most}", k)
        distances, indices = [], []
        for rows in samples.split(CHUNK):
            # The lowest |x - y|^2 has the highest x.y - |y|^2 / 2.
            scores = ((rows - self._mean).float() @ self._keys.T).sub_(self._half_squares)
            candidates = scores.topk(min(k + SPARE, most), sorted=False).indices.sort(1).values
            differences = self._references[candidates].double() - rows[:, None].double()  # (rows, candidates, d)
            ranked, order = differences.square().sum(2).sqrt().sort(dim=1, stable=True)
            distances.append(ranked[:, :k])
            indices.append(candidates.gather(1, order[:, :k]))
        return torch.cat(distances), torch.cat(indices)


def memorisation_rate(distances: Tensor) -> float:
    """The share of samples that copy a training image, in [0, 1].

    `distances` (n, 2) holds those to the nearest and the second nearest training image, as `nearest` gives them. A
    copy is less than a third as far from the first as from the second; or at distance 0 from both, as is a copy of
    an image that the training set holds twice.

    Raises ValueError for other than two distances, negative ones, and a second below the first.
    Yoon, Choi, Kwon and Ryu (2023), https://openreview.net/forum?id=shciCbSk9h.
    """
    figure = "memorisation_rate"
    _check(figure, distances, "(n, 2)", low=0)
    _require(figure, distances.shape[1] == 2, "two distances each", distances.shape[1])
    first, second = distances.double().unbind(1)
    _require(figure, bool((first <= second).all()), "the nearest first", "a second distance below the first")
    return _share((first < second / 3) | (second == 0))


def _require(figure: str, holds: bool, expected: str, found: object) -> None:
    if not holds:
        raise ValueError(f"{figure}: expected {expected}, found {found}")


def _check(figure: str, x: Tensor, shape: str, low: float = -LARGEST, high: float = LARGEST) -> None:
    """Raise ValueError unless `x` has the axes that `shape` names, has numbers, and all from `low` to `high`."""
    fits = x.ndim == len(shape.split(",")) and x.numel() > 0
    _require(figure, fits, f"numbers of shape {shape}", f"the shape {tuple(x.shape)}")
    least, most = (bound.item() for bound in x.aminmax())  # both are NaN if anything is
    found = f"{least:.9g} to {most:.9g}" if math.isfinite(least) and math.isfinite(most) else "NaN or infinity"
    _require(figure, low <= least and most <= high, f"numbers from {low:g} to {high:g}", found)


def _check_pair(figure: str, a: Tensor, b: Tensor) -> None:
    _check(figure, a, "(n, d)")
    _check(figure, b, "(n, d)")
    _require(figure, a.shape[1] == b.shape[1], f"{a.shape[1]} numbers each in both sets", f"{b.shape[1]} in the second")


def _features(figure: str, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Two checked sets of features, (n, d) and (m, d), in float64."""
    _check_pair(figure, a, b)
    return a.double(), b.double()


def _neighbours(figure: str, a: Tensor, b: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Two checked sets of features, in float64, in which every sample has a k-th neighbour."""
    _require(figure, k >= 1, "k from 1 up", k)
    a, b = _features(figure, a, b)
    enough = f"more than k = {k} samples in each set, so that each has a k-th neighbour"
    _require(figure, min(len(a), len(b)) > k, enough, f"{len(a)} and {len(b)}")
    return a, b


def _images(figure: str, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Two checked batches of images of one shape, (n, c, h, w), in float64."""
    for x in (a, b):
        _check(figure, x, "(n, c, h, w)", low=0, high=1)
    _require(figure, a.shape == b.shape, f"two batches of shape {tuple(a.shape)}", f"a second of {tuple(b.shape)}")
    return a.double(), b.double()
