"""`gengallery train` and scripts/train.py: what they train on, where they write, how they are stopped and go on."""

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import ROOT, offline, run_python

import gengallery
from gengallery import cli, data, gallery
from gengallery.cli import training
from gengallery.families import cards
from gengallery.storage import checkpoint, history

pytestmark = pytest.mark.slow
COUNT, SIDE = 200, 16
FEW = ("--epochs", 1, "--threads", 1, "--size", SIDE)


@pytest.fixture(scope="module")
def things(tmp_path_factory) -> Path:
    """An .npz file of small coloured boxes, whose width tells their class."""
    rng = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("data") / "things.npz"
    labels = np.arange(COUNT) % 3
    images = np.zeros((COUNT, SIDE, SIDE, 3), np.uint8)
    for image, label, top in zip(images, labels, rng.integers(0, 8, COUNT), strict=True):
        image[top : top + 8, 5 - label : 11 + label] = rng.integers(100, 256, 3)
    np.savez(path, images=images, labels=labels)
    return path


@pytest.fixture(scope="module")
def classless(things) -> Path:
    """The same without classes."""
    path = things.with_name("classless.npz")
    np.savez(path, images=np.load(things)["images"])
    return path


@pytest.fixture
def train(tmp_path, monkeypatch, capfd):
    """train("ae_16") calls the command in an empty folder; returns exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: object) -> tuple[int, str, str]:
        code = cli.main(["train", *map(str, arguments)])
        return code, *capfd.readouterr()

    return call


@pytest.mark.parametrize(("name", "threads"), [("ae_16", 1), ("vae_2", 2)])
def test_unless_told_otherwise_dense_networks_get_one_thread_and_others_two(name, threads, things, train, tmp_path):
    before = torch.get_num_threads()
    code, _, _ = train(name, "--data", things, "--size", SIDE, "--epochs", 1, "--out", tmp_path)
    assert code == 0
    assert checkpoint.read_header(tmp_path / f"{name}.safetensors")["training"]["threads"] == threads
    assert torch.get_num_threads() == before


@pytest.fixture
def error(train):
    """The same for what fails: the sentence on stderr."""

    def call(*arguments: object) -> str:
        code, out, err = train(*arguments)
        assert (code, out, err.count("\n")) == (2, "", 1)
        return err.removeprefix("gengallery: ").rstrip()

    return call


def files(folder: Path) -> set[str]:
    """The files in `folder` and below it, without locks, which stay."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock"}


# -- what is written


def test_a_model_of_other_data_goes_into_a_folder_of_its_own(train, things, tmp_path):
    code, out, err = train("ae_16", "--data", things, *FEW)
    assert code == 0, err
    assert "ae_16: 100%" in err  # the bar
    assert re.fullmatch(
        r"gallery-things/ae_16\.safetensors: \d+ s, test mse [\d.]+\n"
        r"To see what is there: gengallery list --gallery gallery-things\n",
        out,
    )
    assert files(tmp_path) == {"gallery-things/ae_16.safetensors"}
    card = gengallery.info(tmp_path / "gallery-things" / "ae_16.safetensors")
    dataset = data.dataset(things, size=SIDE)
    assert data.ImageSpec.from_json(card["image"]) == dataset.spec
    assert (card["summary"], card["summary"].pt) == (
        "Autoencoder, trained on things.",
        f"{cards()['ae_16'].model.title.pt}, treinado em things.",
    )
    assert (card["dataset"], card["reported"], card["report"], card["notes"]) == ("things", {}, "", "")
    trained = card["training"]
    assert trained["data"] == dataset.split("trainval").checksum()
    assert trained["command"] == "gengallery train ae_16 --data things.npz --size 16 --epochs 1 --seed 0"
    images = gengallery.load(tmp_path / "gallery-things" / "ae_16.safetensors").generate(2)
    assert images.shape == (2, 3, SIDE, SIDE)


