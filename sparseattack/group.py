"""The conversation about a few images that are searched side by side."""

from collections.abc import Generator
from time import perf_counter
from typing import NamedTuple

import torch
from torch import Tensor

from sparseattack.errors import SparseattackError, StrategyError
from sparseattack.ledger import Ledger
from sparseattack.outcome import Outcome, Point
from sparseattack.problem import Answers, Problem, Questions, name
from sparseattack.space import Strategy


class Timed(NamedTuple):
    """Answers, and how long each row took."""

    answers: Answers
    each: float  # seconds


class Group:
    """Puts the questions of one search, and keeps its images' accounts."""

    def __init__(
        self, problem: Problem, strategy: Strategy, rows: slice, budget: int, stream: tuple[int, str]
    ) -> None:
        self.problem, self.first = problem, rows.start
        seed, key = stream
        self.space = problem.space(rows, budget, seed, key)
        self.called = key or name(strategy)
        self.search = strategy(self.space)
        self.ledger = Ledger.blank(problem, self.space.batch)

    def converse(self, done: list[Outcome]) -> Generator[Questions, Timed, None]:
        """Put questions, be sent their answers; images that are finished go to ``done``."""
        left, values = torch.full_like(self.ledger.queries, self.space.budget), None
        while left.any():
            candidates = self._next(values, left > 0)
            asked = _affordable(candidates, left)
            left = self._close(left, ~asked.any(1), done)  # asks nothing more: given up, or all asked
            if not asked.any():
                break
            rows = self.first + asked.nonzero()[:, 0]
            answers, each = yield Questions(rows, candidates[asked])
            answers = _spread(answers, asked)
            self.ledger.record(candidates, asked, answers)
            self.ledger.seconds[:, 0] += each * asked.sum(1).cpu()
            values = answers.values
            ended = answers.stop.any(1) | (left == asked.sum(1))
            left = self._close(left - asked.sum(1), ended, done, was=left)
        self.search.close()

    def _next(self, values: Tensor | None, live: Tensor) -> Tensor:
        """The strategy's next candidates, timed and checked: ``(B, P, D)``."""
        start = perf_counter()
        try:
            candidates = self.search.send(values)  # type: ignore[arg-type]  # None starts the search
        except StopIteration:
            said = "its search returned; it must restart and let the budget end it"
            raise StrategyError(f"strategy {self.called}: {said}") from None
        except SparseattackError:
            raise
        except Exception as error:
            raise StrategyError(f"strategy {self.called} failed: {type(error).__name__}: {error}") from error
        self.ledger.seconds[live.cpu(), 1] += (perf_counter() - start) / int(live.sum())
        return self._checked(candidates)

    def _checked(self, candidates: Tensor) -> Tensor:
        space, who = self.space, f"strategy {self.called}"
        if not isinstance(candidates, Tensor) or candidates.dtype != torch.float32:
            raise StrategyError(f"{who} asked with {type(candidates).__name__}, not a float32 tensor")
        if candidates.ndim != 3 or candidates.shape[::2] != (space.batch, space.dims):  # noqa: PLR2004
            wanted = f"({space.batch}, P, {space.dims})"
            raise StrategyError(f"{who} asked with shape {tuple(candidates.shape)}, not {wanted}")
        if ((candidates < 0) | (candidates > 1)).any():
            raise StrategyError(f"{who} asked for a candidate outside the unit cube")
        return candidates

    def _close(self, left: Tensor, ended: Tensor, done: list[Outcome], was: Tensor | None = None) -> Tensor:
        """Hand over the images that are open and ``ended``; the queries that the others have ``left``."""
        now = ended & ((left if was is None else was) > 0)
        done.extend(self._outcome(place) for place in now.nonzero()[:, 0].tolist())
        return left.masked_fill(ended, 0)

    def _outcome(self, place: int) -> Outcome:
        ledger, shape = self.ledger, self.problem.images.shape[1:]
        edits = self.problem.encoding.decode(ledger.genes[place : place + 1], shape)
        oracle_seconds, strategy_seconds = ledger.seconds[place].tolist()
        return Outcome(
            image=self.first + place,
            positions=edits.positions[0].cpu().numpy(),
            colours=edits.colours[0].cpu().numpy(),
            values=tuple(ledger.values[place].tolist()),
            pixels=int(ledger.pixels[place]),
            queries=int(ledger.queries[place]),
            first_fooled=int(ledger.first_fooled[place]),
            restarts=self.space.journal.restarts.get(place, 0),
            oracle_seconds=oracle_seconds,
            strategy_seconds=strategy_seconds,
            trace=tuple(ledger.traces[place]),
            front=self._front(place),
            error=self.space.journal.errors.get(place, ""),
        )

    def _front(self, place: int) -> tuple[Point, ...]:
        if not self.ledger.fronts:
            return ()
        front = self.ledger.fronts[place]
        edits = self.problem.encoding.decode(front.genes, self.problem.images.shape[1:])
        columns = front.values.tolist(), edits.positions.numpy(), edits.colours.numpy()
        return tuple(Point(tuple(values), *edit) for values, *edit in zip(*columns, strict=True))


def _affordable(candidates: Tensor, left: Tensor) -> Tensor:
    """The candidates that are real, as many per image as it has queries ``left``: ``(B, P)``."""
    real = ~candidates.isnan().any(2)
    return real & (real.cumsum(1) <= left.unsqueeze(1))


def _spread(answers: Answers, asked: Tensor) -> Answers:
    """Answers ``(n, ...)`` in the places ``(B, P, ...)`` they were asked from; infinite, false elsewhere."""

    def place(column: Tensor, empty: float) -> Tensor:
        return column.new_full((*asked.shape, *column.shape[1:]), empty).index_put((asked,), column)

    return Answers(*map(place, answers, (torch.inf, 0, False, False)))
