"""The house rules: which file may import which, what is documented, and what is nowhere used."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
# From the ground up. A file imports only from rows above its own, and models/ not from one another.
ROOMS = ("files", "images", "noise", "metrics", "checkpoint", "model", "layers", "ode", "priors", "unet")
ROOMS += ("inversion", "adversarial", "models", "data", "gallery", "classifier")
ROOMS += ("history", "evaluate", "training")
CLOSED_TO_MODELS = {"data", "training", "checkpoint", "metrics", "gallery", "evaluate", "classifier"}
LIBRARY = sorted((ROOT / "gengallery").rglob("*.py"))
DEMO = sorted((ROOT / "demo").rglob("*.py"))
CODE = [*LIBRARY, *sorted((ROOT / "scripts").rglob("*.py")), *DEMO]
# The files of the demo that know Gradio; views and the files that they need don't.
GRADIO = {"page.py", "api.py", "tab.py", "files.py", "handlers.py", "inputs.py", "labels.py", "layout.py", "live.py"}


def in_project(paths):
    return [pytest.param(path, id=str(path.relative_to(ROOT))) for path in paths]


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
    return imports(ast.parse(path.read_text(encoding="utf-8")))


def rooms(path: Path) -> set[str]:
    """The rooms that a file imports from."""
    parts = [name.split(".") for name in imports_of(path)]
    return {part[1] for part in parts if part[0] == "gengallery" and len(part) > 1 and part[1] in ROOMS}


def room_of(path: Path) -> str:
    return path.relative_to(ROOT / "gengallery").with_suffix("").parts[0]


def test_every_file_of_the_library_has_its_room():
    assert {room_of(path) for path in LIBRARY} <= {*ROOMS, "__init__"}


@pytest.mark.parametrize("path", in_project(p for p in LIBRARY if p.parent.name != "models" and p.stem != "__init__"))
def test_arrows_go_down(path):
    above = ROOMS[: ROOMS.index(room_of(path))]
    assert rooms(path) <= set(above)


@pytest.mark.parametrize("path", in_project(p for p in LIBRARY if p.parent.name == "models" and p.stem != "__init__"))
def test_a_family_stands_alone(path):
    assert rooms(path) <= set(ROOMS[: ROOMS.index("models")]) - CLOSED_TO_MODELS
    assert not any(name.startswith("gengallery.models") for name in imports_of(path))


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


@pytest.mark.parametrize("path", in_project(CODE))
def test_outside_packages_stay_in_their_rooms(path):
    used = {name.split(".")[0] for name in imports_of(path)}
    assert "torchvision" not in used  # data.py alone imports it, by its name in a string, to mend a failed import
    assert "gradio" not in used or (path in DEMO and path.name in GRADIO)
    if path in LIBRARY and path.name != "data.py":
        assert "torchvision" not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", in_project(CODE))
def test_nothing_is_pickled(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert not {name.split(".")[0] for name in imports(tree)} & {"pickle", "dill", "cloudpickle", "shelve", "joblib"}
    calls = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    assert not calls & {"torch.load", "torch.save", "np.load", "numpy.load"}


@pytest.mark.parametrize("path", in_project(LIBRARY))
def test_what_is_public_is_documented(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree), "the file has no docstring"
    assert list(undocumented(tree)) == []


def undocumented(tree: ast.Module | ast.ClassDef):
    """Public functions, classes and methods without a docstring; an override has its docstring in the base."""
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
            if not ast.get_docstring(node) and not inherited(tree, node):
                yield node.name
            if isinstance(node, ast.ClassDef):
                yield from undocumented(node)


def inherited(owner: ast.AST, node: ast.AST) -> bool:
    """Whether `node` belongs to a class with a base of this project, whose docstring it inherits."""
    family = {"Config", "Fitted", "Learner", "Model", "Prior", "Recipe"}
    bases = {ast.unparse(base) for base in getattr(owner if isinstance(owner, ast.ClassDef) else node, "bases", [])}
    return bool(bases & family)
