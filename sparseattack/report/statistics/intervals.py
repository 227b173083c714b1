"""Intervals of rates, medians of censored queries, and exact paired tests: what every table shows.

No more of SciPy is imported than its special functions, and these when they are used: all starts fast.
"""

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np

from sparseattack.study.columns import Reals

BISECTIONS = 40  # to find an end of an interval


def wilson(rate: float, count: int, level: float = 0.95) -> tuple[float, float]:
    """Score interval of a success rate over ``count`` images (Wilson, 1927).

    Where an image was run several times ``rate`` is the mean over its runs. The interval, which treats each
    image as one trial, is then at least as wide as it need be: a mean in [0, 1] varies at most like a coin.
    """
    low, high = wilson_band(np.array([rate]), count, level)
    return float(low[0]), float(high[0])


def wilson_band(rates: Reals, count: int | Reals, level: float = 0.95) -> tuple[Reals, Reals]:
    """The same for several rates ``(T,)`` of the same images, or of as many as ``count (T,)``: both ends."""
    if isinstance(count, int) and count == 0:
        return np.zeros(len(rates)), np.ones(len(rates))
    z = NormalDist().inv_cdf((1 + level) / 2)
    middle = rates + z * z / (2 * count)
    half = z * np.sqrt(np.maximum(rates * (1 - rates), 0) / count + (z / (2 * count)) ** 2)
    shrink = 1 + z * z / count
    return np.maximum((middle - half) / shrink, 0.0), np.minimum((middle + half) / shrink, 1.0)


def paired_band(
    resampled: tuple[Reals, Reals], ahead: Reals, behind: Reals, count: int, *, repeated: bool
) -> tuple[Reals, Reals]:
    """Both ends of 95 % intervals ``(T,)`` of differences of two rates on the same ``count`` images.

    Those that were ``resampled`` where images with ``repeated`` runs differ, else score intervals.
    """
    chosen = repeated & (ahead + behind > 0)
    low, high = zip(resampled, difference_band(ahead, behind, count), strict=True)
    return np.where(chosen, *low), np.where(chosen, *high)


def difference_band(ahead: Reals, behind: Reals, count: int, level: float = 0.95) -> tuple[Reals, Reals]:
    """Score intervals of differences of two rates on the same ``count`` images (Tango, 1998): both ends.

    On so many images only the first method succeeds, ``ahead (T,)``, or only the second, ``behind (T,)``.
    Where no image differs an interval has a width, too.
    """
    z = NormalDist().inv_cdf((1 + level) / 2)
    difference, ends = (ahead - behind) / count, []
    for sign in (-1.0, 1.0):
        inside, outside = difference, np.full(len(difference), sign)
        for _ in range(BISECTIONS):
            middle = (inside + outside) / 2
            other = 2 * count + behind - ahead
            linear = other * middle - ahead - behind
            root = np.sqrt(np.maximum(linear**2 + 8 * count * behind * middle * (1 - middle), 0))
            only_second = (root - linear) / (4 * count)  # the likeliest share, were the difference this one
            variance = count * (2 * only_second + middle * (1 - middle))
            kept = np.abs(ahead - behind - count * middle) <= z * np.sqrt(np.maximum(variance, 0))
            inside, outside = np.where(kept, middle, inside), np.where(kept, outside, middle)
        ends.append(inside)
    return ends[0], ends[1]


def median(costs: Sequence[int], successes: Sequence[bool]) -> float:
    """Median queries to success; infinite where the middle run is a failure, which is censored."""
    known = np.where(successes, np.asarray(costs, dtype=float), np.inf)
    return float(np.quantile(known, 0.5, method="inverted_cdf")) if len(known) else np.inf


def mcnemar(only_first: int, only_second: int) -> float:
    """Exact two-sided p-value of paired successes (McNemar, 1947)."""
    from scipy.special import bdtr

    return min(1.0, 2 * float(bdtr(min(only_first, only_second), only_first + only_second, 0.5)))


def holm(values: Sequence[float]) -> list[float]:
    """p-values adjusted for their number (Holm, 1979)."""
    order = np.argsort(values, kind="stable")
    factors = np.arange(len(values), 0, -1)
    adjusted = np.minimum(np.maximum.accumulate(np.asarray(values)[order] * factors), 1.0)
    result = np.empty(len(values))
    result[order] = adjusted
    return [float(value) for value in result]
