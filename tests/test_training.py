"""Training: the loop on a small stand-in for the data, where it starts, and how a model is kept."""

import math
import re
from dataclasses import replace

import pytest
import torch
from conftest import TRAIN_SIZE
from runs import KINDS, STEPS, complete, losses_of, run_of, same

import gengallery
from gengallery import data
from gengallery.data import as_floats
from gengallery.families import cards
from gengallery.learners.adversarial import RelativisticRecipe
from gengallery.model.spec import Condition, Recipe
from gengallery.models.autoencoder import AutoencoderConfig
from gengallery.models.r3gan import R3ganConfig
from gengallery.priors.flow import FittedFlow
from gengallery.storage import checkpoint
from gengallery.training import flops
from gengallery.training.flops import parameters
from gengallery.training.run import Run, file_header, mean_losses

pytestmark = pytest.mark.slow


@pytest.fixture
def small_flows(monkeypatch):
    """Flows for priors are small and quickly fitted."""
    monkeypatch.setattr(FittedFlow.__init__, "__defaults__", (32, 2))


# -- the loop


@pytest.mark.parametrize(("name", "loss"), [("ae_16", "mse"), ("vae_64_relu", "total")])
def test_the_loss_falls(name, loss, fake_train, fake_test):
    run = run_of(name, fake_train, epochs=8)
    before = losses_of(run, fake_test)
    steps = complete(run)
    _, losses = run.finish(fake_test)
    assert steps[-1].losses[loss] < 0.8 * steps[0].losses[loss]
    assert losses["test"][loss] < 0.8 * before[loss]
    assert losses["train"].keys() == losses["test"].keys() == before.keys()


def test_a_gan_comes_nearer_to_the_grey_level_of_the_data(fake_train, fake_test):
    run, level = run_of("gan_dim_8", fake_train, epochs=30, ema_decay=0.9), as_floats(fake_train.images).mean()
    before = abs(run.model.generate(64).mean() - level)  # mid-grey, before it has learned
    complete(run)
    model, losses = run.finish(fake_test)
    assert abs(model.generate(64).mean() - level) < before / 2
    assert all(map(math.isfinite, losses["test"].values()))


def test_steps_tell_how_far_the_run_is(fake_train):
    run = run_of("ae_2", fake_train, epochs=3)
    steps = complete(run)
    assert [(s.epoch, s.index) for s in steps] == [(e, i) for e in (1, 2, 3) for i in range(1, STEPS + 1)]
    assert all((s.epochs, s.steps) == (3, STEPS) for s in steps)
    assert run.finished == 3
    assert run.seconds > 0


def test_an_epoch_sees_every_image_once_in_an_order_of_its_own(fake_train):
    # Each image is marked by its number, in the levels of its first two pixels.
    images, seen = torch.zeros_like(fake_train.images), []
    numbers = torch.arange(TRAIN_SIZE)
    images[:, 0, 0, 0], images[:, 0, 0, 1] = numbers // 256, numbers % 256
    run = run_of("ae_2", data.Split(images, fake_train.labels))
    learn = run.learner.step

    def spy(batch, labels, rng):
        pixels = (batch[:, 0, 0, :2] * 255).round().long()
        seen.append(pixels[:, 0] * 256 + pixels[:, 1])
        return learn(batch, labels, rng)

    run.learner.step = spy
    complete(run)
    first, second = torch.cat(seen[:STEPS]), torch.cat(seen[STEPS:])
    assert torch.equal(first.sort().values, numbers)
    assert torch.equal(second.sort().values, numbers)
    assert not torch.equal(first, second)
    assert not torch.equal(first, numbers)


def test_images_come_as_the_convention_has_them(fake_train):
    images = as_floats(fake_train.images)
    assert images.shape == (TRAIN_SIZE, 1, 28, 28)
    assert images.dtype == torch.float32
    torch.testing.assert_close(images, fake_train.images / 255)


