"""A gallery of generative models of small images: GANs, autoencoders, variational autoencoders and flows behind the
same calls.

Importing this package imports neither torch nor numpy; what needs them is imported when it is asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from gengallery.gallery import Gallery, info, list_histories, list_models, load, load_history
from gengallery.storage.checkpoint import CheckpointError

if TYPE_CHECKING:
    from gengallery.data import Dataset, ImageSpec, as_images, dataset, dataset_names, default_spec, register_dataset
    from gengallery.evaluation.scorecard import VerificationError
    from gengallery.families import Family, register
    from gengallery.model.model import Model
    from gengallery.wrapped import wrap

__all__ = [
    "CheckpointError",
    "Dataset",
    "Family",
    "Gallery",
    "ImageSpec",
    "Model",
    "VerificationError",
    "as_images",
    "dataset",
    "dataset_names",
    "default_spec",
    "info",
    "list_histories",
    "list_models",
    "load",
    "load_history",
    "register",
    "register_dataset",
    "verify",
    "wrap",
]
__version__ = "0.2.0"

_LATER = {
    "Dataset": "gengallery.data",
    "Family": "gengallery.families",
    "ImageSpec": "gengallery.data",
    "Model": "gengallery.model.model",
    "VerificationError": "gengallery.evaluation.scorecard",
    "as_images": "gengallery.data",
    "dataset": "gengallery.data",
    "dataset_names": "gengallery.data",
    "default_spec": "gengallery.data",
    "register": "gengallery.families",
    "register_dataset": "gengallery.data",
    "wrap": "gengallery.wrapped",
}


def __getattr__(name: str) -> Any:
    if name in _LATER:
        return getattr(import_module(_LATER[name]), name)
    raise AttributeError(f"module 'gengallery' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def verify(name: str) -> None:
    """Make sure that the model `name` is what its file says: see `gengallery.evaluation.scorecard.verify`."""
    from gengallery.evaluation import scorecard  # here, since it imports torch

    scorecard.verify(name)
