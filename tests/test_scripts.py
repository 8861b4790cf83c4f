"""The scripts run from a plain checkout, and none knows another: what they share is in packages beside them."""

import ast

import pytest
from conftest import ROOT, run_python

COMMANDS = sorted((ROOT / "scripts").glob("*.py"))


def top_level_imports(path) -> set[str]:
    """The first names of all modules that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


@pytest.mark.parametrize("path", sorted((ROOT / "scripts").rglob("*.py")), ids=lambda path: path.name)
def test_no_script_is_imported_by_another(path):
    assert not top_level_imports(path) & {command.stem for command in COMMANDS}
    assert "sys.path" not in path.read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("path", COMMANDS, ids=lambda path: path.name)
def test_each_script_runs_from_the_checkout(path):
    done = run_python(path, "--help")
    assert done.returncode == 0 and done.stdout.startswith(f"usage: {path.name}"), done.stderr
