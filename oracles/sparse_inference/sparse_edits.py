"""Evaluate edits by sparse inference wherever that is possible, correct and less work."""

from collections.abc import Callable
from warnings import warn

import torch
from torch import Tensor, nn

from sparseattack import Edits
from sparseattack.errors import SparseattackWarning, brief
from sparseattack.problem.inference import PAD

from ..forward import Forward
from .evaluation import SparseEvaluation
from .operations import LocalPart, local_part
from .plan import plan
from .tables import repeat_last

EvaluateEdits = Callable[[Tensor, Tensor, Edits], Tensor]
"""Clean images ``(N, C, H, W)``, numbers of images ``(n,)``, n edits -> scores ``(n, K)``."""

Kind = tuple[torch.Size, int]
"""Shape of the images, and the number of pixels of an edit."""

GAIN = 1.1  # least gain of a plan that is used
MOST = 64  # candidates at a time, the number that measured fastest
MEMORY = 2**30  # bytes for maps of clean images, and at most as many for what candidates change
SAMPLE = 64  # edits that are evaluated both ways before sparse inference is used
ROUNDING = 1e-4  # of the greatest score, by which the two ways may differ


def sparse_edits(forward: Forward, batch: int) -> "SparseEdits | None":
    """Sparse inference for the network of ``forward``, for an oracle of ``batch`` images per call.

    None on an accelerator, for a network that is no module, and for a batch below PAD.
    """
    if forward.device.type != "cpu" or batch < PAD or not isinstance(forward.network, nn.Module):
        return None
    return SparseEdits(forward, nn.Sequential(forward.prepare, forward.network))


class SparseEdits:
    """Scores ``(n, K)`` of edits: those that ``forward`` gives of the painted images, but for rounding."""

    def __init__(self, forward: Forward, network: nn.Module) -> None:
        self.forward, self.network = forward, network
        self.local: dict[torch.Size, LocalPart | None] = {}
        self.usable: dict[Kind, bool] = {}
        self.evaluations: dict[Kind, SparseEvaluation] = {}  # only the last one, which holds memory

    @torch.inference_mode()
    def __call__(self, images: Tensor, rows: Tensor, edits: Edits) -> Tensor | None:
        """Scores of edits of the clean ``images (N, C, H, W)`` numbered ``rows (n,)``; None if not usable.

        Whether it is usable depends on the shape of the images and the number of pixels only. If it is not
        because its scores differ or it fails, a SparseattackWarning says so, once.
        """
        evaluation, short = self._evaluation(images, edits.positions.shape[1]), -len(rows) % PAD
        if evaluation is None:
            return None
        padded, *parts = (repeat_last(each, short) for each in (rows, *edits))
        return evaluation(images, padded, Edits(*parts))[: len(rows)]

    def dense(self, images: Tensor, rows: Tensor, edits: Edits) -> Tensor:
        """The same scores by dense inference, on whole images."""
        return self.forward(edits.paint(images, rows))

    def _evaluation(self, images: Tensor, k: int) -> SparseEvaluation | None:
        kind = images.shape[1:], k
        if not self.usable.get(kind, images.is_cpu):
            return None
        if kind not in self.evaluations:
            made = self._plan(*kind)
            if kind not in self.usable:
                self.usable[kind] = made is not None and agree(made, self.dense, images, k)
            self.evaluations = {kind: made} if made and self.usable[kind] else {}
        return self.evaluations.get(kind)

    def _plan(self, shape: torch.Size, k: int) -> SparseEvaluation | None:
        if shape not in self.local:
            self.local[shape] = local_part(self.network, shape)
        local = self.local[shape]
        chosen = plan(local, k) if local else None
        if chosen is None or chosen.gain < GAIN or PAD * chosen.bytes > MEMORY:
            return None
        return SparseEvaluation(chosen, MOST if MOST * chosen.bytes <= MEMORY else PAD, MEMORY)


def agree(sparse: EvaluateEdits, dense: EvaluateEdits, images: Tensor, k: int) -> bool:
    """Whether both give the same scores of edits of ``k`` pixels, but for rounding; a warning if not."""
    if not (fault := _fault(sparse, dense, images, k)):
        return True
    pixels = f"{k} pixel{'s' * (k > 1)}"
    warn(
        f"sparse inference is not used: tried on {SAMPLE} edits of {pixels}, {fault}",
        SparseattackWarning,
        stacklevel=2,
    )
    return False


def _fault(sparse: EvaluateEdits, dense: EvaluateEdits, images: Tensor, k: int) -> str:
    """What is wrong with the sparse scores of a sample; empty if nothing is."""
    rows, edits = sample_edits(images, k)
    expected = dense(images, rows, edits)
    try:
        difference, greatest = (sparse(images, rows, edits) - expected).abs().max(), expected.abs().max()
    except Exception as error:  # whatever a traced graph raises: whole images can still be evaluated
        return f"it failed: {brief(error)}"
    if difference <= ROUNDING * greatest:
        return ""
    return f"its scores were off by {float(difference / greatest):.1g} of the greatest"


def sample_edits(images: Tensor, k: int) -> tuple[Tensor, Edits]:
    """SAMPLE edits of two of the images, and the images' numbers ``(SAMPLE,)``; always the same.

    They lie in the corners, along the borders and anywhere; some have one pixel twice.
    """
    height, width = images.shape[2:]
    random = torch.Generator().manual_seed(0)
    down = torch.randint(height, (SAMPLE, k), generator=random)
    right = torch.randint(width, (SAMPLE, k), generator=random)
    down[:12], right[8:20] = down[:12] % 2 * (height - 1), right[8:20] % 2 * (width - 1)
    down[20:28, -1], right[20:28, -1] = down[20:28, 0], right[20:28, 0]
    colours = torch.randint(256, (SAMPLE, k, images.shape[1]), generator=random).to(torch.uint8)
    rows = torch.arange(SAMPLE) % 2 * (len(images) - 1)
    return rows, Edits(down * width + right, colours)
