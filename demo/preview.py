"""The picture that stands beside a link to the page."""

import numpy as np
from PIL import Image

from gengallery.data import enlarge, sheet, to_uint8

from .shared import static
from .shared.files import FOLDER
from .shared.models import best_maker, load

WIDTH, HEIGHT = 1200, 630  # what most sites show
SCALE, GAP = 4, 1


def address() -> str:
    """Where it lies, from the page's own address; drawn when first asked for."""
    path = FOLDER / "preview.png"
    if not path.exists():
        Image.fromarray(draw()).save(path)
    return static.address(path)


def draw() -> np.ndarray:
    """Images by the best of the models, side by side until the picture is full: (HEIGHT, WIDTH) uint8, or (..., 3)."""
    model = load(best_maker())
    height, width = to_uint8(model.generate(1)).shape[1:3]
    columns, rows = (-(-size // (SCALE * (side + GAP))) for size, side in ((WIDTH, width), (HEIGHT, height)))
    return enlarge(sheet(model.generate(columns * rows), columns, gap=GAP), SCALE)[:HEIGHT, :WIDTH]
