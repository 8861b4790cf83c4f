"""The pages and pictures of the report: their words in both languages, and whether docs holds what was measured."""

import io
import math
import re
import string
from itertools import chain

import numpy as np
import pytest
from PIL import Image
from test_report import CARDS, DOCS, EXHIBITS, FOLDER, page, tables

from gengallery.data import TEST, TRAINVAL
from reporting import contents, pages, pictures, words
from reporting.contents import FIGURES
from reporting.experiments import experiments
from reporting.measure import Measured
from reporting.source import Source

REMAKE = "run scripts/report.py"


@pytest.fixture(scope="module")
def measured() -> Measured:
    return Measured.read(FOLDER)


def numbers(text: str, language: str) -> list[str]:
    """The numbers of a text, as English writes them."""
    return [
        each.translate(words._SWAPPED) if language == "pt" else each for each in re.findall(r"\d+(?:[.,]\d+)*", text)
    ]


# -- words


def places(text: str) -> set[tuple[str, str]]:
    """The names that a text has places for, with how each is written."""
    return {(name, form or "") for _, name, form, _ in string.Formatter().parse(text) if name is not None}


def test_both_languages_have_every_text():
    for key, texts in words.read().items():
        assert set(texts) == set(words.LANGUAGES) and all(texts.values()), key
        assert places(texts["en"]) == places(texts["pt"]), key


def test_no_text_is_missing_or_stale(measured):
    for language in words.LANGUAGES:
        used = words.Words(language)
        pages.markdown(Source(used, measured, CARDS))
        assert set(words.read()) - used.used == set()


def test_numbers_are_written_as_the_language_writes_them():
    assert [words.Words(language).number(-12345.678, ",.2f") for language in ("en", "pt")] == [
        "−12,345.68",
        "−12.345,68",
    ]
    assert words.Words("pt").number(0.125, ".1%") == "12,5%"
    with pytest.raises(KeyError):
        words.Words("en")("gan-exhibit")


def test_both_pages_hold_the_same(measured):
    english, portuguese = (page(language, measured) for language in ("en", "pt"))
    ours, theirs = tables(english), tables(portuguese)
    assert [[len(row) for row in table] for table in ours] == [[len(row) for row in table] for table in theirs]
    for ours_row, theirs_row in zip(chain(*ours), chain(*theirs), strict=True):
        for cell, other in zip(ours_row, theirs_row, strict=True):
            assert numbers(cell, "en") == numbers(other, "pt"), (cell, other)
    paragraphs = [re.sub(r"\(in English\)|\(em inglês\)", "", text).split("\n\n") for text in (english, portuguese)]
    for part, other in zip(*paragraphs, strict=True):
        assert sorted(numbers(part, "en")) == sorted(numbers(other, "pt")), (part, other)
        marked = [sorted(re.findall(r"`\S+`|\]\(report/.*\)", text)) for text in (part, other)]
        assert marked[0] == marked[1], (part, other)
    assert not re.search(r"\d,\d{1,2}\b(?!\d)", english) and not re.search(r"\d\.\d{1,2}\b(?!\d|\])", portuguese)


