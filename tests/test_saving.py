"""Models leave the process and come back: saved, pickled, copied, in files of either format."""

import copy
import json
import multiprocessing
import pickle
import shutil
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import safetensors
import safetensors.torch
import torch

import gengallery
from gengallery import gallery
from gengallery.data import default_spec
from gengallery.families import cards
from gengallery.model.model import Model
from gengallery.nn import inversion
from gengallery.storage import checkpoint
from gengallery.storage.checkpoint import CheckpointError

pytestmark = pytest.mark.slow

NAMES = gengallery.list_models()
ONE_OF_EACH = {gengallery.info(name)["family"]: name for name in reversed(NAMES)}
every_model = pytest.mark.parametrize("name", NAMES)
every_family = pytest.mark.parametrize("name", sorted({*ONE_OF_EACH.values(), "cvae_64", "cgan"}))
load = cache(gengallery.load)


def quick(model: Model) -> dict:
    return {"steps": 1} if model.options.steps else {}


def same(one: Model, other: Model) -> bool:
    a, b = one.state_dict(), other.state_dict()
    return (
        a.keys() == b.keys()
        and all(torch.equal(a[key], b[key]) for key in a)
        and torch.equal(one.generate(3, seed=4, **quick(one)), other.generate(3, seed=4, **quick(other)))
        and (one.name, one.card, one.config, one.image) == (other.name, other.card, other.config, other.image)
    )


# -- in memory


@every_model
def test_a_model_is_pickled_and_copied(name):
    model = load(name)
    for again in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        assert same(again, model)
        assert not again.training
        assert not any(parameter.requires_grad for parameter in again.parameters())
    changed = copy.deepcopy(model)
    for parameter in changed.parameters():
        parameter.zero_()
    assert not same(changed, model)
    assert same(model, gengallery.load(name))


def generated(model: Model) -> np.ndarray:
    torch.set_num_threads(1)
    return model.generate(2, seed=5).numpy()


def test_a_spawned_worker_takes_models():
    names = ["ae_16", "cvae_64", "gan_dim_8", "flow"]
    models = [load(name) for name in names]
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        found = pool.map(generated, models)
    for model, images in zip(models, found, strict=True):
        torch.testing.assert_close(torch.from_numpy(images), model.generate(2, seed=5), rtol=1e-5, atol=1e-5)


@every_model
def test_a_state_dict_can_be_saved_by_others(name, tmp_path):
    model = load(name)
    safetensors.torch.save_file(model.state_dict(), tmp_path / "theirs.safetensors")
    torch.save(model.state_dict(), tmp_path / "theirs.pt")
    for state in (safetensors.torch.load_file(tmp_path / "theirs.safetensors"),
                  torch.load(tmp_path / "theirs.pt", weights_only=True)):  # fmt: skip
        fresh = copy.deepcopy(model)
        for tensor in fresh.state_dict().values():
            tensor.zero_()
        fresh.load_state_dict(state)
        assert same(fresh, model)
    with pytest.raises(CheckpointError, match="found a file that gengallery did not write"):
        gengallery.load(tmp_path / "theirs.safetensors")


# -- files of our own


@every_model
def test_a_model_that_saves_itself_comes_back(name, tmp_path):
    model, path = load(name), tmp_path / "deep" / "mine.safetensors"
    model.save(path)
    again, info = gengallery.load(path), gengallery.info(path)
    assert again.name == info["name"] == "mine"
    again.name = name
    assert same(again, model)
    was = gengallery.info(name)
    unlike = {key for key in info if info[key] != was[key]}
    assert unlike <= {"name", "bytes", "path", "scorecard"}
    assert info["checksum"] == was["checksum"]
    again.save(path)  # over itself
    assert gengallery.info(path)["checksum"] == was["checksum"]
    assert [p.name for p in path.parent.iterdir()] == ["mine.safetensors"]


@every_family
def test_a_model_without_a_file_saves_what_rebuilds_it(name, tmp_path):
    card = cards()[name]
    torch.manual_seed(0)
    model = card.model(card.config).eval().requires_grad_(False)
    assert model.name == ""
    assert model.card == {}
    model.save(tmp_path / "fresh.safetensors")
    again, info = gengallery.load(tmp_path / "fresh.safetensors"), gengallery.info(tmp_path / "fresh.safetensors")
    # Loaded, convolutions have their channels innermost, which rounds otherwise.
    torch.testing.assert_close(again.generate(2, **quick(again)), model.generate(2, **quick(model)), rtol=0, atol=1e-5)
    assert again.config == model.config
    assert info["options"] == list(model.options.names)
    assert info["paper"]["url"].startswith("https://")
    assert info["parameters"] == sum(parameter.numel() for parameter in model.parameters())
    assert info["summary"] == info["notes"] == ""
    assert info["scorecard"] is None
    found = gengallery.Gallery(tmp_path)
    assert found.list() == ["fresh"]
    assert found.image == model.image


