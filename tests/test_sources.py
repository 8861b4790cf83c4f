"""Data of one's own: IDX files in any layout, .npz files, and folders of pictures.

One file, since every layout is made of the same images and labels.
"""

import bz2
import dataclasses
import gzip
import hashlib
import io
import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gengallery import data
from gengallery.data import DataMissing, dataset, sources
from gengallery.data import datasets as module
from gengallery.data.downloads import as_uprights, torchvision_datasets
from gengallery.data.sources import registered
from gengallery.data.splits import checksum

RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def forget():
    for cached in (module._named, module._at):
        cached.cache_clear()


def noise(n: int, *shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (n, *(shape or (32, 32))), dtype=np.uint8)


def classes(n: int, of: int = 4) -> np.ndarray:
    return (np.arange(n) % of).astype(np.uint8)


# -- IDX


def idx(array: np.ndarray, kind: int = 8) -> bytes:
    head = bytes([0, 0, kind, array.ndim]) + b"".join(size.to_bytes(4, "big") for size in array.shape)
    return head + array.tobytes()


OFFICIAL = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
SEVEN_ZIP = ("train-images.idx3-ubyte", "train-labels.idx1-ubyte", "t10k-images.idx3-ubyte", "t10k-labels.idx1-ubyte")
TRAIN, TEST = (noise(300), classes(300)), (noise(90, seed=1), classes(90))
CONTENT = tuple(map(idx, (*TRAIN, *TEST)))


def write(folder: Path, names=OFFICIAL, content=CONTENT, packed=None) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, bytes_, zipped in zip(names, content, packed or (False,) * len(names), strict=True):
        (folder / f"{name}{'.gz' * zipped}").write_bytes(gzip.compress(bytes_) if zipped else bytes_)
    return folder


def holds(opened: data.Dataset, train=TRAIN, test=TEST) -> bool:
    return all(
        torch.equal(opened.split(split).images[:, 0], torch.from_numpy(images))
        and torch.equal(opened.split(split).labels, torch.from_numpy(labels).long())
        for split, (images, labels) in {"trainval": train, "test": test}.items()
    )


@pytest.mark.parametrize(
    ("folder", "names", "packed"),
    [
        ("", OFFICIAL, (False,) * 4),
        ("", OFFICIAL, (True,) * 4),
        ("", OFFICIAL, (True, False, False, True)),
        ("", SEVEN_ZIP, (False,) * 4),
        ("", SEVEN_ZIP, (True, True, False, False)),
        ("FashionMNIST/raw", OFFICIAL, (False,) * 4),
        ("MNIST/raw", SEVEN_ZIP, (False, True, False, True)),
        ("raw", OFFICIAL, (False,) * 4),
        ("fashion", OFFICIAL, (True,) * 4),
        ("data/fashion", OFFICIAL, (True,) * 4),
        ("", ("train-images", "train-labels", "test-images", "test-labels"), (False,) * 4),
        ("", ("TRAIN_X.idx", "TRAIN_Y.idx", "TEST_X.idx", "TEST_Y.idx"), (False,) * 4),
        ("", ("a", "b", "c", "d"), (False,) * 4),  # known by their numbers alone
        ("", ("a", "b", "c", "d"), (True,) * 4),
        ("", ("train.bin", "y300", "test.bin", "y90"), (False,) * 4),
    ],
)
def test_idx_files_are_known_by_their_content(folder, names, packed, tmp_path):
    write(tmp_path / "mine" / folder, names, packed=packed)
    opened = dataset(tmp_path / "mine", size=32)
    assert holds(opened)
    assert opened.name == "mine"
    assert opened.spec.classes == ("0", "1", "2", "3")
    opened.check()


def test_what_lies_beside_idx_files_does_no_harm(tmp_path):
    write(tmp_path)
    (tmp_path / "._train-images-idx3-ubyte").write_bytes(b"macOS")
    (tmp_path / "README.md").write_text("words")
    (tmp_path / "LICENSE").write_text("words")
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "folder-idx3-ubyte").mkdir()
    os.mkfifo(tmp_path / "pipe-idx3-ubyte")
    assert holds(dataset(tmp_path, size=32))


