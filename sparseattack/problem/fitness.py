"""Fitness: what a search minimises, computed from evaluated queries; margin, probabilities, pixels changed.

A fitness function takes ``Queries`` and returns one number per query; lower is better.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from sparseattack.errors import InputError, failure
from sparseattack.plugins.spec import function_name
from sparseattack.problem.edits import Edits, Unit, changed, length, touch
from sparseattack.problem.inference import image_list
from sparseattack.problem.scale import Scale, greatest

TINY = torch.finfo(torch.float32).tiny  # stands for a probability of 0, which has no logarithm
LOGARITHM = 16.0  # logarithms of probabilities are mostly nearer to zero


def margin_of(scores: Tensor, labels: Tensor, targeted: bool, scale: Scale = "logits") -> Tensor:
    """Margin ``(n,)`` of ``labels (n,)`` over the best other class of ``scores (n, K)``; negated if targeted.

    Its unit is logits, or logarithms of probabilities; of labels it is 1 or -1. The sign is that
    of the scores' exact difference.
    """
    column = labels.unsqueeze(1)
    own = scores.gather(1, column).squeeze(1)
    other = scores.scatter(1, column, -torch.inf).amax(1)
    gap = other - own if targeted else own - other
    if scale != "probabilities":
        return gap.float()
    lower = torch.minimum(own, other).clamp(min=TINY)
    return (gap.sign() * (gap.abs() / lower).log1p()).float()


def near_zero(margins: Tensor, scores: Tensor, scale: Scale, rounding: float) -> Tensor:
    """Mask ``(n,)`` of the ``margins (n,)`` that a ``rounding`` of ``scores (n, K)`` may turn.

    It is a share of an image's greatest score.
    """
    return margins.abs() <= rounding * (LOGARITHM if scale == "probabilities" else greatest(scores))


@dataclass(frozen=True)
class Queries:
    """Evaluated candidates, ``n`` of them: their images, edits and scores; what a fitness function is given.

    ``targeted`` says what the labels are: classes to reach, or classes to leave. ``clean``, ``differences``,
    ``perturbed``, ``margin``, ``probabilities`` and ``logarithms`` are computed when first used.
    """

    images: Tensor  # (N, C, H, W) all clean images
    rows: Tensor  # (n,) int64, index of each query's image
    edits: Edits  # n
    scores: Tensor  # (n, K)
    labels: Tensor  # (n,) the class to leave, or to reach when targeted
    targeted: bool
    scale: Scale = "logits"
    unit: Unit = "pixels"  # what the encoding counts

    @cached_property
    def differences(self) -> Tensor:
        """Change of each slot's colour: ``(n, k, C)``."""
        return self.edits.differences(touch(self.images, self.rows, self.edits.positions))

    @cached_property
    def changed(self) -> Tensor:
        """How many pixels really change, or coordinates where the encoding counts these: ``(n,)`` int64."""
        return changed(self.differences, self.unit)

    @cached_property
    def clean(self) -> Tensor:
        """The clean images: ``(n, C, H, W)``."""
        return self.images[self.rows]

    @cached_property
    def perturbed(self) -> Tensor:
        """The perturbed images, as the oracle evaluated them: ``(n, C, H, W)``."""
        return self.edits.paint(self.images, self.rows)

    @cached_property
    def logarithms(self) -> Tensor:
        """Log-probabilities ``(n, K)``."""
        scores = self.scores if self.scale == "logits" else self.scores.clamp(min=TINY).log()
        return scores.log_softmax(1)

    @cached_property
    def probabilities(self) -> Tensor:
        """Probabilities ``(n, K)``."""
        return self.scores.softmax(1) if self.scale == "logits" else self.scores

    @cached_property
    def margin(self) -> Tensor:
        """Margin of the label over the best other class, negated when targeted: ``(n,)``."""
        return margin_of(self.scores, self.labels, self.targeted, self.scale)

    def near_zero(self, rounding: float) -> Tensor:
        """Mask ``(n,)`` of the margins that a ``rounding`` by that share of the greatest score may turn."""
        return near_zero(self.margin, self.scores, self.scale, rounding)

    def take(self, places: Tensor) -> "Queries":
        """The queries at ``places (m,)``."""
        edits = Edits(*(column[places] for column in self.edits))
        return replace(
            self, rows=self.rows[places], edits=edits, scores=self.scores[places], labels=self.labels[places]
        )

    def own(self, scores: Tensor) -> Tensor:
        """The label's column of ``(n, K)``: ``(n,)``."""
        return scores.gather(1, self.labels.unsqueeze(1)).squeeze(1)


Fitness = Callable[[Queries], Tensor]
"""A fitness function: takes ``Queries`` and returns one number for each, ``(n,)`` float; lower is better."""


def margin(queries: Queries) -> Tensor:
    """Margin of the label over the best other class in logits or log-probabilities; below 0 is a success.

    Negated when targeted. A tie is no success. (Carlini and Wagner, 2017, their f6 without clipping.)
    """
    return queries.margin


def probability(queries: Queries) -> Tensor:
    """Probability of the label, its negative when targeted: what the one-pixel paper minimises."""
    own = queries.own(queries.probabilities)
    return -own if queries.targeted else own


def cross_entropy(queries: Queries) -> Tensor:
    """Logarithm of the label's probability, its negative when targeted."""
    own = queries.own(queries.logarithms)
    return -own if queries.targeted else own


OF_SCORES: tuple[Fitness, ...] = (margin, probability, cross_entropy)
"""Those that depend on nothing but the scores: where one is that of the clean image, no score told more."""


def l0(queries: Queries) -> Tensor:
    """Number of changed pixels, whatever their channels; of coordinates where the encoding counts these."""
    return queries.changed.float()


def fooling_l0(queries: Queries) -> Tensor:
    """Number of changed pixels where the oracle is fooled; else one more than the image has.

    What strategies minimise that begin with an image that fools the oracle and change ever fewer pixels.
    """
    return torch.where(fooled(queries), l0(queries), float(queries.images[0, 0].numel() + 1))


def l2(queries: Queries) -> Tensor:
    """Euclidean length of the change, with colours from 0 to 1."""
    return length(queries.differences)


def fooled(queries: Queries) -> Tensor:
    """Success, ``(n,)`` bool: the oracle predicts another class than the true one, or the target if targeted.

    A tie between classes is no success. As a stopping criterion it ends a search at the first success.
    """
    return queries.margin < 0


def objectives_of(fitness: Sequence[Fitness], queries: Queries) -> Tensor:
    """The objectives ``(n, M)`` float32 of queries, all finite: infinite means "not evaluated".

    Raises InputError where a fitness function fails or is NaN.
    """
    values = torch.stack([_objective_of(one, queries) for one in fitness], dim=1)
    if (nan := values.isnan()).any():
        row, column = nan.nonzero()[0].tolist()
        raise InputError(
            f"fitness {function_name(fitness[column])} is NaN for {image_list(queries.rows[row : row + 1])}"
        )
    return values.nan_to_num()


def _objective_of(fitness: Fitness, queries: Queries) -> Tensor:
    try:
        return fitness(queries).float().reshape(len(queries.rows))
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # whatever the fitness function raises, SystemExit too
        raise InputError(f"fitness {function_name(fitness)} failed: {failure(error)}") from error
