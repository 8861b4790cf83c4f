"""The house rules: which file may import which, what is documented, and what is nowhere used."""

import ast
import doctest
import re
import subprocess
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from conftest import ROOT, run_python

LIBRARY = sorted((ROOT / "gengallery").rglob("*.py"))
DEMO = sorted((ROOT / "demo").rglob("*.py"))
SCRIPTS = sorted((ROOT / "scripts").rglob("*.py"))
CODE = [*LIBRARY, *SCRIPTS, *DEMO]
# From the ground up. A file imports only from its own room and the rooms before it.
ROOMS = (
    "text", "checks", "defaults", "threads", "ode", "data", "storage", "priors", "model", "nn", "learners", "families",
    "models", "gallery", "training", "evaluation", "wrapped", "cli", "images", "__main__",
)  # fmt: skip
CLOSED_TO_MODELS = {"storage", "defaults", "gallery", "training", "evaluation", "wrapped", "cli"}
# The files of the demo that know Gradio; views and the files that they need don't.
GRADIO = {
    "page.py",
    "api.py",
    "assistants.py",
    "tab.py",
    "files.py",
    "handlers.py",
    "inputs.py",
    "labels.py",
    "layout.py",
    "live.py",
    "sessions.py",
}
LONG = 400  # lines, of a file that gives no reason


def in_project(paths):
    return [pytest.param(path, id=str(path.relative_to(ROOT))) for path in paths]


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(tree: ast.AST) -> set[str]:
    """The dotted names of all modules that a file imports, anywhere in it; `from a import b` gives both a and a.b."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            between = "" if module.endswith(".") else "."
            found |= {module} | {f"{module}{between}{alias.name}" for alias in node.names}
    return found


def imports_of(path: Path) -> set[str]:
    return imports(parsed(path))


def rooms(path: Path) -> set[str]:
    """The rooms that a file imports from."""
    parts = [name.split(".") for name in imports_of(path)]
    return {part[1] for part in parts if part[0] == "gengallery" and len(part) > 1 and part[1] in ROOMS}


def room_of(path: Path) -> str:
    return path.relative_to(ROOT / "gengallery").with_suffix("").parts[0]


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


# -- who imports whom


def test_every_file_of_the_library_has_its_room():
    assert {room_of(path) for path in LIBRARY} == {*ROOMS, "__init__"}


@pytest.mark.parametrize("path", in_project(path for path in LIBRARY if room_of(path) != "__init__"))
def test_arrows_go_down(path):
    assert rooms(path) <= set(ROOMS[: ROOMS.index(room_of(path)) + 1])


def test_no_room_is_higher_than_it_has_to_be():
    """Each stands above some other that it needs, or at the ground: the order is one that the code has."""
    needs: dict[str, set[str]] = {room: set() for room in ROOMS}
    for path in LIBRARY:
        if room_of(path) != "__init__":
            needs[room_of(path)] |= rooms(path) - {room_of(path)}
    grounded = {room for room, needed in needs.items() if not needed}
    assert grounded == {"text", "checks", "defaults", "threads", "ode"}


def test_no_file_imports_itself_by_way_of_others():
    """Not at the top, that is: what is imported when it is called can't go in circles."""
    known = {module_of(path): path for path in LIBRARY}
    graph = {}
    for module, path in known.items():
        top = [node for node in parsed(path).body if isinstance(node, (ast.Import, ast.ImportFrom))]
        named = imports(ast.Module(top, []))
        graph[module] = {name for name in named if name in known} - {module}
        graph[module] -= {name for name in graph[module] if name != "gengallery" and module.startswith(f"{name}.")}
        graph[module] -= {"gengallery"}  # `from gengallery import x` imports x alone, once the package is there
    assert len(tuple(TopologicalSorter(graph).static_order())) == len(known)


@pytest.mark.parametrize("path", in_project(p for p in LIBRARY if p.parent.name == "models" and p.stem != "__init__"))
def test_a_family_stands_alone(path):
    assert not rooms(path) & CLOSED_TO_MODELS
    assert not any(name.startswith("gengallery.models") for name in imports_of(path))
    assert any(isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "FAMILY" for node in parsed(path).body)


@pytest.mark.parametrize("path", in_project(LIBRARY))
def test_the_library_knows_nothing_of_those_who_use_it(path):
    assert not {name.split(".")[0] for name in imports_of(path)} & {"demo", "scripts", "tests", "gradio"}


@pytest.mark.parametrize("path", in_project(path for path in CODE if path not in DEMO))
def test_imports_say_which_room_they_come_from(path):
    assert not any(name.startswith(".") for name in imports_of(path))


@pytest.mark.parametrize("path", in_project(DEMO))
def test_the_demo_imports_itself_relatively(path):
    """So that it works as gengallery.demo too; and what tabs share knows none of them, nor they each other."""
    names = imports_of(path)
    assert path.name == "app.py" or "demo" not in {name.split(".")[0] for name in names}
    if path.parent.name == "shared":
        assert not any(name.startswith("..") for name in names)
    if path.parent.parent.name == "tabs":
        assert not any(name.startswith("..") and not name.startswith("...shared") for name in names)


