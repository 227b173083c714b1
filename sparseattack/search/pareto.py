"""The Pareto set of everything that was asked about one image."""

from dataclasses import dataclass

import torch
from torch import Tensor

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
