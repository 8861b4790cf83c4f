"""The words of the demo: by key, in both languages, none missing, none stale, and none in the code itself."""

import ast
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from demo import tabs
from demo.shared import labels, models, words

DEMO = Path(words.__file__).resolve().parent.parent
SHARED = DEMO / "shared"
FOLDERS = [SHARED, DEMO / "server", *sorted(path.parent for path in DEMO.glob("tabs/*/words.json"))]
FOLDER_PARAMETERS = [pytest.param(folder, id=folder.name) for folder in FOLDERS]
CALLS = {"say", "T"}  # by which Python asks for the words of a key
PLACE = re.compile(r"\{(\w+)\}")
CODE = {"code", "pre", "style", "script"}
SIGNS = {"prior_of", "place", "guidance", "square"}  # texts without a word
LETTERS = re.compile(r"[^\W\d_]{2,}")


def words_of(folder):
    return json.loads((folder / "words.json").read_text(encoding="utf-8"))


def sources(folder, *suffixes):
    """The files of a folder by which its words are asked for; those of api.py, page.py and static/ are shared/'s."""
    here = [SHARED, DEMO, DEMO / "static"] if folder == SHARED else [folder]
    return sorted(path for place in here for path in place.iterdir() if path.suffix in suffixes)


def calls(path):
    """The calls in a file of Python that ask for words."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func
            asks = isinstance(name, ast.Name) and name.id in CALLS
            at_once = isinstance(name, ast.Call) and ast.unparse(name.func) in ("Words", "Labels")
            if asks or at_once:
                yield node


def script(path) -> str:
    """A file of JavaScript without its comments, or another as it is."""
    text = path.read_text(encoding="utf-8")
    return re.sub(r"/\*.*?\*/|//[^\n]*", "", text, flags=re.S) if path.suffix == ".js" else text


def asked(folder) -> dict[str, set[str]]:
    """The keys that the files of a folder ask for, and the names of what each is filled with where Python asks."""
    found: dict[str, set[str]] = {}
    for path in sources(folder, ".py"):
        for call in calls(path):
            key = call.args[0]
            assert isinstance(key, ast.Constant), f"{path}: a key that is no literal: {ast.unparse(call)}"
            found.setdefault(key.value, set())
    for path in sources(folder, ".js", ".html"):
        text = script(path)
        pattern = r'\bsay\("(\w+)"' if path.suffix == ".js" else r'data-word(?:-[\w-]+)?="(\w+)"'
        found |= {key: set() for key in re.findall(pattern, text)}
        if path.suffix == ".js":
            assert not re.findall(r"\bsay\((?![\"\)])", text), f"{path}: a key that is no literal"
    return found


# -- the keys


@pytest.mark.parametrize("folder", FOLDER_PARAMETERS)
def test_every_text_is_there_in_every_language(folder):
    for key, texts in words_of(folder).items():
        assert re.fullmatch(r"[a-z][a-z0-9_]*", key)
        assert tuple(texts) == words.LANGUAGES, key
        assert all(text and text == text.strip() for text in texts.values()), key
        assert key in SIGNS or all(LETTERS.search(PLACE.sub("", text)) for text in texts.values()), key
        places = [sorted(PLACE.findall(text)) for text in texts.values()]
        assert places[0] == places[1], key


@pytest.mark.parametrize("folder", FOLDER_PARAMETERS)
def test_every_key_that_is_asked_for_is_there(folder):
    missing = asked(folder).keys() - words_of(folder).keys() - words_of(SHARED).keys()
    assert missing <= ({"title"} if folder == SHARED else set())  # which page.py asks of every tab


@pytest.mark.parametrize("folder", FOLDER_PARAMETERS)
def test_no_key_is_stale(folder):
    everywhere = set().union(*(asked(place).keys() for place in FOLDERS))
    own = words_of(folder).keys()
    assert own - (everywhere if folder == SHARED else asked(folder).keys() | {"title"}) == set()
    assert folder == SHARED or own & words_of(SHARED).keys() == set()


@pytest.mark.parametrize("folder", FOLDER_PARAMETERS)
def test_what_a_text_is_filled_with_is_what_it_has_places_for(folder):
    known = words_of(SHARED) | words_of(folder)
    for path in sources(folder, ".py"):
        for call in calls(path):
            texts = known.get(call.args[0].value)
            if texts and not any(keyword.arg is None for keyword in call.keywords):  # ** is filled by what it is given
                assert set(PLACE.findall(texts["en"])) == {keyword.arg for keyword in call.keywords}, (path, texts)
    for path in sources(folder, ".js"):
        for key, given in re.findall(r'\bsay\("(\w+)"(?:, \{([^}]*)\})?\)', script(path)):
            names = {part.split(":")[0].strip() for part in given.split(",")} - {""}
            assert set(PLACE.findall(known[key]["en"])) == names, (path, key)


def test_a_tab_brings_its_own_words():
    for name in tabs.find_tabs():
        assert {"title", "heading", "lead"} <= words_of(tabs.FOLDER / name).keys()
        assert {path.name for path in (tabs.FOLDER / name).glob("more.*.md")} == {"more.en.md", "more.pt.md"}


# -- the code


class Visible(HTMLParser):
    """The texts of a piece of HTML that a visitor would read, code apart."""

    def __init__(self, html):
        super().__init__()
        self.found, self.inside = [], []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.inside.append(tag)
        self.found += [value for name, value in attributes if name in ("alt", "title", "aria-label", "placeholder")]

    def handle_endtag(self, tag):
        if tag in self.inside:
            del self.inside[self.inside.index(tag) :]

    def handle_data(self, data):
        if not CODE & set(self.inside):
            self.found.append(data)


def literals(tree):
    """The strings in a file of Python, without docstrings; what is filled in at run time stands as braces."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    docstrings = {id(node.body[0].value) for node in ast.walk(tree) if isinstance(node, documented) and node.body
                  and isinstance(node.body[0], ast.Expr)}  # fmt: skip
    parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings | parts:
            yield node.value


