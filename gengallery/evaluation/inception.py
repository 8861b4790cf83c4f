"""The Fréchet distance in the features of the Inception network, by which papers compare (FID)."""

from pathlib import Path

import torch
from torch import Tensor, nn

from gengallery.data import Split
from gengallery.data.downloads import torchvision_datasets
from gengallery.evaluation.reference import COUNT, SEED
from gengallery.model.model import Model

BATCH = 50  # images at once: each is 299 x 299 to the Inception network, whose first layer makes 3 MB of it
WEIGHTS = "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/weights-inception-2015-12-05-6726825d.pth"


class InceptionMissing(OSError):
    """The Inception network is not on this machine and could not be had: says what to do."""


class Inception:
    """The Fréchet distance as papers give it, in the features of the Inception network (FID): 0 or more, 0 is best.

    Of 10,000 samples from the images of `test`, by torchmetrics at its defaults: the 2,048 features before the last
    layer of an InceptionV3 that was trained on ImageNet's photographs, for which grey levels are rounded to uint8,
    repeated as red, green and blue, and resized to 299 x 299. No part of a scorecard: it takes packages and weights
    that the gallery does without, and small images are nothing that this network has learned to see.

    `network` takes its place: (n, 3, 28, 28) uint8 to features (n, d), with d as its attribute `num_features`.
    Raises `InceptionMissing` without the packages or the weights, which torch-fidelity downloads when first used.
    Heusel, Ramsauer, Unterthiner, Nessler and Hochreiter (2017), https://arxiv.org/abs/1706.08500.
    """

    def __init__(self, test: Split, network: nn.Module | None = None):
        try:
            torchvision_datasets()  # mends the import of torchvision, which torchmetrics does next
            # Only here, for few need it.
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
                f"connect to the internet once, or put {WEIGHTS} into {Path(torch.hub.get_dir())}/checkpoints"
            ) from error
        self._see(test.images, real=True)

    def distance(self, model: Model) -> float:
        """The FID of `model`, of samples from the scorecards' seed. Minutes on a processor."""
        self._metric.reset()  # of the last model's samples; the real images stay
        self._see((model.generate(COUNT, SEED) * 255).round().to(torch.uint8), real=False)
        return float(self._metric.compute().item())

    def _see(self, images: Tensor, real: bool) -> None:
        """Take images (n, C, H, W) uint8 into the means and covariances."""
        with torch.inference_mode():
            for part in images.split(BATCH):
                self._metric.update(part.expand(-1, 3, -1, -1), real=real)
