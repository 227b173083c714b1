"""Draws without replacement are exact, and each image's own."""

from itertools import permutations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare
from spaces import space

from sparseattack.strategies.draws import distinct, others, outside, part


@given(st.sets(st.integers(0, 30), max_size=20), st.integers(1, 40))
def test_outside_numbers_what_is_not_taken(taken: set[int], count: int) -> None:
    free = [number for number in range(31 + count) if number not in taken][:count]
    found = outside(torch.arange(count), torch.tensor(sorted(taken, reverse=True), dtype=torch.int64))
    assert found.tolist() == free


def test_others_are_all_different_and_none_is_oneself() -> None:
    picks = others(space(0, 1), popsize=4, count=3)
    for member in range(4):
        rest = sorted({0, 1, 2, 3} - {member})
        assert picks[:, member].sort(1).values.tolist() == [rest, rest]


def test_every_choice_of_others_is_equally_likely() -> None:
    here = space(*range(50))
    picks = torch.cat([others(here, popsize=5, count=3)[:, 2] for _ in range(96)])
    counts = [(picks == torch.tensor(each)).all(1).sum().item() for each in permutations((0, 1, 3, 4), 3)]
    assert sum(counts) == 4800  # nothing else is drawn
    assert chisquare(counts).pvalue > 1e-3


def test_distinct_numbers_are_distinct_and_in_any_order() -> None:
    picks = torch.cat([distinct(space(seed), 5, 5) for seed in range(600)])
    assert (picks.sort(1).values == torch.arange(5)).all()
    assert chisquare(np.bincount(picks[:, 0], minlength=5)).pvalue > 1e-3


def test_a_part_of_a_space_draws_from_its_own_streams_only() -> None:
    here = space(0, 1, 2)
    drawn = part(here, torch.tensor([False, True, False])).uniform(4)
    assert torch.equal(drawn, space(1).uniform(4))
    assert torch.equal(here.uniform(1)[[0, 2]], space(0, 2).uniform(1))
