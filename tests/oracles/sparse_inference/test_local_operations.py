"""Sparse inference gives the scores of whole images, for networks of many kinds."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from problems import random_images
from random_networks import Shape, networks
from sparse_inference_checks import assert_alike, assert_close, evaluation, local
from torch import Tensor, nn
from torch.nn import functional as f

from sparseattack import Edits

SHAPE = 3, 9, 8


@settings(max_examples=25)
@given(networks(), st.integers(1, 5), st.integers(0, 8))
def test_any_network_any_number_of_pixels(drawn: tuple[nn.Module, Shape], k: int, cut: int) -> None:
    assert_alike(*drawn, k, cut)
    assert_alike(*drawn, k)


class Residual(nn.Module):
    """Two convolutions and a shortcut without weights (He et al., 2016), in place wherever torch allows."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.more, self.stride = after - before, 1 + (after > before)
        self.one = nn.Sequential(
            nn.Conv2d(before, after, 3, self.stride, 1, bias=False), nn.BatchNorm2d(after)
        )
        self.two = nn.Sequential(nn.Conv2d(after, after, 3, 1, 1, bias=False), nn.BatchNorm2d(after))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.two(f.relu_(self.one(x)))
        if self.more:
            x = f.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.more))
        y += x
        return f.relu_(y)


class Recalibrated(nn.Module):
    """Squeeze and excitation (Hu et al., 2018): every cell depends on all others."""

    def __init__(self, layer: nn.Module, channels: int) -> None:
        super().__init__()
        self.layer, self.squeezed = (
            layer,
            nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(channels, channels, 1)),
        )

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layer(x)
        return y * torch.sigmoid(self.squeezed(y))


def ending(*layers: nn.Module) -> nn.Sequential:
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.LazyLinear(5))


NETWORKS = {
    "residual": lambda: ending(nn.Conv2d(3, 4, 3, 1, 1), Residual(4, 4), Residual(4, 8), Residual(8, 8)),
    "recalibrated": lambda: ending(Recalibrated(nn.Conv2d(3, 4, 3, 2), 4), nn.ReLU(), nn.Conv2d(4, 6, 2)),
    "reflecting": lambda: ending(
        nn.Conv2d(3, 4, 3, padding=1, padding_mode="reflect"), nn.MaxPool2d(3, 2, 1)
    ),
    "valid": lambda: ending(
        nn.Conv2d(3, 4, 3, padding="valid"), nn.Conv2d(4, 4, 4, padding="same", groups=2)
    ),
    "all read, nothing padded": lambda: nn.Sequential(nn.Conv2d(3, 5, (9, 8)), nn.Flatten()),
    "normalised": lambda: ending(
        nn.BatchNorm2d(3), nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Conv2d(4, 4, 3)
    ),
}


@pytest.mark.filterwarnings("ignore:Using padding='same' with even")
@pytest.mark.parametrize("name", NETWORKS)
def test_networks_of_many_kinds(name: str) -> None:
    network = made(name)
    for cut in (1, 3, None):
        assert_alike(network, SHAPE, 2, cut)


def made(name: str) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = NETWORKS[name]()
        network(random_images(8, SHAPE))  # gives every batch-norm its running statistics
    return network.eval()


@pytest.mark.filterwarnings("ignore:Using padding='same' with even")
@pytest.mark.parametrize(
    ("name", "convolutions"),
    [
        ("residual", 7),
        ("recalibrated", 2),
        ("reflecting", 1),
        ("valid", 2),
        ("all read, nothing padded", 1),
        ("normalised", 2),
    ],
)
def test_how_far_networks_are_local(name: str, convolutions: int) -> None:
    operations = local(made(name), SHAPE).operations
    assert sum("conv2d" in str(each.node.target) for each in operations) == convolutions


def test_batch_norm_after_a_convolution_is_folded() -> None:
    assert not [each for each in local(made("residual"), SHAPE).operations if "norm" in str(each.node.target)]


def test_pixels_that_no_operation_reads_change_no_score() -> None:
    network = ending(nn.Conv2d(3, 4, 1, 4), nn.ReLU(), nn.Conv2d(4, 4, 3, padding=1))
    images = random_images(2, SHAPE)
    edits = Edits(torch.full((32, 1), 9), torch.zeros(32, 1, 3, dtype=torch.uint8))  # row 1, column 1
    with torch.inference_mode():
        expected = network(images).repeat(16, 1)
        found = evaluation(local(network, SHAPE), k=1)(images, torch.arange(32) % 2, edits)
    assert_close(found, expected)
