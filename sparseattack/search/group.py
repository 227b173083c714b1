"""One search over a group of images: ask for candidates, evaluate them, charge queries, return outcomes."""

from collections.abc import Generator
from dataclasses import dataclass, replace
from functools import cache
from itertools import compress
from numbers import Integral
from time import perf_counter

import torch
from torch import Tensor

from sparseattack.errors import InputError
from sparseattack.plugins.spec import function_name, uses_of
from sparseattack.problem.edits import Edits
from sparseattack.problem.evaluations import Evaluations, QueryBatch
from sparseattack.problem.fitness import OF_SCORES
from sparseattack.problem.problem import Problem
from sparseattack.problem.space import Strategy
from sparseattack.search.contract import ask, close, is_query, start, within_budget
from sparseattack.search.ledger import Ledger
from sparseattack.search.outcome import Outcome
from sparseattack.search.scheduler import GroupSearch, TimedEvaluations


@dataclass(frozen=True)
class AttackSettings:
    """What an attack needs beside its problem and its strategy."""

    budget: int  # queries each image may cost
    seed: int = 0
    key: str = ""  # names the strategy in the random streams
    group: int = 1024  # most images that share one search; changes no outcome
    used: tuple[int, ...] = ()  # queries of the budget that each image has cost already; else none has

    def __post_init__(self) -> None:
        """Refuse numbers that are not whole or too small."""
        for what, number, least in (
            ("budget", self.budget, 1),
            ("group", self.group, 1),
            ("seed", self.seed, 0),
        ):
            if not isinstance(number, Integral) or isinstance(number, bool) or number < least:
                raise InputError(f"{what} is a whole number from {least}, not {number!r}")


class Group:
    """The search of images ``rows`` of a problem, side by side, and their ledger."""

    scores: Tensor | None  # (B, P, K) of the last candidates, for a strategy that uses them

    def __init__(self, problem: Problem, strategy: Strategy, settings: AttackSettings, rows: slice) -> None:
        if not callable(strategy):
            raise InputError(
                f"a strategy is a function, not {strategy!r}: load it first, load('strategies', ...)"
            )
        self.problem, self.first = problem, rows.start
        uses = uses_of(strategy)
        left = [settings.budget - used for used in settings.used[rows]] or [settings.budget]
        self.budget = torch.tensor(left, device=problem.images.device)  # (B,), or one for all
        self.scored, self.scores = "scores" in uses, None
        self.space = problem.space(
            rows, min(left), settings.seed, settings.key, uses=uses, scores=lambda: self.scores
        )
        self.who = f"strategy {settings.key or function_name(strategy)}"
        self.search = start(strategy, replace(self.space), self.who)  # its own copy
        known = problem.predictions is not None and problem.fitness[0] in OF_SCORES
        self.ledger = Ledger(problem, self.space.batch, self.space.clean_values[:, 0] if known else None)

    def first_population(self) -> int:
        """How many queries the first generation has, none of which is evaluated; ends the search."""
        candidates = ask(self.search, None, self.space, self.who)
        close(self.search, self.who)
        return int(is_query(candidates).sum())

    def run(self, finished: list[Outcome]) -> GroupSearch:
        """Yield query batches, be sent their evaluations; append the outcomes of images to ``finished``."""
        try:
            yield from self._generations(finished)
        finally:
            close(self.search, self.who)

    def _generations(self, finished: list[Outcome]) -> GroupSearch:
        """Generation after generation, until every image has stopped or has spent its budget."""
        budget, values = self.budget, None
        live = torch.ones_like(self.ledger.queries, dtype=torch.bool)
        count = self.space.batch  # of live images
        while count:
            candidates = self._ask(values, count)
            asked = within_budget(candidates, (budget - self.ledger.queries) * live)
            if not len(places := asked.flatten().nonzero()[:, 0]):
                break
            evaluations = yield from self._evaluate(candidates, asked, places)
            over = evaluations.stop.any(1) | (self.ledger.queries >= budget) | ~asked.any(1)
            count -= self._finish(live & over, finished)
            live, values = live & ~over, evaluations.values.masked_fill(over.view(-1, 1, 1), torch.inf)
            if self.scored:
                self.scores = evaluations.scores.masked_fill(over.view(-1, 1, 1), torch.nan)
        self._finish(live, finished)  # the strategy has no more queries about these

    def _ask(self, values: Tensor | None, count: int) -> Tensor:
        """The strategy's next candidates ``(B, P, D)``; its time is shared by the ``count`` live images."""
        begin = perf_counter()
        candidates = ask(self.search, values, self.space, self.who).clone()  # it may write to its own
        self.ledger.strategy_seconds += (perf_counter() - begin) / count
        return candidates

    def _evaluate(
        self, candidates: Tensor, asked: Tensor, places: Tensor
    ) -> Generator[QueryBatch, TimedEvaluations, Evaluations]:
        """Evaluations ``(B, P)`` of the candidates ``asked (B, P)``, which are at ``places (n,)`` of all."""
        genes = candidates.flatten(0, 1)[places]
        cases = self.first + places // asked.shape[1]
        queries = QueryBatch(cases, self.problem.decode(cases, genes), scored=self.scored)
        same = self.problem.repeat or self.problem.noisy or asked.shape[1] == 1  # all are evaluated
        batch, kinds = (queries, slice(None)) if same else deduplicate(queries)
        distinct, seconds = yield batch
        evaluations = _spread(distinct.take(kinds), asked, places)
        rows, zero = batch.rows - self.first, torch.zeros_like(self.ledger.queries)
        evaluated = zero.index_add(0, rows, torch.ones_like(rows))
        self.ledger.charge(asked.sum(1), evaluated, seconds)
        self.ledger.verifications = self.ledger.verifications.index_add(0, rows, distinct.singles)
        self.ledger.record(candidates, asked, evaluations._replace(scores=evaluations.values[..., :0]))
        return evaluations

    def _finish(self, over: Tensor, finished: list[Outcome]) -> int:
        """Add the outcomes of the images that are ``over (B,)``; how many they are."""
        places = list(compress(range(len(over)), over.tolist()))
        if places:
            self.ledger.flush()
            self.ledger.evaluate_best(places, self.first)
        for place in places:
            finished.append(self.ledger.outcome(place, self.first + place, self.space.journal))
        return len(places)


