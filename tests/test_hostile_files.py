"""Files that were made to do harm: whatever they claim, they are refused within a second and 300 MB, by one error."""

import json
import os
import socket
import threading
from dataclasses import asdict
from pathlib import Path

import pytest
import safetensors.torch
import torch
from conftest import run_python

import gengallery
from gengallery import gallery
from gengallery.data import default_spec
from gengallery.families import families
from gengallery.model import size
from gengallery.storage import checkpoint, history, schema
from gengallery.storage import tensors as files
from gengallery.storage.checkpoint import CheckpointError

SECONDS, MEGABYTES = 1, 300  # of the processor, and of memory above the file's own size
GOOD = (gallery.SHIPPED / "ae_2.safetensors").read_bytes()
HEADER = checkpoint.read_header(gallery.SHIPPED / "ae_2.safetensors")
PAPER = HEADER["card"]["paper"]
IMAGE = json.loads(json.dumps(asdict(default_spec())))


def layout(text: str, body: bytes = b"", length: int | None = None) -> bytes:
    return (len(text) if length is None else length).to_bytes(8, "little") + text.encode() + body


def entry(shape: list, offsets: list, kind: object = "F32") -> str:
    return json.dumps({"x": {"dtype": kind, "shape": shape, "data_offsets": offsets}})


def alike(names, count: int) -> str:
    """The layout of tensors of so many bytes, which all lie in the same place."""
    return json.dumps({name: {"dtype": "U8", "shape": [count], "data_offsets": [0, count]} for name in names})


def sealed(**changes) -> bytes:
    """ae_2 with these changes in its header, sealed as if they were meant."""
    tensors = checkpoint.read(gallery.SHIPPED / "ae_2.safetensors").tensors
    whole = {**HEADER, "checksum": files.checksum(tensors), **changes}
    whole["seal"] = files.seal(whole)
    return safetensors.torch.save(tensors, {files.KEY: json.dumps(whole)})


def config(family: str, **fields) -> bytes:
    return sealed(family=family, config={**fields, "image": IMAGE})


HUGE = 2**63
BYTES = {
    "a header of 8 exabytes": layout("{}", length=HUGE),
    "lists without end": layout("[" * 990_000),
    "lists in lists": layout("[" + "[[[[[[[]]]]]]]," * 66_000 + "0]"),
    "many numbers": layout("[" + "0," * 490_000 + "0]"),
    "many empty objects": layout("[" + "{}," * 320_000 + "0]"),
    "many keys": layout("{" + ",".join(f'"{k}":{{}}' for k in range(80_000)) + "}"),
    "a key twice": layout('{"__metadata__":{},"__metadata__":{}}'),
    "a key twice in the header": GOOD.replace(b'\\"name\\": \\"ae_2\\"', b'\\"seal\\": \\"ae_2\\"'),
    "a number that is not finite": layout('{"x":NaN}'),
    "a number too large": layout('{"x":1e999}'),
    "an integer of many digits": layout('{"x":' + "9" * 100_000 + "}"),
    "half a character": layout('{"\\ud800":{}}'),
    "an unknown type": layout(entry([1], [0, 4], "F31"), bytes(4)),
    "a type that is a list": layout(entry([1], [0, 4], ["F32"]), bytes(4)),
    "booleans": layout(entry([4], [0, 4], "BOOL"), bytes(4)),
    "a negative shape": layout(entry([-1], [0, 4]), bytes(4)),
    "a true shape": layout(entry([True], [0, 4]), bytes(4)),
    "a shape without end": layout(entry([HUGE, HUGE, 0], [0, 0])),
    "a hundred axes": layout(entry([1] * 100, [0, 4]), bytes(4)),
    "offsets behind the end": layout(entry([25], [0, 100]), bytes(4)),
    "offsets that begin late": layout(entry([1], [4, 8]), bytes(8)),
    "offsets backwards": layout(entry([1], [4, 0]), bytes(4)),
    "tensors on each other": layout(alike("ab", 4), bytes(4)),
    "many tensors": layout(alike(map(str, range(14_000)), 0)),
    "many blocks": config("flow", widths=[8, 16], blocks=[65536, 65536]),
    "wide layers": config("gan", noise_dim=65536, generator_dims=[65536, 65536]),
    "many layers": config("gan", noise_dim=2, generator_dims=[1] * 1000),
    "layers without end": config("gan", noise_dim=2, generator_dims=[1] * 60_000),
    "a large latent": config("autoencoder", latent_dim=65536, components=65536),
    "an absurd integer": config("autoencoder", latent_dim=HUGE),
    "a number of steps": config("flow", steps=HUGE),
    "a family that fails": config("failing"),
    "a family without end": config("endless"),
    "a null summary": sealed(card={**HEADER["card"], "summary": None}),
    "null options": sealed(card={**HEADER["card"], "options": None}),
    "a scorecard without figures": sealed(scorecard={k: v for k, v in HEADER["scorecard"].items() if k != "figures"}),
    "words for a figure": sealed(scorecard={**HEADER["scorecard"], "figures": {"frechet": "good"}}),
    "a script for an address": sealed(card={**HEADER["card"], "paper": {**PAPER, "url": "javascript:alert(1)"}}),
    "words for a year": sealed(card={**HEADER["card"], "paper": {**PAPER, "year": "<b>1</b>"}}),
    "a terminal's orders": sealed(card={**HEADER["card"], "summary": "\x1b]0;owned\x07"}),
    "text that runs backwards": sealed(card={**HEADER["card"], "notes": "\u202egnp.exe"}),
    "a recipe with orders": sealed(card={**HEADER["card"], "recipe": {"\x1b[2J": 1}}),
    "a broken seal": GOOD.replace(b'\\"components\\": 50', b'\\"components\\": 51'),
    "a seal taken off": GOOD.replace(b'\\"format\\": 3', b'\\"format\\": 2'),
}  # fmt: skip
FAMILIES = """
from torch import nn
import gengallery
from gengallery.families import families
from dataclasses import replace
from gengallery.models.autoencoder import FAMILY, Autoencoder

class Failing(Autoencoder):
    family = "failing"
    @classmethod
    def build(cls, config):
        raise RuntimeError("anything")

class Endless(Autoencoder):
    family = "endless"
    @classmethod
    def build(cls, config):
        network = nn.Sequential()
        while True:
            network.append(nn.Linear(1, 1))

for kind in (Failing, Endless):
    gengallery.register(replace(FAMILY, name=kind.family, model=kind, cards=(), compared=None))
"""
# Reads each file that it is given, and tells what came of it, in JSON: processor seconds, megabytes, the error.
READING = """
import json, resource, sys, time
import torch
torch.set_num_threads(1)
for name in gengallery.families.families():  # imports are not counted
    gengallery.families.family(name)
gengallery.load("ae_2"), gengallery.load("flow")
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
for path in sys.argv[1:]:
    before, start = peak(), time.process_time()
    try:
        gengallery.load(path)
        said = "loaded"
    except gengallery.CheckpointError as error:
        said = str(error)
    except BaseException as error:
        said = repr(error)
    print(json.dumps([path, time.process_time() - start, peak() - before, said]))
"""


