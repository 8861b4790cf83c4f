"""Scorecards: every model measured in the same way, by the same judge, beside the data's own figures.

10,000 samples of a fixed seed stand against the 10,000 test images, in the features of `gengallery.classifier`.
So do 10,000 training images, which are as good as samples can be: theirs is the floor of each figure. A scorecard
carries the checksums of the weights it measured, of the judge and of the data, and is void beside any others.
"""

import base64
import io
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from PIL import Image
from safetensors import SafetensorError
from torch import Tensor, nn

from gengallery import checkpoint, classifier, data, metrics
from gengallery.data import TEST, TRAIN, Split, as_floats
from gengallery.files import write_atomically
from gengallery.gallery import info, load
from gengallery.images import CLASS_NAMES, PIXELS, sheet, to_uint8
from gengallery.model import Model

SAMPLES = 10_000
SEED = 0
GOLDEN = 8  # images of that seed that a scorecard keeps
WEIGHED, DRAWS = 500, 500  # test images, the first, of the importance-weighted bound, and latents for each
TOLERANCE = 0.02  # of a figure: another processor rounds otherwise, and neighbours change places
LEAST = 1e-4  # difference that counts, of any figure
INCEPTION_BATCH = 50  # images at once: each is 299 x 299 to the Inception network, whose first layer makes 3 MB of it
INCEPTION_WEIGHTS = (
    "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/weights-inception-2015-12-05-6726825d.pth"
)
REMEDY = "measure it with scripts/evaluate.py {}"

Losses = Callable[[Tensor, Tensor, np.random.Generator], dict[str, Tensor]]


@dataclass(frozen=True)
class Scorecard:
    """What was measured of a model, and of what: JSON in the header of its file.

    `figures`, and `floor`, those of training images in the samples' place, hold by name:

    - frechet, kernel: distances of the samples from the test images, in the judge's features;
    - precision, recall, density, coverage: shares of samples that look real, and of reals that are matched;
    - entropy: of the classes that the judge sees in the samples, 1 when all are equally many;
    - nearest: median Euclidean distance, over 784 pixels in [0, 1], from a sample to the nearest training image;
    - memorised: the share of samples that copy a training image. Of these two the floor is the test images';
    - judged, of models that take a label: the share of samples that the judge sees in the class they were told, and
      judged_least, the same of the class that fares worst. The floor is the judge's own share on the test images.

    `figures` of models with an encoder, and a latent smaller than the image, add mse and ssim of the reconstructed test
    images, and their own losses on the test set; of those with a posterior, the importance-weighted bound of the first
    500 test images, in nats, with 500 draws, and active_units.
    """

    weights: str  # checksum of the model's tensors
    judge: str  # checksum of the classifier's
    data: str  # checksum of the test set
    figures: dict[str, float]
    floor: dict[str, float]
    golden: str  # its first 8 images of the seed side by side: a PNG, in base64
    samples: int  # how many images were measured
    seed: int  # that they were made from


class VerificationError(ValueError):
    """A model is not what its file says: names the file, what it says and what was found."""


class Bench:
    """The judge and the real data as it sees them; whatever is slow is computed once."""

    def __init__(self, root: str | Path | None = None):
        self.judge = classifier.load()
        self.judge_checksum = checkpoint.checksum(self.judge.state_dict())
        self.train, self.test = (data.load(half, root) for half in (TRAIN, TEST))
        # Real images in the samples' place. The judge has learned from them, which makes the floor no lower than it is.
        self.held = Split(self.train.images[:SAMPLES], self.train.labels[:SAMPLES])

    @cached_property
    def data_checksum(self) -> str:
        """Of the test set."""
        return self.test.checksum()

    @cached_property
    def features(self) -> dict[str, Tensor]:
        """Of the test images, and of as many training images as there are samples, each (n, 128); kept on disk."""
        splits = {TRAIN: self.held, TEST: self.test}
        of = (self.judge_checksum, *(split.checksum() for split in splits.values()))
        path = data.cache() / f"features-{'-'.join(checksum[:16] for checksum in of)}{checkpoint.SUFFIX}"
        wanted = {half: (len(split), self.judge.config.latent) for half, split in splits.items()}
        with suppress(OSError, SafetensorError, ValueError, KeyError):  # what damage to a safetensors file can raise
            kept = safetensors.torch.load(path.read_bytes())
            if {half: tuple(features.shape) for half, features in kept.items()} == wanted:
                return kept
        made = {half: self.judge.judge(split.images[:, 0])[0] for half, split in splits.items()}
        with suppress(OSError):  # a cache that can't be written costs time and nothing else
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, safetensors.torch.save(made))
        return made

    @cached_property
    def floor(self) -> dict[str, float]:
        """The figures of real images: how near the data comes to itself."""
        found = _of_features(self.features[TEST], self.features[TRAIN], self.held.labels)
        seen = self.judge.head(self.features[TEST]).argmax(1)
        return found | self._of_copies(as_floats(self.test.images)) | _of_classes(seen, self.test.labels)

    def of_samples(self, images: Tensor, told: Tensor | None = None) -> dict[str, float]:
        """The figures of `images` (n, 1, 28, 28) in [0, 1], whatever made them; also of their classes, where these were
        `told` (n).

        Raises ValueError, as `metrics` does, for images of which some figure, or all, can't be computed.
        """
        try:
            features, seen = self.judge.judge(images)
        except ValueError as error:
            raise ValueError(f"no figure of these samples can be computed: {error}") from error
        found = _of_features(self.features[TEST], features, seen) | self._of_copies(images)
        return found if told is None else found | _of_classes(seen, told)

    def _of_copies(self, images: Tensor) -> dict[str, float]:
        distances, _ = metrics.nearest(images.flatten(1), self._references, k=2)
        return {"nearest": distances[:, 0].median().item(), "memorised": metrics.memorisation_rate(distances)}

    @cached_property
    def _references(self) -> Tensor:
        return self.train.images.flatten(1).float() / 255

    def figures(self, model: Model) -> dict[str, float]:
        """Every figure that `model` has; see `Scorecard`."""
        told = model.labels(SAMPLES, SEED) if model.options.label else None
        found = self.of_samples(model.generate(SAMPLES, SEED), told)
        if not rebuilds(model):
            return found
        pairs = [(images, model.reconstruct(images)) for images, _ in self.test.batches()]
        found["mse"] = torch.cat([metrics.mse(*pair) for pair in pairs]).mean().item()
        found["ssim"] = torch.cat([metrics.ssim(*pair) for pair in pairs]).mean().item()
        found |= mean_losses(model.losses, self.test)
        return found | _of_posterior(model, self.test)


