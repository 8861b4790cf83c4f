"""The data sets that are known by name, one entry each: what is known before anything is read. Needs no torch."""

import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gengallery.data.spec import ImageSpec
from gengallery.text import Text

if TYPE_CHECKING:
    from gengallery.data.datasets import Dataset

TRAIN, VALIDATION, TEST, TRAINVAL = "train", "validation", "test", "trainval"
HALVES = (TRAIN, TEST)


@dataclass(frozen=True)
class Torchvision:
    """How torchvision reads or downloads a data set.

    Arguments:
        name: of its class in `torchvision.datasets`.
        files: what the files of "train" and "test" are called: in IDX, those of the images and of the labels.
        options: the arguments, beside `root` and `download`, that open "train" and "test".
        idx: whether the files are in the IDX format. They are read without torchvision then, from any of `folders`.
        folders: those of a root in which the files may lie; the first is torchvision's.
        transposed: whether rows and columns of its images are exchanged.
        first_label: the number of the first class.
    """

    name: str
    files: Mapping[str, tuple[str, ...]]
    options: Mapping[str, Mapping[str, Any]] = field(
        default_factory=lambda: {TRAIN: {"train": True}, TEST: {"train": False}}
    )
    idx: bool = False
    folders: tuple[str, ...] = (".",)
    transposed: bool = False
    first_label: int = 0


@dataclass(frozen=True, eq=False)
class Source:
    """A data set that is known by name.

    Arguments:
        name: what it is called in code: lower case, with hyphens.
        title: what it is called in text.
        classes: names of the classes, in the order of their numbers, which may be `Text` with translations; none if it
            has no classes.
        channels: of its images: 1 (grey) or 3 (colour).
        size: its images' height and width in pixels.
        read: `read(split, root, download)` gives the images of one of `splits` from the folder `root`, where it may
            download them if `download` is true, as an array (N, H, W), (N, C, H, W) or (N, H, W, C) of uint8, and the
            numbers of their classes (N), or None; or how torchvision reads it.
        splits: those that it comes with: "train" and maybe "validation" and "test". What it lacks is cut from "train".
        light_on_dark: as in `ImageSpec`.
        mean: of the training pixels at its own size and channels, and `std`, their standard deviation; None where
            they are to be computed.
        checksums: `Split.checksum()` of its splits at its own size and channels, where they are known.
        licence: the name of its licence.
        source: who made it, when, what they called it, and its address.

    Example:
        >>> import numpy as np
        >>> def read(split, root, download):
        ...     return np.arange(200, dtype=np.uint8).repeat(32 * 32).reshape(200, 32, 32), np.arange(200) % 2
        >>> greys = Source("greys", "Greys", ("even", "odd"), channels=1, size=32, read=read, splits=("train",))
        >>> register_dataset(greys)
        >>> from gengallery.data import dataset
        >>> len(dataset("greys", size=32).split("test"))
        20
    """

    name: str
    title: str
    classes: tuple[str, ...]
    channels: int
    size: int
    read: Callable[[str, Path, bool], tuple[Any, Any]] | Torchvision
    splits: tuple[str, ...] = HALVES
    light_on_dark: bool = False
    mean: float | None = None
    std: float | None = None
    checksums: Mapping[str, str] = field(default_factory=dict)
    licence: str = ""
    source: str = ""

    def __post_init__(self) -> None:
        if TRAIN not in self.splits or not set(self.splits) <= {TRAIN, VALIDATION, TEST}:
            raise ValueError(
                f"splits of {self.name!r}: expected {TRAIN!r} and maybe {VALIDATION!r} and {TEST!r}, "
                f"found {self.splits!r}"
            )
        self.spec(self.mean or 0.0, self.std or 1.0)  # which checks the rest

    @property
    def translations(self) -> dict[str, tuple[str, ...]]:
        """The names of the classes by language, for the languages that any of them has."""
        texts = [name if isinstance(name, Text) else Text(name) for name in self.classes]
        languages = sorted({language for text in texts for language in text.translations})
        return {language: tuple(text.translated(language) for text in texts) for language in languages}

    def spec(self, mean: float, std: float) -> ImageSpec:
        """What its images are at its own size and channels, with `mean` and `std` of their pixels."""
        size = self.size
        return ImageSpec(self.channels, size, size, self.classes, mean, std, self.name, self.light_on_dark)


