"""What a data set is: its spec, its splits, named sets with their checksums and downloads, and where they lie.

One file, since splits, named sets and their places share the made-up data.
"""

import copy
import dataclasses
import doctest
import gzip
import hashlib
import importlib
import json
import os
import pickle
import shutil
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import run_python

from gengallery import data
from gengallery.data import (
    DataMissing,
    Dataset,
    ImageSpec,
    Source,
    Split,
    datasets,
    default_spec,
    downloads,
    locations,
    register_dataset,
    sources,
)
from gengallery.data.splits import checksum, stratified
from gengallery.text import Text

FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
RAW = Path("FashionMNIST", "raw")
SIDE = default_spec().height


@pytest.fixture(autouse=True)
def forget():
    """Data sets stay in memory, which a test of files must not see."""
    opened = (datasets._named, datasets._at, locations._temporary)
    for cached in opened:
        cached.cache_clear()
    yield
    for cached in opened:
        cached.cache_clear()


@pytest.fixture(autouse=True)
def registry(monkeypatch):
    """What a test registers is forgotten after it."""
    monkeypatch.setattr(sources, "_registered", dict(sources._registered))


def arrays(n: int, seed: int = 0, classes: int = 10, side: int = SIDE) -> tuple[np.ndarray, np.ndarray]:
    """`n` pictures of noise, (n, side, side) uint8, and classes (n) uint8."""
    noise = np.random.default_rng(seed).integers(0, 256, (n, side, side), dtype=np.uint8)
    return noise, (np.arange(n) % classes).astype(np.uint8)


def idx(array: np.ndarray) -> bytes:
    return bytes([0, 0, 8, array.ndim]) + b"".join(size.to_bytes(4, "big") for size in array.shape) + array.tobytes()


TRAIN, TEST = arrays(640, seed=0), arrays(200, seed=1)
CONTENT = dict(zip(FILES, map(idx, (*TRAIN, *TEST)), strict=True))


def packed(folder: Path) -> Path:
    """The stand-in's four files, packed, in `folder`."""
    folder.mkdir(parents=True)
    for name, content in CONTENT.items():
        (folder / f"{name}.gz").write_bytes(gzip.compress(content, mtime=0))
    return folder


@pytest.fixture
def root(tmp_path) -> Path:
    """A root with the stand-in, packed."""
    packed(tmp_path / "root" / RAW)
    return tmp_path / "root"


@pytest.fixture
def plain_root(tmp_path) -> Path:
    folder = tmp_path / "plain" / RAW
    folder.mkdir(parents=True)
    for name, content in CONTENT.items():
        (folder / name).write_bytes(content)
    return tmp_path / "plain"


@pytest.fixture(autouse=True)
def stand_in(registry) -> Source:
    """A source of this name that is read as Fashion-MNIST is, and whose data is the stand-in's."""
    own = {
        "train": checksum(TRAIN[0], TRAIN[1].astype(np.int64)),
        "test": checksum(TEST[0], TEST[1].astype(np.int64)),
    }
    source = dataclasses.replace(sources.FASHION_MNIST, name="stand-in", title="The stand-in", checksums=own)
    register_dataset(source)
    return source


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def is_the_stand_in(split: Split, pair: tuple[np.ndarray, np.ndarray]) -> bool:
    return bool(
        torch.equal(split.images, torch.from_numpy(pair[0])[:, None])
        and torch.equal(split.labels, torch.from_numpy(pair[1]).long())
        and split.images.is_contiguous()
        and len(split) == len(pair[0])
    )


def load(split: str, root: Path | str | None, download: bool = False) -> Split:
    return data.dataset("stand-in", root=root, download=download).split(split)


# -- words


def test_a_text_is_its_english_string():
    text = Text("Noise", pt="Ruído", fr="Bruit")
    assert text == "Noise"
    assert {text: 1}["Noise"] == 1
    assert (text.pt, text.translated("fr"), text.translated("de")) == ("Ruído", "Bruit", "Noise")
    assert text.translations == {"pt": "Ruído", "fr": "Bruit"}
    assert Text("Noise").pt == "Noise"
    assert json.dumps([text]) == '["Noise"]'
    assert type(text.translated("de")) is str


@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, *(partial(lambda p, t: pickle.loads(pickle.dumps(t, p)), p) for p in range(6))]
)
def test_a_text_keeps_its_translations(again):
    twin = again(Text("Noise", pt="Ruído"))
    assert (twin, twin.pt, type(twin)) == ("Noise", "Ruído", Text)


def test_a_text_holds_words():
    with pytest.raises(ValueError, match="expected words in 'pt', found int"):
        Text("Noise", pt=3)  # type: ignore[arg-type]


# -- specs


def test_what_a_spec_says_of_its_images():
    image = ImageSpec(3, 32, 20, ("cat", "dog"), 0.25, 0.5, "pets", True)
    assert image.shape == (3, 32, 20)
    assert image.pixels == 1920
    assert image.no_class == 2
    assert image.half == (16, 10)
    assert image.quarter == (8, 5)
    assert ImageSpec(1, 16, 64).no_class == 0


