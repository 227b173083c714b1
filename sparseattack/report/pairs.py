"""Two lines of a table, compared on the images that both attacked."""

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

from sparseattack.report.report import by_image, grouped
from sparseattack.report.statistics import holm, mcnemar
from sparseattack.report.summary import Row
from sparseattack.study.record import Record


class Pair(NamedTuple):
    """Two lines of the table, compared on the images that both attacked."""

    first: Row
    second: Row
    more_first: int  # images that the first fools more often
    more_second: int
    p: float  # exact McNemar (sign) test, adjusted by Holm over all pairs


def pairs(records: Sequence[Record]) -> list[Pair]:
    """Every two lines of the same k, compared image by image."""
    groups = grouped(records)
    both = [(a, b) for a, b in combinations(groups, 2) if a.k == b.k]
    counts = [_discordant(groups[a], groups[b]) for a, b in both]
    adjusted = holm([mcnemar(*count) for count in counts])
    rows = zip(both, counts, adjusted, strict=True)
    return [Pair(*rows_, *count, p) for rows_, count, p in rows]


def _discordant(first: list[Record], second: list[Record]) -> tuple[int, int]:
    """Images that either fools more often, in the runs that both have."""
    shared = {_run(record) for record in first} & {_run(record) for record in second}
    a, b = (by_image([one for one in some if _run(one) in shared]) for some in (first, second))
    return sum(a[i] > b[i] for i in a), sum(a[i] < b[i] for i in a)


def _run(record: Record) -> tuple[int, int, int]:
    return record.image, record.seed, record.target
