"""Batches of queries, and their evaluations: what a search sends to a problem, and what it is sent."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from sparseattack.problem.edits import Edits


class QueryBatch(NamedTuple):
    """A batch of n queries: an edit and the index of its image for each."""

    rows: Tensor  # (n,) int64, indices of the problem's cases
    edits: Edits  # n
    duplicates: int = 0  # further queries, which equal one of these and are charged without being evaluated
    scored: bool = False  # whether all scores are wanted, for a strategy that uses them

    @classmethod
    def concatenate(cls, parts: "Sequence[QueryBatch]") -> "QueryBatch":
        """The queries of all parts, one after another, without their duplicates."""
        if len(parts) == 1:
            return parts[0]._replace(duplicates=0)
        edits = Edits(*map(torch.cat, zip(*(part.edits for part in parts), strict=True)))
        scored = any(part.scored for part in parts)
        return cls(torch.cat([part.rows for part in parts]), edits, scored=scored)

    @property
    def cost(self) -> int:
        """Queries charged: these and their duplicates."""
        return len(self.rows) + self.duplicates

    def part(self, start: int, stop: int) -> "QueryBatch":
        """Queries from ``start`` to ``stop``; the duplicates go with the last of all."""
        if start == 0 and stop >= len(self.rows):
            return self
        edits = Edits(*(column[start:stop] for column in self.edits))
        duplicates = self.duplicates if stop >= len(self.rows) else 0
        return QueryBatch(self.rows[start:stop], edits, duplicates, self.scored)


class Evaluations(NamedTuple):
    """The evaluations of n queries."""

    values: Tensor  # (n, M) float32
    pixels: Tensor  # (n,) int64, changed
    fooled: Tensor  # (n,) bool, successes
    stop: Tensor  # (n,) bool, where the stopping criterion is met
    singles: Tensor  # (n,) int64, evaluations beside the query, singly or exact, which decide and cost none
    scores: Tensor  # (n, K) float32; (n, 0) where they are not wanted

    @classmethod
    def concatenate(cls, parts: "Sequence[Evaluations]", dim: int = 0) -> "Evaluations":
        """All parts, one after another."""
        if len(parts) == 1:
            return parts[0]
        return cls(*(torch.cat(columns, dim) for columns in zip(*parts, strict=True)))

    def split(self, sizes: list[int]) -> "list[Evaluations]":
        """Parts of these sizes, one after another."""
        if len(sizes) == 1:
            return [self]
        return [Evaluations(*part) for part in zip(*(torch.split(each, sizes) for each in self), strict=True)]

    def take(self, places: Tensor | slice) -> "Evaluations":
        """The evaluations at ``places``."""
        return Evaluations(*(column[places] for column in self))
