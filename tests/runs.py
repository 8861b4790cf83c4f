"""What the tests of training share: runs on the stand-in for the data."""

from dataclasses import replace
from functools import partial

import torch
from conftest import TRAIN_SIZE

from gengallery import data
from gengallery.families import cards
from gengallery.model.network import tensors_of
from gengallery.training.run import Run, mean_losses

# One of each family: a plain one with warm-up and cosine; two optimizers, an average of weights and a penalty;
# convolutions laid out as channels_last.
KINDS = ("ae_16", "gan_dim_8", "vae_64_relu")
BATCH = 128
STEPS = TRAIN_SIZE // BATCH  # an epoch
TRAINING_IMAGES = 60_000  # whose training is counted


def run_of(name: str, train: data.Split, epochs: int = 2, seed: int = 0, **recipe) -> Run:
    card = cards()[name]
    return Run(replace(card, recipe=replace(card.recipe, **recipe)), train, seed=seed, epochs=epochs)


def complete(run: Run) -> list:
    steps = []
    while not run.done:
        steps += run.epoch()
    return steps


def losses_of(run: Run, split: data.Split) -> dict[str, float]:
    return mean_losses(partial(run.learner.losses, run.model), split)


def same(one: torch.nn.Module, other: torch.nn.Module) -> bool:
    a, b = tensors_of(one), tensors_of(other)
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)
