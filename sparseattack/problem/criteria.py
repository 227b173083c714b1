"""Stopping criteria: when the search on an image ends before its budget."""

from collections.abc import Callable

import torch
from torch import Tensor

from sparseattack.errors import InputError
from sparseattack.problem.fitness import Queries, fooled, probability

Until = Callable[[Queries], Tensor]
"""A stopping criterion: whether the search of the query's image may stop there, ``(n,)`` bool."""


def spent(queries: Queries) -> Tensor:
    """Never stop: the budget ends the search."""
    return torch.zeros_like(queries.labels, dtype=torch.bool)


def confident(level: float) -> Until:
    """Stop at a success with a target probability above ``level``, or a true class below ``1 - level``.

    The one-pixel paper stops at 0.9 when targeted and at 0.95 (5 % left) on ImageNet, where the true class
    may still have the highest score: that is no success.
    """
    return lambda queries: (
        fooled(queries) & (probability(queries) < (-level if queries.targeted else 1 - level))
    )


def rule(text: str) -> Until:
    """The stopping criterion called ``success`` (or ``fooled``), ``budget`` or ``confidence:LEVEL``."""
    if text in ("success", "fooled", "budget"):
        return spent if text == "budget" else fooled
    name, _, number = text.partition(":")
    if name == "confidence" and 0 < (level := _number(number)) < 1:
        return confident(level)
    only = "only success, budget or confidence:LEVEL with 0 < LEVEL < 1"
    raise InputError(f"no stopping criterion {text!r}, {only}")


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
