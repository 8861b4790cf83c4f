"""The file of weights: every way in which it can be wrong is one error that says what to do; writing is atomic."""

import json
import random
import stat
from dataclasses import asdict
from pathlib import Path

import pytest
import safetensors.torch
import torch

import gengallery
from gengallery.data import default_spec
from gengallery.families import cards
from gengallery.model.spec import as_json
from gengallery.priors.noise import Noise
from gengallery.storage import checkpoint
from gengallery.storage import tensors as files
from gengallery.storage.checkpoint import CheckpointError

IMAGE = as_json(asdict(default_spec()))
PIXELS = default_spec().pixels


def header_of(name: str, /, **changes) -> dict:
    card = cards()[name]
    model = card.model(card.config)
    return {
        "name": name,
        "family": card.family,
        "config": as_json(asdict(card.config)),
        "prior": model.prior.describe(),
        "card": card.describe(),
        "parameters": sum(p.numel() for p in model.parameters()),
        "training": {"seed": 0, "epochs": 1},
        "cost": {"training": 1.0, "image": 1.0},
        "losses": {},
        **changes,
    }


def tensors_of(name: str) -> dict[str, torch.Tensor]:
    card = cards()[name]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return card.model(card.config).state_dict()


def raw_file(tensors: dict, metadata: dict | None) -> bytes:
    return safetensors.torch.save(tensors, metadata)


def ours(tensors: dict, header: dict) -> bytes:
    """A file with `header` as it is, also where `checkpoint.write` would refuse it."""
    whole = {"format": 3, "kind": "weights", "checksum": checkpoint.checksum(tensors), **header}
    return raw_file(tensors, {checkpoint.KEY: json.dumps({"seal": files.seal(whole), **whole})})


def changed(**tensors: torch.Tensor | None) -> bytes:
    """The file of an untrained ae_2 with these tensors instead, or without those that are None."""
    merged = {**tensors_of("ae_2"), **{name.replace("__", "."): tensor for name, tensor in tensors.items()}}
    return ours({name: tensor for name, tensor in merged.items() if tensor is not None}, header_of("ae_2"))


def with_header(**changes) -> bytes:
    return ours(tensors_of("ae_2"), header_of("ae_2", **changes))


def with_config(image: object = IMAGE, **fields) -> bytes:
    return with_header(config={**fields, "image": image})


def without_field(field: str) -> bytes:
    """The same, sealed without this field, or the field "part.field"."""
    whole = {"format": 3, "kind": "weights", "checksum": checkpoint.checksum(AE2), **header_of("ae_2")}
    owner, _, key = field.rpartition(".")
    del (whole[owner] if owner else whole)[key]
    return raw_file(AE2, {checkpoint.KEY: json.dumps({"seal": files.seal(whole), **whole})})


def layout(text: str | bytes, length: int | None = None) -> bytes:
    """A safetensors file with this JSON in front, and no tensors."""
    text = text.encode() if isinstance(text, str) else text
    return (len(text) if length is None else length).to_bytes(8, "little") + text


def flipped() -> bytes:
    content = bytearray(with_header())
    content[-100] ^= 1
    return bytes(content)


