"""The command line: what each command prints and writes, how it fails, and that its documentation is true."""

import json
import re
import resource
import shlex
import subprocess
import sys

import numpy as np
import pytest
from conftest import ROOT, offline

import gengallery
from gengallery import cli, gallery
from gengallery.cli.manual import manual

COMMANDS = cli.make_parser().commands().choices


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


def test_another_gallery_is_named_by_option_or_variable(output, two_models, monkeypatch):
    names = ["ae_2", "vae_2"]
    assert [line.split()[0] for line in output("list", "--gallery", two_models).splitlines()] == names
    assert len(output("list").splitlines()) > 2  # the option holds for its call alone
    monkeypatch.setenv(gallery.VARIABLE, str(two_models))
    assert [line.split()[0] for line in output("list").splitlines()] == names


def test_files_that_are_not_sound_are_told_on_stderr(run, two_models):
    (two_models / "flow.safetensors").write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    (two_models / "vae_64.safetensors").write_bytes(b"")
    (two_models / "._vae_2.safetensors").write_bytes(b"\0\5\x16\7")  # which macOS leaves beside files
    code, out, err = run("list", "--gallery", two_models)
    assert code == 0 and [line.split()[0] for line in out.splitlines()] == ["ae_2", "vae_2"]
    first, second = sorted(err.splitlines())
    assert first.startswith(f"left out: {two_models / 'flow.safetensors'}: ") and "git lfs pull" in first
    assert second.startswith(f"left out: {two_models / 'vae_64.safetensors'}: ") and "empty file" in second
    assert json.loads(run("list", "--gallery", two_models, "--json")[1])[0]["name"] == "ae_2"


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


def test_info_takes_the_path_of_a_file(output, two_models):
    path = two_models / "vae_2.safetensors"
    assert json.loads(output("info", path, "--json"))["path"] == str(path)


@pytest.mark.parametrize("name", gengallery.list_models())
def test_info_knows_every_model(name, output):
    assert output("info", name).startswith(f"{name}: ")


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
        (("reconstruct", "ae_2", "a.png"), "a.png: expected a picture, found a file of another kind"),
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