def test_of_two_copies_the_whole_one_is_read(tmp_path):
    write(tmp_path, packed=(True,) * 4)
    (tmp_path / OFFICIAL[0]).write_bytes(CONTENT[0][:1000])
    assert holds(dataset(tmp_path, size=32))
    (tmp_path / f"{OFFICIAL[1]}.gz").write_bytes(gzip.compress(CONTENT[1])[:-9])
    (tmp_path / SEVEN_ZIP[1]).write_bytes(CONTENT[1])
    module._at.cache_clear()
    assert holds(dataset(tmp_path, size=32))


@pytest.mark.parametrize("kept", [slice(0, 2), slice(2, 4)])
def test_one_pair_is_a_data_set(kept, tmp_path):
    write(tmp_path, OFFICIAL[kept], CONTENT[kept], packed=(True, False))
    opened = dataset(tmp_path, size=32)
    n = (300, 90)[kept.start // 2]
    assert [len(opened.split(name)) for name in ("trainval", "test")] == [n - n // 10, n // 10]
    opened.check()


def test_named_data_whose_files_have_other_names(tmp_path, monkeypatch):
    own = {
        half: checksum(images, labels.astype(np.int64))
        for half, (images, labels) in {"train": TRAIN, "test": TEST}.items()
    }
    known = dataclasses.replace(sources.FASHION_MNIST, name="known", title="Known", size=32, checksums=own)
    monkeypatch.setattr(sources, "_registered", {**sources._registered, "known": known})
    for number, (folder, names) in enumerate(
        (
            ("FashionMNIST/raw", SEVEN_ZIP),
            ("data/fashion", OFFICIAL),
            ("fashion", SEVEN_ZIP),
            (".", ("train_x", "train_y", "test_x", "test_y")),
        )
    ):
        root = tmp_path / str(number)
        write(root / folder, names, packed=(True, False, False, True))
        opened = dataset("known", root=root, size=32, download=False)
        assert holds(opened)
        by_path = dataset(root, size=32)  # recognised
        assert by_path.name == "known"
        assert by_path.title == "Known"
        assert by_path.spec == opened.spec
        assert by_path.spec.classes == known.spec(0, 1).classes
        assert by_path.translations["pt"][0] == "Camiseta"
        assert holds(by_path)
    half = write(tmp_path / "half", OFFICIAL[2:], CONTENT[2:])
    assert len(dataset("known", root=half, size=32, download=False).split("test")) == 90
    part = dataset(half, size=32)  # a part of it has its classes, and another name
    assert part.name == part.title == "half"
    assert part.checksums == {}
    assert part.spec.classes == known.spec(0, 1).classes
    assert len(part.split("test")) == 9


@pytest.mark.parametrize(
    ("names", "content", "says"),
    [
        (OFFICIAL[:1], CONTENT[:1], "expected labels for the 300 images of train-images-idx3-ubyte, found none"),
        (OFFICIAL[:3], CONTENT[:3], "expected labels for the 90 images of t10k-images-idx3-ubyte, found none"),
        (OFFICIAL[1:2], CONTENT[1:2], "expected images for the labels of train-labels-idx1-ubyte, found none"),
        (OFFICIAL[:2], (CONTENT[0], CONTENT[3]), "expected 300 labels, as many as images, found 90"),
        (OFFICIAL[:2], (CONTENT[0][:-1], CONTENT[1]), "train-images-idx3-ubyte: cut short or damaged"),
        (OFFICIAL[:2], (CONTENT[0], b"<html>"), "train-labels-idx1-ubyte: cut short or damaged"),
        (("a", "b", "c", "d"), (CONTENT[0], CONTENT[1], CONTENT[0], CONTENT[1]), "expected names with train and test"),
        (
            ("train-a", "train-b", "train-y"),
            (CONTENT[0], CONTENT[2], CONTENT[1]),
            "expected one file of images for each split",
        ),
        (("train-x", "train-y1", "train-y2"), (CONTENT[0], CONTENT[1], CONTENT[1]), "expected one file of labels"),
    ],
)
def test_idx_files_that_are_no_data_set_are_refused(names, content, says, tmp_path):
    write(tmp_path, names, content)
    with pytest.raises(ValueError, match=says) as caught:
        dataset(tmp_path, size=32).split("train")
    assert str(tmp_path) in str(caught.value)


def test_a_header_that_promises_more_than_memory_holds_is_refused(tmp_path):
    write(tmp_path, OFFICIAL[:2], (bytes([0, 0, 8, 3]) + b"\x7f\xff\xff\xff" * 3, CONTENT[1]), packed=(True, False))
    with pytest.raises(ValueError, match=r"it claims to hold 9,\d{3},"):
        dataset(tmp_path, size=32)


def test_labels_of_several_columns_and_other_types(tmp_path):
    # QMNIST's labels: eight columns of big-endian integers, of which the first is the class.
    columns = np.zeros((300, 8), ">i4")
    columns[:, 0], columns[:, 3] = TRAIN[1], 7
    write(tmp_path, OFFICIAL[:2], (CONTENT[0], idx(columns, 12)), packed=(False, True))
    assert torch.bincount(dataset(tmp_path, size=32).split("trainval").labels).sum() == 270
    assert dataset(tmp_path, size=32).spec.classes == ("0", "1", "2", "3")


def test_emnist_stands_upright_and_its_letters_begin_at_0():
    images, labels = noise(4, 28, 28), np.array([1, 26, 2, 3])
    source = registered("emnist-letters")
    levels, numbers = as_uprights(source.read, images, labels, source.classes, "x")
    assert (levels[..., 0] == images.swapaxes(1, 2)).all()
    assert numbers.tolist() == [0, 25, 1, 2]
    with pytest.raises(ValueError, match="expected labels from 0 to 25"):
        as_uprights(source.read, images, labels - 1, source.classes, "x")


@pytest.mark.parametrize("name", ["qmnist", "emnist-letters", "kmnist"])
def test_named_files_of_other_sets(name, tmp_path):
    way = registered(name).read
    folder = tmp_path / way.folders[0]
    images = noise(60, data.SIZE, data.SIZE)
    labels = classes(60, 9) + 1
    wide = name == "qmnist"
    stored = np.repeat(labels[:, None], 8, axis=1).astype(">i4") if wide else labels
    write(folder, way.files["test"], (idx(images), idx(stored, 12 if wide else 8)), packed=(True, False))
    split = dataset(name, root=tmp_path, download=False).split("test")
    upright = images.swapaxes(1, 2) if way.transposed else images
    assert (split.images[:, 0].numpy() == upright).all()
    assert (split.labels.numpy() == labels - way.first_label).all()
    with pytest.raises(DataMissing, match=way.files["train"][0]):
        dataset(name, root=tmp_path, download=False).split("train")


def test_named_sets_that_torchvision_reads(tmp_path, monkeypatch):
    # In its formats: bz2 text for USPS, pickles for CIFAR-10, .mat for SVHN.
    offered = torchvision_datasets()
    images, labels = noise(20, 16, 16), classes(20, 10)
    rows = [
        " ".join([str(label + 1), *(f"{i + 1}:{v / 255 * 2 - 1:.6f}" for i, v in enumerate(image.ravel()))])
        for image, label in zip(images, labels, strict=True)
    ]
    (tmp_path / "usps.t.bz2").write_bytes(bz2.compress("\n".join(rows).encode()))
    split = dataset("usps", root=tmp_path, size=16, download=False).split("test")
    assert np.abs(split.images[:, 0].numpy().astype(int) - images).max() <= 1
    assert (split.labels.numpy() == labels).all()
    assert dataset("usps", root=tmp_path, download=False).split("test").images.shape == (20, 1, data.SIZE, data.SIZE)

    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    kind = offered.CIFAR10
    colours = noise(20, 3, 32, 32)
    batch = pickle.dumps({"data": colours.reshape(20, -1), "labels": labels.tolist()})
    meta = pickle.dumps({"label_names": ["x"]})
    md5 = hashlib.md5(batch).hexdigest()
    monkeypatch.setattr(kind, "train_list", [["data_batch_1", md5]])
    monkeypatch.setattr(kind, "test_list", [["test_batch", md5]])
    monkeypatch.setattr(kind, "meta", {**kind.meta, "md5": hashlib.md5(meta).hexdigest()})
    for file, content in (("data_batch_1", batch), ("test_batch", batch), ("batches.meta", meta)):
        (folder / file).write_bytes(content)
    opened = dataset("cifar10", root=tmp_path, size=32, download=False)
    assert (opened.split("test").images.numpy() == colours).all()
    assert (opened.split("test").labels.numpy() == labels).all()
    assert opened.spec.channels == 3
    assert dataset("cifar10", root=tmp_path, channels=1, download=False).split("test").images.shape[1] == 1

    scipy = pytest.importorskip("scipy.io")
    scipy.savemat(
        tmp_path / "test_32x32.mat",
        {"X": colours.transpose(2, 3, 1, 0), "y": np.where(labels == 0, 10, labels)[:, None]},
    )
    entry = offered.SVHN.split_list["test"]
    md5 = hashlib.md5((tmp_path / "test_32x32.mat").read_bytes()).hexdigest()
    monkeypatch.setitem(offered.SVHN.split_list, "test", [*entry[:2], md5])
    split = dataset("svhn", root=tmp_path, size=32, download=False).split("test")
    assert (split.images.numpy() == colours).all()
    assert (split.labels.numpy() == labels).all()
    with pytest.raises(DataMissing, match=r"SVHN in .*it is not there .*train_32x32.mat missing"):
        dataset("svhn", root=tmp_path, size=32, download=False).split("train")


# -- npz


def npz(path: Path, **arrays) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, **arrays)
    return path


def test_medmnists_layout(tmp_path):
    own = {
        f"{short}_{what}": value
        for short, n in (("train", 200), ("val", 30), ("test", 40))
        for what, value in (("images", noise(n)), ("labels", classes(n)[:, None]))
    }
    path = npz(tmp_path / "blood.npz", **own)
    opened = dataset(path, size=32)
    assert opened.name == opened.spec.dataset == "blood"
    assert opened.spec.classes == ("0", "1", "2", "3")
    for split, short in (("train", "train"), ("validation", "val"), ("test", "test")):
        assert (opened.split(split).images[:, 0].numpy() == own[f"{short}_images"]).all()
        assert (opened.split(split).labels.numpy() == own[f"{short}_labels"][:, 0]).all()
    assert len(opened.split("trainval")) == 230
    opened.check()
    assert dataset(str(path), size=32) is opened
    assert dataset(tmp_path, size=32).name == "blood"  # the only one in the folder


def test_keras_layout(tmp_path):
    opened = dataset(
        npz(
            tmp_path / "k.npz",
            x_train=noise(200, 32, 32, 3),
            y_train=classes(200),
            x_test=noise(40, 32, 32, 3),
            y_test=classes(40),
        ),
        size=32,
    )
    assert opened.spec.shape == (3, 32, 32)
    assert [len(opened.split(name)) for name in ("train", "validation", "test", "trainval")] == [167, 33, 40, 200]


def test_images_and_maybe_labels(tmp_path):
    images = noise(200, 3, 40, 40)
    opened = dataset(npz(tmp_path / "a.npz", images=images, labels=np.array(["left", "right"] * 100)), size=32)
    assert opened.spec.classes == ("left", "right")
    assert [len(opened.split(name)) for name in ("train", "validation", "test", "trainval")] == [150, 30, 20, 180]
    plain = dataset(npz(tmp_path / "b.npz", images=images / 255), size=20, channels=1)
    assert plain.spec.classes == ()
    assert plain.spec.shape == (1, 20, 20)
    plain.check()


def test_labels_of_classes_that_are_not_consecutive(tmp_path):
    # Met by others: data without one of ten classes trained to the end, and then could not be saved.
    labels = np.array([0, 1, 2, 3, 4, 5, 6, 7, 8] * 20)
    opened = dataset(npz(tmp_path / "nine.npz", images=noise(180), labels=labels), size=32)
    assert opened.spec.classes == tuple("012345678")
    opened.check()
    many = dataset(npz(tmp_path / "many.npz", images=noise(260), labels=np.arange(260) % 26), size=32)
    assert len(many.spec.classes) == 26
    assert many.split("train").labels.max() == 25
    many.check()


def archive(**files: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        for name, content in files.items():
            packed.writestr(name, content)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "expected a whole .npz file"),
        (b"<html>", "expected a whole .npz file"),
        (archive(a=b"words"), "expected arrays of the names train_images, .*; found a"),
        (archive(), "found none"),
        (archive(**{"images.npy": b"words"}), "a.npz"),
    ],
)
def test_files_that_are_no_npz_are_refused(content, says, tmp_path):
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(ValueError, match=says) as caught:
        dataset(tmp_path / "a.npz", size=32).split("train")
    assert str(tmp_path / "a.npz") in str(caught.value)


