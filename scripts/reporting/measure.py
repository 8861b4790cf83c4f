"""What is measured for the report: losses, reconstruction errors, Fréchet distances by noise, and latent areas."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

import gengallery
from gengallery.data import as_floats
from gengallery.evaluation.metrics import frechet_distance
from gengallery.evaluation.reference import COUNT, SEED, Reference
from gengallery.model.latents import LatentStatistics
from gengallery.model.model import Model
from gengallery.priors.noise import Noise, standard_normal
from gengallery.storage.files import write_atomically
from gengallery.training.run import mean_losses
from reporting.contents import AUTOENCODERS, FIGURES, MATRIX, PLANE, TEST, TRAIN, UNIT
from reporting.experiments import Experiment

FILE = "measured.json"
DIGITS = 6  # that are kept of each number
REMEDY = "run scripts/report.py"


@dataclass(frozen=True)
class Area:
    """A rectangle of a latent space of two numbers, and the share of the encoded test images that lie in it."""

    x_min: float
    x_max: float
    y_min: float
    y_max: float
    share: float

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """x from, x to, y from, y to: as `latent_grid` takes them."""
        return self.x_min, self.x_max, self.y_min, self.y_max


@dataclass(frozen=True)
class Measured:
    """What was measured, and of which weights."""

    weights: dict[str, str]  # checksums, by model: void beside others
    sizes: dict[str, int]  # images, by split
    samples: int  # images of each Fréchet distance
    seed: int  # that they were made from
    losses: dict[str, dict[str, dict[str, float]]]  # of models with an encoder, by model, split and name
    mse: dict[str, dict[str, float]]  # of reconstructions, by model and split
    frechet: dict[str, dict[str, float]]  # of autoencoders: see `frechet_by_latents`
    areas: dict[str, Area]  # of latent matrices, by the figure's number
    encoded: dict[str, list[float]]  # mean and std of the test set, encoded by the autoencoder of two numbers
    noise: dict[str, dict[str, float]]  # mean and std of each number of the noise of GANs, by model

    def check(self, found: dict[str, Experiment], cards: dict[str, dict[str, Any]]) -> None:
        """Raise ValueError if other weights were measured than those of the report's experiments in `cards`."""
        expected = checksums(found, cards)
        if expected != self.weights:
            changed = [name for name in expected if self.weights.get(name) != expected[name]]
            raise ValueError(
                f"{FILE}: expected figures of the weights that are here, found none of {', '.join(changed)}: {REMEDY}"
            )

    def write(self, folder: Path) -> None:
        """Keep it in `folder`."""
        write_atomically(folder / FILE, (json.dumps(_rounded(asdict(self)), indent=1) + "\n").encode())

    @classmethod
    def read(cls, folder: Path) -> "Measured":
        """What `write` kept in `folder`. Raises FileNotFoundError if nothing is there."""
        try:
            found = json.loads((folder / FILE).read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise FileNotFoundError(f"{folder / FILE}: nothing is measured yet: {REMEDY}") from error
        return cls(**found | {"areas": {number: Area(**area) for number, area in found["areas"].items()}})


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(item) for item in value]
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value


def checksums(found: dict[str, Experiment], cards: dict[str, dict[str, Any]]) -> dict[str, str]:
    """The checksums of the weights of all models of the report's experiments, by name."""
    names = [name for experiment in found.values() for name in (experiment.model, experiment.exhibit) if name]
    return {name: cards[name]["checksum"] for name in names}


