"""scripts/evaluate.py: it measures and verifies as the command does, and makes the README's tables."""

import importlib
import re
import sys
from pathlib import Path

import pytest
import torch
from conftest import run_python
from small_gallery import N, small_gallery

import gengallery
from gengallery.evaluation import inception, reference, scorecard
from gengallery.evaluation.figures import RECONSTRUCTIONS, SAMPLES, figure

pytestmark = pytest.mark.slow

PLACE = "# Title\n\n<!-- models: made by scripts/evaluate.py -->\nold\n<!-- end of models -->\n\nMore.\n"
WITH_CLASSES = {"judged", "judged_least"}


@pytest.fixture
def folder(tmp_path, fake_data, monkeypatch) -> Path:
    """A gallery of three models that nobody measured, with little data and figures of few samples."""
    return small_gallery(tmp_path, fake_data, monkeypatch)


@pytest.fixture
def script(folder, tmp_path, monkeypatch):
    """The script as a module, with a README of its own; `script.call` runs it in this process."""
    monkeypatch.syspath_prepend(Path(__file__).resolve().parent.parent / "scripts")
    module = importlib.import_module("evaluate")
    monkeypatch.setattr(module, "README", tmp_path / "README.md")
    module.README.write_text(PLACE)

    def call(*arguments: str | Path) -> int:
        return module.main([*map(str, arguments), *([] if arguments == ("--readme",) else ["--threads", "1"])])

    monkeypatch.setattr(module, "call", call, raising=False)
    return module


def table(lines: list[str], title: str) -> dict[str, dict[str, str]]:
    """The rows of the table that has the column `title`, by their first cell: cells by column."""
    split = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    start = next(i for i, cells in enumerate(split) if title in cells)
    end = next((i for i in range(start, len(lines)) if not lines[i].startswith("|")), len(lines))
    head, rule, *rows = split[start:end]
    assert {len(row) for row in rows} == {len(head)} == {len(rule)}
    assert set(rule) <= {"---", "---:"}
    return {row[0]: dict(zip(head[1:], row[1:], strict=True)) for row in rows}


def lines_of(script) -> list[str]:
    return "\n".join(script.tables()).split("\n")


def title(name: str) -> str:
    return str(figure(name).title)


def test_tables_of_a_gallery_that_nobody_measured(script):
    lines = lines_of(script)
    models = table(lines, "what it is")
    assert list(models) == ["`ae_2`", "`gan_dim_8`", "`vae_2`"]
    assert models["`ae_2`"]["parameters"] == f"{gengallery.info('ae_2')['parameters']:,}"
    samples = table(lines, title("frechet"))
    assert list(samples) == ["`ae_2`", "`gan_dim_8`", "`vae_2`", "*real images*"]
    for cells in samples.values():
        assert list(cells.values()) == ["not measured"] + [""] * (len(cells) - 1)
    images = table(lines, title("kl"))
    assert images["`vae_2`, the report"][title("kl")] == "6.37"
    assert images["`vae_2`"][title("total")] == ""


def test_tables_of_a_gallery_measured_in_part(script):
    found = scorecard.record("vae_2", reference.Reference())
    lines = lines_of(script)
    samples = table(lines, title("frechet"))
    assert [*samples["`ae_2`"].values()] == ["not measured"] + [""] * (len(found.floor) - 1)
    for name, value in found.figures.items():
        table_ = samples if name in {one.name for one in SAMPLES} else table(lines, title("active_units"))
        assert table_["`vae_2`"][title(name)] == figure(name).written(value)
    assert [*samples["*real images*"]] == [one.title for one in SAMPLES if one.name not in WITH_CLASSES]
    assert samples["*real images*"][title("nearest")] == figure("nearest").written(found.floor["nearest"])
    images = table(lines, title("active_units"))
    assert [*images["`vae_2`"]] == [one.title for one in RECONSTRUCTIONS]
    assert images["`vae_2`, the report"][title("bound")] == ""
    rows = list(images)
    assert rows[rows.index("`vae_2`") + 1] == "`vae_2`, the report"


def test_a_model_without_reconstructions_has_no_row_among_them(script):
    scorecard.record("gan_dim_8", reference.Reference())
    assert "`gan_dim_8`" not in table(lines_of(script), title("kl"))
    assert "`ae_2`" in table(lines_of(script), title("kl"))


def test_tables_take_their_place_and_no_other(script):
    made = script.with_tables(PLACE)
    assert made.startswith("# Title\n\n<!-- models: made by scripts/evaluate.py -->\n| model |")
    assert made.endswith("|\n<!-- end of models -->\n\nMore.\n")
    assert "old" not in made
    assert script.with_tables(made) == made
    assert script.with_tables(PLACE.removesuffix("\n\nMore.\n")).endswith("|\n<!-- end of models -->")


