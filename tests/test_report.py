"""The report made again: its figures by number, the models and ranges that they show, and what is measured."""

import re
import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from conftest import ROOT

import gengallery
import report as script
from common.library import gallery_cards
from gengallery import data
from reporting import contents, measure, pages, pictures, words
from reporting.contents import FIGURES
from reporting.experiments import experiments, others
from reporting.measure import Area, Measured
from reporting.source import Source

DOCS = ROOT / "docs"
FOLDER = DOCS / pictures.FOLDER
CARDS = gallery_cards()
NEW = {"report": "", "exhibit": False}  # what makes a model one that the report does not have


@pytest.fixture(scope="module")
def measured() -> Measured:
    return Measured.read(FOLDER)


def page(language: str, measured: Measured, cards: dict = CARDS) -> str:
    return pages.markdown(Source(words.Words(language), measured, cards))


def tables(text: str) -> list[list[list[str]]]:
    """The tables of a page: their rows of cells, without the rule."""
    found = re.findall(r"(?:^\|.*\|\n)+", text, re.MULTILINE)
    rows = [[re.split(r" *\| *", line.strip("| ")) for line in table.splitlines()] for table in found]
    return [[row for row in table if not set("".join(row)) <= set("-:")] for table in rows]


# -- numbers, models and ranges

UNIT, AROUND = (-1, 1, -1, 1), "around"
# The report's figures: what is shown, of which models, of which split or over which range.
GANS = ["gan_dim_8", "gan_dim_16", "gan_dim_32", "gan_dist_normal", "gan_dist_uniform", "gan_dist_poisson"]
EXPECTED = {
    2: ("generated", GANS, ""),
    3: ("reconstructed", ["ae_16"], "train"),
    4: ("reconstructed", ["ae_64"], "train"),
    5: ("reconstructed", ["ae_128"], "train"),
    6: ("reconstructed", ["ae_64"], "test"),
    7: ("reconstructed", ["ae_16"], "test"),
    8: ("reconstructed", ["ae_128"], "test"),
    9: ("noise", ["ae_64"], ""),
    10: ("noise", ["ae_16"], ""),
    11: ("noise", ["ae_128"], ""),
    12: ("reconstructed", ["vae_2"], "train"),
    13: ("reconstructed", ["vae_64"], "train"),
    14: ("reconstructed", ["vae_2"], "test"),
    15: ("reconstructed", ["vae_64"], "test"),
    16: ("noise", ["vae_2"], ""),
    17: ("noise", ["vae_64"], ""),
    18: ("matrix", ["vae_2"], UNIT),
    19: ("matrix", ["ae_2"], UNIT),
    20: ("matrix", ["ae_2"], AROUND),
}  # fmt: skip
EXHIBITS = {
    "gan_dist_uniform": "gan_dist_uniform_raw",
    "gan_dist_poisson": "gan_dist_poisson_raw",
    "vae_64": "vae_64_relu",
}
TABLES = {1: GANS, 2: ["ae_16", "ae_64", "ae_128"], 3: ["vae_2", "vae_64"]}
LATER = ["cgan", "cvae_64", "flow", "flow_1", "r3gan", "vqvae"]


def with_new_models() -> dict:
    """The cards, with a model more of each of the report's families, first in the list."""
    more = {name: CARDS[like] | NEW | {"name": name} for name, like in {"ae_1": "ae_2", "gan_1": "gan_dim_8"}.items()}
    return more | {"vae_1": CARDS["vae_2"] | NEW | {"name": "vae_1"}} | CARDS


@pytest.mark.parametrize("cards", [CARDS, with_new_models()], ids=["as it is", "with new models"])
def test_the_cards_say_which_models_the_experiments_are(cards):
    found = experiments(cards)
    assert {report: experiment.model for report, experiment in found.items()} == {n: n for n in contents.EXPERIMENTS}
    assert {report: experiment.exhibit for report, experiment in found.items() if experiment.exhibit} == EXHIBITS


def test_figures_have_the_reports_numbers():
    assert [figure.number for figure in FIGURES] == list(range(2, 21))
    for figure in FIGURES:
        kind, of, more = EXPECTED[figure.number]
        area = {"unit": UNIT, "deviations": AROUND, "": ""}[figure.area]
        assert (figure.kind, list(figure.of), figure.split or area) == (kind, of, more)


class Stub:
    """A model whose images all have one grey level, by which a picture tells who made it."""

    def __init__(self, name: str):
        self.level = (list(CARDS).index(name) + 1) / 100
        self.config = SimpleNamespace(latent=3)
        self.latents: list[torch.Tensor] = []
        self.statistics = measure.LatentStatistics(3, classes=10)

    def made(self, n: int) -> torch.Tensor:
        return torch.full((n, 1, 28, 28), self.level)

    def generate(self, n, seed):
        assert seed == 0
        return self.made(n)

    def reconstruct(self, images):
        return self.made(len(images))

    def decode(self, z):
        self.latents.append(z)
        return self.made(len(z)) + 0.5


