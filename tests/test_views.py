"""The demo's views: the right pictures for what a visitor chose, lines of Python that make the very same, and a clear
refusal of everything else. They are in one file, since they share what a visitor may choose."""

import base64
import re
from io import BytesIO

import demo_panels
import numpy as np
import pytest
import torch
from PIL import Image

import gengallery
from demo.shared import checks, models, originals, panels
from demo.shared.kept import Kept
from demo.shared.originals import CLASS_NAMES
from demo.tabs.generate import view as generate
from demo.tabs.learning import view as learning
from demo.tabs.memory import view as memory
from demo.tabs.morph import view as morph
from demo.tabs.reconstruction import view as reconstruction
from demo.tabs.steer import view as steer
from gengallery import data
from gengallery.data import as_images, downloads, sheet, sources, to_uint8

FLAT = [name for name in models.encoding_models() if gengallery.info(name)["latent"] == 2]
GAN = models.noise_models()[0]
GUIDED, STEPPING = steer.guided_models()[0], steer.stepping_models()[0]
PICTURE = originals.picture_as_text(gengallery.load(GAN).generate(1, 3))
REBUILD = {
    "names": FLAT[:1], "source": originals.TEST, "kind": originals.ANY_CLASS, "count": 3, "seed": 0, "picture": None,
    "damage": reconstruction.NOTHING, "amount": 0.4, "errors": False,
}  # fmt: skip


KEPT = [
    kept for view in (models, morph, reconstruction, steer) for kept in vars(view).values() if isinstance(kept, Kept)
]


@pytest.fixture(autouse=True)
def nothing_kept():
    """Answers of earlier tests, which may have had other data."""
    for kept in KEPT:
        kept.answers.clear()
    yield
    for kept in KEPT:
        kept.answers.clear()


@pytest.fixture
def synthetic_data(monkeypatch):
    """A data set of 40 random images in place of the gallery's own, the same for both splits but inverted."""
    image = models.image()
    images = np.random.default_rng(0).integers(0, 256, (40, *image.shape), dtype=np.uint8)
    labels = np.arange(40) % len(image.classes)
    arrays = {data.TRAIN: (255 - images, labels), data.TEST: (images, labels)}
    found = data.Dataset.from_arrays(image.dataset, arrays, classes=image.classes, light_on_dark=True)
    monkeypatch.setitem(sources._registered, image.dataset, found)
    return {name: found.split(name) for name in (data.TRAINVAL, data.TEST)}


@pytest.fixture
def no_data(monkeypatch, tmp_path):
    """A machine without the data set, which no page may download."""
    started: list = []
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv(data.VARIABLE, str(tmp_path / "empty"))
    monkeypatch.setattr(downloads, "_download", lambda *arguments: started.append(arguments))
    yield
    assert started == []


def made(panel):
    """The labels of the rows that have their pictures; those that are awaited have none."""
    return [row.label for row in panel.rows if len(row.pictures)]


def condition(name, count, seed):
    """What `generate` gives the model beside z."""
    model = gengallery.load(name)
    return {"label": model.labels(count, seed)} if model.options.label else {}


# -- the models


def test_models_that_take_long_are_marked_and_no_default():
    slow = gengallery.list_models(option="steps")
    assert slow
    assert not set(slow) & {*models.encoding_models(), *models.noise_models()}
    assert all(("steps" in models.marks(name)) == (name in slow) for name in models.models())
    again = [generate.same_seed(slow[:1], 1, 123) for _ in range(2)]
    assert again[0].rows[0] is again[1].rows[0]  # not drawn twice


@pytest.mark.parametrize(
    ("prior", "name"),
    [
        ({"kind": "noise", "distribution": "normal", "standardised": True}, "3 × normal"),
        ({"kind": "noise", "distribution": "poisson", "standardised": False}, "3 × raw Poisson"),
        ({"kind": "gaussian"}, "3 × fitted Gaussian"),
        ({"kind": "mixture", "components": 7}, "mixture of 7 Gaussians"),
        ({"kind": "flow"}, "fitted flow"),
    ],
)
def test_every_kind_of_prior_has_a_name(prior, name):
    assert models.prior_name(prior, 3) == name


