"""The comparison of all models: the right figures, marked and explained, what the page sorts by, and the cards."""

import json
import re
from html import escape
from pathlib import Path

import numpy as np
import pytest

import gengallery
from demo.shared import models, words
from demo.tabs.compare import tab as compare
from demo.tabs.compare import table
from demo.tabs.compare import view as comparison
from demo.tabs.explore import view as latent
from gengallery.data import to_uint8
from gengallery.evaluation.reference import rebuilds

pytestmark = pytest.mark.slow

FLAT, GAN = latent.flat_models()[0], models.noise_models()[0]
FLOOR = {figure.name: 1.0 for figure in comparison.SAMPLES}
FAILURE = 'class="mark">'
EXHIBIT = next(name for name in models.models() if gengallery.info(name)["exhibit"])


def entries_of(found):
    return {entry.name: entry for family in found.families for entry in family.entries}


@pytest.fixture
def judged(monkeypatch):
    """judged({model: figures}) gives these models a scorecard of these figures, and takes away all others."""
    info = gengallery.info
    monkeypatch.setattr(comparison, "_comparison", comparison._comparison.__wrapped__)  # not the one that is kept

    def judge(figures):
        def card(name):
            scorecard = {"figures": figures[name], "floor": FLOOR} if name in figures else None
            return {**info(name), "scorecard": scorecard}

        monkeypatch.setattr(gengallery, "info", card)

    return judge


# -- all models


def test_the_comparison_holds_every_model_once():
    found = comparison.comparison()
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
    judged({GAN: FLOOR | {"frechet": 12.5}, FLAT: FLOOR | {"mse": 0.25}})
    found = comparison.comparison()
    entries = entries_of(found)
    assert found.floor == FLOOR
    assert (entries[GAN].figures["frechet"], entries[FLAT].figures["mse"]) == (12.5, 0.25)
    for name, entry in entries.items():
        assert bool(entry.awaited) == (name not in (GAN, FLAT))
        assert not entry.awaited & entry.figures.keys()


def test_without_scorecards_the_figures_are_awaited(judged):
    judged({})
    found = comparison.comparison()
    assert found.floor == {}
    for name, entry in entries_of(found).items():
        model = gengallery.load(name)
        of_classes = {"judged", "judged_least"}
        assert entry.awaited >= FLOOR.keys() - of_classes
        assert entry.awaited & of_classes == (of_classes if model.options.label else set())
        assert ("ssim" in entry.awaited) == rebuilds(model)
        assert ("bound" in entry.awaited) == ("active_units" in entry.awaited) == ("kl" in entry.figures)
    html = table.comparison(found)
    spans = [len(FLOOR), len(FLOOR) - len(of_classes)]
    missing = f"<span>{words.html(table.say('not_measured'))}</span>"
    assert sum(html.count(f'colspan="{span}">{missing}') for span in spans) == len(models.models())
    assert f">{words.html(table.say('real_images'))}<" not in html
    assert table.as_json(found)["floor"] == {}
    assert not table.as_json(found)["figures"].keys() & FLOOR.keys()


def test_the_best_is_marked(judged):
    first, second, third, *_ = models.sound_models()
    judged(
        {
            first: FLOOR | {"frechet": 9.0, "precision": 0.7, "density": 1.2, "memorised": 0.0},
            second: FLOOR | {"frechet": 8.0, "precision": 0.8, "density": 0.9, "memorised": 0.00001},
            third: FLOOR | {"frechet": 7.0, "precision": 0.6, "density": 0.1, "memorised": 0.5},
            EXHIBIT: FLOOR | {"frechet": 1.0, "precision": 0.9, "density": 1.0, "memorised": 0.0},
        }
    )
    best = comparison.comparison().best
    marked = {figure: {model for model, of in best if of == figure} for figure in ("frechet", "precision", "density")}
    assert marked == {"frechet": {third}, "precision": {second}, "density": {second}}
    assert {model for model, of in best if of == "memorised"} == {first, second}  # both are written 0.00%
    assert not any(of == "kl" for _, of in best)
    assert not any(of == "recall" for _, of in best)  # where all are alike


