"""Trainings that are stopped go on bit for bit, and never from the state of another."""

from pathlib import Path

import pytest
import safetensors
import torch
from runs import KINDS, STEPS, complete, run_of, same

from gengallery import data
from gengallery.storage import tensors as files
from gengallery.training.run import STATE, ResumeError

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", KINDS)
def test_a_restored_run_goes_on_bit_for_bit(name, fake_train, fake_test, tmp_path):
    whole = run_of(name, fake_train, epochs=3)
    steps = complete(whole)
    first = run_of(name, fake_train, epochs=3)
    list(first.epoch())
    first.save(tmp_path / "state")
    second = run_of(name, fake_train, epochs=3)
    second.restore(tmp_path / "state")
    assert second.finished == 1
    assert second.seconds == first.seconds
    rest = complete(second)
    assert [step.losses for step in rest] == [step.losses for step in steps[STEPS:]]
    assert same(second.learner, whole.learner)
    (model, losses), (expected, expected_losses) = second.finish(fake_test), whole.finish(fake_test)
    assert same(model, expected)
    assert losses == expected_losses


@pytest.fixture
def state(fake_train, tmp_path) -> Path:
    run = run_of("ae_2", fake_train)
    list(run.epoch())
    run.save(tmp_path / "state")
    return tmp_path / "state"


@pytest.mark.parametrize(
    ("says", "other"),
    [
        ("a training with name 'ae_16'; found 'ae_2'", {"name": "ae_16"}),
        ("a training with seed 1; found 0", {"seed": 1}),
        ("a training with epochs 3; found 2", {"epochs": 3}),
        ("a training with recipe .*found", {"lr": 0.5}),
    ],
)
def test_a_state_of_another_run_is_refused(says, other, fake_train, state):
    run = run_of(**{"name": "ae_2", "train": fake_train, **other})
    with pytest.raises(ResumeError, match=f"{says}.*rain without --resume"):
        run.restore(state)


def test_a_state_from_other_data_is_refused(fake_train, state):
    other = data.Split(fake_train.images.flip(0), fake_train.labels)
    with pytest.raises(ResumeError, match="a training with data"):
        run_of("ae_2", other).restore(state)


def test_a_state_from_another_number_of_threads_is_refused(fake_train, state):
    run, threads = run_of("ae_2", fake_train), torch.get_num_threads()
    torch.set_num_threads(threads + 1)
    try:
        with pytest.raises(ResumeError, match="a training with threads"):
            run.restore(state)
    finally:
        torch.set_num_threads(threads)


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[:7],
        lambda content: content[:200],
        lambda content: content[:-1],
        lambda content: b"garbage" * 100,
        lambda content: safetensors.torch.save({"x": torch.zeros(1)}),
        lambda content: safetensors.torch.save({"x": torch.zeros(1)}, {"run": "no JSON"}),
        lambda content: safetensors.torch.save({"x": torch.zeros(1)}, {"run": "[]"}),
        lambda content: safetensors.torch.save({"x": torch.zeros(1)}, {"run": "{}"}),
        lambda content: content.replace(b"outward.bias", b"outward.boss"),
        lambda content: content.replace(b"[784,2]", b"[2,784]"),
    ],
)
def test_a_damaged_state_is_refused(damage, fake_train, state):
    state.write_bytes(damage(state.read_bytes()))
    run = run_of("ae_2", fake_train)
    with pytest.raises(ResumeError, match="rain without --resume"):
        run.restore(state)


@pytest.mark.parametrize(
    "changes",
    [
        {"rng": None},
        {"rng": {}},
        {"rng": {"bit_generator": "PCG64", "state": {"state": -1, "inc": 0}, "has_uint32": 0, "uinteger": 0}},
        {"rng": {"bit_generator": "MT19937", "state": {"key": [1], "pos": 0}}},
        {"rng": [1, 2]},
        {"identity": None},
        {"identity": []},
        {"identity": {}},
        {"finished": -1},
        {"finished": 3},
        {"finished": True},
        {"finished": "1"},
        {"seconds": None},
        {"seconds": -1},
    ],
)
def test_a_state_that_says_something_odd_is_refused_and_changes_nothing(changes, fake_train, state):
    saved = files.read(state, STATE)
    files.write(state, STATE, saved.tensors, {**saved.header, **changes})
    run = run_of("ae_2", fake_train)
    before = {name: tensor.clone() for name, tensor in run.learner.state_dict().items()}
    with pytest.raises(ResumeError, match="rain without --resume"):
        run.restore(state)
    assert all(torch.equal(tensor, before[name]) for name, tensor in run.learner.state_dict().items())
    assert run.finished == 0


def test_a_missing_state_is_refused(fake_train, tmp_path):
    with pytest.raises(ResumeError, match="expected the state of a training; found No such file"):
        run_of("ae_2", fake_train).restore(tmp_path / "nothing")
