"""Tests of two methods on the same images, and how many images such a test needs.

An image is one observation, whatever the number of its runs.
"""

from bisect import bisect_left
from itertools import product
from math import ceil, floor, log2, sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from sparseattack.report.statistics.intervals import mcnemar
from sparseattack.study.columns import Columns, Reals

EXACT = 12  # images that differ, up to which all exchanges are enumerated
POWER, LEVEL = 0.8, 0.05  # of the test for which images are counted; two-sided
MOST = 10**9  # images


def logrank_scores(first: Columns, second: Columns) -> Reals:
    """The log-rank scores of two methods on the same cases, of each image on which they differ.

    Their sum is positive where the first succeeds sooner.

    The log-rank statistic O - E is a sum of a score for each run: one for a success, less the cumulative
    hazard of both methods together at its number of queries. The scores are summed image by image, and the
    sign of an image's sum is as good as random if its methods may be exchanged: the variance is the sum of
    squares (O'Brien and Fleming, 1987, for one pair a unit). So neither the pairs nor several runs of an
    image, which are alike, are taken for independent observations, as the usual log-rank test would; with
    several seeds that one finds differences where there are none. Normal approximation; with few images that
    differ, all exchanges are enumerated.
    """
    cost = np.concatenate([first.cost, second.cost])
    event = np.concatenate([first.success, second.success])
    scores = event - cumulative_hazard(cost, event)[np.searchsorted(np.unique(cost), cost)]
    sign = np.repeat([1.0, -1.0], [len(first), len(second)]) / 2
    _, place = np.unique(np.concatenate([first.image, second.image]), return_inverse=True)
    sums = np.asarray(np.bincount(place, sign * scores), float)
    known: Reals = sums[np.abs(sums) > 1e-9 * max(1.0, float(np.abs(scores).max(initial=0)))]
    return known


def cumulative_hazard(cost: NDArray[np.int64], event: NDArray[np.bool_]) -> Reals:
    """The Nelson-Aalen estimate at each distinct cost, ascending."""
    times, place = np.unique(cost, return_inverse=True)
    at_risk = len(cost) - np.concatenate([[0], np.cumsum(np.bincount(place, minlength=len(times)))[:-1]])
    hazard: Reals = np.cumsum(np.bincount(place, event, minlength=len(times)) / at_risk)
    return hazard


def sign_flip_p(sums: Reals) -> float:
    """Two-sided p-value of a sum of numbers whose signs are random."""
    if not len(sums):
        return 1.0
    if len(sums) <= EXACT:
        signs = np.array(list(product((1.0, -1.0), repeat=len(sums))))
        return float((np.abs(signs @ sums) >= abs(sums.sum()) * (1 - 1e-9)).mean())
    return 2 * NormalDist().cdf(-abs(float(sums.sum())) / sqrt(float((sums**2).sum())))


def images_needed(discordant: float, difference: float, tests: int = 1) -> int | None:
    """Images on which a paired test sees a difference of rates with a power of 80 %.

    Its level is 5 %, divided by the number of ``tests`` where it is one of several (Bonferroni).
    ``discordant`` is the share of images on which only one of two methods is better, ``difference`` that of
    the first less that of the second (Connor, 1987, for McNemar's test). None where there is no difference,
    and above a thousand million images. At least as many as let the exact test see the difference.
    """
    gap = abs(difference)
    both = max(discordant, gap)
    if gap == 0:
        return None
    level, power = NormalDist().inv_cdf(1 - LEVEL / tests / 2), NormalDist().inv_cdf(POWER)
    needed = ((level * sqrt(both) + power * sqrt(max(both - gap * gap, 0.0))) / gap) ** 2
    needed = max(needed, (floor(log2(2 * tests / LEVEL)) + 1) / gap)  # images all one way that are enough
    return ceil(needed) if needed < MOST else None


def smallest_lead(differing: int, images: int, tests: int = 1) -> int | None:
    """On how many more of so many images one method has to be better than another for this to be significant.

    By McNemar's exact test at 5 %, divided by the number of ``tests``. As many images differ as in fact did,
    or as many as have to. None where all images in favour of one are too few.
    """

    def is_shown(lead: int) -> bool:
        behind = max(0, (differing - lead) // 2)
        return mcnemar(behind + lead, behind) * tests < LEVEL

    lead = bisect_left(range(images + 1), True, key=is_shown)
    return lead if lead <= images else None
