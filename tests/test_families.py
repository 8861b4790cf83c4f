"""The comparison of the families: its cards, its clock, its sentences, its plots, and the page that was made."""

import json
import re
import sys
import xml.etree.ElementTree as ElementTree
from dataclasses import asdict, replace
from types import SimpleNamespace

import pytest
import torch

import families
from common.library import gallery_cards
from comparison import measure, page, plots, words
from gengallery.families import compared
from gengallery.families import families as all_families
from gengallery.training.flops import parameters

CARDS = compared()
FAST, SLOW = "gan", "flow"


def entry(**given):
    """What the JSON has of a family."""
    moment = {"seconds": 15.1, "steps": 300, "fitting": 0.0, "frechet": 20.0, "precision": 0.5, "recall": 0.1}
    return {
        "recipe": {"batch": 64}, "gflops": 50.0, "parameters": 200_000, "fitted": 0, "latent": 16, "searches": True,
        "label": False, "samples": 5000, "operations": {"step": 1e10, "image": 5e6},
        "milliseconds": {"1": 1, "16": 0.2},
        "steps": [], "moments": [moment, moment | {"seconds": 30.2, "steps": 600, "frechet": 10.0}],
    } | given  # fmt: skip


def with_frechet(first: float, last: float, **more) -> list[dict]:
    """The moments of an entry."""
    before, after = entry()["moments"]
    return [before | {"frechet": first, **more}, after | {"frechet": last, **more}]


FOUND = {
    "settings": {"moments": [15, 30], "samples": 5000, "stepped": 1000, "threads": 2, "seed": 0},
    "versions": {"torch": "2", "numpy": "2"},
    "floors": {"1000": 0.15, "5000": 0.05},
    "families": {
        "autoencoder": entry(
            searches=False, fitted=7000, latent=128, moments=with_frechet(14, 12, mse=0.006, fitting=4.2)
        ),
        "flow": entry(
            searches=False, latent=784, label=True, milliseconds={"1": 90, "16": 30}, moments=with_frechet(40, 4),
            steps=[
                {"steps": steps, "frechet": frechet, "milliseconds": 3.0 * steps}
                for steps, frechet in ((1, 50), (2, 12), (4, 4.3), (8, 4.1), (16, 4.0))
            ],
        ),
        "gan": entry(milliseconds={"1": 0.2, "16": 0.02}, moments=with_frechet(12, 9)),
        "vae": entry(searches=False, moments=with_frechet(30, 31, mse=0.012)),
    },
    "gallery": {
        "gan_dim_8": {"1": 0.2, "16": 0.02}, "gan_dim_16": {"1": 0.2, "16": 0.03}, "unmeasured": {},
        "second": {"1": 1, "16": 0.5},
    },
}  # fmt: skip
GALLERY = {
    name: {
        "family": "gan",
        "exhibit": False,
        "start": "",
        "parameters": 1000,
        "training": {"seconds": 90},
        "scorecard": scorecard and {"figures": {"frechet": scorecard}},
    }
    for name, scorecard in (
        ("gan_dim_8", 3.5),
        ("gan_dim_16", 3.2),
        ("unmeasured", None),
        ("too_new", 1.0),
        ("second", 0.5),
    )
}
GALLERY["second"] |= {"family": "onestep", "start": "first"}  # of a family that is not compared


def texts(svg: bytes) -> list[str]:
    """The words in a picture."""
    return [node.text for node in ElementTree.fromstring(svg).iter() if node.tag.endswith("}text")]


# -- the cards


def test_the_cards_are_of_equal_size_and_each_of_its_own_family():
    assert set(CARDS) <= set(all_families()) and {"autoencoder", "flow", "gan", "r3gan", "vae", "vqvae"} <= set(CARDS)
    for name, card in CARDS.items():
        assert card.family == name
        assert 180_000 <= parameters(card) <= 220_000
        assert not card.start and not card.exhibit
    assert (
        len({card.name for card in CARDS.values()}) == len({parameters(card) for card in CARDS.values()}) == len(CARDS)
    )


# -- the clock


