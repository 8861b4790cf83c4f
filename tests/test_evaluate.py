"""Scorecards: their figures, when they hold and when they are void, and the script that makes and verifies them."""

import base64
import importlib
import io
import math
import re
import sys
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import TEST_SIZE, run_python
from PIL import Image

import gengallery
from gengallery import checkpoint, classifier, data, evaluate, gallery, metrics
from gengallery.checkpoint import CheckpointError
from gengallery.classifier import Classifier, ClassifierConfig
from gengallery.data import as_floats
from gengallery.evaluate import Bench, Scorecard, VerificationError, mean_losses, rebuilds, record, verify
from gengallery.images import NO_CLASS
from gengallery.training import Run, file_header

NAMES = gengallery.list_models()
UNTOLD = torch.full((TEST_SIZE,), NO_CLASS)
KINDS = ("ae_2", "gan_dim_8", "vae_2")  # reconstructs; searches; has a posterior
FEATURES = 16  # of the judge here
N, DRAWS, WEIGHED = 120, 5, 30
OF_SAMPLES = {"frechet", "kernel", "precision", "recall", "density", "coverage", "entropy", "nearest", "memorised"}
OF_IMAGES = {
    "ae_2": {"mse", "ssim"},
    "gan_dim_8": set(),
    "vae_2": {"mse", "ssim", "reconstruction", "kl", "total", "bound", "active_units"},
}
OF_POSTERIOR = {"autoencoder": set(), "vae": {"bound", "active_units"}}  # by family
EXAMPLE = "vae_2"


def write_judge(folder: Path, train: data.Split, seed: int = 0) -> None:
    """A classifier that has learned nothing, which is as good here as any."""
    run = Run(replace(classifier.CARD, config=ClassifierConfig((4, 8, FEATURES))), train, seed=seed)
    checkpoint.write(folder / "classifier.safetensors", run.model.state_dict(), file_header(run, {}, "a command"))


@pytest.fixture
def folder(tmp_path, fake_root, fake_train, monkeypatch) -> Path:
    """A gallery of three models and a judge, with little data and figures of few samples."""
    folder = tmp_path / "weights"
    folder.mkdir()
    for name in KINDS:
        saved = checkpoint.read(gallery.HERE.parent / "weights" / f"{name}.safetensors")
        header = {key: value for key, value in saved.header.items() if key != "scorecard"}
        checkpoint.write(folder / f"{name}.safetensors", saved.tensors, header)
    write_judge(folder, fake_train)
    monkeypatch.setattr(gallery, "WEIGHTS", folder)
    for name, value in {"SAMPLES": N, "WEIGHED": WEIGHED, "DRAWS": DRAWS}.items():
        monkeypatch.setattr(evaluate, name, value)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv(data.VARIABLE, str(fake_root))
    return folder


@pytest.fixture
def bench(folder) -> Bench:
    return Bench()


@pytest.fixture
def path(folder) -> Path:
    return folder / f"{EXAMPLE}.safetensors"


@pytest.fixture
def recorded(path, bench) -> dict:
    """The scorecard of the example, which is in its file."""
    return asdict(record(EXAMPLE, bench))


def rewrite(path: Path, scorecard: object) -> None:
    """Put another scorecard into the file at `path`."""
    saved = checkpoint.read(path)
    checkpoint.write(path, saved.tensors, {**saved.header, "scorecard": scorecard})


# -- what is written


@pytest.mark.parametrize("name", KINDS)
def test_a_scorecard_is_written_and_nothing_else_changes(name, folder, bench, fake_test):
    path = folder / f"{name}.safetensors"
    others = {other: other.read_bytes() for other in folder.iterdir() if other != path}
    before = checkpoint.read(path)
    made = record(name, bench)
    after = checkpoint.read(path)
    assert {key: value for key, value in after.header.items() if key != "scorecard"} == before.header
    assert after.tensors.keys() == before.tensors.keys()
    assert all(torch.equal(after.tensors[key], before.tensors[key]) for key in before.tensors)
    assert {other: other.read_bytes() for other in folder.iterdir() if other != path} == others

    found = gengallery.info(name)["scorecard"]
    assert found == asdict(made)
    assert found["weights"] == before.header["checksum"]
    assert found["judge"] == checkpoint.read_header(folder / "classifier.safetensors")["checksum"]
    assert found["data"] == fake_test.checksum()
    assert (found["samples"], found["seed"]) == (N, 0)
    assert found["floor"].keys() == OF_SAMPLES
    assert found["figures"].keys() == OF_SAMPLES | OF_IMAGES[name]
    assert all(math.isfinite(value) for value in (*found["floor"].values(), *found["figures"].values()))

    content = path.read_bytes()
    record(name, Bench())  # from a cache, over an older scorecard, after other random numbers
    assert path.read_bytes() == content