@pytest.mark.parametrize(
    "readme",
    [
        "",
        "# Title\n",
        PLACE.replace("<!-- end of models -->", ""),
        PLACE.replace("<!-- models", "<!-- others"),
        "<!-- end of models -->\n<!-- models: made by scripts/evaluate.py -->\n",
    ],
)
def test_a_readme_without_a_place_is_refused_and_left(readme, script, capsys):
    says = r"README\.md: expected a place for the tables between <!-- models.*found none"
    with pytest.raises(ValueError, match=says):
        script.with_tables(readme)
    script.README.write_text(readme)
    assert script.call("--readme") == 2
    assert re.fullmatch(rf"evaluate\.py: {says}\n", capsys.readouterr().err)
    assert script.README.read_text() == readme


def test_it_makes_the_readme_and_needs_nothing_for_it(script, folder, monkeypatch, capsys):
    monkeypatch.setattr(reference, "Reference", None)
    before = {path: path.read_bytes() for path in folder.iterdir()}
    assert script.call("--readme") == 0
    assert script.README.read_text() == script.with_tables(PLACE)
    assert {path: path.read_bytes() for path in folder.iterdir()} == before
    assert capsys.readouterr() == ("", "")


@pytest.mark.slow
def test_it_measures_names_and_verifies_all(script, folder, capsys):
    assert script.call("ae_2", "vae_2") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == ["ae_2", "vae_2"]
    assert re.search(r"frechet \d.*coverage 0.*mse 0.*\(\d+ s\)$", lines[0])
    assert gengallery.info("ae_2")["scorecard"]
    assert gengallery.info("gan_dim_8")["scorecard"] is None
    readme = script.README.read_text()
    assert readme == script.with_tables(PLACE)
    assert len([line for line in readme.splitlines() if "not measured" in line]) == 2  # in both tables

    before = {path: path.read_bytes() for path in (*folder.iterdir(), script.README)}
    assert script.call("--verify", "vae_2", "ae_2") == 0
    assert re.fullmatch(r"vae_2: as recorded \(\d+ s\)\nae_2: as recorded \(\d+ s\)\n", capsys.readouterr().out)
    assert script.call("--verify", "--all") == 2
    out, err = capsys.readouterr()
    assert re.search(
        r"^gan_dim_8: NOT as recorded: .*gan_dim_8\.safetensors: expected a scorecard.*found none", out, re.M
    )
    assert err.splitlines()[-1] == "evaluate.py: 1 of 3 models are not as their files say: gan_dim_8"
    assert {path: path.read_bytes() for path in (*folder.iterdir(), script.README)} == before

    assert script.call("--all") == 0
    assert script.call("--verify", "--all") == 0
    assert capsys.readouterr().out.count("as recorded") == 3


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "evaluate.py: expected either names of models or --all"),
        (("ae_2", "--all"), "evaluate.py: expected either names of models or --all"),
        (("--verify",), "evaluate.py: expected either names of models or --all"),
        (("ae_2", "--readme"), "evaluate.py: expected --readme alone"),
        (("--verify", "--readme"), "evaluate.py: expected --readme alone"),
        (("ae_2", "vae_3"), "evaluate.py: unknown model 'vae_3': the nearest are .*"),
        (("--verify", "ae_2", "vae_3"), "evaluate.py: unknown model 'vae_3': the nearest are .*"),
        (("ae_2", "--data", "nowhere/"), "evaluate.py: .*nowhere: expected a folder .*, found nothing"),
    ],
)
def test_arguments_that_make_no_sense_are_one_sentence(arguments, says, script, folder, capsys):
    before = {path: path.read_bytes() for path in folder.iterdir()}
    assert script.call(*arguments) == 2
    out, err = capsys.readouterr()
    assert not out and re.fullmatch(f"{says}\n", err)
    assert script.README.read_text() == PLACE
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_without_a_classifier_nothing_is_measured(script, folder, capsys):
    (folder / "classifier.safetensors").unlink()
    assert script.call("ae_2") == 2
    assert re.fullmatch(
        r"evaluate\.py: .*classifier\.safetensors: expected a file of weights.*\n", capsys.readouterr().err
    )


class Tiny(torch.nn.Module):
    """In the place of the Inception network: means over blocks of pixels."""

    num_features = 16

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.avg_pool2d(images[:, :1].float(), 7).flatten(1)


def test_it_prints_the_inception_distance_and_writes_nothing(script, folder, capsys, monkeypatch):
    original = inception.Inception
    monkeypatch.setattr(inception, "Inception", lambda test: original(test, Tiny()))
    monkeypatch.setattr(inception, "COUNT", N)
    before = {path: path.read_bytes() for path in folder.iterdir()}
    assert script.call("--inception", "ae_2") == 0
    assert re.fullmatch(r"ae_2: Inception FID \d+\.\d\d\n", capsys.readouterr().out)
    assert {path: path.read_bytes() for path in folder.iterdir()} == before
    assert script.README.read_text() == PLACE


def test_an_error_of_a_fresh_process_is_one_sentence():
    done = run_python("scripts/evaluate.py", "vae_3")
    assert done.returncode == 2 and not done.stdout
    assert re.fullmatch(r"evaluate\.py: unknown model 'vae_3': .*\n", done.stderr)
    assert sys.executable not in done.stderr