def test_a_run_ends_by_the_clock(fake_train):
    run = measure.TimedRun(CARDS[FAST], fake_train, seed=0, budget=0.3)
    rates = []
    while run.clock < 0.3:
        run.step()
        rates.append(run.learner.optimizers[0].param_groups[0]["lr"])
    assert rates == sorted(rates, reverse=True) and rates[0] == CARDS[FAST].recipe.lr
    assert run.steps == len(rates)
    run.train_until(0.2)  # which is past
    assert run.steps == len(rates)


def test_the_clock_stands_still_between_the_steps(fake_train, monkeypatch):
    now = iter(range(1000))
    monkeypatch.setattr(measure, "time", SimpleNamespace(perf_counter=lambda: next(now)))
    run = measure.TimedRun(CARDS[FAST], fake_train, seed=0, budget=10)
    run.train_until(2)
    next(now), next(now)
    run.train_until(3)
    assert (run.clock, run.steps) == (3, 3)


def test_a_model_is_made_ready_without_touching_the_run(fake_train):
    card = replace(CARDS["autoencoder"], config=replace(CARDS["autoencoder"].config, components=2))
    run = measure.TimedRun(card, fake_train, seed=0, budget=10)
    run.step()
    before = {name: tensor.clone() for name, tensor in run.model.state_dict().items()}
    model, seconds = measure.snapshot(run)
    assert seconds > 0 and not torch.equal(model.prior.means, run.model.prior.means)
    assert all(torch.equal(tensor, before[name]) for name, tensor in run.model.state_dict().items())
    run.step()  # and it goes on


# -- measuring


