"""The questions put to an oracle, its answers, and what is read off them.

What a search minimises: the further objectives a strategy declares, and the values of all.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from sparseattack.errors import InputError, brief
from sparseattack.plugins.spec import function_name
from sparseattack.problem.edits import Edits, length, touch
from sparseattack.problem.inference import image_list
from sparseattack.problem.oracle import Scale

TINY = torch.finfo(torch.float32).tiny  # stands for a probability of 0, which has no logarithm


def lead(scores: Tensor, labels: Tensor, targeted: bool, scale: Scale = "logits") -> Tensor:
    """The label's lead over the best other class of ``(n, K)``, its negative when targeted: ``(n,)``.

    In logits, or in logarithms of probabilities: these from the difference, whose sign is exact.
    """
    column = labels.unsqueeze(1)
    own = scores.gather(1, column).squeeze(1)
    other = scores.scatter(1, column, -torch.inf).amax(1)
    gap = other - own if targeted else own - other
    if scale == "logits":
        return gap.float()
    lower = torch.minimum(own, other).clamp(min=TINY)
    return (gap.sign() * (gap.abs() / lower).log1p()).float()


@dataclass(frozen=True)
class Queries:
    """``n`` questions put to the oracle, and its answers."""

    images: Tensor  # (N, C, H, W) all clean images
    rows: Tensor  # (n,) int64, the image each question is about
    edits: Edits  # n
    scores: Tensor  # (n, K)
    labels: Tensor  # (n,) the class to leave, or to reach when targeted
    targeted: bool
    scale: Scale = "logits"

    @cached_property
    def differences(self) -> Tensor:
        """What each slot changes: ``(n, k, C)``."""
        return self.edits.differences(touch(self.images, self.rows, self.edits.positions))

    @cached_property
    def clean(self) -> Tensor:
        """The images before: ``(n, C, H, W)``."""
        return self.images[self.rows]

    @cached_property
    def perturbed(self) -> Tensor:
        """The images as shown: ``(n, C, H, W)``."""
        return self.edits.paint(self.images, self.rows)

    @cached_property
    def logarithms(self) -> Tensor:
        """Log-probabilities ``(n, K)``."""
        scores = self.scores if self.scale == "logits" else self.scores.clamp(min=TINY).log()
        return scores.log_softmax(1)

    @cached_property
    def probabilities(self) -> Tensor:
        """``(n, K)``, each row of sum 1."""
        return self.scores if self.scale == "probabilities" else self.scores.softmax(1)

    @cached_property
    def lead(self) -> Tensor:
        """Of the label over the best other class, its negative when targeted: ``(n,)``."""
        return lead(self.scores, self.labels, self.targeted, self.scale)

    def own(self, scores: Tensor) -> Tensor:
        """The label's column of ``(n, K)``: ``(n,)``."""
        return scores.gather(1, self.labels.unsqueeze(1)).squeeze(1)


Fitness = Callable[[Queries], Tensor]
"""One number per query, ``(n,)``; lower is better."""


def margin(queries: Queries) -> Tensor:
    """Lead of the label over the best other class in logits or log-probabilities; below 0 is fooled.

    Its negative when targeted. A tie is no success. (Carlini and Wagner, 2017, their f6 without clipping.)
    """
    return queries.lead


def probability(queries: Queries) -> Tensor:
    """Probability of the label, its negative when targeted: what the one-pixel paper minimises."""
    own = queries.own(queries.probabilities)
    return -own if queries.targeted else own


def cross_entropy(queries: Queries) -> Tensor:
    """Logarithm of the label's probability, its negative when targeted."""
    own = queries.own(queries.logarithms)
    return -own if queries.targeted else own


def l0(queries: Queries) -> Tensor:
    """Pixels that differ, each counting once, whatever its channels."""
    return queries.differences.any(2).sum(1).float()


def l2(queries: Queries) -> Tensor:
    """Euclidean length of the change, in widths of [0, 1]."""
    return length(queries.differences)


def fooled(queries: Queries) -> Tensor:
    """Whether the answer is a success: ``(n,)`` bool."""
    return queries.lead < 0


def measured(fitness: Sequence[Fitness], queries: Queries) -> Tensor:
    """The values ``(n, M)`` float32 of queries, all finite: an infinite one would mean "not asked"."""
    values = torch.stack([_measured(one, queries) for one in fitness], dim=1)
    if (nan := values.isnan()).any():
        row, column = nan.nonzero()[0].tolist()
        raise InputError(
            f"fitness {function_name(fitness[column])} is NaN for {image_list(queries.rows[row : row + 1])}"
        )
    return values.nan_to_num()


def _measured(fitness: Fitness, queries: Queries) -> Tensor:
    try:
        return fitness(queries).float().reshape(len(queries.rows))
    except Exception as error:  # whatever a foreign fitness raises
        raise InputError(f"fitness {function_name(fitness)} failed: {brief(error)}") from error
