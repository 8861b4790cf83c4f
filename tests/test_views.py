"""The demo's views: the right pictures for what a visitor chose, and a clear refusal of everything else."""

import base64
import re
import sys
from html import escape
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import gengallery
from gengallery import data
from gengallery.images import CLASS_NAMES, as_images, to_uint8

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "demo"))

import markup
import views

FLAT = [name for name in views.encoding_models() if gengallery.info(name)["latent"] == 2]
GAN = views.gans()[0]


@pytest.fixture
def synthetic_data(monkeypatch):
    """A data set of 40 random images in place of Fashion-MNIST, the same for both halves but inverted."""
    images = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (40, 1, 28, 28), dtype=np.uint8))
    labels = torch.arange(40) % 10
    splits = {data.TEST: data.Split(images, labels), data.TRAIN: data.Split(255 - images, labels)}
    monkeypatch.setattr(data, "load", lambda split, download: splits[split])
    return splits


@pytest.fixture
def no_data(monkeypatch):
    def missing(split, download):
        assert not download  # a page must never start a download
        raise data.DataMissing("not here")

    monkeypatch.setattr(data, "load", missing)


# -- GANs


def test_gan_variants_are_what_the_models_generate():
    rows = views.gan_variants(views.gans(), 4, 7)
    assert [row.label for row in rows] == gengallery.list_models("gan")
    for row in rows:
        assert row.pictures.shape == (4, 28, 28)
        assert row.pictures.dtype == np.uint8
        np.testing.assert_array_equal(row.pictures, to_uint8(gengallery.load(row.label).generate(4, 7)))


def test_the_seed_decides():
    def draw(seed):
        return views.gan_variants([GAN], 3, seed)[0].pictures

    np.testing.assert_array_equal(draw(5), draw(5))
    assert (draw(5) != draw(6)).any()


def test_swapped_priors():
    model = gengallery.load(GAN)
    own, *others = views.swapped_priors(GAN, list(views.NOISES), 3, 2)
    np.testing.assert_array_equal(own.pictures, to_uint8(model.generate(3, 2)))
    assert [row.label for row in others] == [noise for noise in views.NOISES if noise != model.prior.distribution]
    raw = next(row for row in others if row.label == "uniform, raw")
    z = np.random.default_rng(2).random((3, model.config.latent), dtype=np.float32)
    np.testing.assert_array_equal(raw.pictures, to_uint8(model.decode(z)))


# -- reconstruction


@pytest.mark.parametrize(("source", "split"), [(views.TEST, data.TEST), (views.TRAIN, data.TRAIN)])
def test_reconstructions_and_their_errors(synthetic_data, source, split):
    names = views.encoding_models()
    (originals, *rows), notice = views.reconstructions(names, source, 5, 3)
    assert notice == ""
    assert [row.label for row in rows] == names
    known = {
        image.numpy().tobytes(): int(label) for image, label in zip(*vars(synthetic_data[split]).values(), strict=True)
    }
    for picture, caption in zip(originals.pictures, originals.captions, strict=True):
        assert CLASS_NAMES[known[picture.tobytes()]] == caption
    for row in rows:
        answer = gengallery.load(row.label).reconstruct(as_images(originals.pictures)).numpy()[:, 0]
        errors = ((answer.astype(float) - originals.pictures / 255) ** 2).mean((1, 2))
        np.testing.assert_allclose([float(caption) for caption in row.captions], errors, atol=6e-5)
        assert float(row.note.removeprefix("error ")) == pytest.approx(errors.mean(), abs=6e-5)


def test_a_search_is_called_one(synthetic_data):
    (_, row), _ = views.reconstructions([GAN], views.TEST, 1, 0)
    assert row.note.startswith("search")
    assert "search" in views.marks(GAN)
    assert not any("search" in views.marks(name) for name in views.encoding_models())


def test_without_the_data_set_the_gallery_makes_the_originals(no_data):
    (originals, *_), notice = views.reconstructions(views.encoding_models(), views.TEST, 4, 9)
    np.testing.assert_array_equal(originals.pictures, to_uint8(gengallery.load(GAN).generate(4, 9)))
    assert "not on this machine" in notice
    assert GAN in notice


