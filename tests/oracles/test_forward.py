"""Networks that need more memory than there is."""

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
    assert torch.equal(forward(images[:100]), images[:100].flatten(1))
    fits = [count for count in hungry.asked if count <= most]
    assert fits == hungry.asked[len(hungry.asked) - len(fits) :]  # learnt once
    assert sum(fits) == 356


def test_one_image_that_does_not_fit_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="memory"):
        Forward(nn.Identity(), Hungry(0), "cpu")(torch.rand(4, 1, 2, 2))


def test_other_errors_are_not_taken_for_a_lack_of_memory() -> None:
    layer = nn.Conv2d(3, 4, 3)
    with pytest.raises(RuntimeError, match="channels"):
        Forward(nn.Identity(), layer, "cpu")(torch.rand(4, 1, 8, 8))