# -- generate


@pytest.mark.slow
def test_every_model_generates_from_the_seed():
    rows = generate.same_seed(models.models(), 4, 7).rows
    assert [row.label for row in rows] == gengallery.list_models()
    for row in rows:
        np.testing.assert_array_equal(row.pictures, to_uint8(gengallery.load(row.label).generate(4, 7)))


def test_swapped_priors():
    model = gengallery.load(GAN)
    own, *others = generate.swapped_priors(GAN, list(generate.NOISES), 1, 3, 2).rows
    np.testing.assert_array_equal(own.pictures, to_uint8(model.generate(3, 2)))
    noises = [noise for noise in generate.NOISES if noise != model.prior.distribution]
    assert [row.label for row in others] == [generate.NOISE_NAMES[noise] for noise in noises]
    raw = next(row for row in others if row.label == "raw uniform")
    z = np.random.default_rng(2).random((3, model.config.latent), dtype=np.float32)
    np.testing.assert_array_equal(raw.pictures, to_uint8(model.decode(z, **condition(GAN, 3, 2))))


@pytest.mark.parametrize("name", models.noise_models())
def test_swapped_priors_keep_the_classes(name):
    """Whether or not it takes labels, a generator on its own noise draws what it always draws."""
    own = generate.swapped_priors(name, ["uniform"], 1, 2, 4).rows[0]
    np.testing.assert_array_equal(own.pictures, to_uint8(gengallery.load(name).generate(2, 4)))


def test_noise_that_is_not_the_prior_is_warned_of():
    own, *others = generate.swapped_priors(GAN, list(generate.NOISES), 1, 3, 2).rows
    assert own.warning == ""
    warnings = {row.label: row.warning for row in others}
    assert (
        warnings["uniform"]
        == "Not its prior: another distribution, uniform, with the same mean and standard deviation."
    )
    trained = "it was trained with mean 0.00 and standard deviation 1.00."
    expected = f"Not its prior: z has mean 0.50 and standard deviation 0.29; {trained}"
    assert warnings["raw uniform"] == expected
    stretched = generate.swapped_priors(GAN, ["uniform"], 2, 3, 2).rows
    assert all(f"standard deviation 2.00; {trained}" in row.warning for row in stretched)
    z = 2 * gengallery.load(GAN).sample(3, 2)
    expected = to_uint8(gengallery.load(GAN).decode(z, **condition(GAN, 3, 2)))
    np.testing.assert_array_equal(stretched[0].pictures, expected)


# -- steer


def test_a_class_through_every_model_that_takes_one():
    names = gengallery.list_models(option="label")
    walls = list(steer.growing_classes(names, "Sandal", 3))
    assert all([row.label for row in wall.rows] == names for wall in walls)
    assert [len(row.pictures) > 0 for row in walls[-1].rows] == [True] * len(names)
    for row in walls[-1].rows:
        expected = gengallery.load(row.label).generate(checks.MOST_IMAGES, 3, label=CLASS_NAMES.index("Sandal"))
        np.testing.assert_array_equal(row.pictures, to_uint8(expected))


@pytest.mark.slow
def test_every_class_from_the_same_noise():
    for row in demo_panels.classes(steer.labelled_models(), steer.EVERY, 3).rows:
        assert row.captions == CLASS_NAMES
        model = gengallery.load(row.label)
        z = model.sample(1, 3)
        for number, picture in enumerate(row.pictures):
            alone = to_uint8(model.decode(z, label=number))[0]
            assert np.abs(picture.astype(int) - alone).max() <= 1  # sums in batches may round another way


