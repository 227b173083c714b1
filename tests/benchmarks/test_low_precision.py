"""What a filter in low precision would leave open, on margins made by hand."""

import pytest
import torch

from benchmarks.low_precision import left_open


def test_what_a_bound_leaves_open() -> None:
    exact = torch.tensor([[1.0, 5.0, 2.0, 2.5], [-4.0, 4.0, 0.25, 0.0]])
    filtered = exact + torch.tensor([[0.5, 0.0, 0.0, 0.0], [0.0, -0.25, 0.0, 0.0]])
    found = left_open(exact, filtered)
    assert (found.error, found.order, found.sign) == (0.5, 2 / 4, 2 / 8)  # pairs .5 and .25 apart; .25 and 0


def test_what_is_open_takes_the_time_of_both() -> None:
    exact = torch.tensor([[1.0, 1.0]])
    compares, finds = left_open(exact, exact + torch.tensor([[0.25, 0.0]])).speedup(4.0)
    assert compares == pytest.approx(1 / (0.25 + 1)) and finds == pytest.approx(4.0)