def test_size_channels_seed_and_folder_are_taken(train, things, tmp_path):
    where = tmp_path / "a" / "b"
    options = ("--size", 20, "--channels", 1, "--seed", 7, "--epochs", 1, "--threads", 1, "--out", where)
    code, _, err = train("ae_16", "--data", things, *options)
    assert code == 0, err
    card = gengallery.info(where / "ae_16.safetensors")
    assert [card["image"][key] for key in ("channels", "height", "width")] == [1, 20, 20]
    assert card["training"]["seed"] == 7


def test_the_gallerys_own_data_go_into_the_gallery(train, fake_data, tmp_path, monkeypatch):
    """In a checkout, or where a gallery is named; an installed one is left as it came."""
    options = training_options(data=None, out=None)
    own = SimpleData(data.DEFAULT)
    assert training._folder(options, own) == gallery.SHIPPED
    assert training._folder(options, SimpleData("things")) == Path("gallery-things")
    monkeypatch.setattr(gallery, "SHIPPED", gallery.HERE / "weights")
    monkeypatch.setattr(gallery, "_default_folder", lambda: gallery.HERE / "weights")
    assert training._folder(options, own) == Path(f"gallery-{data.DEFAULT}")
    monkeypatch.setattr(gallery, "_default_folder", lambda: tmp_path)
    assert training._folder(options, own) == tmp_path


class SimpleData:
    """What `_folder` asks of a data set."""

    def __init__(self, name: str):
        self.name = name


def training_options(**values):
    """Options of `train` as the parser gives them."""
    options = cli.make_parser().parse_args(["train", "ae_16"])
    for name, value in values.items():
        setattr(options, name, value)
    return options


def test_its_own_data_is_all_of_the_training_half(train, fake_data, fake_train, tmp_path, monkeypatch):
    """The card's data set, in its split "trainval"; here a stand-in takes the name."""
    card = cards()["ae_16"]
    card = replace(card, config=replace(card.config, image=fake_data.spec), dataset="stand-in")
    monkeypatch.setattr("gengallery.families.cards", lambda: {"ae_16": card})
    monkeypatch.setitem(data.sources._registered, "stand-in", fake_data)
    code, _, err = train("ae_16", "--epochs", 1, "--threads", 1, "--out", tmp_path)
    assert code == 0, err
    card = gengallery.info(tmp_path / "ae_16.safetensors")
    assert card["training"]["data"] == fake_train.checksum()
    assert card["summary"] == cards()["ae_16"].summary
    assert card["training"]["command"] == "gengallery train ae_16 --epochs 1 --seed 0"


def test_snapshots_are_kept_at_twice_as_many_epochs_each_time(train, things, tmp_path):
    code, out, err = train("ae_16", "--data", things, *FEW[2:], "--epochs", 5, "--snapshots", "--out", "here")
    assert code == 0, err
    assert files(tmp_path / "here") == {"ae_16.safetensors", "history/ae_16.safetensors"}
    assert "here/history/ae_16.safetensors\n" in out
    kept = history.read(tmp_path / "here" / "history" / "ae_16.safetensors")
    assert list(kept) == [0, 1, 2, 5]
    model = gengallery.Gallery("here").load("ae_16")
    for name, parameter in model.named_parameters():
        assert torch.allclose(kept[5][name].float(), parameter, atol=1e-3)


def test_the_present_words_are_written_into_files(train, tmp_path):
    path = tmp_path / "ae_16.safetensors"
    saved = checkpoint.read(gallery.SHIPPED / path.name)
    checkpoint.write(path, saved.tensors, {**saved.header, "card": {**saved.header["card"], "summary": "old"}})
    assert train("ae_16", "--relabel", "--out", tmp_path)[0] == 0
    card = gengallery.info(path)
    assert card["summary"] == cards()["ae_16"].summary
    assert (card["scorecard"], card["training"], card["cost"]) == tuple(
        gengallery.info(gallery.SHIPPED / path.name)[key] for key in ("scorecard", "training", "cost")
    )


