"""One conformance test that walks over every model of the gallery, however well it is trained: the four calls."""

from functools import lru_cache

import numpy as np
import pytest
import torch
from PIL import Image

import gengallery
from gengallery.data import to_uint8
from gengallery.model.model import CHUNK, Model
from gengallery.nn import inversion

pytestmark = pytest.mark.slow

NAMES = gengallery.list_models()
every_model = pytest.mark.parametrize("name", NAMES)
load = lru_cache(maxsize=None)(gengallery.load)  # models are frozen, and one that a call changed is a failure here
CLOSE = {"rtol": 1e-5, "atol": 1e-5}


@pytest.fixture(scope="module")
def garments() -> torch.Tensor:
    """Three images that no model made: soft-edged boxes."""
    axis = torch.linspace(-1, 1, 28)
    boxes = [torch.sigmoid(12 * (width - axis.abs())) * torch.sigmoid(12 * (0.8 - axis.abs()))[:, None] * light
             for width, light in ((0.3, 0.9), (0.6, 0.5), (0.8, 0.7))]  # fmt: skip
    return torch.stack(boxes)[:, None]


@pytest.fixture(autouse=True)
def short_searches(monkeypatch):
    """What a search finds is tested elsewhere; here it need not be near."""
    for name, value in {"CANDIDATES": 32, "STARTS": 2, "DESCENT": 5}.items():
        monkeypatch.setattr(inversion, name, value)


def is_images(images: torch.Tensor, n: int) -> bool:
    return (
        images.shape == (n, 1, 28, 28)
        and images.dtype == torch.float32
        and images.device.type == "cpu"
        and images.is_contiguous()
        and not images.requires_grad
        and 0 <= images.min() <= images.max() <= 1  # false for NaN
    )


def is_latents(z: torch.Tensor, n: int, d: int) -> bool:
    return z.shape == (n, d) and z.dtype == torch.float32 and not z.requires_grad and bool(z.isfinite().all())


def drawn(model: Model, n: int, seed: int) -> dict:
    """The options of `generate` where it is given none."""
    return {"label": model.labels(n, seed)} if model.options.label else {}


def quickly(model: Model) -> dict:
    """The options of calls where any images will do."""
    return {"steps": 1} if model.options.steps else {}


# -- every model: the four calls


@every_model
def test_the_four_calls_give_images_and_latents(name, garments):
    model = load(name)
    d = model.config.latent
    assert is_latents(model.sample(5), 5, d)
    assert is_images(model.generate(5), 5)
    assert is_images(model.decode(torch.zeros(3, d)), 3)
    z = model.encode(garments, **quickly(model))
    assert is_latents(z, 3, d)
    assert torch.equal(model.encode(garments, **quickly(model)), z)  # the mean, not a sample
    assert is_images(model.reconstruct(garments, **quickly(model)), 3)
    again = model.decode(model.encode(garments[:1]), **model.inversion_defaults)
    assert torch.equal(model.reconstruct(garments[:1]), again)


@every_model
def test_extreme_latents_still_give_images(name):
    d = load(name).config.latent
    for value in (1e6, -1e6, 1e-30):
        assert is_images(load(name).decode(torch.full((1, d), value)), 1)


@every_model
def test_a_seed_gives_the_same_images_in_every_process_and_batch(name):
    model = load(name)
    options = quickly(model)
    assert torch.equal(model.generate(16, seed=7, **options), model.generate(16, seed=7, **options))
    assert torch.equal(gengallery.load(name).generate(16, seed=7, **options), model.generate(16, seed=7, **options))
    assert not torch.equal(model.sample(16, seed=8), model.sample(16, seed=7))
    assert torch.equal(model.generate(3), model.generate(3, seed=0))
    for n in (1, 4, 15):
        assert torch.equal(model.sample(n, seed=7), model.sample(16, seed=7)[:n])
        many = model.generate(16, seed=7, **options)
        torch.testing.assert_close(model.generate(n, seed=7, **options), many[:n], **CLOSE)
    assert torch.equal(model.generate(4, seed=7), model.decode(model.sample(4, seed=7), **drawn(model, 4, 7)))


@every_model
def test_the_state_of_torch_and_numpy_does_not_matter_and_is_left_alone(name, garments):
    model = load(name)
    before = model.generate(2), model.encode(garments[:1])
    torch.manual_seed(99)
    np.random.seed(99)
    states = torch.get_rng_state(), np.random.get_state()[1].copy()
    assert torch.equal(model.generate(2), before[0])
    assert torch.equal(model.encode(garments[:1]), before[1])
    assert torch.equal(torch.get_rng_state(), states[0])
    assert (np.random.get_state()[1] == states[1]).all()


@every_model
def test_an_image_alone_is_the_image_in_a_batch(name):
    model = load(name)
    options = quickly(model)
    z = model.sample(64, seed=1)
    images = model.decode(z, **options)
    for row in (0, 31, 63):
        torch.testing.assert_close(model.decode(z[row : row + 1], **options)[0], images[row], **CLOSE)
        torch.testing.assert_close(model.decode(z[row], **options)[0], images[row], **CLOSE)  # (d) too
    n = 3 if model.searches else 64  # a search takes its time
    encoded = model.encode(images[:n], **options)
    for row in (0, n - 1):
        torch.testing.assert_close(model.encode(images[row], **options)[0], encoded[row], **CLOSE)