def test_a_spec_survives_json_pickle_and_sets():
    for image in (default_spec(), ImageSpec(3, 32, 32), ImageSpec(1, 16, 64, (Text("cat", pt="gato"),), 0.2, 0.1, "x")):
        assert ImageSpec.from_json(json.loads(json.dumps(dataclasses.asdict(image)))) == image
        assert pickle.loads(pickle.dumps(image)) == image
        assert len({image, copy.deepcopy(image)}) == 1
        assert all(type(name) is str for name in image.classes)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"channels": 2}, r"channels: expected 1 \(grey\) or 3 \(colour\), found 2"),
        ({"channels": True}, "channels: .*found True"),
        ({"height": 30}, "height: expected a multiple of 4 from 16 to 64, found 30"),
        ({"height": 12}, "height: .*found 12"),
        ({"width": 68}, "width: .*found 68"),
        ({"width": 32.0}, "width: .*found 32.0"),
        ({"width": "32"}, "width: .*found '32'"),
        ({"classes": ("a", "a")}, "classes: expected names that differ"),
        ({"classes": ("a", " ")}, "classes: expected names that differ, none of them empty"),
        ({"classes": (1, 2)}, "classes: expected a sequence of names"),
        ({"classes": "ab"}, "classes: expected a sequence of names, found 'ab'"),
        ({"classes": tuple(map(str, range(1001)))}, "classes: expected at most 1000, found 1001"),
        ({"mean": float("nan")}, "mean: expected a finite number, found nan"),
        ({"mean": None}, "mean: expected a finite number, found None"),
        ({"std": float("inf")}, "std: expected a finite number"),
        ({"std": 0}, "std: expected a number above 0"),
        ({"std": -1.0}, "std: expected a number above 0"),
        ({"dataset": None}, "dataset: expected a name"),
        ({"light_on_dark": 1}, "light_on_dark: expected true or false"),
    ],
)
def test_a_spec_is_checked(values, says):
    given = {"channels": 1, "height": 32, "width": 32, **values}
    with pytest.raises(ValueError, match=says):
        ImageSpec(**given)
    with pytest.raises(ValueError):
        ImageSpec.from_json(given)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ([], "image: expected an object, found list"),
        ({"channels": 1, "height": 32}, "image: expected width, which is missing"),
        ({"channels": 1, "height": 32, "width": 32, "depth": 3}, "found depth"),
        ({"channels": 1, "height": 32, "width": 32, "classes": {"a": 1}}, "classes: expected a list of names"),
    ],
)
def test_json_that_is_no_spec_is_refused(values, says):
    with pytest.raises(ValueError, match=says):
        ImageSpec.from_json(values)


# -- what is known before anything is read


def test_the_default_spec_needs_neither_torch_nor_numpy_nor_data():
    code = (
        "import sys\n"
        "from gengallery.data import ImageSpec, dataset_names, default_spec\n"
        "from gengallery.text import Text\n"
        "assert default_spec().dataset == dataset_names()[0] == 'fashion-mnist'\n"
        "assert not {'torch', 'numpy', 'torchvision', 'PIL'} & set(sys.modules), sorted(sys.modules)\n"
    )
    done = run_python("-c", code, GENGALLERY_DATA="/nowhere")
    assert done.returncode == 0, done.stderr


def test_the_package_gives_its_names_whatever_was_imported_before():
    for name in data.__all__:
        assert not isinstance(getattr(data, name), type(data)), name
    assert callable(data.dataset)
    assert set(data.__all__) <= set(dir(data))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = data.nothing


DATA = ("data", *(f"data.{name}" for name in ("spec", "sources", "images", "sheets", "splits", "datasets")))


@pytest.mark.parametrize("module", ["text", *DATA])
def test_examples_in_docstrings_run(module):
    result = doctest.testmod(importlib.import_module(f"gengallery.{module}"))
    assert result.attempted
    assert not result.failed


def test_each_entry_says_who_made_it_and_has_names_for_its_classes():
    assert set(data.dataset_names()) >= {
        "fashion-mnist", "mnist", "kmnist", "qmnist", "usps", "cifar10", "svhn", "emnist-letters", "emnist-balanced",
    }  # fmt: skip
    for name in data.dataset_names():
        source = sources.registered(name)
        assert isinstance(source, Source)
        assert source.name == name
        assert source.title and source.licence
        assert "https://" in source.source or "http://" in source.source
        for names in source.translations.values():
            assert len(names) == len(source.classes)
            assert len(set(names)) == len(names)
    assert [len(sources.registered(f"emnist-{split}").classes) for split in ("byclass", "bymerge", "letters")] == [
        62,
        47,
        26,
    ]


def test_entries_are_what_torchvision_has():
    offered = downloads.torchvision_datasets()
    for name in data.dataset_names():
        way = sources.registered(name).read
        kind = getattr(offered, way.name)
        if name.startswith("emnist"):
            split = way.options["train"]["split"]
            theirs = [one for one in kind.classes_split_dict[split] if one != "N/A"]
            assert list(sources.registered(name).classes) == theirs
        elif name in ("mnist", "qmnist"):
            assert [one.split()[0] for one in kind.classes] == list(sources.registered(name).classes)
        elif hasattr(kind, "classes"):
            assert list(kind.classes) == list(map(str, sources.registered(name).classes))
    assert set(FILES) == {name.removesuffix(".gz") for name, _ in offered.FashionMNIST.resources}


