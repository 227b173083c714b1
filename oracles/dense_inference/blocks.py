"""Blocks: the fixed numbers of images in which a network gives an image the same scores to the bit.

A library of convolutions chooses its kernels by the number of images: the same image may have other last
bits in a call of 1, 8 or 32. A search that asks for few candidates at a time would waste most of a call of
32, so smaller numbers are tried on the network itself, and only those with all bits the same are used.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import pairwise

import torch
from torch import Tensor

from sparseattack.data.images import levels
from sparseattack.problem.inference import PAD

SMALLER = (1, 2, 4, 8, 16)  # numbers of images that are tried, beside PAD
WORTH = 0.75  # least share of a block that is filled, where smaller blocks would do as well

Network = Callable[[Tensor], Tensor]
"""Images ``(n, C, H, W)`` -> scores ``(n, K)``."""


def safe_blocks(scores: Callable[[Tensor], Tensor]) -> tuple[int, ...]:
    """The numbers of images, PAD the last, in which scores are the same bits as in a call of PAD.

    ``scores`` gives the ``(n, K)`` of those of PAD probes that are numbered ``(n,)``, in one call. Kernels
    are chosen by numbers of images and not by colours, so that a few probes in the first and last places
    show other bits, if there are any; not so where most probes have the same scores: PAD is all there then.
    """
    order = torch.arange(PAD)
    whole = scores(order)
    if not whole.isfinite().all() or 2 * len(torch.unique(whole, dim=0)) < PAD:
        return (PAD,)

    def same(size: int) -> bool:
        return all(torch.equal(scores(part), whole[part]) for part in (order[:size], order[PAD - size :]))

    return (*filter(same, SMALLER), PAD)


def probes(images: Tensor) -> Tensor:
    """PAD images ``(PAD, C, H, W)`` of 8-bit colours: half of them some of ``images``, somewhat changed."""
    random = torch.Generator().manual_seed(0)
    noise = torch.randint(256, (PAD, *images.shape[1:]), generator=random).to(torch.uint8)
    made = levels(noise)
    half = PAD // 2
    near = images[torch.arange(half) % len(images)].cpu()
    changed = torch.rand(half, 1, *images.shape[2:], generator=random) < 1 / 16
    made[:half] = torch.where(changed, made[:half], near)
    return made


def divided(count: int, blocks: Sequence[int]) -> Iterator[int]:
    """The blocks, largest first, that ``count`` images fill; the last may be larger than what is left.

    What is left is rounded up to a block where that is mostly filled, and divided further elsewhere.
    """
    steps = [*pairwise((0, *blocks))]
    while count > 0:
        below, size = next((step for step in steps if count <= step[1]), (blocks[-1], blocks[-1]))
        size = size if count >= WORTH * size or not below else below
        yield size
        count -= size


class BlockScores:
    """Scores of a network on a CPU in blocks, whatever number of images it is given."""

    def __init__(self, network: Network, most: int = PAD) -> None:
        """At most ``most`` images are evaluated at a time, which may be changed later."""
        self.network, self.most = network, most
        self.known: dict[tuple[object, ...], tuple[int, ...]] = {}

    @torch.inference_mode()
    def block(self, images: Tensor) -> int:
        """The smallest block for ``images (N, C, H, W)``: calls are whole multiples of it.

        It is found out by about 90 images, once for each shape and number of threads.
        """
        if not len(images):
            return PAD
        key = _kind(images)
        if key not in self.known:
            tried = probes(images)
            self.known[key] = safe_blocks(lambda numbers: self.network(tried[numbers]))
        return self.known[key][0]

    def __call__(self, images: Tensor) -> Tensor:
        """Scores ``(n, K)``; those of fewer images than a block, or of an unknown shape, without padding."""
        known = self.known.get(_kind(images), ())
        blocks = [size for size in known if size <= self.most]
        if blocks and len(images) >= blocks[0]:
            return in_blocks(self.network, images, blocks)
        return torch.cat([self.network(part) for part in torch.split(images, self.most)])


def _kind(images: Tensor) -> tuple[object, ...]:
    """On what it may depend which kernels compute an image."""
    return images.shape[1:], torch.get_num_threads(), torch.is_autocast_enabled("cpu")


def in_blocks(network: Network, images: Tensor, blocks: Sequence[int]) -> Tensor:
    """Scores ``(n, K)`` of ``images (n, C, H, W)``, padded to whole blocks; those of padding are dropped."""
    sizes = list(divided(len(images), blocks))
    short = sum(sizes) - len(images)
    padded = torch.cat([images, images[-1:].expand(short, -1, -1, -1)]) if short else images
    return torch.cat([network(part) for part in torch.split(padded, sizes)])[: len(images)]


def of_size(network: Network, size: int | None) -> Network:
    """A network of ``size`` images at a time, any number if None, as one that takes any number."""
    return partial(in_blocks, network, blocks=(size,)) if size else network
