"""The judge: a small convolutional classifier of Fashion-MNIST.

It gives each image the odds of the ten classes, and 128 features, the means of its last feature maps, in which
`gengallery.metrics` compares sets of images. Features of a network trained on other pictures, such as Inception's, see
little in grey garments of 28 x 28.

The network is a narrow residual one (He et al. 2016, https://arxiv.org/abs/1512.03385) with batch normalisation (Ioffe
and Szegedy 2015, https://arxiv.org/abs/1502.03167). It learns from mirrored and shifted images with a hole in them
(DeVries and Taylor 2017, https://arxiv.org/abs/1708.04552) and smoothed labels (Szegedy et al. 2016,
https://arxiv.org/abs/1512.00567).
"""

import os
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gengallery import checkpoint, gallery
from gengallery.images import CLASS_NAMES, SIZE, as_images
from gengallery.model import CHUNK, Card, Config, Learner, Network, Paper, Recipe, adam, check_sizes

SHIFT = 1  # pixels that an image may move, along each axis
HOLE = 6  # pixels along each side of the square that is cut out
SMOOTHING = 0.05  # share of a label's weight that is spread over all classes


@dataclass(frozen=True)
class ClassifierConfig(Config):
    widths: tuple[int, int, int] = (32, 64, 128)  # channels at 28 x 28, 14 x 14 and 7 x 7 pixels

    def __post_init__(self):
        if not isinstance(self.widths, tuple) or len(self.widths) != 3:
            raise ValueError(f"widths: expected three numbers of channels, found {self.widths!r}")
        check_sizes(**{f"widths[{i}]": width for i, width in enumerate(self.widths)})

    @property
    def latent(self) -> int:
        """How many features an image has."""
        return self.widths[-1]


class Residual(nn.Module):
    """x + relu(norm(conv(x))): the shape stays."""

    def __init__(self, channels: int):
        super().__init__()
        self.block = convolution(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """(n, channels, h, w) -> the same shape."""
        return x + self.block(x)


def convolution(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    """A 3 x 3 convolution, normalised over the batch, and a ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()
    )


class Classifier(Network):
    """Tells the class of an image. Load it with `gengallery.classifier.load()`."""

    config_type = ClassifierConfig
    title = "Classifier"
    paper = Paper(
        "K. He et al.", "Deep Residual Learning for Image Recognition", 2016, "https://arxiv.org/abs/1512.03385"
    )
    config: ClassifierConfig

    def __init__(self, config: ClassifierConfig):
        super().__init__(config)
        first, second, third = config.widths
        self.maps = nn.Sequential(
            convolution(1, first),  # (n, 32, 28, 28)
            convolution(first, second, stride=2),  # (n, 64, 14, 14)
            Residual(second),
            convolution(second, third, stride=2),  # (n, 128, 7, 7)
            Residual(third),
            Residual(third),
        )
        self.head = nn.Linear(third, len(CLASS_NAMES))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Features (n, 128) and log-odds (n, 10) of images (n, 1, 28, 28)."""
        features = self.maps(images).mean((2, 3))
        return features, self.head(features)

    def judge(self, images: object) -> tuple[Tensor, Tensor]:
        """Features (n, 128) and most likely classes (n) of `images`, anything that `gengallery.images.as_images` takes.

        Raises ValueError, as there.
        """
        with torch.inference_mode():
            parts = [self(part) for part in as_images(images).split(CHUNK)]
        # Outside, so that these are no inference tensors, which autograd and in-place calls refuse.
        features, log_odds = (torch.cat(halves) for halves in zip(*parts, strict=True))
        return features, log_odds.argmax(1)


class ClassifierLearner(Learner):
    """Trains the classifier on images that are never twice the same."""

    model: Classifier

    def __init__(self, model: Classifier, recipe: Recipe):
        super().__init__()
        self.model = model
        self.optimizers = (adam(self, recipe),)

    def step(self, images: Tensor, labels: Tensor, rng: np.random.Generator) -> dict[str, Tensor]:
        """One step of the optimizer."""
        (optimizer,) = self.optimizers
        self.model.train()
        _, log_odds = self.model(varied(images, rng))
        loss = F.cross_entropy(log_odds, labels, label_smoothing=SMOOTHING)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return {"cross_entropy": loss, "accuracy": accuracy(log_odds, labels)}

    def losses(self, model: Classifier, images: Tensor, labels: Tensor, rng: np.random.Generator) -> dict[str, Tensor]:
        """Without smoothing, on the images as they are."""
        _, log_odds = model(images)
        return {"cross_entropy": F.cross_entropy(log_odds, labels), "accuracy": accuracy(log_odds, labels)}


def accuracy(log_odds: Tensor, labels: Tensor) -> Tensor:
    """The share of images whose most likely class is theirs."""
    return (log_odds.argmax(1) == labels).float().mean()


def varied(images: Tensor, rng: np.random.Generator) -> Tensor:
    """Each image (n, 1, 28, 28) mirrored or not, moved by a few pixels, and with a black square in it."""
    n = len(images)
    mirrored = torch.from_numpy(rng.random((n, 1, 1)) < 0.5)
    down, right = torch.from_numpy(rng.integers(-SHIFT, SHIFT + 1, (2, n, 1)))
    top, left = torch.from_numpy(rng.integers(-HOLE + 1, SIZE, (2, n, 1)))
    place = torch.arange(SIZE)
    rows, columns = place - down, place - right  # (n, 28): where each row and column comes from
    inside = ((rows >= 0) & (rows < SIZE))[:, :, None] & ((columns >= 0) & (columns < SIZE))[:, None, :]
    hole = ((place >= top) & (place < top + HOLE))[:, :, None] & ((place >= left) & (place < left + HOLE))[:, None, :]
    rows, columns = rows.clamp(0, SIZE - 1)[:, :, None], columns.clamp(0, SIZE - 1)[:, None, :]
    columns = torch.where(mirrored, SIZE - 1 - columns, columns)
    moved = images[torch.arange(n)[:, None, None], 0, rows, columns]  # (n, 28, 28)
    return (moved * (inside & ~hole))[:, None].contiguous(memory_format=torch.channels_last)


def load(path: str | os.PathLike | None = None) -> Classifier:
    """The trained classifier: that of the gallery, or of the file at `path`.

    Raises `CheckpointError` if the file is not sound.
    """
    saved = checkpoint.read(gallery.WEIGHTS / f"{checkpoint.JUDGE}{checkpoint.SUFFIX}" if path is None else path)
    if saved.header["family"] != checkpoint.JUDGE:
        raise checkpoint.CheckpointError(saved.path, "the classifier", f"a file of {saved.header['family']!r}")
    return gallery.rebuild(Classifier, saved)


LEARNER = ClassifierLearner
CARD = Card(
    name=checkpoint.JUDGE,
    model=Classifier,
    config=ClassifierConfig(),
    recipe=Recipe(epochs=24, rate=3e-3, warmup=0.1, average=0.998, bfloat16=True),
    summary="A small residual network that tells the ten classes apart, and so judges the samples of the models.",
)