def test_pickles_in_npz_are_not_opened(tmp_path):
    path = npz(tmp_path / "a.npz", images=np.array([noise(1)[0], None], dtype=object))
    with pytest.raises(ValueError, match=r"a\.npz: expected a whole \.npz file with arrays of numbers .*pickle"):
        dataset(path, size=32).split("train")


@pytest.mark.parametrize("end", [30, 300, -30])
def test_an_npz_cut_short_is_refused(end, tmp_path):
    path = npz(tmp_path / "a.npz", images=noise(100), labels=classes(100))
    path.write_bytes(path.read_bytes()[:end])
    with pytest.raises(ValueError, match=r"a\.npz: expected a whole \.npz file"):
        dataset(path, size=32).split("train")


def test_labels_must_be_as_many_as_images(tmp_path):
    path = npz(tmp_path / "a.npz", x_train=noise(100), y_train=classes(99))
    with pytest.raises(ValueError, match=r"a\.npz, train: expected 100 labels, as many as images, found 99"):
        dataset(path, size=32).split("train")


def test_labels_of_all_splits_or_of_none(tmp_path):
    path = npz(tmp_path / "a.npz", x_train=noise(100), y_train=classes(100), x_test=noise(20))
    with pytest.raises(ValueError, match=r"a\.npz, test: expected labels, as of the other splits, found none"):
        dataset(path, size=32).split("train")


