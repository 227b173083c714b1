"""The few statistics of a comparison; SciPy does the work."""

from collections.abc import Sequence

import numpy as np
from scipy.stats import binomtest, norm


def wilson(rate: float, count: int, level: float = 0.95) -> tuple[float, float]:
    """Score interval of a success rate over ``count`` images (Wilson, 1927).

    Where an image was run several times ``rate`` is the mean over its runs. The interval, which treats each
    image as one trial, is then at least as wide as it need be: a mean in [0, 1] varies at most like a coin.
    """
    if count == 0:
        return 0.0, 1.0
    z = float(norm.ppf((1 + level) / 2))
    middle = rate + z * z / (2 * count)
    half = z * np.sqrt(rate * (1 - rate) / count + (z / (2 * count)) ** 2)
    shrink = 1 + z * z / count
    return max(float(middle - half) / shrink, 0.0), min(float(middle + half) / shrink, 1.0)


def median(costs: Sequence[int], successes: Sequence[bool]) -> float:
    """Median queries to success; infinite where the middle run is a failure, which is censored."""
    known = np.where(successes, np.asarray(costs, dtype=float), np.inf)
    return float(np.quantile(known, 0.5, method="inverted_cdf")) if len(known) else np.inf


def mcnemar(only_first: int, only_second: int) -> float:
    """Exact two-sided p-value of paired successes (McNemar, 1947)."""
    count = only_first + only_second
    return float(binomtest(only_first, count).pvalue) if count else 1.0


def holm(values: Sequence[float]) -> list[float]:
    """p-values adjusted for their number (Holm, 1979)."""
    order = np.argsort(values, kind="stable")
    factors = np.arange(len(values), 0, -1)
    adjusted = np.minimum(np.maximum.accumulate(np.asarray(values)[order] * factors), 1.0)
    result = np.empty(len(values))
    result[order] = adjusted
    return [float(value) for value in result]