def opened_by_name(tree: ast.AST) -> set[str]:
    """What is imported by its name in a string."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and node.args]
    named = [
        node.args[0] for node in calls if ast.unparse(node.func).rpartition(".")[2] in ("import_module", "__import__")
    ]
    return {ast.unparse(name).strip("f'\"").partition(".")[0] for name in named}


@pytest.mark.parametrize("path", in_project(CODE))
def test_outside_packages_stay_in_their_rooms(path):
    tree = parsed(path)
    used = {name.split(".")[0] for name in imports(tree)} | opened_by_name(tree)
    assert "torchvision" not in used or path.is_relative_to(ROOT / "gengallery" / "data")
    assert "gradio" not in used or (path in DEMO and path.name in GRADIO)


@pytest.mark.parametrize("path", in_project(CODE))
def test_nothing_is_pickled(path):
    tree = parsed(path)
    assert not {name.split(".")[0] for name in imports(tree)} & {"pickle", "dill", "cloudpickle", "shelve", "joblib"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            call = ast.unparse(node.func)
            assert call not in {"torch.load", "torch.save"}
            if call in {"np.load", "numpy.load"}:
                allowed = {word.arg: ast.unparse(word.value) for word in node.keywords}
                assert allowed.get("allow_pickle") == "False", f"line {node.lineno}"


# -- what is documented


def classes() -> dict[str, ast.ClassDef]:
    """The classes of the library by name; two may share one, since they are private to their files."""
    return {
        node.name: node for path in LIBRARY for node in ast.walk(parsed(path)) if isinstance(node, ast.ClassDef)
    }  # fmt: skip


CLASSES = classes()


def inherited(owner: ast.ClassDef, name: str) -> bool:
    """Whether some base of the class has a docstring for the method `name`, or "" for the class itself."""
    for base in owner.bases:
        known = CLASSES.get(ast.unparse(base).partition("[")[0].rpartition(".")[2])
        if known is None or known is owner:
            continue
        methods = {node.name: node for node in known.body if isinstance(node, ast.FunctionDef)}
        documented = known if not name else methods.get(name)
        if (documented is not None and ast.get_docstring(documented)) or inherited(known, name):
            return True
    return False


def undocumented(tree: ast.Module | ast.ClassDef):
    """Public functions, classes and methods without a docstring; an override has its docstring in the base."""
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
            if isinstance(node, ast.ClassDef):
                known = inherited(node, "")
            else:
                known = isinstance(tree, ast.ClassDef) and inherited(tree, node.name)
            if not ast.get_docstring(node) and not known:
                yield node.name
            if isinstance(node, ast.ClassDef):
                yield from undocumented(node)


@pytest.mark.parametrize("path", in_project(LIBRARY))
def test_what_is_public_is_documented(path):
    tree = parsed(path)
    assert ast.get_docstring(tree), "the file has no docstring"
    assert list(undocumented(tree)) == []


EXAMPLES = """
import doctest, importlib, sys
import torch
torch.set_num_threads(1)
tried = failed = 0
for name in sys.argv[1:]:
    found = doctest.testmod(importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE)
    tried, failed = tried + found.attempted, failed + found.failed
print("examples:", tried)
sys.exit(bool(failed))
"""


@pytest.mark.slow
def test_the_examples_in_docstrings_run():
    names = [module_of(path) for path in LIBRARY if ">>>" in path.read_text(encoding="utf-8")]
    assert len(names) > 5
    done = run_python(
        "-c", EXAMPLES, *names, GENGALLERY_DATA="/nowhere"
    )  # in a process of its own, since one adds a model to the gallery
    assert done.returncode == 0, done.stdout
    parser = doctest.DocTestParser()
    written = sum(
        len(parser.get_examples(ast.get_docstring(node) or ""))
        for path in LIBRARY
        for node in ast.walk(parsed(path))
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))
    )
    assert done.stdout.splitlines()[-1] == f"examples: {written}"  # none is hidden from doctest


# -- how long files are


def tracked(*endings: str) -> list[Path]:
    """The files of the checkout with these endings, without those that git ignores."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True)
    paths = [ROOT / name for name in listed.stdout.splitlines() if name.endswith(endings)]
    return sorted(path for path in paths if path.is_file())


def reason(path: Path) -> str:
    """What stands at the top of a file: its docstring, or its first comment."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        return ast.get_docstring(ast.parse(text)) or ""
    found = re.match(r"\s*(/\*.*?\*/|(?://[^\n]*\n\s*)+|<!--.*?-->)", text, re.DOTALL)
    return found.group(1) if found else ""


@pytest.mark.parametrize("path", in_project(tracked(".py", ".js", ".css", ".html")))
def test_a_long_file_says_why_it_is_one(path):
    lines = len(path.read_text(encoding="utf-8").splitlines())
    why = re.search(r"\bone (file|sheet)\b", " ".join(reason(path).split()), re.IGNORECASE)
    assert lines <= LONG or why, f"{lines} lines, and no sentence at the top that says why it is one file"
