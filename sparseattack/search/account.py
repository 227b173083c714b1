"""What a group of images has cost, and what has been answered."""

import torch
from torch import Tensor

from sparseattack.problem.problem import Problem
from sparseattack.search.exchange import Answers
from sparseattack.search.ledger import Ledger

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
