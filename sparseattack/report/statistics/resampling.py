"""Bootstrap over images: how much a curve of success varies with the images that happen to be attacked.

An image is drawn with all its runs, of every seed, target and method: what belongs together stays together.
So the interval of a difference is that of paired observations, and repeated runs make none narrower than the
images allow. Intervals are percentiles of 1,000 resamples (Efron, 1979), drawn from a fixed seed.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sparseattack.report.statistics.curves import SuccessCurve, success_curve
from sparseattack.study.columns import Columns, Numbers, Reals

RESAMPLES = 1000
AT_ONCE = 2**23  # numbers of images drawn
POINTS = 384  # of a curve: numbers of queries, all there are or else evenly spaced on a logarithmic axis
LEVEL = 0.95  # of intervals


def grid(several: Sequence[Columns], budget: int) -> Numbers:
    """Numbers of queries from 1 to the budget at which curves of success are resampled, ascending."""
    costs = np.unique(np.concatenate([runs.first_fooled[runs.success] for runs in several]))
    costs = costs[costs < budget]
    if len(costs) > POINTS:
        costs = np.unique(np.geomspace(1, budget, POINTS).astype(np.int64))
    return np.unique([1, *costs.tolist(), budget])


def successes_by_image(runs: Columns, images: Numbers, queries: Numbers) -> NDArray[np.float32]:
    """Runs of each image that succeeded within numbers of queries ``(n, G)``; ``images`` ascend."""
    hits = runs.success & (runs.first_fooled <= queries[-1])
    place = np.searchsorted(images, runs.image[hits])
    column = np.searchsorted(queries, runs.first_fooled[hits])
    counts = np.bincount(place * len(queries) + column, minlength=len(images) * len(queries))
    return np.cumsum(counts.reshape(len(images), -1), axis=1).astype(np.float32)


def draws(count: int) -> Iterator[NDArray[np.float32]]:
    """How often each of ``count`` images is drawn, resample by resample ``(b, count)``, in portions."""
    stream = np.random.default_rng(count)
    portion = max(1, min(RESAMPLES, AT_ONCE // max(count, 1)))
    for start in range(0, RESAMPLES, portion):
        rows = min(portion, RESAMPLES - start)
        chosen = stream.integers(count, size=(rows, count)) + count * np.arange(rows)[:, None]
        yield np.bincount(chosen.ravel(), minlength=rows * count).reshape(rows, count).astype(np.float32)


class PairedCurves(NamedTuple):
    """Curves of success of methods on the same images, as observed and resampled."""

    curves: list[SuccessCurve]  # as observed, at every number of queries where they rise
    queries: Numbers  # (G,) at which they are resampled
    observed: list[Reals]  # (G,) each
    drawn: list[Reals]  # (RESAMPLES, G) each, of the same images in every resample


def paired_curves(several: Sequence[Columns], budget: int) -> PairedCurves:
    """Curves of methods of which each has a run of every case of the others; there is at least one.

    Where images have equally many runs these are counted in whole numbers, so that sums are exact.
    """
    images, counts = np.unique(several[0].image, return_counts=True)
    queries, most = grid(several, budget), int(counts.max())
    factor = (most / counts).astype(np.float32)[:, None]
    shares = [successes_by_image(runs, images, queries) * factor for runs in several]
    parts = [[drawn @ each for each in shares] for drawn in draws(len(images))]
    runs = len(images) * most
    observed = [np.asarray(each.sum(axis=0, dtype=float) / runs) for each in shares]
    drawn = [np.asarray(np.concatenate(part).astype(float) / runs) for part in zip(*parts, strict=True)]
    return PairedCurves([success_curve(runs, budget) for runs in several], queries, observed, drawn)


def interval(values: Reals) -> tuple[Reals, Reals]:
    """Ends of the percentile interval of resamples ``(RESAMPLES, ...)``; infinite ones are the largest."""
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(values, [tail, 1 - tail], axis=0, method="inverted_cdf")
    return low, high


def queries_to_reach(curves: Reals, queries: Numbers, level: float) -> Reals:
    """The first number of queries at which each curve ``(..., G)`` comes to a level; infinite for none."""
    reached = curves >= level - 1e-6
    first = queries[reached.argmax(axis=-1)].astype(float)
    return np.where(reached.any(axis=-1), first, np.inf)
