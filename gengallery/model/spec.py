"""What describes a model: the config that rebuilds it, the recipe that trains it, and the card that tells of it."""

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Self

from torch import Tensor

from gengallery.data import DEFAULT, ImageSpec, default_spec
from gengallery.storage.checkpoint import as_json
from gengallery.text import Text

if TYPE_CHECKING:
    from gengallery.model.network import Network


@dataclass(frozen=True)
class Paper:
    """Where a method comes from."""

    authors: str
    title: str
    year: int
    url: str


@dataclass(frozen=True)
class Options:
    """The keywords that a model's calls take, and their values where a call leaves them out."""

    label: bool = False  # whether a class can be given
    guidance: float | None = None  # how strictly to follow the class, 1 as learned; None: not an option
    steps: int | None = None  # of `generate`, `decode` and `stream`; None: not an option

    @property
    def names(self) -> tuple[str, ...]:
        """The keywords that the calls take."""
        return tuple(name for name, value in asdict(self).items() if value is not None and value is not False)


@dataclass(frozen=True)
class Condition:
    """What a model's networks are conditioned on, for n images or latents at once; each family uses what it has."""

    labels: Tensor  # (n), classes from 0 up, or the number of classes for none
    guidance: float = 1.0
    steps: int = 1

    def split(self, size: int) -> "list[Condition]":
        """The same for `size` images at a time."""
        return [Condition(labels, self.guidance, self.steps) for labels in self.labels.split(size)]


@dataclass(frozen=True)
class Config(ABC):
    """What rebuilds a model: the images it is for, and numbers, strings, booleans and tuples of them, nothing else.

    `image` says what images the model takes and makes; the gallery's own unless given.
    """

    image: ImageSpec = field(default_factory=default_spec, kw_only=True)

    @property
    @abstractmethod
    def latent(self) -> int:
        """How many numbers a latent has."""

    @property
    def options(self) -> Options:
        """The keywords that the model's calls take."""
        return Options()

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Self:
        """The config that `asdict` and JSON made `fields` from. Raises TypeError or ValueError for anything else."""
        values: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in fields.items()}
        if "image" in values:
            values["image"] = ImageSpec.from_json(values["image"])
        return cls(**values)


@dataclass(frozen=True)
class Recipe:
    """How a model is trained. A family that needs more settings extends this."""

    epochs: int
    batch: int = 128
    lr: float = 1e-3  # Adam's learning rate, at its peak
    betas: tuple[float, float] = (0.9, 0.999)  # Adam's
    warmup: float = 0.0  # share of the steps in which the learning rate rises from 0
    cosine: bool = True  # then it falls to 0 along a half cosine, or else stays
    ema_decay: float = 0.0  # a step, of the moving average of the weights; 0: no average
    bfloat16: bool = False  # products and convolutions in half precision: twice as fast where the processor has it


@dataclass(frozen=True)
class Card:
    """One model to train: its name, what it is, and how it is trained.

    `summary` and `notes` may be plain strings, or `Text` with translations for the demo.
    """

    name: str
    model: "type[Network]"
    config: Config
    recipe: Recipe
    summary: str  # one sentence
    equations: tuple[str, ...] = ()  # that the code implements, in plain text, where they are not its family's
    reported: dict[str, float] = field(default_factory=dict)  # the report's own losses, by our names
    report: str = ""  # the report's own name of this experiment; a failure and the model that mends it share it
    notes: str = ""  # where it deviates from its source, and why
    exhibit: bool = False  # kept to show a failure
    seed: int = 0  # of its training
    paper: Paper | None = None  # where it is another than the family's
    start: str = ""  # the model whose weights training starts from, those of the same name and shape
    float16: bool = False  # its parameters are rounded to half precision: half the size, and no figure that notices
    dataset: str = DEFAULT  # that it is trained on

    @property
    def family(self) -> str:
        """The name of its family."""
        return self.model.family

    def describe(self) -> dict[str, Any]:
        """The card as JSON, as it stands in the file of weights."""
        texts = {"summary": self.summary, "notes": self.notes}
        languages = {language for text in texts.values() if isinstance(text, Text) for language in text.translations}
        return {
            **texts,
            "translations": {
                language: {
                    key: text.translations[language]
                    for key, text in texts.items()
                    if isinstance(text, Text) and language in text.translations
                }
                for language in sorted(languages)
            },
            **as_json(
                {
                    "exhibit": self.exhibit,
                    "reported": self.reported,
                    "report": self.report,
                    "paper": asdict(self.paper or self.model.paper),
                    "equations": self.equations or self.model.equations,
                    "options": self.config.options.names,
                    "recipe": asdict(self.recipe),
                    "start": self.start,
                    "float16": self.float16,
                    "dataset": self.dataset,
                }
            ),
        }
