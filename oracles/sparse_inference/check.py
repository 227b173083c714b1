"""Whether changes answer like whole images, tried on a sample."""

from collections.abc import Callable
from warnings import warn

import torch
from torch import Tensor

from sparseattack import Edits
from sparseattack.errors import SparseattackWarning, brief

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
