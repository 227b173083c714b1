"""What a search minimises: the further objectives a strategy declares, and the values of all."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

import torch
from torch import Tensor

from sparseattack.errors import InputError, brief
from sparseattack.problem.fitness import Fitness, Queries
from sparseattack.problem.scores import called

Function = TypeVar("Function", bound=Callable[..., Any])


def several(*names: str) -> Callable[[Function], Function]:
    """Declare that a strategy searches further objectives, by default those called ``names``."""

    def declare(strategy: Function) -> Function:
        strategy.further = names  # type: ignore[attr-defined]
        return strategy

    return declare


def further(strategy: Callable[..., Any]) -> tuple[str, ...]:
    """The further objectives of a strategy, its settings bound or not; none unless it declares some."""
    while isinstance(strategy, partial) and not hasattr(strategy, "further"):
        strategy = strategy.func
    names: tuple[str, ...] = getattr(strategy, "further", ())
    return names


def name(function: Callable[..., Any]) -> str:
    """What a function is called, its settings bound or not."""
    while isinstance(function, partial):
        function = function.func
    return getattr(function, "__name__", type(function).__name__)


def measured(fitness: Sequence[Fitness], queries: Queries) -> Tensor:
    """The values ``(n, M)`` float32 of queries, all finite: an infinite one would mean "not asked"."""
    values = torch.stack([_measured(one, queries) for one in fitness], dim=1)
    if (nan := values.isnan()).any():
        row, column = nan.nonzero()[0].tolist()
        raise InputError(f"fitness {name(fitness[column])} is NaN for {called(queries.rows[row : row + 1])}")
    return values.nan_to_num()


def _measured(fitness: Fitness, queries: Queries) -> Tensor:
    try:
        return fitness(queries).float().reshape(len(queries.rows))
    except Exception as error:  # whatever a foreign fitness raises
        raise InputError(f"fitness {name(fitness)} failed: {brief(error)}") from error
