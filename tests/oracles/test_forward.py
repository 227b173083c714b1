"""Networks that need more memory than there is."""

from time import sleep

import pytest
import torch
from torch import Tensor, nn

from sparseattack.oracles.forward import Forward

MOST = 2**46  # bytes, more than any machine has


class Hungry(nn.Module):
    """Needs absurdly much memory for more than so many images."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most, self.asked = most, list[int]()

    def forward(self, images: Tensor) -> Tensor:
        self.asked.append(len(images))
        if len(images) > self.most:
            torch.empty(MOST, dtype=torch.uint8)
        return images.flatten(1)


@pytest.mark.parametrize("most", [1, 40, 64, 1000])
def test_fewer_images_at_a_time_where_memory_runs_out(most: int) -> None:
    hungry = Hungry(most)
    forward = Forward(nn.Identity(), hungry, "cpu")
    images = torch.rand(256, 1, 2, 2)
    assert torch.equal(forward(images), images.flatten(1))
    hungry.asked.clear()
    assert torch.equal(forward(images[:100]), images[:100].flatten(1))
    assert max(hungry.asked) <= most and sum(hungry.asked) == 100  # learnt once


def test_one_image_that_does_not_fit_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="memory"):
        Forward(nn.Identity(), Hungry(0), "cpu")(torch.rand(4, 1, 2, 2))


def test_other_errors_are_not_taken_for_a_lack_of_memory() -> None:
    layer = nn.Conv2d(3, 4, 3)
    with pytest.raises(RuntimeError, match="channels"):
        Forward(nn.Identity(), layer, "cpu")(torch.rand(4, 1, 8, 8))


class Paced(nn.Module):
    """Takes so many seconds for a call of so many images, or none."""

    def __init__(self, seconds: dict[int, float], rounding: float = 0.0) -> None:
        super().__init__()
        self.seconds, self.rounding, self.asked = seconds, rounding, list[int]()

    def forward(self, images: Tensor) -> Tensor:
        self.asked.append(len(images))
        sleep(self.seconds.get(len(images), 0.0))
        return images.flatten(1) + self.rounding * len(images)


@pytest.mark.parametrize(
    ("seconds", "rounding", "expected"),
    [
        ({16: 0.01, 32: 0.01, 64: 0.03}, 0, 32),
        ({16: 0.002, 32: 0.01, 64: 0.03}, 0, 16),
        ({16: 0.01, 32: 0.02, 64: 0.02}, 0, 64),
        ({16: 0.002, 32: 0.01, 64: 0.002}, 1e-3, 32),
    ],
)
def test_a_cpu_is_shown_as_many_at_a_time_as_it_is_fastest_with(
    seconds: dict[int, float], rounding: float, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless the scores differ with their number."""
    monkeypatch.setattr("sparseattack.oracles.forward.ENOUGH", 100)
    paced = Paced(seconds, rounding)
    forward = Forward(nn.Identity(), paced, "cpu")
    forward(torch.rand(64, 1, 2, 2))
    forward(torch.rand(63, 1, 2, 2))
    assert paced.asked == [32, 32, 32, 31]  # too little was shown, then too few to be tried
    forward(torch.rand(64, 1, 2, 2))
    paced.asked.clear()
    forward(torch.rand(256, 1, 2, 2))
    assert paced.asked == [expected] * (256 // expected)


def test_what_takes_so_many_at_a_time_only_is_shown_so_many() -> None:
    paced = Paced({})
    forward = Forward(nn.Identity(), paced, "cpu", 48)
    forward.measure(torch.rand(96, 1, 2, 2))
    forward(torch.rand(96, 1, 2, 2))
    assert paced.asked == [48, 48]
