"""What the images of a data set, and of every model trained on it, are: shape, classes, normalisation."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

SMALLEST, LARGEST, STEP = 16, 64, 4  # of a side, in pixels: networks halve it twice
MOST_CLASSES = 1000


@dataclass(frozen=True)
class ImageSpec:
    """The images that a model takes and gives.

    A batch of them is a tensor (N, channels, height, width), float32, every value in [0, 1].

    Arguments:
        channels: 1 for grey, 3 for red, green and blue.
        height: of an image in pixels, a multiple of 4 from 16 to 64.
        width: as `height`.
        classes: the names of the classes, in the order of their numbers; none if the data has no classes.
        mean: of all pixels of the training split, in [0, 1].
        std: the standard deviation of these pixels.
        dataset: the data set's name.
        light_on_dark: whether things are light on a dark ground, so that a picture of the opposite kind is inverted
            when it is brought to this convention.

    Raises ValueError, which names the field, for anything else.

    Example:
        >>> image = ImageSpec(3, 32, 32, ("cat", "dog"))
        >>> image.shape, image.pixels, image.no_class
        ((3, 32, 32), 3072, 2)
        >>> ImageSpec.from_json({"channels": 3, "height": 32, "width": 32, "classes": ["cat", "dog"]}) == image
        True
    """

    channels: int
    height: int
    width: int
    classes: tuple[str, ...] = ()
    mean: float = 0.0
    std: float = 1.0
    dataset: str = ""
    light_on_dark: bool = False

    def __post_init__(self) -> None:
        if not _is_whole(self.channels) or self.channels not in (1, 3):
            raise ValueError(f"channels: expected 1 (grey) or 3 (colour), found {self.channels!r}")
        for name in ("height", "width"):
            side = getattr(self, name)
            if not _is_whole(side) or side % STEP or not SMALLEST <= side <= LARGEST:
                raise ValueError(f"{name}: expected a multiple of {STEP} from {SMALLEST} to {LARGEST}, found {side!r}")
        if isinstance(self.classes, str) or not all(isinstance(name, str) for name in self.classes):
            raise ValueError(f"classes: expected a sequence of names, found {self.classes!r}")
        object.__setattr__(self, "classes", tuple(map(str, self.classes)))
        if not all(name.strip() for name in self.classes) or len(set(self.classes)) < len(self.classes):
            raise ValueError(f"classes: expected names that differ, none of them empty, found {self.classes!r}")
        if len(self.classes) > MOST_CLASSES:
            raise ValueError(f"classes: expected at most {MOST_CLASSES}, found {len(self.classes)}")
        for name in ("mean", "std"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
                raise ValueError(f"{name}: expected a finite number, found {value!r}")
            object.__setattr__(self, name, float(value))
        if self.std <= 0:
            raise ValueError(f"std: expected a number above 0, found {self.std!r}")
        if not isinstance(self.dataset, str):
            raise ValueError(f"dataset: expected a name, found {self.dataset!r}")
        if not isinstance(self.light_on_dark, bool):
            raise ValueError(f"light_on_dark: expected true or false, found {self.light_on_dark!r}")

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of one image: (channels, height, width)."""
        return self.channels, self.height, self.width

    @property
    def pixels(self) -> int:
        """How many numbers one image has."""
        return self.channels * self.height * self.width

    @property
    def no_class(self) -> int:
        """The label of an image whose class is not given; the label of every image where there are no classes."""
        return len(self.classes)

    @property
    def half(self) -> tuple[int, int]:
        """Half the height and half the width."""
        return self.height // 2, self.width // 2

    @property
    def quarter(self) -> tuple[int, int]:
        """A quarter of the height and of the width."""
        return self.height // 4, self.width // 4

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "ImageSpec":
        """The spec whose `dataclasses.asdict`, read from JSON, is `values`. Raises ValueError for anything else."""
        if not isinstance(values, Mapping):
            raise ValueError(f"image: expected an object, found {type(values).__name__}")
        known = {field.name for field in fields(cls)}
        if unknown := sorted(set(values) - known):
            raise ValueError(f"image: expected no more than {', '.join(sorted(known))}; found {', '.join(unknown)}")
        if missing := [name for name in ("channels", "height", "width") if name not in values]:
            raise ValueError(f"image: expected {', '.join(missing)}, which is missing")
        if not isinstance(values.get("classes", ()), (list, tuple)):
            raise ValueError(f"classes: expected a list of names, found {values['classes']!r}")
        return cls(**values)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
