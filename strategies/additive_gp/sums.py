"""Sums that have the same bits for an image, however many others there are."""

from collections.abc import Iterable
from functools import reduce
from operator import add

from torch import Tensor


def in_order(parts: Iterable[Tensor]) -> Tensor:
    """The sum of ``parts (B, ...)``, one after another; of at least one."""
    total: Tensor = reduce(add, parts)
    return total


def squares(inner: Tensor) -> Tensor:
    """Sums ``(B, s)`` of the squares of ``inner (B, T, s)``."""
    found: Tensor = inner.mT.contiguous().square().sum(2)
    return found