def test_the_names_of_classes_in_portuguese():
    names = data.class_names(default_spec(), "pt")
    assert names[0] == "Camiseta"
    assert len(names) == len(default_spec().classes)
    assert data.class_names(default_spec()) == default_spec().classes
    mine = ImageSpec(1, 32, 32, ("a", "b"), dataset="fashion-mnist")  # of this name, but with classes of its own
    assert data.class_names(mine, "pt") == ("a", "b")
    assert data.dataset("cifar10").translations["pt"][0] == "avião"


# -- splits


def test_a_split_gives_floats_in_order():
    images, labels = arrays(1100)
    split = Split(torch.from_numpy(images)[:, None], torch.from_numpy(labels).long())
    parts = list(split.batches())
    assert [len(part) for part, _ in parts] == [data.BATCH, data.BATCH, 100]
    together = torch.cat([part for part, _ in parts])
    assert together.dtype == torch.float32
    assert torch.equal(together, split.images.float() / 255)
    assert torch.equal(torch.cat([part for _, part in parts]), split.labels)
    assert parts[0][0].is_contiguous(memory_format=torch.channels_last)


def test_the_checksum_sees_images_and_labels():
    images, labels = torch.from_numpy(TEST[0])[:, None], torch.from_numpy(TEST[1]).long()
    one = Split(images, labels)
    assert one.checksum() == Split(images.clone(), labels.clone()).checksum()
    assert one.checksum() == hashlib.sha256(images.numpy().tobytes() + labels.numpy().tobytes()).hexdigest()
    assert Split(images, labels.flip(0)).checksum() != one.checksum()
    assert Split(images ^ 1, labels).checksum() != one.checksum()


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        (torch.zeros(2, 32, 32, dtype=torch.uint8), torch.zeros(2, dtype=torch.int64)),
        (torch.zeros(2, 1, 32, 32), torch.zeros(2, dtype=torch.int64)),
        (torch.zeros(2, 1, 32, 32, dtype=torch.uint8), torch.zeros(3, dtype=torch.int64)),
        (torch.zeros(2, 1, 32, 32, dtype=torch.uint8), torch.zeros(2, dtype=torch.uint8)),
    ],
)
def test_a_split_is_checked(images, labels):
    with pytest.raises(ValueError, match="Split: expected"):
        Split(images, labels)


@pytest.mark.parametrize(("share", "expected"), [(10, [10, 4, 1, 0]), (6, [17, 6, 1, 0])])
def test_as_much_of_each_class_is_set_apart(share, expected):
    labels = np.repeat(np.arange(4), (100, 37, 9, 1))
    chosen = stratified(labels, share)
    assert [int(chosen[labels == number].sum()) for number in range(4)] == expected
    assert chosen.sum() == round(len(labels) / share)
    assert (stratified(labels, share) == chosen).all()
    assert stratified(np.zeros(0, np.int64), share).shape == (0,)


def test_small_classes_still_give_their_share_in_all():
    labels = np.repeat(np.arange(40), 2)
    chosen = stratified(labels, 10)
    assert chosen.sum() == 8
    assert np.bincount(labels[~chosen]).min() == 1  # every class keeps an image


def test_the_choice_never_changes():
    # Files of weights stand on it.
    assert np.flatnonzero(stratified(np.arange(100) % 2, 10)).tolist() == [4, 5, 20, 22, 27, 33, 47, 56, 61, 82]
    assert np.flatnonzero(stratified(np.arange(60) % 2, 6)).tolist() == [4, 11, 13, 20, 26, 27, 33, 41, 52, 56]


def parts(dataset: Dataset) -> dict[str, np.ndarray]:
    return {name: dataset.split(name).images.numpy() for name in ("train", "validation", "test", "trainval")}


def test_what_the_source_lacks_is_cut_from_train():
    images, labels = arrays(300, classes=3, side=32)
    whole = Dataset.from_arrays("x", {"train": (images, labels)}, size=32)
    cut = parts(whole)
    assert [len(cut[name]) for name in ("train", "validation", "test", "trainval")] == [225, 45, 30, 270]
    together = np.concatenate([cut["train"], cut["validation"], cut["test"]])[:, 0]
    assert sorted(map(bytes, together)) == sorted(map(bytes, images))
    order = {bytes(image): number for number, image in enumerate(images)}
    numbers = [order[bytes(image)] for image in cut["trainval"][:, 0]]
    assert numbers == sorted(numbers)  # the source's own order
    assert torch.bincount(whole.split("validation").labels).tolist() == [15, 15, 15]
    again = Dataset.from_arrays("x", {"train": (images, labels)}, size=32)
    assert again.split("test").checksum() == whole.split("test").checksum()


