"""The reference that models are measured against: a data set, and a classifier in whose features it is compared."""

from contextlib import suppress
from functools import cached_property

import torch
from torch import Tensor

from gengallery.data import Dataset, ImageSpec, Split, as_floats, as_images, cache, dataset
from gengallery.evaluation import classifier, metrics
from gengallery.evaluation.figures import RECONSTRUCTIONS, SAMPLES, Reconstructions, Samples, measured
from gengallery.gallery import Gallery, default
from gengallery.model.model import Model
from gengallery.storage import tensors as files
from gengallery.storage.checkpoint import SUFFIX

COUNT = 10_000  # samples of a model that are measured
SEED = 0  # that they are drawn from
TRAIN, TEST = "trainval", "test"
FEATURES = files.Kind("features", "features of images", files.FileError, "Delete it.", unsealed="Delete it.")


class Reference:
    """The test images of `data` and the classifier of `gallery`, with all that is slow computed once.

    `data` is the data set that the gallery's models are for, unless given. Raises `DataMissing` without it, and
    `CheckpointError` without a sound classifier.

    Example:
        reference = Reference()
        reference.figures(gengallery.load("vae_2"))["frechet"]
        reference.of_samples(images)["precision"]
    """

    def __init__(self, data: Dataset | None = None, gallery: Gallery | None = None, device: str | torch.device = "cpu"):
        gallery = gallery or default()
        self.data = data or _data_of(gallery.image)
        self.device = torch.device(device)
        self.classifier = classifier.load(gallery.classifier).to(self.device)
        self.classifier_checksum = self.classifier.header["checksum"]
        if self.classifier.image.shape != self.data.spec.shape:
            raise ValueError(
                f"data: expected images of shape {self.classifier.image.shape}, as the classifier in "
                f"{gallery.classifier} takes, found {self.data.spec.shape}"
            )
        self.train, self.test = self.data.split(TRAIN), self.data.split(TEST)
        # Real images in the samples' place. The classifier has learned from them, which makes their figures no worse.
        self.held = Split(self.train.images[:COUNT], self.train.labels[:COUNT])

    @cached_property
    def data_checksum(self) -> str:
        """Of the test set."""
        return self.test.checksum()

    @cached_property
    def features(self) -> dict[str, Tensor]:
        """Of the test images, and of as many training images as there are samples, each (n, d); kept on disk."""
        splits = {"train": self.held, "test": self.test}
        of = (self.classifier_checksum, *(split.checksum() for split in splits.values()))
        path = cache() / f"features-{'-'.join(checksum[:16] for checksum in of)}{SUFFIX}"
        wanted = {part: (len(split), self.classifier.config.latent) for part, split in splits.items()}
        with suppress(files.FileError):  # one that is damaged, or of the time before there were headers, is made anew
            kept = files.read(path, FEATURES)
            sound = {part: (tuple(features.shape), features.dtype) for part, features in kept.tensors.items()}
            if kept.header.get("of") == list(of) and sound == {p: (w, torch.float32) for p, w in wanted.items()}:
                return kept.tensors
        made = {part: self.classifier.classify(as_floats(split.images))[0] for part, split in splits.items()}
        with suppress(OSError):  # a cache that can't be written costs time and nothing else
            files.write(path, FEATURES, made, {"of": of})
        return made

    @cached_property
    def floor(self) -> dict[str, float]:
        """The figures of real images: how near the data comes to itself.

        Training images stand in the samples' place, and for the figures that look for copies, and those of classes,
        the test images.
        """
        head = self.classifier.head
        with torch.inference_mode():
            predicted = head(self.features["test"].to(self.device)).argmax(1).cpu()
        train = self._samples(as_floats(self.held.images), self.features["train"], self.held.labels, None)
        test = self._samples(as_floats(self.test.images), self.features["test"], predicted, self.test.labels)
        copies = ("nearest", "memorised", "judged", "judged_least")
        with_classes = copies if self.data.spec.classes else copies[:2]
        return measured(tuple(f for f in SAMPLES if f.name not in copies), train) | measured(
            tuple(f for f in SAMPLES if f.name in with_classes), test
        )

    def of_samples(self, images: object, labels: Tensor | None = None) -> dict[str, float]:
        """The figures of `images`, anything that `gengallery.data.as_images` takes, whatever made them; also of their
        classes, where `labels` (n) were asked for.

        Raises ValueError, as `metrics` does, for images of which some figure, or all, can't be computed.
        """
        try:
            images = as_images(images, self.data.spec)
            features, predicted = self.classifier.classify(images)
        except ValueError as error:
            raise ValueError(f"no figure of these samples can be computed: {error}") from error
        return measured(SAMPLES, self._samples(images, features, predicted, labels))

    def figures(self, model: Model) -> dict[str, float]:
        """Every figure that `model` has; see `gengallery.evaluation.scorecard.Scorecard`."""
        labels = model.labels(COUNT, SEED) if model.options.label else None
        found = self.of_samples(model.generate(COUNT, SEED), labels)
        if not rebuilds(model):
            return found
        reconstructions = Reconstructions(model, self.test)
        return found | reconstructions.losses | measured(RECONSTRUCTIONS, reconstructions)

    def _samples(self, images: Tensor, features: Tensor, predicted: Tensor, labels: Tensor | None) -> Samples:
        classes = len(self.data.spec.classes)
        return Samples(images, features, predicted, labels, self.features["test"], self._training, classes)

    @cached_property
    def _training(self) -> metrics.Neighbours:
        return metrics.Neighbours(self.train.images.flatten(1).float() / 255)


def _data_of(image: ImageSpec) -> Dataset:
    """The data set of which `image` is the spec."""
    return dataset(image.dataset, size=image.height, channels=image.channels)


def rebuilds(model: Model) -> bool:
    """Whether reconstructions say something of `model`: not where encoding is a search, which takes an hour for 10,000
    images, nor where a latent is as large as an image, and nothing has to be left out."""
    return not model.searches and model.config.latent < model.image.pixels