def rebuilds(model: Model) -> bool:
    """Whether reconstructions say something of `model`: not where encoding is a search, which takes an hour for 10,000
    images, nor where a latent is as large as an image, and nothing has to be left out."""
    return not model.searches and model.config.latent < PIXELS


class InceptionMissing(OSError):
    """The Inception network is not on this machine and could not be had: says what to do."""


class Inception:
    """The Fréchet distance as papers give it, in the features of the Inception network (FID): 0 or more, 0 is best.

    Of 10,000 samples from the images of `test`, by torchmetrics at its defaults: the 2,048 features before the last
    layer of an InceptionV3 that was trained on ImageNet's photographs, for which grey levels are rounded to uint8,
    repeated as red, green and blue, and resized to 299 x 299. No part of a scorecard: it takes packages and weights
    that the gallery does without, and garments of 28 x 28 pixels are nothing that this network has learned to see.

    `network` takes its place: (n, 3, 28, 28) uint8 to features (n, d), with d as its attribute `num_features`.
    Raises `InceptionMissing` without the packages or the weights, which torch-fidelity downloads when first used.
    Heusel, Ramsauer, Unterthiner, Nessler and Hochreiter (2017), https://arxiv.org/abs/1706.08500.
    """

    def __init__(self, test: Split, network: nn.Module | None = None):
        try:
            # Only here, for few need it. It loads where `gengallery.data`, which made `test`, could load its library.
            from torchmetrics.image.fid import FrechetInceptionDistance

            self._metric = FrechetInceptionDistance(2048 if network is None else network, reset_real_features=False)
        except ImportError as error:
            raise InceptionMissing(
                "the Inception FID needs torchmetrics and torch-fidelity, which are not both installed: "
                "pip install '.[inception]' in the checkout"
            ) from error
        except Exception as error:  # there is no one kind for failed downloads and damaged files
            raise InceptionMissing(
                f"the Inception network's weights could not be loaded or downloaded ({' '.join(str(error).split())}): "
                f"connect to the internet once, or put {INCEPTION_WEIGHTS} into {Path(torch.hub.get_dir())}/checkpoints"
            ) from error
        self._see(test.images, real=True)

    def distance(self, model: Model) -> float:
        """The FID of `model`, of samples from the scorecards' seed. Minutes on a processor."""
        self._metric.reset()  # of the last model's samples; the real images stay
        self._see(torch.from_numpy(to_uint8(model.generate(SAMPLES, SEED))).unsqueeze(1), real=False)
        return self._metric.compute().item()

    def _see(self, images: Tensor, real: bool) -> None:
        """Take grey levels (n, 1, 28, 28) uint8 into the means and covariances."""
        with torch.inference_mode():
            for part in images.split(INCEPTION_BATCH):
                self._metric.update(part.expand(-1, 3, -1, -1), real=real)


def _of_features(real: Tensor, fake: Tensor, labels: Tensor) -> dict[str, float]:
    precision, recall = metrics.precision_recall(real, fake)
    density, coverage = metrics.density_coverage(real, fake)
    return {
        "frechet": metrics.frechet_distance(real, fake),
        "kernel": metrics.kernel_distance(real, fake),
        "precision": precision,
        "recall": recall,
        "density": density,
        "coverage": coverage,
        "entropy": metrics.class_entropy(labels),
    }


