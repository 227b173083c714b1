"""The one loop: strategies ask, the oracle answers them together, the budgets run down."""

from collections.abc import Generator, Iterator
from contextlib import suppress
from time import perf_counter
from typing import NamedTuple

import torch
from torch import Tensor

from sparseattack.exchange import Answers, Questions, Timed
from sparseattack.group import Group
from sparseattack.inputs import check_search
from sparseattack.outcome import Outcome
from sparseattack.problem import Problem
from sparseattack.space import Strategy

Conversation = Generator[Questions, Timed, None]


class Round(NamedTuple):
    """What one call of the oracle has come to."""

    queries: int  # put to it
    outcomes: tuple[Outcome, ...]  # of the images that are done


def attack(
    problem: Problem, strategy: Strategy, budget: int, seed: int = 0, *, key: str = "", group: int = 32
) -> list[Outcome]:
    """Search every image until it may stop or has cost ``budget`` queries; outcomes in the images' order.

    ``key`` names the strategy in the random streams; ``group`` images are searched side by side, which
    changes no result.
    """
    outcomes = outcomes_of(problem, strategy, budget, seed, key=key, group=group)
    return sorted(outcomes, key=lambda outcome: outcome.image)


def outcomes_of(
    problem: Problem, strategy: Strategy, budget: int, seed: int = 0, *, key: str = "", group: int = 32
) -> Iterator[Outcome]:
    """The same, each outcome as soon as it is known; those known before an error come before it."""
    for each in rounds(problem, strategy, budget, seed, key=key, group=group):
        yield from each.outcomes


def rounds(
    problem: Problem, strategy: Strategy, budget: int, seed: int = 0, *, key: str = "", group: int = 32
) -> Iterator[Round]:
    """The same, after every call of the oracle what has come of it, for those who show progress."""
    check_search(strategy, budget, seed, group)
    done: list[Outcome] = []
    parts = (slice(start, start + group) for start in range(0, len(problem.images), group))
    groups = (Group(problem, strategy, part, budget, (seed, key)) for part in parts)
    waiting = (each.converse(done) for each in groups)
    asking: dict[Conversation, Questions] = {}
    more = True
    while more:
        rows = 0  # until they are known, whatever fails
        try:
            more = _fill(asking, waiting, problem.chunk)
            rows = sum(len(questions.rows) for questions in asking.values())
            _answer(problem, asking)
        finally:
            yield Round(rows, tuple(done))
            done.clear()


def _fill(asking: dict[Conversation, Questions], waiting: Iterator[Conversation], chunk: int) -> bool:
    """Open conversations until they fill the oracle's batch; whether there is anything to ask."""
    while sum(len(questions.rows) for questions in asking.values()) < chunk:
        if (conversation := next(waiting, None)) is None:
            break
        with suppress(StopIteration):
            asking[conversation] = next(conversation)
    return bool(asking)


def _answer(problem: Problem, asking: dict[Conversation, Questions]) -> None:
    """Answer all questions in one call, and take the next ones of every conversation."""
    if not asking:
        return
    together = Questions(*map(torch.cat, zip(*asking.values(), strict=True)))
    start = perf_counter()
    answers = problem.evaluate(together)
    each = (perf_counter() - start) / len(together.rows)
    for conversation, share in zip(list(asking), _shares(asking, answers), strict=True):
        del asking[conversation]
        with suppress(StopIteration):  # the group is done
            asking[conversation] = conversation.send(Timed(share, each))


def _shares(asking: dict[Conversation, Questions], answers: Answers) -> list[Answers]:
    sizes = [len(questions.rows) for questions in asking.values()]
    columns: list[tuple[Tensor, ...]] = [torch.split(column, sizes) for column in answers]
    return [Answers(*share) for share in zip(*columns, strict=True)]
