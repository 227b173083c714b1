"""What an answer says about one image: the scores of all classes, of the best ones, or a class alone."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from sparseattack import InputError, OracleError
from sparseattack.problem.scale import SUM_ROUNDING, difference, greatest

from .template import Steps, at, shown

Scores = NDArray[np.floating[Any]]
PERCENT = 100  # a whole
TOLERANCE = 1e-3  # of a score, or of what a probability lacks to 1: more is a difference
ROUNDING = 1e-6  # of probabilities


def class_names(given: Sequence[str]) -> tuple[str, ...]:
    """The names of the classes: as given, from a file with a name a line, or so many empty ones."""
    if len(given) != 1:
        return tuple(given)
    if given[0].isdecimal():
        return ("",) * int(given[0])
    try:
        lines = Path(given[0]).expanduser().read_text("utf-8").splitlines()
    except OSError as error:
        raise InputError(
            f"classes={given[0]} is no file ({error.strerror}): give a file with a name a line, the names, or"
            " how many classes there are"
        ) from error
    names = "\n".join(map(str.strip, lines)).rstrip().split("\n")
    if "" in names:
        raise InputError(
            f"line {names.index('') + 1} of classes={given[0]} is empty: each class has a line, in order"
        )
    return tuple(names)


class Reading(NamedTuple):
    """Where an answer has scores, and of which classes; or, ``label_only``, where it has a class alone."""

    scores: Steps
    labels: Steps
    percent: bool
    classes: tuple[str, ...]
    ignore: bool  # labels that are none of the classes
    label_only: bool = False  # whether ``scores`` is the place of the name or number of a class

    def vector(self, item: Any) -> Scores:
        """The scores ``(K,)`` in what an answer holds about one image; OracleError where there are none."""
        found = at(item, self.scores)
        if self.label_only:
            return self._label(found)
        if isinstance(found, dict):
            return self._of_some([*found], _numbers([*found.values()]))
        if self.labels:
            given = at(item, self.labels)
            if not isinstance(given, list) or not isinstance(found, list) or len(given) != len(found):
                raise OracleError(f"answered labels {shown(given)} and scores {shown(found)}, not as many")
            return self._of_some(given, _numbers(found))
        return self._scaled(_numbers(found if isinstance(found, list) else [found]))

    def given(self, item: Any) -> int:
        """Of how many classes an answer about one image has scores; all of them where it has no labels."""
        found = at(item, self.scores)
        some = isinstance(found, dict) or (bool(self.labels) and isinstance(found, list))
        return len(found) if some and not self.label_only else len(self.classes)

    def _label(self, found: Any) -> Scores:
        """Scores that are 1 for the class that is given alone, and else 0."""
        first = found[0] if isinstance(found, list) and len(found) == 1 else found
        if not isinstance(first, str | int) or isinstance(first, bool):
            raise OracleError(
                f"answered {shown(found)} where scale=labels expects the name or number of a class"
            )
        if (place := self._place(first)) is None:
            raise OracleError(
                f"answered the label {shown(first)} alone, none of classes=, which leaves no class"
            )
        vector = np.zeros(len(self.classes))
        vector[place] = 1
        return vector

    def _scaled(self, scores: Scores) -> Scores:
        return scores / PERCENT if self.percent else scores

    def _of_some(self, labels: Sequence[Any], scores: Scores) -> Scores:
        """Scores of all classes, of which only some are given with their ``labels``.

        A class that is not given has a score below all that are, so the best given class stays the best, and
        the sign of a margin is exact. Where the scores can be probabilities, the missing share what is left
        of 1. A service that gives no class at all gives all the score 0.
        """
        if not self.classes:
            raise OracleError("answered scores with labels: name all classes, in order, by classes=")
        scores, vector = self._scaled(scores), np.full(len(self.classes), np.nan)
        for label, score in zip(labels, scores, strict=True):
            if (place := self._place(label)) is not None:
                if not np.isnan(vector[place]):
                    raise OracleError(f"answered two scores of the class {shown(label)}")
                vector[place] = score
        missing = np.isnan(vector)
        if missing.any():
            below = float(np.nextafter(scores.min(), -np.inf)) if len(scores) else 0.0
            rest = (1 - float(scores.sum())) / int(missing.sum())
            if scores.min(initial=0) < 0:  # logits
                rest = below
            elif rest >= 0 or scores.sum() <= 1 + SUM_ROUNDING:
                rest = max(rest, 0.0)
            else:  # independent scores
                rest = max(below, 0.0)
            vector[missing] = min(below, rest) if len(scores) else 0.0
        return vector

    def _place(self, label: Any) -> int | None:
        """The number of a class by its name or number; None for one that is ignored."""
        if isinstance(label, int) and 0 <= label < len(self.classes):
            return label
        if isinstance(label, str) and label and label in self.classes:
            if (count := self.classes.count(label)) > 1:
                raise OracleError(f"answered the label {shown(label)}, the name of {count} of the classes=")
            return self.classes.index(label)
        if isinstance(label, str) and label.isdecimal() and not self.classes[0]:
            return self._place(int(label))
        if self.ignore:
            return None
        raise OracleError(f"answered the label {shown(label)}, none of classes=; others=ignore ignores it")


def certainty(scores: Scores) -> float:
    """How far the greatest score is above the next; of one score, how far from where classes meet."""
    ordered = np.sort(scores)
    return float(ordered[-1] - ordered[-2]) if len(ordered) > 1 else abs(2 * float(ordered[0]) - 1)


def differ(old: Scores, new: Scores, rounding: float) -> bool:
    """Whether two answers about one image are of two models; ``rounding`` is a share of the greatest score.

    Probabilities near 1 and 0 are compared by what the greatest lacks to 1, which is where a change shows.
    """
    one, other = torch.tensor(old)[None], torch.tensor(new)[None]
    size = float(greatest(one))
    allowed, scale = rounding * size, size
    if old.min() >= 0 and size <= 1 + ROUNDING:  # probabilities, or may be
        allowed, scale = max(allowed, ROUNDING), min(size, 1 - size)
    return float(difference(one, other)) > max(allowed, TOLERANCE * scale)


def _numbers(values: Sequence[Any]) -> Scores:
    """Numbers in JSON as an array; OracleError for anything else."""
    if not all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        raise OracleError(f"answered {shown(values)} where scores are expected, which are numbers")
    try:
        return np.array(values, np.float64)
    except OverflowError as error:
        raise OracleError("answered a number that is too large for a score") from error
