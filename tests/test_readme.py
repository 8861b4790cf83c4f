"""What the README says is true: its Python runs, its table is the files', its pins are the ones tested."""

import re

import pytest
from conftest import ROOT

import evaluate

README = (ROOT / "README.md").read_text()


def pins(name: str) -> dict[str, str]:
    """The versions that a file of requirements pins, by package."""
    lines = [line for line in (ROOT / name).read_text().splitlines() if line and not line.startswith("#")]
    return dict(line.split("==") for line in lines)


@pytest.mark.slow
def test_its_python_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert blocks
    scope: dict = {}
    for block in blocks:
        exec(block, scope)


def test_its_tables_are_what_the_files_say():
    assert evaluate.with_tables(README) == README, "run scripts/evaluate.py --readme"


def test_it_opens_with_what_a_space_needs_and_the_two_commands():
    front = README.split("---\n")[1]
    space = dict(line.split(": ", 1) for line in front.splitlines() if ": " in line)
    assert space["sdk"] == "gradio"
    assert space["sdk_version"] == pins("constraints.txt")["gradio"]
    assert (ROOT / space["app_file"]).is_file()
    assert len(space["short_description"]) <= 60  # more is refused
    commands = re.findall(r"^make \w+", README, re.MULTILINE)
    assert commands[:2] == ["make demo", "make test"]


def test_the_pins_agree():
    tested = pins("constraints.txt")
    assert pins("requirements.txt").items() <= tested.items()


@pytest.mark.parametrize("path", re.findall(r"\]\((?!https?:)([^)#]+)\)", README))
def test_its_links_lead_somewhere(path):
    assert (ROOT / path).exists()
