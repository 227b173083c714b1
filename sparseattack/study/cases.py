"""Which class is to be reached, image by image."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from sparseattack.data.images import Images
from sparseattack.errors import InputError
from sparseattack.provenance import digest, digest_image
from sparseattack.study.experiment import Experiment


class Case(NamedTuple):
    """One image to be attacked, and how."""

    image: int  # place among the images
    target: int  # class to be reached; -1 when the true one is to be left


def class_number(text: str, classes: tuple[str, ...], count: int) -> int:
    """The class called or numbered ``text``."""
    if text and text in classes:
        return classes.index(text)
    if text.isdecimal() and int(text) < count:
        return int(text)
    names = f" or {', '.join(filter(None, classes))}" if any(classes) else ""
    raise InputError(f"there is no class {text!r}, only 0 to {count - 1}{names}")


def cases(images: Tensor, labels: Tensor, rule: str, seed: int, classes: tuple[str, ...]) -> list[Case]:
    """Every image with every target of ``rule``: none, random, all, or a class by name or number.

    A random target is any class but the image's own, drawn from the seed and the image, whatever its place.
    ``classes`` has a name, or an empty one, for each of K classes.
    """
    count = len(classes)
    if rule == "none":
        return [Case(place, -1) for place in range(len(labels))]
    if rule == "all":
        pairs = ((place, target) for place in range(len(labels)) for target in range(count))
        return [Case(*pair) for pair in pairs if pair[1] != int(labels[pair[0]])]
    if rule == "random":
        places = range(len(labels))
        return [Case(place, _other(images[place], int(labels[place]), seed, count)) for place in places]
    target = class_number(rule, classes, count)
    return [Case(place, target) for place in range(len(labels))]


def _other(image: Tensor, label: int, seed: int, count: int) -> int:
    random = np.random.default_rng([seed, int(digest_image(image), 16)])
    return int((label + 1 + random.integers(count - 1)) % count)


def is_attackable(case: Case, label: int, predicted: int, *, correct_only: bool = False) -> bool:
    """Whether there is anything to attack: correctly classified, or not of the target class nor called so.

    With a target, misclassified images are attacked too unless ``correct_only``.
    """
    right = predicted == label
    return right if case.target < 0 else case.target not in (label, predicted) and (right or not correct_only)


def aims(chosen: Sequence[Case], labels: Tensor) -> Tensor:
    """The class to leave, or to reach, in each case: ``(n,)`` int64."""
    aimed = [case.target if case.target >= 0 else int(labels[case.image]) for case in chosen]
    return torch.tensor(aimed, dtype=torch.int64)


class Selection(NamedTuple):
    """What is attacked, and what is not."""

    cases: dict[int, list[Case]]  # by seed
    eligible: int  # images that may be attacked, drawn or not
    left_out: int  # cases that are no attack: misclassified, or of the target class, or called so


def select_cases(
    experiment: Experiment, images: Images, predicted: Tensor, classes: tuple[str, ...]
) -> Selection:
    """The cases of every seed, where the oracle calls the images ``predicted (N,)`` of its K ``classes``.

    Drawn are images, each with all its targets, and the same ones for every seed. InputError where more
    images are to be drawn than may be attacked.
    """
    every = {
        seed: cases(images.pixels, images.labels, experiment.target, seed, classes)
        for seed in experiment.seeds
    }
    labels, calls = images.labels.tolist(), predicted.tolist()
    possible = {
        seed: [
            case
            for case in some
            if is_attackable(
                case, labels[case.image], calls[case.image], correct_only=experiment.correct_only
            )
        ]
        for seed, some in every.items()
    }
    eligible = sorted({case.image for some in possible.values() for case in some})
    kept = sample_images(images, eligible, experiment.num_images, experiment.sample_seed)
    lost = [len(every[seed]) - len(possible[seed]) for seed in experiment.seeds]
    return Selection(
        {seed: [case for case in some if case.image in kept] for seed, some in possible.items()},
        len(eligible),
        lost[0] if experiment.target == "none" else sum(lost),
    )


def sample_images(images: Images, eligible: Sequence[int], count: int, seed: int) -> set[int]:
    """The places of ``count`` of the ``eligible`` images, or of all if it is 0.

    A digest of the seed and of what an image shows orders them: fewer are among more, and an image's place
    changes nothing.
    """
    if count > len(eligible):
        raise InputError(
            f"{count} images are to be drawn, but of {len(images)} only {len(eligible)} may be attacked: draw"
            " fewer, or name more images"
        )
    if not count:
        return set(eligible)
    return set(sorted(eligible, key=lambda place: digest([seed, digest_image(images.pixels[place])]))[:count])
