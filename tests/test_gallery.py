"""The gallery: the file and the card of every model, listing, names, and galleries in another state."""

import json
import re
import shutil
import subprocess
import sys
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import ROOT, run_python

import gengallery
from gengallery import data, gallery
from gengallery.data import default_spec
from gengallery.families import cards, families
from gengallery.nn import inversion
from gengallery.storage import checkpoint
from gengallery.storage.checkpoint import CheckpointError
from gengallery.training.run import mean_losses

IMAGE = default_spec()
PIXELS = IMAGE.pixels
NAMES = gengallery.list_models()
every_model = pytest.mark.parametrize("name", NAMES)
load = lru_cache(maxsize=None)(gengallery.load)  # models are frozen, and one that a call changed is a failure here
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 123\n"
CLOSE = {"rtol": 1e-5, "atol": 1e-5}


@pytest.fixture
def short_searches(monkeypatch):
    """What a search finds is tested elsewhere; here it need not be near."""
    for name, value in {"CANDIDATES": 32, "STARTS": 2, "DESCENT": 5}.items():
        monkeypatch.setattr(inversion, name, value)


# -- every model: its file and its card


@pytest.mark.slow
@every_model
def test_a_model_saved_and_loaded_is_the_same(name, tmp_path, short_searches):
    model, path = load(name), tmp_path / "copy.safetensors"
    saved = checkpoint.read(gengallery.info(name)["path"])
    header = {key: value for key, value in saved.header.items() if key not in ("format", "checksum")}
    checkpoint.write(path, model.state_dict(), header)
    assert checkpoint.read_header(path) == saved.header  # the checksum too
    again = gengallery.load(path)
    assert torch.equal(again.generate(4), model.generate(4))
    assert torch.equal(again.encode(again.generate(1)), model.encode(again.generate(1)))


@every_model
def test_the_card_in_the_file_is_the_card_in_the_code(name):
    header, card = checkpoint.read_header(gengallery.info(name)["path"]), cards()[name]
    assert header["card"] == json.loads(json.dumps(card.describe()))


@every_model
def test_the_config_in_the_file_is_the_config_in_the_code(name):
    header, card = checkpoint.read_header(gengallery.info(name)["path"]), cards()[name]
    assert header["family"] == card.family
    assert header["config"] == json.loads(json.dumps(asdict(card.config)))
    assert type(card.config).from_json(header["config"]) == card.config == load(name).config
    assert (header["training"]["epochs"], header["training"]["seed"]) == (card.recipe.epochs, card.seed)


@every_model
def test_info_tells_what_is_known(name):
    info, model = gengallery.info(name), load(name)
    assert {"name", "family", "summary", "notes", "exhibit", "latent", "prior", "paper", "parameters"} <= info.keys()
    assert {"image", "config", "recipe", "training", "cost", "losses", "reported", "bytes", "path"} <= info.keys()
    assert info["options"] == list(model.options.names)
    assert info["equations"]
    assert info["name"] == name
    assert info["family"] in families()
    assert info["latent"] == model.config.latent == model.prior.dim
    assert info["prior"] == model.prior.describe()
    assert info["parameters"] == sum(p.numel() for p in model.parameters())
    assert info["bytes"] == Path(info["path"]).stat().st_size
    assert info["paper"].keys() == {"authors", "title", "year", "url"}
    assert info["training"].keys() >= {"command", "seed", "epochs", "seconds", "device", "versions", "data"}
    assert info["training"]["command"].startswith(f"python scripts/train.py {name} ")
    assert info["losses"]["train"].keys() == info["losses"]["test"].keys() >= info["reported"].keys()
    assert info["cost"].keys() == {"training", "image"}
    assert all(np.isfinite(value) and value > 0 for value in info["cost"].values())
    assert all(np.isfinite(value) for split in info["losses"].values() for value in split.values())
    assert info["summary"].endswith(".")
    assert info["exhibit"] == info["notes"].startswith("An exhibit.")
    json.dumps(info)  # plain data


@every_model
def test_latent_statistics_tell_where_the_data_lies(name):
    model = load(name)
    if model.searches or model.config.latent >= PIXELS:
        assert model.statistics is None
        return
    d, statistics = model.config.latent, model.statistics
    assert statistics.mean.shape == (d,)
    assert statistics.centroids.shape == (10, d)
    torch.testing.assert_close(statistics.covariance, statistics.covariance.T)
    assert torch.linalg.eigvalsh(statistics.covariance).min() > -1e-3
    assert statistics.positions.shape == ((2000, 2) if d == 2 else (0, d))
    assert len(statistics.labels) == len(statistics.positions)
    # Fashion-MNIST has as many of each class, so the mean is the centroids' mean.
    scale = float(statistics.covariance.diagonal().max().sqrt())
    torch.testing.assert_close(statistics.centroids.mean(0), statistics.mean, rtol=1e-3, atol=1e-3 * scale)