# -- folders of pictures


def picture(path: Path, size=(40, 40), colour=None, **options) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = (*size[::-1], 3) if colour is None else size[::-1]
    Image.fromarray(RNG.integers(0, 256, shape, dtype=np.uint8)).save(path, **options)


@pytest.fixture
def folder(tmp_path) -> Path:
    """Cats and dogs: 40 and 60 pictures."""
    for name, n in (("dog", 60), ("cat", 40)):
        for number in range(n):
            picture(tmp_path / "pets" / name / f"{number:02}.png")
    return tmp_path / "pets"


def test_pictures_in_folders_by_class(folder):
    opened = dataset(folder, size=32)
    assert (opened.name, opened.title) == ("pets", "pets")
    assert opened.spec.shape == (3, 32, 32)
    assert opened.spec.classes == ("cat", "dog")
    assert [len(opened.split(name)) for name in ("train", "validation", "test", "trainval")] == [75, 15, 10, 90]
    assert torch.bincount(opened.split("test").labels).tolist() == [4, 6]
    assert not opened.notes
    opened.check()
    first = data.as_images(Image.open(folder / "cat" / "00.png"), opened.spec)
    everything = torch.cat([opened.split("trainval").images, opened.split("test").images])
    assert any(torch.equal(data.as_floats(one[None]), first) for one in everything)


