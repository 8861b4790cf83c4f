"""Models in the course of their training: what is kept, and how a wrong file is refused."""

import shutil

import pytest
import torch

import gengallery
from gengallery import gallery
from gengallery.storage import history
from gengallery.storage.checkpoint import CheckpointError

NAMES = gengallery.list_histories()


def test_one_of_each_family_has_a_history():
    families = [gengallery.info(name)["family"] for name in NAMES]
    assert sorted(families) == ["autoencoder", "gan", "vae"]


@pytest.mark.parametrize("name", NAMES)
def test_a_history_ends_in_the_model(name):
    course, final = gengallery.load_history(name), gengallery.load(name)
    epochs = list(course)
    assert epochs[0] == 0
    assert epochs[-1] == gengallery.info(name)["training"]["epochs"]
    assert epochs == sorted(epochs)
    z = final.sample(20)
    images = final.decode(z)
    errors = [(model.decode(z) - images).abs().max().item() for model in course.values()]
    assert errors[-1] < 0.01  # what half precision costs
    assert min(errors[:3]) > 0.1
    for model in course.values():
        assert all(not p.requires_grad for p in model.parameters())


def test_no_history_is_said_by_name():
    with pytest.raises(ValueError, match=rf"expected .*{NAMES[0]}.*found 'nobody'"):
        gengallery.load_history("nobody")


def test_a_wrong_file_is_refused(tmp_path, monkeypatch):
    shutil.copytree(gallery.SHIPPED, tmp_path / "w", ignore=shutil.ignore_patterns(".*"))
    monkeypatch.setenv(gallery.VARIABLE, str(tmp_path / "w"))
    path = tmp_path / "w" / gallery.HISTORY / f"{NAMES[0]}.safetensors"
    whole = path.read_bytes()
    history.write(path, {0: {"weight": torch.ones(3)}})
    with pytest.raises(CheckpointError, match="the parameters of the model beside it"):
        gengallery.load_history(NAMES[0])
    for damaged in (whole[: len(whole) // 2], b"", b"x" * 100):
        path.write_bytes(damaged)
        with pytest.raises(CheckpointError, match="snapshots"):
            gengallery.load_history(NAMES[0])
    path.unlink()
    assert gengallery.list_histories() == NAMES[1:]


def test_what_is_written_comes_back(tmp_path):
    layer = torch.nn.Linear(2, 3)
    history.write(tmp_path / "file", {16: layer, 2: {"weight": torch.ones(3, 2), "bias": torch.zeros(3)}})
    found = history.read(tmp_path / "file")
    assert list(found) == [2, 16]
    assert torch.equal(found[16]["weight"], layer.weight.detach().half())
    assert torch.equal(found[2]["weight"], torch.ones(3, 2).half())