def _spread(evaluations: Evaluations, asked: Tensor, places: Tensor) -> Evaluations:
    """Evaluations ``(n, ...)`` at their ``places (n,)`` of all ``(B, P)``; else infinite, 0, false, NaN."""
    if len(places) == asked.numel():  # all of them, in their order
        return Evaluations(*(column.view(*asked.shape, *column.shape[1:]) for column in evaluations))

    def place(column: Tensor, empty: float) -> Tensor:
        blank = column.new_full((asked.numel(), *column.shape[1:]), empty)
        return blank.index_copy(0, places, column).view(*asked.shape, *column.shape[1:])

    return Evaluations(*map(place, evaluations, (torch.inf, 0, False, False, 0, torch.nan)))


def deduplicate(queries: QueryBatch) -> tuple[QueryBatch, Tensor]:
    """The distinct queries in their order, and for each of the ``n`` queries the place of its equal ``(n,)``.

    Each duplicate is charged as a query, but the oracle evaluates one of them. Two queries are equal if they
    leave the same colours at the same pixels of the same image: a hash brings them together, and their
    contents are compared.
    """
    content = _content(queries.rows, queries.edits)
    hashes, order = (content * _factors(content.shape[1], content.device)).sum(1).sort(stable=True)
    ordered = content[order]
    new = torch.ones_like(hashes, dtype=torch.bool)
    new[1:] = (ordered[1:] != ordered[:-1]).any(1)
    firsts, ranks = order[new].sort()
    kinds = torch.empty_like(order)
    kinds[order] = ranks.argsort()[new.cumsum(0) - 1]
    edits = Edits(*(column[firsts] for column in queries.edits))
    distinct = QueryBatch(queries.rows[firsts], edits, len(kinds) - len(firsts), queries.scored)
    return distinct, kinds


def _content(rows: Tensor, edits: Edits) -> Tensor:
    """What a query shows, as numbers ``(n, 1 + k + k * C)`` that are the same only for equal queries.

    The image, the painted pixels in order, and their colours; a slot that is painted over is pixel -1, black.
    """
    positions, colours = edits.positions, edits.colours.long()
    if positions.shape[1] > 1:
        stays = edits.stays()
        positions, order = positions.masked_fill(~stays, -1).sort(dim=1)
        colours = (colours * stays.unsqueeze(2)).gather(1, order.unsqueeze(2).expand_as(colours))
    return torch.cat([rows.unsqueeze(1), positions, colours.flatten(1)], dim=1)


@cache
def _factors(count: int, device: torch.device) -> Tensor:
    """Random multipliers ``(count,)``, always the same."""
    generator = torch.Generator().manual_seed(0)
    return torch.randint(-(2**63), 2**63 - 1, (count,), generator=generator).to(device)
