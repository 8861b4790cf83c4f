"""The ablation: its variants, its table, and the page that shows it."""

import re
from dataclasses import replace
from types import SimpleNamespace

import pytest

import ablation
import gengallery
from gengallery.models.gan import REPORT

PAGE = ablation.PAGE.read_text(encoding="utf-8")


def table(page: str) -> list[list[str]]:
    inside = page.split(ablation.BEGINS)[1].split(ablation.ENDS)[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in inside.strip().splitlines()[2:]]


def test_every_suspect_is_tried_with_and_without_the_other():
    variants = {(v.noise, v.standardised, v.clipped) for v in ablation.VARIANTS}
    pairs = {(raw, clipped) for raw in (False, True) for clipped in (False, True)}
    for noise in ("uniform", "poisson"):
        assert {(standardised, clipped) for n, standardised, clipped in variants if n == noise} == pairs


@pytest.mark.parametrize("variant", ablation.VARIANTS, ids=str)
def test_a_variant_differs_from_the_report_in_its_suspects_alone(variant):
    card = variant.card()
    assert card.config.noise_dist == variant.noise
    assert card.config.standardised == variant.standardised
    assert card.recipe == replace(REPORT, clipped=variant.clipped)


def test_the_page_has_every_row_in_order():
    figures = {"frechet": 1.0, "recall": 0.5, "entropy": 0.25, "generator loss": 2.0}
    rows = table(PAGE)
    assert [row[:3] for row in rows] == [
        [cell.strip() for cell in v.row(figures).strip("|").split("|")][:3] for v in ablation.VARIANTS
    ]
    for row in rows:
        frechet, recall, entropy, loss = map(float, row[3:])
        assert frechet > 0 and loss > 0 and 0 <= recall <= 1 and 0 <= entropy <= 1


def test_the_raw_rows_are_the_exhibits():
    """The same training by another script: the scorecards of the two exhibits say the same."""
    rows = {(row[0], row[1], row[2]): float(row[3]) for row in table(PAGE)}
    for noise in ("uniform", "poisson"):
        recorded = gengallery.info(f"gan_dist_{noise}_raw")["scorecard"]["figures"]["frechet"]
        assert rows[noise, "raw", "clipped probabilities"] == pytest.approx(recorded, rel=0.02)


def test_the_table_of_seeds_is_of_the_files_where_they_are_kept():
    lines = re.findall(r"^\| (normal|uniform|poisson)" + r" \| ([\d.]+)" * 4 + r" \|$", PAGE, re.M)
    assert [noise for noise, *_ in lines] == ["normal", "uniform", "poisson"]
    kept = {(noise, 0): f"gan_dist_{noise}" for noise, *_ in lines} | {("normal", 1): "gan_dim_16"}
    for noise, *cells in lines:
        *seeds, mean = map(float, cells)
        assert mean == pytest.approx(sum(seeds) / 3, abs=0.006)
        for seed, frechet in enumerate(seeds):
            if (noise, seed) in kept:
                info = gengallery.info(kept[noise, seed])
                assert info["training"]["seed"] == seed
                assert frechet == pytest.approx(info["scorecard"]["figures"]["frechet"], abs=0.005)


def test_a_new_table_takes_the_place_of_the_old():
    page = ablation.with_table(PAGE, ["| a |"])
    assert table(page) == [["a"]]
    assert page.split(ablation.ENDS)[1] == PAGE.split(ablation.ENDS)[1]
    with pytest.raises(ValueError, match="expected a place for the table"):
        ablation.with_table("nothing here", [])


def test_what_is_measured_is_what_the_table_shows(fake_train, fake_test, monkeypatch):
    """One epoch, on little data, measured by the mean grey."""
    monkeypatch.setattr(ablation, "COUNT", 100)

    def of_samples(images):
        assert images.shape == (100, 1, 28, 28)
        return {"frechet": images.mean().item(), "recall": 0.5, "entropy": 0.25}

    stand_in = SimpleNamespace(train=fake_train, test=fake_test, of_samples=of_samples)
    card = ablation.VARIANTS[0].card()
    found = ablation.measure(card, stand_in, seed=0, epochs=1)
    assert set(found) == {figure.name for figure in ablation.FIGURES} | {ablation.LOSS}
    assert 0 < found["frechet"] < 1 and found["generator loss"] > 0
    assert found == ablation.measure(card, stand_in, seed=0, epochs=1)
    assert found != ablation.measure(card, stand_in, seed=1, epochs=1)
