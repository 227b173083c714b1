"""The conversation about a few images that are searched side by side."""

from collections.abc import Generator
from time import perf_counter

import torch
from torch import Tensor

from sparseattack.closing import outcome
from sparseattack.contract import ended, started, turn
from sparseattack.exchange import Questions, Timed, spread
from sparseattack.ledger import Ledger
from sparseattack.objectives import name
from sparseattack.outcome import Outcome
from sparseattack.problem import Problem
from sparseattack.space import Strategy


class Group:
    """Puts the questions of one search, and keeps its images' accounts."""

    def __init__(
        self, problem: Problem, strategy: Strategy, rows: slice, budget: int, stream: tuple[int, str]
    ) -> None:
        self.problem, self.first = problem, rows.start
        seed, key = stream
        self.space = problem.space(rows, budget, seed, key)
        self.who = f"strategy {key or name(strategy)}"
        self.search = started(strategy, self.space, self.who)
        self.ledger = Ledger.blank(problem, self.space.batch)

    def converse(self, done: list[Outcome]) -> Generator[Questions, Timed, None]:
        """Put questions, be sent their answers; images that are finished go to ``done``."""
        live, values = torch.ones_like(self.ledger.queries, dtype=torch.bool), None
        while live.any():
            candidates = self._next(values, live)
            asked = _affordable(candidates, (self.space.budget - self.ledger.queries) * live)
            live = self._close(live, ~asked.any(1), done)  # their search is over
            if live.any():
                values, over = yield from self._put(candidates, asked)
                live = self._close(live, over, done)
        ended(self.search, self.who)

    def _next(self, values: Tensor | None, live: Tensor) -> Tensor:
        """The strategy's next candidates ``(B, P, D)``, their time shared by the images that are ``live``."""
        start = perf_counter()
        candidates = turn(self.search, values, self.space, self.who)
        self.ledger.seconds[live.cpu(), 1] += (perf_counter() - start) / int(live.sum())
        return candidates

    def _put(self, candidates: Tensor, asked: Tensor) -> Generator[Questions, Timed, tuple[Tensor, Tensor]]:
        """Values ``(B, P, M)`` of the candidates ``asked`` ``(B, P)``, and which images are over ``(B,)``."""
        rows = self.first + asked.nonzero()[:, 0]
        answers, each = yield Questions(rows, candidates[asked])
        answers = spread(answers, asked)
        self.ledger.record(candidates, asked, answers)
        self.ledger.seconds[:, 0] += each * asked.sum(1).cpu()
        return answers.values, answers.stop.any(1) | (self.ledger.queries >= self.space.budget)

    def _close(self, live: Tensor, over: Tensor, done: list[Outcome]) -> Tensor:
        """Hand over the live images that are ``over``; which stay live."""
        for place in (live & over).nonzero()[:, 0].tolist():
            image = self.first + place
            done.append(outcome(self.problem, self.ledger, self.space.journal, place, image))
        return live & ~over


def _affordable(candidates: Tensor, left: Tensor) -> Tensor:
    """The candidates that are real, as many per image as it has queries ``left``: ``(B, P)``."""
    real = ~candidates.isnan().any(2)
    return real & (real.cumsum(1) <= left.unsqueeze(1))
