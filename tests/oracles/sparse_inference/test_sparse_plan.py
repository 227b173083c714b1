"""Plans: the expected number of changed cells, and the gain."""

from itertools import product

import pytest
import torch
from sparse_inference_checks import local
from torch import nn

from sparseattack.oracles.sparse_inference.plan import Extent, extents, plan

SHAPE = 2, 5, 4
NETWORK = nn.Sequential(
    nn.Conv2d(2, 3, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2, 2, 1), nn.ZeroPad2d(1), nn.Conv2d(3, 3, (1, 2))
)


def found() -> list[Extent]:
    each = local(NETWORK, SHAPE)
    return list(extents(each.image, each.operations).values())


def changed(extent: Extent, pixels: tuple[int, ...]) -> int:
    where = torch.tensor([pixels])
    return len(set(extent.around(where // SHAPE[2], where % SHAPE[2]).cells.tolist()))


@pytest.mark.parametrize("k", [1, 2])
def test_the_expected_number_of_changed_cells(k: int) -> None:
    anywhere = list(product(range(SHAPE[1] * SHAPE[2]), repeat=k))
    for extent in found():
        mean = sum(changed(extent, pixels) for pixels in anywhere) / len(anywhere)
        assert extent.cells(k) == pytest.approx(mean)


def test_maps_that_a_change_reaches_alike_share_an_extent() -> None:
    image, first, activated, *_ = found()
    assert first is activated and first is not image


def test_a_corner_changes_less_than_the_middle() -> None:
    (_, first, *_) = found()
    assert [changed(first, (pixel,)) for pixel in (0, 1, 5)] == [4, 6, 9]


def test_more_pixels_mean_fewer_operations_on_changed_cells_and_less_gain() -> None:
    layers = [layer for _ in range(6) for layer in (nn.Conv2d(16, 16, 3, padding=1), nn.ReLU())]
    each = local(nn.Sequential(nn.Conv2d(3, 16, 1), *layers, nn.Flatten()), (3, 32, 32))
    plans = [plan(each, k) for k in (1, 3, 10, 100, 1000)]
    lengths, gains = [len(one.operations) for one in plans], [one.gain for one in plans]
    assert lengths == sorted(lengths, reverse=True) and lengths[0] == len(each.operations) > lengths[-1]
    assert gains == sorted(gains, reverse=True) and gains[0] > 3 and gains[-1] == pytest.approx(1, abs=0.1)