def test_the_golden_images_are_the_first_of_the_seed(recorded):
    levels = np.asarray(Image.open(io.BytesIO(base64.b64decode(recorded["golden"]))))
    images = gengallery.load(EXAMPLE).generate(8, seed=0)
    assert levels.shape == (28, 8 * 28)
    assert np.array_equal(levels, np.concatenate([np.rint(image[0].numpy() * 255) for image in images], axis=1))


# -- what is measured


def test_the_figures_of_samples_agree_with_ones_by_hand(bench, fake_train, fake_test):
    samples = gengallery.load(EXAMPLE).generate(N, seed=0)
    (real, _), (fake, labels) = bench.judge.judge(fake_test.images), bench.judge.judge(samples)
    distances = torch.cdist(samples.flatten(1).double(), as_floats(fake_train.images).flatten(1).double())
    first, second = distances.sort(1).values[:, :2].T
    found = bench.figures(gengallery.load(EXAMPLE))
    assert found["frechet"] == pytest.approx(metrics.frechet_distance(real, fake))
    assert found["kernel"] == pytest.approx(metrics.kernel_distance(real, fake))
    assert (found["precision"], found["recall"]) == metrics.precision_recall(real, fake)
    assert (found["density"], found["coverage"]) == metrics.density_coverage(real, fake)
    assert found["precision"] != found["recall"]
    assert found["entropy"] == metrics.class_entropy(labels)
    assert found["nearest"] == pytest.approx(first.median().item())
    assert found["memorised"] == (first < second / 3).double().mean().item()
    assert bench.of_samples(samples) == {name: found[name] for name in OF_SAMPLES}


def test_the_figures_of_images_agree_with_ones_by_hand(bench, fake_test):
    model, images = gengallery.load(EXAMPLE), as_floats(fake_test.images)
    found = bench.figures(model)
    again = model.reconstruct(fake_test.images)
    assert found["mse"] == pytest.approx((images - again).square().mean().item(), rel=1e-5)
    assert found["ssim"] == pytest.approx(metrics.ssim(images, again).mean().item())
    rng = np.random.default_rng(0)
    losses = {name: loss.item() for name, loss in model.losses(images, fake_test.labels, rng).items()}
    assert {name: found[name] for name in losses} == pytest.approx(losses, rel=1e-5)
    weights = model.log_weights(images[:WEIGHED], UNTOLD[:WEIGHED], DRAWS, np.random.default_rng(0)).double().numpy()
    assert found["bound"] == pytest.approx(-np.log(np.exp(weights - weights.max(0)).mean(0)).mean()
                                           - weights.max(0).mean(), rel=1e-5)  # fmt: skip
    assert found["active_units"] == (model.encode(images).var(0) > 0.01).sum()


def test_the_floor_is_of_real_images(bench, fake_train, fake_test):
    (real, _), (held, _) = (bench.judge.judge(images) for images in (fake_test.images, fake_train.images[:N]))
    distances = torch.cdist(*(as_floats(s.images).flatten(1).double() for s in (fake_test, fake_train))).sort(1).values
    floor = bench.floor
    assert floor["frechet"] == pytest.approx(metrics.frechet_distance(real, held), rel=1e-4)
    assert floor["kernel"] == pytest.approx(metrics.kernel_distance(real, held), rel=1e-3, abs=1e-6)
    assert (floor["precision"], floor["recall"]) == pytest.approx(metrics.precision_recall(real, held))
    assert floor["entropy"] == metrics.class_entropy(fake_train.labels[:N])
    assert floor["nearest"] == pytest.approx(distances[:, 0].median().item())
    copies = (distances[:, 0] < distances[:, 1] / 3) | (distances[:, 1] == 0)
    # An image may lie just at a third, where rounding decides.
    assert floor["memorised"] == pytest.approx(copies.double().mean().item(), abs=1.1 / TEST_SIZE)


def test_images_that_are_copies_are_told(bench, fake_train):
    found = bench.of_samples(as_floats(fake_train.images[:N]))
    assert found["nearest"] == 0
    assert found["memorised"] > 0.9