def test_own_splits_stay_whole():
    own = {"train": arrays(200, 0, 4, 32), "validation": arrays(40, 1, 4, 32), "test": arrays(30, 2, 4, 32)}
    cut = parts(Dataset.from_arrays("x", own, size=32))
    for name, (images, _) in own.items():
        assert (cut[name][:, 0] == images).all()
    assert (cut["trainval"][:, 0] == np.concatenate([own["train"][0], own["validation"][0]])).all()
    without = {name: own[name] for name in ("train", "test")}
    cut = parts(Dataset.from_arrays("x", without, size=32))
    assert (cut["test"][:, 0] == own["test"][0]).all()
    assert (cut["trainval"][:, 0] == own["train"][0]).all()
    assert len(cut["train"]) == 167


def test_a_test_split_alone_is_cut_too():
    cut = parts(Dataset.from_arrays("x", {"test": arrays(200, 0, 4, 32)}, size=32))
    assert {name: len(images) for name, images in cut.items()} == {
        "train": 150,
        "validation": 30,
        "test": 20,
        "trainval": 180,
    }


def test_splits_are_read_once():
    dataset = Dataset.from_arrays("x", {"train": arrays(100, side=32)}, size=32)
    assert dataset.split("train") is dataset.split("train")
    assert dataset.spec is dataset.spec


@pytest.mark.parametrize("split", ["Train", "val", "", None, 0])
def test_an_unknown_split_is_refused(split):
    with pytest.raises(ValueError, match="split: expected one of 'train', 'validation', 'test', 'trainval', found"):
        data.dataset().split(split)


# -- any size, any channels


@pytest.mark.parametrize("size", [16, 20, 28, 64])
@pytest.mark.parametrize("channels", [None, 1, 3])
@pytest.mark.parametrize("own", [1, 3])
def test_images_are_brought_to_the_size_and_channels_asked_for(size, channels, own):
    images = np.random.default_rng(0).integers(0, 256, (80, 40, 40, own), dtype=np.uint8)
    dataset = Dataset.from_arrays("x", {"train": (images, None)}, size=size, channels=channels)
    assert dataset.spec.shape == (channels or own, size, size)
    assert dataset.spec.classes == ()
    for name in ("train", "validation", "test", "trainval"):
        assert dataset.split(name).images.shape[1:] == dataset.spec.shape
        assert dataset.split(name).images.is_contiguous()
        assert (dataset.split(name).labels == 0).all()
    other = dataset.resized(size=32)
    assert other.spec.shape == (channels or own, 32, 32)


def test_data_is_never_inverted():
    light = np.full((80, 40, 60), 250, np.uint8)
    light[:, 10:30, 20:40] = np.arange(80, dtype=np.uint8)[:, None, None]
    dataset = Dataset.from_arrays("x", {"train": (light, None)}, size=16, light_on_dark=True)
    assert (dataset.split("train").images[:, 0, 0, 0] == 250).all()
    assert dataset.spec.light_on_dark


def test_mean_and_std_are_those_of_the_training_pixels():
    dataset = Dataset.from_arrays("x", {"train": arrays(200, side=32), "test": arrays(50, 1, side=32)}, size=32)
    pixels = dataset.split("train").images.double() / 255
    assert dataset.spec.mean == round(float(pixels.mean()), 4)
    assert dataset.spec.std == round(float(pixels.std(correction=0)), 4)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"size": 30}, "size: expected a multiple of 4 from 16 to 64, found 30"),
        ({"size": 0}, "size: expected a multiple of 4"),
        ({"size": 68}, "size: expected"),
        ({"channels": 2}, "channels: expected 1"),
        ({"channels": 0}, "channels: expected 1"),
    ],
)
def test_sizes_and_channels_are_checked(options, says):
    with pytest.raises(ValueError, match=says):
        data.dataset(**options)


# -- arrays


def test_labels_need_not_begin_at_0():
    images, _ = arrays(120, side=32)
    dataset = Dataset.from_arrays("x", {"train": (images, np.arange(120) % 3 * 10 - 5)}, size=32)
    assert dataset.spec.classes == ("-5", "5", "15")
    assert dataset.split("trainval").labels.max() == 2
    named = Dataset.from_arrays("x", {"train": (images, np.array(["dog", "cat"] * 60))}, size=32)
    assert named.spec.classes == ("cat", "dog")


@pytest.mark.parametrize(
    "values",
    [
        lambda a: a,
        lambda a: a.astype(np.int64),
        lambda a: a.astype(np.float32),
        lambda a: a / 255,
        lambda a: a[:, None],
        lambda a: a[..., None],
        lambda a: a.reshape(len(a), -1),
        lambda a: a.tolist(),
        lambda a: torch.from_numpy(a),
        lambda a: a.astype(">u2"),
    ],
)
def test_forms_of_the_same_arrays(values):
    images, labels = arrays(100, side=32)
    dataset = Dataset.from_arrays("x", {"train": (values(images), labels)}, size=32)
    expected = Dataset.from_arrays("x", {"train": (images, labels)}, size=32)
    assert dataset.split("trainval").checksum() == expected.split("trainval").checksum()


