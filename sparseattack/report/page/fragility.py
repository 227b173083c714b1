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
    budgets: tuple[int, ...]  # queries of an attack
    attacked: int  # images
    fooled: int  # of these, by any strategy
    lacking: int  # images that are not fooled, and lack runs
    kept: Share  # accuracy, or the share of attacked images that were not fooled
    strongest: tuple[Method, ...]  # those that fool most images, as far as is known; none without a success
    rate: float  # their success rate, towards any target; the least that it can be where runs are lacking
    is_known: bool  # whether they are the strongest, and have this rate, whatever the lacking runs give


@dataclass(frozen=True)
class FragileClass:
    """The images of one true class."""

    number: int
    attacked: int  # images
    fooled: tuple[int, ...]  # of these, by number of pixels
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
    """All of it; ``clean`` is None where an image has no known label, or selections of images overlap."""

    clean: Share | None  # accuracy without an attack
    correct: int  # images that the model classifies as their label
    images: int  # of these selections
    is_accuracy: bool  # whether what is kept is an accuracy, and not a share of the attacked images
    sampled: bool  # whether not every image that may be attacked was
    resistances: tuple[Resistance, ...]  # by k
    classes: tuple[FragileClass, ...]  # the most fragile first
    fragile: tuple[FragileImage, ...]  # the most fragile first


def fragility(found: Results) -> Fragility:
    """What the runs of a study say of its model."""
    ks = sorted({method.k for method in found.methods})
    correct, images = _clean(found)
    attacked = np.sum(list(found.planned.values()), axis=0) > 0
    untargeted = found.question.target in ("none", "all")
    right = _right(found, len(attacked)) if found.question.target == "all" else np.ones(len(attacked), bool)
    by_label = found.question.true_class == "label"
    accuracy = correct / images if images and untargeted and by_label else None
    levels = tuple(_resistance(found, k, right, accuracy, (correct, images)) for k in ks)
    fooled = [_fooled(found, k, len(attacked)) & right for k in ks]
    return Fragility(
        clean=Share(correct / images, *wilson(correct / images, images)) if images else None,
        correct=correct,
        images=images,
        is_accuracy=accuracy is not None,
        sampled=accuracy is not None and int((attacked & right).sum()) < correct,
        resistances=levels,
        classes=_classes(found, attacked & right, fooled),
        fragile=_fragile(found, ks),
    )


def _clean(found: Results) -> tuple[int, int]:
    """Images classified as their label, and all images; 0, 0 where that is not known."""
    selections: dict[str, StudyRequest] = {request.images: request for request in found.requests}
    counts = [request.correct for request in selections.values()]
    images = sum(request.num_images for request in selections.values())
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
    planned = [runs for method, runs in found.planned.items() if method.k == k]
    attacked = (np.sum(planned, axis=0) > 0) & right
    fooled = _fooled(found, k, len(right)) & attacked
    lacking = _lacking(found, k, len(right)) & attacked & ~fooled
    rates = {
        line.method: line.success if line.any_target is None else line.any_target
        for line in found.lines
        if line.method.k == k
    }
    bounds = [line for line in found.unfinished if line.method.k == k]
    of_targets = found.question.target == "all"  # bounds are of these, and not of images
    rates |= {line.method: line.least for line in bounds if line.runs and not of_targets}
    rate = max(rates.values(), default=0.0)
    best = tuple(method for method, each in rates.items() if rate and isclose(each, rate))
    count, hits, missing = (int(each.sum()) for each in (attacked, fooled, lacking))
    return Resistance(
        k=k,
        budgets=tuple(sorted({method.budget for method in found.methods if method.k == k})),
        attacked=count,
        fooled=hits,
        lacking=missing,
        kept=_kept(count, hits, missing, accuracy, clean),
        strongest=best,
        rate=rate,
        is_known=not bounds or (not of_targets and all(line.most <= rate for line in bounds)),
    )


def _kept(attacked: int, fooled: int, lacking: int, accuracy: float | None, clean: tuple[int, int]) -> Share:
    """What is left of the ``accuracy``: of all images where all correct ones were attacked, else scaled."""
    if not attacked:
        return Share(None, 0.0, 1.0)
    correct, images = clean
    share, factor, count = 1 - fooled / attacked, 1.0 if accuracy is None else accuracy, attacked
    if accuracy is not None and attacked == correct:
        share, factor, count = (correct - fooled) / images, 1.0, images
    if lacking:
        rest = (attacked - fooled - lacking) / attacked
        return Share(None, rest * (accuracy or 1.0), (1 - fooled / attacked) * (accuracy or 1.0))
    low, high = wilson(share, count)
    return Share(share * factor, low * factor, high * factor)


def _classes(found: Results, attacked: Flags, fooled: Sequence[Flags]) -> tuple[FragileClass, ...]:
    """A line for each true class, by the share of its images that is fooled with most pixels, then fewer."""
    label = np.full(len(attacked), -1)
    for number, image in found.images.items():
        label[number] = image.label
    taken = _taken_for(found, label)
    lines = []
    for number in np.unique(label[attacked & (label >= 0)]).tolist():  # images of no run yet have none
        mine = attacked & (label == number)
        counts = taken.get(number, Counter())
        most = max(counts.values(), default=0)
        names = tuple(name for name, count in counts.items() if count == most)
        hits = tuple(int((mine & some).sum()) for some in fooled)
        lines.append(FragileClass(number, int(mine.sum()), hits, names, most))
    return tuple(
        sorted(lines, key=lambda one: ([-hits / one.attacked for hits in one.fooled[::-1]], one.number))
    )


def _taken_for(found: Results, label: Numbers) -> dict[int, Counter[int]]:
    """For each true class, how many of its images were taken for each class; equal counts by number."""
    pairs = set[tuple[int, int]]()
    for runs in found.columns.values():
        hits = runs.success & (runs.after_class >= 0)
        pairs |= set(zip(runs.image[hits].tolist(), runs.after_class[hits].tolist(), strict=True))
    taken: dict[int, Counter[int]] = {}
    for image, after in sorted(pairs, key=lambda pair: (pair[1], pair[0])):
        taken.setdefault(int(label[image]), Counter())[after] += 1
    return taken


def _fragile(found: Results, ks: Sequence[int]) -> tuple[FragileImage, ...]:
    """The images that were fooled: by fewest pixels, then by the share of runs, then by fewest queries."""
    known: dict[int, FragileImage] = {}
    for k in ks:
        parts = list(_of(found, k).values())
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
