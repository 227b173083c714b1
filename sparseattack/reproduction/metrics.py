"""The metrics of the one-pixel paper, each a function of runs alone.

Su, Vargas and Sakurai, One pixel attack for fooling deep neural networks, IEEE TEVC 23(5), 2019; arXiv
1710.08864, version 7, section IV. A success is a verified one.
"""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from sparseattack.report.report import by_image
from sparseattack.study.record import Record

from .measure import Measure

Records = Sequence[Record]

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
