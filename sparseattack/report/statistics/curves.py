"""Success against queries: the share of images fooled within a number of queries, with its band.

Several runs of an image, over seeds or targets, are one trial: each counts as its share, as in the table.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sparseattack.report.statistics.intervals import wilson_band
from sparseattack.study.columns import Columns, Numbers, Reals


class SuccessCurve(NamedTuple):
    """A step function: the rate from each number of queries on, until the next one."""

    queries: Numbers  # (T,), ascending, from 1
    rate: Reals  # (T,)
    low: Reals  # (T,) ends of the pointwise 95 % band
    high: Reals


def weights(runs: Columns) -> Reals:
    """What each run counts in a mean over images ``(R,)``: the same for each image."""
    _, place, counts = np.unique(runs.image, return_inverse=True, return_counts=True)
    return np.asarray(1 / (counts[place] * max(len(counts), 1)))


def success_curve(runs: Columns, budget: int) -> SuccessCurve:
    """The success curve of runs of one budget, with Wilson's interval at each number of queries.

    Every run is observed to its budget, so that this is the empirical distribution function, which the
    Kaplan-Meier estimate then equals. At any number of queries it is the table's rate with its interval.
    """
    hits = runs.success
    costs, each = runs.first_fooled[hits], weights(runs)[hits]
    queries, place = np.unique(costs, return_inverse=True)
    rate = np.minimum(np.cumsum(np.bincount(place, each, minlength=len(queries))), 1.0)
    ends, rates = _to_both_ends(queries, rate, budget)
    low, high = wilson_band(rates, len(np.unique(runs.image)))
    return SuccessCurve(ends, rates, low, high)


def _to_both_ends(queries: Numbers, rate: NDArray[Any], budget: int) -> tuple[Numbers, Reals]:
    """A step function with a value at one query and at the budget."""
    first = [1] if not len(queries) or queries[0] > 1 else []
    last = [budget] if not len(queries) or queries[-1] < budget else []
    if budget == 1 and first:
        last = []
    ends = np.concatenate([np.array(first, np.int64), queries, np.array(last, np.int64)])
    rates = np.concatenate([np.zeros(len(first)), rate, np.full(len(last), rate[-1] if len(rate) else 0.0)])
    return ends, rates


def unfinished_curve(runs: Columns, planned: Numbers, budget: int) -> SuccessCurve:
    """Bounds of the curve of a condition that lacks runs: all others fail, or all succeed at once.

    ``rate`` is the lower one, as finished runs are no fair sample: successes end before failures.
    """
    images = planned > 0
    each = np.zeros(len(planned))
    each[images] = 1 / (planned[images] * images.sum())
    hits = runs.success
    queries, place = np.unique(runs.first_fooled[hits], return_inverse=True)
    rate = np.cumsum(np.bincount(place, each[runs.image[hits]], minlength=len(queries)))
    lacking = float((each * (planned - np.bincount(runs.image, minlength=len(planned)))).sum())
    ends, rates = _to_both_ends(queries, rate, budget)
    return SuccessCurve(ends, rates, rates, np.minimum(rates + lacking, 1.0))