@pytest.mark.parametrize("path", ["x.pt", "x", ".safetensors", "", "x.safetensors.part"])
def test_a_path_that_is_none_of_ours_is_refused(path, tmp_path):
    with pytest.raises(ValueError, match=r"path: expected NAME\.safetensors, found"):
        load("ae_2").save(tmp_path / path if path else "")
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_is_not_finite_is_not_saved(tmp_path):
    model = copy.deepcopy(load("ae_2"))
    model.inward.bias[0] = torch.nan
    with pytest.raises(ValueError, match=r"'inward\.bias' holds NaN or infinity; not written"):
        model.save(tmp_path / "x.safetensors")
    assert list(tmp_path.iterdir()) == []


# -- formats


def as_format_1(source: Path, target: Path) -> dict:
    """The file at `source` with the header that format 1 had; returns that header."""
    saved = checkpoint.read(source)
    header = json.loads(json.dumps(saved.header))
    header["format"] = 1
    for new in ("kind", "seal"):
        header.pop(new, None)
    del header["config"]["image"]
    for part in ("config", "prior"):
        if "truncation" in header[part]:
            header[part]["spread"] = header[part].pop("truncation")
    card = header["card"]
    for new in ("translations", "report", "dataset"):
        del card[new]
    card["half"] = card.pop("float16")
    old = {"lr": "rate", "ema_decay": "average", "kl_warmup": "ramp", "beta_start": "start", "weight_decay": "decay",
           "negative_slope": "leak", "penalty_every": "penalise_every", "generator_lr": "generator_rate"}  # fmt: skip
    card["recipe"] = {old.get(key, key): value for key, value in card["recipe"].items()}
    target.write_bytes(safetensors.torch.save(saved.tensors, {checkpoint.KEY: json.dumps(header)}))
    return header


@every_family
def test_format_1_is_read_as_fashion_mnist_and_written_as_format_3(name, tmp_path):
    model, path = load(name), tmp_path / f"{name}.safetensors"
    as_format_1(Path(gengallery.info(name)["path"]), path)
    again = gengallery.load(path)
    assert again.image == default_spec()
    assert again.config == model.config
    assert torch.equal(again.generate(3, seed=1), model.generate(3, seed=1))
    assert gengallery.info(path)["recipe"] == gengallery.info(name)["recipe"]
    assert gengallery.info(path)["float16"] == gengallery.info(name)["float16"]
    assert gengallery.info(path)["dataset"] == default_spec().dataset
    assert gengallery.Gallery(tmp_path).list() == [name]

    new = tmp_path / "new.safetensors"
    again.save(new)
    with safetensors.safe_open(new, "pt") as file:
        header = json.loads(file.metadata()[checkpoint.KEY])
    assert header["format"] == 3
    assert header["config"]["image"]["dataset"] == default_spec().dataset
    assert header["config"]["image"]["classes"] == list(default_spec().classes)
    assert torch.equal(gengallery.load(new).generate(3, seed=1), model.generate(3, seed=1))
    real = model.generate(1)
    assert torch.equal(gengallery.load(new).encode(real, **quick(model)), model.encode(real, **quick(model)))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda header: header.update(config=[]),
        lambda header: header.update(prior=None),
        lambda header: header.update(card="a card"),
        lambda header: header.pop("config"),
        lambda header: header["card"].pop("exhibit"),
        lambda header: header.update(format=0),
        lambda header: header.update(format=None),
    ],
)
def test_a_damaged_file_of_format_1_is_refused_as_any(spoil, tmp_path):
    path = tmp_path / "ae_2.safetensors"
    header = as_format_1(Path(gengallery.info("ae_2")["path"]), path)
    spoil(header)
    path.write_bytes(safetensors.torch.save(load("ae_2").state_dict(), {checkpoint.KEY: json.dumps(header)}))
    with pytest.raises(CheckpointError, match=f"^{path}: expected "):
        gengallery.info(path)