@pytest.mark.parametrize(
    ("images", "labels", "says"),
    [
        (np.zeros((10, 5), np.uint8), None, r"x, train: expected images of shape .*found \(10, 5\)"),
        (np.zeros((10, 32, 32, 2), np.uint8), None, "expected images of shape"),
        (np.zeros((0, 32, 32), np.uint8), None, r"found \(0, 32, 32, 1\)"),
        (np.full((10, 32, 32), 300), None, "expected levels in 0..255 or floats in .*300"),
        (np.full((10, 32, 32), -0.5), None, "found values of float64 from -0.5"),
        (np.full((10, 32, 32), np.nan), None, "found NaN"),
        (np.full((10, 32, 32), "a"), None, "expected images of numbers"),
        (np.zeros((10, 32, 32), np.uint8), np.zeros(9, int), "expected 10 labels, as many as images, found 9"),
        (np.zeros((10, 32, 32), np.uint8), np.zeros((10, 3), int), "found 3 columns"),
        (np.zeros((10, 32, 32), np.uint8), np.full(10, 0.5), "whole numbers or names, found an array of float64"),
        (np.zeros((2000, 16, 16), np.uint8), np.arange(2000), "at most 1000 classes, found 2,000"),
    ],
)
def test_arrays_that_are_no_data_are_refused(images, labels, says):
    with pytest.raises(ValueError, match=says):
        Dataset.from_arrays("x", {"train": (images, labels)}, size=32).split("train")


def test_labels_beside_names_of_classes_are_checked():
    images, labels = arrays(100, classes=3, side=32)
    good = Dataset.from_arrays("x", {"train": (images, labels)}, classes=("a", "b", "c"), size=32)
    assert good.spec.classes == ("a", "b", "c")
    for given, classes, says in (
        (labels, ("a", "b"), "expected labels from 0 to 1, one for each class, found 0 to 2"),
        (None, ("a", "b"), "expected labels of 2 classes, found none"),
        (labels, (), "expected labels from 0 to 0"),
    ):
        with pytest.raises(ValueError, match=says):
            Dataset.from_arrays("x", {"train": (images, given)}, classes=classes, size=32).split("train")


# -- what data must be, before the first step


def test_data_that_a_model_can_be_trained_on_passes():
    Dataset.from_arrays("x", {"train": arrays(100, side=32)}, size=32).check()


@pytest.mark.parametrize(
    ("splits", "classes", "says"),
    [
        ({"train": arrays(60, side=32)}, None, "x: expected at least 64 training images, found 45"),
        (
            {"train": arrays(200, classes=9, side=32)},
            tuple("abcdefghij"),
            "expected training images of every class, found none of j",
        ),
        ({"train": arrays(200, classes=2, side=32)}, tuple("abcdefghij"), "found none of c, d, e and 5 more"),
        (
            {"train": arrays(200, classes=2, side=32), "test": arrays(9, classes=3, side=32)},
            None,
            "expected training images of every class, found none of 2",
        ),
        ({"train": (np.full((200, 32, 32), 7, np.uint8), None)}, None, "one grey level in all training pixels"),
    ],
)
def test_data_that_no_model_can_be_trained_on_is_refused(splits, classes, says):
    with pytest.raises(ValueError, match=says):
        Dataset.from_arrays("x", splits, classes=classes, size=32).check()


# -- open to outsiders


def test_a_source_of_somebody_elses():
    asked = []

    def read(split, root, download):
        asked.append((split, root, download))
        return arrays(100 if split == "train" else 50, side=32)

    classes = tuple(Text(f"class {n}", pt=f"classe {n}") for n in range(10))
    register_dataset(Source("mine", "My own", classes, channels=1, size=32, read=read, licence="CC0", source="me"))
    assert data.dataset_names()[-1] == "mine"
    mine = data.dataset("mine", root="/somewhere", size=32, download=False)
    assert not asked  # nothing is read before it is asked for
    assert (mine.title, mine.licence, mine.source) == ("My own", "CC0", "me")
    assert mine.translations["pt"][3] == "classe 3"
    assert len(mine.split("test")) == 50
    assert asked == [("test", Path("/somewhere"), False)]
    assert mine.spec.dataset == "mine"
    assert data.class_names(mine.spec, "pt")[3] == "classe 3"


def test_a_source_that_fails_is_one_error():
    def read(split, root, download):
        raise KeyError("no such thing")

    register_dataset(Source("broken", "Broken", (), channels=1, size=32, read=read))
    with pytest.raises(DataMissing, match=r"Broken in .*could not be read \('no such thing'\)"):
        data.dataset("broken").split("train")


def test_a_data_set_of_somebody_elses():
    mine = Dataset.from_arrays("arrays", {"train": arrays(100, side=32)}, size=32)
    register_dataset(mine)
    assert data.dataset("arrays") is mine
    assert data.dataset("arrays", size=16).spec.shape == (1, 16, 16)
    assert data.dataset("arrays", channels=3).spec.shape == (3, 32, 32)
    with pytest.raises(ValueError, match="a data set with a name"):
        register_dataset(Dataset.from_arrays("", {"train": arrays(100, side=32)}, size=32))


def test_a_source_is_checked():
    with pytest.raises(ValueError, match="splits of 'x': expected 'train'"):
        Source("x", "X", (), channels=1, size=32, read=lambda *_: (), splits=("test",))
    with pytest.raises(ValueError, match="height: expected"):
        Source("x", "X", (), channels=1, size=30, read=lambda *_: ())


