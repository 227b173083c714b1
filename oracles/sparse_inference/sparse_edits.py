"""Edits answered by what they change, where that is possible, exact and worth it.

Whether changes answer like whole images, tried on a sample.
"""

from collections.abc import Callable
from warnings import warn

import torch
from torch import Tensor, nn

from sparseattack import Edits
from sparseattack.errors import SparseattackWarning, brief
from sparseattack.problem.oracle import PAD

from ..forward import Forward
from .evaluation import Answers
from .plan import plan
from .reading import Local, read
from .tables import filled

Answer = Callable[[Tensor, Tensor, Edits], Tensor]
"""Scores ``(n, K)`` of edits of images ``(N, C, H, W)`` numbered ``(n,)``."""

SAMPLE = 64  # edits
ROUNDING = 1e-4  # of the greatest score, by which the two may differ


def agree(sparse: Answer, painted: Answer, images: Tensor, k: int) -> bool:
    """Whether both answer edits of ``k`` pixels alike; said in a sentence if not."""
    if not (wrong := _wrong(sparse, painted, images, k)):
        return True
    pixels = f"{k} pixel{'s' * (k > 1)}"
    said = f"sparse inference is not used: tried on {SAMPLE} edits of {pixels}, {wrong}"
    warn(said, SparseattackWarning, stacklevel=2)
    return False


def _wrong(sparse: Answer, painted: Answer, images: Tensor, k: int) -> str:
    """What is wrong with sparse answers, if anything."""
    rows, edits = sample(images, k)
    whole = painted(images, rows, edits)
    try:
        apart, greatest = (sparse(images, rows, edits) - whole).abs().max(), whole.abs().max()
    except Exception as error:  # whatever a graph of torch raises, the network answers whole images
        return f"it failed: {brief(error)}"
    if apart <= ROUNDING * greatest:
        return ""
    return f"its scores were off by {float(apart / greatest):.1g} of the greatest"


def sample(images: Tensor, k: int) -> tuple[Tensor, Edits]:
    """Edits of two images: in the corners, along the borders, anywhere, and twice in a place."""
    height, width = images.shape[2:]
    random = torch.Generator().manual_seed(0)
    down = torch.randint(height, (SAMPLE, k), generator=random)
    right = torch.randint(width, (SAMPLE, k), generator=random)
    down[:12], right[8:20] = down[:12] % 2 * (height - 1), right[8:20] % 2 * (width - 1)
    down[20:28, -1], right[20:28, -1] = down[20:28, 0], right[20:28, 0]
    colours = torch.randint(256, (SAMPLE, k, images.shape[1]), generator=random).to(torch.uint8)
    rows = torch.arange(SAMPLE) % 2 * (len(images) - 1)
    return rows, Edits(down * width + right, colours)


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
