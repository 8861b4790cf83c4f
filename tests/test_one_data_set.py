"""The code knows no data set: neither its sizes, nor its classes, nor its grey levels, but in its entry."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import ROOT

ENTRY = ROOT / "gengallery" / "data" / "sources.py"
PYTHON = sorted([*(ROOT / "gengallery").rglob("*.py"), *(ROOT / "demo").rglob("*.py")])
PAGES = sorted(path for ending in ("js", "html") for path in (ROOT / "demo").rglob(f"*.{ending}"))
NAMES = (
    "T-shirt/top", "T-shirt", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
    "Camiseta", "Calça", "Pulôver", "Vestido", "Casaco", "Sandália", "Camisa", "Tênis", "Bolsa", "Bota",
)  # fmt: skip
NUMBERS = {28, 784, 0.286, 0.353}
SIZES = {(28, 28), (14, 14), (7, 7)}  # as is, halved and halved again
CLASS_NAME = re.compile(rf"(?<![\w-])({'|'.join(map(re.escape, NAMES))})(?![\w-])")
IN_WORDS = re.compile(r"\b(28|784)\b|\b(28|14|7) ?[x×] ?(28|14|7)\b")
# Of pages: numbers that stand alone, as in a size's comparison; 28px, #f28 and v28 are no such number.
ALONE = re.compile(r"(?<![\w.#$-])(28|784|0?\.2860?|0?\.3530?)(?![\w.%-])")
TEN = re.compile(
    r"\b(no_?)?(class|label)(es|s|_?count)?(\.length)?\s*(===?|!==?|<=?|>=?|%|=|:)\s*(9|10|11)\b", re.IGNORECASE
)


def in_project(paths):
    return [pytest.param(path, id=str(path.relative_to(ROOT))) for path in paths]


# -- Python


def without(tree: ast.Module, path: Path) -> ast.Module:
    """The code of a file without docstrings, and without the one entry that may know the data set."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    if path == ENTRY:
        entry = [
            node
            for node in tree.body
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "FASHION_MNIST"
        ]
        assert len(entry) == 1
        tree.body.remove(entry[0])
    return tree


def of_cards(tree: ast.Module) -> set[int]:
    """The strings in calls of Card and of functions that make cards: they describe one model, and may name numbers."""
    found = set()
    for node in ast.walk(tree):
        makes_card = isinstance(node, ast.Call) and re.search(r"card$|^Card$|^_exhibit$|^Text$", ast.unparse(node.func))
        if makes_card or (isinstance(node, ast.FunctionDef) and re.search(r"card$|^_exhibit$", node.name)):
            found |= {id(inner) for inner in ast.walk(node) if isinstance(inner, ast.Constant)}
    return found


def complaints(path: Path, text: str | None = None) -> Iterator[str]:
    tree = without(ast.parse(path.read_text(encoding="utf-8") if text is None else text), path)
    described = of_cards(tree)
    for node in ast.walk(tree):
        where = f"line {getattr(node, 'lineno', '?')}"
        if isinstance(node, ast.Constant):
            if isinstance(node.value, (int, float)) and not isinstance(node.value, bool) and node.value in NUMBERS:
                yield f"{where}: the number {node.value}"
            if isinstance(node.value, str) and CLASS_NAME.search(node.value):
                yield f"{where}: a class's name in {node.value!r}"
            if isinstance(node.value, str) and id(node) not in described and IN_WORDS.search(node.value):
                yield f"{where}: a size in {node.value!r}"
        if isinstance(node, (ast.Tuple, ast.List, ast.Call)):
            items = node.args if isinstance(node, ast.Call) else node.elts
            values = tuple(item.value if isinstance(item, ast.Constant) else None for item in items)
            if any(values[i : i + 2] in SIZES for i in range(len(values))):
                yield f"{where}: a size, {ast.unparse(node)}"
        if is_count_of_classes(node):
            yield f"{where}: a count of classes in {ast.unparse(node)}"


