"""Types, devices and torch's global settings: every model answers under all of them, and changes none."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch

import gengallery
from gengallery.data import TEST, TRAINVAL, Split
from gengallery.families import cards
from gengallery.model.model import Model
from gengallery.nn import inversion
from gengallery.training.flops import cost
from gengallery.training.run import Run

pytestmark = pytest.mark.slow

NAMES = gengallery.list_models()
ONE_OF_EACH = {gengallery.info(name)["family"]: name for name in reversed(NAMES)}
every_model = pytest.mark.parametrize("name", NAMES)
every_family = pytest.mark.parametrize("name", sorted({*ONE_OF_EACH.values(), "cvae_64", "cgan"}))
# How far images and latents, of a size of one, may lie from the float32 answers.
TOLERANCES = {torch.float64: 1e-4, torch.bfloat16: 0.1}
load = cache(gengallery.load)


@pytest.fixture(autouse=True)
def short_searches(monkeypatch):
    """Of one candidate, from which the search goes nowhere: descents on rough numbers part soon."""
    for name, value in {"CANDIDATES": 1, "STARTS": 1, "DESCENT": 1}.items():
        monkeypatch.setattr(inversion, name, value)


@pytest.fixture(scope="module")
def real() -> torch.Tensor:
    axis = torch.linspace(-1, 1, 28)
    box = torch.sigmoid(12 * (0.5 - axis.abs())) * torch.sigmoid(12 * (0.8 - axis.abs()))[:, None]
    return torch.stack([0.9 * box, 0.5 * box])[:, None]


def quick(model: Model) -> dict:
    return {"steps": 2} if model.options.steps else {}


def calls(model: Model, real: torch.Tensor, **given) -> list[torch.Tensor]:
    """The answers of all calls, images first."""
    given |= quick(model)
    z = np.asarray(load(model.name).sample(2, seed=1))
    images = [
        model.generate(2, seed=1, **given),
        model.decode(z, **given),
        *list(model.stream(2, seed=1, **given))[-1:],
    ]
    if model.options.label:
        images.append(model.decode(z, label=["Bag", 1], **given))
    return [*images, model.reconstruct(real, **given), model.encode(real, **given)]


# -- devices: the CPU, and whatever accelerators are at hand


DEVICES = ["cpu", *["cuda"] * torch.cuda.is_available(), *["mps"] * torch.backends.mps.is_available()]


@every_family
@pytest.mark.parametrize("device", DEVICES)
def test_a_model_answers_from_any_device_alike(name, device, real):
    model = gengallery.load(name, device=device)
    assert model.placement() == (next(model.parameters()).device, torch.float32)
    for found, expected in zip(calls(model, real), calls(load(name), real), strict=True):
        assert (found.device.type, found.dtype) == ("cpu", torch.float32)
        assert (found - expected).abs().mean() < 1e-3 * max(1.0, expected.abs().max().item())
    assert torch.equal(model.sample(3, seed=2), load(name).sample(3, seed=2))  # noise is drawn on the CPU


@pytest.mark.parametrize("device", DEVICES)
def test_a_training_step_on_any_device(device):
    rng = np.random.default_rng(0)
    images = torch.from_numpy(rng.integers(0, 256, (256, 1, 28, 28), dtype=np.uint8))
    split = Split(images, torch.from_numpy(rng.integers(0, 10, 256)))
    run = Run(cards()["vae_2"], split, epochs=1, device=device)
    assert [step.index for step in run.epoch()] == [1, 2]
    assert {parameter.device.type for parameter in run.learner.parameters()} == {device}


# -- types


@every_model
@pytest.mark.parametrize("dtype", TOLERANCES, ids=str)
def test_every_model_answers_in_every_type(name, dtype, real):
    plain = calls(load(name), real)
    for model in (gengallery.load(name, dtype=dtype), gengallery.load(name).to(dtype)):
        assert model.placement() == (torch.device("cpu"), dtype)
        assert all(p.dtype == dtype for p in model.parameters())
        for found, expected in zip(calls(model, real), plain, strict=True):
            assert found.dtype == torch.float32
            assert found.device.type == "cpu"
            assert found.shape == expected.shape
            scale = max(1.0, expected.abs().max().item())
            assert (found - expected).abs().mean() < TOLERANCES[dtype] * scale
        assert model.sample(2, seed=1).dtype == torch.float32
        assert torch.equal(model.sample(2, seed=1), load(name).sample(2, seed=1)) or dtype == torch.bfloat16


@every_family
def test_shorthands_of_torch_work_too(name, real):
    for model, dtype in ((gengallery.load(name).double(), torch.float64),
                         (gengallery.load(name).bfloat16(), torch.bfloat16)):  # fmt: skip
        assert model.generate(1, **quick(model)).dtype == torch.float32
        for found in calls(model, real, output="device"):
            assert found.dtype == dtype
            assert not found.requires_grad
            assert not found.is_inference()
        back = model.float()
        assert back.decode(load(name).sample(1), output="device").dtype == torch.float32


@every_family
def test_answers_may_stay_where_the_model_is(name, real):
    for device, cpu in zip(calls(load(name), real, output="device"), calls(load(name), real), strict=True):
        assert torch.equal(device, cpu)
    model = load(name)
    for bad in ("gpu", None, 1):
        for call, argument in ((model.generate, 1), (model.encode, real), (model.reconstruct, real)):
            with pytest.raises(ValueError, match="output: expected 'cpu' or 'device', found"):
                call(argument, output=bad)
        with pytest.raises(ValueError, match="output: expected 'cpu' or 'device', found"):
            model.stream(1, output=bad)


@every_family
def test_a_model_in_half_precision_is_saved_in_full(name, tmp_path):
    model = gengallery.load(name, dtype=torch.bfloat16)
    model.save(tmp_path / "x.safetensors")
    again = gengallery.load(tmp_path / "x.safetensors")
    assert again.placement()[1] == torch.float32
    for key, tensor in again.state_dict().items():
        assert torch.equal(tensor, model.state_dict()[key].to(tensor.dtype))


# -- torch's settings


@contextmanager
def default_type() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    try:
        yield
        assert torch.get_default_dtype() == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)


@contextmanager
def default_device() -> Iterator[None]:
    torch.set_default_device("meta")  # on which nothing can be computed
    try:
        yield
        assert torch.get_default_device().type == "meta"
    finally:
        torch.set_default_device(None)


@contextmanager
def threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        yield
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


@contextmanager
def deterministic() -> Iterator[None]:
    torch.use_deterministic_algorithms(True)
    try:
        yield
        assert torch.are_deterministic_algorithms_enabled()
    finally:
        torch.use_deterministic_algorithms(False)


@contextmanager
def without_gradients() -> Iterator[None]:
    with torch.no_grad():
        yield
        assert not torch.is_grad_enabled()


@contextmanager
def inference() -> Iterator[None]:
    with torch.inference_mode():
        yield
        assert torch.is_inference_mode_enabled()


SETTINGS = {
    "default type": default_type,
    "default device": default_device,
    "threads": threads,
    "deterministic": deterministic,
    "no gradients": without_gradients,
    "inference mode": inference,
}
every_setting = pytest.mark.parametrize("setting", SETTINGS)


@every_family
@every_setting
def test_no_setting_of_torch_breaks_or_changes_a_call(name, setting, real):
    plain = calls(load(name), real)
    for dtype in (torch.float32, torch.float64):
        with SETTINGS[setting]():
            model = gengallery.load(name, dtype=dtype)
            found = calls(model, real.clone())
            sampled = model.sample(3)
        assert model.placement() == (torch.device("cpu"), dtype)
        assert all(
            torch.equal(tensor, load(name).state_dict()[key].to(tensor.dtype))
            for key, tensor in model.state_dict().items()
        )
        assert sampled.dtype == torch.float32
        torch.testing.assert_close(sampled.clone(), load(name).sample(3), rtol=0, atol=1e-6)
        for one, other in zip(found, plain, strict=True):
            assert one.dtype == torch.float32
            assert one.device.type == "cpu"
            torch.testing.assert_close(one.clone(), other, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("name", sorted({*ONE_OF_EACH.values(), "cvae_64", "cgan"} - {"flow_1"}))
@every_setting
def test_no_setting_of_torch_breaks_or_changes_a_training_step(name, setting, fake_data):
    card = cards()[name]
    card = replace(card, recipe=replace(card.recipe, epochs=1, batch=64))
    train = fake_data.split(TRAINVAL)

    def steps() -> list[dict[str, float]]:
        epoch = Run(card, train).epoch()
        return [next(epoch).losses for _ in range(2)]

    plain = steps()
    with SETTINGS[setting]():
        found = steps()
    for one, other in zip(found, plain, strict=True):
        assert one == pytest.approx(other, rel=1e-3, abs=1e-4)


@every_setting
def test_no_setting_of_torch_breaks_the_end_of_a_training(setting, fake_data):
    card = cards()["ae_16"]
    card = replace(card, config=replace(card.config, components=2), recipe=replace(card.recipe, epochs=1))
    run = Run(card, fake_data.split(TRAINVAL))
    for _ in run.epoch():
        pass
    with SETTINGS[setting]():
        model, losses = run.finish(fake_data.split(TEST))
        counted = cost(card, 640) if setting not in ("no gradients", "inference mode") else None
    assert model.generate(2).dtype == torch.float32
    assert all(tensor.device.type == "cpu" for tensor in model.state_dict().values())
    assert losses["test"]["mse"] > 0
    assert counted is None or counted == cost(card, 640)


# -- what latents may be


class Frame:
    """Like a data frame: no array, but something that becomes one."""

    def __init__(self, values: np.ndarray):
        self.values = values

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        return self.values.astype(dtype or self.values.dtype)


WAYS: dict[str, Callable[[np.ndarray], object]] = {
    "reversed": lambda z: z[::-1].copy()[::-1],
    "big-endian": lambda z: z.astype(">f8"),
    "big-endian single": lambda z: z.astype(">f4"),
    "every other row": lambda z: z.repeat(2, 0)[::2],
    "transposed": lambda z: np.asfortranarray(z),
    "a list": lambda z: z.tolist(),
    "a list of arrays": list,
    "a list of tensors": lambda z: [torch.from_numpy(row) for row in z],
    "a data frame": Frame,
    "read only": lambda z: np.frombuffer(z.tobytes(), np.float32).reshape(z.shape),
    "masked": np.ma.masked_array,
    "a matrix of objects": lambda z: z.astype(object),
    "bfloat16": lambda z: torch.from_numpy(z).bfloat16(),
    "inference": lambda z: torch.inference_mode()(torch.from_numpy)(z),
}


@pytest.mark.parametrize("name", ["ae_16", "vae_2", "cgan"])
@pytest.mark.parametrize("way", WAYS)
def test_latents_may_come_in_any_order_of_bytes_and_rows(name, way):
    model = load(name)
    z = model.sample(4, seed=1).bfloat16().float().numpy()  # exact in every type here
    given = WAYS[way](z)
    torch.testing.assert_close(model.decode(given), model.decode(z), rtol=1e-5, atol=1e-5)
    if isinstance(given, np.ndarray):
        assert np.array_equal(np.asarray(given, np.float32), z)


@pytest.mark.parametrize("name", ["ae_16", "vae_2"])
def test_whole_numbers_are_latents_too(name):
    model, d = load(name), load(name).config.latent
    expected = model.decode(torch.ones(2, d))
    for dtype in (np.int8, np.uint16, np.int64, bool, np.float16):
        assert torch.equal(model.decode(np.ones((2, d), dtype)), expected)
    assert torch.equal(model.decode(torch.ones(2, d, dtype=torch.int64)), expected)
    for bad in (np.ones((2, d), complex), torch.ones(2, d, dtype=torch.complex64), np.array([["1"] * (d + 1)])):
        with pytest.raises(ValueError, match=r"^z: expected"):
            model.decode(bad)