def test_an_upload_is_converted():
    picture = Image.new("RGB", (90, 60), "white")
    picture.paste((10, 20, 30), (30, 20, 60, 40))
    (originals, _), notice = views.reconstructions(FLAT[:1], views.UPLOAD, 10, 0, picture)
    np.testing.assert_array_equal(originals.pictures, to_uint8(as_images(picture)))
    assert originals.pictures[0, 14, 14] > 200 > 50 > originals.pictures[0, 0, 0]  # light on black
    assert "your picture" in notice.lower()


def test_from_noise():
    rows = views.from_noise(views.models(), 4)
    assert [row.label for row in rows] == gengallery.list_models()
    for row in rows:
        np.testing.assert_array_equal(row.pictures, to_uint8(gengallery.load(row.label).generate(10, 4)))


# -- memory and learning


def test_neighbours_are_the_nearest_training_images(synthetic_data):
    (own, *neighbours), notice = views.memorised(GAN, 3, 7)
    train = synthetic_data[data.TRAIN].images.flatten(1).double() / 255
    apart = torch.cdist(torch.from_numpy(own.pictures).flatten(1).double() / 255, train)
    for rank, row in enumerate(neighbours):
        distance, index = apart.sort(dim=1)[0][:, rank], apart.argsort(dim=1)[:, rank]
        np.testing.assert_array_equal(row.pictures, synthetic_data[data.TRAIN].images[index][:, 0])
        assert [caption.split()[-1] for caption in row.captions] == [f"{x:.1f}" for x in distance.tolist()]
    assert "Copies among these 3" in notice


def test_a_copy_is_found_out(synthetic_data, monkeypatch):
    train = as_images(synthetic_data[data.TRAIN].images[:4])
    monkeypatch.setattr(type(gengallery.load(GAN)), "generate", lambda self, n, seed: train[:n])
    rows, notice = views.memorised(GAN, 4, 0)
    assert notice.startswith("Copies among these 4, at least three times nearer to one garment than to any other: 4.")
    np.testing.assert_array_equal(rows[0].pictures, rows[1].pictures)


def test_memory_needs_the_data_set(no_data):
    rows, notice = views.memorised(GAN, 3, 0)
    assert len(rows) == 1
    assert "not on this machine" in notice


@pytest.mark.parametrize("name", gengallery.list_histories())
def test_learning_shows_what_the_family_can_do(name):
    moments = views.course(name)
    rows = views.learning(name, len(moments) - 1, 2, 0)
    labels = [row.label for row in rows]
    final = gengallery.load(name)
    assert ("Generated" in labels) == (final.prior.describe()["kind"] == "noise")
    assert ("Reconstructed" in labels) == (not final.searches)
    assert all(f"{list(moments)[-1]} epochs" in row.note for row in rows if row.label != "Originals")
    before = views.learning(name, 0, 2, 0)
    assert before[0].note == "before training" or before[1].note.startswith("before training")
    assert (before[-1].pictures != rows[-1].pictures).any()


# -- comparison


FLOOR = {figure.name: 1.0 for figure in views.SAMPLES}


def entries_of(found):
    return {entry.name: entry for family in found.families for entry in family.entries}


@pytest.fixture
def judged(monkeypatch):
    """judged({model: figures}) gives these models a scorecard of these figures, and takes away all others."""
    info = gengallery.info

    def judge(figures):
        def card(name):
            scorecard = {"figures": figures[name], "floor": FLOOR} if name in figures else None
            return {**info(name), "scorecard": scorecard}

        monkeypatch.setattr(gengallery, "info", card)

    return judge


def test_the_comparison_holds_every_model_once():
    found = views.comparison()
    families, entries = found.families, entries_of(found)
    assert sum(len(family.entries) for family in families) == len(entries)
    assert sorted(entries) == sorted(gengallery.list_models())
    for name, entry in entries.items():
        card = gengallery.info(name)
        assert entry.bytes == Path(card["path"]).stat().st_size
        assert entry.parameters == sum(p.numel() for p in gengallery.load(name).parameters())
        measured = card["scorecard"]["figures"] if card["scorecard"] else {}
        assert entry.figures == card["losses"]["test"] | measured
        assert entry.reported == card["reported"]
        assert bool(entry.awaited) == (not measured)
        assert 0 < entry.milliseconds < 1000
    assert all(family.strengths and family.weaknesses for family in families)
    shown = [figure.name for group in found.groups.values() for figure in group]
    assert len(shown) == len(set(shown))
    assert all(entry.figures.keys() | entry.awaited <= set(shown) for entry in entries.values())
    assert all(figure.meaning for group in found.groups.values() for figure in group)


