"""The figures of a scorecard: what each is called, what it means, which values are good, and how it is measured.

The one place that knows a figure: adding one is adding its formula to `gengallery.evaluation.metrics` and an entry
here. Figures of samples are measured on a `Samples`, those of reconstructions on a `Reconstructions`; both compute
once what several figures share. A figure that does not exist for a model (of classes, for one that takes none) is None.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from gengallery.data import Split
from gengallery.evaluation import metrics
from gengallery.model.model import Model
from gengallery.text import Text
from gengallery.training.run import mean_losses

Better = Literal["lower", "higher", "level", ""]  # "level": near real images' own; "": neither is better
WEIGHED, DRAWS = 500, 500  # test images, the first, of the importance-weighted bound, and latents for each


class Samples:
    """Images (n, C, H, W) in [0, 1] beside real ones, in the features of a classifier.

    `features` (n, d) and `predicted` (n): what the classifier says of them; `labels` (n): the classes that were asked
    for, if any; `real` (m, d): features of the test images; `training`: the training images, to look for copies among,
    flat in [0, 1]; `classes`: how many there are.
    """

    def __init__(
        self, images: Tensor, features: Tensor, predicted: Tensor, labels: Tensor | None, real: Tensor,
        training: metrics.Neighbours, classes: int,
    ):  # fmt: skip
        self.images, self.features, self.predicted, self.labels = images, features, predicted, labels
        self.real, self.training, self.classes = real, training, classes

    @cached_property
    def precision_recall(self) -> tuple[float, float]:
        """See `metrics.precision_recall`."""
        return metrics.precision_recall(self.real, self.features)

    @cached_property
    def density_coverage(self) -> tuple[float, float]:
        """See `metrics.density_coverage`."""
        return metrics.density_coverage(self.real, self.features)

    @cached_property
    def distances(self) -> Tensor:
        """To the nearest and the second nearest training image, (n, 2)."""
        return self.training.nearest(self.images, k=2)[0]

    @cached_property
    def accuracies(self) -> list[float] | None:
        """The share of samples of each class that the classifier sees in it; None where no classes were asked for."""
        if self.labels is None:
            return None
        right = (self.predicted == self.labels).double()
        return [right[self.labels == k].mean().item() for k in self.labels.unique().tolist()]

    @property
    def accuracy(self) -> float | None:
        """The share of samples that the classifier sees in the class that was asked for."""
        return None if self.labels is None else (self.predicted == self.labels).double().mean().item()


class Reconstructions:
    """The images of `split` after going through the latents of `model`, whose losses and posterior are measured too."""

    def __init__(self, model: Model, split: Split):
        self.model, self.split = model, split

    @cached_property
    def pairs(self) -> list[tuple[Tensor, Tensor]]:
        """Originals and reconstructions, some at a time."""
        return [(images, self.model.reconstruct(images)) for images, _ in self.split.batches()]

    @cached_property
    def losses(self) -> dict[str, float]:
        """The model's own losses by name."""
        return mean_losses(self.model.losses, self.split, self.model.placement()[0])

    def mean(self, metric: Callable[[Tensor, Tensor], Tensor]) -> float:
        """The mean of `metric` over all pairs."""
        return torch.cat([metric(*pair) for pair in self.pairs]).mean().item()

    @cached_property
    def bound(self) -> float | None:
        """The importance-weighted upper bound of -log p(x) of the first images; None without a posterior."""
        rng = np.random.default_rng(0)
        few = Split(self.split.images[:WEIGHED], self.split.labels[:WEIGHED])
        device = self.model.placement()[0]
        with torch.inference_mode():
            weights = [
                self.model.log_weights(images.to(device), labels.to(device), DRAWS, rng)
                for images, labels in few.batches()
            ]
        bounds = [metrics.importance_weighted_bound(part.cpu()) for part in weights if part is not None]
        return -torch.cat(bounds).mean().item() if bounds else None

    @cached_property
    def active_units(self) -> float | None:
        """How many latents are in use; None without a posterior."""
        if self.bound is None:
            return None
        return metrics.active_units(torch.cat([self.model.encode(images) for images, _ in self.split.batches()]))


