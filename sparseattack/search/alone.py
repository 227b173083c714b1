"""Searches of one image alone, lifted to strategies: the way in for CPU libraries."""

from collections.abc import Callable
from functools import partial, wraps
from typing import Any

from sparseattack.problem.space import THINKING, Search, Space
from sparseattack.search.per_image import ImageSearch, Solos
from sparseattack.search.workers import elsewhere

Single = Callable[..., ImageSearch]


def apart(single: Single) -> Single:
    """Let a search of one image run in a process of its own, which thinks while others are answered.

    To be written below ``per_image``, for what changes nothing outside itself: it would be changed in that
    process only. One is forked for a few images at a time, on Linux, where torch leaves cores free.
    """
    single.apart = True  # type: ignore[attr-defined]
    return single


def per_image(single: Single) -> Callable[..., Search]:
    """Lift ``single(space, random, **settings)``; an image whose search fails is given up alone."""

    @wraps(single)
    def strategy(space: Space, **settings: Any) -> Search:
        begin = partial(Solos, single, space, settings)
        if space.overlap:
            yield from _apart(begin, space)
        solos = begin()
        while True:
            solos.reply((yield solos.asked().to(space.device)).cpu())

    return strategy


def thinks_apart(strategy: Callable[..., object]) -> bool:
    """Whether the searches of a strategy, its settings bound or not, may run in processes of their own."""
    while isinstance(strategy, partial):
        strategy = strategy.func
    return bool(getattr(strategy, "apart", False))


def _apart(begin: Callable[[], Solos], space: Space) -> Search:
    """The same in another process, if there can be one."""
    with elsewhere(begin, space.journal) as others:
        while others:
            yield THINKING
            others.reply((yield others.asked().to(space.device)).cpu())
