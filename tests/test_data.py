"""Fashion-MNIST to tensors: where it is found, what damages it, and downloading it from a server on this machine."""

import gzip
import hashlib
import os
import shutil
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
from conftest import TEST_SIZE, TRAIN_SIZE, fake_files, idx, run_python, shapes

from gengallery import data
from gengallery.data import DataMissing


@pytest.fixture(autouse=True)
def forget():
    """Data sets stay in memory, which a test of files must not see."""
    data._load.cache_clear()
    yield
    data._load.cache_clear()


def packed(folder: Path) -> Path:
    """The stand-in's four files, packed, in `folder`."""
    folder.mkdir(parents=True)
    for name, content in fake_files().items():
        (folder / f"{name}.gz").write_bytes(gzip.compress(content, mtime=0))
    return folder


@pytest.fixture
def packed_root(tmp_path) -> Path:
    packed(tmp_path / data.FOLDER)
    return tmp_path


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def is_the_stand_in(split: data.Split, n: int, seed: int) -> bool:
    images, labels = shapes(n, seed)
    return bool(
        torch.equal(split.images, torch.from_numpy(images)[:, None])
        and torch.equal(split.labels, torch.from_numpy(labels).long())
        and split.images.is_contiguous()
        and len(split) == n
    )


# -- the real thing


def test_the_real_data_set(real_root):
    before = sorted(real_root.rglob("*"))
    for split, n, checksum in (
        (data.TRAIN, 60_000, "1f243a60b4b748a44c48b9a6f6907be2a08bee3e4e226f0e86fbde8e147b745a"),
        (data.TEST, 10_000, "9a494dc49efeb996f4076c469b31cd058152067b1594ba6ab85dd739fce3775e"),
    ):
        loaded = data.load(split, real_root, download=False)
        assert loaded.images.shape == (n, 1, 28, 28)
        assert loaded.images.dtype == torch.uint8
        assert loaded.labels.dtype == torch.int64
        assert torch.bincount(loaded.labels).tolist() == [n // 10] * 10
        assert loaded.checksum() == checksum
    assert sorted(real_root.rglob("*")) == before


def test_pictures_of_the_real_data_set_are_seldom_inverted(real_root):
    # What the docstring of as_images says: two of 70,000.
    inverted = 0
    for split in (data.TRAIN, data.TEST):
        images = data.load(split, real_root, download=False).images[:, 0]
        border = torch.cat([images[:, 0], images[:, -1], images[:, 1:-1, 0], images[:, 1:-1, -1]], dim=1)
        ordered = border.sort(dim=1).values.float()  # 108 pixels; the median is the mean of the middle two
        inverted += int(((ordered[:, 53] + ordered[:, 54]) / 2 >= 128).sum())
    assert inverted == 2


# -- where it is found


def test_unpacked_files_are_read_as_they_are(fake_root):
    before = contents(fake_root)
    assert is_the_stand_in(data.load(data.TRAIN, fake_root, download=False), TRAIN_SIZE, seed=0)
    assert is_the_stand_in(data.load(data.TEST, str(fake_root), download=False), TEST_SIZE, seed=1)
    assert contents(fake_root) == before


def test_packed_files_are_read_from_a_folder_that_cannot_be_written(packed_root, monkeypatch):
    before = contents(packed_root)
    for folder in (packed_root, packed_root / "FashionMNIST", packed_root / data.FOLDER):
        folder.chmod(0o555)
    try:
        assert is_the_stand_in(data.load(data.TRAIN, packed_root), TRAIN_SIZE, seed=0)
        assert is_the_stand_in(data.load(data.TEST, packed_root), TEST_SIZE, seed=1)
    finally:
        for folder in (packed_root, packed_root / "FashionMNIST", packed_root / data.FOLDER):
            folder.chmod(0o755)
    assert contents(packed_root) == before  # the superuser may write anywhere; nothing was


def test_packed_and_unpacked_are_the_same_data(fake_root, packed_root):
    for split in (data.TRAIN, data.TEST):
        both = [data.load(split, root, download=False).checksum() for root in (fake_root, packed_root)]
        assert both[0] == both[1]


def test_the_checksum_sees_images_and_labels(fake_test):
    same = data.Split(fake_test.images.clone(), fake_test.labels.clone())
    assert same.checksum() == fake_test.checksum()
    assert len(same.checksum()) == 64
    assert data.Split(fake_test.images, fake_test.labels.flip(0)).checksum() != same.checksum()
    assert data.Split(fake_test.images ^ 1, fake_test.labels).checksum() != same.checksum()


def test_a_split_is_read_once(fake_root):
    assert data.load(data.TEST, fake_root) is data.load(data.TEST, str(fake_root))


@pytest.mark.parametrize("split", ["Train", "validation", "", None, 0])
def test_an_unknown_split_is_refused(split, fake_root):
    with pytest.raises(ValueError, match="split: expected 'train' or 'test', found"):
        data.load(split, fake_root)


def test_the_default_root_follows_the_environment(monkeypatch, tmp_path, fake_root):
    monkeypatch.setenv(data.VARIABLE, str(fake_root))
    assert data.default_root() == fake_root
    assert len(data.load(data.TEST, download=False)) == TEST_SIZE
    monkeypatch.setenv(data.VARIABLE, "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert data.default_root() == tmp_path / "gengallery"
    monkeypatch.delenv(data.VARIABLE)
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert data.default_root() == tmp_path / ".cache" / "gengallery"


# -- what is missing or damaged


def says_what_to_do(error: DataMissing, root: Path) -> bool:
    message = str(error)
    return "\n" not in message and all(
        part in message for part in (f"Fashion-MNIST in {root}", "Connect to the internet", str(data.FOLDER), "--data")
    )


def test_data_that_is_not_there(tmp_path):
    with pytest.raises(DataMissing, match="it is not there") as caught:
        data.load(data.TRAIN, tmp_path / "nowhere", download=False)
    assert says_what_to_do(caught.value, tmp_path / "nowhere")
    assert isinstance(caught.value, FileNotFoundError)
    assert not (tmp_path / "nowhere").exists()


def test_three_of_four_files_are_not_enough(packed_root):
    (packed_root / data.FOLDER / f"{data.FILES[3]}.gz").unlink()
    with pytest.raises(DataMissing, match="it is not there"):
        data.load(data.TRAIN, packed_root, download=False)


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[:3],
        lambda content: content[:10],
        lambda content: content[:-5],
        lambda content: content + b"\0",
        lambda content: b"<html>" * 999,
        lambda content: bytes([0, 0, 13]) + content[3:],
        lambda content: bytes([0, 0, 8, 3]) + (10**6).to_bytes(4, "big") + content[8:],
    ],
)
def test_a_damaged_file_is_refused_and_nothing_is_downloaded(damage, packed_root, monkeypatch):
    raw = packed_root / data.FOLDER
    images = fake_files()[data.FILES[0]]
    (raw / f"{data.FILES[0]}.gz").write_bytes(gzip.compress(damage(images)))
    before = contents(packed_root)
    with pytest.raises(DataMissing, match="could not be read") as caught:
        data.load(data.TRAIN, packed_root, download=False)
    assert says_what_to_do(caught.value, packed_root)
    assert contents(packed_root) == before


