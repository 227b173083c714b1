"""When an image needs no further question."""

from collections.abc import Callable

import torch
from torch import Tensor

from sparseattack.queries import Queries, fooled, probability

Until = Callable[[Queries], Tensor]
"""Whether the search of its image may stop at a query: ``(n,)`` bool."""


def spent(queries: Queries) -> Tensor:
    """Never: the budget ends the search."""
    return torch.zeros_like(queries.labels, dtype=torch.bool)


def confident(level: float) -> Until:
    """Until the target's probability is above ``level``, or the true class's below ``1 - level``.

    The one-pixel paper stops at 0.9 when targeted and at 0.95 (5 % left) on ImageNet.
    """
    return lambda queries: probability(queries) < (-level if queries.targeted else 1 - level)


def rule(text: str) -> Until:
    """The rule called ``fooled``, ``budget`` or ``confidence:LEVEL``."""
    if text.startswith("confidence:"):
        try:
            level = float(text.partition(":")[2])
        except ValueError:
            level = -1.0
        if 0 < level < 1:
            return confident(level)
    elif text in ("fooled", "budget"):
        return fooled if text == "fooled" else spent
    raise ValueError(
        f"no rule {text!r} to stop by, only fooled, budget or confidence:LEVEL with 0 < LEVEL < 1"
    )