def _idx(name: str, *folders: str, stems: tuple[str, str] = ("train", "t10k"), **values: Any) -> Torchvision:
    labels = values.pop("labels", "labels-idx1-ubyte")
    files = {half: (f"{stem}-images-idx3-ubyte", f"{stem}-{labels}") for half, stem in zip(HALVES, stems, strict=True)}
    return Torchvision(name, files, idx=True, folders=(f"{name}/raw", *folders, "raw", "."), **values)


FASHION_MNIST = Source(
    name="fashion-mnist",
    title="Fashion-MNIST",
    classes=(
        Text("T-shirt/top", pt="Camiseta"),
        Text("Trouser", pt="Calça"),
        Text("Pullover", pt="Pulôver"),
        Text("Dress", pt="Vestido"),
        Text("Coat", pt="Casaco"),
        Text("Sandal", pt="Sandália"),
        Text("Shirt", pt="Camisa"),
        Text("Sneaker", pt="Tênis"),
        Text("Bag", pt="Bolsa"),
        Text("Ankle boot", pt="Bota"),
    ),
    channels=1,
    size=28,
    read=_idx("FashionMNIST", "fashion", "data/fashion", "fashion-mnist"),
    light_on_dark=True,
    mean=0.2860,
    std=0.3530,
    checksums={
        TRAIN: "1f243a60b4b748a44c48b9a6f6907be2a08bee3e4e226f0e86fbde8e147b745a",
        TEST: "9a494dc49efeb996f4076c469b31cd058152067b1594ba6ab85dd739fce3775e",
    },
    licence="MIT",
    source="Xiao, Rasul and Vollgraf (2017), Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning "
    "Algorithms, https://arxiv.org/abs/1708.07747",
)
DEFAULT = FASHION_MNIST.name  # the gallery's own data set
SIZE = FASHION_MNIST.size  # to which images are brought unless another is asked for

