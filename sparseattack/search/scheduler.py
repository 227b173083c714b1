"""Which groups' queries share the next oracle call, so that it is full although images finish one by one."""

from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress
from itertools import count
from time import perf_counter
from typing import NamedTuple

from sparseattack.problem.evaluations import Evaluations, QueryBatch
from sparseattack.problem.inference import Sizes
from sparseattack.problem.problem import Problem

OPEN = 16  # most groups at a time where their generations are small: each holds memory
CLOCK = count()  # ticks whenever a group asks, so that the longest waiting is known


class TimedEvaluations(NamedTuple):
    """The evaluations of one query batch, and their time."""

    evaluations: Evaluations
    seconds: float  # per query


GroupSearch = Generator[QueryBatch, TimedEvaluations, None]
"""The search of a group: yields query batches, is sent their evaluations, returns at the end."""


class PendingGroup:
    """A group waiting for evaluations: its pending query batch and the part already evaluated."""

    def __init__(self, search: GroupSearch, images: int = 1, limits: Sequence[int] = ()) -> None:
        """A group of so many images; ``limits`` are those that its search logs when it starts."""
        self.search = search
        self._resume(None)
        self.most = max(1, min(limits) // images) if limits else OPEN  # groups like it at a time

    def _resume(self, timed: TimedEvaluations | None) -> None:
        """Send the evaluations of a whole batch, if any; take the next batch, none at the search's end."""
        self.batch: QueryBatch | None = None
        self.evaluated, self.seconds = list[Evaluations](), 0.0
        with suppress(StopIteration):
            self.batch = self.search.send(timed)  # type: ignore[arg-type]  # None starts it
        self.left = len(self.batch.rows) if self.batch else 0
        self.since = next(CLOCK)

    def take(self, size: int) -> QueryBatch:
        """The next ``size`` of the pending queries."""
        assert self.batch
        start = len(self.batch.rows) - self.left
        return self.batch.part(start, start + size)

    def receive(self, evaluations: Evaluations, seconds: float) -> None:
        """Take the evaluations of the queries that were taken last, at ``seconds`` per query."""
        self.evaluated.append(evaluations)
        self.left -= len(evaluations.stop)
        self.seconds += seconds * len(evaluations.stop)
        if not self.left:
            whole = Evaluations.concatenate(self.evaluated)
            self._resume(TimedEvaluations(whole, self.seconds / len(whole.stop)))


def refill(groups: list[PendingGroup], waiting: Iterator[PendingGroup], sizes: Sizes) -> None:
    """Drop the groups that have finished; start waiting ones until there are queries for a full round.

    Fewer where memory is limited, which a search logs when it starts.
    """
    groups[:] = [group for group in groups if group.left]
    while sum(group.left for group in groups) < sizes.round and len(groups) < most_open(groups):
        if not (group := next(waiting, None)):
            break
        groups += [group] if group.left else []


def most_open(groups: Sequence[PendingGroup]) -> int:
    """Most groups at a time, of which ``groups`` are open."""
    return min([OPEN, *(group.most for group in groups)])


class Request(NamedTuple):
    """Queries of one group in a shared batch."""

    group: PendingGroup
    queries: QueryBatch


def next_batch(groups: Sequence[PendingGroup], sizes: Sizes) -> list[Request]:
    """The next shared batch: at most a full round, in whole blocks, the longest waiting groups first."""
    total = sum(group.left for group in groups)
    room = min(sizes.round, total - total % sizes.block or total)
    batch = list[Request]()
    for group in sorted(groups, key=lambda group: group.since):
        if size := min(group.left, room):
            batch.append(Request(group, group.take(size)))
            room -= size
    return batch


def evaluate_batch(problem: Problem, batch: Sequence[Request]) -> float:
    """Evaluate a shared batch and give every group its part; seconds per query."""
    queries = QueryBatch.concatenate([request.queries for request in batch])
    start = perf_counter()
    evaluations = problem.evaluate(queries)
    seconds = (perf_counter() - start) / len(queries.rows)
    parts = evaluations.split([len(request.queries.rows) for request in batch])
    for request, part in zip(batch, parts, strict=True):
        request.group.receive(part, seconds)
    return seconds
