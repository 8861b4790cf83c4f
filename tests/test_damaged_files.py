"""No flipped bit goes unnoticed: of a file that was damaged anywhere, nothing but what was written is ever read."""

import io
import random
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path

import networks
import pytest
import torch
from runs import run_of

from gengallery import gallery
from gengallery.storage import checkpoint, history
from gengallery.storage import tensors as files
from gengallery.storage.checkpoint import CheckpointError
from gengallery.storage.tensors import File
from gengallery.training.run import STATE, ResumeError

pytestmark = pytest.mark.slow
Read = Callable[[], File]


def header_bits(content: bytes) -> range:
    """The bits of the length, the layout and the header of a file."""
    return range(8 * (8 + int.from_bytes(content[:8], "little")))


def answers(content: bytes, bits: Iterator[int] | range, read: Read, monkeypatch) -> Iterator[File | Exception]:
    """What `read` makes of `content` with each of the `bits` flipped, which it gets without a file on disk."""
    damaged = bytearray(content)

    monkeypatch.setattr(files, "opened", lambda _: nullcontext((io.BytesIO(damaged), len(damaged))))
    for bit in bits:
        damaged[bit // 8] ^= 1 << bit % 8
        try:
            yield read()
        except Exception as error:
            yield error
        damaged[bit // 8] ^= 1 << bit % 8


def read_as(content: bytes, read: Read, monkeypatch) -> File:
    """What `read` makes of `content` as it is."""
    monkeypatch.setattr(files, "opened", lambda _: nullcontext((io.BytesIO(content), len(content))))
    return read()


def same(one: File, other: File) -> bool:
    return (
        files.seal(one.header) == files.seal(other.header)
        and one.tensors.keys() == other.tensors.keys()
        and all(torch.equal(tensor, other.tensors[name]) for name, tensor in one.tensors.items())
    )


def check(content: bytes, bits, read: Read, error: type[Exception], monkeypatch) -> tuple[int, int]:
    """How many of the damaged contents were refused, and how many read as they were written; there is no third."""
    whole = read_as(content, read, monkeypatch)
    refused = kept = 0
    for found in answers(content, bits, read, monkeypatch):
        if isinstance(found, File):
            assert same(found, whole)
            kept += 1
        else:
            assert type(found) is error, repr(found)
            refused += 1
    return refused, kept


def made(kind: str, path: Path) -> bytes:
    networks.untrained(kind).save(path)
    return path.read_bytes()


MODELS = {
    "ae_2": lambda folder: (gallery.SHIPPED / "ae_2.safetensors").read_bytes(),
    "flow": lambda folder: made("flow", folder / "flow.safetensors"),
    "gan": lambda folder: made("gan", folder / "gan.safetensors"),
}


@pytest.mark.parametrize("name", MODELS)
def test_no_flipped_bit_of_a_header_gives_another_model(name, tmp_path, monkeypatch):
    content = MODELS[name](tmp_path)
    bits = header_bits(content)
    refused, kept = check(content, bits, lambda: checkpoint.read("x"), CheckpointError, monkeypatch)
    assert refused + kept == len(bits)
    assert kept < len(bits) / 200  # digits of \u00e9 and exponents may be in either case


def test_no_flipped_bit_of_the_tensors_does(monkeypatch):
    content = (gallery.SHIPPED / "ae_2.safetensors").read_bytes()
    bits = random.Random(0).sample(range(len(header_bits(content)), 8 * len(content)), 2000)
    assert check(content, bits, lambda: checkpoint.read("x"), CheckpointError, monkeypatch) == (2000, 0)


def test_nor_any_of_a_history(tmp_path, monkeypatch):
    path = tmp_path / "small.safetensors"
    history.write(path, {0: torch.nn.Linear(3, 2), 4: torch.nn.Linear(3, 2)})
    content = path.read_bytes()
    read = lambda: files.read("small.safetensors", history.HISTORY)  # noqa: E731
    refused, _ = check(content, range(8 * len(content)), read, CheckpointError, monkeypatch)
    assert refused > 7.9 * len(content)


def test_nor_any_of_a_state(fake_train, tmp_path, monkeypatch):
    run = run_of("ae_2", fake_train)
    list(run.epoch())
    run.save(tmp_path / "state")
    content, chance = (tmp_path / "state").read_bytes(), random.Random(0)
    bits = [*chance.sample(header_bits(content), 3000)]
    bits += chance.sample(range(len(header_bits(content)), 8 * len(content)), 1000)
    refused, _ = check(content, bits, lambda: files.read("state", STATE), ResumeError, monkeypatch)
    assert refused > 3950