@every_model
def test_the_recorded_losses_and_statistics_are_the_weights_own(name, real_data):
    """On the real test set, so that a header and tensors of two trainings can't have come together unnoticed."""
    model, split = load(name), real_data.split(data.TEST)
    for term, loss in mean_losses(model.losses, split).items():
        assert loss == pytest.approx(gengallery.info(name)["losses"]["test"][term], rel=1e-4)
    if model.statistics is not None:
        z = model.encode(split.images)
        assert torch.equal(split.labels[: len(model.statistics.labels)], model.statistics.labels.long())
        torch.testing.assert_close(z[: len(model.statistics.positions)], model.statistics.positions, **CLOSE)
        deviation = model.statistics.covariance.diagonal().sqrt()
        assert (
            (z.mean(0) - model.statistics.mean).abs() < 0.1 * deviation + 1e-3
        ).all()  # theirs is the training set's


@pytest.mark.parametrize("name", gengallery.list_models(option="steps"))
def test_the_way_back_and_out_again_returns_the_image(name, real_data):
    model, split = load(name), real_data.split(data.TEST)
    images, labels = data.as_floats(split.images[:2]), split.labels[:2]
    for options in ({}, {"label": labels}):
        torch.testing.assert_close(model.reconstruct(images, **options), images, rtol=0, atol=1e-2)


def test_no_two_models_are_one():
    assert len({gengallery.info(name)["checksum"] for name in NAMES}) == len(NAMES)


def test_every_card_has_a_file_and_every_file_a_card():
    assert set(NAMES) == set(cards())
    files = {path.name for path in gallery.SHIPPED.glob("*.safetensors")}
    assert files == {f"{name}.safetensors" for name in (*cards(), checkpoint.CLASSIFIER)}


def test_names_are_unique_and_fit_for_a_file():
    names = [card.name for family in families().values() for card in family.cards]
    assert len(names) == len(set(names))
    assert all(name.isidentifier() and name.islower() for name in names)


# -- listing


def test_natural_order_with_the_exhibits_last():
    exhibits = [gengallery.info(name)["exhibit"] for name in NAMES]
    assert exhibits == sorted(exhibits)
    sound = [name for name, exhibit in zip(NAMES, exhibits, strict=True) if not exhibit]
    for prefix, sizes in (("ae", (2, 16, 64, 128)), ("gan_dim", (8, 16, 32)), ("vae", (2, 64))):
        assert [name for name in sound if name.startswith(f"{prefix}_")] == [f"{prefix}_{size}" for size in sizes]
    assert sound[0] == "ae_2"


def test_a_family_filters():
    for kind in sorted({gengallery.info(name)["family"] for name in NAMES}):
        assert kind in families()
        assert gengallery.list_models(family=kind) == [n for n in NAMES if gengallery.info(n)["family"] == kind] != []
    for unknown in ("diffusion", "", "ae"):
        with pytest.raises(ValueError, match=f"unknown family '{unknown}'; there are autoencoder, "):
            gengallery.list_models(family=unknown)


def test_listing_and_reading_cards_need_no_torch():
    code = (
        "import sys, gengallery\n"
        "names = gengallery.list_models()\n"
        "assert names and gengallery.list_models(family=gengallery.info(names[0])['family'])\n"
        "heavy = {'torch', 'torchvision', 'numpy', 'PIL', 'safetensors', 'tqdm'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = run_python("-c", code)
    assert done.returncode == 0, done.stderr


# -- names


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("vae2", "'vae_2'"),
        ("AE_16", "'ae_16'"),
        ("gan_dim_9", "'gan_dim_8'"),
        ("gan_dist_raw", "'gan_dist_uniform_raw'"),
    ],
)
def test_an_unknown_name_gets_the_nearest_ones(name, nearest):
    for call in (gengallery.load, gengallery.info):
        with pytest.raises(ValueError, match=f"unknown model '{name}': the nearest are .*{nearest}.*list_models"):
            call(name)


@pytest.mark.parametrize(
    "name",
    ["../x", "weights/vae_2", "./vae_2", "", ".", "..", "/etc/passwd", "vae_2\0", "*", "vae_?", "vae_2/", "VAE_2",
     None, 3, "~", "vae_2.safetensors.safetensors/../vae_2"],
)  # fmt: skip
def test_a_name_is_looked_up_and_never_joined_to_a_path(name, monkeypatch):
    monkeypatch.chdir(ROOT)
    for call in (gengallery.load, gengallery.info):
        with pytest.raises(ValueError, match="unknown model"):
            call(name)