def _of_classes(seen: Tensor, told: Tensor) -> dict[str, float]:
    right = (seen == told).double()
    shares = [right[told == k].mean().item() for k in range(len(CLASS_NAMES)) if bool((told == k).any())]
    return {"judged": right.mean().item(), "judged_least": min(shares)}


def _of_posterior(model: Model, test: Split) -> dict[str, float]:
    rng = np.random.default_rng(SEED)
    few = Split(test.images[:WEIGHED], test.labels[:WEIGHED])
    with torch.inference_mode():
        weights = [model.log_weights(images, labels, DRAWS, rng) for images, labels in few.batches()]
    bounds = [metrics.importance_weighted_bound(part) for part in weights if part is not None]
    if not bounds:
        return {}
    means = torch.cat([model.encode(images) for images, _ in test.batches()])
    # A loss, as the others are: an upper bound of -log p(x).
    return {"bound": -torch.cat(bounds).mean().item(), "active_units": metrics.active_units(means)}


def mean_losses(losses: Losses, split: Split) -> dict[str, float]:
    """The means of `losses(images, labels, rng)` over the whole of `split`, with random numbers from a fixed seed."""
    rng = np.random.default_rng(0)
    sums: dict[str, float] = {}
    with torch.inference_mode():
        for images, labels in split.batches():
            for name, loss in losses(images, labels, rng).items():
                sums[name] = sums.get(name, 0.0) + loss.item() * len(images)
    return {name: value / len(split) for name, value in sums.items()}


def _matching(floor: dict[str, float], figures: dict[str, float]) -> dict[str, float]:
    """Of `floor`, what stands beside `figures`."""
    return {name: value for name, value in floor.items() if name in figures}


def evaluate(name: str, bench: Bench) -> Scorecard:
    """The scorecard of the gallery's model `name`, measured now."""
    model = load(name)
    figures = bench.figures(model)
    return Scorecard(
        weights=checkpoint.checksum(model.state_dict()),
        judge=bench.judge_checksum,
        data=bench.data_checksum,
        figures=figures,
        floor=_matching(bench.floor, figures),
        golden=golden(model),
        samples=SAMPLES,
        seed=SEED,
    )


def record(name: str, bench: Bench) -> Scorecard:
    """Measure the gallery's model `name` and write its scorecard into the header of its file."""
    scorecard = evaluate(name, bench)
    saved = checkpoint.read(info(name)["path"])
    checkpoint.write(saved.path, saved.tensors, {**saved.header, "scorecard": asdict(scorecard)})
    return scorecard


def golden(model: Model) -> str:
    """The model's first images of the seed side by side, as a PNG in base64."""
    file = io.BytesIO()
    Image.fromarray(_golden(model)).save(file, "PNG", optimize=True)
    return base64.b64encode(file.getvalue()).decode()


def _golden(model: Model) -> np.ndarray:
    return sheet(model.generate(GOLDEN, SEED), GOLDEN, gap=0)


def verify(name: str, bench: Bench | None = None, figures: bool = True) -> None:
    """Make sure that the gallery's model `name` is what its file says: nothing comes back, and nothing is written.

    - Its tensors have the checksum in the header (`gengallery.load` sees to that).
    - It has a scorecard, of these weights and of the judge and the data that are here.
    - It makes the golden images again, each grey level within 1 of 255.
    - Each of its figures, measured again, is within 2 % of the recorded one.

    Without `figures` the last is left out, which takes the data set and a minute a model, or some with a posterior.
    Raises `VerificationError` for the first that is not so, `CheckpointError` for a file that can't be read and
    ValueError for an unknown name.
    """
    model, card = load(name), info(name)
    path, remedy = card["path"], REMEDY.format(name)
    if card["scorecard"] is None:
        raise VerificationError(f"{path}: expected a scorecard of these weights by the judge, found none; {remedy}")
    try:
        scorecard = Scorecard(**card["scorecard"])
        expected = np.asarray(Image.open(io.BytesIO(base64.b64decode(scorecard.golden))), dtype=int)
    except (TypeError, ValueError, OSError, SyntaxError) as error:  # of the fields; of base64 and of PNG
        raise VerificationError(
            f"{path}: expected a whole scorecard, found a damaged one ({error}); {remedy}"
        ) from error
    found = _golden(model)
    if expected.shape != found.shape or np.abs(expected - found).max() > 1:
        raise VerificationError(
            f"{path}: expected the golden images of its scorecard, found others; is this the version that made it?"
        )
    if not figures:
        return
    bench = bench or Bench()
    if scorecard.data != bench.data_checksum:
        raise VerificationError(f"{path}: expected the test set it was measured on, found another; see --data")
    for what, recorded, measured in (
        ("figure", scorecard.figures, bench.figures(model)),
        ("floor", scorecard.floor, _matching(bench.floor, scorecard.figures)),
    ):
        for figure in sorted(recorded.keys() | measured.keys()):
            was, now = recorded.get(figure), measured.get(figure)
            near = was is not None and now is not None and abs(now - was) <= TOLERANCE * abs(was) + LEAST
            if not near:  # nor is NaN
                raise VerificationError(f"{path}: expected the {what} {figure} {was}, found {now}; {remedy}")