@pytest.mark.parametrize("end", [0, 5, 20, 300, -1])
def test_a_packed_file_cut_short_is_refused(end, packed_root):
    path = packed_root / data.FOLDER / f"{data.FILES[0]}.gz"
    path.write_bytes(path.read_bytes()[:end])
    with pytest.raises(DataMissing, match="could not be read"):
        data.load(data.TRAIN, packed_root, download=False)


def test_images_of_another_size_are_refused(packed_root):
    other = gzip.compress(idx(shapes(TRAIN_SIZE, seed=0)[0][:, :20]))
    (packed_root / data.FOLDER / f"{data.FILES[0]}.gz").write_bytes(other)
    with pytest.raises(DataMissing, match=r"expected images of shape \(640, 1, 28, 28\), found \(640, 1, 20, 28\)"):
        data.load(data.TRAIN, packed_root, download=False)


def test_unpacked_files_cut_short_fall_back_on_the_packed_ones(packed_root):
    # A download that was killed while it unpacked leaves this.
    for name, content in fake_files().items():
        (packed_root / data.FOLDER / name).write_bytes(content[: len(content) // 2])
    assert is_the_stand_in(data.load(data.TRAIN, packed_root, download=False), TRAIN_SIZE, seed=0)


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
    dataset = data._torchvision_datasets().FashionMNIST
    md5 = [(f"{name}.gz", hashlib.md5((folder / f"{name}.gz").read_bytes()).hexdigest()) for name in data.FILES]
    monkeypatch.setattr(dataset, "mirrors", [f"http://127.0.0.1:{server.server_port}/"])
    monkeypatch.setattr(dataset, "resources", md5)
    yield folder
    server.shutdown()
    server.server_close()


def test_what_is_absent_is_downloaded_once(mirror, tmp_path):
    root = tmp_path / "cache" / "gengallery"
    assert is_the_stand_in(data.load(data.TRAIN, root), TRAIN_SIZE, seed=0)
    shutil.rmtree(mirror)  # from here on there is no network
    data._load.cache_clear()
    assert is_the_stand_in(data.load(data.TRAIN, root), TRAIN_SIZE, seed=0)
    assert is_the_stand_in(data.load(data.TEST, root, download=False), TEST_SIZE, seed=1)


def test_a_damaged_packed_file_is_downloaded_anew(mirror, packed_root):
    path = packed_root / data.FOLDER / f"{data.FILES[1]}.gz"
    path.write_bytes(path.read_bytes()[:-9])
    assert is_the_stand_in(data.load(data.TRAIN, packed_root), TRAIN_SIZE, seed=0)


def test_a_download_that_arrives_damaged_is_refused(mirror, tmp_path):
    path = mirror / f"{data.FILES[2]}.gz"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(DataMissing, match="could not be read or downloaded") as caught:
        data.load(data.TEST, tmp_path / "cache")
    assert says_what_to_do(caught.value, tmp_path / "cache")


def test_no_network_is_one_error(monkeypatch, tmp_path):
    dataset = data._torchvision_datasets().FashionMNIST
    monkeypatch.setattr(dataset, "mirrors", ["http://127.0.0.1:9/"])
    with pytest.raises(DataMissing, match="could not be read or downloaded") as caught:
        data.load(data.TRAIN, tmp_path)
    assert says_what_to_do(caught.value, tmp_path)


# -- torchvision beside a torch that its operators were not built for


def test_data_sets_work_where_torchvisions_operators_do_not_load(fake_root):
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
        "from gengallery import data\n"
        "assert len(data.load('test', sys.argv[1], download=False)) == int(sys.argv[2])\n"
        "import torchvision.transforms.v2, torchvision.utils\n"
        "assert torchvision.utils.make_grid(torch.zeros(4, 1, 28, 28)).shape == (3, 32, 122)\n"
    )
    done = run_python("-c", code, fake_root, str(TEST_SIZE))
    assert done.returncode == 0, done.stderr + done.stdout


def test_another_failure_of_the_import_is_not_hidden(monkeypatch):
    def fail(name):
        raise RuntimeError("something else")

    monkeypatch.setattr(data, "import_module", fail)
    with pytest.raises(RuntimeError, match="something else"):
        data._torchvision_datasets()