def test_words_are_not_written_into_what_was_trained_otherwise(error, tmp_path):
    path = tmp_path / "ae_16.safetensors"
    saved = checkpoint.read(gallery.SHIPPED / path.name)
    recipe = {**saved.header["card"]["recipe"], "epochs": 999}
    checkpoint.write(path, saved.tensors, {**saved.header, "card": {**saved.header["card"], "recipe": recipe}})
    before = path.read_bytes()
    assert re.fullmatch(".*: expected the recipe .*; train it again", error("ae_16", "--relabel", "--out", tmp_path))
    assert path.read_bytes() == before


# -- what can't be


def test_a_model_of_classes_can_not_be_trained_without(error, classless, tmp_path):
    assert "class" in error("cvae_64", "--data", classless, *FEW)
    assert not files(tmp_path)


def test_all_leaves_out_what_the_data_can_not_be(train, classless, tmp_path, monkeypatch):
    few = {name: card for name, card in cards().items() if name in ("ae_16", "cgan")}
    monkeypatch.setattr("gengallery.families.cards", lambda: few)
    monkeypatch.setattr(training, "_train", lambda card, data, options, adapted: print("trained", card.name))
    code, out, err = train("--all", "--data", classless, *FEW)
    assert code == 0 and err.startswith("cgan: left out: ")
    assert out.splitlines()[:2] == ["trained ae_16", "trained classifier"]


def test_a_model_that_starts_from_another_asks_for_it_first(error, things, tmp_path):
    says = "flow_1 starts from flow: train that on things first, into gallery-things"
    assert error("ae_16", "flow_1", "--data", things, *FEW) == says
    assert not files(tmp_path)


def test_what_a_folder_lacks_is_told_before_the_first_step(error, tmp_path):
    np.savez(tmp_path / "few.npz", images=np.zeros((10, SIDE, SIDE), np.uint8))
    assert re.match(
        r"\S*few\.npz: expected at least 64 training images, found \d+", error("ae_16", "--data", "few.npz")
    )
    assert files(tmp_path) == {"few.npz"}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--epochs", 0), "epochs: expected at least 1, found 0"),
        (("--size", 30), "size: expected a multiple of 4 from 16 to 64, found 30"),
        (("--out", "file"), "file/.*: (Not a directory|File exists)"),
        (("--device", "nowhere"), "--device: expected one that is here .*, found 'nowhere'"),
    ],
)
def test_settings_that_make_no_sense_are_one_sentence(arguments, says, train, things, tmp_path):
    (tmp_path / "file").write_text("in the way")
    code, out, err = train("ae_16", "--data", things, *FEW[2:], "--epochs", 1, *arguments)
    assert (code, out) == (2, "")
    assert re.fullmatch(f"gengallery: {says}", err.splitlines()[-1])
    assert "Traceback" not in err


def test_a_loss_that_is_no_longer_finite_is_one_sentence(train, things, monkeypatch):
    card = cards()["vae_2"]
    wild = replace(card, recipe=replace(card.recipe, lr=1e3))
    monkeypatch.setattr("gengallery.families.cards", lambda: {"vae_2": wild})
    code, _, err = train("vae_2", "--data", things, *FEW[2:], "--epochs", 20)
    assert code == 2 and "Traceback" not in err
    assert err.splitlines()[-1].startswith("gengallery: vae_2: the loss is no longer finite in epoch ")


# -- stopped, and gone on with