def measure(found: dict[str, Experiment], cards: dict[str, dict[str, Any]], reference: Reference) -> Measured:
    """Measure the models of the report's experiments. Takes some minutes."""
    splits = {TRAIN: reference.train, TEST: reference.test}
    losses: dict[str, dict[str, dict[str, float]]] = {}
    mse, frechet, noise = {}, {}, {}
    weights = checksums(found, cards)
    for name in weights:
        model = gengallery.load(name)
        if model.searches:  # a GAN, whose losses need its discriminator: they were measured at the end of its training
            assert isinstance(model.prior, Noise)
            noise[name] = dict(zip(("mean", "std"), model.prior.moments(), strict=True))
        else:
            losses[name] = {key: mean_losses(model.losses, split) for key, split in splits.items()}
            mse[name] = {key: mean_losses(squared_error(model), split)["mse"] for key, split in splits.items()}
    for report in (PLANE, *AUTOENCODERS):
        model = gengallery.load(found[report].model)
        frechet[found[report].model] = frechet_by_latents(model, reference)
    areas, encoded = {}, {}
    for figure in FIGURES:
        if figure.kind == MATRIX:
            (report,) = figure.of
            z = torch.cat([gengallery.load(found[report].model).encode(images) for images, _ in splits[TEST].batches()])
            mean, std = z.mean(0), z.std(0)
            areas[str(figure.number)] = area_of(z, mean, std, figure.area)
            if report == PLANE:
                encoded = {"mean": mean.tolist(), "std": std.tolist()}
    return Measured(
        weights=weights,
        sizes={key: len(split) for key, split in splits.items()},
        samples=COUNT,
        seed=SEED,
        losses=losses,
        mse=mse,
        frechet=frechet,
        areas=areas,
        encoded=encoded,
        noise=noise,
    )


def squared_error(model: Model) -> Any:
    """A function of images, labels and random numbers that gives the MSE of reconstruction, as `mean_losses` asks."""
    return lambda images, labels, rng: {"mse": (model.reconstruct(images) - images).square().mean()}


def noise_around_mean(model: Model, n: int, seed: int) -> Tensor:
    """Latents (n, d) as the report drew them for its autoencoders: noise of variance 1 around the mean of the encoded
    training set; numbers below zero become zero, as behind the ReLU of these models."""
    return (statistics(model).mean + noise_of(model, n, seed)).clamp(min=0)


def noise_of(model: Model, n: int, seed: int) -> Tensor:
    """Draws (n, d) from N(0, I) in the latent space of `model`; row i depends on (seed, i) alone."""
    return standard_normal((n, model.config.latent), np.random.default_rng(seed))


def statistics(model: Model) -> LatentStatistics:
    """Where the encoded training set lies in the latent space of `model`."""
    assert isinstance(model.statistics, LatentStatistics)
    return model.statistics


def frechet_by_latents(model: Model, reference: Reference) -> dict[str, float]:
    """Fréchet distances of an autoencoder's images from the test images, by where the latents come from.

    `unit`: noise as the report drew it; `own`: with each latent's own variance; `gaussian`: one Gaussian with the full
    covariance; `prior`: the model's own; `reconstructed`: the encoded training images.
    """
    covariance = statistics(model).covariance.double()
    values, vectors = torch.linalg.eigh(covariance)
    factor = (vectors * values.clamp(min=0).sqrt()).float()
    mean, noise = statistics(model).mean, noise_of(model, COUNT, SEED)
    images = {
        "unit": model.decode(noise_around_mean(model, COUNT, SEED)),
        "own": model.decode((mean + noise * covariance.diagonal().sqrt().float()).clamp(min=0)),
        "gaussian": model.decode((mean + noise @ factor.T).clamp(min=0)),
        "prior": model.generate(COUNT, SEED),
        "reconstructed": model.reconstruct(as_floats(reference.held.images)),
    }
    real = reference.features[TEST]
    return {name: frechet_distance(real, reference.classifier.classify(made)[0]) for name, made in images.items()}


def area_of(z: Tensor, mean: Tensor, std: Tensor, area: str) -> Area:
    """The rectangle that a latent matrix covers, and how many of the encoded images `z` (n, 2) lie in it."""
    low, high = (-torch.ones(2), torch.ones(2)) if area == UNIT else (mean - 2 * std, mean + 2 * std)
    share = ((z >= low) & (z <= high)).all(1).double().mean().item()
    (x_min, y_min), (x_max, y_max) = low.tolist(), high.tolist()
    return Area(x_min, x_max, y_min, y_max, share)
