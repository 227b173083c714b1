"""Questions of a turn that are the same: one pays for each, but the oracle is shown one of them."""

from functools import cache

import torch
from torch import Tensor

from sparseattack.problem.edits import Edits
from sparseattack.search.exchange import Questions

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