def test_pictures_in_one_folder_have_no_classes(tmp_path):
    for number in range(100):
        picture(tmp_path / f"{number}.jpg", colour="L")
    opened = dataset(tmp_path, size=16)
    assert opened.spec.classes == ()
    assert opened.spec.shape == (1, 16, 16)
    assert (opened.split("train").labels == 0).all()
    opened.check()
    for number in range(100):
        picture(tmp_path / "up" / "all of them" / f"{number}.jpg", colour="L")
    assert dataset(tmp_path / "up", size=16).spec.classes == ()  # one folder is no class


def test_pictures_in_folders_named_train_and_test(folder, tmp_path):
    root = tmp_path / "halves"
    (root / "train").parent.mkdir()
    folder.rename(root / "train")
    for name in ("dog", "cat"):
        for number in range(7):
            picture(root / "test" / name / f"{number}.png")
    opened = dataset(root, size=32)
    assert opened.spec.classes == ("cat", "dog")
    assert [len(opened.split(name)) for name in ("train", "validation", "test", "trainval")] == [83, 17, 14, 100]
    picture(root / "valid" / "bird" / "0.png")
    module._at.cache_clear()
    opened = dataset(root, size=32)
    assert opened.spec.classes == ("bird", "cat", "dog")
    with pytest.raises(ValueError, match="expected training images of every class, found none of bird"):
        opened.check()


