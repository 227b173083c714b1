"""BruSLeAttack: its schedule, what is swapped how often, and the counts of every pixel."""

from functools import partial
from itertools import combinations

import numpy as np
import pytest
import torch
from scipy.stats import chisquare
from spaces import all_candidates, decode, generations, space
from torch import Tensor

from sparseattack import PixelGrid, load, uses_of
from sparseattack.conformance.problems import run_search
from sparseattack.strategies.pixel_search.brusle import (
    Counts,
    MaskSwap,
    Schedule,
    brusle,
    draw_swap,
    random_corners,
    swap_size,
)


def worse(turn: int, candidates: Tensor) -> Tensor:
    """Later candidates are worse than all before."""
    return torch.full(candidates.shape[:2], float(turn))


def test_it_sees_the_image_and_not_the_budget() -> None:
    assert uses_of(load("strategies", "brusle")) == {"image"}


@pytest.mark.parametrize(
    ("queries", "slots", "share", "wanted"),
    [
        (10, 200, 0.3, 45),  # 0.3 (11^-0.24 + 0.997^11) / 2 = 0.2296
        (10, 200, 0.05, 7),  # 0.0382
        (999, 200, 0.3, 7),  # 0.3 (1000^-0.24 + 0.997^1000) / 2 = 0.0360
        (4999, 200, 0.3, 3),  # 0.3 (5000^-0.24) / 2 = 0.0194
        (10, 5, 0.3, 1),
        (10, 50, 1.0, 38),
    ],
)
def test_the_published_schedule(queries: int, slots: int, share: float, wanted: int) -> None:
    assert swap_size(queries, Schedule(share, 0.24, 0.997), slots, 50_176) == wanted


def test_no_more_is_swapped_than_there_is_outside() -> None:
    assert swap_size(10, Schedule(1.0, 0.24, 0.997), 50, 60) == 10


@pytest.mark.parametrize(("targeted", "swapped"), [(False, 6), (True, 1)])
def test_the_share_is_the_authors(targeted: bool, swapped: int) -> None:
    here = space(0, shape=(3, 20, 20), pixels=30, budget=1000, targeted=targeted)
    first, second = generations(brusle(here), torch.arange(10.0).view(1, 10, 1))
    before, after = (set(decode(each[0], here)[0][0].tolist()) for each in (first, second))
    assert first.shape == (1, 10, here.dims) and second.shape == (1, 1, here.dims)
    assert len(before & after) == 30 - swapped and len(after) == 30


def test_each_pixel_has_one_corner_colour_throughout() -> None:
    here = space(0, 1, shape=(3, 6, 5), pixels=4, budget=300)
    colours = []
    for asked in all_candidates(brusle, here):
        positions, painted = decode(asked, here)
        assert all(len(set(each)) == 4 for each in positions.tolist())
        known: dict[int, tuple[int, ...]] = {}
        for where, colour in zip(positions.flatten().tolist(), painted.flatten(0, 1).tolist(), strict=True):
            assert known.setdefault(where, tuple(colour)) == tuple(colour)
        assert {level for colour in known.values() for level in colour} == {0, 255}
        colours.append(known)
    assert colours[0] != colours[1]


def test_colours_are_corners_with_equal_probability() -> None:
    here = space(*range(300))
    corners = random_corners(here, PixelGrid.of(here)).long() // 255 * torch.tensor([1, 2, 4])
    assert chisquare(np.bincount(corners.sum(2).flatten(), minlength=8)).pvalue > 1e-3


def test_the_best_of_the_first_masks_is_changed() -> None:
    values = torch.tensor([[3.0, 2, 5, 1, 4, 9, 1, 8, 7, 6], [9.0, 8, 7, 6, 5, 4, 3, 2, 1, 0]]).unsqueeze(2)
    here = space(0, 1, shape=(3, 9, 9), pixels=20)
    first, second = generations(brusle(here), values)
    for place, best in ((0, 3), (1, 9)):
        masks, after = decode(first[place], here)[0], set(decode(second[place], here)[0][0].tolist())
        shared = [len(set(mask.tolist()) & after) for mask in masks]
        assert shared[best] == 16  # 4 of 20 are swapped
        assert max(shared) == shared[best]


@pytest.mark.parametrize(("value", "parent"), [(0.5, "second"), (1.0, "first"), (2.0, "first")])
def test_accepts_what_is_lower(value: float, parent: str) -> None:
    here = space(0, shape=(3, 9, 9), pixels=20)
    first, second, third = generations(partial(brusle, popsize=1)(here), 1.0, value)
    masks = {"first": first, "second": second}
    parents = {name: set(decode(each[0], here)[0][0].tolist()) for name, each in masks.items()}
    after = set(decode(third[0], here)[0][0].tolist())
    assert [name for name, mask in parents.items() if len(mask & after) == 15] == [
        parent
    ]  # 5 of 20 are swapped


def test_counts_by_hand() -> None:
    counts = Counts.of(torch.tensor([[[0, 1], [1, 2]]]), 5)
    assert counts.shown.tolist() == [[1, 2, 1, 0, 0]] and counts.failed.tolist() == [[0] * 5]
    swap = MaskSwap(torch.tensor([[1, 4]]), torch.tensor([[0]]))
    lost = counts.after(swap, torch.tensor([False]))
    assert lost.failed.tolist() == [[1, 0, 0, 0, 0]] and lost.shown.tolist() == [[2, 3, 1, 0, 1]]
    won = counts.after(swap, torch.tensor([True]))
    assert won.failed.tolist() == [[0] * 5] and won.shown.tolist() == lost.shown.tolist()
    assert lost.worth[0].tolist() == pytest.approx([1.01 / 2.01, 0.01 / 3.01, 0.01 / 1.01, 1, 0.01 / 1.01])