# -- the real thing


@pytest.fixture
def fashion() -> Dataset:
    dataset = data.dataset(download=False)
    try:
        dataset.split("test")
    except DataMissing as missing:
        pytest.skip(str(missing))
    return dataset


def test_the_real_data_set(fashion):
    before = sorted(data.default_root().rglob("*"))
    for split, n, expected in (
        ("trainval", 60_000, "1f243a60b4b748a44c48b9a6f6907be2a08bee3e4e226f0e86fbde8e147b745a"),
        ("train", 50_000, "3394826fee09b8b64de28d637bf3133b9790d22901e02bb7809fd464ef298931"),
        ("validation", 10_000, "b9000113b0d4917adaaf691aa91ee76869418ef6d6c53a1607b7772b4f062f9c"),
        ("test", 10_000, "9a494dc49efeb996f4076c469b31cd058152067b1594ba6ab85dd739fce3775e"),
    ):
        loaded = fashion.split(split)
        assert loaded.images.shape == (n, *default_spec().shape)
        assert torch.bincount(loaded.labels).tolist() == [n // 10] * 10
        assert loaded.checksum() == expected
    pixels = fashion.split("trainval").images.double() / 255
    assert fashion.spec == default_spec()
    assert default_spec().mean == pytest.approx(float(pixels.mean()), abs=5e-5)
    assert default_spec().std == pytest.approx(float(pixels.std()), abs=5e-5)
    fashion.check()
    assert sorted(data.default_root().rglob("*")) == before


def test_pictures_of_the_real_data_set_are_seldom_inverted(fashion):
    # What the docstring of as_images says: two of 70,000.
    inverted = 0
    for split in ("trainval", "test"):
        images = fashion.split(split).images[:, 0]
        border = torch.cat([images[:, 0], images[:, -1], images[:, 1:-1, 0], images[:, 1:-1, -1]], dim=1)
        ordered = border.sort(dim=1).values.float()  # 108 pixels; the median is the mean of the middle two
        inverted += int(((ordered[:, 53] + ordered[:, 54]) / 2 >= 128).sum())
    assert inverted == 2


def test_the_real_data_set_named_by_its_folder(fashion):
    for folder in (data.default_root(), data.default_root() / RAW):
        if (folder / RAW).is_dir() or folder.name == "raw":
            named = data.dataset(folder)
            assert named.name == "fashion-mnist"
            assert named.spec == default_spec()


# -- where it is found


def test_plain_files_are_read_as_they_are(plain_root):
    before = contents(plain_root)
    assert is_the_stand_in(load("trainval", plain_root), TRAIN)
    assert is_the_stand_in(load("test", str(plain_root)), TEST)
    assert contents(plain_root) == before


def test_packed_files_are_read_from_a_folder_that_cannot_be_written(root):
    before = contents(root)
    folders = (root, root / "FashionMNIST", root / RAW)
    for folder in folders:
        folder.chmod(0o555)
    try:
        assert is_the_stand_in(load("trainval", root, download=True), TRAIN)
        assert is_the_stand_in(load("test", root, download=True), TEST)
    finally:
        for folder in folders:
            folder.chmod(0o755)
    assert contents(root) == before  # the superuser may write anywhere; nothing was


def test_a_data_set_is_opened_once(root):
    assert data.dataset("stand-in", root=root) is data.dataset("stand-in", root=str(root))
    assert load("test", root) is load("test", root)


def test_the_default_root_follows_the_environment(monkeypatch, tmp_path, plain_root):
    monkeypatch.setenv(data.VARIABLE, str(plain_root))
    assert data.default_root() == plain_root
    assert len(load("test", None)) == 200
    monkeypatch.setenv(data.VARIABLE, "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert data.default_root() == tmp_path / "gengallery"
    monkeypatch.delenv(data.VARIABLE)
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert data.default_root() == tmp_path / ".cache" / "gengallery"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")  # to be ignored, by its specification
    assert data.default_root() == tmp_path / ".cache" / "gengallery"


def test_a_tilde_is_the_home_folder(monkeypatch, tmp_path, plain_root):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv(data.VARIABLE, "~/plain")
    assert data.default_root() == plain_root
    monkeypatch.setenv("XDG_CACHE_HOME", "~/cache")
    assert data.cache() == tmp_path / "cache" / "gengallery"
    assert len(load("test", "~/plain")) == 200
    assert data.dataset("~/plain").name == "stand-in"
    assert not Path("~").exists()


@pytest.fixture
def homeless(monkeypatch, tmp_path):
    """A container's user: no HOME, and none in the list of users."""
    for name in ("HOME", "XDG_CACHE_HOME", data.VARIABLE):
        monkeypatch.delenv(name, raising=False)

    def no_home():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", no_home)
    monkeypatch.setattr("os.path.expanduser", lambda path: path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def test_without_a_home_the_cache_is_among_the_temporary_files(homeless):
    folder = data.cache()
    assert folder.parent == homeless
    assert folder.is_dir()
    assert folder.stat().st_mode & 0o077 == 0
    assert folder == data.cache()
    with pytest.raises(DataMissing, match=r"The stand-in in .*it is not there"):
        load("train", None)


def test_a_tilde_without_a_home_is_one_error(homeless, monkeypatch):
    monkeypatch.setenv(data.VARIABLE, "~/data")
    with pytest.raises(DataMissing, match=r"~/data: .*this user has none"):
        data.dataset().split("test")


def test_somebody_elses_folder_is_no_cache(homeless):
    # A folder of the name that ours has, which others may write to, is not trusted.
    planted = homeless / f"gengallery-{os.getuid()}"
    planted.mkdir()
    planted.chmod(0o777)
    assert data.cache() != planted
    assert data.cache().is_dir()
    locations._temporary.cache_clear()
    planted.rmdir()
    (homeless / "elsewhere").mkdir()
    planted.symlink_to(homeless / "elsewhere")
    assert data.cache() != planted


def test_a_home_that_cannot_be_written_is_no_home(homeless, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/1/nothing")
    monkeypatch.setattr("os.access", lambda *_: False)
    assert data.cache().parent == homeless


def test_a_home_that_cannot_be_looked_into_is_no_home(homeless, monkeypatch):
    look = Path.is_dir

    def refuse(path):
        if str(path).startswith("/secret"):
            raise PermissionError(13, "Permission denied", str(path))
        return look(path)

    monkeypatch.setattr(Path, "is_dir", refuse)
    monkeypatch.setenv("XDG_CACHE_HOME", "/secret/cache")
    monkeypatch.setattr("os.access", lambda path, mode: str(path) != "/")
    assert data.cache().parent == homeless


def test_without_any_folder_there_is_one_error(homeless, monkeypatch):
    def none():
        raise FileNotFoundError("No usable temporary directory found")

    monkeypatch.setattr("tempfile.gettempdir", none)
    with pytest.raises(DataMissing, match=f"neither a home nor .*name one in {data.VARIABLE}"):
        data.dataset()


# -- what is missing or damaged


def says_what_to_do(error: DataMissing, root: Path) -> bool:
    message = str(error)
    return "\n" not in message and all(
        part in message for part in (f"The stand-in in {root}", "Connect to the internet", str(RAW), "--data")
    )


def test_data_that_is_not_there(tmp_path):
    with pytest.raises(DataMissing, match=f"it is not there .*{FILES[0]} and {FILES[1]} missing in") as caught:
        load("train", tmp_path / "nowhere")
    assert says_what_to_do(caught.value, tmp_path / "nowhere")
    assert isinstance(caught.value, FileNotFoundError)
    assert not (tmp_path / "nowhere").exists()


def test_what_is_missing_is_named_file_by_file(root):
    (root / RAW / f"{FILES[3]}.gz").unlink()
    assert is_the_stand_in(load("trainval", root), TRAIN)  # which needs two files only
    with pytest.raises(DataMissing, match=rf"\({FILES[3]} missing in {root / RAW}\)"):
        load("test", root)


def test_only_the_files_of_the_split_asked_for_are_needed(root):
    for name in FILES[:2]:
        (root / RAW / f"{name}.gz").unlink()
    assert is_the_stand_in(load("test", root), TEST)
    with pytest.raises(DataMissing, match="it is not there"):
        load("train", root)


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[:3],
        lambda content: content[:10],
        lambda content: content[:-5],
        lambda content: content + b"\0",
        lambda content: b"<html>" * 999,
        lambda content: bytes([0, 0, 7]) + content[3:],
        lambda content: bytes([0, 0, 8, 3]) + (10**6).to_bytes(4, "big") + content[8:],
        lambda content: bytes([0, 0, 8, 3]) + b"\xff" * 12 + content[16:],
    ],
)
@pytest.mark.parametrize("is_packed", [True, False])
def test_a_damaged_file_is_refused_and_nothing_is_downloaded(damage, is_packed, root, plain_root):
    raw = (root if is_packed else plain_root) / RAW
    content = damage(CONTENT[FILES[0]])
    path = raw / (f"{FILES[0]}.gz" if is_packed else FILES[0])
    path.write_bytes(gzip.compress(content) if is_packed else content)
    before = contents(raw)
    with pytest.raises(DataMissing, match="could not be read") as caught:
        load("train", raw.parent.parent)
    assert says_what_to_do(caught.value, raw.parent.parent)
    assert str(path) in str(caught.value)
    assert contents(raw) == before


@pytest.mark.parametrize("end", [0, 5, 20, 300, -1])
def test_a_packed_file_cut_short_is_refused(end, root):
    path = root / RAW / f"{FILES[0]}.gz"
    path.write_bytes(path.read_bytes()[:end])
    with pytest.raises(DataMissing, match="could not be read"):
        load("train", root)


def test_plain_files_cut_short_fall_back_on_the_packed_ones(root):
    # A download that was killed while it unpacked leaves this.
    for name, content in CONTENT.items():
        (root / RAW / name).write_bytes(content[: len(content) // 2])
    assert is_the_stand_in(load("trainval", root), TRAIN)


@pytest.mark.parametrize("download", [True, False])
def test_other_data_in_its_place_is_refused(root, download):
    other = gzip.compress(idx(arrays(640, seed=7)[0]))
    (root / RAW / f"{FILES[0]}.gz").write_bytes(other)
    before = contents(root)
    with pytest.raises(
        DataMissing, match=f"{root / RAW} holds other data than The stand-in. .*name that folder itself"
    ):
        load("train", root, download=download)
    assert contents(root) == before
    named = data.dataset(root / RAW)
    assert named.name == "raw"
    assert len(named.split("trainval")) == 640


def test_data_of_another_name_is_called_by_it(root):
    mine = dataclasses.replace(sources.FASHION_MNIST, name="other", title="Other", checksums={})
    register_dataset(mine)
    with pytest.raises(DataMissing, match=f"Other in {root}: {root / RAW} holds The stand-in"):
        data.dataset("other", root=root, download=False).split("train")


def test_images_of_another_size_are_refused(tmp_path):
    register_dataset(dataclasses.replace(sources.FASHION_MNIST, name="free", title="Free", checksums={}))
    raw = packed(tmp_path / RAW)
    (raw / f"{FILES[0]}.gz").write_bytes(gzip.compress(idx(TRAIN[0][:, :20])))
    with pytest.raises(DataMissing, match=rf"expected images of {SIDE} x {SIDE}, found 20 x {SIDE}"):
        data.dataset("free", root=tmp_path, download=False).split("train")


# -- downloading


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    """A server on this machine with the stand-in's packed files, which torchvision takes for the mirror."""
    folder = packed(tmp_path / "served")
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    monkeypatch.setattr(SimpleHTTPRequestHandler, "log_message", lambda *_: None)
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    kind = downloads.torchvision_datasets().FashionMNIST
    md5 = [(f"{name}.gz", hashlib.md5((folder / f"{name}.gz").read_bytes()).hexdigest()) for name in FILES]
    monkeypatch.setattr(kind, "mirrors", [f"http://127.0.0.1:{server.server_port}/"])
    monkeypatch.setattr(kind, "resources", md5)
    yield folder
    server.shutdown()
    server.server_close()


def test_what_is_absent_is_downloaded_once(mirror, tmp_path):
    root = tmp_path / "cache" / "gengallery"
    assert is_the_stand_in(load("trainval", root, download=True), TRAIN)
    shutil.rmtree(mirror)  # from here on there is no network
    datasets._named.cache_clear()
    assert is_the_stand_in(load("trainval", root, download=True), TRAIN)
    assert is_the_stand_in(load("test", root), TEST)
    assert sorted(contents(root)) == sorted(str(RAW / name) for name in FILES)  # nothing else is left


@pytest.mark.parametrize("name", [FILES[1], f"{FILES[1]}.gz"])
def test_a_damaged_file_is_downloaded_anew(mirror, root, name):
    for path in (root / RAW).glob(f"{FILES[1]}*"):
        path.unlink()
    (root / RAW / name).write_bytes(b"damaged")
    assert is_the_stand_in(load("trainval", root, download=True), TRAIN)


def test_a_download_that_arrives_damaged_is_refused(mirror, tmp_path):
    path = mirror / f"{FILES[2]}.gz"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(DataMissing, match="could not be read or downloaded") as caught:
        load("test", tmp_path / "cache", download=True)
    assert says_what_to_do(caught.value, tmp_path / "cache")
    assert contents(tmp_path / "cache") == {}


def test_no_network_is_one_error(monkeypatch, tmp_path):
    kind = downloads.torchvision_datasets().FashionMNIST
    monkeypatch.setattr(kind, "mirrors", ["http://127.0.0.1:9/"])
    with pytest.raises(DataMissing, match="could not be read or downloaded") as caught:
        load("train", tmp_path, download=True)
    assert says_what_to_do(caught.value, tmp_path)


# -- torchvision beside a torch that its operators were not built for


@pytest.mark.slow
def test_data_sets_work_where_torchvisions_operators_do_not_load():
    # Whether this machine has the trap or not, the operators are absent here: what registers them is made to fail.
    code = (
        "import sys, torch\n"
        "library = torch.ops.load_library\n"
        "def refuse(path):\n"
        "    if 'torchvision' in str(path): raise OSError('built for another torch')\n"
        "    return library(path)\n"
        "torch.ops.load_library = refuse\n"
        "try:\n"
        "    import torchvision\n"
        "except RuntimeError as error:\n"
        "    assert 'operator torchvision::nms does not exist' in str(error), error\n"
        "from gengallery.data.downloads import torchvision_datasets\n"
        "assert torchvision_datasets().FashionMNIST.classes\n"
        "import torchvision.transforms.v2, torchvision.utils\n"
        "assert torchvision.utils.make_grid(torch.zeros(4, 1, 28, 28)).shape == (3, 32, 122)\n"
    )
    done = run_python("-c", code)
    assert done.returncode == 0, done.stderr + done.stdout


def test_another_failure_of_the_import_is_not_hidden(monkeypatch):
    def fail(name):
        raise RuntimeError("something else")

    monkeypatch.setattr(downloads, "import_module", fail)
    with pytest.raises(RuntimeError, match="something else"):
        downloads.torchvision_datasets()