def levels(pixels: np.ndarray, columns: int, gap: int = 2) -> list[list[float]]:
    """The level of each image in a picture, by rows."""
    cell = (pixels.shape[1] + gap) // columns
    return (pixels[::cell, ::cell] / 255).round(2).tolist()


@pytest.mark.parametrize("cards", [CARDS, with_new_models()], ids=["as it is", "with new models"])
def test_pictures_show_these_models(cards, monkeypatch):
    stubs = {name: Stub(name) for name in CARDS}
    monkeypatch.setattr(gengallery, "load", stubs.__getitem__)
    splits = {
        name: data.Split(torch.full((12, 1, 28, 28), level, dtype=torch.uint8), torch.zeros(12, dtype=torch.int64))
        for name, level in {"train": 204, "test": 230}.items()
    }
    areas = {"18": Area(*UNIT, 0.5), "19": Area(*UNIT, 0), "20": Area(1, 5, 2, 4, 0.9)}
    original = {"train": 0.8, "test": 0.9}
    for figure in FIGURES:
        pixels = pictures.draw(figure, experiments(cards), splits, areas)
        kind, of, more = EXPECTED[figure.number]
        mine = [round(stubs[name].level, 2) for name in of]
        shown = [round(stubs[EXHIBITS[name]].level, 2) if name in EXHIBITS else None for name in of]
        if kind == "generated":
            assert levels(pixels, 6) == [mine, [1.0 if level is None else level for level in shown]]
        elif kind == "matrix":
            assert levels(pixels, 20, gap=0) == [[mine[0] + 0.5] * 20] * 20
            z = stubs[of[0]].latents.pop()
            x_min, x_max, y_min, y_max = (1, 5, 2, 4) if more == AROUND else UNIT
            assert z.shape == (400, 2)
            assert z.min(0).values.tolist() == [x_min, y_min] and z.max(0).values.tolist() == [x_max, y_max]
            assert z[0].tolist() == [x_min, y_max]  # y upwards
        else:
            first = [original[more]] if kind == "reconstructed" else [mine[0] + 0.5] if of[0].startswith("ae") else []
            rows = [*first, mine[0], *(level for level in shown if level is not None)]
            assert levels(pixels, 10) == [[round(row, 2)] * 10 for row in rows]


def test_noise_around_the_mean_is_the_reports():
    model = Stub("ae_2")
    model.statistics.mean = torch.tensor([0.0, 5.0, 100.0])
    z = measure.noise_around_mean(model, 4000, 0)
    assert z.shape == (4000, 3) and z.min() == 0
    assert z[:, 1:].mean(0).tolist() == pytest.approx([5, 100], abs=0.1)
    assert z[:, 1:].std(0).tolist() == pytest.approx([1, 1], abs=0.05)
    assert torch.equal(measure.noise_around_mean(model, 10, 0), z[:10])


def test_tables_have_the_reports_rows(measured):
    for cards in (CARDS, with_new_models()):
        found = tables(page("en", measured, cards))
        for number, rows in TABLES.items():
            assert [row[0].strip("`") for row in found[number - 1][1:]] == rows


def test_the_reports_numbers_stand_beside_ours(measured):
    gans, autoencoders, vaes = tables(page("en", measured))[:3]
    poisson = ["16", "Poisson", "14.074", "0.729", "0.000", "0.680", "failed: never converged", "3.30"]
    assert gans[6] == ["`gan_dist_poisson`", *poisson]
    assert autoencoders[2] == ["`ae_64`", "64", "0.0089", "0.0083", "0.0088", "0.0081"]
    terms = ["255.53", "252.38", "248.21", "6.374", "6.614", "6.618", "262.19", "258.99", "254.83"]
    assert vaes[1] == ["`vae_2`", "2", *terms]


def test_other_models_come_after(measured):
    assert others(CARDS) == LATER
    text = page("en", measured, with_new_models())
    section = text[text.index("## Models that the report does not have") :]
    what, samples, images = tables(section)
    assert [row[0].strip("`") for row in what[1:]] == ["ae_1", "gan_1", "vae_1", *LATER]
    assert [row[0].strip("`") for row in samples[1:-1]] == ["ae_1", "gan_1", "vae_1", *LATER]
    assert [row[0].strip("`") for row in images[1:]] == ["ae_1", "vae_1", "cvae_64", "vqvae"]
    before = text[: text.index("## Section 7")]
    assert not [name for name in (*LATER, "ae_1", "gan_1", "vae_1") if f"`{name}`" in before]


def test_section_7_pairs_models_that_take_a_label_with_the_reports(measured):
    text = page("en", measured)
    (table,) = tables(text[text.index("### Choosing the class") : text.index("### Estimating")])
    assert [row[0].strip("`") for row in table[1:-1]] == ["gan_dim_16", "cgan", "vae_64", "cvae_64"]


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("cgan", {"report": "gan_dim_8"}, "cgan.*gan_dim_8|gan_dim_8.*cgan"),
        ("ae_2", {"report": ""}, "none of ae_2"),
        ("ae_2", {"exhibit": True}, "none of ae_2"),
        ("flow", {"report": "flow"}, "flow: expected one of the report's experiments"),
    ],
)
def test_cards_that_do_not_fit_are_refused(name, change, said):
    with pytest.raises(ValueError, match=said):
        experiments(CARDS | {name: CARDS[name] | change})


