"""Uniform random search is uniform, in pixels and colours."""

import numpy as np
import pytest
from scipy.stats import chisquare
from spaces import all_candidates, decode, space

from sparseattack.strategies.random_search import random_search


@pytest.mark.parametrize("popsize", [1, 17, 100])
def test_every_pixel_and_colour_is_equally_likely(popsize: int) -> None:
    here = space(0, shape=(1, 6, 5), budget=3000)
    (asked,) = all_candidates(lambda here: random_search(here, popsize=popsize), here)
    positions, colours = decode(asked, here)
    assert chisquare(np.bincount(positions[:, 0], minlength=30)).pvalue > 1e-3
    assert chisquare(np.bincount(colours[:, 0, 0] // 16, minlength=16)).pvalue > 1e-3
