"""The options of calls: labels, guidance and steps, through the same calls of every model."""

from functools import cache

import numpy as np
import pytest
import scipy.stats
import torch

import gengallery
from gengallery.data import as_labels, default_spec
from gengallery.model.model import CHUNK, Model
from gengallery.model.spec import Condition, Options
from gengallery.models.autoencoder import Autoencoder, AutoencoderConfig
from gengallery.models.flow import Flow, FlowConfig
from gengallery.models.gan import Gan, GanConfig
from gengallery.models.r3gan import R3gan, R3ganConfig
from gengallery.models.vae import Vae, VaeConfig

CLASS_NAMES, NO_CLASS = default_spec().classes, default_spec().no_class
MEAN, STD = default_spec().mean, default_spec().std
NAMES = gengallery.list_models()
OPTIONS = ("label", "guidance", "steps")
load = cache(gengallery.load)
CLOSE = {"rtol": 1e-4, "atol": 1e-5}
# Small, untrained, and conditional.
KINDS = {
    "flow": lambda: Flow(FlowConfig((8, 16), (1, 1), steps=3, exact_steps=20)),
    "gan": lambda: Gan(GanConfig(5, generator_dims=(16,), conditional=True)),
    "r3gan": lambda: R3gan(R3ganConfig(5, (8, 8), (1, 1))),
    "vae": lambda: Vae(VaeConfig(5, conditional=True)),
}
every_kind = pytest.mark.parametrize("kind", KINDS)


def having(option: str):
    """Walks over the gallery's models that take an option."""
    return pytest.mark.parametrize("name", gengallery.list_models(option=option))


