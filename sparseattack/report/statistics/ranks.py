"""Average ranks of several methods over images: Friedman's test, then Wilcoxon's for every two.

The tests of every two depend on these two only; those of mean ranks, such as Nemenyi's, depend on which other
methods take part, and count the many ties of failures as if there were none (Benavoli, Corani and Mangili,
2016).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from sparseattack.report.statistics.intervals import holm
from sparseattack.report.statistics.paired import sign_flip_p
from sparseattack.report.summary import common_to_all
from sparseattack.study.columns import Columns, Reals

EXACT_RANKS = 50  # images that differ, up to which all signs of their ranks are counted


@dataclass(frozen=True)
class RankComparison:
    """M methods ranked on every image that all of them attack, the fewest queries first."""

    images: int
    ranks: Reals  # (M,) averages; of equal queries, the mean of the ranks that they take
    friedman: float  # p-value: whether the ranks differ at all
    pairs: Reals  # (M, M) p-values of Wilcoxon's signed-rank test, adjusted by Holm; 1 on the diagonal


def mean_queries(several: Sequence[Columns], budget: int) -> Reals:
    """Queries to success ``(M, images)`` within a budget, the mean of an image's runs; a failure is above it.

    Only runs of the same image, seed and target count that all methods have.
    """
    found = []
    for runs in common_to_all(several):
        _, place = np.unique(runs.image, return_inverse=True)
        hit = runs.success & (runs.first_fooled <= budget)
        cost = np.where(hit, runs.first_fooled, budget + 1)
        found.append(np.bincount(place, cost) / np.bincount(place))
    return np.array(found)


def compare_ranks(queries: Reals) -> RankComparison:
    """Methods compared by their queries ``(M, images)``; there are at least three, and two images."""
    from scipy.stats import friedmanchisquare, rankdata

    count, images = queries.shape
    differ = (queries != queries[0]).any()
    friedman = float(friedmanchisquare(*queries).pvalue) if differ else 1.0
    both = list(combinations(range(count), 2))
    tests = [signed_rank_p(queries[one] - queries[other]) for one, other in both]
    pairs = np.ones((count, count))
    for (one, other), p in zip(both, holm(tests), strict=True):
        pairs[one, other] = pairs[other, one] = p
    return RankComparison(images, rankdata(queries, axis=0).mean(axis=1), friedman, pairs)


def signed_rank_p(differences: Reals) -> float:
    """Two-sided p-value of Wilcoxon's signed-rank test, with Pratt's (1959) way with differences of 0.

    These have ranks, which are then left out. The signs of the others are random: with few, all are counted;
    with many, their sum is taken for normal.
    """
    from scipy.stats import rankdata

    signed = (np.sign(differences) * rankdata(np.abs(differences)))[differences != 0]
    if not 0 < len(signed) <= EXACT_RANKS:
        return sign_flip_p(signed)
    doubled = (2 * signed).astype(np.int64)  # of equal differences, ranks are halves
    chance = np.ones(1)  # of every sum of the ranks whose sign is positive
    for rank in np.abs(doubled):
        zeros = np.zeros(rank)
        chance = (np.concatenate([chance, zeros]) + np.concatenate([zeros, chance])) / 2
    sums = 2 * np.arange(len(chance)) - np.abs(doubled).sum()
    return float(chance[np.abs(sums) >= abs(doubled.sum())].sum())