def test_the_rate_rises_and_then_falls_along_half_a_cosine(fake_train):
    run = run_of("ae_2", fake_train, epochs=4, lr=0.01, warmup=0.25)
    rates = [(run.learner.optimizers[0].param_groups[0]["lr"]) for _ in range(4) for _ in run.epoch()]
    total = 4 * STEPS
    expected = [0.01 * 0.5 * (1 + math.cos(math.pi * k / total)) * min(1, k / total / 0.25) for k in range(total)]
    assert rates == pytest.approx(expected)
    assert rates[0] == 0
    assert rates[-1] < 0.01 * 0.01
    assert max(rates) == pytest.approx(rates[total // 4])


def test_the_rate_stays_where_the_recipe_has_no_cosine(fake_train):
    run = run_of("gan_dist_uniform_raw", fake_train, epochs=2)
    for _ in run.epoch():
        assert [o.param_groups[0]["lr"] for o in run.learner.optimizers] == [3e-4, 3e-4]


def test_a_generators_rate_of_its_own_takes_the_same_course(fake_train):
    recipe = RelativisticRecipe(2, lr=0.01, generator_lr=0.001, warmup=0.25, widths=(8, 8))
    run = Run(replace(cards()["r3gan"], config=R3ganConfig(5, (8, 8), (1, 1)), recipe=recipe), fake_train)
    of_discriminator, of_generator = (optimizer.param_groups[0] for optimizer in run.learner.optimizers)
    rates = [(of_discriminator["lr"], of_generator["lr"]) for _ in range(2) for _ in run.epoch()]
    assert len({rate for rate, _ in rates}) > STEPS  # it does change
    assert [rate for _, rate in rates] == pytest.approx([rate / 10 for rate, _ in rates])


def test_the_average_of_the_weights_agrees_with_one_by_hand(fake_train):
    run = run_of("gan_dim_8", fake_train, epochs=2, ema_decay=0.8)
    by_hand = None
    for _ in range(2):
        for _ in run.epoch():
            now = {name: p.detach().double().clone() for name, p in run.learner.model.named_parameters()}
            by_hand = now if by_hand is None else {k: 0.8 * by_hand[k] + 0.2 * now[k] for k in now}
    for name, p in run.model.named_parameters():
        torch.testing.assert_close(p.detach(), by_hand[name].float(), rtol=1e-4, atol=1e-6)
    assert run.model is not run.learner.model
    assert not same(run.model, run.learner.model)


def test_without_an_average_the_model_is_the_learners(fake_train):
    run = run_of("ae_2", fake_train)
    assert run.model is run.learner.model


@pytest.mark.parametrize("name", KINDS)
def test_the_same_card_data_and_seed_give_the_same_weights(name, fake_train):
    runs = [run_of(name, fake_train, seed=seed) for seed in (3, 3, 4)]
    for noise, run in enumerate(runs):
        torch.manual_seed(noise)  # of no importance
        complete(run)
    assert same(runs[0].model, runs[1].model)
    assert not same(runs[0].model, runs[2].model)


def test_making_a_run_leaves_torchs_generator_alone(fake_train):
    torch.manual_seed(0)
    before = torch.get_rng_state()
    run_of("vae_64_relu", fake_train)
    assert torch.equal(torch.get_rng_state(), before)


def test_what_a_finished_autoencoder_keeps_of_its_data(fake_train, fake_test):
    run = run_of("ae_16", fake_train)
    complete(run)
    model, losses = run.finish(fake_test)
    z = model.encode(as_floats(fake_train.images))
    torch.testing.assert_close(model.prior.weights @ model.prior.means, z.mean(0), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(model.statistics.covariance, torch.cov(z.T), rtol=1e-4, atol=1e-4)
    errors = (model.reconstruct(as_floats(fake_test.images)) - as_floats(fake_test.images)).square().mean()
    assert losses["test"]["mse"] == pytest.approx(errors.item(), rel=1e-4)
    assert not model.training


def test_losses_are_means_over_all_images_whatever_the_last_batch_holds(fake_train):
    run, n = run_of("ae_2", fake_train), TRAIN_SIZE  # 640 images: batches of 500 and 140
    x = as_floats(fake_train.images)
    with torch.inference_mode():
        given = Condition(fake_train.labels)
        errors = (run.model.decoder(run.model.encoder(x, given), given) - x).square().sum() / n / 784
    assert losses_of(run, fake_train)["mse"] == pytest.approx(errors.item(), rel=1e-5)
    assert losses_of(run, fake_train) == losses_of(run, fake_train)


def test_a_run_that_makes_no_sense_is_refused(fake_train):
    with pytest.raises(ValueError, match="epochs: expected at least 1, found 0"):
        run_of("ae_2", fake_train, epochs=0)
    few = data.Split(fake_train.images[:100], fake_train.labels[:100])
    with pytest.raises(ValueError, match="expected at least one batch of 128 images, found 100"):
        run_of("ae_2", few)
    for shape in ((1, 32, 32), (3, 28, 28)):
        other = data.Split(torch.zeros(TRAIN_SIZE, *shape, dtype=torch.uint8), fake_train.labels)
        says = rf"train: expected images of shape \(1, 28, 28\), as ae_2 takes, found {re.escape(str(shape))}"
        with pytest.raises(ValueError, match=says):
            run_of("ae_2", other)
    many = data.Split(fake_train.images, fake_train.labels + 1)
    with pytest.raises(
        ValueError, match="train: expected labels below 10, the number of classes that ae_2 has, found 10"
    ):
        run_of("ae_2", many)


def test_a_loss_that_is_no_longer_finite_stops_the_run(fake_train):
    run = run_of("ae_2", fake_train)
    run.learner.step = lambda *_: {"mse": torch.tensor(torch.nan)}
    with pytest.raises(FloatingPointError, match="ae_2: the loss is no longer finite in epoch 1"):
        complete(run)


def test_recipes_have_defaults_without_average_and_warmup():
    assert (Recipe(1).warmup, Recipe(1).ema_decay, Recipe(1).cosine) == (0.0, 0.0, True)


def test_the_header_rebuilds_the_model(fake_train, fake_test, tmp_path):
    run = run_of("gan_dim_8", fake_train)
    complete(run)
    model, losses = run.finish(fake_test)
    header = file_header(run, losses, "a command")
    checkpoint.write(tmp_path / "x.safetensors", model.state_dict(), header)
    assert torch.equal(gengallery.load(tmp_path / "x.safetensors").generate(5), model.generate(5))
    assert header["parameters"] == parameters(run.card) == sum(p.numel() for p in model.parameters())
    assert header["training"]["data"] == fake_train.checksum()
    assert header["training"]["epochs"] == 2
    assert header["cost"] == flops.cost(run.card, TRAIN_SIZE)


# -- where it starts, and how it is kept


def test_a_run_may_start_from_another_models_weights(fake_train):
    run = Run(replace(cards()["vae_2"], start="vae_2"), fake_train)
    assert same(run.learner.model, gengallery.load("vae_2"))
    assert all(parameter.requires_grad for parameter in run.learner.model.parameters())
    averaged = replace(cards()["gan_dim_8"], start="gan_dim_8")
    assert same(Run(averaged, fake_train).model, gengallery.load("gan_dim_8"))


def test_all_of_a_learners_networks_start_from_the_others_weights(fake_train):
    card = next(card for card in cards().values() if card.start and isinstance(card.recipe, RelativisticRecipe))
    learner, theirs = Run(card, fake_train).learner, gengallery.load(card.start).state_dict()
    shared = {
        side: {
            name
            for name, tensor in network.state_dict().items()
            if name in theirs and torch.equal(tensor, theirs[name])
        }
        for side, network in learner.named_children()
    }
    assert shared["model"] == set(theirs) - {name for name in theirs if name.startswith("prior.")}
    assert shared["discriminator"] == set(learner.discriminator.state_dict()) & set(theirs) != set()
    assert set(learner.discriminator.state_dict()) - set(theirs)  # what it has of its own


def test_only_weights_of_the_same_name_and_shape_are_taken(fake_train):
    card = cards()["ae_16"]
    run, fresh = Run(replace(card, start="ae_2"), fake_train), Run(card, fake_train)
    started, other = dict(run.learner.model.named_parameters()), dict(fresh.learner.model.named_parameters())
    taken = gengallery.load("ae_2").outward.bias
    assert torch.equal(started.pop("outward.bias"), taken)
    assert not torch.equal(other.pop("outward.bias"), taken)
    assert all(torch.equal(started[name], other[name]) for name in other)
    # Of another family nothing fits.
    strange = Run(replace(card, start="vae_2"), fake_train)
    assert same(strange.learner.model, fresh.learner.model)


def test_an_unknown_start_is_refused(fake_train):
    with pytest.raises(ValueError, match="unknown model 'nobody'"):
        Run(replace(cards()["ae_2"], start="nobody"), fake_train)


def is_half(model: torch.nn.Module) -> bool:
    return all(torch.equal(parameter, parameter.half().float()) for parameter in model.parameters())


@pytest.mark.usefixtures("small_flows")
@pytest.mark.parametrize("prior", ["gaussian", "flow"])
def test_a_model_kept_in_half_precision_is_measured_as_it_is_kept(prior, fake_train, fake_test, tmp_path):
    card = replace(cards()["ae_16"], config=AutoencoderConfig(4, prior=prior))
    sizes = {}
    for half in (False, True):
        run = Run(replace(card, float16=half), fake_train, epochs=1)
        complete(run)
        assert not is_half(run.model)
        model, losses = run.finish(fake_test)
        assert is_half(model) == half
        path = tmp_path / f"{half}.safetensors"
        checkpoint.write(path, model.state_dict(), file_header(run, losses, "a command"))
        sizes[half] = path.stat().st_size
        again = gengallery.load(path)
        assert torch.equal(again.generate(3), model.generate(3))
        assert mean_losses(again.losses, fake_test)["mse"] == pytest.approx(losses["test"]["mse"], rel=1e-6)
    saved = 2 * sum(parameter.numel() for parameter in model.parameters())
    assert sizes[False] - sizes[True] == pytest.approx(saved, abs=0.05 * saved)


@pytest.mark.usefixtures("small_flows")
def test_a_run_with_a_flow_for_a_prior_goes_on_bit_for_bit(fake_train, fake_test, tmp_path):
    card = replace(cards()["ae_2"], config=AutoencoderConfig(3, prior="flow"))
    whole, first, second = (Run(card, fake_train, epochs=2) for _ in range(3))
    complete(whole)
    list(first.epoch())
    first.save(tmp_path / "state")
    second.restore(tmp_path / "state")
    complete(second)
    assert same(second.learner, whole.learner)
    (model, losses), (expected, expected_losses) = second.finish(fake_test), whole.finish(fake_test)
    assert same(model, expected)
    assert losses == expected_losses
    assert model.sample(100).isfinite().all()