def test_a_row_for_each_guidance():
    rows = demo_panels.guided(GUIDED, "Bag", 2).rows
    assert [row.label for row in rows] == [f"w = {strength:g}" for strength in steer.STRENGTHS]
    model = gengallery.load(GUIDED)
    untold = model.decode(model.sample(steer.FEW, 2))  # guidance 0 knows no class
    assert np.abs(rows[0].pictures.astype(int) - to_uint8(untold)).max() <= 1
    plain = model.generate(steer.FEW, 2, label="Bag", guidance=1)
    np.testing.assert_array_equal(rows[steer.STRENGTHS.index(1)].pictures, to_uint8(plain))
    assert len(rows) == len({row.pictures.tobytes() for row in rows})


@pytest.mark.slow
@pytest.mark.parametrize("steps", [1, 3, steer.MOST_STEPS])
def test_images_form_from_noise(steps):
    wall = demo_panels.formed(STEPPING, steps, 2)
    finished = gengallery.load(STEPPING).generate(steer.FEW, 2, steps=steps)
    assert len(wall.rows) == steer.FEW
    for row, image in zip(wall.rows, finished, strict=True):
        assert len(row.pictures) == len(row.captions) == min(steps + 1, steer.MOST_COLUMNS)
        assert (row.captions[0], row.captions[-1]) == ("noise", f"step {steps}")
        np.testing.assert_array_equal(row.pictures[-1:], to_uint8(image[None]))
    film = Image.open(BytesIO(wall.film))
    assert film.n_frames == steps + 1
    film.seek(steps)
    last = np.asarray(film.convert("L"))[::4, ::4]
    np.testing.assert_array_equal(last[:, :28], wall.rows[0].pictures[-1])
    assert film.info["duration"] == steer.REST


# -- reconstruction


@pytest.mark.parametrize(("source", "split"), [(originals.TEST, data.TEST), (originals.TRAIN, data.TRAINVAL)])
def test_reconstructions_and_their_errors(synthetic_data, source, split):
    names = models.encoding_models()
    wall = demo_panels.reconstructions(**REBUILD | {"names": names, "source": source, "count": 5, "seed": 3})
    originals, *rows = wall.rows
    assert wall.notice == ""
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


def test_originals_of_one_class(synthetic_data):
    (originals, _) = demo_panels.reconstructions(**REBUILD | {"kind": "Bag", "count": 4}).rows
    assert originals.captions == ("Bag",) * 4
    assert len({picture.tobytes() for picture in originals.pictures}) == 4


def test_an_error_map_is_blue_where_light_is_missing_and_orange_where_it_is_invented(synthetic_data):
    first, row, errors = demo_panels.reconstructions(**REBUILD | {"errors": True}).rows
    difference = row.pictures.astype(int) - first.pictures
    red, blue = errors.pictures[..., 0].astype(int), errors.pictures[..., 2].astype(int)
    assert (blue - red)[difference < -20].min() > 0
    assert (red - blue)[difference > 20].min() > 0
    assert errors.pictures[np.abs(difference) <= 1].max() < 30
    exact = reconstruction.error_map(torch.tensor([-1.0, 0.0, 1.0]).reshape(3, 1, 1, 1)).tolist()
    assert [pixel[0][0] for pixel in exact] == [
        reconstruction.MISSING.tolist(), [0, 0, 0], reconstruction.INVENTED.tolist()
    ]  # fmt: skip


@pytest.mark.parametrize("damage", reconstruction.DAMAGES)
def test_damage_is_seen_by_the_model_and_judged_by_the_original(synthetic_data, damage):
    wish = REBUILD | {"damage": damage, "amount": 0.5}
    first, *seen, row = demo_panels.reconstructions(**wish).rows
    clean = demo_panels.reconstructions(**REBUILD).rows
    np.testing.assert_array_equal(first.pictures, clean[0].pictures)
    if damage == reconstruction.NOTHING:
        assert seen == []
        return
    (seen,) = seen
    hurt = seen.pictures != first.pictures
    if damage == reconstruction.PATCH:
        assert (seen.pictures[:, 7:21, 7:21] == 0).all() and not hurt[:, :7].any() and not hurt[:, :, 21:].any()
    elif damage == reconstruction.HALF:
        assert (seen.pictures[:, 21:] == 0).all() and not hurt[:, :21].any()
    else:
        assert hurt.mean() > 0.7
    answer = gengallery.load(FLAT[0]).reconstruct(as_images(seen.pictures)).numpy()[:, 0]
    errors = ((answer - first.pictures / 255.0) ** 2).mean((1, 2))
    np.testing.assert_allclose([float(caption) for caption in row.captions], errors, atol=3e-3)


