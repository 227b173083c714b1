"""How fragile the model of a study is, of all strategies together: by pixels, by class, image by image.

An image is fooled where any run on it succeeds, of any strategy, encoding, seed and target: the worst case.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import isclose
from typing import NamedTuple

import numpy as np

from sparseattack.report.results import Results
from sparseattack.report.statistics.intervals import wilson
from sparseattack.report.summary import each_run_once
from sparseattack.study.columns import Columns, Flags, Numbers
from sparseattack.study.facts import Method, StudyRequest


class Share(NamedTuple):
    """A share of some things, with its 95 % interval; where runs are missing, the two ends are its bounds."""

    value: float | None  # None where runs are missing
    low: float
    high: float


@dataclass(frozen=True)
class Resistance:
    """What a number of changed pixels leaves of the model."""

    k: int
    methods: tuple[Method, ...]  # all with this k
    attacked: int  # images
    fooled: int  # of these, by any strategy
    lacking: int  # images that are not fooled, and lack runs
    kept: Share  # accuracy, or the share of attacked images that were not fooled
    compared: tuple[Method, ...]  # those that attack all of these images
    strongest: tuple[Method, ...]  # those of them that fool most, as far as is known; none without a success
    rate: float  # their success rate, towards any target; the least that it can be where runs are lacking
    is_known: bool  # whether they are the strongest, and have this rate, whatever the lacking runs give

    @property
    def budgets(self) -> list[int]:
        """Queries of an attack."""
        return sorted({method.budget for method in self.methods})


@dataclass(frozen=True)
class FragileClass:
    """The images of one true class."""

    number: int
    images: int  # with a run with any number of pixels
    attacked: tuple[int, ...]  # images with a run, by number of pixels
    fooled: tuple[int, ...]  # of these
    taken_for: tuple[int, ...]  # the most frequent classes after attacks; none where none was fooled
    taken: int  # images that were taken for it in some run


@dataclass(frozen=True)
class FragileImage:
    """An image that was fooled."""

    number: int  # in the study
    k: int  # of the runs that fool it with fewest pixels
    pixels: int  # the fewest allowed with which it was fooled; changed, where searches go on with fewer
    queries: int  # the fewest to the first success, of the runs that fool it with so many
    hits: int  # runs that fooled it with so many pixels
    runs: int  # on it, with this k


@dataclass(frozen=True)
class Fragility:
    """All of it.

    ``clean`` is None where an image has no known label, or selections overlap and none has all images.
    """

    clean: Share | None  # accuracy without an attack
    correct: int  # images that the model classifies as their label
    images: int  # of these selections
    is_accuracy: bool  # whether what is kept is an accuracy, and not a share of the attacked images
    resistances: tuple[Resistance, ...]  # by k
    classes: tuple[FragileClass, ...]  # the most fragile first
    fragile: tuple[FragileImage, ...]  # the most fragile first

    @property
    def sampled(self) -> list[int]:
        """The numbers of pixels with which not every image that may be attacked was; of an accuracy."""
        return [one.k for one in self.resistances if self.is_accuracy and one.attacked < self.correct]


def fragility(found: Results) -> Fragility:
    """What the runs of a study say of its model."""
    ks = sorted({method.k for method in found.methods})
    correct, images = _clean(found)
    count = len(next(iter(found.planned.values())))
    untargeted = found.question.target in ("none", "all")
    right = _right(found, count) if found.question.target == "all" else np.ones(count, bool)
    by_label = found.question.true_class == "label"
    accuracy = correct / images if images and untargeted and by_label else None
    levels = tuple(_resistance(found, k, right, accuracy, (correct, images)) for k in ks)
    return Fragility(
        clean=Share(correct / images, *wilson(correct / images, images)) if images else None,
        correct=correct,
        images=images,
        is_accuracy=accuracy is not None,
        resistances=levels,
        classes=_classes(found, ks, right),
        fragile=_fragile(found, ks, right),
    )


def _clean(found: Results) -> tuple[int, int]:
    """Images classified as their label, and all images; 0, 0 where that is not known.

    In untargeted attacks, each image is counted once, though it be there twice.
    """
    requests = found.subject.widest or found.requests
    selections: dict[str, StudyRequest] = {request.images: request for request in requests}
    counts = [request.correct for request in selections.values()]
    images = sum(request.num_images for request in selections.values())
    if found.question.target == "none" and found.question.true_class == "label":
        counts = [count and one.eligible for count, one in zip(counts, selections.values(), strict=True)]
        images = sum(one.eligible + one.left_out for one in selections.values())
    known = [count for count in counts if count is not None]
    whole = len(next(iter(found.planned.values())))
    if len(known) < len(counts) or (len(selections) > 1 and images != whole):
        return 0, 0
    return sum(known), images


def _right(found: Results, count: int) -> Flags:
    """Which images the model classifies as their true class ``(N,)``."""
    right = np.zeros(count, bool)
    for number, image in found.images.items():
        right[number] = image.predicted == image.label
    return right


def _of(found: Results, k: int) -> dict[Method, Columns]:
    return {method: runs for method, runs in found.columns.items() if method.k == k}


def _attacked(found: Results, k: int) -> Flags:
    """Which images are attacked with so many pixels ``(N,)``, whether or not that is done."""
    attacked: Flags = np.sum([runs for method, runs in found.planned.items() if method.k == k], axis=0) > 0
    return attacked


def _tried(found: Results, k: int, count: int) -> Flags:
    """Which images have a run with so many pixels ``(N,)``."""
    tried = np.zeros(count, bool)
    for runs in _of(found, k).values():
        tried[runs.image] = True
    return tried


def _fooled(found: Results, k: int, count: int) -> Flags:
    """Which images any run with so many pixels fools ``(N,)``."""
    fooled = np.zeros(count, bool)
    for runs in _of(found, k).values():
        fooled[runs.image[runs.success]] = True
    return fooled


def _lacking(found: Results, k: int, count: int) -> Flags:
    """Which images lack a run with so many pixels ``(N,)``."""
    lacking = np.zeros(count, bool)
    for method, runs in _of(found, k).items():
        lacking |= found.planned[method] > np.bincount(runs.image, minlength=count)
    return lacking


def _resistance(
    found: Results, k: int, right: Flags, accuracy: float | None, clean: tuple[int, int]
) -> Resistance:
    """What k pixels leave: of ``accuracy`` where it is known, else of the attacked images."""
    attacked = _attacked(found, k) & right
    fooled = _fooled(found, k, len(right)) & attacked
    lacking = _lacking(found, k, len(right)) & attacked & ~fooled
    methods = tuple(method for method in found.methods if method.k == k)
    compared = tuple(one for one in methods if (found.planned[one][attacked] > 0).all())
    rates = {
        line.method: line.success if line.any_target is None else line.any_target
        for line in found.lines
        if line.method in compared
    }
    bounds = [line for line in found.unfinished if line.method in compared]
    of_targets = found.question.target == "all"  # bounds are of these, and not of images
    rates |= {line.method: line.least for line in bounds if line.runs and not of_targets}
    rate = max(rates.values(), default=0.0)
    best = tuple(method for method, each in rates.items() if rate and isclose(each, rate))
    count, hits, missing = (int(each.sum()) for each in (attacked, fooled, lacking))
    return Resistance(
        k=k,
        methods=methods,
        attacked=count,
        fooled=hits,
        lacking=missing,
        kept=_kept(count, hits, missing, accuracy, clean),
        compared=compared,
        strongest=best,
        rate=rate,
        is_known=not bounds or (not of_targets and all(line.most <= rate for line in bounds)),
    )


def _kept(attacked: int, fooled: int, lacking: int, accuracy: float | None, clean: tuple[int, int]) -> Share:
    """What is left of the ``accuracy``: of all images where all correct ones were attacked, else scaled."""
    correct, images = clean
    if accuracy == 0:  # nothing is left to attack
        return Share(0.0, *wilson(0.0, images))
    if not attacked:
        return Share(None, 0.0, 1.0)
    share, factor, count = 1 - fooled / attacked, 1.0 if accuracy is None else accuracy, attacked
    if accuracy is not None and attacked == correct:
        share, factor, count = (correct - fooled) / images, 1.0, images
    if lacking:
        rest = (attacked - fooled - lacking) / attacked
        return Share(None, rest * (accuracy or 1.0), (1 - fooled / attacked) * (accuracy or 1.0))
    low, high = wilson(share, count)
    return Share(share * factor, low * factor, high * factor)


def _classes(found: Results, ks: Sequence[int], right: Flags) -> tuple[FragileClass, ...]:
    """A line for each true class, by the share of its images that is fooled with most pixels, then fewer."""
    label = np.full(len(right), -1)
    for number, image in found.images.items():
        label[number] = image.label
    attacked = [_tried(found, k, len(right)) & right for k in ks]
    fooled = [_fooled(found, k, len(right)) & right for k in ks]
    taken = _taken_for(found, label, right)
    lines = []
    for number in np.unique(label[np.any(attacked, axis=0)]).tolist():
        mine = label == number
        counts = taken.get(number, Counter())
        most = max(counts.values(), default=0)
        names = tuple(name for name, count in counts.items() if count == most)
        images, hits = (tuple(int((mine & some).sum()) for some in each) for each in (attacked, fooled))
        every = int((mine & np.any(attacked, axis=0)).sum())
        lines.append(FragileClass(number, every, images, hits, names, most))
    return tuple(sorted(lines, key=_by_share))


def _by_share(one: FragileClass) -> tuple[list[float], int]:
    """What orders classes, the most fragile first; one without an attack as one without a success."""
    shares = [hits / max(images, 1) for hits, images in zip(one.fooled, one.attacked, strict=True)]
    return [-share for share in shares[::-1]], one.number


def _taken_for(found: Results, label: Numbers, right: Flags) -> dict[int, Counter[int]]:
    """For each true class, how many of its images were taken for each class; equal counts by number."""
    pairs = set[tuple[int, int]]()
    for runs in found.columns.values():
        hits = runs.success & (runs.after_class >= 0) & right[runs.image]
        pairs |= set(zip(runs.image[hits].tolist(), runs.after_class[hits].tolist(), strict=True))
    taken: dict[int, Counter[int]] = {}
    for image, after in sorted(pairs, key=lambda pair: (pair[1], pair[0])):
        taken.setdefault(int(label[image]), Counter())[after] += 1
    return taken


def _fragile(found: Results, ks: Sequence[int], right: Flags) -> tuple[FragileImage, ...]:
    """The images that were fooled: by fewest pixels, then by the share of runs, then by fewest queries."""
    known: dict[int, FragileImage] = {}
    for k in ks:
        once = each_run_once(_of(found, k)).values()
        parts = [runs.at(right[runs.image]) for runs in once]
        image = np.concatenate([runs.image for runs in parts])
        hit = np.concatenate([runs.success for runs in parts])
        cost = np.concatenate([runs.first_fooled for runs in parts])
        size = np.concatenate([sizes(found, runs, k) for runs in parts])
        total = np.bincount(image)
        least, fewest = (np.full(len(total), np.iinfo(np.int64).max) for _ in range(2))
        np.minimum.at(least, image[hit], size[hit])
        hit &= size == least[image]
        np.minimum.at(fewest, image[hit], cost[hit])
        hits = np.bincount(image, hit, minlength=len(total))
        for number in np.unique(image[hit]).tolist():
            counts = (int(each[number]) for each in (least, fewest, hits, total))
            line = FragileImage(number, k, *counts)
            known[number] = min(known.get(number, line), line, key=lambda one: one.pixels)
    return tuple(
        sorted(known.values(), key=lambda one: (one.pixels, -one.hits / one.runs, one.queries, one.number))
    )


def sizes(found: Results, runs: Columns, k: int) -> Numbers:
    """Pixels by which each run is ordered ``(R,)``: ``k``, or those changed where the fewest are sought.

    At a smaller budget than it had, a run's are not known: it counts as one of ``k``, the most.
    """
    known = (found.question.stop == "fewest") & (runs.pixels >= 0)
    return np.where(known, runs.pixels, k)