def test_a_path_is_loaded_from_where_it_points(tmp_path, monkeypatch):
    class Somewhere:
        def __fspath__(self):
            return str(tmp_path / "mine.safetensors")

    source = gengallery.info(NAMES[0])["path"]
    for target in ("mine.safetensors", "without_suffix"):
        shutil.copy(source, tmp_path / target)
    monkeypatch.chdir(tmp_path)
    expected = load(NAMES[0]).generate(2)
    paths = (tmp_path / "mine.safetensors", str(tmp_path / "mine.safetensors"), "mine.safetensors", Somewhere(),
             tmp_path / "without_suffix")  # fmt: skip
    for path in paths:
        assert torch.equal(gengallery.load(path).generate(2), expected)
    with pytest.raises(ValueError, match="unknown model 'mine'"):
        gengallery.load("mine")
    with pytest.raises(CheckpointError, match=r"vae_2\.safetensors: expected a file of weights; found No such file"):
        gengallery.load("vae_2.safetensors")  # a path, and none is here


# -- a gallery in another state


@pytest.fixture
def other_gallery(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv(gallery.VARIABLE, str(tmp_path))
    return tmp_path


def test_an_empty_gallery_says_so(other_gallery):
    assert gengallery.list_models() == []
    with pytest.raises(ValueError, match=r"no weights in .*: restore that folder"):
        gengallery.load("vae_2")


def test_a_file_under_another_models_name_is_refused(other_gallery):
    shutil.copy(gallery.SHIPPED / f"{NAMES[0]}.safetensors", other_gallery / "other.safetensors")
    for call in (gengallery.info, gengallery.load):
        with pytest.raises(CheckpointError, match=f"expected the model of that name; found '{NAMES[0]}'"):
            call("other")
    assert gengallery.list_models() == []
    assert list(gallery.default().problems()) == ["other.safetensors"]


def test_a_damaged_file_costs_that_model_and_not_the_list(other_gallery):
    shutil.copy(gallery.SHIPPED / "ae_2.safetensors", other_gallery)
    damaged = {
        "vae_2": b"short",
        "ae_16": POINTER,
        "cgan": b"",
        "flow": (gallery.SHIPPED / "flow.safetensors").read_bytes()[:50],
    }
    for name, content in damaged.items():
        (other_gallery / f"{name}.safetensors").write_bytes(content)
    (other_gallery / "r3gan.safetensors").mkdir()
    assert gengallery.list_models() == ["ae_2"]
    problems = gallery.default().problems()
    assert problems.keys() == {f"{name}.safetensors" for name in (*damaged, "r3gan")}
    for file, error in problems.items():
        assert isinstance(error, CheckpointError)
        assert str(error).startswith(f"{other_gallery / file}: expected ")
        for call in (gengallery.info, gengallery.load):
            with pytest.raises(CheckpointError, match=re.escape(str(error))):
                call(file.removesuffix(".safetensors"))
    assert "found a pointer of Git LFS, in place of the file. Download it with git lfs pull." in str(
        problems["ae_16.safetensors"]
    )


def test_a_file_is_read_again_when_it_changes_and_only_then(other_gallery, monkeypatch):
    read, names = checkpoint.read_header, []
    monkeypatch.setattr(checkpoint, "read_header", lambda path: names.append(path.stem) or read(path))
    path = other_gallery / "ae_2.safetensors"
    path.write_bytes(b"short")
    for _ in range(3):
        assert gengallery.list_models() == []
    assert names == ["ae_2"]
    shutil.copy(gallery.SHIPPED / "ae_2.safetensors", path)
    assert gengallery.list_models() == ["ae_2"]
    assert gengallery.info("ae_2")["name"] == "ae_2"
    assert names == ["ae_2", "ae_2"]
    path.unlink()
    assert gengallery.list_models() == []
    assert gallery.default().problems() == {}


def test_dotfiles_are_left_alone(other_gallery):
    """As macOS leaves beside each file that it copies to another file system."""
    shutil.copy(gallery.SHIPPED / "vae_2.safetensors", other_gallery)
    (other_gallery / "._vae_2.safetensors").write_bytes(b"Mac OS X")
    (other_gallery / ".safetensors").write_bytes(b"")
    assert gengallery.list_models() == ["vae_2"]
    assert gallery.default().problems() == {}


def test_what_a_killed_write_left_behind_is_not_listed(other_gallery):
    (other_gallery / ".vae_2.safetensors.x1.part").write_bytes(b"short")
    (other_gallery / ".training").mkdir()
    assert gengallery.list_models() == []


def test_the_package_finds_its_weights_from_any_folder(tmp_path):
    code = "import gengallery; print(gengallery.list_models()[0])"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False,
                          env={"PYTHONPATH": str(ROOT)})  # fmt: skip
    assert done.stdout.strip() == NAMES[0], done.stderr
