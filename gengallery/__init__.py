"""A gallery of generative models of Fashion-MNIST: GANs, autoencoders and variational autoencoders
behind the same four calls."""

from gengallery.checkpoint import CheckpointError
from gengallery.gallery import info, list_models, load
from gengallery.history import list_histories, load_history

__all__ = ["CheckpointError", "info", "list_histories", "list_models", "load", "load_history", "verify"]
__version__ = "0.1.0"


def verify(name: str) -> None:
    """Make sure that the model `name` is what its file says: see `gengallery.evaluate.verify`."""
    from gengallery import evaluate  # here, since it imports torch

    evaluate.verify(name)
