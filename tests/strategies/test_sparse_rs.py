"""Sparse-RS, swap by swap, and its schedule."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare
from spaces import all_candidates, decode, generations, space
from torch import Tensor

from sparseattack import PixelGrid, Space
from sparseattack.strategies.pixel_search.sparse_rs import (
    draw_single_swaps,
    draw_swap,
    sparse_rs,
    swap_size,
    swaps,
)


@given(st.integers(0, 99), st.integers(1, 4), st.integers(1, 4), st.data())
def test_pixels_are_distinct_and_colours_corners(
    seed: int, height: int, width: int, data: st.DataObject
) -> None:
    pixels = data.draw(st.integers(1, height * width))
    here = space(seed, shape=(3, height, width), pixels=pixels, budget=25)
    (asked,) = all_candidates(lambda here: sparse_rs(here, alpha=1.0), here)
    positions, colours = decode(asked, here)
    ordered = positions.sort(1).values
    assert len(asked) == 25 and (ordered[:, 1:] > ordered[:, :-1]).all()
    assert set(colours.flatten().tolist()) <= {0, 255}


def test_a_swap_brings_in_pixels_from_outside_and_leaves_the_rest() -> None:
    here = space(0, 1, shape=(3, 9, 9), pixels=20, budget=10_000)
    first, second = generations(sparse_rs(here), 1.0)
    for place in (0, 1):
        (before,), (was,) = decode(first[place], here)
        (after,), (now,) = decode(second[place], here)
        stayed = before == after
        assert stayed.sum() == 17  # 3 of 20 are swapped
        assert not set(after[~stayed].tolist()) & set(before.tolist())
        assert (was == now)[stayed].all()


def origin(candidates: Tensor, parents: dict[str, Tensor]) -> str:
    """Which parent differs from a candidate in only one pixel, five genes."""
    return ",".join(name for name, parent in parents.items() if (parent != candidates).sum() <= 5)


@pytest.mark.parametrize(
    ("objective", "values", "parent"),
    [("margin", (2.0, 1.0), "second"), ("margin", (2.0, 2.0), "first"), ("margin", (2.0, 3.0), "first"),
     ("margin", (-2.0, -1.0), "second"), ("probability", (-2.0, -1.0), "first")],
)  # fmt: skip
def test_accepts_what_is_lower_or_fools(objective: str, values: tuple[float, float], parent: str) -> None:
    here = space(1, shape=(3, 9, 9), pixels=5, budget=10_000, objectives=(objective,))
    first, second, third = generations(sparse_rs(here), *values)
    assert origin(third, {"first": first, "second": second}) == parent


def test_where_all_pixels_are_taken_only_colours_change() -> None:
    here = space(3, shape=(3, 2, 2), pixels=4, budget=60)
    (asked,) = all_candidates(sparse_rs, here)
    positions, colours = decode(asked, here)
    assert (positions == positions[0]).all()
    assert len(set(map(tuple, colours.flatten(1).tolist()))) > 5


def test_one_pixel_is_a_random_search_over_corners_that_never_stays() -> None:
    here = space(0, shape=(3, 6, 5), budget=500)
    (asked,) = all_candidates(
        sparse_rs, here, lambda turn, candidates: torch.full(candidates.shape[:2], -1.0 - turn)
    )
    positions = decode(asked, here)[0].flatten()
    assert (positions[1:] != positions[:-1]).all() and len(set(positions.tolist())) == 30


@pytest.mark.parametrize(
    ("shape", "pixels"), [((3, 9, 9), 1), ((3, 9, 9), 5), ((1, 2, 2), 4), ((5, 3, 1), 2)]
)
def test_swaps_drawn_ahead_are_those_drawn_one_by_one(shape: tuple[int, int, int], pixels: int) -> None:
    ahead, slow = (space(0, 1, 2, shape=shape, pixels=pixels) for _ in range(2))
    grid = PixelGrid.of(ahead)
    for each in draw_single_swaps(ahead, grid, 100):
        one = draw_swap(slow, grid, 1)
        assert all(torch.equal(fast, usual) for fast, usual in zip(each, one, strict=True))
    assert torch.equal(ahead.uniform(1), slow.uniform(1))  # nothing else was drawn


def test_swaps_follow_the_schedule_to_the_last() -> None:
    here = space(0, shape=(3, 9, 9), pixels=20, budget=400)
    drawn = [
        each.slots.shape[1] for each, _ in zip(swaps(here, PixelGrid.of(here), 0.3), range(399), strict=False)
    ]
    assert drawn == [swap_size(query, here, 0.3) for query in range(1, 400)]
    assert set(drawn) == {3, 1}


@pytest.mark.parametrize(
    ("query", "divisor"),
    [(1, 2), (50, 2), (51, 4), (200, 4), (201, 5), (500, 5), (501, 6), (1000, 6), (1001, 8), (2000, 8),
     (2001, 10), (4000, 10), (4001, 12), (6000, 12),
     (6001, 15), (8000, 15), (8001, 20), (9999, 20), (20000, 20)],
)  # fmt: skip
def test_the_published_schedule(query: int, divisor: int) -> None:
    here = space(shape=(3, 100, 100), pixels=600, budget=10_000)
    assert swap_size(query, here, 1.0) == 600 // divisor


def test_the_schedule_is_scaled_to_the_budget() -> None:
    here = space(shape=(3, 100, 100), pixels=600, budget=1000)
    assert [swap_size(query, here, 1.0) for query in (5, 6, 20, 21, 800, 801)] == [300, 150, 150, 120, 40, 30]


@pytest.mark.parametrize(
    ("pixels", "share", "wanted"), [(1, 1.0, 1), (5, 0.3, 1), (150, 0.3, 22), (150, 0.1, 7)]
)
def test_at_least_one_pixel_is_swapped(pixels: int, share: float, wanted: int) -> None:
    assert swap_size(1, space(shape=(3, 20, 20), pixels=pixels, budget=10_000), share) == wanted


def test_alpha_is_the_paper_s_unless_chosen() -> None:
    def swapped(here: Space, alpha: float | None = None) -> int:
        first, second = generations(sparse_rs(here, alpha=alpha), 1.0)
        before, after = (set(decode(each[0], here)[0][0].tolist()) for each in (first, second))
        return len(after - before)

    hundred = partial(space, shape=(3, 30, 30), pixels=100, budget=10_000)
    assert swapped(hundred()) == 15  # 0.3 / 2 of 100
    assert swapped(hundred(targeted=True)) == 5  # 0.1 / 2
    assert swapped(hundred(), alpha=0.8) == 40


def with_images(images: Tensor, pixels: int = 1, budget: int = 200) -> Space:
    """The space of these images, one a seed."""
    here = space(*range(len(images)), shape=(3, 6, 5), pixels=pixels, budget=budget)
    return replace(here, known=replace(here.known, images=images))


def test_a_single_swap_changes_the_colour_that_is_there() -> None:
    """Of black and white images one corner of 8 is there already: it would be drawn in 1 of 8 swaps."""
    images = torch.randint(2, (40, 3, 6, 5), generator=torch.Generator().manual_seed(0)).float()
    here = with_images(images)
    redrawn = 0
    for image, asked in zip(images, all_candidates(sparse_rs, here), strict=True):
        positions, colours = decode(asked, here)
        there = PixelGrid.of(here).pixels(image[None])[0][positions[:, 0]]
        assert not (colours[1:, 0] == there[1:]).all(1).any()  # the first set is drawn without a look
        redrawn += int((colours[0, 0] == there[0]).all())
    assert redrawn > 0


def test_a_colour_is_drawn_again_from_all_others_with_equal_probability() -> None:
    here = with_images(torch.zeros(400, 3, 6, 5), budget=30)
    colours = torch.cat([decode(asked[1:], here)[1][:, 0] for asked in all_candidates(sparse_rs, here)])
    corner = (colours.long() // 255 * torch.tensor([1, 2, 4])).sum(1)
    counts = np.bincount(corner, minlength=8)
    assert counts[0] == 0 and chisquare(counts[1:]).pvalue > 1e-3


def test_only_an_image_for_which_a_colour_is_drawn_again_differs() -> None:
    """Grey images have no corner colour: theirs are the outcomes of before; images beside do not matter."""
    grey, black = torch.full((3, 3, 6, 5), 100 / 255), torch.zeros(3, 3, 6, 5)
    mixed = torch.cat([grey[:2], black[2:]])
    alone, beside = (all_candidates(sparse_rs, with_images(each)) for each in (grey, mixed))
    assert torch.equal(alone[0], beside[0]) and torch.equal(alone[1], beside[1])
    assert not torch.equal(alone[2], beside[2])


def test_where_all_pixels_are_taken_the_colour_that_is_in_the_set_changes() -> None:
    here = space(3, shape=(3, 2, 2), pixels=4, budget=200)
    (asked,) = all_candidates(sparse_rs, here, lambda turn, asked: torch.full(asked.shape[:2], -1.0 - turn))
    assert (asked[1:] != asked[:-1]).any(1).all()  # each is accepted, and differs from the one before


def test_a_swap_of_several_pixels_draws_no_colour_again() -> None:
    here = with_images(torch.zeros(60, 3, 6, 5), pixels=8, budget=10_000)
    _, second = generations(partial(sparse_rs, alpha=1.0)(here), 1.0)
    colours = torch.cat([decode(each, here)[1].flatten(0, 1) for each in second])
    assert (colours == 0).all(1).float().mean() == pytest.approx(1 / 8, abs=0.05)
