"""Layers and the U-Net."""

import pytest
import torch
from networks import IMAGE, LABELS, NO_CLASS, batch, weights

from gengallery.nn.layers import Residual, residuals
from gengallery.nn.unet import Block, UNet


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


@pytest.fixture
def images() -> torch.Tensor:
    return batch()


# -- layers and the U-Net


@pytest.mark.parametrize("count", [1, 3])
def test_residual_blocks_start_as_nothing_and_keep_the_shape(count):
    layers, x = residuals(4, count), torch.randn(2, 4, 7, 5)
    assert len(layers) == count
    assert torch.equal(layers(x), x)
    torch.nn.init.normal_(layers[0].second.weight)
    assert layers(x).shape == x.shape
    assert not torch.equal(layers(x), x)


def test_a_residual_block_by_hand():
    block, x = Residual(3), torch.randn(2, 3, 6, 6)
    torch.nn.init.normal_(block.second.weight)
    leaky = lambda x: torch.where(x > 0, x, 0.2 * x)  # noqa: E731
    torch.testing.assert_close(block(x), x + block.second(leaky(block.first(leaky(x)))))


def unet(widths: tuple[int, int] = (8, 16), blocks: tuple[int, int] = (1, 2)) -> UNet:
    """One of which no part is silent."""
    network = UNet(widths, blocks, IMAGE)
    for parameter in network.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.1)
    return network


@pytest.mark.parametrize(("widths", "blocks"), [((8, 16), (1, 1)), ((16, 8), (2, 3)), ((8, 8), (3, 1))])
def test_a_unet_gives_images_and_says_nothing_at_first(widths, blocks, images):
    network = UNet(widths, blocks, IMAGE)
    assert torch.equal(network(images, torch.zeros(6), LABELS), torch.zeros_like(images))
    assert len(network.inward) == len(network.outward) == blocks[0]
    assert len(network.middle) == blocks[1]
    found = unet(widths, blocks)(images, torch.linspace(0, 1, 6), LABELS)
    assert found.shape == images.shape
    assert found.abs().min(0).values.max() > 0
    assert found.isfinite().all()


def test_a_unet_heeds_image_time_and_class_of_each_alone(images):
    network, t = unet(), torch.linspace(0.1, 0.9, 6)
    found = network(images, t, LABELS)
    for changed in (
        network(images.index_fill(0, torch.tensor([2]), 0.5), t, LABELS),
        network(images, t.index_fill(0, torch.tensor([2]), 0.75), LABELS),
        network(images, t, LABELS.index_fill(0, torch.tensor([2]), NO_CLASS)),
    ):
        others = torch.tensor([0, 1, 3, 4, 5])
        torch.testing.assert_close(changed[others], found[others], rtol=1e-4, atol=1e-5)
        assert (changed[2] - found[2]).abs().max() > 1e-4


def test_a_unets_skips_and_middle_all_matter(images):
    network, t = unet(blocks=(2, 1)), torch.full((6,), 0.3)
    found = network(images, t, LABELS)
    for part in (*network.inward, *network.middle, *network.outward, network.down, network.up):
        before = weights(part)
        for parameter in part.parameters():
            torch.nn.init.zeros_(parameter)
        assert not torch.allclose(network(images, t, LABELS), found, atol=1e-5)
        part.load_state_dict(before)
    torch.testing.assert_close(network(images, t, LABELS), found)


def test_a_block_may_change_the_number_of_channels():
    embedding = torch.randn(2, 12)
    for inputs, outputs in ((8, 8), (16, 8), (8, 24)):
        block, x = Block(inputs, outputs, 12), torch.randn(2, inputs, 7, 7)
        assert block(x, embedding).shape == (2, outputs, 7, 7)
        torch.testing.assert_close(block(x, embedding), block.skip(x))  # it starts as its skip
    assert isinstance(Block(8, 8, 12).skip, torch.nn.Identity)
