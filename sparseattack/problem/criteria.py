"""Stopping criteria: when the search on an image ends before its budget."""

from collections.abc import Callable
from numbers import Real
from typing import TYPE_CHECKING

from sparseattack.errors import InputError, failure
from sparseattack.plugins.spec import function_name

if TYPE_CHECKING:  # a study's criterion is read, as text, without torch
    from torch import Tensor

    from sparseattack.problem.fitness import Queries

Until = Callable[["Queries"], "Tensor"]
"""A stopping criterion: a function of ``Queries`` that says for each query whether the search may stop.

It returns ``(n,)`` bool. Built in are ``fooled``, ``spent``, ``fewest`` and what ``confident(level)`` gives.
"""


def stops_of(until: Until, queries: "Queries") -> "Tensor":
    """Where the search may stop, ``(n,)`` bool; InputError where the criterion fails or is not so."""
    import torch

    who, count = f"stopping criterion {function_name(until)}", len(queries.rows)
    try:
        found: object = until(queries)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # whatever the criterion raises, SystemExit too
        raise InputError(f"{who} failed: {failure(error)}") from error
    if isinstance(found, torch.Tensor) and found.dtype == torch.bool and found.shape == (count,):
        return found.to(queries.labels.device)
    kind = f"{found.dtype} {tuple(found.shape)}" if isinstance(found, torch.Tensor) else type(found).__name__
    raise InputError(f"{who} returned {kind}, not torch.bool ({count},), one for each query{_place(until)}")


def _place(until: Until) -> str:
    """The file and line of a function, where it has one."""
    code = getattr(until, "__code__", None)
    return f" ({code.co_filename}, line {code.co_firstlineno})" if code else ""


def spent(queries: "Queries") -> "Tensor":
    """Stopping criterion that never holds, ``(n,)`` bool: a search goes on until its budget is used."""
    import torch

    return torch.zeros_like(queries.labels, dtype=torch.bool)


def fewest(queries: "Queries") -> "Tensor":
    """Stopping criterion of a search for the fewest pixels that fool (minimum L0), ``(n,)`` bool: a success.

    ``attack`` goes on after it, within the same budget: with one pixel less than the success changed, until
    no query is left, a search has no more candidates, or one pixel was enough.
    """
    from sparseattack.problem.fitness import fooled

    return fooled(queries)


def confident(level: float) -> Until:
    """Stopping criterion: the oracle is fooled with confidence ``level``, a probability between 0 and 1.

    Targeted, the target's probability is above ``level``; else the true class's is below 1 - ``level``. The
    function that it returns gives ``(n,)`` bool.

    The one-pixel paper stops at 0.9 when targeted and at 0.95 (5 % left) on ImageNet, where the true class
    may still have the highest score: that is no success. InputError for a level that is no such number.
    """
    from sparseattack.problem.fitness import fooled, probability

    if not isinstance(level, Real) or not 0 < level < 1:
        raise InputError(f"the level of confident() is above 0 and below 1, not {level!r}")
    return lambda queries: (
        fooled(queries) & (probability(queries) < (-level if queries.targeted else 1 - level))
    )


def rule(text: str) -> Until:
    """The criterion called ``success`` (or ``fooled``), ``budget``, ``fewest`` or ``confidence:LEVEL``."""
    from sparseattack.problem.fitness import fooled

    if (level := confidence_of(text)) is not None:
        return confident(level)
    return {"budget": spent, "fewest": fewest}.get(text, fooled)


def confidence_of(text: str) -> float | None:
    """The level of the criterion ``confidence:LEVEL``; None for ``success``, ``budget``, ``fewest``.

    Raises InputError for a text that is no stopping criterion.
    """
    if text in ("success", "fooled", "budget", "fewest"):
        return None
    name, _, number = text.partition(":")
    if name == "confidence" and 0 < (level := _number(number)) < 1:
        return level
    only = "only success, budget, fewest or confidence:LEVEL with 0 < LEVEL < 1"
    raise InputError(f"no stopping criterion {text!r}, {only}")


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
