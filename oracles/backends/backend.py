"""A backend: another library that computes an oracle's scores, used where it gives the same scores.

It is tried on clean images, on changed ones and on noise. A search is shown its scores only; what counts as
a success is decided by the oracle itself.
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from sparseattack import InputError
from sparseattack.errors import brief
from sparseattack.problem.inference import PAD
from sparseattack.problem.oracle import Block
from sparseattack.problem.purity import share_of

from ..dense_inference.blocks import BlockScores, Network, probes
from ..dense_inference.forward import Forward
from ..dense_inference.fusion import Stamp, stamp
from ..sparse_inference.graph import Shape
from .conversion import onnxruntime_of, openvino_of

ROUNDING = 1e-4  # of the greatest score, by which scores may differ; float32 rounding is a hundredth of that
Convert = Callable[[Shape], Network]
"""C, H, W -> a network for images of that size. Raises InputError."""


class LibraryBackend:
    """An oracle's network in another library."""

    def __init__(
        self, name: str, own: Network, convert: Convert, stamp: Callable[[], Stamp | None] = lambda: None
    ) -> None:
        """``own`` are the scores of the oracle itself; ``stamp`` gives another value for other weights."""
        self.name, self.own, self.convert, self.stamp = name, own, convert, stamp
        self.of: Stamp | None = None  # the stamp of the weights that ``made`` are of
        self.made: dict[tuple[torch.Size, int], BlockScores] = {}

    def __call__(self, images: Tensor) -> tuple[Network, Block]:
        """Scores of images like the clean ``images (N, C, H, W)``, and their block; tried once for a size.

        And again when the weights have changed since.

        Raises InputError where the library is not installed, cannot compute the network, or gives other
        scores than the oracle itself.
        """
        kind, now = (images.shape[1:], torch.get_num_threads()), self.stamp()
        if now != self.of:
            self.made, self.of = {}, now
        if kind not in self.made:
            channels, height, width = kind[0]
            scores = BlockScores(self.convert((channels, height, width)))
            self._check(scores, images)
            self.made[kind] = scores
        scores = self.made[kind]
        return scores, scores.block

    @torch.inference_mode()
    def _check(self, scores: BlockScores, images: Tensor) -> None:
        """Refuse scores that differ by more than rounding, or by what images are beside an image."""
        tried = probes(images)
        clean = images[:PAD].cpu()
        order = torch.randperm(PAD, generator=torch.Generator().manual_seed(0))
        try:
            scores.block(images)
            expected, found = (torch.cat([one(tried), one(clean)]) for one in (self.own, scores))
            mixed = scores(tried[order])
        except Exception as error:  # whatever the library raises
            raise InputError(f"backend {self.name} failed: {brief(error)}") from error
        share = float(share_of(expected, found).max())
        if not share <= ROUNDING or not torch.equal(found.argmax(1), expected.argmax(1)):
            raise InputError(
                f"backend {self.name} gives other scores than the oracle itself, by {share:.1g} of the"
                " greatest"
            )
        if not torch.equal(mixed, found[:PAD][order]):
            raise InputError(f"backend {self.name} gives an image other scores beside other images")


def backends_of(forward: Forward) -> dict[str, LibraryBackend]:
    """The backends for a torch network on a CPU, by name; none for one that is no module."""
    if forward.device.type != "cpu" or not isinstance(forward.network, nn.Module):
        return {}
    network = nn.Sequential(forward.prepare, forward.network)
    converters = {"openvino": openvino_of, "onnxruntime": onnxruntime_of}
    return {
        name: LibraryBackend(name, forward, partial(make, network), partial(stamp, network))
        for name, make in converters.items()
    }
