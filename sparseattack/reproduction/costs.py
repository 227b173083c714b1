"""What an attack costs and changes, each a function of runs alone.

Evaluations and distortion are those of Table VI of the one-pixel paper (Su, Vargas and Sakurai, 2019).
Queries to first success, with those of failures, are what compares strategies.
"""

from collections.abc import Sequence

import numpy as np

from sparseattack.report.report import by_image
from sparseattack.report.statistics import median
from sparseattack.study.record import Record

from .measure import Measure

Records = Sequence[Record]


def evaluations(records: Records) -> Measure | None:
    """AvgEvaluation: rows shown to the network per success, whole generations; None without.

    All that the search cost until it stopped by the protocol's rule, not the queries to first success.
    """
    costs = [record.queries for record in records if record.success]
    return Measure(float(np.mean(costs)), len(costs), "number") if costs else None


def distortion(records: Records) -> Measure | None:
    """AvgDistortion: mean absolute change of a channel of the changed pixels, 0 to 255.

    Averaged over the successes; None without any.
    """
    changes = [record.distortion for record in records if record.success]
    return Measure(float(np.mean(changes)), len(changes), "number") if changes else None


def median_queries(records: Records) -> Measure:
    """Median queries to first success, a failure counting as more than any: infinite where half fail."""
    value = median([record.cost for record in records], [record.success for record in records])
    return Measure(value, len(records), "number")


def mean_queries(records: Records) -> Measure:
    """Mean queries to first success, a failure counting with all that it was asked."""
    costs = [record.first_fooled if record.success else record.queries for record in records]
    return Measure(float(np.mean(costs)), len(records), "number")


def share_found(records: Records, among: Records) -> Measure | None:
    """Of the images that the runs ``among`` fool, the share that ``records`` fool too; None if it is none."""
    fooled = {image for image, share in by_image(among).items() if share > 0}
    both = [share > 0 for image, share in by_image(records).items() if image in fooled]
    return Measure(float(np.mean(both)), len(both), "rate") if both else None