def test_figures_have_sensible_digits():
    written = {name: figure.written for name, figure in comparison.FIGURES.items()}
    assert written["frechet"](123.456) == "123.46"
    assert written["kernel"](-0.00004) == "0.000"
    assert written["kernel"](-0.004) == "−0.004"
    assert written["memorised"](0.0012) == "0.12%"
    assert written["active_units"](14.0) == "14"


def test_the_table_says_what_was_measured(judged):
    judged({GAN: FLOOR | {"frechet": 12.5}, FLAT: FLOOR | {"mse": 0.25}})
    found = comparison.comparison()
    html = table.comparison(found)
    *rows, last = [row for row in re.split("<tr[ >]", html) if 'scope="row"' in row]
    by_name = {re.search(r'data-model="(\w+)"', row)[1]: row for row in rows}
    assert sorted(by_name) == sorted(models.models())
    columns = 1 + len(table.FACTS) + sum(map(len, found.groups.values()))
    for row in [*rows, last]:
        cells = re.findall(r"<t[hd][ >][^<]*", row)
        assert sum(int(span[1]) if (span := re.search(r'colspan="(\d+)"', cell)) else 1 for cell in cells) == columns
    assert f">{words.html(table.say('real_images'))}<" in last
    assert words.html(words.numeral("12.50")) in by_name[GAN]
    assert words.html(words.numeral("0.2500")) in by_name[FLAT]
    assert {name for name, row in by_name.items() if table.say("not_measured") in row} == set(by_name) - {GAN, FLAT}
    assert {name for name, row in by_name.items() if FAILURE in row} == set(by_name) - set(models.sound_models())
    assert html.count('class="over"') == 1 + len(found.groups)
    assert all(f'title="{escape(figure.meaning)}' in html for figure in comparison.SAMPLES)


def test_the_page_gets_what_it_sorts_and_plots_by():
    found = comparison.comparison()
    sent = json.loads(json.dumps(table.as_json(found)))
    entries = entries_of(found)
    assert list(sent["models"]) == list(entries)
    assert [family["title"] for family in sent["families"]] == [words.both(family.title) for family in found.families]
    hues = {family["title"]["en"]: family["hue"] for family in sent["families"]}
    assert len(set(hues.values())) == len(hues)
    for family in found.families:
        for entry in family.entries:
            model = sent["models"][entry.name]
            assert (model["hue"], model["exhibit"]) == (hues[family.title], entry.exhibit)
            assert model["values"] == {
                "name": entry.name, "latent": entry.latent, "prior": words.both(entry.prior),
                "parameters": entry.parameters, "bytes": entry.bytes, "milliseconds": entry.milliseconds,
                **entry.figures,
            }  # fmt: skip
            assert model["written"].keys() >= sent["figures"].keys() & entry.figures.keys()
    columns = re.findall(r'data-column="(\w+)"', sent["html"])
    assert len(columns) == len(set(columns))
    assert set(columns) == {column for model in sent["models"].values() for column in model["values"]}
    assert sent["figures"].keys() == {figure.name for figure in comparison.FIGURES.values() if figure.better}
    assert sent["floor"].keys() == found.floor.keys() & sent["figures"].keys()
    falling = set(re.findall(r'data-column="(\w+)" data-falling', sent["html"]))
    assert falling == {figure.name for figure in comparison.FIGURES.values() if figure.better == comparison.HIGHER}


# -- one model


