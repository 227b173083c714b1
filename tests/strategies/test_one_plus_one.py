"""The (1+1) algorithm: its schedule, its three kinds of change, what it accepts, what local moves gain."""

from functools import partial
from math import log

import pytest
import torch
from scipy.stats import binomtest, chisquare, wilcoxon
from spaces import all_candidates, decode, generations, space
from torch import Tensor

from sparseattack import PixelGrid
from sparseattack.strategies.pixel_search.one_plus_one import (
    below,
    mutate,
    mutations,
    near,
    one_plus_one,
    turns,
)
from sparseattack.strategies.pixel_search.pixel_set import PixelSet


def test_the_schedule_is_nevergrad_s() -> None:
    assert [mutations(t, 50) for t in (2, 3, 10, 100)] == [26, 28, 17, 3]  # int(50 x 1.54468 ln(t) / t)
    assert all(mutations(t, 5) == max(1, int(5 * 1.54468 * log(t) / t)) for t in range(2, 100))
    assert mutations(10**6, 50) == 1


def test_a_child_differs_in_as_many_pixels_as_the_schedule_says() -> None:
    here = space(0, 1, shape=(3, 9, 9), pixels=20)
    asked = [decode(each.flatten(0, 1), here) for each in generations(one_plus_one(here), 1.0, 2.0, 3.0)]
    (pixels, colours), *children = asked
    for query, (now, shades) in enumerate(children, 2):
        same = (now == pixels) & (shades == colours).all(2)  # all children are of the first: it stayed best
        assert ((~same).sum(1) == mutations(query, 20)).all()
        assert all(len(set(row.tolist())) == 20 for row in now)


def test_a_tie_is_accepted_and_a_higher_value_is_not() -> None:
    for value, accepted in ((1.0, True), (1.5, False)):
        here = space(0, shape=(3, 32, 32), pixels=20, budget=3)
        (first, *_), (second, *_), (third, *_) = generations(one_plus_one(here), 1.0, value)
        from_second, from_first = (int((third != each).sum()) for each in (second, first))
        assert (from_second <= from_first) is accepted


def changes(seeds: int, local: float) -> tuple[Tensor, Tensor, PixelGrid]:
    """Position and corner of the first of two pixels, after one mutation, of many images."""
    here = space(*range(seeds), shape=(3, 15, 15), pixels=2)
    grid, middle = PixelGrid.of(here), 7 * 15 + 7
    parent = PixelSet(
        torch.tensor([[middle, 0]]).expand(seeds, 2), torch.zeros(seeds, 2, 3, dtype=torch.int64)
    )
    child = mutate(here, grid, parent, torch.zeros(seeds, dtype=torch.int64), (local, 3))
    assert (child.pixels[:, 1] == 0).all() and (child.corners[:, 1] == 0).all()
    return child.pixels[:, 0], child.corners[:, 0], grid


def test_a_local_move_changes_place_or_colour_and_each_is_equally_likely() -> None:
    pixels, corners, _ = changes(4000, local=1.0)
    stayed = pixels == 7 * 15 + 7
    assert binomtest(int(stayed.sum()), 4000, 0.5).pvalue > 1e-3
    numbers = (corners[stayed] * torch.tensor([1, 2, 4])).sum(1)
    assert chisquare(numbers.bincount(minlength=8)[1:]).pvalue > 1e-3 and (numbers > 0).all()
    rows, columns = pixels // 15 - 7, pixels % 15 - 7
    near_by = (rows.abs() <= 3) & (columns.abs() <= 3)
    assert 0.98 < near_by.double().mean() < 1  # a step of nothing, 1 of 49, becomes a jump
    moved = near_by & ~stayed
    assert (corners[moved] == 0).all(1).double().mean() > 0.98
    cells = ((rows[moved] + 3) * 7 + columns[moved] + 3).bincount(minlength=49)
    assert chisquare(torch.cat([cells[:24], cells[25:]])).pvalue > 1e-3


def test_without_local_moves_every_other_pixel_and_corner_is_equally_likely() -> None:
    pixels, corners, grid = changes(4000, local=0.0)
    counts = pixels.bincount(minlength=grid.area)
    assert counts[0] == counts[7 * 15 + 7] == 0  # those of the set
    others = torch.tensor([place for place in range(225) if place not in {0, 112}])
    assert chisquare(counts[others]).pvalue > 1e-3
    assert chisquare((corners * torch.tensor([1, 2, 4])).sum(1).bincount(minlength=8)).pvalue > 1e-3


def test_a_move_stays_in_the_image_and_a_turn_is_never_none() -> None:
    grid, last = PixelGrid.of(space(0, shape=(3, 6, 5))), torch.tensor([0.999])
    assert near(grid, torch.tensor([29]), 3, (last, last)).tolist() == [29]
    assert near(grid, torch.tensor([0]), 3, (last, last)).tolist() == [3 * 5 + 3]
    assert turns(torch.tensor([0.0, 0.999]), 3).tolist() == [[1, 0, 0], [1, 1, 1]]
    assert below(7, torch.tensor([0.0, 1.0])).tolist() == [0, 6]


def test_where_all_pixels_are_in_the_set_only_colours_change() -> None:
    here = space(0, shape=(3, 2, 2), pixels=4, budget=30)
    (asked,) = all_candidates(one_plus_one, here)
    pixels, _ = decode(asked, here)
    assert (pixels == pixels[0]).all()


@pytest.mark.parametrize("pixels", [1, 3])
def test_local_moves_find_a_smooth_optimum_sooner(pixels: int) -> None:
    """The sum of the distances of all pixels from one place: neighbours have similar values."""

    def distance(turn: int, candidates: Tensor) -> Tensor:
        genes = candidates.view(*candidates.shape[:2], pixels, 5)
        away: Tensor = torch.linalg.vector_norm(genes[..., :2] - 0.3, dim=3)
        return away.sum(2) - genes[..., 2:].sum((2, 3)) / 10

    lowest = {}
    for local in (0.0, 0.5):
        here = space(*range(40), shape=(3, 32, 32), pixels=pixels, budget=150)
        asked = all_candidates(partial(one_plus_one, local=local), here, distance)
        lowest[local] = torch.stack([distance(0, each[None]).amin() for each in asked])
    assert wilcoxon(lowest[0.5], lowest[0.0], alternative="less").pvalue < 1e-3