def swaps(worth: list[float], bias: list[float], mask: list[int], count: int, number: int = 4000) -> MaskSwap:
    """So many swaps of the same mask, each of its own stream."""
    here = space(*range(number), shape=(1, 1, len(worth)))
    failed = torch.tensor(worth).expand(number, -1) * 1.01 - 0.01  # of pixels that were shown once
    counts = Counts(failed, torch.ones_like(failed))
    return draw_swap(
        here, torch.tensor(mask).expand(number, -1), counts, torch.tensor(bias).expand(number, -1), count
    )


def test_pixels_are_added_in_proportion_to_worth_times_bias() -> None:
    found = swaps([0.2, 0.4, 0.8, 0.1, 0.5, 0.9], [0.5, 1.0, 0.25, 1.0, 0.0, 0.7], [5], 1)
    counts = np.bincount(found.mask[:, 0], minlength=6)
    assert counts[4] == counts[5] == 0  # of the image's colour; dropped just now
    weights = np.array([0.2 * 0.5, 0.4, 0.8 * 0.25, 0.1])
    assert chisquare(counts[:4], 4000 * weights / weights.sum()).pvalue > 1e-3


def test_pixels_stay_in_proportion_to_their_worth() -> None:
    found = swaps([0.2, 0.4, 0.8, 0.9, 0.9, 0.9], [1.0] * 6, [0, 1, 2], 2)
    counts = np.bincount(found.mask[:, 0], minlength=3)
    assert chisquare(counts, 4000 * np.array([1, 2, 4]) / 7).pvalue > 1e-3
    assert (torch.cat([found.mask[:, :1], found.dropped], 1).sort(1).values == torch.arange(3)).all()


def test_several_pixels_are_drawn_without_replacement_one_after_another() -> None:
    """As numpy's choice does, which the authors use: the second by the weights that are left."""
    found = swaps([0.9, 0.1, 0.3, 0.6], [1.0] * 4, [0], 1)
    assert chisquare(np.bincount(found.mask[:, 0], minlength=4)[1:], [400, 1200, 2400]).pvalue > 1e-3
    pairs = swaps([0.9, 0.9, 0.1, 0.3, 0.6], [1.0] * 5, [0, 1], 2)
    kinds = pairs.mask.sort(1).values.sum(1) - 5  # {2, 3}, {2, 4}, {3, 4} are 0, 1, 2
    law = [a * b * (1 / (1 - a) + 1 / (1 - b)) for a, b in combinations((0.1, 0.3, 0.6), 2)]
    assert chisquare(np.bincount(kinds, minlength=3), 4000 * np.array(law)).pvalue > 1e-3


def test_pixels_of_the_image_s_colour_are_added_where_there_are_no_others() -> None:
    found = swaps([0.5] * 5, [0.0, 0.0, 0.0, 0.3, 0.0], [4], 1)
    assert (found.mask == 3).all()
    found = swaps([0.5] * 5, [0.0] * 5, [4], 1)
    assert np.bincount(found.mask[:, 0], minlength=5)[4] == 0
    assert chisquare(np.bincount(found.mask[:, 0], minlength=5)[:4]).pvalue > 1e-3


def test_a_pixel_that_is_dropped_in_vain_stays_more_often() -> None:
    """Each mask with one pixel is better than all before, each without it worse: the others are given up."""
    here = space(*range(30), shape=(3, 8, 8), pixels=5, budget=400)

    def matters(turn: int, candidates: Tensor) -> Tensor:
        positions = torch.stack([decode(each, here)[0] for each in candidates])
        return 1000.0 - turn - 2000 * (positions == 20).any(2).float()

    held = []
    for asked in all_candidates(brusle, here, matters):
        masks = (decode(asked, here)[0] == 20).any(1)
        if masks.any():
            later = masks[int(masks.nonzero()[0, 0]) + 1 :][-100:]
            held.append(float(later.float().mean()))
    assert len(held) > 20 and np.mean(held) > 0.9  # 4 of 5 if one of five is dropped at random


def test_where_the_mask_is_the_whole_image_colours_are_drawn_anew() -> None:
    here = space(0, 1, shape=(3, 2, 2), pixels=4, budget=30)
    for asked in all_candidates(brusle, here):
        positions, colours = decode(asked, here)
        assert (positions.sort(1).values == torch.arange(4)).all()
        assert len({tuple(each) for each in colours.flatten(1).tolist()}) > 25


def test_eight_searches_together_are_eight_single_searches() -> None:
    together = all_candidates(brusle, space(*range(8), pixels=3, budget=120), worse)
    for seed, asked in enumerate(together):
        assert torch.equal(asked, all_candidates(brusle, space(seed, pixels=3, budget=120), worse)[0])


@pytest.mark.parametrize("pixels", [10, 100])
def test_a_photograph(pixels: int) -> None:
    here = space(0, shape=(3, 224, 224), pixels=pixels, budget=60)
    asked = [turn.candidates[0] for turn in run_search(brusle, here, worse, 60)]
    masks = [set(mask.tolist()) for each in asked for mask in decode(each, here)[0]]
    assert len(masks) == 60 and all(len(mask) == pixels for mask in masks)
    sizes = [pixels - len(masks[0] & mask) for mask in masks[10:]]
    assert sizes == [
        swap_size(query, Schedule(0.3, 0.24, 0.997), pixels, 224 * 224) for query in range(10, 60)
    ]


def test_a_smaller_budget_is_the_beginning_of_a_larger_one() -> None:
    few, many = (all_candidates(brusle, space(0, pixels=3, budget=budget))[0] for budget in (60, 120))
    assert torch.equal(few, many[:60])
