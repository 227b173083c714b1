"""The account of a group of images while they are searched."""

from dataclasses import dataclass

import torch
from torch import Tensor

from sparseattack.problem.problem import Problem
from sparseattack.search.exchange import Answers
from sparseattack.search.pareto import Front

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
