"""How many images an oracle is shown in one call."""

from typing import NamedTuple

from torch import Tensor

BATCH = 256  # images in one call of an oracle that sets no limit
ROUND = 256  # questions answered together, in a few calls where fewer images are shown in one
BYTES = 2**28  # of images in one call
PAD = 32  # a network's floats depend on how many images it is shown; in whole blocks of these they rarely do


class Sizes(NamedTuple):
    """Numbers of images, each a multiple of the one before."""

    block: int  # calls are padded to whole blocks
    chunk: int  # most in one call
    round: int  # most questions that are answered together


def sizes(oracle: object, images: Tensor, pad: int = 0) -> Sizes:
    """Those for ``images (n, C, H, W)`` of this size, in blocks of ``pad`` if one fits.

    Unless told, a block is PAD images on the CPU, and as many as are shown at once on an accelerator.
    """
    room = BYTES // (4 * images.shape[1:].numel())
    most = max(1, min(getattr(oracle, "batch", BATCH), room))
    block = min(pad or (PAD if images.is_cpu else most), most)
    chunk = most - most % block
    return Sizes(block, chunk, chunk * max(1, min(ROUND, room) // chunk if chunk >= PAD else 1))


def chunk(oracle: object, images: Tensor, pad: int = 0) -> int:
    """Most ``images (n, C, H, W)`` of this size to show at once."""
    return sizes(oracle, images, pad).chunk