# -- paths, patterns, and words that are going


def test_information_is_given_of_a_path_too(tmp_path, monkeypatch):
    shutil.copy(gengallery.info("vae_2")["path"], tmp_path / "other.safetensors")
    monkeypatch.chdir(tmp_path)
    expected = gengallery.info("vae_2")
    for path in (tmp_path / "other.safetensors", str(tmp_path / "other.safetensors"), "other.safetensors"):
        found = gengallery.info(path)
        assert {**found, "path": ""} == {**expected, "path": ""}
        assert Path(found["path"]).samefile(tmp_path / "other.safetensors")
    with pytest.raises(CheckpointError, match="expected a file of weights; found No such file"):
        gengallery.info("none.safetensors")


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*", NAMES),
        ("vae*", [name for name in NAMES if name.startswith("vae")]),
        ("?ae_2", ["vae_2"]),
        ("*_2", ["ae_2", "vae_2"]),
        ("[av]*_2", ["ae_2", "vae_2"]),
        ("vae_2", ["vae_2"]),
        ("nothing*", []),
        ("nobody", []),
        ("VAE*", []),
    ],
)
def test_models_are_listed_by_pattern(pattern, expected):
    assert gengallery.list_models(pattern) == expected
    assert gengallery.Gallery(gallery.SHIPPED).list(pattern) == expected


def test_a_pattern_goes_with_a_family_and_an_option():
    assert gengallery.list_models("*_64", family="vae", option="label") == ["cvae_64"]
    assert gengallery.list_models("vae*", option="label") == []


def test_a_family_in_the_place_of_the_pattern_still_works_with_a_warning():
    with pytest.warns(DeprecationWarning, match=r"list_models\('vae'\): say list_models\(family='vae'\)"):
        found = gengallery.list_models("vae")
    assert found == gengallery.list_models(family="vae") != []


def test_the_old_place_of_images_still_works_with_a_warning():
    from gengallery import images

    for name, new in (("as_images", gengallery.as_images), ("CLASS_NAMES", default_spec().classes)):
        with pytest.warns(DeprecationWarning, match=rf"gengallery\.images\.{name}: use gengallery\.data") as caught:
            assert getattr(images, name) == new
        assert caught[0].filename == __file__
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        images.nothing  # noqa: B018


# -- galleries


def test_two_galleries_side_by_side(tmp_path):
    for name in ("ae_2", "gan_dim_8"):
        shutil.copy(gallery.SHIPPED / f"{name}.safetensors", tmp_path)
    other = gengallery.Gallery(tmp_path)
    assert other.list() == ["ae_2", "gan_dim_8"]
    assert gengallery.list_models() == NAMES
    assert torch.equal(other.load("ae_2").generate(2), load("ae_2").generate(2))
    with pytest.raises(ValueError, match="unknown model 'vae_2': "):
        other.load("vae_2")
    assert other.histories() == []
    with pytest.raises(ValueError, match="expected a model with a history"):
        other.history("ae_2")
    assert other.image == default_spec()
    with pytest.raises(ValueError, match="expected at least one model, found none"):
        _ = gengallery.Gallery(tmp_path / "none").image


def test_the_environment_names_the_default_gallery(tmp_path, monkeypatch):
    shutil.copy(gallery.SHIPPED / "ae_2.safetensors", tmp_path)
    monkeypatch.setenv(gallery.VARIABLE, str(tmp_path))
    assert gengallery.list_models() == gengallery.Gallery().list() == ["ae_2"]
    monkeypatch.setenv("HOME", str(tmp_path.parent))
    monkeypatch.setenv(gallery.VARIABLE, f"~/{tmp_path.name}")
    assert gengallery.list_models() == ["ae_2"]
    monkeypatch.setenv(gallery.VARIABLE, "")
    assert gengallery.list_models() == NAMES


@pytest.mark.parametrize("device", ["cpu", torch.device("cpu")])
def test_a_model_is_loaded_where_it_is_asked_for(device):
    assert gengallery.load("ae_2", device=device).placement() == (torch.device(device), torch.float32)


def test_a_search_finds_the_same_on_a_copy(monkeypatch):
    monkeypatch.setattr(inversion, "DESCENT", 10)
    model = load("gan_dim_8")
    image = model.generate(1, seed=9)
    assert torch.equal(copy.deepcopy(model).encode(image), model.encode(image))
