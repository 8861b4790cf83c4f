"""Scorecards: every model measured in the same way, by the same classifier, beside the data's own figures.

10,000 samples of a fixed seed stand against the test images, in the features of the gallery's classifier. So do
training images, which are as good as samples can be: theirs is the floor of each figure. A scorecard carries the
checksums of the weights it measured, of the classifier and of the data, and is void beside any others.
"""

import base64
import io
import time
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

import numpy as np
from PIL import Image

from gengallery.data import sheet
from gengallery.evaluation.reference import COUNT, SEED, Reference
from gengallery.gallery import Gallery, default
from gengallery.model.model import Model
from gengallery.storage import checkpoint

GOLDEN = 8  # images of the seed that a scorecard keeps
TOLERANCE = 0.02  # of a figure: another processor rounds otherwise, and neighbours change places
LEAST = 1e-4  # difference that counts, of any figure
REMEDY = "measure it with gengallery evaluate {}"


@dataclass(frozen=True)
class Scorecard:
    """What was measured of a model, and of what: JSON in the header of its file.

    `figures`, and `floor`, those of training images in the samples' place, hold by name:

    - frechet, kernel: distances of the samples from the test images, in the classifier's features;
    - precision, recall, density, coverage: shares of samples that look real, and of reals that are matched;
    - entropy: of the classes that the classifier sees in the samples, 1 when all are equally many;
    - nearest: median Euclidean distance, over all pixels in [0, 1], from a sample to the nearest training image;
    - memorised: the share of samples that copy a training image. Of these two the floor is the test images';
    - judged, of models that take a label: the share of samples that the classifier sees in the class that was asked
      for, and judged_least, the same of the class with the lowest share. The floor is the classifier's own accuracy on
      the test images.

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
    milliseconds: float | None = None  # to decode one latent: the median of several, on the machine that measured it


class VerificationError(ValueError):
    """A model is not what its file says: names the file, what it says and what was found."""


def _matching(floor: dict[str, float], figures: dict[str, float]) -> dict[str, float]:
    """Of `floor`, what stands beside `figures`."""
    return {name: value for name, value in floor.items() if name in figures}


def evaluate(name: str, reference: Reference, gallery: Gallery | None = None) -> Scorecard:
    """The scorecard of the gallery's model `name`, measured now."""
    model = (gallery or default()).load(name, device=reference.device)
    figures = reference.figures(model)
    return Scorecard(
        weights=(gallery or default()).info(name)["checksum"],
        judge=reference.classifier_checksum,
        data=reference.data_checksum,
        figures=figures,
        floor=_matching(reference.floor, figures),
        golden=golden(model),
        samples=COUNT,
        seed=SEED,
        milliseconds=milliseconds(model),
    )


def record(name: str, reference: Reference, gallery: Gallery | None = None) -> Scorecard:
    """Measure the gallery's model `name` and write its scorecard into the header of its file."""
    scorecard = evaluate(name, reference, gallery)
    saved = checkpoint.read((gallery or default()).info(name)["path"])
    checkpoint.write(saved.path, saved.tensors, {**saved.header, "scorecard": asdict(scorecard)})
    return scorecard


def milliseconds(model: Model, repeats: int = 9) -> float:
    """How long `model` takes to decode one latent: the median of `repeats` times, after one to warm up."""
    z = model.sample(1)
    times = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        model.decode(z)
        times.append(time.perf_counter() - start)
    return 1000 * median(times[1:])


def golden(model: Model) -> str:
    """The model's first images of the seed side by side, as a PNG in base64."""
    file = io.BytesIO()
    Image.fromarray(_golden(model)).save(file, "PNG", optimize=True)
    return base64.b64encode(file.getvalue()).decode()


def _golden(model: Model) -> "np.ndarray[Any, Any]":
    return sheet(model.generate(GOLDEN, SEED), GOLDEN, gap=0)


def verify(name: str, reference: Reference | None = None, figures: bool = True, gallery: Gallery | None = None) -> None:
    """Make sure that the gallery's model `name` is what its file says: nothing is returned, and nothing is written.

    - Its tensors have the checksum in the header (`gengallery.load` sees to that).
    - It has a scorecard, of these weights and of the classifier and the data that are here.
    - It makes the golden images again, each grey level within 1 of 255.
    - Each of its figures, measured again, is within 2 % of the recorded one.

    Without `figures` the last is left out, which takes the data set and a minute a model, or some with a posterior.
    Raises `VerificationError` for the first that is not so, `CheckpointError` for a file that can't be read and
    ValueError for an unknown name.
    """
    gallery = gallery or default()
    model, card = gallery.load(name), gallery.info(name)
    path, remedy = card["path"], REMEDY.format(name)
    if card["scorecard"] is None:
        raise VerificationError(
            f"{path}: expected a scorecard of these weights by the classifier, found none; {remedy}"
        )
    scorecard, expected = _read(card["scorecard"], path, remedy)
    found = _golden(model)
    if expected.shape != found.shape or np.abs(expected - found).max() > 1:
        raise VerificationError(
            f"{path}: expected the golden images of its scorecard, found others; is this the version that made it?"
        )
    if not figures:
        return
    reference = reference or Reference(gallery=gallery)
    if scorecard.data != reference.data_checksum:
        raise VerificationError(f"{path}: expected the test set it was measured on, found another; see --data")
    for what, recorded, measured in (
        ("figure", scorecard.figures, reference.figures(model.to(reference.device))),
        ("floor", scorecard.floor, _matching(reference.floor, scorecard.figures)),
    ):
        for figure in sorted(recorded.keys() | measured.keys()):
            was, now = recorded.get(figure), measured.get(figure)
            near = was is not None and now is not None and abs(now - was) <= TOLERANCE * abs(was) + LEAST
            if not near:  # nor is NaN
                raise VerificationError(f"{path}: expected the {what} {figure} {was}, found {now}; {remedy}")


def _read(fields: dict[str, Any], path: str, remedy: str) -> tuple[Scorecard, "np.ndarray[Any, Any]"]:
    """The scorecard with these `fields`, and the pixels of its golden images."""
    try:
        scorecard = Scorecard(**fields)
        return scorecard, np.asarray(Image.open(io.BytesIO(base64.b64decode(scorecard.golden))), dtype=int)
    except (TypeError, ValueError, OSError, SyntaxError) as error:  # of the fields; of base64 and of PNG
        raise VerificationError(
            f"{path}: expected a whole scorecard, found a damaged one ({error}); {remedy}"
        ) from error