# -- what is measured

SAMPLES = 300


@pytest.fixture(scope="module")
def made(fake_root, tmp_path_factory):
    """What scripts/report.py makes of the stand-in for the data set: its folder."""
    out = tmp_path_factory.mktemp("docs")
    threads = torch.get_num_threads()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        patch.setattr(measure, "COUNT", SAMPLES)
        arguments = ["report.py", "--out", str(out), "--data", str(fake_root), "--threads", "1"]
        patch.setattr(sys, "argv", arguments)
        script.main()
        written = {path.name: path.read_bytes() for path in out.glob("*.md")}
        patch.setattr(sys, "argv", [*arguments, "--pages"])
        script.main()
        assert written == {path.name: path.read_bytes() for path in out.glob("*.md")}
    torch.set_num_threads(threads)
    return out


@pytest.mark.slow
def test_the_script_writes_pages_pictures_and_what_it_measured(made):
    assert {path.name for path in made.iterdir()} == {"report.md", "report.pt.md", "report"}
    assert {path.name for path in (made / "report").iterdir()} == {measure.FILE, *(figure.file for figure in FIGURES)}


@pytest.mark.slow
def test_errors_are_those_of_the_data(made, fake_train, fake_test):
    found = Measured.read(made / "report")
    assert found.sizes == {"train": len(fake_train), "test": len(fake_test)} and found.samples == SAMPLES
    for name in ("ae_16", "vae_64"):
        images = fake_test.images.float() / 255
        error = np.square(gengallery.load(name).reconstruct(images).numpy() - images.numpy()).mean()
        assert found.mse[name]["test"] == pytest.approx(error, rel=1e-4)
    losses = found.losses["vae_2"]["test"]
    assert losses["total"] == pytest.approx(losses["reconstruction"] + losses["kl"], rel=1e-5)
    assert set(found.losses) == set(found.mse) == {"ae_2", "ae_16", "ae_64", "ae_128", "vae_2", "vae_64", "vae_64_relu"}
    assert found.noise["gan_dist_uniform_raw"] == {"mean": 0.5, "std": pytest.approx(12**-0.5, rel=1e-4)}
    assert set(found.frechet) == {"ae_2", "ae_16", "ae_64", "ae_128"}
    assert all(set(of) == set(pages.LATENTS) for of in found.frechet.values())


@pytest.mark.slow
def test_figure_20_covers_two_deviations_of_the_encoded_test_set(made, fake_train, fake_test):
    found, model = Measured.read(made / "report"), gengallery.load("ae_2")
    z = model.encode(fake_test.images.float() / 255).numpy()
    mean, std = z.mean(0), z.std(0, ddof=1)
    expected = [mean[0] - 2 * std[0], mean[0] + 2 * std[0], mean[1] - 2 * std[1], mean[1] + 2 * std[1]]
    assert found.areas["20"].bounds == pytest.approx(expected, rel=1e-4)
    assert found.encoded == {
        "mean": pytest.approx(mean.tolist(), rel=1e-4),
        "std": pytest.approx(std.tolist(), rel=1e-4),
    }
    assert found.areas["18"].bounds == found.areas["19"].bounds == UNIT
    inside = (np.abs(gengallery.load("vae_2").encode(fake_test.images.float() / 255).numpy()) <= 1).all(1)
    assert found.areas["18"].share == pytest.approx(inside.mean(), abs=1e-6)
    trained = model.encode(fake_train.images.float() / 255).mean(0).tolist()
    assert found.encoded["mean"] != pytest.approx(trained, rel=1e-4)  # that the two sets can be told apart


def test_what_was_measured_is_void_beside_other_weights(measured, tmp_path):
    other = replace(measured, weights=measured.weights | {"ae_64": "0" * 64})
    with pytest.raises(ValueError, match=r"ae_64.*run scripts/report\.py"):
        pages.write(tmp_path, other, CARDS)
    with pytest.raises(ValueError, match=r"gan_dim_8: expected a scorecard.*evaluate\.py gan_dim_8"):
        pages.write(tmp_path, measured, CARDS | {"gan_dim_8": CARDS["gan_dim_8"] | {"scorecard": None}})
    assert list(tmp_path.iterdir()) == []


def test_pages_need_something_measured(tmp_path, monkeypatch):
    threads = torch.get_num_threads()
    monkeypatch.setattr(sys, "argv", ["report.py", "--pages", "--out", str(tmp_path), "--threads", "1"])
    with pytest.raises(SystemExit, match=r"report.py: .*measured.json: nothing is measured yet"):
        script.main()
    torch.set_num_threads(threads)