def test_mean_losses_weigh_every_image_alike(fake_test, monkeypatch):
    monkeypatch.setattr(data, "BATCH", 60)  # 60, 60, 60 and 20 of 200
    sizes, draws = [], []

    def losses(images, labels, rng):
        sizes.append(len(images))
        draws.append(rng.random())
        assert torch.is_inference_mode_enabled()
        return {"light": images.mean(), "label": (labels % 7).float().mean()}

    found = mean_losses(losses, fake_test)
    assert sizes == [60, 60, 60, 20]
    assert found["light"] == pytest.approx((fake_test.images.double() / 255).mean().item(), rel=1e-6)
    assert found["label"] == pytest.approx((fake_test.labels % 7).double().mean().item(), rel=1e-6)
    assert draws == list(np.random.default_rng(0).random(4))
    assert mean_losses(lambda *_: {}, fake_test) == {}


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda x: x.index_fill(0, torch.tensor([3]), torch.nan), "no figure .*: as_images: .*found NaN or infinity"),
        (lambda x: x.index_fill(0, torch.tensor([3]), -torch.inf), "no figure .*: as_images: .*found NaN or infinity"),
        (lambda x: x - 0.5, r"no figure .*: as_images: expected floats in \[0, 1\]"),
        (lambda x: x * 255, r"no figure .*: as_images: expected floats in \[0, 1\]"),
        (lambda x: x[:0], "no figure .*: as_images: expected at least one image"),
        (lambda x: x[:FEATURES], "^frechet_distance: expected more samples than the 16 features.*, found 200 and 16"),
    ],
)
def test_samples_without_figures_say_which(spoil, says, bench, fake_train):
    images = as_floats(fake_train.images[:N])
    with pytest.raises(ValueError, match=says):
        bench.of_samples(spoil(images))


def test_a_model_that_makes_no_images_is_not_recorded(path, bench, monkeypatch):
    before = path.read_bytes()
    monkeypatch.setattr(
        type(gengallery.load(EXAMPLE)), "decoder", lambda self, z, told: torch.full((len(z), 1, 28, 28), 1e9)
    )
    with pytest.raises(ValueError, match="no figure of these samples can be computed"):
        record(EXAMPLE, bench)
    assert path.read_bytes() == before


# -- the bound, on the real model and the real data


@pytest.fixture(scope="module")
def evidence(real_root) -> tuple[torch.Tensor, torch.Tensor]:
    """24 test images and log p(x) of each under vae_2: the integral over its latents, by a grid.

    Cells of 0.1 x 0.1 over the square in which the prior has all but 1e-4 of its mass; where an image's integrand is
    within 15 nats of its greatest, each cell is cut into 16, far narrower than the narrowest posterior.
    """
    model = gengallery.load("vae_2")
    images = as_floats(data.load(data.TEST, real_root, download=False).images[:24])
    pixels = images.flatten(1).double()

    def log_joint(z: torch.Tensor) -> torch.Tensor:
        """log p(x, z) of latents (m, 2) with each image, (m, 24)."""
        p = torch.cat([model.logits(part, UNTOLD).flatten(1) for part in z.float().split(500)]).double()
        log_likelihood = pixels @ p.T - torch.log1p(torch.exp(-p.abs())).sum(1) - p.clamp(min=0).sum(1)
        return (log_likelihood - z.square().sum(1) / 2 - math.log(2 * math.pi)).T

    def square(axis: torch.Tensor) -> torch.Tensor:
        return torch.cartesian_prod(axis, axis)

    coarse = square(torch.arange(-40, 41, dtype=torch.float64) / 10)
    with torch.inference_mode():
        values = log_joint(coarse)
        rich = (values > values.max(0).values - 15).any(1)
        parts = square(torch.tensor([-3, -1, 1, 3], dtype=torch.float64) / 80)
        values = log_joint((coarse[rich][:, None] + parts).reshape(-1, 2))
    return images, values.logsumexp(0) + 2 * math.log(0.1 / 4)


def test_the_bound_lies_between_the_elbo_and_the_evidence(evidence):
    images, log_p = evidence
    model = gengallery.load("vae_2")
    with torch.inference_mode():
        weights = model.log_weights(images, UNTOLD[:24], 3000, np.random.default_rng(0))
        elbo = [-model.losses(images, torch.zeros(24), np.random.default_rng(seed))["total"] for seed in range(40)]
    bound = metrics.importance_weighted_bound(weights)
    gap = log_p - bound
    # Each is a lower bound in the mean over draws only, and slow where the true posterior has two tops.
    assert gap.min() > -1.5
    assert gap.median().abs() < 0.4
    assert -0.1 < gap.mean() < 1.5
    assert gap.sort().values[:-2].mean() < 0.5
    assert (bound >= weights.double().mean(0)).all()
    assert weights.mean().item() == pytest.approx(sum(elbo).item() / 40, abs=0.5)
    assert bound.mean() > sum(elbo) / 40 + 1
    assert weights.shape == (3000, 24)


def test_the_bound_of_one_draw_is_the_elbo(bench, monkeypatch):
    monkeypatch.setattr(evaluate, "DRAWS", 1)
    monkeypatch.setattr(evaluate, "WEIGHED", TEST_SIZE)
    found = bench.figures(gengallery.load(EXAMPLE))
    assert found["bound"] == pytest.approx(found["total"], rel=0.01)


# -- when a scorecard is void


def test_a_scorecard_is_void_after_the_weights_change(path, recorded):
    saved = checkpoint.read(path)
    name = next(name for name, tensor in saved.tensors.items() if tensor.is_floating_point())
    checkpoint.write(path, {**saved.tensors, name: saved.tensors[name] * 1.001}, saved.header)
    assert checkpoint.read_header(path)["scorecard"] == recorded
    assert gengallery.info(EXAMPLE)["scorecard"] is None