@dataclass(frozen=True)
class Figure:
    """A figure: its name in the scorecards, its title and meaning, which values are good, and how it is written.

    `measure` gives its value, or None where there is none; without it, it is a loss of the model's own.
    """

    name: str
    title: str
    meaning: str
    better: Better = ""
    form: str = "{:.2f}"
    measure: Callable[[Any], float | None] | None = None

    def written(self, value: float) -> str:
        """`value` with as many digits as make sense, and no minus before a zero."""
        text = self.form.format(value)
        return text.replace("-", "−" if any(digit in text for digit in "123456789") else "")


SAMPLES: tuple[Figure, ...] = (
    Figure(
        "frechet",
        Text("Fréchet", pt="Fréchet"),
        Text(
            "Distance of samples from the test images, by the means and covariances of their features.",
            pt="Distância entre as amostras e as imagens de teste, pelas médias e covariâncias das características.",
        ),
        "lower",
        "{:.2f}",
        lambda s: metrics.frechet_distance(s.real, s.features),
    ),
    Figure(
        "kernel",
        Text("Kernel", pt="Kernel"),
        Text(
            "Distance of samples from the test images by a kernel, which assumes no Gaussians.",
            pt="Distância entre as amostras e as imagens de teste por um kernel, que não supõe gaussianas.",
        ),
        "lower",
        "{:.3f}",
        lambda s: metrics.kernel_distance(s.real, s.features),
    ),
    Figure(
        "precision",
        Text("Precision", pt="Precisão"),
        Text(
            "Share of samples that lie among real images: do they look real?",
            pt="Parcela das amostras que estão entre as imagens reais: parecem reais?",
        ),
        "higher",
        measure=lambda s: s.precision_recall[0],
    ),
    Figure(
        "recall",
        Text("Recall", pt="Revocação"),
        Text(
            "Share of real images that lie among samples: is anything missing?",
            pt="Parcela das imagens reais que estão entre as amostras: falta alguma coisa?",
        ),
        "higher",
        measure=lambda s: s.precision_recall[1],
    ),
    Figure(
        "density",
        Text("Density", pt="Densidade"),
        Text(
            "How many real images lie around a sample: above 1, samples keep to the most common looks.",
            pt="Quantas imagens reais há em torno de uma amostra: acima de 1, as amostras ficam nas aparências mais "
            "comuns.",
        ),
        "level",
        measure=lambda s: s.density_coverage[0],
    ),
    Figure(
        "coverage",
        Text("Coverage", pt="Cobertura"),
        Text(
            "Share of real images with a sample near by; single outliers do not raise it.",
            pt="Parcela das imagens reais com uma amostra por perto; amostras isoladas não a elevam.",
        ),
        "higher",
        measure=lambda s: s.density_coverage[1],
    ),
    Figure(
        "entropy",
        Text("Classes", pt="Classes"),
        Text(
            "How evenly the classes occur: 1 if all equally often, 0 if only one.",
            pt="Quão por igual as classes aparecem: 1 se todas igualmente, 0 se só uma.",
        ),
        "higher",
        "{:.3f}",
        lambda s: metrics.class_entropy(s.predicted, s.classes) if s.classes > 1 else None,
    ),
    Figure(
        "nearest",
        Text("Nearest", pt="Mais próxima"),
        Text(
            "Median distance, over all pixels, to the nearest training image. Far below that of real images: copies "
            "or blur.",
            pt="Distância mediana, sobre todos os pixels, à imagem de treino mais próxima. Muito abaixo da das imagens "
            "reais: cópias, ou borrão.",
        ),
        "level",
        measure=lambda s: s.distances[:, 0].median().item(),
    ),
    Figure(
        "memorised",
        Text("Copies", pt="Cópias"),
        Text(
            "Share of samples that copy a training image.", pt="Parcela das amostras que copiam uma imagem de treino."
        ),
        "lower",
        "{:.2%}",
        lambda s: metrics.memorisation_rate(s.distances),
    ),
    Figure(
        "judged",
        Text("Accuracy", pt="Acurácia"),
        Text(
            "Share of samples that the classifier sees in the class that was asked for.",
            pt="Parcela das amostras que o classificador vê na classe pedida.",
        ),
        "higher",
        "{:.1%}",
        lambda s: s.accuracy,
    ),
    Figure(
        "judged_least",
        Text("Worst class", pt="Pior classe"),
        Text("The same, of the class with the lowest share.", pt="O mesmo, da classe com a menor parcela."),
        "higher",
        "{:.1%}",
        lambda s: None if s.accuracies is None else min(s.accuracies),
    ),
)
RECONSTRUCTIONS: tuple[Figure, ...] = (
    Figure(
        "mse",
        Text("MSE", pt="MSE"),
        Text(
            "Mean squared error of a pixel, of a test image gone through the latents.",
            pt="Erro quadrático médio de um pixel, de uma imagem de teste que passou pelos latentes.",
        ),
        "lower",
        "{:.4f}",
        lambda r: r.losses["mse"] if "mse" in r.losses else r.mean(metrics.mse),
    ),
    Figure(
        "ssim",
        Text("SSIM", pt="SSIM"),
        Text(
            "Structural similarity, in windows of 11 × 11 pixels: 1 for the same image.",
            pt="Semelhança estrutural, em janelas de 11 × 11 pixels: 1 para a mesma imagem.",
        ),
        "higher",
        "{:.3f}",
        lambda r: r.mean(metrics.ssim),
    ),
    Figure(
        "reconstruction",
        Text("Reconstr.", pt="Reconstr."),
        Text(
            "Cross-entropy in nats, summed over the pixels; above 0 even for a perfect reconstruction.",
            pt="Entropia cruzada em nats, somada sobre os pixels; acima de 0 mesmo na reconstrução perfeita.",
        ),
        "lower",
        "{:.1f}",
        lambda r: r.losses.get("reconstruction"),
    ),
    Figure(
        "kl",
        Text("KL", pt="KL"),
        Text(
            "What the latents tell of an image, in nats: more of it allows a better reconstruction.",
            pt="O que os latentes contam de uma imagem, em nats: quanto mais, melhor pode ser a reconstrução.",
        ),
        measure=lambda r: r.losses.get("kl"),
    ),
    Figure(
        "total",
        Text("Total", pt="Total"),
        Text(
            "Reconstruction + KL: an upper bound of −log p(x), in nats.",
            pt="Reconstrução + KL: um limite superior de −log p(x), em nats.",
        ),
        "lower",
        "{:.1f}",
        lambda r: r.losses.get("total"),
    ),
    Figure(
        "bound",
        Text("Bound", pt="Limite"),
        Text(
            "A tighter upper bound of −log p(x), from many draws (importance weighting).",
            pt="Um limite superior mais justo de −log p(x), de muitos sorteios (ponderação por importância).",
        ),
        "lower",
        "{:.1f}",
        lambda r: r.bound,
    ),
    Figure(
        "active_units",
        Text("Active", pt="Ativos"),
        Text(
            "Latents that vary from image to image; the others are unused.",
            pt="Latentes que variam de imagem a imagem; os outros não são usados.",
        ),
        "",
        "{:.0f}",
        lambda r: r.active_units,
    ),
)
FIGURES: dict[str, Figure] = {figure.name: figure for figure in (*SAMPLES, *RECONSTRUCTIONS)}
LOSS = Text(
    "A loss that training minimises. It says little about the images.",
    pt="Uma perda que o treino minimiza. Diz pouco sobre as imagens.",
)


LOSSES = {  # titles of losses that families have beside
    "generator": Text("Generator", pt="Gerador"),
    "discriminator": Text("Discriminator", pt="Discriminador"),
    "flow": Text("Flow", pt="Fluxo"),
}


def figure(name: str) -> Figure:
    """The figure of that name; one that is not in FIGURES is a loss of some family's own."""
    title = LOSSES.get(name, Text(name.replace("_", " ").capitalize()))
    return FIGURES.get(name) or Figure(name, title, LOSS, "", "{:.3f}")


def measured(figures: tuple[Figure, ...], subject: Samples | Reconstructions) -> dict[str, float]:
    """The values of `figures` on `subject`, by name; without those that it does not have."""
    found = {figure.name: figure.measure(subject) for figure in figures if figure.measure is not None}
    return {name: value for name, value in found.items() if value is not None}