def test_what_is_no_picture_is_left_out_and_counted(folder):
    (folder / "cat" / "words.txt").write_text("words")
    (folder / "dog" / "cut.png").write_bytes((folder / "dog" / "00.png").read_bytes()[:200])
    (folder / "dog" / "empty.jpg").write_bytes(b"")
    (folder / "dog" / ".hidden.png").write_bytes((folder / "dog" / "00.png").read_bytes())
    (folder / ".DS_Store").write_bytes(b"x")
    (folder / ".git" / "objects").mkdir(parents=True)
    picture(folder / "stray.png")
    (folder / "empty").mkdir()
    (folder / "papers").mkdir()
    (folder / "papers" / "a.pdf").write_bytes(b"%PDF")
    os.mkfifo(folder / "dog" / "pipe.png")
    (folder / "dog" / "broken.png").symlink_to("nowhere.png")
    opened = dataset(folder, size=32)
    assert opened.spec.classes == ("cat", "dog")
    assert sum(len(opened.split(name)) for name in ("train", "validation", "test")) == 100
    said = " | ".join(opened.notes)
    assert f"{folder}: 3 files left out, not readable as pictures: cat/words.txt, dog/cut.png" in said
    assert "2 files left out, hidden: .DS_Store, dog/.hidden.png" in said
    assert "2 files left out, not regular files: dog/broken.png, dog/pipe.png" in said
    assert "1 file left out, outside the folders of the classes: stray.png" in said
    assert "1 file left out, in folders without pictures: papers/a.pdf" in said


def test_links(folder, tmp_path):
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "cat").symlink_to(folder / "cat")  # a class that lies elsewhere
    (folder / "dog" / "loop").symlink_to(folder)
    (folder / "dog" / "again.png").symlink_to("00.png")  # a file
    (tmp_path / "linked" / "dog").symlink_to(folder / "dog")
    opened = dataset(tmp_path / "linked", size=32)
    assert opened.spec.classes == ("cat", "dog")
    assert len(opened.split("trainval")) + len(opened.split("test")) == 101


def test_numbers_as_names_of_folders_are_in_their_order(tmp_path):
    for name in ("10", "9", "1"):
        picture(tmp_path / name / "a.png")
    assert dataset(tmp_path).classes == ("1", "9", "10")


