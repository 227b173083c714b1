"""The one loop: strategies ask, the oracle answers them together, the budgets run down.

Which images are searched side by side.

Conversations ask and are answered, round by round.
"""

from collections.abc import Callable, Iterator
from functools import partial
from numbers import Integral
from typing import NamedTuple

from sparseattack.errors import InputError
from sparseattack.problem.oracle import Sizes
from sparseattack.problem.problem import Problem
from sparseattack.problem.space import Strategy
from sparseattack.search.contract import ended, real, turn
from sparseattack.search.group import Group
from sparseattack.search.outcome import Outcome
from sparseattack.search.scheduler import Talk, answer, filled, turns

ROUNDS = 4  # that a group asks for at a time: a turn costs time, however little it asks


def rehearsed(group: Group) -> int:
    """Questions of a group's first turn, which are not put; its search ends."""
    candidates = turn(group.search, None, group.space, group.who)
    ended(group.search, group.who)
    return int(real(candidates).sum())


def groups(begin: Callable[[slice], Group], count: int, sizes: Sizes, most: int) -> Iterator[Group]:
    """Groups of at most ``most`` of ``count`` images, and of no more than ask for a few rounds.

    There are two at least, where one would leave a part of a block: the other fills it. How
    much an image asks, a trial of the first one tells.
    """
    size = min(count, most)
    if size > 1:
        each = max(1, rehearsed(begin(slice(0, 1))))
        asked = count * each
        alone = asked <= sizes.block or (asked <= sizes.round and not asked % sizes.block)
        half = count if alone else -(-count // 2)
        size = max(1, min(size, half, ROUNDS * sizes.round // each))
    for start in range(0, count, max(1, size)):
        yield begin(slice(start, min(start + size, count)))


def check_search(strategy: object, budget: int, seed: int, group: int) -> None:
    """Refuse what no attack can be made with."""
    if not callable(strategy):
        raise InputError(
            f"a strategy is a function, not {strategy!r}: load it first, load('strategies', ...)"
        )
    for name, number, least in (("budget", budget, 1), ("group", group, 1), ("seed", seed, 0)):
        if not isinstance(number, Integral) or number < least:
            raise InputError(f"{name} is a whole number from {least}, not {number!r}")


PATIENCE = 2.0  # seconds that answers to a whole round may take, or there are fewer in one


class Round(NamedTuple):
    """What has come of the questions that were answered together."""

    queries: int  # it has cost
    outcomes: tuple[Outcome, ...]  # of the images that are done


def talked(
    problem: Problem, talks: list[Talk], waiting: Iterator[Talk], done: list[Outcome]
) -> Iterator[Round]:
    """Let the ``talks``, of which more are ``waiting``, ask and be answered until all are over."""
    few = problem.sizes._replace(round=problem.sizes.chunk)
    more, now = True, few
    while more:
        queries = 0  # until they are known, whatever fails
        try:
            talks[:] = filled(talks, waiting, now)
            batch = turns(talks, now)
            queries = sum(turn.questions.cost for turn in batch)
            if more := bool(batch):
                slow = answer(problem, batch) * problem.sizes.round > PATIENCE
                now = few if slow else problem.sizes
        finally:
            yield Round(queries, tuple(done))
            done.clear()


def attack(
    problem: Problem,
    strategy: Strategy,
    budget: int,
    seed: int = 0,
    *,
    key: str = "",
    group: int = 1024,
) -> list[Outcome]:
    """Search every image until it may stop or has cost ``budget`` queries; outcomes in the images' order.

    ``key`` names the strategy in the random streams; ``group`` images at most share a search.
    Neither a group's size nor the images in it change a result.
    """
    outcomes = outcomes_of(problem, strategy, budget, seed, key=key, group=group)
    return sorted(outcomes, key=lambda outcome: outcome.image)


def outcomes_of(
    problem: Problem,
    strategy: Strategy,
    budget: int,
    seed: int = 0,
    *,
    key: str = "",
    group: int = 1024,
) -> Iterator[Outcome]:
    """The same, each outcome as soon as it is known; those known before an error come before it."""
    for each in rounds(problem, strategy, budget, seed, key=key, group=group):
        yield from each.outcomes


def rounds(
    problem: Problem,
    strategy: Strategy,
    budget: int,
    seed: int = 0,
    *,
    key: str = "",
    group: int = 1024,
) -> Iterator[Round]:
    """The same, after every round what has come of it, for those who show progress."""
    check_search(strategy, budget, seed, group)
    done: list[Outcome] = []
    begin = partial(Group, problem, strategy, budget, (seed, key))
    every = groups(begin, len(problem.labels), problem.sizes, group)
    waiting = (Talk(each.converse(done)) for each in every)
    talks: list[Talk] = []
    try:
        yield from talked(problem, talks, waiting, done)
    finally:
        for talk in talks:
            talk.conversation.close()
