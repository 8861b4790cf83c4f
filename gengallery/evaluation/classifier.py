"""The classifier: a small convolutional network in whose features sets of images are compared.

For each image it gives the logits of the classes, and features: the spatial means of the last feature maps, on which
`gengallery.evaluation.metrics` compares sets of images. The features of a network trained on photographs, such as
Inception, say little about small grey images.

The network is a narrow residual network (He et al. 2016, https://arxiv.org/abs/1512.03385) with batch normalisation
(Ioffe and Szegedy 2015, https://arxiv.org/abs/1502.03167). Training mirrors and shifts the images, cuts out a square of
each (DeVries and Taylor 2017, https://arxiv.org/abs/1708.04552), and smooths the labels (Szegedy et al. 2016,
https://arxiv.org/abs/1512.00567).
"""

import os
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gengallery import gallery
from gengallery.checks import check_tuple
from gengallery.data import as_images
from gengallery.families import Family
from gengallery.learners.learner import Learner, adam
from gengallery.model.model import CHUNK
from gengallery.model.network import Network
from gengallery.model.spec import Card, Config, Paper, Recipe
from gengallery.storage import checkpoint
from gengallery.text import Text

SHIFT = 1  # pixels by which an image may be shifted, along each axis
HOLE = 6  # pixels along each side of the square that is cut out
SMOOTHING = 0.05  # of the labels: the probability that is spread over all classes


@dataclass(frozen=True)
class ClassifierConfig(Config):
    widths: tuple[int, int, int] = (32, 64, 128)  # channels at full size, at half and at a quarter of it

    def __post_init__(self) -> None:
        check_tuple("widths", self.widths, 3)

    @property
    def latent(self) -> int:
        """How many features an image has."""
        return self.widths[-1]