def test_a_search_is_called_one(synthetic_data):
    (_, row) = demo_panels.reconstructions(**REBUILD | {"names": [GAN], "count": 1}).rows
    assert row.note.startswith("search")
    assert "search" in models.marks(GAN)
    assert not any("search" in models.marks(name) for name in models.encoding_models())


def test_without_the_data_set_the_gallery_makes_the_originals(no_data):
    wall = demo_panels.reconstructions(**REBUILD | {"count": 4, "seed": 9})
    made = gengallery.load(models.best_maker()).generate(4, 9)
    np.testing.assert_array_equal(wall.rows[0].pictures, to_uint8(made))
    assert "not on this machine" in wall.notice


def test_a_picture_of_the_visitors_own():
    wall = demo_panels.reconstructions(**REBUILD | {"source": originals.YOURS, "picture": PICTURE})
    np.testing.assert_array_equal(wall.rows[0].pictures, to_uint8(gengallery.load(GAN).generate(1, 3)))
    assert wall.rows[0].captions == ("yours",)


def test_a_panel_grows_by_a_model_at_a_time(synthetic_data):
    reconstruction._rebuilt.answers.clear()
    morph._morphed.answers.clear()
    steps = range(len(FLAT) + 1)
    panels = list(reconstruction.growing(**REBUILD | {"names": FLAT}))
    assert all([row.label for row in panel.rows] == ["Originals", *FLAT] for panel in panels)
    assert [sum(len(row.pictures) > 0 for row in panel.rows) for panel in panels] == [1 + k for k in steps]
    panels = list(morph.growing(**MORPH | {"names": FLAT}))
    assert [sum(len(row.pictures) > 0 for row in panel.rows) for panel in panels] == list(steps)
    assert [bool(panel.film) for panel in panels] == [False] * len(FLAT) + [True]
    assert len(list(morph.growing(**MORPH | {"names": FLAT}))) == 1  # all is there


# -- memory and learning


def test_neighbours_are_the_nearest_training_images(synthetic_data):
    wall = memory.memorised(GAN, 3, 7)
    own, *neighbours = wall.rows
    train = synthetic_data[data.TRAINVAL].images.flatten(1).double() / 255
    apart = torch.cdist(torch.from_numpy(own.pictures).flatten(1).double() / 255, train)
    for rank, row in enumerate(neighbours):
        distance, index = apart.sort(dim=1)[0][:, rank], apart.argsort(dim=1)[:, rank]
        np.testing.assert_array_equal(row.pictures, synthetic_data[data.TRAINVAL].images[index][:, 0])
        assert [caption.split()[0] for caption in row.captions] == [f"{x:.1f}" for x in distance.tolist()]
    assert "Copies among these 3" in wall.notice


def test_a_copy_is_found_out(synthetic_data, monkeypatch):
    train = as_images(synthetic_data[data.TRAINVAL].images[:4])
    monkeypatch.setattr(type(gengallery.load(GAN)), "generate", lambda self, n, seed=0: train[:n])
    wall = memory.memorised(GAN, 4, 0)
    assert ": 4." in wall.notice
    np.testing.assert_array_equal(wall.rows[0].pictures, wall.rows[1].pictures)


def test_memory_needs_the_data_set(no_data):
    wall = memory.memorised(GAN, 3, 0)
    assert len(wall.rows) == 1
    assert "not on this machine" in wall.notice


