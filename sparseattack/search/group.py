"""The conversation about a few images that are searched side by side.

Questions of a turn that are the same: one pays for each, but the oracle is shown one of them.
"""

from collections.abc import Generator
from functools import cache
from itertools import compress
from time import perf_counter

import torch
from torch import Tensor

from sparseattack.plugins.spec import function_name
from sparseattack.problem.edits import Edits
from sparseattack.problem.problem import Answers, Problem, Questions
from sparseattack.problem.space import Strategy
from sparseattack.search.contract import affordable, ended, started, turn
from sparseattack.search.ledger import Account
from sparseattack.search.outcome import Outcome, outcome
from sparseattack.search.scheduler import Conversation, Timed


def spread(answers: Answers, asked: Tensor, places: Tensor) -> Answers:
    """Answers ``(n, ...)`` at their ``places (n,)`` in all of ``asked (B, P)``; else infinite, 0, false."""

    def place(column: Tensor, empty: float) -> Tensor:
        blank = column.new_full((asked.numel(), *column.shape[1:]), empty)
        return blank.index_copy(0, places, column).view(*asked.shape, *column.shape[1:])

    return Answers(*map(place, answers, (torch.inf, 0, False, False)))


FIRST, SECOND = -0x40A7B892E31B1A47, -0x6B2FB644ECCEEE15  # multipliers of SplitMix64 (Steele et al., 2014)


def distinct(questions: Questions) -> tuple[Questions, Tensor]:
    """The first of every kind, in the order asked, and for each question the place of its kind: ``(n,)``.

    Two are of one kind if they leave the same colours at the same pixels of the same image.
    """
    keys, order = _keys(questions.rows, questions.edits).sort(stable=True)
    new = torch.ones_like(keys, dtype=torch.bool)
    new[1:] = keys[1:] != keys[:-1]
    firsts, ranks = order[new].sort()
    kinds = torch.empty_like(order)
    kinds[order] = ranks.argsort()[new.cumsum(0) - 1]
    edits = Edits(*(column[firsts] for column in questions.edits))
    return Questions(questions.rows[firsts], edits, len(kinds) - len(firsts)), kinds


def _keys(rows: Tensor, edits: Edits) -> Tensor:
    """A hash ``(n,)`` of 64 bits: of 10,000 that differ, two are equal once in 10^11 times."""
    factors = _factors(edits.colours.shape[2] + 2, rows.device)
    slots = edits.positions * factors[0] + (edits.colours * factors[2:]).sum(2)
    if edits.positions.shape[1] > 1:  # in any order, and without those that are painted over
        return rows * factors[1] + _mixed(slots).mul(edits.stays()).sum(1)
    return rows * factors[1] + slots[:, 0]


def _mixed(numbers: Tensor) -> Tensor:
    """Numbers whose sum says which they are."""
    numbers = (numbers ^ (numbers >> 30)) * FIRST
    numbers = (numbers ^ (numbers >> 27)) * SECOND
    return numbers ^ (numbers >> 31)


@cache
def _factors(count: int, device: torch.device) -> Tensor:
    chance = torch.Generator().manual_seed(0)
    return torch.randint(-(2**63), 2**63 - 1, (count,), generator=chance).to(device)


class Group:
    """Puts the questions of one search, and keeps its images' accounts."""

    def __init__(
        self, problem: Problem, strategy: Strategy, budget: int, stream: tuple[int, str], rows: slice
    ) -> None:
        self.problem, self.first = problem, rows.start
        seed, key = stream
        self.space = problem.space(rows, budget, seed, key)
        self.who = f"strategy {key or function_name(strategy)}"
        self.search = started(strategy, self.space, self.who)
        self.account = Account(problem, self.space.batch)

    def converse(self, done: list[Outcome]) -> Conversation:
        """Put questions, be sent their answers; images that are finished go to ``done``."""
        try:
            yield from self._turns(done)
        finally:
            ended(self.search, self.who)

    def _turns(self, done: list[Outcome]) -> Conversation:
        """Until every image is finished."""
        live, values = torch.ones_like(self.account.queries, dtype=torch.bool), None
        count = self.space.batch  # of images that are live
        while count:
            candidates = self._next(values, count)
            asked = affordable(candidates, (self.space.budget - self.account.queries) * live)
            if not len(places := asked.flatten().nonzero()[:, 0]):
                break
            answers = yield from self._put(candidates, asked, places)
            over = answers.stop.any(1) | (self.account.queries >= self.space.budget) | ~asked.any(1)
            count -= self._close(live & over, done)
            live, values = live & ~over, answers.values.masked_fill(over.view(-1, 1, 1), torch.inf)
        self._close(live, done)  # nothing is asked about them any more

    def _next(self, values: Tensor | None, count: int) -> Tensor:
        """The strategy's next candidates ``(B, P, D)``, their time shared by the ``count`` live images."""
        start = perf_counter()
        candidates = turn(self.search, values, self.space, self.who)
        self.account.strategy_seconds += (perf_counter() - start) / count
        return candidates

    def _put(self, candidates: Tensor, asked: Tensor, places: Tensor) -> Generator[Questions, Timed, Answers]:
        """Answers ``(B, P)`` to the candidates ``asked (B, P)``, those at ``places (n,)`` of all."""
        genes = candidates.flatten(0, 1)[places]
        edits = self.problem.encoding.decode(genes, self.problem.images.shape[1:])
        every = Questions(self.first + places // asked.shape[1], edits)
        alone = self.problem.repeat or asked.shape[1] == 1
        put, kinds = (every, slice(None)) if alone else distinct(every)
        told, each = yield put
        answers = spread(Answers(*(column[kinds] for column in told)), asked, places)
        paid, ones = asked.sum(1), torch.ones_like(put.rows)
        shown = torch.zeros_like(paid).index_add(0, put.rows - self.first, ones)
        self.account.pay(paid, shown, each)
        self.account.enter(candidates, asked, answers)
        return answers

    def _close(self, over: Tensor, done: list[Outcome]) -> int:
        """Hand over the images that are ``over (B,)``; how many they are."""
        places = list(compress(range(len(over)), over.tolist()))
        if places:
            self.account.settle()
        for place in places:
            image = self.first + place
            done.append(outcome(self.problem, self.account, self.space.journal, place, image))
        return len(places)
