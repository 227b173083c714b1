"""An oracle is shown edits as images, as many at once as it takes."""

import torch
from torch import Tensor

from sparseattack.problem.calls import chunk
from sparseattack.problem.edits import Edits
from sparseattack.problem.oracle import Oracle, ask


def ask_painted(oracle: Oracle, images: Tensor, rows: Tensor, edits: Edits, pad: int) -> Tensor:
    """Checked scores ``(n, K)`` of edits of the clean ``images (N, C, H, W)`` numbered ``rows (n,)``."""
    most = chunk(oracle, images, pad)
    parts = zip(torch.split(rows, most), edits.split(most), strict=True)
    shown = ((numbers, part.paint(images, numbers)) for numbers, part in parts)
    return torch.cat([ask(oracle, painted, numbers, pad) for numbers, painted in shown])
