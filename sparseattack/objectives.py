"""Which objectives a strategy searches beside the first."""

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])


def several(*names: str) -> Callable[[Function], Function]:
    """Declare that a strategy searches further objectives, by default those called ``names``."""

    def declare(strategy: Function) -> Function:
        strategy.further = names  # type: ignore[attr-defined]
        return strategy

    return declare


def further(strategy: Callable[..., Any]) -> tuple[str, ...]:
    """The further objectives of a strategy, its settings bound or not; none unless it declares some."""
    while isinstance(strategy, partial):
        strategy = strategy.func
    names: tuple[str, ...] = getattr(strategy, "further", ())
    return names