class Residual(nn.Module):
    """x + relu(norm(conv(x))); the shape is kept."""

    def __init__(self, channels: int):
        super().__init__()
        self.block = convolution(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """(n, channels, h, w) -> the same shape."""
        found: Tensor = x + self.block(x)
        return found


def convolution(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    """A 3 x 3 convolution, batch normalisation and a ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()
    )


class Classifier(Network):
    """Predicts the class of an image. Load it with `gengallery.evaluation.classifier.load()`."""

    family = checkpoint.CLASSIFIER
    config_type = ClassifierConfig
    title = Text("Classifier", pt="Classificador")
    paper = Paper(
        "K. He et al.", "Deep Residual Learning for Image Recognition", 2016, "https://arxiv.org/abs/1512.03385"
    )
    config: ClassifierConfig

    def __init__(self, config: ClassifierConfig):
        super().__init__(config)
        first, second, third = config.widths
        self.maps = nn.Sequential(
            convolution(config.image.channels, first),  # (n, 32, H, W)
            convolution(first, second, stride=2),  # (n, 64, H/2, W/2)
            Residual(second),
            convolution(second, third, stride=2),  # (n, 128, H/4, W/4)
            Residual(third),
            Residual(third),
        )
        self.head = nn.Linear(third, max(1, len(config.image.classes)))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Features (n, 128) and logits (n, classes) of images (n, C, H, W)."""
        features = self.maps(images).mean((2, 3))
        return features, self.head(features)

    def classify(self, images: object) -> tuple[Tensor, Tensor]:
        """Features (n, 128) and predicted classes (n), on the CPU, of `images`, which may be anything that
        `gengallery.data.as_images` takes.

        Raises ValueError, as there.
        """
        device, dtype = self.placement()
        with torch.inference_mode():
            parts = [self(part.to(device, dtype)) for part in as_images(images, self.image).split(CHUNK)]
        # Outside inference mode, since autograd and in-place calls refuse inference tensors.
        features, logits = (torch.cat(both).cpu() for both in zip(*parts, strict=True))
        return features.float(), logits.argmax(1)


class ClassifierLearner(Learner):
    """Trains the classifier on augmented images."""

    model: Classifier

    def __init__(self, model: Classifier, recipe: Recipe):
        super().__init__()
        self.model = model
        self.optimizers = (adam(self, recipe),)

    def step(self, images: Tensor, labels: Tensor, rng: np.random.Generator) -> dict[str, Tensor]:
        """One step of the optimizer."""
        (optimizer,) = self.optimizers
        self.model.train()
        _, logits = self.model(augment(images, rng))
        loss = F.cross_entropy(logits, labels, label_smoothing=SMOOTHING)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return {"cross_entropy": loss, "accuracy": accuracy(logits, labels)}

    def losses(self, model: Classifier, images: Tensor, labels: Tensor, rng: np.random.Generator) -> dict[str, Tensor]:
        """The losses of `model` without label smoothing or augmentation."""
        _, logits = model(images)
        return {"cross_entropy": F.cross_entropy(logits, labels), "accuracy": accuracy(logits, labels)}


def accuracy(logits: Tensor, labels: Tensor) -> Tensor:
    """The share of `logits` (n, classes) whose largest is that of `labels` (n)."""
    return (logits.argmax(1) == labels).float().mean()


def augment(images: Tensor, rng: np.random.Generator) -> Tensor:
    """`images` (n, C, H, W), each mirrored or not, shifted by up to SHIFT pixels, with a square of zeros in it."""
    n, (height, width), device = len(images), images.shape[2:], images.device
    mirrored = torch.from_numpy(rng.random((n, 1, 1)) < 0.5)
    down, right = torch.from_numpy(rng.integers(-SHIFT, SHIFT + 1, (2, n, 1)))
    top, left = (torch.from_numpy(rng.integers(-HOLE + 1, size, (n, 1))) for size in (height, width))
    row, column = (torch.arange(size, device="cpu") for size in (height, width))
    rows, columns = row - down, column - right  # (n, H) and (n, W): the source of each row and column
    inside = ((rows >= 0) & (rows < height))[:, :, None] & ((columns >= 0) & (columns < width))[:, None, :]
    hole = ((row >= top) & (row < top + HOLE))[:, :, None] & ((column >= left) & (column < left + HOLE))[:, None, :]
    rows, columns = rows.clamp(0, height - 1)[:, :, None], columns.clamp(0, width - 1)[:, None, :]
    columns = torch.where(mirrored, width - 1 - columns, columns)
    moved = images.movedim(1, -1)[torch.arange(n, device="cpu")[:, None, None], rows, columns]  # (n, H, W, C)
    kept = (inside & ~hole)[..., None].to(device)
    found: Tensor = (moved * kept).movedim(-1, 1)
    return found.contiguous(memory_format=torch.channels_last)


def load(path: str | os.PathLike[str] | None = None) -> Classifier:
    """The trained classifier: that of the default gallery, or of the file at `path`.

    Raises `CheckpointError` if the file is not sound.
    """
    saved = checkpoint.read(gallery.default().classifier if path is None else path)
    if saved.header["family"] != checkpoint.CLASSIFIER:
        raise checkpoint.CheckpointError(saved.path, "the classifier", f"a file of {saved.header['family']!r}")
    network = gallery.rebuild(Classifier, saved)
    assert isinstance(network, Classifier)  # as `rebuild` made it of this type
    return network


CARD = Card(
    name=checkpoint.CLASSIFIER,
    model=Classifier,
    config=ClassifierConfig(),
    recipe=Recipe(epochs=24, lr=3e-3, warmup=0.1, ema_decay=0.998, bfloat16=True),
    summary=Text(
        "A small residual network that predicts the class of an image, and on whose features images are compared.",
        pt="Uma pequena rede residual que prevê a classe de uma imagem, em cujas características se comparam imagens.",
    ),
)
FAMILY = Family(checkpoint.CLASSIFIER, Classifier, ClassifierLearner, (CARD,))
