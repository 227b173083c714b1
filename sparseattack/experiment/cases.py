"""The cases of an experiment: which images are attacked, and towards which class."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from sparseattack.data.images import ImageGroups
from sparseattack.errors import InputError, number_of, place_of
from sparseattack.experiment.settings import Experiment
from sparseattack.provenance import digest, digest_image


class Case(NamedTuple):
    """One image to be attacked, and the class to be reached."""

    image: int  # place among the images
    target: int  # -1 when untargeted: any class but the true one


class Selection(NamedTuple):
    """What is attacked, and how much is not."""

    contents: tuple[str, ...]  # digest of each of the N images
    repeated: int  # images that are the same as an earlier one, and have its label
    cases: dict[int, list[Case]]  # by seed
    eligible: int  # images that may be attacked, sampled or not
    left_out: int  # cases that are no attack: misclassified, or of the target class already

    def runs(self, seed: int) -> tuple[int, ...]:
        """How often each of the N images is attacked with a seed, over all targets."""
        counts = Counter(case.image for case in self.cases[seed])
        return tuple(counts[image] for image in range(len(self.contents)))


def _repeated(images: Sequence[tuple[str, int]]) -> set[int]:
    """The places of images whose content and label stand at an earlier place, too."""
    first: dict[tuple[str, int], int] = {}
    return {place for place, image in enumerate(images) if first.setdefault(image, place) != place}


def select_cases(
    experiment: Experiment, images: ImageGroups, predicted: Tensor, classes: tuple[str, ...]
) -> Selection:
    """The cases of every seed, given the oracle's predictions ``(N,)`` of the images and its K ``classes``.

    An image that is there twice with the same label is one case. Sampled are images, each with all its
    targets, and the same ones for every seed, whatever seeds there are. Raises InputError where more images
    are to be sampled than may be attacked.
    """
    labels, predictions = images.labels.tolist(), predicted.tolist()
    contents = [digest_image(image) for image in images.pixels]
    shown = list(zip(contents, labels, strict=True))
    repeated = _repeated(shown)
    seeds = sorted({seed for one in experiment.configurations for seed in one.seeds})
    every = {
        seed: [
            case
            for case in _all_cases(experiment.target, seed, classes, shown, predictions)
            if case.image not in repeated
        ]
        for seed in seeds
    }

    def may_attack(case: Case) -> bool:
        label, prediction = labels[case.image], predictions[case.image]
        return is_attackable(case, label, prediction, correct_only=experiment.correct_only)

    possible = {seed: [case for case in cases if may_attack(case)] for seed, cases in every.items()}
    eligible = sorted({case.image for cases in possible.values() for case in cases})
    sample = sample_images(shown, eligible, experiment.num_images, experiment.sample_seed)
    left_out = [len(every[seed]) - len(possible[seed]) for seed in seeds]
    return Selection(
        contents=tuple(contents),
        repeated=len(repeated),
        cases={seed: [case for case in cases if case.image in sample] for seed, cases in possible.items()},
        eligible=len(eligible),
        left_out=left_out[0] if experiment.target == "none" else sum(left_out),
    )


def _all_cases(
    target: str,
    seed: int,
    classes: tuple[str, ...],
    images: Sequence[tuple[str, int]],
    predictions: Sequence[int],
) -> list[Case]:
    """Every image with every ``target``: none, random, all, or a class by name or number.

    Of each of the ``images`` is known a digest of its colours, its label, and the prediction.
    """
    count, labels = len(classes), [label for _, label in images]
    if target == "none":
        return [Case(image, -1) for image in range(len(labels))]
    if target == "all":
        return [
            Case(image, other)
            for image, label in enumerate(labels)
            for other in range(count)
            if other != label
        ]
    if target == "random":
        shown = enumerate(zip(images, predictions, strict=True))
        return [Case(place, _random_target(*image, other, seed, count)) for place, (image, other) in shown]
    number = class_number(target, classes)
    return [Case(image, number) for image in range(len(labels))]


def _random_target(content: str, label: int, predicted: int, seed: int, count: int) -> int:
    """Any of ``count`` classes but the image's own, whatever the image's place.

    The one after it where that is the prediction: so an image may be attacked with all seeds, or with none.
    """
    random, others = np.random.default_rng([seed, int(content, 16)]), count - 1
    drawn = int(random.integers(others))
    found = [(label + 1 + number % others) % count for number in (drawn, drawn + 1)]
    return found[found[0] == predicted]


def class_number(text: str, classes: tuple[str, ...]) -> int:
    """The number of the class called or numbered ``text``; ``classes`` has K names, some of them empty."""
    if text and text in classes:
        return place_of(text, classes)
    plain = classes == tuple(map(str, range(len(classes))))
    numbers = all(name.isdecimal() for name in classes) and not plain  # then a number is a name, nothing else
    if text.isdecimal() and int(text) < len(classes) and not numbers:
        return int(text)
    every = ", ".join(filter(None, classes))
    names = f" or {every}" if every else ""
    only = every if numbers else f"0 to {len(classes) - 1}{names}"
    raise InputError(f"there is no class {text!r}, only {only}")


def is_attackable(case: Case, label: int, predicted: int, *, correct_only: bool = False) -> bool:
    """Whether a case is an attack at all.

    Untargeted: whether the image is classified correctly. Targeted: whether neither its true class nor the
    prediction is the target; misclassified images may be attacked too unless ``correct_only``.
    """
    right = predicted == label
    return right if case.target < 0 else case.target not in (label, predicted) and (right or not correct_only)


def sample_images(
    images: Sequence[tuple[str, int]], eligible: Sequence[int], count: int, seed: int
) -> set[int]:
    """The places of ``count`` of the ``eligible`` images, or of all if it is 0.

    Of each is known a digest of its colours, and its label. A digest of the seed and of the colours orders
    them, then the label: a smaller sample is part of a larger one, and an image's place changes nothing.
    """
    if count > len(eligible):
        raise InputError(
            f"a sample of {number_of(count, 'image')} is asked for, but of {len(images)} only"
            f" {len(eligible)} may be attacked: sample fewer, or name more images"
        )
    if not count:
        return set(eligible)
    order = {place: (digest([seed, images[place][0]]), images[place][1]) for place in eligible}
    return set(sorted(eligible, key=order.__getitem__)[:count])


def aims(chosen: Sequence[Case], labels: Tensor) -> Tensor:
    """The class to leave, or to reach, in each case: ``(n,)`` int64, given the true classes ``(N,)``."""
    aimed = [case.target if case.target >= 0 else int(labels[case.image]) for case in chosen]
    return torch.tensor(aimed, dtype=torch.int64)