@pytest.mark.slow
def test_every_hostile_file_is_refused_soon_and_in_little_memory(tmp_path):
    paths = []
    for name, content in BYTES.items():
        paths.append(tmp_path / f"{name}.safetensors")
        paths[-1].write_bytes(content)
    sparse = {"sparse": GOOD, "a gigabyte of header": layout("{}", length=10**9), "zeros": b""}
    for name, content in sparse.items():
        paths.append(tmp_path / f"{name}.safetensors")
        with paths[-1].open("wb") as file:
            file.write(content)
            file.truncate(20 * 10**9)
    os.mkfifo(tmp_path / "pipe.safetensors")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket.safetensors"))
    (tmp_path / "folder.safetensors").mkdir()
    (tmp_path / "zero.safetensors").symlink_to("/dev/zero")
    (tmp_path / "round.safetensors").symlink_to(tmp_path / "round.safetensors")
    (tmp_path / "to a pipe.safetensors").symlink_to(tmp_path / "pipe.safetensors")
    paths += [tmp_path / f"{name}.safetensors" for name in ("pipe", "socket", "folder", "zero", "round", "to a pipe")]
    done = run_python("-c", FAMILIES + READING, *paths)
    assert done.returncode == 0, done.stderr
    found = {Path(path).stem: rest for path, *rest in map(json.loads, done.stdout.splitlines())}
    assert len(found) == len(paths)
    assert {name: said for name, (_, _, said) in found.items() if ": expected " not in said} == {}
    assert {name: seconds for name, (seconds, _, _) in found.items() if seconds > SECONDS} == {}
    assert {name: grown for name, (_, grown, _) in found.items() if grown > MEGABYTES} == {}
    # None of them stops the list, in which the good one stands.
    (tmp_path / "ae_2.safetensors").write_bytes(GOOD)
    some = gengallery.Gallery(tmp_path)
    assert "ae_2" in some.list()
    assert {
        f"{name}.safetensors" for name in ("pipe", "socket", "zero", "sparse", "null options")
    } <= some.problems().keys()


def test_a_link_to_a_file_is_as_good_as_the_file(tmp_path):
    (tmp_path / "ae_2.safetensors").symlink_to(gallery.SHIPPED / "ae_2.safetensors")
    assert torch.equal(gengallery.load(tmp_path / "ae_2.safetensors").generate(2), gengallery.load("ae_2").generate(2))


def test_the_path_of_what_is_wrong_is_told(tmp_path):
    path = tmp_path / "ae_2.safetensors"
    path.write_bytes(BYTES["words for a figure"])
    with pytest.raises(CheckpointError, match=r"the header's 'scorecard\.figures\.frechet' as float; found 'good'"):
        gengallery.info(path)