def test_what_the_words_claim_is_measured(measured):
    """The sentences of the pages that compare figures hold of these figures."""
    scores = {name: card["scorecard"]["figures"] for name, card in CARDS.items()}
    floor, frechet = CARDS["cgan"]["scorecard"]["floor"], {name: of["frechet"] for name, of in scores.items()}
    mse = measured.mse
    # GANs: all near balance, but the exhibits; on other noise as good as on normal
    for name in contents.GANS:
        assert all(abs(loss - math.log(2)) < 0.25 for loss in CARDS[name]["losses"]["train"].values())
    for failed in contents.FAILED:
        losses = CARDS[EXHIBITS[failed]]["losses"]["train"]
        assert losses["generator"] > 5 and losses["discriminator"] < 0.05
        assert frechet[failed] < 1.1 * frechet["gan_dist_normal"] and frechet[EXHIBITS[failed]] > 40
        assert scores[EXHIBITS[failed]]["entropy"] < 0.1
    # autoencoders: below the report's errors, test near training, ever less near with more numbers
    for name in contents.AUTOENCODERS:
        assert mse[name]["test"] < CARDS[name]["reported"]["mse"] and mse[name]["train"] < contents.TRAINING_MSE[name]
    gaps = [mse[name]["test"] / mse[name]["train"] - 1 for name in ("ae_2", *contents.AUTOENCODERS)]
    assert gaps == sorted(gaps) and gaps[-1] < 0.06
    for name in contents.AUTOENCODERS:
        of = measured.frechet[name]
        assert of["prior"] < min(of["unit"], of["own"], of["gaussian"]) and of["prior"] < of["reconstructed"] + 1.5
    assert measured.frechet["ae_2"]["reconstructed"] > min(measured.frechet["ae_2"][key] for key in ("own", "prior"))
    # VAEs: the mended one better by far, the report's own worse than with two latents
    totals = {name: of["test"]["total"] for name, of in measured.losses.items() if "total" in of["test"]}
    assert totals["vae_64"] + 20 < totals["vae_2"] < totals["vae_64_relu"]
    assert CARDS["vae_2"]["reported"]["total"] < CARDS["vae_64"]["reported"]["total"]
    # latent matrices
    assert measured.areas["19"].share < 0.01 and 0.9 < measured.areas["20"].share < 0.96
    assert abs(measured.areas["18"].share - math.erf(0.5**0.5) ** 2) < 0.05
    # sections 6 and 7
    assert mse["ae_64"]["test"] < mse["vae_64"]["test"] and mse["vae_2"]["test"] < mse["ae_2"]["test"]
    assert min(of["test"] for of in mse.values()) == mse["ae_128"]["test"]
    gans = max(frechet[name] for name in contents.GANS)
    assert gans < frechet["ae_128"] < frechet["ae_64"] < frechet["vae_64"] < min(frechet["ae_16"], frechet["vae_2"])
    assert all(scores[name]["recall"] < floor["recall"] / 2 for name in contents.EXPERIMENTS)
    assert frechet["cgan"] < frechet["gan_dim_16"] and frechet["cvae_64"] < frechet["vae_64"]


# -- what lies in docs


@pytest.mark.parametrize("language", words.LANGUAGES)
def test_the_committed_pages_are_what_was_measured(measured, language):
    measured.check(experiments(CARDS), CARDS)
    text = (DOCS / pages.NAMES[language]).read_text(encoding="utf-8")
    assert text == page(language, measured), f"{REMAKE} --pages"
    for address in re.findall(r"\]\((?!http)([^)#]+)", text):
        assert (DOCS / address).exists(), address
    assert re.findall(r"!\[\w+ (\d+)\]\(report/figure_(\d+).png\)", text) == [(str(n), f"{n:02}") for n in range(2, 21)]


def test_the_committed_pictures_are_large_and_light():
    files = sorted(FOLDER.glob("*.png"))
    assert [path.name for path in files] == [figure.file for figure in FIGURES]
    assert sum(path.stat().st_size for path in files) < 1_500_000
    for path in files:
        picture = Image.open(path)
        assert picture.mode == "L" and picture.width >= 1200
        grey = np.asarray(picture)
        scale = scale_of(grey)
        assert scale >= 3 and np.array_equal(grey, grey[::scale, ::scale].repeat(scale, 0).repeat(scale, 1))


def scale_of(grey: np.ndarray) -> int:
    """How many pixels of a picture make up a side of one of its images' pixels."""
    small = {10 * 28 + 9 * 2: 10, 6 * 28 + 5 * 2: 6, 20 * 28: 20}
    (scale,) = {grey.shape[1] // width for width in small if grey.shape[1] % width == 0}
    return scale


def same_picture(figure, splits, measured) -> bool:
    """Whether the committed picture is what these weights give, but for rounding."""
    grey = np.asarray(Image.open(FOLDER / figure.file)).astype(int)
    scale = scale_of(grey)
    now = np.asarray(
        Image.open(io.BytesIO(pictures.png(pictures.draw(figure, experiments(CARDS), splits, measured.areas))))
    )
    return grey.shape == now.shape and np.abs(grey - now)[::scale, ::scale].max() <= 2


@pytest.mark.slow
@pytest.mark.parametrize("figure", [f for f in FIGURES if not f.split], ids=lambda figure: figure.file)
def test_the_committed_pictures_are_of_these_weights(figure, measured):
    assert same_picture(figure, {}, measured), REMAKE


def test_the_committed_pictures_of_the_data_set_are_of_these_weights(real_data, measured):
    splits = {"train": real_data.split(TRAINVAL), "test": real_data.split(TEST)}
    for figure in FIGURES:
        assert not figure.split or same_picture(figure, splits, measured), f"{figure.file}: {REMAKE}"