@pytest.mark.parametrize(
    ("suffix", "kind"),
    [("png", None), ("jpg", None), ("bmp", None), ("webp", None), ("gif", None), ("tif", None), ("", "PNG")],
)
def test_formats_of_pictures(suffix, kind, tmp_path):
    for number in range(20):
        picture(tmp_path / f"{number}.{suffix}".rstrip("."), **({"format": kind} if kind else {}))
    assert len(dataset(tmp_path, size=16).split("trainval")) == 18


def test_grey_pictures_stored_in_colour_are_grey(tmp_path):
    for number in range(20):
        Image.fromarray(noise(1, seed=number)[0]).convert("RGB").save(tmp_path / f"{number}.png")
    assert dataset(tmp_path, size=32).spec.channels == 1
    assert dataset(tmp_path, size=32, channels=3).spec.channels == 3


def test_transparent_pictures_are_laid_on_what_shows_them(tmp_path):
    for number, shade in enumerate((0, 250)):
        rgba = Image.new("RGBA", (32, 32), (shade, shade, shade, 0))
        rgba.paste((shade, shade, shade, 255), (8, 8, 24, 24))
        rgba.save(tmp_path / f"{number}.png")
    images = dataset(tmp_path, size=32).split("trainval").images
    assert images[:, 0, 0, 0].tolist() == [255, 0]


def test_too_many_folders_are_refused(tmp_path):
    for number in range(1001):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "a.png").write_bytes(b"x")
    with pytest.raises(ValueError, match=f"{tmp_path}: expected at most 1000 classes, found 1,001 folders"):
        dataset(tmp_path)


# -- names and paths


def test_a_folder_with_nothing_in_it_is_refused(tmp_path):
    with pytest.raises(DataMissing, match=f"{tmp_path}: expected pictures, IDX files or an .npz file, found none"):
        dataset(tmp_path)


def test_two_npz_in_a_folder_are_refused(tmp_path):
    for name in ("a", "b"):
        npz(tmp_path / f"{name}.npz", images=noise(20))
    with pytest.raises(ValueError, match=r"expected one \.npz file, found a\.npz, b\.npz; name one"):
        dataset(tmp_path)


@pytest.mark.parametrize("path", ["nowhere/at/all", "nothing.npz", "./mnist-of-mine"])
def test_a_path_that_does_not_exist_is_named(path):
    with pytest.raises(DataMissing, match=f"{Path(path)}: expected a folder of pictures or of IDX files"):
        dataset(path)
    with pytest.raises(DataMissing):
        dataset(Path("fashion-mnist-that-is-no-folder"))


def test_an_unknown_name_is_told_the_known_ones():
    with pytest.raises(
        ValueError, match=r"data: expected fashion-mnist, mnist, .*, or the path of a folder .*found 'mnits'"
    ):
        dataset("mnits")


def test_a_file_that_is_no_data_is_refused(tmp_path):
    (tmp_path / "a.txt").write_text("words")
    with pytest.raises(ValueError, match=r"a\.txt: expected a whole \.npz file, or a folder"):
        dataset(tmp_path / "a.txt")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match=r"pipe: expected a folder or a \.npz file, found neither"):
        dataset(tmp_path / "pipe")


def test_a_folder_that_changed_is_read_anew(tmp_path):
    for number in range(20):
        picture(tmp_path / f"{number}.png")
    assert len(dataset(tmp_path, size=16).split("trainval")) == 18
    os.utime(tmp_path, ns=(0, 0))  # a clock may be coarse
    picture(tmp_path / "20.png")
    assert len(dataset(tmp_path, size=16).split("trainval")) == 19
    for name in ("a", "b"):
        for number in range(20):
            picture(tmp_path / "classes" / name / f"{number}.png")
    assert len(dataset(tmp_path / "classes", size=16).split("trainval")) == 36
    os.utime(tmp_path / "classes" / "b", ns=(0, 0))
    picture(tmp_path / "classes" / "b" / "20.png")
    assert len(dataset(tmp_path / "classes", size=16).split("trainval")) == 37
