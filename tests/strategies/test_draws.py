"""Draws without replacement are exact."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare
from spaces import space

from sparseattack.strategies.draws import distinct, outside


@given(st.sets(st.integers(0, 30), max_size=20), st.integers(1, 40))
def test_outside_numbers_what_is_not_taken(taken: set[int], count: int) -> None:
    free = [number for number in range(31 + count) if number not in taken][:count]
    found = outside(torch.arange(count), torch.tensor(sorted(taken, reverse=True), dtype=torch.int64))
    assert found.tolist() == free


def test_distinct_numbers_are_distinct_and_in_any_order() -> None:
    picks = torch.cat([distinct(space(seed), 5, 5) for seed in range(600)])
    assert (picks.sort(1).values == torch.arange(5)).all()
    assert chisquare(np.bincount(picks[:, 0], minlength=5)).pvalue > 1e-3