def test_a_scorecard_is_void_after_the_judge_changes(folder, recorded, fake_train):
    write_judge(folder, fake_train, seed=1)
    assert gengallery.info(EXAMPLE)["scorecard"] is None
    write_judge(folder, fake_train)
    assert gengallery.info(EXAMPLE)["scorecard"] == recorded


def test_a_scorecard_is_void_where_there_is_no_judge(folder, recorded):
    (folder / "classifier.safetensors").write_bytes(b"damaged")
    assert gengallery.info(EXAMPLE)["scorecard"] is None
    (folder / "classifier.safetensors").unlink()
    assert gengallery.info(EXAMPLE)["scorecard"] is None
    assert gengallery.load(EXAMPLE).generate(1).shape == (1, 1, 28, 28)  # which needs no judge
    with pytest.raises(CheckpointError, match=r"classifier\.safetensors: expected a file of weights"):
        Bench()


@pytest.mark.parametrize("scorecard", [None, [], "good", {}, {"weights": 1, "judge": 2}])
def test_what_is_no_scorecard_is_void(scorecard, path):
    rewrite(path, scorecard)
    assert gengallery.info(EXAMPLE)["scorecard"] is None


# -- the cache of features


def kept(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "cache" / "gengallery").glob("features-*"))


def no_judgement(*_):
    raise AssertionError("judged again")


def test_features_are_kept_and_used(bench, tmp_path, fake_train, fake_test, monkeypatch):
    made = bench.features
    torch.testing.assert_close(made["test"], bench.judge.judge(fake_test.images)[0])
    torch.testing.assert_close(made["train"], bench.judge.judge(fake_train.images[:N])[0])
    (file,) = kept(tmp_path)
    content = file.read_bytes()
    monkeypatch.setattr(Classifier, "judge", no_judgement)
    again = Bench().features
    assert all(torch.equal(again[half], made[half]) for half in ("train", "test"))
    assert file.read_bytes() == content


@pytest.mark.parametrize("what", ["judge", "training images", "test images", "number"])
def test_features_of_anything_else_are_not_used(what, bench, folder, tmp_path, fake_train, monkeypatch):
    before = bench.features
    if what == "judge":
        write_judge(folder, fake_train, seed=1)
    if what == "number":
        monkeypatch.setattr(evaluate, "SAMPLES", N - 1)
    other = Bench()
    if what == "training images":
        other.held = data.Split(fake_train.images[-N:], fake_train.labels[-N:])
    if what == "test images":
        other.test = data.Split(other.test.images.flip(0), other.test.labels.flip(0))
    after = other.features
    assert any(not torch.equal(after[half], before[half]) for half in ("train", "test"))
    assert len(kept(tmp_path)) == 2


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[:50],
        lambda content: content[:-1],
        lambda content: b"garbage" * 100,
        lambda content: content.replace(b'"test"', b'"text"'),
        lambda content: content.replace(b"[200,16]", b"[16,200]"),
        lambda content: content.replace(b'"F32"', b'"F99"'),
    ],
)
def test_a_damaged_cache_is_made_anew(damage, bench, tmp_path):
    made = bench.features
    (file,) = kept(tmp_path)
    content = file.read_bytes()
    file.write_bytes(damage(content))
    assert file.read_bytes() != content
    again = Bench().features
    assert all(torch.equal(again[half], made[half]) for half in ("train", "test"))
    assert file.read_bytes() == content


def test_a_cache_that_cannot_be_written_does_no_harm(bench, tmp_path, monkeypatch):
    made = bench.features
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    again = Bench().features
    assert all(torch.equal(again[half], made[half]) for half in ("train", "test"))


# -- verify


@pytest.mark.parametrize("name", KINDS)
def test_a_model_verifies_right_after_it_was_recorded(name, folder, bench):
    record(name, bench)
    before = {path: path.read_bytes() for path in folder.iterdir()}
    assert verify(name) is None
    verify(name, bench)
    verify(name, figures=False)
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_without_figures_no_data_and_no_judgement_are_needed(recorded, monkeypatch, tmp_path):
    monkeypatch.setenv(data.VARIABLE, str(tmp_path / "nowhere"))
    monkeypatch.setattr(evaluate, "Bench", no_judgement)
    verify(EXAMPLE, figures=False)


def test_a_model_that_was_not_measured_does_not_verify(path, bench, folder, fake_train):
    says = rf"{re.escape(str(path))}: expected a scorecard of these weights by the judge, found none; measure it with "
    for figures in (False, True):
        with pytest.raises(VerificationError, match=f"{says}scripts/evaluate.py {EXAMPLE}$"):
            verify(EXAMPLE, bench, figures=figures)
    record(EXAMPLE, bench)
    write_judge(folder, fake_train, seed=1)
    with pytest.raises(VerificationError, match=says):
        verify(EXAMPLE, Bench())


