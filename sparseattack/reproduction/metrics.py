"""What an attack costs and changes, each a function of runs alone.

Evaluations and distortion are those of Table VI of the one-pixel paper (Su, Vargas and Sakurai, 2019).
Queries to first success, with those of failures, are what compares strategies.

A number that was measured or printed, and whether two of them agree.

The metrics of the one-pixel paper, each a function of runs alone.

Su, Vargas and Sakurai, One pixel attack for fooling deep neural networks, IEEE TEVC 23(5), 2019; arXiv
1710.08864, version 7, section IV. A success is a verified one.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np

from sparseattack.report.statistics import median, wilson
from sparseattack.report.summary import by_image
from sparseattack.study.record import Record

Kind = Literal["rate", "share", "number"]
"""A rate is successes over trials and has an interval; a share is any other mean in [0, 1]."""


@dataclass(frozen=True)
class Measure:
    """A value, and over how many it was taken."""

    value: float
    count: int  # trials of a rate (images), or what the mean is over; 0 is not known
    kind: Kind

    @cached_property
    def interval(self) -> tuple[float, float] | None:
        """95 % score interval of a rate (Wilson, 1927); None where there is no count."""
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
        """Value, count and interval; what is infinite is None."""
        low, high = self.interval or (None, None)
        value = self.value if abs(self.value) < float("inf") else None
        return {"value": value, "count": self.count, "low": low, "high": high}


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


CLASSES = 10  # of CIFAR-10


def success_rate(records: Records) -> Measure:
    """Successes / runs, an image's runs towards several targets counting as one trial.

    Targeted, a success is the target and no other class; untargeted it is any class but the true one,
    measured directly: "non-targeted 2" of the paper's Table VIII.
    """
    images = by_image(records)
    return Measure(float(np.mean(list(images.values()))), len(images), "rate")


def derived_success_rate(records: Records) -> Measure:
    """Images moved to at least one class / images: from targeted runs to every other class.

    All that the paper calls non-targeted on the Kaggle images, and "non-targeted 1" of Table VIII.
    """
    reached = classes_reached(records)
    return Measure(float(np.mean([count > 0 for count in reached.values()])), len(reached), "rate")


def confidence(records: Records) -> Measure | None:
    """Adversarial probability label: sum of confidences of the successes / successes; None without any.

    The confidence is that of the class the image is taken for: the target's where there is one, and otherwise
    that of whichever class leads after the attack.
    """
    sure = [record.after_confidence for record in records if record.success]
    return Measure(float(np.mean(sure)), len(sure), "share") if sure else None


def classes_reached(records: Records) -> dict[int, int]:
    """Number of target classes that each image is moved to, by image: 0 to 9 with ten classes."""
    reached: dict[int, set[int]] = defaultdict(set)
    for record in records:
        reached[record.image] |= {record.target} if record.success else set()
    return {image: len(classes) for image, classes in reached.items()}


def mean_classes(records: Records) -> Measure:
    """Number of target classes, averaged over the images."""
    reached = classes_reached(records)
    return Measure(float(np.mean(list(reached.values()))), len(reached), "number")


def histogram(records: Records) -> list[float]:
    """Share of the images that are moved to 0, 1, ... 9 classes; more where there are more."""
    counts = np.bincount(list(classes_reached(records).values()), minlength=CLASSES)
    return [float(count) for count in counts / counts.sum()]


def class_pairs(records: Records) -> list[list[int]]:
    """Original-target class pairs: successes from each class (row) to each class (column); 10 x 10 or more.

    The column is the target or, untargeted, the class that leads after the attack.
    """
    moves = [(record.label, record.after_class) for record in records if record.success]
    size = max(CLASSES - 1, *(max(move) for move in moves), 0) + 1
    pairs = np.zeros((size, size), dtype=int)
    for move in moves:
        pairs[move] += 1
    return [[int(count) for count in row] for row in pairs]
