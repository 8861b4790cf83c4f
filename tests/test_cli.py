"""The command line: what each command prints and writes, how it fails, and that its documentation is true."""

import json
import re
import resource
import shlex
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from conftest import ROOT, offline
from PIL import Image, ImageSequence

import gengallery
from gengallery import cli, gallery
from gengallery.cli import serving
from gengallery.cli.manual import manual
from gengallery.data import as_images, sheet
from gengallery.model.latents import latent_grid
from gengallery.storage import checkpoint

COMMANDS = cli.make_parser().commands().choices


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """run("list") calls the command in an empty folder; returns exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: object) -> tuple[int, str, str]:
        code = cli.main([*map(str, arguments)])
        return code, *capsys.readouterr()

    return call


@pytest.fixture
def output(run):
    """The same for what goes well: returns stdout."""

    def call(*arguments: object) -> str:
        code, out, err = run(*arguments)
        assert (code, err) == (0, "")
        return out

    return call


@pytest.fixture
def error(run):
    """The same for what fails: returns the one sentence on stderr."""

    def call(*arguments: object) -> str:
        code, out, err = run(*arguments)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert err.startswith("gengallery: ")
        return err.removeprefix("gengallery: ").rstrip()

    return call


@pytest.fixture
def folder(tmp_path) -> Path:
    """A gallery of two models."""
    folder = tmp_path / "few"
    folder.mkdir()
    for name in ("ae_2", "vae_2"):
        (folder / f"{name}.safetensors").write_bytes((gallery.SHIPPED / f"{name}.safetensors").read_bytes())
    return folder


# -- list and info


def test_the_list_has_a_line_for_each_model(output):
    lines = output("list").splitlines()
    assert [line.split()[0] for line in lines] == gengallery.list_models()
    assert all(gengallery.info(line.split()[0])["summary"] in line for line in lines)


def test_the_list_takes_patterns_families_and_options(output):
    assert [line.split()[0] for line in output("list", "vae*").splitlines()] == gengallery.list_models("vae*")
    found = [card["name"] for card in json.loads(output("list", "--family", "gan", "--json"))]
    assert found == gengallery.list_models(family="gan")
    found = [card["name"] for card in json.loads(output("list", "--option", "steps", "--json"))]
    assert found == gengallery.list_models(option="steps")


def test_the_list_as_json_has_the_figures(output):
    cards = {card["name"]: card for card in json.loads(output("list", "--json"))}
    known = gengallery.info("vae_2")
    assert cards["vae_2"]["figures"] == (known["scorecard"] and known["scorecard"]["figures"])
    assert cards["vae_2"]["parameters"] == known["parameters"]
    assert cards["vae_2"]["image"] == known["image"]


def test_another_gallery_is_named_by_option_or_variable(output, folder, monkeypatch):
    names = ["ae_2", "vae_2"]
    assert [line.split()[0] for line in output("list", "--gallery", folder).splitlines()] == names
    assert len(output("list").splitlines()) > 2  # the option holds for its call alone
    monkeypatch.setenv(gallery.VARIABLE, str(folder))
    assert [line.split()[0] for line in output("list").splitlines()] == names


def test_files_that_are_not_sound_are_told_on_stderr(run, folder):
    (folder / "flow.safetensors").write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    (folder / "vae_64.safetensors").write_bytes(b"")
    (folder / "._vae_2.safetensors").write_bytes(b"\0\5\x16\7")  # which macOS leaves beside files
    code, out, err = run("list", "--gallery", folder)
    assert code == 0 and [line.split()[0] for line in out.splitlines()] == ["ae_2", "vae_2"]
    first, second = sorted(err.splitlines())
    assert first.startswith(f"left out: {folder / 'flow.safetensors'}: ") and "git lfs pull" in first
    assert second.startswith(f"left out: {folder / 'vae_64.safetensors'}: ") and "empty file" in second
    assert json.loads(run("list", "--gallery", folder, "--json")[1])[0]["name"] == "ae_2"


def test_a_folder_without_models(error, tmp_path):
    assert error("list", "--gallery", tmp_path) == f"{tmp_path}: expected files of weights, found none that is sound"
    missing = tmp_path / "missing"
    assert error("list", "--gallery", missing) == f"--gallery: expected a folder, found none at '{missing}'"


def test_the_list_is_there_at_once():
    """Within 0.3 s of processor time, which is the same however busy the machine is; and without torch and numpy."""
    command = (sys.executable, "-X", "importtime", "-m", "gengallery", "list")
    best = float("inf")
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(command, cwd=ROOT, env=offline(), capture_output=True, text=True, timeout=60)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert done.returncode == 0
        best = min(best, after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
    imported = {line.rpartition("|")[2].strip().split(".")[0] for line in done.stderr.splitlines()}
    assert "gengallery" in imported and not imported & {"torch", "numpy", "PIL", "tqdm", "safetensors"}
    assert best < 0.3


def test_info_is_the_card(output):
    assert json.loads(output("info", "vae_2", "--json")) == gengallery.info("vae_2")
    text = output("info", "vae_2")
    card = gengallery.info("vae_2")
    assert text.startswith(f"vae_2: {card['summary']}\n")
    for said in (card["paper"]["url"], f"{card['parameters']:,}", card["notes"], card["training"]["command"]):
        assert said in text


def test_info_takes_the_path_of_a_file(output, folder):
    path = folder / "vae_2.safetensors"
    assert json.loads(output("info", path, "--json"))["path"] == str(path)


@pytest.mark.parametrize("name", gengallery.list_models())
def test_info_knows_every_model(name, output):
    assert output("info", name).startswith(f"{name}: ")


# -- pictures


def test_generate_writes_a_sheet_named_after_the_model(output, tmp_path):
    assert output("generate", "vae_2") == "vae_2.png: 16 images by vae_2, of seed 0\n"
    expected = sheet(gengallery.load("vae_2").generate(16), 4).repeat(4, 0).repeat(4, 1)
    assert np.array_equal(np.asarray(Image.open(tmp_path / "vae_2.png")), expected)


def test_generate_writes_arrays(output, tmp_path):
    output("generate", "flow", "-n", 3, "--seed", 5, "--steps", 2, "--out", "some.npz")
    model = gengallery.load("flow")
    found = np.load(tmp_path / "some.npz")
    assert np.array_equal(found["images"], model.generate(3, 5, steps=2))
    assert np.array_equal(found["latents"], model.sample(3, 5))
    assert np.array_equal(found["labels"], model.labels(3, 5))
    output("generate", "vae_2", "-n", 2, "--out", "two.npy")
    assert np.array_equal(np.load(tmp_path / "two.npy"), gengallery.load("vae_2").generate(2))


def test_classes_by_name_and_number_take_turns(output, tmp_path):
    output("generate", "cgan", "-n", 5, "--label", "sneaker", "--label", 8, "--out", "five.npz")
    found = np.load(tmp_path / "five.npz")
    assert found["labels"].tolist() == [7, 8, 7, 8, 7]
    assert np.array_equal(found["images"], gengallery.load("cgan").generate(5, label=[7, 8, 7, 8, 7]))


def test_a_gif_shows_the_steps_or_a_closed_path(output, tmp_path):
    output("generate", "flow", "-n", 2, "--steps", 3, "--gif")
    frames = frames_of(tmp_path / "flow.gif")
    assert len(frames) == 4  # the noise, and each step
    last = sheet(gengallery.load("flow").generate(2, steps=3), 2).repeat(4, 0).repeat(4, 1)
    assert np.abs(frames[-1] - last).max() <= 1
    assert output("generate", "vae_2", "-n", 1, "--out", "path.gif") == "path.gif: 46 frames of 1 images by vae_2\n"
    frames = frames_of(tmp_path / "path.gif")
    first = sheet(gengallery.load("vae_2").generate(1), 1).repeat(4, 0).repeat(4, 1)
    assert np.abs(frames[0] - first).max() <= 1


def frames_of(path: Path) -> list[np.ndarray]:
    """The grey levels of each frame, in order."""
    return [np.asarray(frame.convert("L"), int) for frame in ImageSequence.Iterator(Image.open(path))]


def test_type_and_device_reach_the_model(output, tmp_path):
    output("generate", "vae_2", "-n", 4, "--dtype", "float64", "--device", "cpu", "--out", "double.npy")
    expected = gengallery.load("vae_2", dtype=torch.float64).generate(4)
    assert np.array_equal(np.load(tmp_path / "double.npy"), expected)


def test_reconstruct_takes_pictures_and_arrays(output, tmp_path):
    model = gengallery.load("ae_16")
    images = model.generate(3)
    Image.fromarray(sheet(images[:1], 1)).save(tmp_path / "one.png")
    np.save(tmp_path / "two.npy", images[1:])
    said = output("reconstruct", "ae_16", "one.png", "two.npy", "--out", "three.npz")
    found = np.load(tmp_path / "three.npz")
    originals = torch.cat([as_images(Image.open(tmp_path / "one.png")), images[1:]])
    assert np.array_equal(found["originals"], originals)
    assert np.array_equal(found["images"], model.reconstruct(originals))
    assert np.array_equal(found["latents"], model.encode(originals))
    error = float(((found["images"] - found["originals"]) ** 2).mean())
    assert said == f"three.npz: 3 images and their reconstructions by ae_16, mean squared error {error:.4f}\n"


def test_reconstruct_shows_test_images_and_below_each_what_is_left(output, tmp_path, fake_root, fake_test):
    output("reconstruct", "ae_16", "--data", fake_root, "-n", 9, "--scale", 1)
    originals = as_images(fake_test.images[:9])
    images = gengallery.load("ae_16").reconstruct(originals)
    blank = torch.ones(7, 1, 28, 28)
    rows = torch.cat([originals[:8], images[:8], originals[8:], blank, images[8:], blank])
    assert np.array_equal(np.asarray(Image.open(tmp_path / "ae_16-reconstructions.png")), sheet(rows, 8))


@pytest.mark.parametrize(
    ("arguments", "area"),
    [
        (("--range", "square"), (-1, 1, -1, 1)),
        (("--x-min", -2, "--x-max", 3.5, "--y-min", 0, "--y-max", 1), (-2, 3.5, 0, 1)),
        (("--range", "square", "--y-max", 4), (-1, 1, -1, 4)),
    ],
)
def test_a_grid_of_latents(arguments, area, output, tmp_path):
    output("grid", "vae_2", *arguments, "--side", 3, "--out", "grid.npz")
    found, z = np.load(tmp_path / "grid.npz"), latent_grid(*area, 3)
    assert np.array_equal(found["latents"], z)
    assert np.array_equal(found["images"], gengallery.load("vae_2").decode(z))


def test_ranges_of_a_grid_follow_the_data(output, tmp_path):
    statistics = gengallery.load("ae_2").statistics
    output("grid", "ae_2", "--side", 2, "--out", "a.npz")
    z = np.load(tmp_path / "a.npz")["latents"]
    places = statistics.shown()[0].numpy()
    inside = ((places >= z.min(0)) & (places <= z.max(0))).mean(0)
    assert inside.tolist() == pytest.approx([0.95, 0.95], abs=0.002)
    output("grid", "ae_2", "--side", 2, "--range", "deviations", "--out", "b.npz")
    z = np.load(tmp_path / "b.npz")["latents"]
    assert np.allclose(z.mean(0), statistics.mean, atol=1e-4)
    assert np.allclose(z.max(0) - z.min(0), 4 * statistics.covariance.diagonal().sqrt(), rtol=1e-4)


def test_a_grid_is_one_picture_without_gaps(output, tmp_path):
    output("grid", "vae_2", "--side", 4, "--scale", 1)
    assert Image.open(tmp_path / "vae_2-grid.png").size == (4 * 28, 4 * 28)


# -- what goes wrong


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("generate", "vae_3"), "unknown model 'vae_3': the nearest are .*; `gengallery list` names them all"),
        (
            ("info", "nowhere/vae_2.safetensors"),
            "nowhere/vae_2.safetensors: expected a file of weights; found No such.*",
        ),
        (
            ("generate", "vae_2", "--label", "Bag"),
            "--label: expected an option that vae_2 has, .*--option label` names.*",
        ),
        (("generate", "cgan", "--steps", "3"), "--steps: expected an option that cgan has, which takes --label; .*"),
        (("generate", "cgan", "--label", "Hat"), "label: expected a number from 0 to 9 or one of .*; found 'Hat'"),
        (("generate", "flow", "--guidance", "-1"), "guidance: expected a number from 0 to 100, found -1.0"),
        (("generate", "vae_2", "-n", "0"), "n: expected a whole number from 1 up, found 0"),
        (("generate", "vae_2", "--out", "a.jpg"), r"--out: expected a file that ends in \.png, .*; found 'a.jpg'"),
        (("generate", "vae_2", "--gif", "--out", "a.png"), r"--gif: expected a file that ends in \.gif, found 'a.png'"),
        (("generate", "vae_2", "--scale", "0"), "--scale: expected a whole number from 1 to 64, found 0"),
        (("generate", "vae_2", "--device", "tpu"), r"--device: expected one that is here \(cpu.*\), found 'tpu'"),
        (("generate", "vae_2", "--out", "a.png/b.png"), "a.png: File exists|a.png/.*: Not a directory"),
        (("grid", "vae_64"), "expected a model with 2 latents, found vae_64, which has 64"),
        (("grid", "vae_2", "--x-min", "9"), "--x-min: expected less than --x-max, found 9 and .*"),
        (("grid", "vae_2", "--side", "0"), "--side: expected a whole number from 1 to 200, found 0"),
        (("reconstruct", "ae_2", "a.png"), "cannot identify image file .*a.png'"),
        (("reconstruct", "ae_2", "none.png"), "none.png: No such file or directory"),
        (("reconstruct", "ae_2", "broken.npy"), "broken.npy: expected an array of images, found none .*"),
        (("reconstruct", "ae_2", "--data", "nowhere/"), ".*nowhere: expected a folder .*, found nothing"),
        (("evaluate",), "expected either names of models or --all"),
        (("evaluate", "vae_2", "--all"), "expected either names of models or --all"),
        (("verify", "vae_3"), "unknown model 'vae_3': .*"),
        (("train", "vae_3"), "unknown model 'vae_3'; there are ae_2, .*, classifier"),
        (("train", "--all", "--threads", "0"), "--threads: expected 1 or more, found 0"),
        (("demo", "--with", "none.py"), "--with: expected a Python file, found none at 'none.py'"),
    ],
)
def test_errors_are_one_sentence(arguments, says, error, tmp_path):
    (tmp_path / "a.png").write_bytes(b"no picture")
    (tmp_path / "broken.npy").write_bytes(b"no array")
    assert re.fullmatch(says, error(*arguments))


@pytest.mark.parametrize(
    "arguments", [(), ("sing",), ("generate",), ("generate", "vae_2", "--seed", "x"), ("list", "--opt", "label")]
)
def test_arguments_that_make_no_sense_are_one_sentence_too(arguments, run, capsys):
    with pytest.raises(SystemExit) as caught:
        run(*arguments)
    out, err = capsys.readouterr()
    assert caught.value.code == 2 and not out
    assert err.startswith("gengallery") and err.count("\n") == 1 and err.endswith("--help\n")


def test_an_array_is_never_unpickled(error, tmp_path):
    np.save(tmp_path / "evil.npy", np.array([print], dtype=object))
    assert error("reconstruct", "ae_2", "evil.npy").startswith("evil.npy: expected an array of images, found none")


def test_a_reader_that_has_enough_ends_it_quietly():
    command = f"{sys.executable} -m gengallery info vae_2 --json | head -c 1"
    done = subprocess.run(command, shell=True, cwd=ROOT, env=offline(), capture_output=True, text=True, timeout=60)
    assert done.stdout == "{" and not done.stderr


# -- evaluate and verify: what they measure is tested with the library


@pytest.fixture
def measured(monkeypatch):
    """Neither data nor models: figures that are the same for all."""
    from gengallery.evaluation import scorecard

    found = SimpleNamespace(figures={"frechet": 12.3456, "memorised": 0.0})

    def verify(name, reference, figures, gallery):
        assert (reference is None) == (not figures)
        if name == "ae_16":
            raise scorecard.VerificationError("ae_16.safetensors: expected the figure kernel 1, found 2")

    monkeypatch.setattr("gengallery.cli.evaluation._reference", lambda options, gallery: "the reference")
    monkeypatch.setattr(scorecard, "record", lambda name, reference, gallery: found)
    monkeypatch.setattr(scorecard, "verify", verify)


def test_evaluate_prints_what_it_records(measured, output):
    lines = output("evaluate", "ae_2", "vae_2").splitlines()
    assert [re.sub(r"\d+ s", "0 s", line) for line in lines] == [
        "ae_2: frechet 12.35, memorised 0.00% (0 s)",
        "vae_2: frechet 12.35, memorised 0.00% (0 s)",
    ]


def test_evaluate_as_json_has_figures_in_full(measured, run):
    code, out, err = run("evaluate", "vae_2", "--json")
    assert code == 0 and json.loads(out) == {"vae_2": {"frechet": 12.3456, "memorised": 0.0}}
    assert err.startswith("vae_2: ")


@pytest.mark.parametrize("options", [(), ("--no-figures",)])
def test_verify_names_all_that_are_not_as_recorded(options, measured, run):
    code, out, err = run("verify", "--all", *options)
    assert code == 2
    assert len(out.splitlines()) == len(gengallery.list_models())
    assert "ae_16: NOT as recorded: ae_16.safetensors: expected the figure kernel 1, found 2\n" in out
    count = len(gengallery.list_models())
    assert err.splitlines()[-1] == f"gengallery: 1 of {count} models are not as their files say: ae_16"
    code, out, _ = run("verify", "ae_2", "ae_16", "--json", *options)
    assert code == 2 and {name: found["ok"] for name, found in json.loads(out).items()} == {
        "ae_2": True,
        "ae_16": False,
    }


def test_verify_without_figures_needs_no_data(output, monkeypatch, tmp_path):
    monkeypatch.setenv("GENGALLERY_DATA", str(tmp_path))
    assert re.fullmatch(r"vae_2: as recorded \(\d+ s\)\n", output("verify", "vae_2", "--no-figures"))


def test_a_gallery_of_other_data_asks_for_it(error, folder):
    saved = checkpoint.read(folder / "ae_2.safetensors")
    image = {**saved.header["config"]["image"], "dataset": "photos"}
    header = {**saved.header, "config": {**saved.header["config"], "image": image}}
    checkpoint.write(saved.path, saved.tensors, header)
    says = "--data: expected the folder or file of 'photos', which is no named data set"
    assert error("evaluate", "ae_2", "--gallery", folder) == says
    assert error("reconstruct", "ae_2", "--gallery", folder) == says


# -- demo


def test_the_demo_says_what_to_install(error, monkeypatch):
    monkeypatch.setattr(serving, "find_spec", lambda name: None)
    says = "the demo needs Gradio, which is not installed: pip install 'gengallery[demo]'"
    assert error("demo") == says


def test_a_file_that_fails_is_told_with_its_line(error, tmp_path):
    (tmp_path / "mine.py").write_text("import math\n\nmath.nothing()\n")
    assert error("demo", "--with", "mine.py") == (
        "mine.py, line 3: AttributeError: module 'math' has no attribute 'nothing'"
    )
    (tmp_path / "mine.py").write_text("a = 1\nb = (\n")
    assert error("demo", "--with", "mine.py").startswith("mine.py, line 2: SyntaxError: ")


def test_the_demo_shows_the_models_of_a_file(output, tmp_path, monkeypatch, folder):
    (tmp_path / "helper.py").write_text("SIZE = 3\n")
    (tmp_path / "mine.py").write_text(
        "import torch\n"
        "import gengallery\n"
        "from helper import SIZE\n"
        "def decode(z):\n"
        "    return torch.sigmoid(z).mean(1)[:, None, None, None].expand(-1, *gengallery.default_spec().shape)\n"
        "gengallery.wrap('grey', latent=SIZE, decode=decode)\n"
    )
    found = {}

    def launch(**options):
        found.update(options=options, names=gengallery.list_models())
        return "http://127.0.0.1:1234/"

    def close(verbose):
        found["closed"] = True

    page = SimpleNamespace(launch=launch, demo=SimpleNamespace(close=close))

    def interrupt(self):
        raise KeyboardInterrupt

    monkeypatch.setattr(serving, "import_module", lambda name: page)
    monkeypatch.setattr(serving, "_page", lambda: "page")
    monkeypatch.setattr("threading.Event.wait", interrupt)
    monkeypatch.setattr(sys, "path", [*sys.path])
    said = output("demo", "--with", "mine.py", "--gallery", folder, "--host", "0.0.0.0", "--port", 1234)
    assert said == "The gallery is open at http://127.0.0.1:1234/ until Ctrl-C.\n"
    assert found["names"] == ["ae_2", "grey", "vae_2"] and found["closed"]
    expected = {"server_name": "0.0.0.0", "server_port": 1234, "prevent_thread_lock": True, "quiet": True}
    assert found["options"] == expected
    sys.modules.pop("helper", None)


# -- documentation


def test_the_documentation_is_fresh():
    assert (ROOT / "docs" / "cli.md").read_text(encoding="utf-8") == manual(), "run make docs"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_in_the_help_is_documented_and_the_other_way_round(name, capsys):
    with pytest.raises(SystemExit):
        cli.main([name, "--help"])
    flags = {*re.findall(r"(?<![\w-])--?[a-z][\w-]*", capsys.readouterr().out.partition("\nExample:")[0])}
    section = (
        (ROOT / "docs" / "cli.md").read_text(encoding="utf-8").partition(f"\n## {name}\n")[2].partition("\n## ")[0]
    )
    rows = re.findall(r"^\| `\[?(.*?)\]?` \|", section, re.MULTILINE)
    assert flags - {"--help", "-h"} == {flag for row in rows for flag in re.findall(r"(?<![\w-])--?[a-z][\w-]*", row)}


def test_every_command_is_documented_and_no_other(capsys):
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    listed = re.findall(r"^    (\w+)\b", capsys.readouterr().out, re.MULTILINE)
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    assert re.findall(r"^## (\w+)$", page, re.MULTILINE) == listed == [*COMMANDS]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_example_is_one_that_the_parser_takes(name):
    lines = [line.strip() for line in COMMANDS[name].epilog.splitlines()[1:]]
    assert any(line.startswith(f"gengallery {name} ") or line == f"gengallery {name}" for line in lines)
    for line in lines:
        program, *arguments = shlex.split(line)
        if program == "gengallery":
            cli.make_parser().parse_args(arguments)


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_commands_in_other_pages_are_ones_that_the_parser_takes(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines() if line.startswith("gengallery ")]
    inline = re.findall(r"`(gengallery \w+ [^`]*)`", text)
    assert lines or inline
    for line in (*lines, *inline):
        cli.make_parser().parse_args(shlex.split(line, comments=True)[1:])


def test_the_version(capsys):
    with pytest.raises(SystemExit):
        cli.main(["--version"])
    assert capsys.readouterr().out == f"gengallery {gengallery.__version__}\n"
