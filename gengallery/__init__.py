"""A gallery of generative models of Fashion-MNIST: GANs, autoencoders and variational autoencoders
behind the same four calls."""

from gengallery.checkpoint import CheckpointError
from gengallery.gallery import info, list_models, load

__all__ = ["CheckpointError", "info", "list_models", "load"]
__version__ = "0.1.0"