@cache
def untrained(kind: str) -> Model:
    """A model with random weights everywhere, also where training would start from zero."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = KINDS[kind]()
        for parameter in model.parameters():
            if not parameter.any():
                torch.nn.init.normal_(parameter, std=0.05)
    return model.eval().requires_grad_(False)


def plain() -> Model:
    return Autoencoder(AutoencoderConfig(3)).eval().requires_grad_(False)


# -- labels as people write them


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, [NO_CLASS] * 3),
        (7, [7] * 3),
        (np.uint8(7), [7] * 3),
        (np.array(7), [7] * 3),
        (torch.tensor(7), [7] * 3),
        ("Sneaker", [7] * 3),
        ("sneaker", [7] * 3),
        ("  ANKLE BOOT ", [9] * 3),
        ("t-shirt/top", [0] * 3),
        ([0, 9, 4], [0, 9, 4]),
        ((0, 9, 4), [0, 9, 4]),
        (["bag", 1, np.int64(2)], [8, 1, 2]),
        (np.array([3, 2, 1], np.uint8), [3, 2, 1]),
        (np.array(["Coat", "dress", "BAG"]), [4, 3, 8]),
        (torch.tensor([3, 2, 1]), [3, 2, 1]),
        (torch.tensor([3, 2, 1], dtype=torch.uint8), [3, 2, 1]),
    ],
)
def test_labels_are_read(given, expected):
    found = as_labels(given, 3)
    assert found.dtype == torch.int64
    assert found.tolist() == expected


@pytest.mark.parametrize("number", range(len(CLASS_NAMES)))
def test_each_class_goes_by_its_name(number):
    for name in (CLASS_NAMES[number], CLASS_NAMES[number].upper(), CLASS_NAMES[number].lower()):
        assert as_labels(name, 1).tolist() == [number]


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (10, "found 10$"),
        (-1, "found -1$"),
        (NO_CLASS, "expected a number from 0 to 9 or one of T-shirt/top, Trouser, .*; found 10"),
        (1.0, r"found 1\.0"),
        (True, "found True"),
        ("boot", "found 'boot'"),
        ("7", "found '7'"),
        ("", "found ''"),
        ({1}, r"found \{1\}"),
        ([1, 2], "expected one class for all, or one for each of 3, found 2"),
        ([], "for each of 3, found 0"),
        ([1, 2, 3, 4], "for each of 3, found 4"),
        (torch.zeros(4, dtype=torch.int64), "for each of 3, found 4"),
        ([1, 2, None], "found None"),
        ([[1], [2], [3]], r"found \[1\]"),
        (np.array([0.0, 1.0, 2.0]), r"found 0\.0"),
        (torch.tensor([True, False, True]), "found True"),
    ],
)
def test_labels_that_are_none_are_refused(bad, says):
    with pytest.raises(ValueError, match=f"^label: .*{says}"):
        as_labels(bad, 3)
    model = untrained("gan")
    z = model.sample(3)
    images = model.decode(z)
    for call in (lambda: model.generate(3, label=bad), lambda: model.stream(3, label=bad),
                 lambda: model.decode(z, label=bad), lambda: model.encode(images, label=bad),
                 lambda: model.reconstruct(images, label=bad)):  # fmt: skip
        with pytest.raises(ValueError, match=f"^label: .*{says}"):
            call()


# -- what is drawn when nothing is told


def test_drawn_labels_depend_on_seed_and_number_alone():
    model = untrained("vae")
    many = model.labels(100, seed=3)
    assert many.shape == (100,)
    assert many.dtype == torch.int64
    for n in (1, 2, 7, 99):
        assert torch.equal(model.labels(n, seed=3), many[:n])
    assert torch.equal(untrained("flow").labels(100, seed=3), many)
    assert not torch.equal(model.labels(100, seed=4), many)
    assert torch.equal(model.labels(100), model.labels(100, seed=0))


def test_drawn_labels_are_equally_likely_and_say_nothing_of_the_noise():
    model = untrained("gan")
    labels = model.labels(20_000, seed=1)
    counts = labels.bincount(minlength=len(CLASS_NAMES))
    assert len(counts) == len(CLASS_NAMES)
    assert scipy.stats.chisquare(counts.numpy()).pvalue > 1e-3
    z = model.sample(20_000, seed=1)
    groups = [z[labels == k, 0].numpy() for k in range(len(CLASS_NAMES))]
    assert scipy.stats.f_oneway(*groups).pvalue > 1e-3


def test_labels_are_drawn_for_whole_numbers_alone():
    for n in (0, -1, 2.0, None, True):
        with pytest.raises(ValueError, match="n: expected a whole number from 1 up"):
            untrained("gan").labels(n)
    with pytest.raises(ValueError, match="seed: expected a whole number from 0 up"):
        untrained("gan").labels(1, seed=-1)


@every_kind
def test_generate_decodes_its_sample_under_its_labels(kind):
    model = untrained(kind)
    z = model.sample(6, seed=2)
    assert torch.equal(model.generate(6, seed=2), model.decode(z, label=model.labels(6, seed=2)))
    assert torch.equal(model.generate(6, seed=2, label=None), model.generate(6, seed=2))
    assert torch.equal(model.generate(6, seed=2, label="bag"), model.decode(z, label=[8] * 6))


# -- the same label, the same image


@every_kind
def test_every_class_gives_another_image(kind):
    model = untrained(kind)
    z = model.sample(1, seed=1).repeat(11, 1)
    images = torch.cat([model.decode(z[:10], label=range_of(10)), model.decode(z[:1])])
    distances = torch.cdist(images.flatten(1), images.flatten(1)) + torch.eye(11)
    assert distances.min() > 1e-4


def range_of(n: int) -> list[int]:
    return list(range(n))


@every_kind
def test_an_image_depends_on_its_own_seed_number_and_label_alone(kind):
    model, label = untrained(kind), [3, 1, 4, 1, 5, 9]
    images = model.generate(6, seed=7, label=label)
    torch.testing.assert_close(model.generate(3, seed=7, label=label[:3]), images[:3], **CLOSE)
    others = model.generate(6, seed=7, label=[3, 0, 4, 8, 0, 9])
    torch.testing.assert_close(others[[0, 2, 5]], images[[0, 2, 5]], **CLOSE)
    assert all((others[i] - images[i]).abs().max() > 1e-5 for i in (1, 3, 4))


@every_kind
def test_labels_stay_with_their_images_across_chunks(kind):
    model, n = untrained(kind), CHUNK + 3
    label = [i % 10 for i in range(n)]
    images = model.generate(n, label=label)
    z = model.sample(n)
    for i in (0, CHUNK - 1, CHUNK, n - 1):
        torch.testing.assert_close(model.decode(z[i], label=label[i]), images[i : i + 1], **CLOSE)
    if kind == "vae":  # the others take their time
        found = model.encode(images, label=label)
        torch.testing.assert_close(model.encode(images[CHUNK:], label=label[CHUNK:]), found[CHUNK:], **CLOSE)


def test_encoding_is_told_the_class_too():
    for kind in ("vae", "flow", "gan"):
        model = untrained(kind)
        image = model.generate(1, seed=3, label=2)
        told, other, untold = model.encode(image, label=2), model.encode(image, label=3), model.encode(image)
        assert not torch.allclose(told, other, atol=1e-4)
        assert not torch.allclose(told, untold, atol=1e-4)
        if kind != "gan":  # a search takes its time
            again = model.decode(told, label=2, **({"steps": 20} if kind == "flow" else {}))
            assert torch.equal(model.reconstruct(image, label=2), again)


# -- steps, and the images between them


@every_kind
def test_a_stream_ends_in_what_generate_gives(kind):
    model = untrained(kind)
    shown = list(model.stream(4, seed=1))
    assert len(shown) == (4 if kind == "flow" else 1)
    assert torch.equal(shown[-1], model.generate(4, seed=1))
    for images in shown:
        assert images.shape == (4, 1, 28, 28)
        assert 0 <= images.min() <= images.max() <= 1
        assert not images.is_inference()
        assert images.is_contiguous()
    assert torch.equal([*model.stream(4, seed=1, label=5)][-1], model.generate(4, seed=1, label=5))


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_a_stream_shows_the_noise_and_each_step(steps):
    model = untrained("flow")
    shown = list(model.stream(2, seed=1, steps=steps, label=3))
    assert len(shown) == steps + 1
    noise = (model.sample(2, seed=1).reshape(2, 1, 28, 28) * STD + MEAN).clamp(0, 1)
    torch.testing.assert_close(shown[0], noise)
    assert torch.equal(shown[-1], model.generate(2, seed=1, steps=steps, label=3))


def test_a_stream_of_several_chunks_has_all_images_in_every_picture():
    model, n = untrained("flow"), CHUNK + 2
    shown = list(model.stream(n, steps=1))
    assert [images.shape for images in shown] == [(n, 1, 28, 28)] * 2
    torch.testing.assert_close(shown[-1], model.generate(n, steps=1))


def test_gradients_and_other_modes_are_left_alone_between_pictures():
    for _ in untrained("flow").stream(1):
        assert torch.is_grad_enabled()
        assert not torch.is_inference_mode_enabled()


def test_a_bad_call_of_stream_is_refused_at_once():
    model = untrained("flow")
    for told in ({"n": 0}, {"n": 1, "seed": -1}, {"n": 1, "label": 10}, {"n": 1, "steps": 0}, {"n": 1, "guidance": -1}):
        with pytest.raises(ValueError, match="expected"):
            model.stream(**told)


def test_more_steps_come_closer_to_the_exact_answer():
    model = untrained("flow")
    exact = model.generate(3, label=1, steps=64)
    errors = [(model.generate(3, label=1, steps=steps) - exact).abs().max().item() for steps in (1, 4, 16)]
    assert errors[0] > errors[1] > errors[2]


def test_the_steps_untold_are_the_configs():
    model = untrained("flow")
    assert model.options.steps == 3
    assert torch.equal(model.generate(2), model.generate(2, steps=3))
    assert not torch.equal(model.generate(2), model.generate(2, steps=4))
    assert torch.equal(model.generate(2, steps=None, guidance=None), model.generate(2))
    assert torch.equal(model.generate(2, steps=np.int64(4)), model.generate(2, steps=4))


@pytest.mark.parametrize("bad", [0, -1, 2.0, "3", True, [2]])
def test_steps_that_are_none_are_refused(bad):
    with pytest.raises(ValueError, match=r"^steps: expected a whole number from 1 up, found"):
        untrained("flow").generate(1, steps=bad)


# -- guidance


def test_guidance_of_one_is_plain_and_of_zero_ignores_the_label():
    model = untrained("flow")
    z = model.sample(3, seed=1)
    told, untold = model.decode(z, label=4), model.decode(z)
    torch.testing.assert_close(model.decode(z, label=4, guidance=1), told)
    torch.testing.assert_close(model.decode(z, label=4, guidance=0), untold)
    torch.testing.assert_close(model.decode(z, guidance=3), untold)  # no class to follow
    assert not torch.allclose(told, untold, atol=1e-4)


def test_guidance_exaggerates_what_the_class_changes():
    model, w = untrained("flow"), 2.5
    x, t = torch.randn(3, 1, 28, 28, generator=torch.Generator().manual_seed(0)), 0.4
    labels, none = torch.tensor([1, NO_CLASS, 3]), torch.full((3,), NO_CLASS)
    told, untold = (model.unet(x, torch.full((3,), t), which) for which in (labels, none))
    expected = untold + w * (told - untold)
    torch.testing.assert_close(model.velocity(x, t, Condition(labels, w)), expected, **CLOSE)
    # A step of the midpoint rule by hand.
    z = x.flatten(1)
    half = x + 0.5 * model.velocity(x, 0.0, Condition(labels[[0, 0, 2]], w))
    end = x + model.velocity(half, 0.5, Condition(labels[[0, 0, 2]], w))
    found = model.decode(z, label=[1, 1, 3], guidance=w, steps=1)
    torch.testing.assert_close(found, (end * STD + MEAN).clamp(0, 1), **CLOSE)


def test_guidance_sets_in_on_the_way():
    late = Flow(FlowConfig((8, 16), (1, 1), guided_from=0.5)).eval().requires_grad_(False)
    late.load_state_dict(untrained("flow").state_dict())
    x = torch.randn(3, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    told, plain, none = (Condition(torch.full((3,), k), w) for k, w in ((4, 3.0), (4, 1.0), (4, 0.0)))
    assert torch.equal(late.velocity(x, 0.49, told), late.velocity(x, 0.49, plain))
    torch.testing.assert_close(late.velocity(x, 0.5, told), untrained("flow").velocity(x, 0.5, told), **CLOSE)
    assert not torch.allclose(late.velocity(x, 0.5, told), late.velocity(x, 0.5, plain), atol=1e-4)
    # Guidance of zero ignores the class from the beginning.
    assert torch.equal(late.velocity(x, 0.1, none), late.velocity(x, 0.1, Condition(torch.full((3,), NO_CLASS))))


@pytest.mark.parametrize("bad", [-0.1, 1.1, "0.5", None])
def test_guidance_that_sets_in_at_no_time_is_refused(bad):
    with pytest.raises(ValueError, match=r"^guided_from: expected a number from 0 to 1, found"):
        FlowConfig(guided_from=bad)


def test_the_guidance_untold_is_the_configs():
    model = untrained("flow")
    strict = Flow(FlowConfig((8, 16), (1, 1), steps=3, guidance=2.0)).eval().requires_grad_(False)
    strict.load_state_dict(model.state_dict())
    assert strict.options.guidance == 2
    assert torch.equal(strict.generate(2, label=1), model.generate(2, label=1, guidance=2))
    assert not torch.equal(strict.generate(2, label=1), model.generate(2, label=1))


@pytest.mark.parametrize("bad", [-0.1, 100.1, float("nan"), float("inf"), "2", True, [1], 1j])
def test_guidance_that_is_none_is_refused(bad):
    with pytest.raises(ValueError, match=r"^guidance: expected a number from 0 to 100, found"):
        untrained("flow").generate(1, guidance=bad)


@pytest.mark.parametrize("number", [2, np.int64(2), np.float32(2), np.float64(2)])
def test_guidance_may_be_any_kind_of_number(number):
    model = untrained("flow")
    assert torch.equal(model.generate(1, label=1, guidance=number), model.generate(1, label=1, guidance=2.0))


# -- back again


def test_a_flow_runs_backwards():
    model = untrained("flow")
    images = 0.2 + 0.6 * torch.rand(3, 1, 28, 28, generator=torch.Generator().manual_seed(1))
    z = model.encode(images, label=[0, 5, 9])
    assert (z - (images.flatten(1) - MEAN) / STD).abs().max() > 0.1  # it moves
    torch.testing.assert_close(model.reconstruct(images, label=[0, 5, 9]), images, rtol=0, atol=1e-3)
    torch.testing.assert_close(model.reconstruct(images), images, rtol=0, atol=1e-3)
    assert torch.equal(
        model.reconstruct(images, label=1), model.decode(model.encode(images, label=1), label=1, steps=20)
    )


def test_encode_and_reconstruct_take_many_steps_and_no_guidance_unless_they_are_told():
    model = untrained("flow")
    image = torch.full((1, 1, 28, 28), 0.4)
    for call in (model.encode, model.reconstruct):
        untold = call(image, label=2)
        assert torch.equal(untold, call(image, label=2, steps=20, guidance=1))
        assert torch.equal(untold, call(image, label=2, steps=None, guidance=None))
        assert not torch.equal(untold, call(image, label=2, steps=2))
        assert not torch.equal(untold, call(image, label=2, guidance=5))


# -- what a model can't be told


def calls(model: Model, **told):
    d = model.config.latent
    image = torch.zeros(1, 1, 28, 28)
    return (
        lambda: model.generate(1, **told),
        lambda: model.stream(1, **told),
        lambda: model.decode(torch.zeros(1, d), **told),
        lambda: model.encode(image, **told),
        lambda: model.reconstruct(image, **told),
    )


VALUES = {"label": 3, "guidance": 2.0, "steps": 4}


@pytest.mark.parametrize("option", OPTIONS)
def test_an_option_that_a_model_lacks_is_refused_by_name(option):
    hint = rf"gengallery\.list_models\(option='{option}'\) names the models that take it$"
    for call in calls(plain(), **{option: VALUES[option]}):
        with pytest.raises(TypeError, match=f"^{option}: expected an option that this model has, .*none of .*; {hint}"):
            call()
    gan = untrained("gan")
    if option != "label":
        for call in calls(gan, **{option: VALUES[option]}):
            with pytest.raises(TypeError, match=f"^{option}: .*this model has, which takes label; {hint}"):
                call()


def test_a_keyword_that_nobody_has_is_refused():
    for model in (plain(), untrained("flow")):
        for call in calls(model, colour="red"):
            with pytest.raises(TypeError, match="unexpected keyword argument 'colour'"):
                call()


def test_nothing_told_is_told_to_every_model():
    model = plain()
    nothing = dict.fromkeys(OPTIONS)
    assert torch.equal(model.generate(2, **nothing), model.generate(2))
    image = torch.zeros(1, 1, 28, 28)
    assert torch.equal(model.reconstruct(image, **nothing), model.reconstruct(image))


def test_a_model_without_classes_draws_none():
    with pytest.raises(TypeError, match=r"^label: "):
        plain().labels(3)


def test_options_are_named():
    assert Options().names == ()
    assert Options(label=True).names == ("label",)
    assert Options(label=True, guidance=0.0, steps=1).names == OPTIONS
    assert Options(guidance=1.5).names == ("guidance",)


def test_a_condition_is_cut_like_its_images():
    parts = Condition(torch.arange(5), 2.0, 3).split(2)
    assert [part.labels.tolist() for part in parts] == [[0, 1], [2, 3], [4]]
    assert {(part.guidance, part.steps) for part in parts} == {(2.0, 3)}


# -- the gallery


@pytest.mark.parametrize("option", OPTIONS)
def test_the_gallery_knows_who_takes_what(option):
    takers = gengallery.list_models(option=option)
    assert takers == [name for name in NAMES if option in gengallery.info(name)["options"]] != []
    families = {gengallery.info(name)["family"] for name in takers}
    for family in families:
        expected = [name for name in takers if gengallery.info(name)["family"] == family]
        assert gengallery.list_models(family=family, option=option) == expected
    for unknown in ("colour", "", "labels"):
        with pytest.raises(ValueError, match=f"unknown option '{unknown}'; there are label, guidance, steps"):
            gengallery.list_models(option=unknown)


@pytest.mark.parametrize("name", NAMES)
def test_every_model_takes_what_its_card_says(name):
    model = load(name)
    assert tuple(gengallery.info(name)["options"]) == model.options.names
    for option in OPTIONS:
        if option in model.options.names:
            continue
        for call in calls(model, **{option: VALUES[option]}):
            with pytest.raises(TypeError, match=rf"^{option}: .* that {name} has, .*list_models\(option='{option}'\)"):
                call()


@having("label")
def test_every_conditional_model_changes_with_the_label(name):
    model = load(name)
    z = model.sample(1, seed=1).repeat(10, 1)
    images = model.decode(z, label=range_of(10)).flatten(1)
    distances = torch.cdist(images, images) + 100 * torch.eye(10)
    assert distances.min() > 0.05  # over 784 pixels
    by_name = model.decode(z[:1], label=CLASS_NAMES[3].upper())
    torch.testing.assert_close(by_name.flatten(1), images[3:4], rtol=1e-3, atol=1e-3)


@having("label")
def test_every_conditional_model_draws_classes_untold(name):
    model = load(name)
    torch.testing.assert_close(model.generate(2, seed=3), model.generate(2, seed=3, label=model.labels(2, seed=3)))


@having("guidance")
def test_every_guided_model_follows_and_ignores(name):
    model = load(name)
    z = model.sample(1, seed=1)
    quick = {"steps": 2} if "steps" in model.options.names else {}
    ignoring, untold = model.decode(z, label=1, guidance=0, **quick), model.decode(z, **quick)
    torch.testing.assert_close(ignoring, untold, rtol=1e-4, atol=1e-4)
    mild, strict = (model.decode(z, label=1, guidance=w, **quick) for w in (1, 3))
    assert (mild - untold).abs().max() > 1e-3
    assert (strict - mild).abs().max() > 1e-3


@having("steps")
def test_every_stepwise_model_shows_its_steps(name):
    model = load(name)
    shown = list(model.stream(1, seed=2, steps=3))
    assert len(shown) == 4
    assert torch.equal(shown[-1], model.generate(1, seed=2, steps=3))
    assert len({image.sum().item() for image in shown}) == 4