@pytest.mark.parametrize("path", [pytest.param(p, id=str(p.relative_to(DEMO))) for p in sorted(DEMO.rglob("*.py"))])
def test_no_words_are_written_in_python(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for text in literals(tree):
        if re.search(r"</?[a-z]", text):
            tags = re.sub(r'="[^"]*\{\}[^"]*"', '=""', text)  # attributes that are filled in
            assert [part for part in Visible(tags).found if LETTERS.search(part or "")] in ([], ["gengallery"]), text
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg in ("label", "info", "placeholder", "title"):
            written = node.value.value if isinstance(node.value, ast.Constant) else ""
            assert not LETTERS.search(written or "") or written == "gengallery", ast.unparse(node.value)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("gr.Button", "gr.Tab", "gr.Accordion", "notice"):
            assert not isinstance(node.args[0] if node.args else None, ast.Constant), ast.unparse(node)
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            assert ast.unparse(node.exc.func) != "ValueError", "a Refusal has its words by key"


@pytest.mark.parametrize("path", [pytest.param(p, id=p.name) for p in sorted(DEMO.rglob("*.html"))])
def test_no_words_are_written_in_templates(path):
    found = [text for text in Visible(path.read_text(encoding="utf-8")).found if LETTERS.search(text)]
    assert found == []


@pytest.mark.parametrize("path", [pytest.param(p, id=p.name) for p in sorted(DEMO.rglob("*.js"))])
def test_no_words_are_written_in_scripts(path):
    text = re.sub(r"new Error\([^\n]*", "", script(path))
    for literal in re.findall(r'"([^"\n]*)"|`([^`]*)`', text):
        said = re.sub(r"\$\{[^}]*\}", "", "".join(literal))
        assert not re.search(r"\b[A-Z][a-z]+ [a-z]{2,}", said), said
    assert not re.search(r'(textContent|innerText|title|alt|placeholder) = ["`][^"`$]*[A-Za-z]{2}', text)
    assert not re.search(r'setAttribute\("(aria-label|title|alt)", ["`]', text)


# -- how they are put together


def test_words_are_filled_in_every_language():
    say = words.Words(SHARED / "words.json")
    text = say("error", error=words.number(1234.5, ",.1f"))
    assert (text, text.translations["pt"]) == ("error 1,234.5", "erro 1.234,5")
    assert words.both(text) == {"en": "error 1,234.5", "pt": "erro 1.234,5"}
    assert words.both("plain") == {"en": "plain", "pt": "plain"}
    assert words.joined(["a", "", text], " ") == "a error 1,234.5"
    assert words.both(words.joined(["a", text])) == {"en": "a · error 1,234.5", "pt": "a · erro 1.234,5"}
    nested = say("noise_raw", noise=words.Text("{error} <b>", pt="{x}"))
    assert words.both(nested) == {"en": "raw {error} <b>", "pt": "{x} cru"}
    with pytest.raises(KeyError):
        say("no such key")
    with pytest.raises(KeyError):
        say("error")


def test_html_holds_every_language_and_escapes_it():
    text = words.Text("a & b", pt="<i>")
    assert words.html(text) == '<span class="en">a &amp; b</span><span class="pt">&lt;i&gt;</span>'
    assert words.html("<i>") == "&lt;i&gt;"
    assert words.attribute("title", words.Text('"', pt="b")) == ' title="&quot;" data-pt-title="b"'
    assert words.attribute("alt", "a") == ' alt="a"'


def test_a_refusal_speaks_every_language():
    refusal = words.Refusal(words.Text("no", pt="não"))
    assert isinstance(refusal, ValueError)
    assert str(refusal) == "no"
    assert words.both(words.said(refusal)) == {"en": "no", "pt": "não"}
    assert words.both(words.said(ValueError("of the library"))) == {"en": "of the library", "pt": "of the library"}


def test_labels_are_known_to_gradio():
    seed = labels.Labels(SHARED / "x")("seed")
    own = labels.label(words.Text("Bag", pt="Bolsa"))
    assert labels.i18n().translations["pt"][seed.key] == "Semente"
    assert labels.i18n().translations["en"][own.key] == "Bag"
    assert labels.i18n().translations["pt"][own.key] == "Bolsa"


def test_every_kind_of_noise_has_its_words():
    from gengallery.priors.noise import DISTRIBUTIONS

    assert models.DISTRIBUTIONS.keys() == DISTRIBUTIONS.keys()