@pytest.fixture
def stand_in(fake_train, fake_test, monkeypatch):
    """Little data, and a classifier that looks at the mean grey of each row."""
    monkeypatch.setattr(measure, "REPETITIONS", 1)
    monkeypatch.setattr(measure, "STEPS", (1, 2))
    monkeypatch.setattr(measure.gengallery, "list_models", lambda: ["ae_2"])

    def features(images):
        return images.reshape(len(images), 28, 28).float().mean(2) / (1 if images.is_floating_point() else 255)

    return SimpleNamespace(
        train=fake_train,
        test=fake_test,
        classifier=SimpleNamespace(classify=lambda images: (features(images), None)),
        features={"train": features(fake_train.images), "test": features(fake_test.images)},
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", CARDS)
def test_every_family_is_measured(name, stand_in, monkeypatch):
    card = CARDS[name]
    if getattr(card.config, "components", 1) > 1:  # as many would take a minute
        card = replace(card, config=replace(card.config, components=2))
    monkeypatch.setattr(measure, "compared", lambda: {name: card})
    monkeypatch.setattr(measure.torch, "set_num_threads", lambda threads: None)
    found = measure.measure_families(stand_in, measure.Settings((0.05, 0.1), samples=60, stepped=40, seed=1))
    assert json.loads(json.dumps(found)) == found
    of = found["families"][name]
    first, last = of["moments"]
    assert 0.05 <= first["seconds"] <= last["seconds"] >= 0.1 and 0 < first["steps"] <= last["steps"]
    assert ("mse" in last) == (name in ("autoencoder", "vae", "vqvae"))
    assert (last["fitting"] > 0) == (of["fitted"] > 0) == (name in ("autoencoder", "vqvae"))
    assert [run["steps"] for run in of["steps"]] == ([1, 2] if name == SLOW else [])
    assert of["operations"]["step"] > of["operations"]["image"] > 0 or name == SLOW
    assert found["gallery"]["ae_2"]["16"] > 0
    assert page.markdown({**FOUND, "families": {**FOUND["families"], name: of}}, GALLERY)


def test_an_unknown_family_and_unordered_moments_are_refused(stand_in):
    with pytest.raises(ValueError, match="unknown family 'nobody'; there are autoencoder, "):
        measure.measure_families(stand_in, measure.Settings(), ["nobody"])
    for moments in ((), (2, 1), (1, 1), (0, 1)):
        with pytest.raises(ValueError, match="expected seconds that grow"):
            measure.Settings(moments)


def test_some_families_may_be_measured_anew():
    new = {**FOUND, "families": {"gan": entry(parameters=1)}, "gallery": {}}
    both = measure.merge(FOUND, new)
    assert list(both["families"]) == list(FOUND["families"]) and both["families"]["gan"]["parameters"] == 1
    assert both["families"]["vae"] == FOUND["families"]["vae"] and both["gallery"] == {}


@pytest.mark.parametrize("key", ["settings", "versions"])
def test_only_under_the_same_conditions(key, tmp_path, monkeypatch):
    """Which is found out before half an hour of measuring."""
    settings = measure.Settings()
    earlier = FOUND | measure.conditions(settings)
    measure.require_same_conditions(earlier, settings)
    measure.record(earlier | {key: {"other": 1}}, tmp_path)
    monkeypatch.setattr(families, "measure_families", lambda *_: pytest.fail("measured"))
    monkeypatch.setattr(sys, "argv", ["families.py", "--only", "gan", "--out", str(tmp_path)])
    with pytest.raises(SystemExit, match=f"families.py: .*expected the {key} .*; measure all families anew"):
        families.main()


# -- the sentences


def said(name: str, sign: str, found=FOUND) -> str:
    section = page.markdown(found, GALLERY).split(f"### {words.title(name)}\n")[1].split("\n### ")[0]
    return "\n".join(line for line in section.splitlines() if line.startswith(f"- {sign}"))


def test_who_is_first_follows_from_the_figures():
    assert list(words.leaders(FOUND)) == [
        "- After 15 s: **GAN** at 12.00, before Autoencoder at 14.00.",
        "- After 30 s: **Flow matching** at 4.00, before GAN at 9.00.",
    ]
    assert "distance after 30 s: 4.00, the lowest of 4; the next is 9.00, GAN." in said("flow", "➕")
    assert "distance after 15 s: 40.00, the highest of 4; the lowest is 12.00, GAN." in said("flow", "➖")
    turned = {**FOUND["families"], "flow": FOUND["families"]["flow"] | {"moments": with_frechet(11, 40)}}
    turned = {**FOUND, "families": turned}
    assert "distance after 15 s: 11.00, the lowest of 4; the next is 12.00, GAN." in said("flow", "➕", turned)
    assert "distance after 30 s: 40.00, the highest of 4; the lowest is 9.00, GAN." in said("flow", "➖", turned)


def test_only_those_that_have_a_figure_are_ranked_by_it():
    assert "Squared error of reconstructions: 0.0060, the lowest of 2" in said("autoencoder", "➕")
    assert "Squared error of reconstructions: 0.0120, the highest of 2" in said("vae", "➖")
    assert "Squared error" not in said("gan", "➕") + said("gan", "➖")


def test_what_a_family_lacks_and_leaves_open():
    assert "no encoder" in said("gan", "➖") and "no encoder" not in said("flow", "➖")
    assert "784 numbers, as many as the image" in said("flow", "➖")
    assert "one of 7,000 numbers is fitted when training is over, which took 4.2 s more" in said("autoencoder", "➖")
    assert "you choose the garment" in said("flow", "➕") and "you choose" not in said("gan", "➕")
    assert "4 are the fewest that come within a tenth of its lowest distance, at 4.30 and 12.00 ms" in said(
        "flow", "➕"
    )


@pytest.mark.parametrize("name", FOUND["families"])
def test_every_family_has_something_for_it_and_against_it(name):
    assert said(name, "➕") and said(name, "➖")


def test_the_last_stretch():
    assert words.progress("flow", FOUND) == " From 15 s to 30 s its distance fell by 90%."
    assert words.progress("vae", FOUND) == " From 15 s to 30 s its distance rose by 3%."


def test_places_are_counted_from_the_nearer_end():
    places = [words.ordinal(place, 5, "lowest", "highest") for place in range(5)]
    assert places == ["the lowest", "the second lowest", "the third lowest", "the second highest", "the highest"]


# -- the page and its plots


def test_the_gallery_stands_beside_with_what_was_measured_of_it():
    # Without a scorecard or a speed there is nothing to show.
    assert measure.measured_models(FOUND, GALLERY) == ["gan_dim_8", "gan_dim_16", "second"]
    assert measure.best_of_gallery(FOUND, GALLERY) == {"gan": "gan_dim_16", "onestep": "second"}
    text = page.markdown(FOUND, GALLERY)
    assert "| GAN | 9.00 | `gan_dim_16` | 1,000 | 1.5 | 3.20 | 0.030 |" in text
    assert "| One-step flow |  | `second` | 1,000 | 1.5 | 0.50 | 0.500 |" in text
    assert "`second` begins with the weights of `first`" in text and text.count("begins with") == 1


def test_every_row_has_a_cell_for_each_column():
    for block in re.findall(r"(?:^\|.*\|\n)+", page.markdown(FOUND, GALLERY), re.M):
        assert len({line.count("|") for line in block.splitlines()}) == 1


def test_the_plots_name_every_family_in_letters_of_one_colour():
    training, sampling = plots.training_plot(FOUND), plots.sampling_plot(FOUND, GALLERY)
    for name in FOUND["families"]:
        assert words.title(name) in texts(training) and words.title(name) in texts(sampling)
    assert {"15", "30", "seconds of training"} <= set(texts(training))
    assert {"gan_dim_16", "second", "1 step", "16 steps"} <= set(texts(sampling)) and "gan_dim_8" not in texts(sampling)
    assert len(set(plots.colours(FOUND).values())) == len(FOUND["families"])
    assert len(plots.PALETTE) >= len(all_families())


def test_a_plot_is_the_same_file_each_time():
    assert plots.training_plot(FOUND) == plots.training_plot(FOUND)
    assert plots.sampling_plot(FOUND, GALLERY) == plots.sampling_plot(FOUND, GALLERY)


def test_labels_are_moved_apart_as_little_as_it_takes():
    assert plots.spread([10, 50, 12], 10) == [6, 50, 16]
    assert plots.spread([0, 100], 10) == [0, 100]
    crowded = plots.spread([5.0, 5.0, 5.0, 14.0], 10)
    assert sorted(b - a for a, b in zip(sorted(crowded), sorted(crowded)[1:], strict=False)) == pytest.approx([10] * 3)


def test_what_was_measured_before_is_drawn_again(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["families.py", "--redraw", "--out", str(tmp_path)])
    with pytest.raises(SystemExit, match=r"families.py: .*families.json"):
        families.main()
    measure.record(FOUND, tmp_path)
    families.main()
    assert (tmp_path / page.PAGE).read_text(encoding="utf-8") == page.markdown(FOUND, gallery_cards())
    assert (tmp_path / page.TRAINING_PLOT).read_bytes() == plots.training_plot(FOUND)
    assert (tmp_path / page.SAMPLING_PLOT).exists() and capsys.readouterr().out.strip().endswith(page.PAGE)
    monkeypatch.setattr(sys, "argv", ["families.py", "--redraw", "--only", "gan"])
    with pytest.raises(SystemExit, match="2"):
        families.main()


def test_without_matplotlib_nothing_is_measured(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["families.py"])
    monkeypatch.setattr(families.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SystemExit, match="expected matplotlib, found none"):
        families.main()


def test_the_committed_page_is_what_the_committed_figures_give():
    found, cards = measure.read(), gallery_cards()
    assert list(found["families"]) == list(CARDS), "run scripts/families.py"
    assert found["settings"] == measure.rounded(asdict(measure.Settings()))
    for name, card in CARDS.items():
        for what in ("config", "recipe"):
            assert found["families"][name][what] == measure.rounded(asdict(getattr(card, what)))
    redraw = "run scripts/families.py --redraw"
    assert (measure.DOCS / page.PAGE).read_text(encoding="utf-8") == page.markdown(found, cards), redraw
    for file, svg in (
        (page.TRAINING_PLOT, plots.training_plot(found)),
        (page.SAMPLING_PLOT, plots.sampling_plot(found, cards)),
    ):
        assert texts((measure.DOCS / file).read_bytes()) == texts(svg), redraw
        assert f"]({file})" in page.markdown(found, cards)
