"""The account of a group of images while they are searched.

The Pareto set of everything that was asked about one image.

What a group of images has cost, and what has been answered.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from sparseattack.problem.problem import Answers, Problem

BLOCK = 256  # candidates compared with one another at a time


@dataclass
class Front:
    """Candidates none of which is as low as another in every value and lower in one."""

    genes: Tensor  # (n, D)
    values: Tensor  # (n, M)

    @classmethod
    def empty(cls, dims: int, objectives: int) -> "Front":
        """Nothing yet."""
        return cls(torch.empty(0, dims), torch.empty(0, objectives))

    def add(self, genes: Tensor, values: Tensor) -> None:
        """Let candidates ``(P, D)`` with values ``(P, M)`` in; of equals the first stays."""
        parts = zip(torch.split(genes.cpu(), BLOCK), torch.split(values.cpu(), BLOCK), strict=True)
        for more_genes, more_values in parts:
            every = torch.cat([self.values, more_values])
            kept = undominated(every)
            self.genes, self.values = torch.cat([self.genes, more_genes])[kept], every[kept]


def undominated(values: Tensor) -> Tensor:
    """Mask ``(n,)`` of the rows of ``(n, M)`` that no other dominates, the first of equals."""
    a, b = values.unsqueeze(1), values.unsqueeze(0)  # [i, j] compares b = j with a = i
    dominated = (b <= a).all(2) & (b < a).any(2)
    earlier = torch.ones(len(values), len(values), dtype=torch.bool).tril(-1)
    repeated = (a == b).all(2) & earlier
    return ~(dominated | repeated).any(1)


UNFOOLED = torch.iinfo(torch.int64).max  # ranks after any number of pixels
MET = -1  # ranks before


@dataclass
class Ledger:
    """One row per image ``B``; whatever is recorded follows the order of the queries."""

    genes: Tensor  # (B, D) what fooled and met `until`, or else fooled with fewest pixels, or else is lowest
    values: Tensor  # (B, M) its values
    rank: Tensor  # (B,) int64, MET fooled and met `until`, or pixels changed, or UNFOOLED
    pixels: Tensor  # (B,) int64, pixels it changes
    lowest: Tensor  # (B,) lowest first value
    queries: Tensor  # (B,) int64
    first_fooled: Tensor  # (B,) int64, 0 is never
    traces: list[list[tuple[int, float]]]  # B
    fronts: list[Front]  # B, or none with one objective

    @classmethod
    def blank(cls, problem: Problem, count: int) -> "Ledger":
        """Nothing asked yet about ``count`` images."""
        device, objectives = problem.images.device, len(problem.fitness)
        dims = len(problem.encoding.genes(problem.images.shape[1:]))
        none = torch.zeros(count, dtype=torch.int64, device=device)
        worst = torch.full((count, objectives), torch.inf, device=device)
        return cls(
            genes=torch.zeros(count, dims, device=device),
            values=worst,
            rank=torch.full_like(none, UNFOOLED),
            pixels=none,
            lowest=worst[:, 0].clone(),
            queries=none.clone(),
            first_fooled=none.clone(),
            traces=[[] for _ in range(count)],
            fronts=[Front.empty(dims, objectives) for _ in range(count if objectives > 1 else 0)],
        )

    def record(self, candidates: Tensor, asked: Tensor, answers: Answers) -> None:
        """Enter the answers ``(B, P)`` to the candidates ``(B, P, D)`` that were ``asked`` ``(B, P)``."""
        seen = asked & (answers.stop.cumsum(1) - answers.stop.long() == 0)  # up to the first stop
        order = self.queries.unsqueeze(1) + asked.cumsum(1)
        success = answers.fooled & seen
        first = order.masked_fill(~success, UNFOOLED).amin(1)
        new = success.any(1) & (self.first_fooled == 0)
        self.first_fooled += first.masked_fill(~new, 0)
        self.queries += asked.sum(1)
        rank = answers.pixels.masked_fill(~success, UNFOOLED).masked_fill(answers.stop & success, MET)
        values = answers.values.masked_fill(~seen.unsqueeze(2), torch.inf)
        self._keep(candidates, values, answers.pixels, rank)
        self._trace(values[..., 0], order)
        for place, front in enumerate(self.fronts):
            if (here := seen[place]).any():
                front.add(candidates[place, here], values[place, here])

    def _keep(self, candidates: Tensor, values: Tensor, pixels: Tensor, rank: Tensor) -> None:
        """Replace each image's candidate by the one of first rank, then lowest value, if that is better."""
        first = rank.amin(1)
        pick = values[..., 0].masked_fill(rank != first.unsqueeze(1), torch.inf).argmin(1)
        rows = torch.arange(len(pick), device=pick.device)
        lower = values[rows, pick, 0] < self.values[:, 0]
        better = (first < self.rank) | (first == self.rank) & lower
        column = better.unsqueeze(1)
        self.genes = torch.where(column, candidates[rows, pick], self.genes)
        self.values = torch.where(column, values[rows, pick], self.values)
        self.rank = torch.where(better, first, self.rank)
        self.pixels = torch.where(better, pixels[rows, pick], self.pixels)

    def _trace(self, values: Tensor, order: Tensor) -> None:
        """Note every query whose first value is below all before it."""
        before = torch.cat([self.lowest.unsqueeze(1), values], 1).cummin(1).values
        improved = values < before[:, :-1]
        self.lowest = before[:, -1]
        where = improved.nonzero(as_tuple=True)
        columns = (column.tolist() for column in (where[0], order[where], values[where]))
        for place, query, value in zip(*columns, strict=True):
            self.traces[place].append((query, value))


LATER = 2**18  # genes, that answered candidates may hold before they are entered in the ledger: 1 MB


class Account:
    """One row per image ``B``."""

    def __init__(self, problem: Problem, count: int) -> None:
        self.ledger = Ledger.blank(problem, count)
        self.queries = torch.zeros_like(self.ledger.queries)
        self.repeats = torch.zeros_like(self.queries)  # queries of which the same was put in their turn
        self.oracle_seconds = torch.zeros_like(self.queries, dtype=torch.float32)
        self.strategy_seconds = 0.0  # of every image that is still searched
        self.waiting: list[tuple[Tensor, Tensor, Answers]] = []

    def pay(self, asked: Tensor, put: Tensor, each: float) -> None:
        """So many questions ``asked (B,)``, of which so many were ``put (B,)``, for so many seconds each."""
        self.queries = self.queries + asked
        self.repeats = self.repeats + asked - put
        self.oracle_seconds = self.oracle_seconds + put * each

    def enter(self, candidates: Tensor, asked: Tensor, answers: Answers) -> None:
        """The answers ``(B, P)`` to the candidates ``(B, P, D)`` that were ``asked (B, P)``.

        Into the ledger they come some turns at a time: in small ones that is a great part of all work.
        """
        self.waiting.append((candidates.clone(), asked, answers))
        if len(self.waiting) * candidates.numel() >= LATER:
            self.settle()

    def settle(self) -> None:
        """Enter in the ledger what waits."""
        if self.waiting:
            candidates, asked, answers = zip(*self.waiting, strict=True)
            columns = (torch.cat(column, dim=1) for column in zip(*answers, strict=True))
            self.ledger.record(torch.cat(candidates, dim=1), torch.cat(asked, dim=1), Answers(*columns))
            self.waiting.clear()