def test_what_is_shipped_and_what_comes_from_no_file_is_as_the_schema_says():
    for name in gengallery.list_models():
        assert list(schema.problems(checkpoint.read_header(gengallery.info(name)["path"]))) == []
    for name, family in families().items():
        if family.compared:
            header = family.compared.model(family.compared.config).file_header()
            assert list(schema.problems({**header, "name": name})) == []


# -- size


def test_a_large_network_has_to_be_trusted(tmp_path, monkeypatch):
    path = tmp_path / "ae_2.safetensors"
    path.write_bytes(GOOD)
    monkeypatch.setattr(size, "MOST_NUMBERS", 2000)
    with pytest.raises(CheckpointError, match=r"a network of at most 2,000 numbers; found a larger one\. Give trust"):
        gengallery.load(path)
    assert gengallery.load(path, trust_size=True).name == "ae_2"
    assert gengallery.Gallery(tmp_path).load("ae_2", trust_size=True).name == "ae_2"
    torch.nn.Linear(100, 100)  # of others nothing is counted, neither after
    with size.bounded({}):
        thread = threading.Thread(target=torch.nn.Linear, args=(100, 100))  # nor beside
        thread.start()
        thread.join()
        with pytest.raises(size.TooLarge):
            torch.nn.Linear(100, 100)


def test_a_large_file_has_to_be_trusted(tmp_path):
    path, tensors = tmp_path / "x.safetensors", {"x": torch.zeros(30)}
    files.write(path, checkpoint.WEIGHTS, tensors, HEADER)
    with pytest.raises(CheckpointError, match=r"at most 29 numbers; found 30\. Give trust_size=True"):
        files.read(path, checkpoint.WEIGHTS, 29)
    assert files.read(path, checkpoint.WEIGHTS, None).tensors["x"].shape == (30,)


# -- seals


def test_older_files_are_sealed_and_stay_what_they_are(two_models, output, run):
    (two_models / "history").mkdir()
    path, past = two_models / "vae_2.safetensors", two_models / "history" / "vae_2.safetensors"
    past.write_bytes((gallery.SHIPPED / "history" / past.name).read_bytes())
    new = {file: file.read_bytes() for file in (path, past)}
    for file in new:
        unsealed(file)
    before, old = gengallery.load(path), path.read_bytes()
    with pytest.raises(CheckpointError, match="gengallery verify --seal"):
        gengallery.Gallery(two_models).history("vae_2")
    assert "rewritten" in output("verify", "vae_2", "--seal", "--gallery", two_models)
    assert {file: file.read_bytes() for file in new} == new != {path: old}
    assert torch.equal(gengallery.load(path).generate(2), before.generate(2))
    assert next(iter(gengallery.Gallery(two_models).history("vae_2"))) == 0
    assert "already" in output("verify", "--all", "--seal", "--gallery", two_models)
    wrong = two_models / "ae_2.safetensors"
    unsealed(wrong)
    wrong.write_bytes(wrong.read_bytes()[:-1] + b"\x01")
    code, _, err = run("verify", "ae_2", "--seal", "--gallery", two_models)
    assert code == 2 and "expected tensors with the checksum" in err


def unsealed(path: Path) -> None:
    """Write the file at `path` as format 2 had it, of snapshots without any header."""
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    found = json.loads(content[8 : 8 + length])
    ours = json.loads(found.pop("__metadata__")[files.KEY])
    if ours["kind"] == "weights":
        older = {key: value for key, value in ours.items() if key not in ("kind", "seal")}
        found = {"__metadata__": {files.KEY: json.dumps({**older, "format": 2})}, **found}
    text = json.dumps(found, separators=(",", ":"))
    text += " " * (-len(text) % 8)
    path.write_bytes(layout(text, content[8 + length :]))


def test_a_history_of_another_model_is_refused(tmp_path):
    path = tmp_path / "one.safetensors"
    history.write(path, {0: torch.nn.Linear(2, 2)})
    path.rename(tmp_path / "other.safetensors")
    with pytest.raises(CheckpointError, match="the history of that model; found that of 'one'"):
        history.read(tmp_path / "other.safetensors")


def test_a_model_that_does_not_load_is_left_out_until_its_file_changes(two_models):
    some, path = gengallery.Gallery(two_models), two_models / "vae_2.safetensors"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert some.list() == ["ae_2", "vae_2"]
    with pytest.raises(CheckpointError) as caught:
        some.load("vae_2")
    some.leave_out(caught.value)
    assert some.list() == ["ae_2"]
    assert some.problems() == {"vae_2.safetensors": caught.value}
    path.write_bytes(whole)
    os.utime(path, ns=(1, 1))
    assert (some.list(), some.problems()) == (["ae_2", "vae_2"], {})
