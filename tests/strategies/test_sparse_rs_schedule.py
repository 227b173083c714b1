"""How many pixels Sparse-RS swaps."""

from functools import partial

import pytest
from spaces import decode, generations, space

from sparseattack import Space
from sparseattack.strategies.sparse_rs import sparse_rs, swaps


@pytest.mark.parametrize(
    ("query", "divisor"),
    [(1, 2), (50, 2), (51, 4), (200, 4), (201, 5), (500, 5), (501, 6), (1000, 6), (1001, 8), (2000, 8),
     (2001, 10), (4000, 10), (4001, 12), (6000, 12),
     (6001, 15), (8000, 15), (8001, 20), (9999, 20), (20000, 20)],
)  # fmt: skip
def test_the_published_schedule(query: int, divisor: int) -> None:
    here = space(shape=(3, 100, 100), pixels=600, budget=10_000)
    assert swaps(query, here, 1.0) == 600 // divisor


def test_the_schedule_is_scaled_to_the_budget() -> None:
    here = space(shape=(3, 100, 100), pixels=600, budget=1000)
    assert [swaps(query, here, 1.0) for query in (5, 6, 20, 21, 800, 801)] == [300, 150, 150, 120, 40, 30]


@pytest.mark.parametrize(
    ("pixels", "share", "wanted"), [(1, 1.0, 1), (5, 0.3, 1), (150, 0.3, 22), (150, 0.1, 7)]
)
def test_at_least_one_pixel_is_swapped(pixels: int, share: float, wanted: int) -> None:
    assert swaps(1, space(shape=(3, 20, 20), pixels=pixels, budget=10_000), share) == wanted


def test_alpha_is_the_paper_s_unless_chosen() -> None:
    def swapped(here: Space, alpha: float | None = None) -> int:
        first, second = generations(sparse_rs(here, alpha=alpha), 1.0)
        before, after = (set(decode(each[0], here)[0][0].tolist()) for each in (first, second))
        return len(after - before)

    hundred = partial(space, shape=(3, 30, 30), pixels=100, budget=10_000)
    assert swapped(hundred()) == 15  # 0.3 / 2 of 100
    assert swapped(hundred(targeted=True)) == 5  # 0.1 / 2
    assert swapped(hundred(), alpha=0.8) == 40
