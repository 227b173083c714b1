"""Success against queries: the share of images fooled within a number of queries, with its band.

Several runs of an image, over seeds or targets, are one trial: each counts as its share, as in the table.
Where budgets differ, a run that failed says nothing of what comes after its own budget: it is censored there.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sparseattack.report.statistics.intervals import wilson_band
from sparseattack.study.columns import Columns, Numbers, Reals

TINY = 1e-12  # weight, or share of images


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

    Every run is observed to its budget, so that this is the empirical distribution function, which
    `kaplan_meier` then equals. At any number of queries it is the table's rate with its interval.
    """
    hits = runs.success
    costs, each = runs.first_fooled[hits], weights(runs)[hits]
    queries, place = np.unique(costs, return_inverse=True)
    rate = np.minimum(np.cumsum(np.bincount(place, each, minlength=len(queries))), 1.0)
    ends, rates = _to_both_ends(queries, rate, budget)
    low, high = wilson_band(rates, len(np.unique(runs.image)))
    return SuccessCurve(ends, rates, low, high)


def kaplan_meier(runs: Columns) -> SuccessCurve:
    """The success curve of runs of different budgets, each censored at its own (Kaplan and Meier, 1958).

    It reaches from one query to the largest budget, and there is at least one run. Whether a run has a small
    budget must not depend on how hard its image is. The interval is Wilson's with the effective number of
    images, that is of as many as would give Greenwood's variance if none were censored (Rothman, 1978):
    without censoring it is that of `success_curve`, and it is defined where no image or every image is
    fooled, which Greenwood's own, on whatever scale, is not.
    """
    each = weights(runs) * len(np.unique(runs.image))  # sums to the number of images
    queries, place = np.unique(runs.cost, return_inverse=True)
    leaving = np.bincount(place, each, len(queries))
    at_risk: Reals = np.cumsum(leaving[::-1], dtype=float)[::-1]
    fooled = np.minimum(np.bincount(place, each * runs.success, len(queries)), at_risk)
    held: Reals = np.cumprod(1 - fooled / at_risk, dtype=float)  # share of images that none has fooled yet
    images, most = _effective_images(at_risk, fooled, held), int(runs.budget.max())
    before, after = int(queries[0] > 1), int(queries[-1] < most)
    queries = np.concatenate([np.ones(before, np.int64), queries, np.full(after, most, np.int64)])
    held = np.concatenate([np.ones(before), held, held[len(held) - after :]])
    images = np.concatenate([at_risk[:before], images, images[len(images) - after :]])
    rates: Reals = 1.0 - held
    return SuccessCurve(queries, rates, *wilson_band(rates, images))


def _effective_images(at_risk: Reals, fooled: Reals, held: Reals) -> Reals:
    """As many images as would give the variance of a Kaplan-Meier estimate, if none were censored."""
    rest, spread = at_risk - fooled, held * (1 - held)
    terms = np.divide(fooled, at_risk * rest, out=np.zeros(len(rest)), where=rest > TINY)
    variance = held**2 * np.cumsum(terms)  # Greenwood's
    images = np.divide(spread, variance, out=at_risk.copy(), where=(spread > TINY) & (variance > 0))
    last = np.maximum.accumulate(np.where(held > TINY, np.arange(len(held)), 0))  # all are fooled after it
    return np.asarray(images[last])


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