@pytest.mark.skipif(os.name == "nt", reason="has other signals")
@pytest.mark.parametrize(
    ("program", "sent"),
    [(("-m", "gengallery", "train"), signal.SIGTERM), (("scripts/train.py",), signal.SIGINT)],
)
def test_a_training_that_is_stopped_says_how_to_go_on_and_loses_nothing(program, sent, train, things, tmp_path):
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    options = ("ae_16", "--data", things, "--size", SIDE, "--threads", 1, "--epochs", 150, "--snapshots", "--out")
    process = subprocess.Popen(
        [sys.executable, *program, *map(str, (*options, killed))],
        cwd=ROOT, env=offline(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    state = killed / ".training" / "ae_16.safetensors"
    deadline = time.monotonic() + 120
    while not state.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(sent)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert not out and "Traceback" not in err
    *_, last = err.splitlines()
    again = last.removeprefix("Interrupted; go on with: ")
    assert again.startswith("python ") and again.endswith(" --resume") and again != last
    assert not (killed / "ae_16.safetensors").exists()

    done = run_python(*shlex.split(again)[1:])
    assert done.returncode == 0, done.stderr
    assert re.search(r"^ae_16: goes on after epoch \d+ of 150$", done.stderr, re.MULTILINE)
    assert train(*options, whole)[0] == 0
    one, other = (checkpoint.read(folder / "ae_16.safetensors") for folder in (killed, whole))
    assert one.header["checksum"] == other.header["checksum"]
    assert files(killed) == files(whole) == {"ae_16.safetensors", "history/ae_16.safetensors"}
    assert (killed / "history/ae_16.safetensors").read_bytes() == (whole / "history/ae_16.safetensors").read_bytes()


def test_a_training_is_interrupted_at_any_moment_and_goes_on(train, things, tmp_path, monkeypatch):
    """After each thing that is written, once: the same files come of it in the end."""
    options = ("ae_16", "--data", things, *FEW[2:], "--epochs", 4, "--snapshots")
    assert train(*options, "--out", "whole")[0] == 0
    calls = {"n": 0, "stop": 0}

    def interrupted(module, name):
        original = getattr(module, name)

        def call(*arguments, **keywords):
            found = original(*arguments, **keywords)
            calls["n"] += 1
            if calls["n"] == calls["stop"]:
                raise KeyboardInterrupt
            return found

        monkeypatch.setattr(module, name, call)

    from gengallery.training.run import Run

    interrupted(history, "write")
    interrupted(Run, "save")
    interrupted(checkpoint, "write")
    interrupted(training.Album, "publish")
    interrupted(Path, "unlink")
    for stop in range(1, 20):
        out = tmp_path / f"stopped-{stop}"
        calls.update(n=0, stop=stop)
        code, _, err = train(*options, "--out", out)
        if code == 0:
            break
        assert code == 130
        again = shlex.join(map(str, ("gengallery", "train", *options, "--out", out, "--resume")))
        assert err.splitlines()[-1] == f"Interrupted; go on with: {again}"
        assert train(*options, "--out", out, "--resume")[0] == 0
        for name in ("ae_16.safetensors", "history/ae_16.safetensors"):
            found, expected = (checkpoint_tensors(folder / name) for folder in (out, tmp_path / "whole"))
            assert found.keys() == expected.keys()
            assert all(torch.equal(found[key], expected[key]) for key in expected)
    assert stop > 9


def checkpoint_tensors(path: Path) -> dict[str, torch.Tensor]:
    from safetensors.torch import load

    return load(path.read_bytes())


def test_what_is_trained_already_is_left(train, things, tmp_path):
    options = ("ae_16", "--data", things, *FEW, "--out", "out")
    assert train(*options)[0] == 0
    before = (tmp_path / "out" / "ae_16.safetensors").stat()
    code, _, err = train(*options, "--resume")
    assert code == 0 and "ae_16: trained already\n" in err
    assert (tmp_path / "out" / "ae_16.safetensors").stat() == before


def test_a_state_of_another_training_is_refused(train, things, monkeypatch):
    options = ("ae_16", "--data", things, *FEW[2:], "--epochs", 3, "--out", "out")

    def stop(self, epoch):
        raise KeyboardInterrupt

    from gengallery.training.run import Run

    monkeypatch.setattr(Run, "finish", stop)
    assert train(*options)[0] == 130
    code, _, err = train(*options, "--seed", 9, "--resume")
    assert code == 2
    assert re.search(r"expected a training with seed 9; found 0\. .*without --resume\.$", err)


# -- scripts/train.py


def test_the_script_is_the_command(things, tmp_path):
    done = run_python("scripts/train.py", "ae_16", "--data", "nowhere/")
    assert done.returncode == 2 and not done.stdout
    assert re.fullmatch(r"train\.py: .*nowhere: expected a folder .*, found nothing\n", done.stderr)
