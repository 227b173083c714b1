"""The metrics of the one-pixel paper, each computed from nothing but the records of runs.

Su, Vargas and Sakurai, One pixel attack for fooling deep neural networks, IEEE TEVC 23(5), 2019; arXiv
1710.08864, version 7: section IV, evaluations and distortion as in Table VI. Queries to first success are
added, because they compare strategies. A success is a verified one.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np

from sparseattack.report.statistics.intervals import median, wilson
from sparseattack.study.record import Record

CLASSES = 10  # of CIFAR-10

MeasureKind = Literal["rate", "share", "number"]
"""A rate is successes over trials and has an interval; a share is any other mean in [0, 1]."""


@dataclass(frozen=True)
class Measure:
    """A value that was measured or printed, and the number of its trials."""

    value: float
    count: int  # trials of a rate (images), or terms of a mean; 0 if unknown
    kind: MeasureKind

    @cached_property
    def interval(self) -> tuple[float, float] | None:
        """95 % score interval of a rate (Wilson, 1927); None without a count."""
        return wilson(self.value, self.count) if self.kind == "rate" and self.count else None

    def holds(self, other: "Measure") -> bool | None:
        """Whether the value of ``other`` lies in the interval; None without one."""
        return None if self.interval is None else self.interval[0] <= other.value <= self.interval[1]

    def meets(self, other: "Measure") -> bool | None:
        """Whether the two intervals have a value in common; None without both."""
        if self.interval is None or other.interval is None:
            return None
        return max(self.interval[0], other.interval[0]) <= min(self.interval[1], other.interval[1])

    def to_dict(self) -> dict[str, Any]:
        """Value, count and interval; an infinite value is None."""
        low, high = self.interval or (None, None)
        value = self.value if abs(self.value) < float("inf") else None
        return {"value": value, "count": self.count, "low": low, "high": high}


Records = Sequence[Record]


def by_image(records: Records) -> dict[int, float]:
    """Share of each image's runs, over its seeds and targets, that succeeded."""
    groups: dict[int, list[bool]] = defaultdict(list)
    for record in records:
        groups[record.image].append(record.success)
    return {image: float(np.mean(hits)) for image, hits in groups.items()}


def success_rate(records: Records) -> Measure:
    """Attack success rate: successes / runs; the runs of an image, one a target, are one trial.

    A targeted success is the target and no other class. An untargeted one is any class but the true one,
    measured directly: "non-targeted 2" of the paper's Table VIII.
    """
    images = by_image(records)
    return Measure(float(np.mean(list(images.values()))), len(images), "rate")


def derived_success_rate(records: Records) -> Measure:
    """Images that reach at least one target / images, from targeted runs to every other class.

    The paper's "non-targeted" on the Kaggle images, and "non-targeted 1" of its Table VIII. Its protocols
    attack images that are classified correctly, with one seed; there it is what tables of any study show.
    """
    reached = classes_reached(records)
    return Measure(float(np.mean([count > 0 for count in reached.values()])), len(reached), "rate")


def confidence(records: Records) -> Measure | None:
    """Adversarial probability label: mean confidence of the successes; None without a success.

    The confidence is the probability of the class predicted after the attack, the target if there is one.
    """
    sure = [record.after_confidence for record in records if record.success]
    return Measure(float(np.mean(sure)), len(sure), "share") if sure else None


def classes_reached(records: Records) -> dict[int, int]:
    """Number of targets that each image reaches, by image: 0 to 9 with ten classes."""
    reached: dict[int, set[int]] = defaultdict(set)
    for record in records:
        reached[record.image] |= {record.target} if record.success else set()
    return {image: len(classes) for image, classes in reached.items()}


def mean_classes(records: Records) -> Measure:
    """Number of targets that an image reaches, a mean over the images."""
    reached = classes_reached(records)
    return Measure(float(np.mean(list(reached.values()))), len(reached), "number")


def histogram(records: Records) -> list[float]:
    """Share of the images that reach 0, 1, ... 9 targets, or more if there are more classes."""
    counts = np.bincount(list(classes_reached(records).values()), minlength=CLASSES)
    return [float(count) for count in counts / counts.sum()]


def class_pairs(records: Records) -> list[list[int]]:
    """Original-target class pairs: successes from each class (row) to each class (column); 10 x 10 or more.

    The column is the class predicted after the attack, the target if there is one.
    """
    moves = [(record.label, record.after_class) for record in records if record.success]
    size = max(CLASSES - 1, *(max(move) for move in moves), 0) + 1
    pairs = np.zeros((size, size), dtype=int)
    for move in moves:
        pairs[move] += 1
    return [[int(count) for count in row] for row in pairs]


def evaluations(records: Records) -> Measure | None:
    """AvgEvaluation: mean queries of a successful run, in whole generations; None without a success.

    The queries until the search met the protocol's stopping criterion, not those to first success.
    """
    costs = [record.queries for record in records if record.success]
    return Measure(float(np.mean(costs)), len(costs), "number") if costs else None


def distortion(records: Records) -> Measure | None:
    """AvgDistortion: mean absolute change of a channel of the changed pixels, 0 to 255.

    A mean over the successes; None without a success.
    """
    known = [record for record in records if record.success]
    changes = [record.distortion for record in known if record.distortion is not None]
    if len(changes) < len(known):  # of runs that went on after the budget
        return None
    return Measure(float(np.mean(changes)), len(changes), "number") if changes else None


def median_queries(records: Records) -> Measure:
    """Median queries to first success; failures are censored: infinite if half of the runs fail."""
    value = median([record.cost for record in records], [record.success for record in records])
    return Measure(value, len(records), "number")


def mean_queries(records: Records) -> Measure:
    """Mean queries to first success; failures are censored at the budget."""
    return Measure(float(np.mean([record.cost for record in records])), len(records), "number")


def share_found(records: Records, among: Records) -> Measure | None:
    """Share of the images fooled by the runs ``among`` that ``records`` fool too; None if there are none."""
    fooled = {image for image, share in by_image(among).items() if share > 0}
    both = [share > 0 for image, share in by_image(records).items() if image in fooled]
    return Measure(float(np.mean(both)), len(both), "rate") if both else None
