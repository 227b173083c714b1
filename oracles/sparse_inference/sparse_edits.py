"""Edits answered by what they change, where that is possible, exact and worth it."""

import torch
from torch import Tensor, nn

from sparseattack import Edits
from sparseattack.problem.calls import PAD

from ..forward import Forward
from .check import agree
from .evaluation import Answers
from .plan import plan
from .reading import Local, read
from .tables import filled

Kind = tuple[torch.Size, int]
"""Shape of the images, and how many pixels are edited."""

GAIN = 1.1  # least by which the work must shrink
MOST = 64  # candidates at once, the number that measured fastest
MEMORY = 2**30  # bytes for maps of clean images, and at most as many for what candidates change


def sparse_edits(forward: Forward, batch: int) -> "SparseEdits | None":
    """What answers edits in place of ``forward``, ``batch`` at once; none where that gains nothing."""
    if forward.device.type != "cpu" or batch < PAD or not isinstance(forward.network, nn.Module):
        return None
    return SparseEdits(forward, nn.Sequential(forward.prepare, forward.network))


class SparseEdits:
    """Scores ``(n, K)`` of edits: but for rounding, those that ``forward`` gives of the painted images."""

    def __init__(self, forward: Forward, network: nn.Module) -> None:
        self.forward, self.network = forward, network
        self.local: dict[torch.Size, Local | None] = {}
        self.usable: dict[Kind, bool] = {}
        self.made: dict[Kind, Answers] = {}  # only the last, which holds memory

    @torch.inference_mode()
    def __call__(self, images: Tensor, rows: Tensor, edits: Edits) -> Tensor | None:
        """Of the clean ``images (N, C, H, W)`` numbered ``rows (n,)``; none where nothing is gained."""
        answers, short = self._answers(images, edits.positions.shape[1]), -len(rows) % PAD
        if answers is None:
            return None
        every, *parts = (filled(each, short) for each in (rows, *edits))
        return answers(images, every, Edits(*parts))[: len(rows)]

    def painted(self, images: Tensor, rows: Tensor, edits: Edits) -> Tensor:
        """The same, of whole images."""
        return self.forward(edits.paint(images, rows))

    def _answers(self, images: Tensor, k: int) -> Answers | None:
        kind = images.shape[1:], k
        if not self.usable.get(kind, images.is_cpu):
            return None
        if kind not in self.made:
            made = self._make(*kind)
            if kind not in self.usable:
                self.usable[kind] = made is not None and agree(made, self.painted, images, k)
            self.made = {kind: made} if made and self.usable[kind] else {}
        return self.made.get(kind)

    def _make(self, shape: torch.Size, k: int) -> Answers | None:
        if shape not in self.local:
            self.local[shape] = read(self.network, shape)
        local = self.local[shape]
        chosen = plan(local, k) if local else None
        if chosen is None or chosen.gain < GAIN or PAD * chosen.bytes > MEMORY:
            return None
        return Answers(chosen, MOST if MOST * chosen.bytes <= MEMORY else PAD, MEMORY)