def is_ten(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value in (9, 10, 11) and not isinstance(node.value, bool)


def is_of_classes(node: ast.AST) -> bool:
    return bool(re.search(r"class|label", ast.unparse(node), re.IGNORECASE))


def is_count_of_classes(node: ast.AST) -> bool:
    """Whether ten, or its last or next, stands for the number of classes in this node."""
    if isinstance(node, ast.Assign):
        return is_ten(node.value) and any(map(is_of_classes, node.targets))
    if isinstance(node, ast.AnnAssign):
        return node.value is not None and is_ten(node.value) and is_of_classes(node.target)
    if isinstance(node, ast.keyword):
        return is_ten(node.value) and bool(re.search("class|label", node.arg or "", re.IGNORECASE))
    if isinstance(node, ast.arg):
        return False
    if isinstance(node, ast.arguments):
        pairs = zip(reversed(node.args), reversed(node.defaults), strict=False)
        return any(is_ten(value) and is_of_classes(argument) for argument, value in pairs)
    if isinstance(node, ast.Compare):
        sides = [node.left, *node.comparators]
        return any(map(is_ten, sides)) and any(is_of_classes(side) for side in sides)
    if isinstance(node, ast.BinOp):
        return (is_ten(node.right) and is_of_classes(node.left)) or (is_ten(node.left) and is_of_classes(node.right))
    if isinstance(node, ast.Call):
        name = ast.unparse(node.func).rpartition(".")[2]
        return any(map(is_ten, node.args)) and bool(re.search("one_hot|class|label|Embedding", name, re.IGNORECASE))
    return False


@pytest.mark.parametrize("path", in_project(PYTHON))
def test_no_python_knows_the_data_set(path):
    assert list(complaints(path)) == []


@pytest.mark.parametrize(
    "code",
    [
        "x.reshape(-1, 28, 28)", "size = 28", "PIXELS = 784", "MEAN = 0.2860", "std = 0.353", "x.view(n, 7, 7)",
        "shape = (14, 14)", "NO_CLASS = 10", "one_hot(labels, 10)", "if label == 10: pass", "labels % 10",
        "f(classes=10)", "def f(n, classes=10): pass", "nn.Embedding(11, 64)", "x = 'Ankle boot'",
        "f'{x} of 784 pixels'", "title = '28 x 28'", "CLASSES: int = 10", "f('A Sneaker, please')",
        "names = ['Bag', 'Coat']",
    ],
)  # fmt: skip
def test_the_rule_for_python_sees(code):
    assert list(complaints(Path("other.py"), code))


@pytest.mark.parametrize(
    "code",
    [
        "EPOCHS = 10", "k = 7", "shape = (2, 7)", "x[:10]", "x = '28px'", "x = 'size_784'", "0.28", "def f():\n    '''28'''",
        "x = 'T-shirts'",
        "range(10)", "x % 10", "x = 'a handbag'", "x = '#282828'", "batch = 128", "True",
        "Card('x', summary='All 784 numbers.')",
    ],
)  # fmt: skip
def test_the_rule_for_python_lets_others_be(code):
    assert list(complaints(Path("other.py"), code)) == []


def test_the_entry_is_all_that_is_let_off():
    text = ENTRY.read_text(encoding="utf-8")
    assert list(complaints(Path("other.py"), text))
    assert list(complaints(ENTRY)) == []


# -- pages


def code_of(text: str, ending: str) -> str:
    """A page without its comments, styles and drawings; lines stay where they are."""

    def blank(found: re.Match[str]) -> str:
        return "\n" * found.group().count("\n")

    if ending == ".html":
        for pattern in (r"<!--.*?-->", r"<style.*?</style>", r'\sstyle="[^"]*"', r"<svg.*?</svg>"):
            text = re.sub(pattern, blank, text, flags=re.DOTALL)
        return text
    text = re.sub(r"/\*.*?\*/", blank, text, flags=re.DOTALL)
    return re.sub(r"(?<![:\"'`\w])//[^\n]*", "", text)


def complaints_of_page(text: str, ending: str) -> Iterator[str]:
    for number, line in enumerate(code_of(text, ending).splitlines(), 1):
        for rule in (ALONE, CLASS_NAME, TEN):
            if found := rule.search(line):
                yield f"line {number}: {found.group()}"


@pytest.mark.parametrize("path", in_project(PAGES))
def test_no_page_knows_the_data_set(path):
    assert list(complaints_of_page(path.read_text(encoding="utf-8"), path.suffix)) == []


@pytest.mark.parametrize(
    "code",
    [
        "const SIDE = 28;", "new Uint8Array(784)", "for (let i = 0; i < 28 * 28; i++) {}", "x / .353", "(x - 0.2860)",
        "names = ['Trouser']", "if (label === 10) return", "classes.length == 10", "const noClass = 10", "label < 10",
        "canvas.width = 28;",
    ],
)  # fmt: skip
def test_the_rule_for_pages_sees(code):
    assert list(complaints_of_page(code, ".js"))


@pytest.mark.parametrize(
    "code",
    [
        "x.style.width = '28px'", "const time = 10", "// 28 x 28", "/* of 784\n numbers */ x", "'#f28'", "v28", "x.y28",
        "0.2861",        "margin: 28px", "https://28.example", "classList.add('label')", "label.textContent = 7",
    ],
)  # fmt: skip
def test_the_rule_for_pages_lets_others_be(code):
    assert list(complaints_of_page(code, ".js")) == []


def test_the_rule_for_pages_leaves_drawings_alone():
    page = '<svg viewBox="0 0 28 28"><path d="M 28 7"/></svg><b style="width: 28px">x</b><!-- 28 -->'
    assert list(complaints_of_page(page, ".html")) == []
    assert list(complaints_of_page('<canvas width="28"></canvas>', ".html"))