def test_scorecards_join_the_comparison(judged):
    judged({GAN: FLOOR | {"frechet": 12.5}, FLAT[0]: FLOOR | {"mse": 0.25}})
    found = views.comparison()
    entries = entries_of(found)
    assert found.floor == FLOOR
    assert (entries[GAN].figures["frechet"], entries[FLAT[0]].figures["mse"]) == (12.5, 0.25)
    for name, entry in entries.items():
        assert bool(entry.awaited) == (name not in (GAN, FLAT[0]))
        assert not entry.awaited & entry.figures.keys()


def test_without_scorecards_the_figures_are_awaited(judged):
    judged({})
    found = views.comparison()
    assert found.floor == {}
    for name, entry in entries_of(found).items():
        assert entry.awaited >= FLOOR.keys()
        assert ("ssim" in entry.awaited) == (not gengallery.load(name).searches)
        assert ("bound" in entry.awaited) == ("active_units" in entry.awaited) == ("kl" in entry.figures)
    html = markup.comparison(found)
    assert html.count(f'colspan="{len(FLOOR)}"><span>not measured') == len(views.models())
    assert "real images</th>" not in html


def test_the_best_is_marked(judged):
    first, second, third, *_ = (name for name in views.models() if not gengallery.info(name)["exhibit"])
    exhibit = next(name for name in views.models() if gengallery.info(name)["exhibit"])
    judged(
        {
            first: FLOOR | {"frechet": 9.0, "precision": 0.7, "density": 1.2, "memorised": 0.0},
            second: FLOOR | {"frechet": 8.0, "precision": 0.8, "density": 0.9, "memorised": 0.00001},
            third: FLOOR | {"frechet": 7.0, "precision": 0.6, "density": 0.1, "memorised": 0.5},
            exhibit: FLOOR | {"frechet": 1.0, "precision": 0.9, "density": 1.0, "memorised": 0.0},
        }
    )
    best = views.comparison().best
    marked = {figure: {model for model, of in best if of == figure} for figure in ("frechet", "precision", "density")}
    assert marked == {"frechet": {third}, "precision": {second}, "density": {second}}
    assert {model for model, of in best if of == "memorised"} == {first, second}  # both are written 0.00%
    assert not any(of == "kl" for _, of in best)
    assert not any(of == "recall" for _, of in best)  # where all are alike


def test_figures_have_sensible_digits():
    written = {name: figure.written for name, figure in views.FIGURES.items()}
    assert written["frechet"](123.456) == "123.46"
    assert written["kernel"](-0.00004) == "0.000"
    assert written["kernel"](-0.004) == "−0.004"
    assert written["memorised"](0.0012) == "0.12%"
    assert written["active_units"](14.0) == "14"


def test_the_table_says_what_was_measured(judged):
    judged({GAN: FLOOR | {"frechet": 12.5}, FLAT[0]: FLOOR | {"mse": 0.25}})
    found = views.comparison()
    html = markup.comparison(found)
    *rows, last = [row for row in html.split("<tr>") if 'scope="row"' in row]
    by_name = {re.search(r"Drawn by (\w+)", row)[1]: row for row in rows}
    assert sorted(by_name) == sorted(views.models())
    columns = 1 + len(markup.FACTS) + sum(map(len, found.groups.values()))
    for row in [*rows, last]:
        cells = re.findall(r"<t[hd][ >][^<]*", row)
        assert sum(int(span[1]) if (span := re.search(r'colspan="(\d+)"', cell)) else 1 for cell in cells) == columns
    assert ">real images<" in last
    assert ">12.50<" in by_name[GAN]
    assert ">0.2500<" in by_name[FLAT[0]]
    assert {name for name, row in by_name.items() if "not measured" in row} == set(by_name) - {GAN, FLAT[0]}
    assert html.count('class="over"') == 1 + len(found.groups)
    assert all(f'title="{escape(figure.meaning)}' in html for figure in views.SAMPLES)


