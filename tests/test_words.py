"""The words of models, families and figures: in two languages that say the same, in the field's terms."""

import re

import pytest

from gengallery import families
from gengallery.evaluation import classifier, figures
from gengallery.text import Text

FAMILIES = {**families.families(), classifier.FAMILY.name: classifier.FAMILY}
CARDS = {card.name: card for family in FAMILIES.values() for card in family.cards}
# Titles that Portuguese shares with English: names of methods, and terms that it has taken over.
SHARED = {
    "Autoencoder", "Classes", "Flow matching", "Fréchet", "GAN", "Kernel", "KL", "MSE", "R3GAN", "Reconstr.", "SSIM",
    "Total",
}  # fmt: skip
NUMBER = re.compile(r"(?<![\w.,])\d[\d.,]*(?:e-?\d+)?")  # 0.3, 60,000, 1e-7; not the digits of a name, as in vae_2
NAME = re.compile(r"\w*(?:\w[A-Z]|[A-Za-z]_?\d)\w*")  # a word with a capital or a digit inside it: VAE, ReLU, vae_2
METAPHORS = re.compile(
    r"\b(forg\w+|inspect\w*|verdicts?|judges?|judged|told|untold|wardrobe|"
    r"fals[áa]ri\w+|falsifica\w+|inspe[tc]\w*|veredit\w+|ju[ií]z\w*|julgad\w+|guarda-roupas?|peças? de museu)\b",
    re.IGNORECASE,
)
FEMININE_VAE = re.compile(r"\b(a|à|as|da|na|uma|pela|própria|sua) c?(VAE|vae_)", re.IGNORECASE)


def words() -> dict[str, str]:
    """Every text that a reader sees of a model, a family or a figure, by where it stands."""
    found = {}
    for name, family in FAMILIES.items():
        found[f"{name}: title"] = family.model.title
        for kind in ("strengths", "weaknesses"):
            found |= {f"{name}: {kind} {i}": text for i, text in enumerate(getattr(family.model, kind, ()))}
    for name, card in CARDS.items():
        found[f"{name}: summary"] = card.summary
        if card.notes or name != classifier.CARD.name:
            found[f"{name}: notes"] = card.notes
    for name, figure in figures.FIGURES.items():
        found |= {f"{name}: title": figure.title, f"{name}: meaning": figure.meaning}
    return {**found, "loss": figures.LOSS}


WORDS = words()
every_text = pytest.mark.parametrize("text", [pytest.param(text, id=where) for where, text in WORDS.items()])


def numbers(text: str, decimal: str) -> list[float]:
    """The numbers in `text`, sorted, whose decimal sign is `decimal` and whose thousands the other sign separates."""
    thousands = "." if decimal == "," else ","
    found = [number.rstrip(".,") for number in NUMBER.findall(text)]
    assert all(re.fullmatch(rf"\d+(\{thousands}\d{{3}})*(\{decimal}\d+)?(e-?\d+)?", number) for number in found), found
    return sorted(float(number.replace(thousands, "").replace(decimal, ".")) for number in found)


def names(text: str) -> set[str]:
    return set(NAME.findall(text))


def sentences(text: str) -> int:
    return len(re.findall(r"[.!?](?=\s|$)", text))


def disagreements(english: str, portuguese: str) -> list[str]:
    """In what the two languages do not say the same, as far as a machine sees it."""
    found = []
    if numbers(english, ".") != numbers(portuguese, ","):
        found.append("numbers")
    if names(english) != names(portuguese):
        found.append(f"names: {sorted(names(english) ^ names(portuguese))}")
    if sentences(english) != sentences(portuguese):
        found.append("sentences")
    return found


def test_texts_of_every_kind_are_found():
    kinds = {where.split(": ")[-1].split()[0] for where in WORDS}
    assert kinds == {"title", "strengths", "weaknesses", "summary", "notes", "meaning", "loss"}
    assert len(WORDS) > 100


@every_text
def test_every_text_has_a_portuguese_translation(text):
    assert isinstance(text, Text)
    assert text.strip() == text != ""
    assert set(text.translations) == {"pt"}
    assert text.pt.strip() == text.pt != ""
    assert (text.pt == text) == (text in SHARED)


@every_text
def test_both_languages_say_the_same(text):
    assert disagreements(str(text), text.pt) == []


@every_text
def test_words_are_the_fields_own(text):
    assert not METAPHORS.findall(f"{text} {text.pt}")
    assert not FEMININE_VAE.search(text.pt)  # "o VAE"


@pytest.mark.parametrize("card", CARDS.values(), ids=CARDS)
def test_a_summary_is_one_sentence(card):
    for text in (str(card.summary), card.summary.pt):
        assert text.endswith(".")
        assert sentences(text) == 1
        assert "\n" not in text


@pytest.mark.parametrize("card", CARDS.values(), ids=CARDS)
def test_what_is_written_into_a_file_has_the_translations(card):
    described = card.describe()
    written = {key: described[key] for key in ("summary", "notes") if described[key]}
    assert described["translations"] == {"pt": {key: getattr(card, key).pt for key in written}}


def test_no_two_models_have_the_same_summary():
    summaries = {}
    for card in CARDS.values():
        summaries.setdefault((card.summary, card.summary.pt), []).append(card.name)
    # The report has the GAN of 16 numbers of normal noise twice, in two tables.
    assert [found for found in summaries.values() if len(found) > 1] == [["gan_dim_16", "gan_dist_normal"]]


@pytest.mark.parametrize(
    ("english", "portuguese", "expected"),
    [
        ("60,000 images at 0.3.", "60.000 imagens a 0,3.", []),
        ("Clipped at 1e-7.", "Limitadas a 1e-7.", []),
        ("Fréchet distance 3.5.", "Distância de Fréchet 3,6.", ["numbers"]),
        ("Two of 7 × 7 places.", "Duas de 7 posições.", ["numbers"]),
        ("A VAE.", "Um VAE. E mais.", ["sentences"]),
        ("As vae_64.", "Como o vae_2.", ["names: ['vae_2', 'vae_64']"]),
        ("The R1 penalty on a GAN.", "A penalidade em uma GAN.", ["names: ['R1']"]),
    ],
)
def test_a_translation_that_is_stale_is_seen(english, portuguese, expected):
    assert disagreements(english, portuguese) == expected


@pytest.mark.parametrize(("portuguese", "english"), [("3.5", "3.5"), ("60,000.5", "60,000.5")])
def test_numbers_in_the_english_style_are_seen_in_portuguese(portuguese, english):
    with pytest.raises(AssertionError):
        assert numbers(english, ".") == numbers(portuguese, ",")
