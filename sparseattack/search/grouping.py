"""Which images are searched side by side."""

from collections.abc import Callable, Iterator

from sparseattack.problem.calls import Sizes
from sparseattack.search.contract import ended, real, turn
from sparseattack.search.group import Group

ROUNDS = 4  # that a group asks for at a time: a turn costs time, however little it asks


def rehearsed(group: Group) -> int:
    """Questions of a group's first turn, which are not put; its search ends."""
    candidates = turn(group.search, None, group.space, group.who)
    ended(group.search, group.who)
    return int(real(candidates).sum())


def groups(
    begin: Callable[..., Group], count: int, sizes: Sizes, most: int, spare: int = 0
) -> Iterator[Group]:
    """Groups of at most ``most`` of ``count`` images, and of no more than ask for a few rounds.

    There are two at least, where one would leave a part of a block: the other fills it. How
    much an image asks, a trial of the first one tells. On ``spare`` cores others think at the same time.
    """
    size, overlap = min(count, most), False
    if size > 1:
        each, overlap = max(1, rehearsed(begin(slice(0, 1)))), spare > 0
        asked = count * each
        alone = asked <= sizes.block or (asked <= sizes.round and not asked % sizes.block)
        half = count if alone else -(-count // 2)
        size = max(1, min(size, half, ROUNDS * sizes.round // each))
        size = min(size, -(-count // (1 + spare))) if overlap else size
    for start in range(0, count, max(1, size)):
        yield begin(slice(start, min(start + size, count)), overlap=overlap)