def png(levels: np.ndarray) -> str:
    file = io.BytesIO()
    Image.fromarray(levels).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def levels_of(scorecard: dict) -> np.ndarray:
    return np.array(Image.open(io.BytesIO(base64.b64decode(scorecard["golden"]))))


@pytest.mark.parametrize("figures", [False, True])
def test_golden_images_may_differ_by_one_level_and_no_more(figures, path, recorded, bench):
    levels = levels_of(recorded)
    near, far = levels.copy(), levels.copy()
    near[levels < 100] += 1
    near[levels >= 100] -= 1
    rewrite(path, {**recorded, "golden": png(near)})
    verify(EXAMPLE, bench, figures=figures)
    row, column = np.argwhere((levels > 50) & (levels < 200))[0]
    far[row, column] += 2
    for other in (far, levels[:, :28], levels[:14], np.stack([levels] * 3, axis=2)):
        rewrite(path, {**recorded, "golden": png(other)})
        with pytest.raises(VerificationError, match=r"vae_2\.safetensors: expected the golden images"):
            verify(EXAMPLE, bench, figures=figures)


@pytest.mark.parametrize(
    "damage",
    [
        {"golden": "abc"},  # base64 comes in fours
        {"golden": ""},
        {"golden": base64.b64encode(b"no picture").decode()},
        {"golden": None},
        {"golden": lambda golden: golden[: len(golden) // 8 * 4]},
        {"floor": ...},
        {"golden": ...},
        {"another": 1},
    ],
)
def test_a_damaged_scorecard_does_not_verify(damage, path, recorded, bench):
    scorecard = recorded | {key: value(recorded[key]) if callable(value) else value for key, value in damage.items()}
    rewrite(path, {key: value for key, value in scorecard.items() if value is not ...})
    for figures in (False, True):
        with pytest.raises(VerificationError, match=r"vae_2\.safetensors: expected a whole scorecard.*measure it with"):
            verify(EXAMPLE, bench, figures=figures)


@pytest.mark.parametrize("which", ["figures", "floor"])
@pytest.mark.parametrize("figure", ["entropy", "memorised"])
def test_a_changed_figure_does_not_verify(which, figure, path, recorded, bench):
    what = "figure" if which == "figures" else "floor"
    value = recorded[which][figure]
    for near in (value * 1.019, value * 0.981, value - 9e-5):
        rewrite(path, recorded | {which: recorded[which] | {figure: near}})
        verify(EXAMPLE, bench)
    for far in (value * 1.03 + 2e-4, value * 0.97 - 2e-4):
        rewrite(path, recorded | {which: recorded[which] | {figure: far}})
        verify(EXAMPLE, bench, figures=False)
        with pytest.raises(VerificationError, match=rf"vae_2\.safetensors: expected the {what} {figure} {far}, found "):
            verify(EXAMPLE, bench)


def test_figures_more_or_fewer_do_not_verify(path, recorded, bench):
    for which in ("figures", "floor"):
        fewer = {figure: value for figure, value in recorded[which].items() if figure != "coverage"}
        rewrite(path, recorded | {which: fewer})
        with pytest.raises(VerificationError, match="coverage None, found 0"):
            verify(EXAMPLE, bench)
        rewrite(path, recorded | {which: recorded[which] | {"beauty": 1.0}})
        with pytest.raises(VerificationError, match=r"beauty 1\.0, found None"):
            verify(EXAMPLE, bench)


def test_a_figure_that_is_no_number_does_not_verify(path, recorded, bench, monkeypatch):
    card = gengallery.info(EXAMPLE)  # no such file can be written
    card["scorecard"]["figures"]["frechet"] = math.nan
    monkeypatch.setattr(evaluate, "info", lambda name: card)
    with pytest.raises(VerificationError, match="figure frechet nan, found"):
        verify(EXAMPLE, bench)


def test_other_data_does_not_verify(recorded, bench):
    other = Bench()
    other.test = data.Split(other.test.images.flip(2), other.test.labels)
    with pytest.raises(VerificationError, match=r"vae_2\.safetensors: expected the test set it was measured on"):
        verify(EXAMPLE, other)


def test_a_model_that_makes_other_images_does_not_verify(recorded, bench, monkeypatch):
    kind = type(gengallery.load(EXAMPLE))
    decoder = kind.decoder
    monkeypatch.setattr(kind, "decoder", lambda self, *given: decoder(self, *given).flip(3))
    with pytest.raises(VerificationError, match="expected the golden images"):
        verify(EXAMPLE, bench)


def test_damaged_tensors_do_not_verify(path, recorded, bench):
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(CheckpointError, match=r"vae_2\.safetensors: expected tensors with the checksum"):
        verify(EXAMPLE, bench, figures=False)


def test_unknown_names_do_not_verify(bench):
    for call in (verify, record, evaluate.evaluate):
        with pytest.raises(ValueError, match="unknown model 'vae_3': the nearest are 'vae_2'"):
            call("vae_3", bench)


# -- scripts/evaluate.py

PLACE = "# Title\n\n<!-- models: made by scripts/evaluate.py -->\nold\n<!-- end of models -->\n\nMore.\n"


@pytest.fixture
def script(folder, tmp_path, monkeypatch):
    """The script as a module, with a README of its own; `script.call` runs it in this process."""
    module, threads = importlib.import_module("evaluate"), torch.get_num_threads()
    monkeypatch.setattr(module, "README", tmp_path / "README.md")
    module.README.write_text(PLACE)

    def call(*arguments: str | Path) -> None:
        monkeypatch.setattr("sys.argv", ["evaluate.py", *map(str, arguments), "--threads", "1"])
        module.main()

    monkeypatch.setattr(module, "call", call, raising=False)
    yield module
    torch.set_num_threads(threads)


def table(lines: list[str], title: str) -> dict[str, dict[str, str]]:
    """The rows of the table that has the column `title`, by their first cell: cells by column."""
    split = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    start = next(i for i, cells in enumerate(split) if title in cells)
    end = next((i for i in range(start, len(lines)) if not lines[i].startswith("|")), len(lines))
    head, rule, *rows = split[start:end]
    assert {len(row) for row in rows} == {len(head)} == {len(rule)}
    assert set(rule) <= {"---", "---:"}
    return {row[0]: dict(zip(head[1:], row[1:], strict=True)) for row in rows}


def lines_of(script) -> list[str]:
    return "\n".join(script.tables()).split("\n")


def test_tables_of_a_gallery_that_nobody_measured(script):
    lines = lines_of(script)
    models = table(lines, "what it is")
    assert list(models) == ["`ae_2`", "`gan_dim_8`", "`vae_2`"]
    assert models["`ae_2`"]["parameters"] == f"{gengallery.info('ae_2')['parameters']:,}"
    samples = table(lines, "frechet")
    assert list(samples) == ["`ae_2`", "`gan_dim_8`", "`vae_2`", "*real images*"]
    for cells in samples.values():
        assert list(cells.values()) == ["not measured"] + [""] * (len(cells) - 1)
    images = table(lines, "kl")
    assert images["`vae_2`, the report"]["kl"] == "6.37"
    assert images["`vae_2`"]["total"] == ""


def test_tables_of_a_gallery_measured_in_part(script, recorded):
    lines = lines_of(script)
    samples = table(lines, "frechet")
    figures, floor = recorded["figures"], recorded["floor"]
    assert list(samples["`ae_2`"].values()) == ["not measured"] + [""] * 8
    assert samples["`vae_2`"]["frechet"] == f"{figures['frechet']:.2f}"
    assert samples["`vae_2`"]["memorised"] == f"{100 * figures['memorised']:.2f}%"
    assert samples["*real images*"]["nearest"] == f"{floor['nearest']:.2f}"
    assert set(samples["*real images*"]) == OF_SAMPLES
    images = table(lines, "active units")
    assert images["`vae_2`"]["bound"] == f"{figures['bound']:.2f}"
    assert images["`vae_2`"]["active units"] == str(figures["active_units"])
    assert images["`vae_2`"]["kl"] == f"{figures['kl']:.2f}"
    assert images["`vae_2`, the report"]["bound"] == ""
    rows = list(images)
    assert rows[rows.index("`vae_2`") + 1] == "`vae_2`, the report"


def test_a_model_without_reconstructions_has_no_row_among_them(script, bench):
    record("gan_dim_8", bench)
    assert "`gan_dim_8`" not in table(lines_of(script), "kl")
    assert "`ae_2`" in table(lines_of(script), "kl")


def test_a_figure_just_below_zero_is_written_without_a_sign(script):
    assert script.SAMPLES["kernel"].format(-0.0001) == "0.000"
    assert script.SAMPLES["kernel"].format(-0.01) == "-0.010"


def test_tables_take_their_place_and_no_other(script):
    made = script.with_tables(PLACE)
    assert made.startswith("# Title\n\n<!-- models: made by scripts/evaluate.py -->\n| model |")
    assert made.endswith("|\n<!-- end of models -->\n\nMore.\n")
    assert "old" not in made
    assert script.with_tables(made) == made
    assert script.with_tables(PLACE.removesuffix("\n\nMore.\n")).endswith("|\n<!-- end of models -->")


@pytest.mark.parametrize(
    "readme",
    [
        "",
        "# Title\n",
        PLACE.replace("<!-- end of models -->", ""),
        PLACE.replace("<!-- models", "<!-- others"),
        "<!-- end of models -->\n<!-- models: made by scripts/evaluate.py -->\n",
    ],
)
def test_a_readme_without_a_place_is_refused_and_left(readme, script):
    with pytest.raises(
        ValueError, match=r"README\.md: expected a place for the tables between <!-- models.*found none"
    ):
        script.with_tables(readme)
    script.README.write_text(readme)
    with pytest.raises(SystemExit, match=r"^evaluate\.py: README\.md: expected a place"):
        script.call("--readme")
    assert script.README.read_text() == readme


def test_the_script_makes_the_readme_and_needs_nothing_for_it(script, folder, tmp_path, capsys):
    before = {path: path.read_bytes() for path in folder.iterdir()}
    script.call("--readme", "--data", tmp_path / "nowhere")
    assert script.README.read_text() == script.with_tables(PLACE)
    assert {path: path.read_bytes() for path in folder.iterdir()} == before
    assert capsys.readouterr().out == ""


def test_the_script_measures_names_and_verifies_all(script, folder, capsys):
    script.call("ae_2", "vae_2")
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == ["ae_2", "vae_2"]
    assert re.search(r"frechet \d.*coverage 0.*mse 0.*\(\d+ s\)$", lines[0])
    assert gengallery.info("ae_2")["scorecard"]
    assert gengallery.info("gan_dim_8")["scorecard"] is None
    readme = script.README.read_text()
    assert readme == script.with_tables(PLACE)
    assert len([line for line in readme.splitlines() if "not measured" in line]) == 2

    script.call("--verify", "vae_2", "ae_2")
    assert re.fullmatch(r"vae_2: as recorded \(\d+ s\)\nae_2: as recorded \(\d+ s\)\n", capsys.readouterr().out)
    with pytest.raises(SystemExit, match=r"^evaluate\.py: .*gan_dim_8\.safetensors: expected a scorecard.*found none"):
        script.call("--verify", "--all")
    script.call("--all")
    script.call("--verify", "--all")
    assert capsys.readouterr().out.count("as recorded") == 4  # ae_2 before the failure, and then all three


def test_verifying_writes_nothing(script, folder, recorded):
    before = {path: path.read_bytes() for path in (*folder.iterdir(), script.README)}
    script.call("--verify", EXAMPLE)
    assert {path: path.read_bytes() for path in (*folder.iterdir(), script.README)} == before


def test_the_script_verifies_the_figures_too(script, path, recorded):
    rewrite(path, recorded | {"figures": recorded["figures"] | {"nearest": 2 * recorded["figures"]["nearest"]}})
    with pytest.raises(SystemExit, match=r"^evaluate\.py: .*vae_2\.safetensors: expected the figure nearest .*, found"):
        script.call("--verify", EXAMPLE)


@pytest.mark.parametrize(
    "arguments",
    [(), ("ae_2", "--all"), ("ae_2", "--readme"), ("--all", "--readme"), ("--verify",), ("--readme", "--verify"),
     ("ae_2", "--all", "--readme")],
)  # fmt: skip
def test_arguments_that_make_no_sense(arguments, script, capsys):
    with pytest.raises(SystemExit) as caught:
        script.call(*arguments)
    assert caught.value.code == 2
    assert "give either names or --all, or --readme alone" in capsys.readouterr().err
    assert script.README.read_text() == PLACE


@pytest.mark.parametrize("verifying", [(), ("--verify",)])
def test_an_unknown_name_is_told_before_anything_is_measured(verifying, script, path, monkeypatch):
    monkeypatch.setattr(script, "Bench", no_judgement)
    before = path.read_bytes()
    with pytest.raises(SystemExit, match=r"^evaluate\.py: unknown model 'vae_3': the nearest are 'vae_2'"):
        script.call(EXAMPLE, "vae_3", *verifying)
    assert path.read_bytes() == before


def test_whatever_is_missing_is_one_line(script, folder, tmp_path, monkeypatch):
    monkeypatch.setattr(data, "_download", lambda *_: (_ for _ in ()).throw(OSError("no network")))
    with pytest.raises(SystemExit, match=r"^evaluate\.py: Fashion-MNIST in .*--data or GENGALLERY_DATA\.$"):
        script.call("ae_2", "--data", tmp_path / "empty")
    (folder / "classifier.safetensors").unlink()
    with pytest.raises(SystemExit, match=r"^evaluate\.py: .*classifier\.safetensors: expected a file of weights"):
        script.call("ae_2")


def test_an_error_of_a_fresh_process_is_one_line():
    done = run_python("scripts/evaluate.py", "vae_3")
    assert done.returncode == 1
    assert done.stderr.startswith("evaluate.py: unknown model 'vae_3'")
    assert len(done.stderr.splitlines()) == 1


# -- the scorecards that are there


@pytest.mark.parametrize("name", NAMES)
def test_every_model_has_a_scorecard_and_makes_its_golden_images(name, real_root):
    info = gengallery.info(name)
    assert info["scorecard"] is not None, "run scripts/evaluate.py"
    scorecard = Scorecard(**info["scorecard"])
    verify(name, figures=False)
    assert scorecard.data == data.load(data.TEST, real_root, download=False).checksum()
    assert (scorecard.samples, scorecard.seed) == (10_000, 0)
    for found in (scorecard.figures, scorecard.floor):
        assert all(math.isfinite(value) for value in found.values())
        assert found.keys() >= OF_SAMPLES
        for share in ("precision", "recall", "coverage", "entropy", "memorised"):
            assert 0 <= found[share] <= 1
        assert min(found["frechet"], found["density"], found["nearest"]) >= 0
        assert found["kernel"] > -0.01
    figures, floor = scorecard.figures, scorecard.floor
    first = gengallery.info(NAMES[0])["scorecard"]["floor"]
    # One floor for all; in the last digits another processor rounds otherwise.
    assert {key: floor[key] for key in first} == pytest.approx(first, rel=1e-6)
    of_classes = {"judged", "judged_least"}
    assert floor.keys() - first.keys() == figures.keys() & of_classes
    assert floor["entropy"] > 0.999
    assert figures["frechet"] > floor["frechet"]
    assert figures["kernel"] > floor["kernel"]
    model = gengallery.load(name)
    assert (figures.keys() & of_classes == of_classes) == model.options.label
    if not rebuilds(model):
        assert figures.keys() - of_classes == OF_SAMPLES
        return
    assert 0 < figures["mse"] < 0.2
    assert 0 < figures["ssim"] <= 1
    # The losses were measured once more, by the same rule, when the training was over.
    losses = info["losses"]["test"]
    assert {term: figures[term] for term in losses} == pytest.approx(losses, rel=1e-3)
    of_images = {"mse", "ssim"} | losses.keys() | OF_POSTERIOR.get(info["family"], set())
    assert figures.keys() - of_classes == OF_SAMPLES | of_images
    if "bound" in figures:
        assert figures["bound"] > 0
        assert 0 <= figures["active_units"] <= info["latent"]


def test_cheap_figures_are_what_they_were(real_root):
    """Of the quickest model, and of fewer samples; scripts/evaluate.py --verify measures them all."""
    train, test = (data.load(half, real_root, download=False) for half in (data.TRAIN, data.TEST))
    model, figures = gengallery.load("ae_16"), gengallery.info("ae_16")["scorecard"]["figures"]
    images, again = as_floats(test.images), model.reconstruct(test.images)
    assert figures["mse"] == pytest.approx((images - again).square().mean().item(), rel=1e-3)
    assert figures["ssim"] == pytest.approx(metrics.ssim(images[:2000], again[:2000]).mean().item(), abs=0.02)
    references = as_floats(train.images[:20_000]).flatten(1)
    distances, _ = metrics.nearest(model.generate(200).flatten(1), references)
    assert distances.median().item() == pytest.approx(figures["nearest"], rel=0.15)  # of a third of the references


# -- the Inception distance


class Tiny(torch.nn.Module):
    """In the place of the Inception network: means over blocks of pixels."""

    num_features = 16

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        assert images.dtype == torch.uint8 and images.shape[1:] == (3, 28, 28)
        assert (images[:, :1] == images).all()  # grey
        return torch.nn.functional.avg_pool2d(images[:, :1].float(), 7).flatten(1)


def test_the_inception_distance_is_the_frechet_distance_of_its_features(folder, fake_test):
    model = gengallery.load("vae_2")
    samples = (model.generate(N, evaluate.SEED) * 255).round().to(torch.uint8)
    expected = metrics.frechet_distance(*(Tiny()(x.expand(-1, 3, -1, -1)) for x in (fake_test.images, samples)))
    inception = evaluate.Inception(fake_test, Tiny())
    assert inception.distance(model) == pytest.approx(expected, rel=1e-3)
    inception.distance(gengallery.load("gan_dim_8"))
    assert inception.distance(model) == pytest.approx(expected, rel=1e-3)  # the last one's samples are forgotten


def test_without_the_inception_network_it_says_what_to_do(fake_test, monkeypatch):
    monkeypatch.setitem(sys.modules, "torchmetrics.image.fid", None)
    with pytest.raises(evaluate.InceptionMissing, match=r"pip install '\.\[inception\]'"):
        evaluate.Inception(fake_test)


def test_the_script_prints_the_inception_distance_and_writes_nothing(script, folder, capsys, monkeypatch):
    monkeypatch.setattr(script, "Inception", lambda test: evaluate.Inception(test, Tiny()))
    before = {path: path.read_bytes() for path in folder.iterdir()}
    script.call("--inception", "ae_2")
    assert re.fullmatch(r"ae_2: Inception FID \d+\.\d\d \(\d+ s\)\n", capsys.readouterr().out)
    assert {path: path.read_bytes() for path in folder.iterdir()} == before
    assert script.README.read_text() == PLACE
