"""Conversations ask and are answered, round by round."""

from collections.abc import Iterator
from typing import NamedTuple

from sparseattack.problem.problem import Problem
from sparseattack.search.batch import answer, turns
from sparseattack.search.outcome import Outcome
from sparseattack.search.scheduler import Talk, filled

PATIENCE = 2.0  # seconds that answers to a whole round may take, or there are fewer in one


class Round(NamedTuple):
    """What has come of the questions that were answered together."""

    queries: int  # it has cost
    outcomes: tuple[Outcome, ...]  # of the images that are done


def talked(
    problem: Problem, talks: list[Talk], waiting: Iterator[Talk], lines: int, done: list[Outcome]
) -> Iterator[Round]:
    """Let the ``talks``, of which more are ``waiting``, ask and be answered until all are over."""
    few = problem.sizes._replace(round=problem.sizes.chunk)
    more, now = True, few
    while more:
        queries = 0  # until they are known, whatever fails
        try:
            talks[:] = filled(talks, waiting, now, lines)
            batch = turns(talks, now)
            queries = sum(turn.questions.cost for turn in batch)
            if more := bool(batch):
                slow = answer(problem, batch) * problem.sizes.round > PATIENCE
                now = few if slow else problem.sizes
        finally:
            yield Round(queries, tuple(done))
            done.clear()
