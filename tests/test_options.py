"""The options of calls: labels, guidance and steps, through the same calls of every model."""

from functools import cache

import numpy as np
import pytest
import torch
from networks import KINDS, untrained

import gengallery
from gengallery.data import default_spec
from gengallery.model.model import CHUNK, Model
from gengallery.model.spec import Condition, Options
from gengallery.models.autoencoder import Autoencoder, AutoencoderConfig
from gengallery.models.flow import Flow, FlowConfig

CLASS_NAMES, NO_CLASS = default_spec().classes, default_spec().no_class
MEAN, STD = default_spec().mean, default_spec().std
NAMES = gengallery.list_models()
OPTIONS = ("label", "guidance", "steps")
load = cache(gengallery.load)
CLOSE = {"rtol": 1e-4, "atol": 1e-5}
every_kind = pytest.mark.parametrize("kind", KINDS)


def having(option: str):
    """Walks over the gallery's models that take an option."""
    return pytest.mark.parametrize("name", gengallery.list_models(option=option))


def plain() -> Model:
    return Autoencoder(AutoencoderConfig(3)).eval().requires_grad_(False)


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
    for options in (
        {"n": 0},
        {"n": 1, "seed": -1},
        {"n": 1, "label": 10},
        {"n": 1, "steps": 0},
        {"n": 1, "guidance": -1},
    ):
        with pytest.raises(ValueError, match="expected"):
            model.stream(**options)


def test_more_steps_come_closer_to_the_exact_answer():
    model = untrained("flow")
    exact = model.generate(3, label=1, steps=64)
    errors = [(model.generate(3, label=1, steps=steps) - exact).abs().max().item() for steps in (1, 4, 16)]
    assert errors[0] > errors[1] > errors[2]


def test_steps_left_out_are_the_configs():
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
    given, without = model.decode(z, label=4), model.decode(z)
    torch.testing.assert_close(model.decode(z, label=4, guidance=1), given)
    torch.testing.assert_close(model.decode(z, label=4, guidance=0), without)
    torch.testing.assert_close(model.decode(z, guidance=3), without)  # no class to follow
    assert not torch.allclose(given, without, atol=1e-4)


def test_guidance_exaggerates_what_the_class_changes():
    model, w = untrained("flow"), 2.5
    x, t = torch.randn(3, 1, 28, 28, generator=torch.Generator().manual_seed(0)), 0.4
    labels, none = torch.tensor([1, NO_CLASS, 3]), torch.full((3,), NO_CLASS)
    given, without = (model.unet(x, torch.full((3,), t), which) for which in (labels, none))
    expected = without + w * (given - without)
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
    given, plain, none = (Condition(torch.full((3,), k), w) for k, w in ((4, 3.0), (4, 1.0), (4, 0.0)))
    assert torch.equal(late.velocity(x, 0.49, given), late.velocity(x, 0.49, plain))
    torch.testing.assert_close(late.velocity(x, 0.5, given), untrained("flow").velocity(x, 0.5, given), **CLOSE)
    assert not torch.allclose(late.velocity(x, 0.5, given), late.velocity(x, 0.5, plain), atol=1e-4)
    # Guidance of zero ignores the class from the beginning.
    assert torch.equal(late.velocity(x, 0.1, none), late.velocity(x, 0.1, Condition(torch.full((3,), NO_CLASS))))


@pytest.mark.parametrize("bad", [-0.1, 1.1, "0.5", None])
def test_guidance_that_sets_in_at_no_time_is_refused(bad):
    with pytest.raises(ValueError, match=r"^guided_from: expected a number from 0 to 1, found"):
        FlowConfig(guided_from=bad)


def test_guidance_left_out_is_the_configs():
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


def test_encode_and_reconstruct_take_many_steps_and_no_guidance_unless_they_are_given():
    model = untrained("flow")
    image = torch.full((1, 1, 28, 28), 0.4)
    for call in (model.encode, model.reconstruct):
        without = call(image, label=2)
        assert torch.equal(without, call(image, label=2, steps=20, guidance=1))
        assert torch.equal(without, call(image, label=2, steps=None, guidance=None))
        assert not torch.equal(without, call(image, label=2, steps=2))
        assert not torch.equal(without, call(image, label=2, guidance=5))


# -- options that a model lacks


def calls(model: Model, **options):
    d = model.config.latent
    image = torch.zeros(1, 1, 28, 28)
    return (
        lambda: model.generate(1, **options),
        lambda: model.stream(1, **options),
        lambda: model.decode(torch.zeros(1, d), **options),
        lambda: model.encode(image, **options),
        lambda: model.reconstruct(image, **options),
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


def test_every_model_takes_options_that_are_none():
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
    images = model.decode(z, label=list(range(10))).flatten(1)
    distances = torch.cdist(images, images) + 100 * torch.eye(10)
    assert distances.min() > 0.05  # over 784 pixels
    by_name = model.decode(z[:1], label=CLASS_NAMES[3].upper())
    torch.testing.assert_close(by_name.flatten(1), images[3:4], rtol=1e-3, atol=1e-3)


@having("label")
def test_every_conditional_model_draws_classes_where_none_is_given(name):
    model = load(name)
    torch.testing.assert_close(model.generate(2, seed=3), model.generate(2, seed=3, label=model.labels(2, seed=3)))


@having("guidance")
def test_every_guided_model_follows_and_ignores(name):
    model = load(name)
    z = model.sample(1, seed=1)
    quick = {"steps": 2} if "steps" in model.options.names else {}
    ignoring, without = model.decode(z, label=1, guidance=0, **quick), model.decode(z, **quick)
    torch.testing.assert_close(ignoring, without, rtol=1e-4, atol=1e-4)
    mild, strict = (model.decode(z, label=1, guidance=w, **quick) for w in (1, 3))
    assert (mild - without).abs().max() > 1e-3
    assert (strict - mild).abs().max() > 1e-3


@having("steps")
def test_every_stepwise_model_shows_its_steps(name):
    model = load(name)
    shown = list(model.stream(1, seed=2, steps=3))
    assert len(shown) == 4
    assert torch.equal(shown[-1], model.generate(1, seed=2, steps=3))
    assert len({image.sum().item() for image in shown}) == 4