@pytest.mark.parametrize("name", gengallery.list_histories())
def test_learning_shows_what_the_family_can_do(name):
    moments = list(learning.course(name))
    rows = learning.learning(name, max(moments), 2, 0).rows
    labels = [row.label for row in rows]
    final = gengallery.load(name)
    assert ("Generated" in labels) == (final.prior.describe()["kind"] == "noise")
    assert ("Reconstructed" in labels) == (not final.searches)
    assert all(f"{moments[-1]} epochs" in row.note for row in rows if row.label != "Originals")
    before = learning.learning(name, 0, 2, 0).rows
    assert any(row.note.startswith("before training") for row in before)
    assert (before[-1].pictures != rows[-1].pictures).any()
    beyond = learning.learning(name, max(learning.all_epochs()), 2, 0).rows  # of a shorter training: its last
    np.testing.assert_array_equal(beyond[-1].pictures, rows[-1].pictures)
    between = learning.learning(name, 3, 2, 0).rows  # the last before
    assert all("after 2 epochs" in row.note for row in between if row.label != "Originals")


# -- the lines of Python

MORPH = {
    "names": [FLAT[0]], "source_a": originals.TEST, "seed_a": 0, "picture_a": None, "source_b": morph.SAMPLE,
    "seed_b": 1, "picture_b": None, "path": morph.ARC, "less": morph.NO_CLASS, "plus": "Bag", "strength": 0.5,
}  # fmt: skip
WALLS = {
    "generate": lambda: generate.same_seed([GAN, *FLAT], 3, 5),
    "classes": lambda: demo_panels.classes(steer.labelled_models(), "T-shirt/top", 5),
    "every class": lambda: demo_panels.classes(steer.labelled_models(), steer.EVERY, 5),
    "guided": lambda: demo_panels.guided(GUIDED, "Bag", 5),
    "formed": lambda: demo_panels.formed(STEPPING, 15, 5),
    "swap": lambda: generate.swapped_priors(GAN, ["uniform", "raw poisson"], 1.5, 3, 5),
    "rebuild": lambda: demo_panels.reconstructions(**REBUILD | {"names": FLAT, "kind": "Bag"}),
    "memory": lambda: memory.memorised(GAN, 2, 5),
    **{
        damage: lambda damage=damage: demo_panels.reconstructions(**REBUILD | {"damage": damage})
        for damage in reconstruction.DAMAGES
    },
    "yours": lambda: demo_panels.reconstructions(**REBUILD | {"source": originals.YOURS, "picture": PICTURE}),
    **{name: lambda name=name: learning.learning(name, 1, 2, 0) for name in gengallery.list_histories()},
    "morph": lambda: demo_panels.morphs(**MORPH),
    "morph of yours": lambda: demo_panels.morphs(
        **MORPH | {"names": [FLAT[0], GAN], "source_a": morph.SAMPLE, "source_b": originals.YOURS, "picture_b": PICTURE}
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("wall", WALLS)
def test_the_lines_of_python_make_the_very_pictures(synthetic_data, wall, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shown = WALLS[wall]()
    exec(compile(shown.python, wall, "exec"), {})
    pictures = np.concatenate([row.pictures for row in shown.rows])
    images = torch.from_numpy(pictures).float()[:, None] / 255
    expected = sheet(images, len(shown.rows[0].pictures))
    found = np.asarray(Image.open("picture.png"))
    assert np.abs(found.astype(int) - expected).max() <= 1  # a search or a sum in another order may round another way


def test_the_lines_of_python_without_the_data_set(no_data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shown = demo_panels.reconstructions(**REBUILD)
    exec(shown.python, {})
    found = np.asarray(Image.open("picture.png"))
    np.testing.assert_array_equal(found[:28, :28], shown.rows[0].pictures[0])


# -- surprises


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_a_surprise_is_something_that_the_view_shows(synthetic_data, seed):
    rng = np.random.default_rng(seed)
    found = generate.surprise(rng)
    assert generate.same_seed(found["models"], found["count"], found["seed"]).rows
    assert generate.swapped_priors(found["model"], ["normal"], found["stretch"], found["count"], found["seed"]).rows
    found = steer.surprise(rng)
    assert demo_panels.classes(steer.labelled_models()[:1], found["kind"], found["seed"]).rows
    assert next(steer.growing_guided(found["guided"], found["label"], found["seed"])).rows
    assert demo_panels.formed(found["stepping"], found["steps"], found["seed"]).rows
    found = reconstruction.surprise(rng)
    names = {"names": found.pop("models"), "picture": None, "count": 2}
    assert demo_panels.reconstructions(**found | names).rows
    found = memory.surprise(rng)
    assert memory.memorised(found["model"], found["count"], found["seed"]).rows
    found = learning.surprise(rng)
    assert learning.learning(found["model"], int(found["epochs"]), 1, found["seed"]).rows
    found = morph.surprise(rng)
    names = {"names": found.pop("models")[:1], "picture_a": None, "picture_b": None}
    assert demo_panels.morphs(**found | names).rows


# -- refusals

ROW = {"names": [GAN], "count": 3, "seed": 0}
CLASS = {"names": steer.labelled_models()[:1], "kind": steer.EVERY, "seed": 0}
GUIDANCE = {"name": GUIDED, "kind": "Bag", "seed": 0}
FORM = {"name": STEPPING, "steps": 3, "seed": 0}
SWAP = {"name": GAN, "noises": ["uniform"], "stretch": 1, "count": 3, "seed": 0}
NOT_FINITE = (float("nan"), float("inf"), float("-inf"), None)
BAD = [
    *((generate.same_seed, {**ROW, "count": bad}, "how many") for bad in (0, 11, -1, 2.5, 1e9, "3", True, *NOT_FINITE)),
    *((generate.same_seed, {**ROW, "seed": bad}, "seed") for bad in (-1, 2**32, 0.5, "x", *NOT_FINITE)),
    *((generate.same_seed, {**ROW, "names": bad}, "models") for bad in ([], None, GAN, ["nobody"], [3], [[GAN]])),
    *((demo_panels.classes, {**CLASS, "names": bad}, "models") for bad in ([], None, FLAT[:1], ["nobody"], [[GAN]])),
    *((demo_panels.classes, {**CLASS, "kind": bad}, "class") for bad in ("Hat", "", 3, *NOT_FINITE)),
    *((demo_panels.classes, {**CLASS, "seed": bad}, "seed") for bad in (-1, 2**32, "x", *NOT_FINITE)),
    *((demo_panels.guided, {**GUIDANCE, "name": bad}, "model") for bad in (FLAT[0], "../" + GUIDED, None)),
    *((demo_panels.guided, {**GUIDANCE, "kind": bad}, "class") for bad in (steer.EVERY, "Hat", None)),
    *((demo_panels.guided, {**GUIDANCE, "seed": bad}, "seed") for bad in (-1, *NOT_FINITE)),
    *((demo_panels.formed, {**FORM, "name": bad}, "model") for bad in (FLAT[0], "nobody", None)),
    *((demo_panels.formed, {**FORM, "steps": bad}, "steps") for bad in (0, 21, 2.5, 1e9, "3", True, *NOT_FINITE)),
    *((demo_panels.formed, {**FORM, "seed": bad}, "seed") for bad in (-1, *NOT_FINITE)),
    (generate.swapped_priors, {**SWAP, "name": FLAT[0]}, "model"),
    (generate.swapped_priors, {**SWAP, "name": None}, "model"),
    (generate.swapped_priors, {**SWAP, "name": "../" + GAN}, "model"),
    (generate.swapped_priors, {**SWAP, "noises": ["cauchy"]}, "noise"),
    (generate.swapped_priors, {**SWAP, "noises": []}, "noise"),
    *((generate.swapped_priors, {**SWAP, "stretch": bad}, "multiply z") for bad in (-1, 4, "1", True, *NOT_FINITE)),
    (demo_panels.reconstructions, {**REBUILD, "names": ["nobody"]}, "models"),
    (demo_panels.reconstructions, {**REBUILD, "source": "elsewhere"}, "originals"),
    (demo_panels.reconstructions, {**REBUILD, "kind": "Hat"}, "class"),
    (demo_panels.reconstructions, {**REBUILD, "damage": "Fire"}, "damage"),
    (demo_panels.reconstructions, {**REBUILD, "errors": "yes"}, "error maps"),
    *((demo_panels.reconstructions, {**REBUILD, "amount": bad}, "how much") for bad in (-0.1, 2, "1", *NOT_FINITE)),
    *(
        (demo_panels.reconstructions, {**REBUILD, "source": originals.YOURS, "picture": bad}, "picture")
        for bad in (None, "", "text!", {"a": 1}, PICTURE[:-4], PICTURE + "AAAA", 7, ["x"], "\u00e9" * 1048)
    ),
    (memory.memorised, {"name": "nobody", "count": 1, "seed": 0}, "model"),
    (memory.memorised, {"name": GAN, "count": 1e9, "seed": 0}, "how many"),
    (learning.learning, {"name": "nobody", "epochs": 0, "count": 1, "seed": 0}, "model"),
    *(
        (learning.learning, {"name": gengallery.list_histories()[0], "epochs": bad, "count": 1, "seed": 0}, "epochs")
        for bad in (-1, 999, 0.5, *NOT_FINITE)
    ),
]  # fmt: skip


@pytest.mark.parametrize(("view", "choices", "named"), BAD)
def test_what_makes_no_sense_is_refused_by_name(view, choices, named):
    with pytest.raises(ValueError, match=r"expected.*found") as refusal:
        view(**choices)
    assert named in str(refusal.value).lower()
    assert len(str(refusal.value)) < 500


# -- walls as HTML


def test_a_picture_as_text_and_back():
    image = gengallery.load(GAN).generate(1, 3)
    assert re.fullmatch(r"[\w=-]{1048}", PICTURE)  # goes into an address as it is
    np.testing.assert_array_equal(to_uint8(originals.picture_of(PICTURE)), to_uint8(image))


def test_walls_keep_pixels_and_escapes_text():
    rng = np.random.default_rng(0)
    grey, coloured = (rng.integers(0, 256, (2, 28, 28, *more), dtype=np.uint8) for more in ((), (3,)))
    rows = [panels.Row("<a>", "b & c", grey, ("x", "<y>"), "k < l"), panels.Row("", "", coloured)]
    film = panels.gif([torch.zeros(2, 1, 28, 28)], [10, 10])
    html = panels.to_html(panels.Panel(rows, "1 < 2", "n < m", film, "f < g"))
    assert "<a>" not in html
    assert "<y>" not in html
    texts = ("&lt;a&gt;", "b &amp; c", "&lt;y&gt;", "n &lt; m", "k &lt; l", "1 &lt; 2", "f &lt; g")
    assert all(text in html for text in texts)
    assert f"data:image/gif;base64,{base64.b64encode(film).decode()}" in html
    found = [
        np.asarray(Image.open(BytesIO(base64.b64decode(text))))
        for text in re.findall(r"data:image/png;base64,([^\"]+)", html)
    ]
    np.testing.assert_array_equal(np.stack(found[:2]), grey)
    np.testing.assert_array_equal(np.stack(found[2:4]), coloured)
    assert len(found) == 5  # and the film as it stands still


def test_the_best_maker_is_the_nearest_to_the_data_that_draws_at_once(monkeypatch):
    real = gengallery.info
    best = models.best_maker()
    figures = {name: real(name)["scorecard"]["figures"]["frechet"] for name in models.sound_models()}
    assert all(figures[best] <= d or gengallery.load(name).options.steps for name, d in figures.items())
    unmeasured = {**real(best), "scorecard": None}
    monkeypatch.setattr(gengallery, "info", lambda name: unmeasured if name == best else real(name))
    assert models.best_maker() != best
