"""The one loop: strategies ask, the oracle answers them together, the budgets run down."""

from collections.abc import Iterator
from functools import partial

from sparseattack.problem.inputs import check_search
from sparseattack.problem.problem import Problem
from sparseattack.problem.space import Strategy
from sparseattack.search.alone import thinks_apart
from sparseattack.search.group import Group
from sparseattack.search.grouping import groups
from sparseattack.search.outcome import Outcome
from sparseattack.search.rounds import Round, talked
from sparseattack.search.scheduler import OPEN, Talk
from sparseattack.search.workers import spare


def attack(
    problem: Problem,
    strategy: Strategy,
    budget: int,
    seed: int = 0,
    *,
    key: str = "",
    group: int = 1024,
    cores: int | None = None,
) -> list[Outcome]:
    """Search every image until it may stop or has cost ``budget`` queries; outcomes in the images' order.

    ``key`` names the strategy in the random streams; ``group`` images at most share a search. On Linux,
    searches of CPU libraries think in processes on so many ``cores``; those that torch leaves free, unless
    told. Neither changes a result.
    """
    outcomes = outcomes_of(problem, strategy, budget, seed, key=key, group=group, cores=cores)
    return sorted(outcomes, key=lambda outcome: outcome.image)


def outcomes_of(
    problem: Problem,
    strategy: Strategy,
    budget: int,
    seed: int = 0,
    *,
    key: str = "",
    group: int = 1024,
    cores: int | None = None,
) -> Iterator[Outcome]:
    """The same, each outcome as soon as it is known; those known before an error come before it."""
    for each in rounds(problem, strategy, budget, seed, key=key, group=group, cores=cores):
        yield from each.outcomes


def rounds(
    problem: Problem,
    strategy: Strategy,
    budget: int,
    seed: int = 0,
    *,
    key: str = "",
    group: int = 1024,
    cores: int | None = None,
) -> Iterator[Round]:
    """The same, after every round what has come of it, for those who show progress."""
    check_search(strategy, budget, seed, group)
    done: list[Outcome] = []
    begin = partial(Group, problem, strategy, budget, (seed, key))
    lines = 0
    if thinks_apart(strategy):
        lines = min(spare(problem.images.device, cores), OPEN - 1)
    every = groups(begin, len(problem.labels), problem.sizes, group, lines)
    waiting = (Talk(each.converse(done)) for each in every)
    talks: list[Talk] = []
    try:
        yield from talked(problem, talks, waiting, lines, done)
    finally:
        for talk in talks:
            talk.conversation.close()