DIGITS = tuple(string.digits)
MNIST = Source(
    name="mnist",
    title="MNIST",
    classes=DIGITS,
    channels=1,
    size=SIZE,
    read=_idx("MNIST", "mnist", "data/mnist"),
    light_on_dark=True,
    checksums={TEST: "a0863a96c44e5666edbb30c4071ee79ca0514c621e6349c5967fc78e7305c891"},
    licence="CC BY-SA 3.0",
    source="LeCun, Bottou, Bengio and Haffner (1998), Gradient-Based Learning Applied to Document Recognition, "
    "http://yann.lecun.com/exdb/mnist/",
)
KMNIST = Source(
    name="kmnist",
    title="Kuzushiji-MNIST",
    classes=("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
    channels=1,
    size=SIZE,
    read=_idx("KMNIST", "kmnist", "data/kmnist"),
    light_on_dark=True,
    licence="CC BY-SA 4.0",
    source="Clanuwat, Bober-Irizar, Kitamoto, Lamb, Yamamoto and Ha (2018), Deep Learning for Classical Japanese "
    "Literature, https://arxiv.org/abs/1812.01718",
)
QMNIST = Source(
    name="qmnist",
    title="QMNIST",
    classes=DIGITS,
    channels=1,
    size=SIZE,
    read=_idx("QMNIST", "qmnist", stems=("qmnist-train", "qmnist-test"), labels="labels-idx2-int"),
    light_on_dark=True,
    licence="BSD 3-Clause",
    source="Yadav and Bottou (2019), Cold Case: The Lost MNIST Digits, https://arxiv.org/abs/1905.10498",
)


def _emnist(split: str, classes: tuple[str, ...], first_label: int = 0) -> Source:
    options = {TRAIN: {"split": split, "train": True}, TEST: {"split": split, "train": False}}
    stems = (f"emnist-{split}-train", f"emnist-{split}-test")
    return Source(
        name=f"emnist-{split}",
        title=f"EMNIST {split}",
        classes=classes,
        channels=1,
        size=SIZE,
        read=_idx("EMNIST", "emnist", stems=stems, options=options, transposed=True, first_label=first_label),
        light_on_dark=True,
        licence="not stated; drawn from NIST Special Database 19",
        source="Cohen, Afshar, Tapson and van Schaik (2017), EMNIST: an extension of MNIST to handwritten letters, "
        "https://arxiv.org/abs/1702.05373",
    )


LETTERS = tuple(string.ascii_lowercase)
CHARACTERS = tuple(string.digits + string.ascii_uppercase + string.ascii_lowercase)
MERGED = tuple(one for one in CHARACTERS if one not in "cijklmopsuvwxyz")  # these are one class with their capitals
USPS = Source(
    name="usps",
    title="USPS",
    classes=DIGITS,
    channels=1,
    size=16,
    read=Torchvision("USPS", {TRAIN: ("usps.bz2",), TEST: ("usps.t.bz2",)}),
    light_on_dark=True,
    licence="not stated",
    source="Hull (1994), A database for handwritten text recognition research, https://doi.org/10.1109/34.291440",
)
CIFAR10 = Source(
    name="cifar10",
    title="CIFAR-10",
    classes=(
        Text("airplane", pt="avião"),
        Text("automobile", pt="automóvel"),
        Text("bird", pt="pássaro"),
        Text("cat", pt="gato"),
        Text("deer", pt="cervo"),
        Text("dog", pt="cachorro"),
        Text("frog", pt="sapo"),
        Text("horse", pt="cavalo"),
        Text("ship", pt="navio"),
        Text("truck", pt="caminhão"),
    ),
    channels=3,
    size=32,
    read=Torchvision("CIFAR10", dict.fromkeys(HALVES, ("cifar-10-batches-py",))),
    licence="not stated",
    source="Krizhevsky (2009), Learning Multiple Layers of Features from Tiny Images, "
    "https://www.cs.toronto.edu/~kriz/cifar.html",
)
SVHN = Source(
    name="svhn",
    title="SVHN",
    classes=DIGITS,
    channels=3,
    size=32,
    read=Torchvision(
        "SVHN",
        {half: (f"{half}_32x32.mat",) for half in HALVES},
        options={half: {"split": half} for half in HALVES},
    ),
    licence="for non-commercial use",
    source="Netzer, Wang, Coates, Bissacco, Wu and Ng (2011), Reading Digits in Natural Images with Unsupervised "
    "Feature Learning, http://ufldl.stanford.edu/housenumbers/",
)

_registered: "dict[str, Source | Dataset]" = {
    source.name: source
    for source in (
        FASHION_MNIST,
        MNIST,
        KMNIST,
        QMNIST,
        _emnist("byclass", CHARACTERS),
        _emnist("bymerge", MERGED),
        _emnist("balanced", MERGED),
        _emnist("letters", LETTERS, first_label=1),
        _emnist("digits", DIGITS),
        _emnist("mnist", DIGITS),
        USPS,
        CIFAR10,
        SVHN,
    )
}


def register_dataset(dataset: "Source | Dataset") -> None:
    """Make `dataset` known by its name, in place of any that had this name, until Python ends."""
    if not dataset.name:
        raise ValueError("register_dataset: expected a data set with a name, found one without")
    _registered[dataset.name] = dataset


def dataset_names() -> tuple[str, ...]:
    """The names of the data sets that `dataset` knows, the gallery's own first."""
    return tuple(sorted(_registered, key=lambda name: name != DEFAULT))


def registered(name: str) -> "Source | Dataset | None":
    """What `register_dataset` was given for `name`, or the entry of this file; None for an unknown name."""
    return _registered.get(name)


def known_by(checksums: Mapping[str, str]) -> Source | None:
    """The source that knows each of these checksums, by split, as its own."""
    for source in _registered.values():
        if isinstance(source, Source) and checksums.items() <= dict(source.checksums).items():
            return source
    return None


@lru_cache(maxsize=1)
def default_spec() -> ImageSpec:
    """What the images of the gallery's own data set are. Reads nothing and needs no torch.

    Example:
        >>> default_spec().dataset == DEFAULT, default_spec().channels
        (True, 1)
    """
    mean, std = FASHION_MNIST.mean, FASHION_MNIST.std
    assert mean is not None and std is not None  # of the entry above, not of a user's
    return FASHION_MNIST.spec(mean, std)


def class_names(image: ImageSpec, language: str = "en") -> tuple[str, ...]:
    """The names of the classes of `image` in a language, or as they stand there where they have no translation.

    Example:
        >>> class_names(default_spec(), "pt")[1]
        'Calça'
    """
    known = _registered.get(image.dataset)
    if known is None or tuple(map(str, known.classes)) != image.classes:
        return image.classes
    return known.translations.get(language, image.classes)
