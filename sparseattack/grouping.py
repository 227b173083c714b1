"""Which images are searched side by side."""

from collections.abc import Callable, Iterator

from sparseattack.group import Group

BATCHES = 4  # of the oracle, that a group asks for at a time: a turn costs time, however little it asks


def groups(begin: Callable[[slice], Group], count: int, chunk: int, most: int) -> Iterator[Group]:
    """Groups of at most ``most`` of ``count`` images, and of no more than ask for a few batches of ``chunk``.

    How much an image asks, a trial of the first one tells.
    """
    size = min(count, most)
    if size > 1:
        each = max(1, begin(slice(0, 1)).rehearse())
        size = max(1, min(size, BATCHES * chunk // each, count if count * each <= chunk else -(-count // 2)))
    for start in range(0, count, max(1, size)):
        yield begin(slice(start, min(start + size, count)))