# -- refusals

ROW = {"names": [GAN], "count": 3, "seed": 0}
SWAP = {"name": GAN, "noises": ["uniform"], "count": 3, "seed": 0}
REBUILD = {"names": FLAT[:1], "source": views.UPLOAD, "count": 3, "seed": 0, "upload": Image.new("L", (28, 28))}
NOT_FINITE = (float("nan"), float("inf"), float("-inf"), None)
BAD = [
    *((views.gan_variants, {**ROW, "count": bad}, "how many") for bad in (0, 11, -1, 2.5, "3", True, *NOT_FINITE)),
    *((views.gan_variants, {**ROW, "seed": bad}, "seed") for bad in (-1, 2**32, 0.5, "x", *NOT_FINITE)),
    *((views.gan_variants, {**ROW, "names": bad}, "variants") for bad in ([], None, GAN, ["nobody"], [3], [[GAN]])),
    (views.gan_variants, {**ROW, "names": FLAT[:1]}, "variants"),
    (views.swapped_priors, {**SWAP, "name": None}, "model"),
    (views.swapped_priors, {**SWAP, "name": "../" + GAN}, "model"),
    (views.swapped_priors, {**SWAP, "noises": ["cauchy"]}, "noise"),
    (views.swapped_priors, {**SWAP, "noises": []}, "noise"),
    (views.reconstructions, {**REBUILD, "names": ["nobody"]}, "models"),
    (views.reconstructions, {**REBUILD, "source": "elsewhere"}, "source"),
    (views.reconstructions, {**REBUILD, "upload": None}, "upload"),
    (views.reconstructions, {**REBUILD, "upload": "text"}, "str"),
    (views.reconstructions, {**REBUILD, "upload": Image.new("I;16", (28, 28))}, "I;16"),
    (views.memorised, {"name": "nobody", "count": 1, "seed": 0}, "model"),
    (views.memorised, {"name": GAN, "count": 1e9, "seed": 0}, "how many"),
    (views.learning, {"name": "nobody", "moment": 0, "count": 1, "seed": 0}, "model"),
    *(
        (views.learning, {"name": gengallery.list_histories()[0], "moment": bad, "count": 1, "seed": 0}, "moment")
        for bad in (-1, 99, 0.5, *NOT_FINITE)
    ),
    (views.from_noise, {"names": [], "seed": 0}, "models"),
    (views.from_noise, {"names": [GAN], "seed": -1}, "seed"),
]  # fmt: skip


@pytest.mark.parametrize(("view", "choices", "named"), BAD)
def test_what_makes_no_sense_is_refused_by_name(view, choices, named):
    with pytest.raises(ValueError, match=r"expected.*found") as refusal:
        view(**choices)
    assert named in str(refusal.value)


# -- posters and markup


def test_a_poster_holds_every_picture_enlarged():
    rows = [
        views.Row("a", "", np.full((3, 28, 28), 10, np.uint8)),
        views.Row("b", "", np.full((1, 28, 28), 200, np.uint8)),
    ]
    poster = views.poster(rows)
    assert poster.shape == (4 * 58, 4 * 88)
    assert (poster[: 4 * 28, : 4 * 28] == 10).all()
    assert (poster[4 * 30 :, : 4 * 28] == 200).all()
    assert (poster[4 * 30 :, 4 * 28 :] == 255).all()


def test_markup_keeps_pixels_and_escapes_text():
    pictures = np.random.default_rng(0).integers(0, 256, (2, 28, 28), dtype=np.uint8)
    html = markup.rows([views.Row("<a>", "b & c", pictures, ("x", "<y>"))], "n < m")
    assert "<a>" not in html
    assert "<y>" not in html
    assert all(text in html for text in ("&lt;a&gt;", "b &amp; c", "&lt;y&gt;", "n &lt; m"))
    found = [
        Image.open(BytesIO(base64.b64decode(text))) for text in re.findall(r"data:image/png;base64,([^\"]+)", html)
    ]
    np.testing.assert_array_equal(np.stack([np.asarray(image) for image in found]), pictures)
