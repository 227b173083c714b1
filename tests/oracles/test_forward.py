"""The forward pass of a network: how many images at a time, and what happens when memory runs out."""

import pytest
import torch
from torch import Tensor, nn

from sparseattack.oracles.dense_inference.forward import Forward

TOO_MUCH = 2**46  # bytes, more than any machine has


class Hungry(nn.Module):
    """Needs more memory than any machine has for more than ``most`` images."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most, self.calls = most, list[int]()

    def forward(self, images: Tensor) -> Tensor:
        self.calls.append(len(images))
        if len(images) > self.most:
            torch.empty(TOO_MUCH, dtype=torch.uint8)
        return images.flatten(1)


@pytest.mark.parametrize("most", [1, 40, 64, 1000])
def test_fewer_images_at_a_time_where_memory_runs_out(most: int) -> None:
    hungry = Hungry(most)
    forward = Forward(nn.Identity(), hungry, "cpu")
    images = torch.rand(256, 1, 2, 2)
    assert torch.equal(forward(images), images.flatten(1))
    hungry.calls.clear()
    assert torch.equal(forward(images[:100]), images[:100].flatten(1))
    assert max(hungry.calls) <= most and sum(hungry.calls) == 100  # the chunk stays halved


def test_one_image_that_does_not_fit_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="memory"):
        Forward(nn.Identity(), Hungry(0), "cpu")(torch.rand(4, 1, 2, 2))


def test_other_errors_are_raised() -> None:
    layer = nn.Conv2d(3, 4, 3)
    with pytest.raises(RuntimeError, match="channels"):
        Forward(nn.Identity(), layer, "cpu")(torch.rand(4, 1, 8, 8))


class Recording(nn.Module):
    """Records how many images each call has."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = list[int]()

    def forward(self, images: Tensor) -> Tensor:
        self.calls.append(len(images))
        return images.flatten(1)


@pytest.mark.parametrize(("chunk", "expected"), [(None, [32, 32, 32, 4]), (48, [48, 48, 4])])
def test_a_cpu_evaluates_chunks_of_a_fixed_size(chunk: int | None, expected: list[int]) -> None:
    network, images = Recording(), torch.rand(100, 1, 2, 2)
    assert torch.equal(Forward(nn.Identity(), network, "cpu", chunk)(images), images.flatten(1))
    assert network.calls == expected


def test_a_function_gets_all_images_in_one_call() -> None:
    network = Recording()
    Forward(nn.Identity(), network.forward, "cpu")(torch.rand(100, 1, 2, 2))
    assert network.calls == [100]


class Careless(nn.Module):
    """Normalises its input in place, and returns one output buffer from every call."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, 4, 3)
        self.buffer = torch.empty(64, 4)

    def forward(self, images: Tensor) -> Tensor:
        self.buffer[: len(images)] = self.layer(images.sub_(0.5)).amax((2, 3))
        return self.buffer[: len(images)]


def test_a_network_may_write_to_its_input_and_use_one_output_buffer() -> None:
    network = Careless()
    images = torch.rand(100, 3, 5, 5)
    before = images.clone()
    with torch.no_grad():
        expected = network.layer(before - 0.5).amax((2, 3))
    torch.testing.assert_close(Forward(nn.Identity(), network, "cpu")(images), expected)
    assert torch.equal(images, before)
