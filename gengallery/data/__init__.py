"""Data sets: what their images are, where they come from, and how pictures are brought to one convention.

Importing this package imports neither torch nor numpy; what needs them is imported when it is asked for.

Example:
    >>> from gengallery.data import default_spec, dataset_names
    >>> default_spec().dataset in dataset_names()
    True
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gengallery.data.datasets import Dataset, dataset
    from gengallery.data.images import as_images, as_labels, to_pil, to_uint8
    from gengallery.data.locations import VARIABLE, DataMissing, cache, default_root
    from gengallery.data.sheets import enlarge, sheet
    from gengallery.data.sources import (
        DEFAULT,
        SIZE,
        TEST,
        TRAIN,
        TRAINVAL,
        VALIDATION,
        Source,
        class_names,
        dataset_names,
        default_spec,
        register_dataset,
    )
    from gengallery.data.spec import ImageSpec
    from gengallery.data.splits import BATCH, Split, as_floats

__all__ = [
    "BATCH",
    "DEFAULT",
    "SIZE",
    "TEST",
    "TRAIN",
    "TRAINVAL",
    "VALIDATION",
    "VARIABLE",
    "DataMissing",
    "Dataset",
    "ImageSpec",
    "Source",
    "Split",
    "as_floats",
    "as_images",
    "as_labels",
    "cache",
    "class_names",
    "dataset",
    "dataset_names",
    "default_root",
    "default_spec",
    "enlarge",
    "register_dataset",
    "sheet",
    "to_pil",
    "to_uint8",
]

# No module of this package may have the name of anything above: importing it would put the module in its place.
_NAMES = {
    "datasets": ("Dataset", "dataset"),
    "images": ("as_images", "as_labels", "to_pil", "to_uint8"),
    "locations": ("VARIABLE", "DataMissing", "cache", "default_root"),
    "sheets": ("enlarge", "sheet"),
    "sources": (
        "DEFAULT",
        "SIZE",
        "TEST",
        "TRAIN",
        "TRAINVAL",
        "VALIDATION",
        "Source",
        "class_names",
        "dataset_names",
        "default_spec",
        "register_dataset",
    ),
    "spec": ("ImageSpec",),
    "splits": ("BATCH", "Split", "as_floats"),
}
_MODULES = {name: module for module, names in _NAMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