GOOD = with_header()
AE2 = tensors_of("ae_2")
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:%b\nsize 123\n" % (b"0" * 64)
NOT_OURS = "the metadata key 'gengallery'; found a file that gengallery did not write"
CARD = header_of("ae_2")["card"]
# What is wrong with the file: its bytes, and what the error says was expected and found.
WRONG = {
    "empty": (b"", "a whole safetensors file; found an empty file"),
    "seven bytes": (b"1234567", "a whole safetensors file; found 7 bytes, which end inside the header"),
    "ends inside the header": (GOOD[:500], "found 500 bytes, which end inside the header"),
    "ends inside the tensors": (GOOD[:-10], "a whole safetensors file; found one that is cut short or damaged"),
    "ends after the header": (GOOD[: 8 + int.from_bytes(GOOD[:8], "little")], "cut short or damaged"),
    "bytes behind the tensors": (GOOD + b"more", "cut short or damaged"),
    "garbage": (random.Random(0).randbytes(5000), "which end inside the header"),
    "text": (b"<!DOCTYPE html><html>not found</html>" * 9, "which end inside the header"),
    "a huge header length": (layout("{}", 2**63), "which end inside the header"),
    "a header of garbage": (layout(b"\xff\xfe\x00" * 40), "a safetensors header; found something else"),
    "a header that is a list": (layout("[1, 2]"), "a safetensors header"),
    "a header that is a number": (layout("17"), "a safetensors header"),
    "a bottomless header": (layout("[" * 200_000), "a safetensors header"),
    "a deep header": (layout("[" * 9 + "]" * 9), "a safetensors header; found one that is nested more than 8 deep"),
    "metadata that is a list": (
        layout('{"__metadata__": [1]}'),
        "a safetensors header; found metadata that is no text",
    ),
    "metadata that is text": (layout('{"__metadata__": "gengallery"}'), "a safetensors header"),
    "metadata of another type": (layout('{"__metadata__": {"gengallery": {"format": 1}}}'), "a safetensors header"),
    "plain safetensors": (raw_file(AE2, None), NOT_OURS),
    "another project's": (raw_file(AE2, {"format": "pt"}), NOT_OURS),
    "our key, no JSON": (
        raw_file(AE2, {"gengallery": "hello"}),
        "the metadata key 'gengallery' as JSON",
    ),
    "our key, not a dict": (raw_file(AE2, {"gengallery": "[1]"}), NOT_OURS),
    "our key, no format": (raw_file(AE2, {"gengallery": "{}"}), NOT_OURS),
    "newer": (with_header(format=4), "format 1 or 2 or 3; found format 4. Update gengallery"),
    "format of another type": (with_header(format="1"), "format 1 or 2 or 3; found format '1'"),
    "a bool for a number": (with_header(parameters=True), "the header's 'parameters' as int; found True"),
    "no latent size": (with_header(prior={}), "the header's 'prior.dim' as int, 1 or more; found None"),
    "no exhibit": (with_header(card={**CARD, "exhibit": 0}), "the header's 'card.exhibit' as bool; found 0"),
    "a missing tensor": (changed(inward__bias=None), "the tensor 'inward.bias' (2,) float32; found none of that name"),
    "an extra tensor": (changed(more=torch.zeros(3)), "no other tensors than the model's; found 'more' (3,) float32"),
    "mis-shaped": (changed(inward__bias=torch.zeros(3)), "'inward.bias' (2,) float32; found (3,) float32"),
    "transposed": (changed(inward__weight=torch.zeros(784, 2)), "(2, 784) float32; found (784, 2) float32"),
    "half precision by its own checksum": (changed(inward__bias=torch.zeros(2).half()), "tensors with the checksum"),
    "bfloat16": (changed(inward__bias=torch.zeros(2).bfloat16()), "(2,) float32; found (2,) bfloat16"),
    "float8": (changed(inward__bias=torch.zeros(2).to(torch.float8_e4m3fn)), "found 'inward.bias' of 'F8_E4M3'"),
    "integers": (changed(inward__bias=torch.zeros(2, dtype=torch.int32)), "(2,) float32; found (2,) int32"),
    "NaN": (changed(inward__bias=torch.tensor([0, torch.nan])), "finite numbers in 'inward.bias'; found NaN"),
    "infinity": (changed(outward__bias=torch.full((784,), -torch.inf)), "finite numbers in 'outward.bias'"),
    "NaN in bfloat16": (changed(inward__bias=torch.full((2,), torch.nan).bfloat16()), "finite numbers"),
    "a flipped bit": (flipped(), "tensors with the checksum"),
    "another checksum": (with_header(checksum="0" * 64), "tensors with the checksum 000000000000...; found"),
    "an unknown family": (with_header(family="diffusion"), "unknown family 'diffusion'; there are autoencoder,"),
    "a path for a family": (with_header(family="../evil"), "unknown family '../evil'"),
    "another family": (with_header(family="gan"), "a config of the family 'gan'"),
    "a config with too little": (with_config(), "missing 1 required positional argument: 'latent_dim'"),
    "a config with too much": (with_config(latent_dim=2, beta=4), "argument 'beta'"),
    "a size of 0": (with_config(latent_dim=0), "latent_dim: expected a whole number from 1 to 65536"),
    "a size in words": (with_config(latent_dim="two"), "found 'two'"),
    "a size without end": (with_config(latent_dim=10**12), "found 1000000000000"),
    "a true size": (with_config(latent_dim=True), "found True"),
    "no image": (with_header(config={"latent_dim": 2}), "the header's 'config.image' as dict; found None"),
    "an image without a size": (
        with_config({"channels": 1}, latent_dim=2),
        "the header's 'config.image.height' as int; found None",
    ),
    "an image too large": (with_config({**IMAGE, "height": 4096}, latent_dim=2), "height: expected a multiple of 4"),
    "an image with too much": (with_config({**IMAGE, "depth": 3}, latent_dim=2), "found depth"),
    "another image": (
        with_config({**IMAGE, "height": 32, "width": 32}, latent_dim=2, components=50),
        "(2, 1024) float32; found (2, 784) float32",
    ),
    "classes that are none": (
        with_config({**IMAGE, "classes": "abc"}, latent_dim=2),
        "'config.image.classes' as list of at most 1000",
    ),
    "a pointer of Git LFS": (POINTER, "a safetensors file; found a pointer of Git LFS, in place of the file. Download"),
    "another config": (with_config(latent_dim=16), "the prior {'kind': 'mixture', 'dim': 16"),
    "another prior": (with_header(prior=Noise("normal", 2).describe()), "found {'kind': 'noise'"),
}
REQUIRED = {  # and what each is, in an error
    "name": "str", "family": "str", "config": "dict", "config.image": "dict", "prior": "dict",
    "prior.dim": "int, 1 or more", "card": "dict", "card.exhibit": "bool", "parameters": "int", "training": "dict",
    "cost": "dict", "losses": "dict", "checksum": "str",
}  # fmt: skip
WRONG |= {
    f"no {field}": (without_field(field), f"the header's {field!r} as {kind}; found None")
    for field, kind in REQUIRED.items()
    if field != "checksum"
}
WRONG |= {
    f"{field} of another type": (with_header(**{field: 1.5}), f"the header's {field!r} as {kind}; found 1.5")
    for field, kind in REQUIRED.items()
    if "." not in field and field != "checksum"
}
WRONG |= {
    "no checksum": (without_field("checksum"), "tensors with the checksum None..."),
    "a checksum of another type": (with_header(checksum=1.5), "tensors with the checksum 1.5...; found"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_whatever_is_wrong_is_one_error_that_says_what_to_do(wrong, tmp_path):
    content, says = WRONG[wrong]
    path = tmp_path / "ae_2.safetensors"
    path.write_bytes(content)
    with pytest.raises(CheckpointError) as caught:
        gengallery.load(path)
    message = str(caught.value)
    assert isinstance(caught.value, ValueError)
    assert message.startswith(f"{path}: expected ")
    assert says in message
    assert message.endswith("."), "the last sentence says what to do"
    assert any(message.rpartition(". ")[2].startswith(verb) for verb in ("Restore", "Give", "Update", "Download"))


def test_the_file_that_the_wrong_ones_start_from_is_good(tmp_path):
    path = tmp_path / "ae_2.safetensors"
    path.write_bytes(GOOD)
    assert torch.equal(gengallery.load(path).inward.bias, AE2["inward.bias"])


@pytest.mark.parametrize("cut", range(0, len(GOOD), len(GOOD) // 23))
def test_no_beginning_of_a_file_loads(cut, tmp_path):
    path = tmp_path / "part.safetensors"
    path.write_bytes(GOOD[:cut])
    with pytest.raises(CheckpointError):
        gengallery.load(path)


def test_no_file_that_was_damaged_in_one_byte_loads(tmp_path):
    path, chance = tmp_path / "damaged.safetensors", random.Random(1)
    start = 8 + int.from_bytes(GOOD[:8], "little")
    for _ in range(30):
        content = bytearray(GOOD)
        content[chance.randrange(start, len(GOOD))] ^= 1 << chance.randrange(8)
        path.write_bytes(content)
        with pytest.raises(CheckpointError):
            gengallery.load(path)


@pytest.mark.parametrize("missing", ["none.safetensors", "no/folder/x.safetensors", "nul\0.safetensors"])
def test_a_missing_file(missing, tmp_path):
    with pytest.raises(CheckpointError, match=r"expected a file of weights; found .*Restore"):
        gengallery.load(tmp_path / missing)


def test_a_folder_is_not_a_file(tmp_path):
    with pytest.raises(CheckpointError, match="found a folder in place of a regular file"):
        gengallery.load(tmp_path)


@pytest.mark.parametrize(
    "config",
    [
        {"noise_dim": 0},
        {"noise_dist": "cauchy"},
        {"noise_dist": {}},
        {"generator_dims": []},
        {"generator_dims": 256},
        {"generator_dims": [256, -1]},
        {"discriminator_dims": ["a"]},
        {"standardised": "yes"},
        {"conditional": 1},
        {"noise_dim": None},
    ],
)
def test_bad_values_in_a_gans_config(config, tmp_path):
    path = tmp_path / "gan.safetensors"
    header = header_of("gan_dim_8")
    path.write_bytes(ours(tensors_of("gan_dim_8"), {**header, "config": {**header["config"], **config}}))
    with pytest.raises(CheckpointError, match="a config of the family"):
        gengallery.load(path)


# -- writing


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / "deep" / "down" / "ae_2.safetensors"
    tensors = {**AE2, "grid": torch.arange(12.0).reshape(3, 4).T, "scalar": torch.tensor(3), "none": torch.zeros(0, 2)}
    checkpoint.write(path, tensors, header_of("ae_2"))
    saved = checkpoint.read(path)
    assert saved.tensors.keys() == tensors.keys()
    assert all(torch.equal(saved.tensors[name], tensors[name]) for name in tensors)
    assert {key: saved.header[key] for key in header_of("ae_2")} == json.loads(json.dumps(header_of("ae_2")))
    assert saved.header == checkpoint.read_header(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert [p.name for p in path.parent.iterdir()] == ["ae_2.safetensors"]


def stored(path: Path) -> dict[str, torch.dtype]:
    """The type of each tensor, as it lies in the file."""
    return {name: tensor.dtype for name, tensor in safetensors.torch.load_file(path).items()}


def test_numbers_that_half_precision_has_are_stored_in_half_the_bytes_and_read_as_they_were(tmp_path):
    x = torch.randn(100, 100, generator=torch.Generator().manual_seed(0))
    whole, halved = {"weight": x}, {"weight": x.half().float()}
    sizes = {}
    for name, tensors in (("whole", whole), ("halved", halved)):
        path = tmp_path / f"{name}.safetensors"
        checkpoint.write(path, tensors, header_of("ae_2"))
        saved = checkpoint.read(path)
        assert saved.tensors["weight"].dtype == torch.float32
        assert torch.equal(saved.tensors["weight"], tensors["weight"])
        assert saved.header["checksum"] == checkpoint.checksum(tensors) == checkpoint.checksum(saved.tensors)
        sizes[name] = path.stat().st_size
    assert stored(tmp_path / "whole.safetensors") == {"weight": torch.float32}
    assert stored(tmp_path / "halved.safetensors") == {"weight": torch.float16}
    assert sizes["whole"] - sizes["halved"] == 2 * x.numel()


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (1.0, torch.float16),
        (-65504.0, torch.float16),  # the largest that half precision has
        (2.0**-24, torch.float16),  # the smallest
        (65505.0, torch.float32),
        (1e6, torch.float32),  # infinite in half precision
        (2.0**-25, torch.float32),  # zero in half precision
        (1 + 2.0**-11, torch.float32),  # one, rounded
    ],
)
def test_one_number_that_half_precision_lacks_keeps_its_tensor_whole(value, kept, tmp_path):
    path, tensors = tmp_path / "x.safetensors", {"a": torch.tensor([0.5, value]), "b": torch.ones(3)}
    checkpoint.write(path, tensors, header_of("ae_2"))
    assert stored(path) == {"a": kept, "b": torch.float16}
    assert torch.equal(checkpoint.read(path).tensors["a"], tensors["a"])


def test_only_float32_is_stored_in_half(tmp_path):
    path = tmp_path / "x.safetensors"
    tensors = {"counts": torch.arange(3), "bytes": torch.arange(3).to(torch.uint8), "none": torch.zeros(0)}
    checkpoint.write(path, tensors, header_of("ae_2"))
    assert stored(path) == {"counts": torch.int64, "bytes": torch.uint8, "none": torch.float16}
    assert {name: tensor.dtype for name, tensor in checkpoint.read(path).tensors.items()} == {
        name: tensor.dtype for name, tensor in tensors.items()
    }


def test_the_sign_of_a_zero_is_kept(tmp_path):
    zeros = {"a": torch.tensor([0.0, -0.0])}
    checkpoint.write(tmp_path / "x.safetensors", zeros, header_of("ae_2"))
    assert checkpoint.checksum(checkpoint.read(tmp_path / "x.safetensors").tensors) == checkpoint.checksum(zeros)


def test_the_checksum_sees_names_shapes_types_and_bytes():
    x = torch.arange(6.0)
    others = [{"b": x}, {"a": x.reshape(2, 3)}, {"a": x.int()}, {"a": x + 1}, {"a": x, "b": x}, {}]
    assert len({checkpoint.checksum(tensors) for tensors in [{"a": x}, *others]}) == 7
    assert checkpoint.checksum({"a": x, "b": x + 1}) == checkpoint.checksum({"b": x + 1, "a": x})


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
def test_numbers_that_are_not_finite_are_not_written(value, tmp_path):
    path = tmp_path / "ae_2.safetensors"
    path.write_bytes(b"old")
    with pytest.raises(ValueError, match=r"'inward\.bias' holds NaN or infinity; not written"):
        checkpoint.write(path, {**AE2, "inward.bias": torch.tensor([0.0, value])}, header_of("ae_2"))
    with pytest.raises(ValueError, match="JSON"):
        checkpoint.write(path, AE2, header_of("ae_2", losses={"test": {"mse": value}}))
    assert path.read_bytes() == b"old"


@pytest.mark.parametrize("field", [field for field in REQUIRED if field != "checksum"])
def test_a_header_that_would_not_be_read_is_not_written(field, tmp_path):
    header = header_of("ae_2")
    owner, _, key = field.rpartition(".")
    (header[owner] if owner else header).pop(key)
    with pytest.raises(ValueError, match=f"the header's '{field}' as .*found None; not written"):
        checkpoint.write(tmp_path / "x.safetensors", AE2, header)
    assert list(tmp_path.iterdir()) == []
