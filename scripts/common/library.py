"""What several scripts ask of the library: the cards of its models, and the data that they are measured on."""

from typing import TYPE_CHECKING, Any

import gengallery
from gengallery.cli.common import data_for
from gengallery.gallery import default

if TYPE_CHECKING:
    from gengallery.data import Dataset


def gallery_cards() -> dict[str, dict[str, Any]]:
    """What `gengallery.info` knows of each of the gallery's models, by name."""
    return {name: gengallery.info(name) for name in gengallery.list_models()}


def gallery_data(given: str | None) -> "Dataset":
    """The data set that was `given`, by its name or path, else the gallery's own, brought to the gallery's images."""
    return data_for(default().image, given)