@pytest.mark.parametrize("name", gengallery.list_models())
def test_a_card_holds_all_that_is_known(name):
    known, found = gengallery.info(name), comparison.card(name)
    space: dict = {}
    exec(found.python, space)  # the lines that the visitor gets to read make what he sees
    np.testing.assert_array_equal(found.pictures, to_uint8(space["images"]))
    assert {figure.name for figure, *_ in found.losses} == known["losses"]["test"].keys() | known["reported"].keys()
    for figure, train, test, reported in found.losses:
        assert (train, test) == (known["losses"]["train"][figure.name], known["losses"]["test"][figure.name])
        assert reported == known["reported"].get(figure.name)
    scorecard = known["scorecard"]
    assert {figure.name: value for figure, value, _ in found.figures} == scorecard["figures"]
    assert all(floor == scorecard["floor"].get(figure.name) for figure, _, floor in found.figures)

    html = table.card(found)
    shown = [name, known["summary"], known["notes"], found.family, found.prior, found.python]
    shown += [known["paper"]["authors"], known["paper"]["title"], known["paper"]["url"]]
    shown += [known["training"]["command"], known["training"]["data"], known["training"]["device"]]
    assert all(words.html(text) in html for text in shown)
    for number in (known["parameters"], known["training"]["seconds"], known["recipe"]["lr"], known["paper"]["year"]):
        assert f">{words.html(words.number(number))}<" in html or re.search(rf"\b{number}\b", html), number
    names = [words.html(table.SETTINGS[setting]) for setting in known["training"]]
    for name in names + [f"<code>{setting}</code>" for setting in known["recipe"]]:
        assert f"<dt>{name}</dt>" in html
    assert all(f"<code>{escape(line)}</code>" in html for line in known["equations"])
    assert all(words.html(table.scientific(known["cost"][of])) in html for of in ("training", "image"))
    takes = re.search(rf"<dt>{words.html(table.say('options'))}</dt><dd><code>(.*?)</code>", html)
    assert (takes[1].split(", ") if takes else []) == known["options"]
    assert (FAILURE in html) == known["exhibit"]
    assert html.count("<img") == len(found.pictures)


@pytest.mark.parametrize(
    ("value", "written"),
    [(1.62e15, "1.6 × 10¹⁵"), (414720.0, "4.1 × 10⁵"), (9.96e9, "1.0 × 10¹⁰"), (1.0, "1.0 × 10⁰")],
)
def test_costs_are_written_by_powers_of_ten(value, written):
    assert table.scientific(value) == written


def test_a_slow_model_is_timed_less_often(monkeypatch):
    timed = []
    monkeypatch.setattr(comparison, "_comparison", comparison._comparison.__wrapped__)
    infos = {name: gengallery.info(name) | {"scorecard": None} for name in models.models()}
    monkeypatch.setattr(gengallery, "info", infos.get)
    monkeypatch.setattr(comparison, "milliseconds", lambda model, repeats: timed.append((model, repeats)) or 1.0)
    comparison.comparison(samples=1)
    assert len(timed) == len(models.models())
    assert all((repeats < comparison.REPEATS) == (model.options.steps is not None) for model, repeats in timed)


def test_no_two_families_share_a_colour():
    assert len({gengallery.info(name)["family"] for name in models.models()}) <= table.HUES
    style = Path(table.__file__).with_name("compare.css").read_text()
    palettes = re.findall(r"#compare \{ (--hue-1:.*?) \}", style)
    assert len(palettes) == 2  # light and dark
    for line in palettes:
        colours = dict(re.findall(r"(--hue-\d+): (#\w{6});", line))
        assert list(colours) == [f"--hue-{k}" for k in range(1, table.HUES + 1)]
        assert len(set(colours.values())) == table.HUES


def test_a_card_without_a_scorecard(judged):
    judged({})
    found = comparison.card(GAN)
    assert found.figures == ()
    assert table.say("not_measured") in table.card(found)
    assert table.say("real_images") not in table.card(found)


def test_cards_escape_what_files_say(monkeypatch):
    info = gengallery.info
    monkeypatch.setattr(gengallery, "info", lambda name: {**info(name), "summary": "<script>", "notes": "a & <b>"})
    html = table.card(comparison.card(GAN))
    assert "<script>" not in html
    assert "a &amp; &lt;b&gt;" in html


@pytest.mark.parametrize("bad", ["nobody", "../" + GAN, "", None, 3, True, [GAN], {"model": GAN}])
def test_what_is_no_model_is_refused_by_name(bad):
    with pytest.raises(ValueError, match=r"Model: expected one of .*; found ") as refusal:
        comparison.card(bad)
    assert repr(bad)[:40] in str(refusal.value)
    assert compare.card({"model": bad}) == {"error": words.both(refusal.value.text)}


@pytest.mark.parametrize("bad", [None, GAN, [GAN], {}, {"name": GAN}, {"model": GAN, "seed": 1}])
def test_what_is_no_request_is_refused(bad):
    assert compare.card(bad)["error"]["en"].startswith("Request: expected ")


def test_the_page_asks_for_a_card():
    assert compare.card({"model": GAN}) == {"html": table.card(comparison.card(GAN))}
