"""The report's figures as PNG files: in grey, each pixel of an image a whole square of pixels."""

import io
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

import gengallery
from gengallery.data import Split, as_floats, enlarge, sheet
from gengallery.model.latents import latent_grid
from gengallery.storage.files import write_atomically
from reporting.contents import AUTOENCODERS, FIGURES, GENERATED, MATRIX, NOISE, Figure
from reporting.experiments import Experiment
from reporting.measure import SEED, Area, noise_around_mean

FOLDER = "report"  # beside the pages
ROW = 10  # images side by side
SIDE = 20  # images along each side of a latent matrix
WIDTH = 1200  # pixels that a picture has at least


def draw(figure: Figure, found: dict[str, Experiment], splits: dict[str, Split], areas: dict[str, Area]) -> np.ndarray:
    """The grey levels (H, W) of a figure, one pixel for each of its images'.

    `splits` holds the images that are reconstructed, `areas` what latent matrices cover, by the figure's number.
    """
    if figure.kind == GENERATED:
        return sheet(_one_of_each([found[report] for report in figure.of]), len(figure.of))
    (report,) = figure.of
    model = gengallery.load(found[report].model)
    if figure.kind == MATRIX:
        return sheet(model.decode(latent_grid(*areas[str(figure.number)].bounds, SIDE)), SIDE, gap=0)
    models = [model] + ([gengallery.load(found[report].exhibit)] if found[report].exhibit else [])
    if figure.kind == NOISE:
        rows = [each.generate(ROW, SEED) for each in models]
        if report in AUTOENCODERS:
            rows.insert(0, model.decode(noise_around_mean(model, ROW, SEED)))
        return sheet(torch.cat(rows), ROW)
    originals = as_floats(splits[figure.split].images[:ROW])
    return sheet(torch.cat([originals, *(each.reconstruct(originals) for each in models)]), ROW)


def _one_of_each(of: list[Experiment]) -> Tensor:
    """The first image of each model, and in a second row, under their models, those of the exhibits."""
    first = torch.cat([gengallery.load(experiment.model).generate(1, SEED) for experiment in of])
    second = torch.ones_like(first)  # white, as the ground of the sheet
    for column, experiment in enumerate(of):
        if experiment.exhibit:
            second[column] = gengallery.load(experiment.exhibit).generate(1, SEED)[0]
    return torch.cat([first, second])


def png(pixels: np.ndarray) -> bytes:
    """Grey levels (H, W) as a PNG file that is at least WIDTH pixels wide, each level a square of pixels."""
    file = io.BytesIO()
    scale = -(-WIDTH // pixels.shape[1])
    Image.fromarray(enlarge(pixels, scale)).save(file, "PNG", optimize=True)
    return file.getvalue()


def draw_all(folder: Path, found: dict[str, Experiment], splits: dict[str, Split], areas: dict[str, Area]) -> None:
    """Write the picture of every figure into `folder`."""
    for figure in FIGURES:
        write_atomically(folder / figure.file, png(draw(figure, found, splits, areas)))