@every_model
def test_more_images_than_go_through_at_once(name):
    model = load(name)
    z = model.sample(2 * CHUNK + 1, seed=2)
    images = model.decode(z, **quickly(model))
    assert is_images(images, 2 * CHUNK + 1)
    edge = slice(CHUNK - 1, CHUNK + 2)
    torch.testing.assert_close(images[edge], model.decode(z[edge], **quickly(model)), **CLOSE)


@every_model
def test_numpy_torch_and_lists_in_give_the_same(name, garments):
    model = load(name)
    options = quickly(model)
    z = model.sample(3, seed=4)
    images = model.decode(z, **options)
    columns = torch.empty(z.shape[::-1]).T.copy_(z)
    for given in (z.numpy(), z.double(), z.numpy().astype(np.float64), z.tolist(), tuple(z.tolist()), columns,
                  z.clone().requires_grad_()):  # fmt: skip
        torch.testing.assert_close(model.decode(given, **options), images, **CLOSE)

    image = garments[:1]
    latents, levels = model.encode(image, **options), model.encode(to_uint8(image), **options)
    for given in (image.numpy(), image.double(), image.tolist(), image[0], image[0, 0], [image[0, 0].numpy()]):
        torch.testing.assert_close(model.encode(given, **options), latents, **CLOSE)
    for given in (Image.fromarray(to_uint8(image)[0]), torch.from_numpy(to_uint8(image)), to_uint8(image)[:, None]):
        torch.testing.assert_close(model.encode(given, **options), levels, **CLOSE)


@every_model
def test_what_is_given_is_not_changed_and_what_is_returned_is_mine(name, garments):
    model = load(name)
    z, image = model.sample(2), garments[:1].clone()
    decoded, encoded = model.decode(z), model.encode(image)
    decoded.zero_()
    encoded.zero_()  # in place: no inference tensor, and nobody else's
    assert torch.equal(image, garments[:1])
    assert torch.equal(z, model.sample(2))
    assert model.decode(z).any()


@every_model
@pytest.mark.parametrize(
    "bad",
    [
        lambda d: np.zeros((2, d + 1)),
        lambda d: torch.zeros(0, d),
        lambda d: torch.zeros(1, 2, d),
        lambda d: 0.5,
        lambda d: [[float("nan")] * d],
        lambda d: [[float("inf")] * d],
        lambda d: np.full((1, d), 1e300),  # infinite as float32
        lambda d: [[10**400] * d],
        lambda d: "a string",
        lambda d: [["a"] * d],
        lambda d: [],
        lambda d: None,
        lambda d: {"z": 1},
        lambda d: [[0.0] * d, [0.0]],
        lambda d: np.array([[None] * d]),
    ],
)
def test_latents_that_are_none_are_refused(name, bad):
    with pytest.raises(ValueError, match=r"^z: expected"):
        load(name).decode(bad(load(name).config.latent))


@every_model
def test_numbers_that_are_none_are_refused(name):
    for n in (0, -1, 2.0, "3", None, True, [1]):
        with pytest.raises(ValueError, match="n: expected a whole number from 1 up, found"):
            load(name).generate(n)
    for seed in (-1, 0.5, "0", None, False):
        with pytest.raises(ValueError, match="seed: expected a whole number from 0 up, found"):
            load(name).generate(1, seed=seed)
    assert torch.equal(load(name).generate(np.int64(2), seed=np.uint8(3)), load(name).generate(2, seed=3))
    assert is_images(load(name).generate(1, seed=2**70), 1)


@every_model
def test_images_that_are_none_are_refused(name):
    for call in (load(name).encode, load(name).reconstruct):
        for bad in (np.full((28, 28), np.nan), np.zeros((0, 1, 28, 28)), np.zeros(784), "shoe.png", None):
            with pytest.raises(ValueError, match="as_images: expected"):
                call(bad)


@every_model
def test_a_search_finds_something_nearer_than_its_candidates(name, garments, monkeypatch):
    model = load(name)
    if not model.searches:
        assert len(model.encode(garments.repeat(100, 1, 1, 1), **quickly(model))) == 300  # an encoder is quick
        return
    monkeypatch.setattr(inversion, "DESCENT", 40)
    best = (model.decode(model.prior.sample(inversion.CANDIDATES, seed=0)) - garments[0]).square().mean((1, 2, 3)).min()
    found = (model.reconstruct(garments[0]) - garments[0]).square().mean()
    assert found <= best + 1e-7  # a collapsed generator has nothing nearer
    own = model.generate(1, seed=5)
    best = (model.decode(model.prior.sample(inversion.CANDIDATES, seed=0)) - own).square().mean((1, 2, 3)).min()
    assert (model.reconstruct(own) - own).square().mean() <= best + 1e-7


@every_model
def test_a_model_is_ready_to_use(name):
    model = load(name)
    assert not model.training
    assert not any(p.requires_grad for p in model.parameters())
    for tensor in model.state_dict().values():
        assert tensor.device.type == "cpu"
        assert tensor.dtype in (torch.float32, torch.uint8)
