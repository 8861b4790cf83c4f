"""The old place of `gengallery.data`, for one version."""

import warnings
from typing import Any


def __getattr__(name: str) -> Any:
    from gengallery import data

    if name == "CLASS_NAMES":
        found: Any = data.default_spec().classes
    elif name in data.__all__:
        found = getattr(data, name)
    else:
        raise AttributeError(f"module 'gengallery.images' has no attribute {name!r}")
    warnings.warn(f"gengallery.images.{name}: use gengallery.data", DeprecationWarning, stacklevel=2)
    return found
