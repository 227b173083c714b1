"""On a CPU weights get channels-last memory format, unless the network relies on another one."""

import pytest
import torch
from torch import Tensor, nn

from benchmarks.networks import resnet20
from sparseattack.oracles.dense_inference.forward import Forward

IMAGES = torch.rand(256, 3, 8, 6, generator=torch.Generator().manual_seed(0))


class Network(nn.Module):
    """A convolution, ReLU and a dense layer."""

    def __init__(self) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.first, self.last = nn.Conv2d(3, 4, 3, padding=1), nn.Linear(4 * 8 * 6, 5)
        self.calls = list[int]()

    def forward(self, images: Tensor) -> Tensor:
        self.calls.append(len(images))
        scores: Tensor = self.last(self.rows(self.first(images).relu()))
        return scores

    def rows(self, maps: Tensor) -> Tensor:
        """``(n, C, H, W) -> (n, C * H * W)``."""
        return maps.flatten(1)

    @property
    def is_last(self) -> bool:
        return self.first.weight.is_contiguous(memory_format=torch.channels_last)


class Viewing(Network):
    """Fails where channels are last."""

    def rows(self, maps: Tensor) -> Tensor:
        return maps.view(len(maps), -1)


class Presuming(Network):
    """Reads memory in a fixed order, whatever the format: scores would be wrong, without an error."""

    def rows(self, maps: Tensor) -> Tensor:
        return maps.as_strided((len(maps), 4 * 8 * 6), (4 * 8 * 6, 1))


def expected(kind: type[Network]) -> Tensor:
    with torch.no_grad():
        return kind().eval()(IMAGES)  # type: ignore[no-any-return]


def test_channels_are_last_from_the_first_call_on() -> None:
    network = Network().eval()
    forward = Forward(nn.Identity(), network, "cpu")
    first = forward(IMAGES[:32])
    assert network.is_last and torch.allclose(first, expected(Network)[:32], atol=1e-6)
    assert torch.equal(forward(IMAGES[:32]), first)
    assert network.calls == [32] * 4  # in both formats, then in the chosen one
    network(IMAGES).sum().backward()  # the weights can still be trained


@pytest.mark.parametrize("kind", [Viewing, Presuming])
def test_a_network_that_relies_on_the_usual_format_keeps_it(kind: type[Network]) -> None:
    network = kind().eval()
    forward = Forward(nn.Identity(), network, "cpu")
    for _ in range(2):
        assert torch.equal(forward(IMAGES), expected(kind))
    assert not network.is_last


def test_a_network_without_convolutions_is_not_tried() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(144, 5))
    calls = list[int]()
    network.register_forward_hook(lambda *_: calls.append(1))
    Forward(nn.Identity(), network, "cpu")(IMAGES[:32])
    assert len(calls) == 1


def test_scores_do_not_depend_on_the_number_of_chunks() -> None:
    forward, images = Forward(nn.Identity(), resnet20().eval(), "cpu"), torch.rand(128, 3, 32, 32)
    every = forward(images)
    for count in (32, 64, 96):
        assert torch.equal(forward(images[:count]), every[:count])
    assert torch.equal(forward(images[32:64]), every[32:64])
