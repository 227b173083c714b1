"""The raw forward pass of a network, which an attack is measured against."""

from dataclasses import dataclass
from statistics import median

import torch
from torch import Tensor, nn

from .spread import clock
from .timing import Run

BATCHES = (16, 32, 64, 128, 256, 512, 1024, 2048)
LAYOUTS = (torch.contiguous_format, torch.channels_last)
WORSE = 0.8  # of the best rate: larger batches are not tried
LONG = 0.5  # seconds of a batch: nor are they after this
TRIALS, LEAST = 3, 0.05  # and seconds of each


@dataclass(frozen=True)
class Raw:
    """A network and a batch of images, of the size and the layout it is fastest with."""

    network: nn.Module
    batch: Tensor
    rate: float  # rows per second when it was tried

    @torch.inference_mode()
    def run(self, rows: int) -> Run:
        """Show it so many images, in whole batches, and nothing else."""
        passes, device = max(1, round(rows / len(self.batch))), str(self.batch.device)
        start = clock(device)
        for _ in range(passes):
            self.network(self.batch)
        return Run(passes * len(self.batch), clock(device) - start)


def fastest(network: nn.Module, images: Tensor, most: int = BATCHES[-1]) -> Raw:
    """The network with the best of a few batches, of ``most`` images at most."""
    best: Raw | None = None
    for size in (size for size in BATCHES if size <= most):
        here = max((_tried(network, images, size, layout) for layout in LAYOUTS), key=lambda raw: raw.rate)
        best = max((best or here, here), key=lambda raw: raw.rate)
        if here.rate < WORSE * best.rate or size / here.rate > LONG:
            break
    assert best
    return best


def _tried(network: nn.Module, images: Tensor, size: int, layout: torch.memory_format) -> Raw:
    """The network with one batch: random noise, in which no kernel finds anything to save."""
    batch = torch.rand(size, *images.shape[1:]).to(images.device).contiguous(memory_format=layout)
    raw = Raw(network, batch, 1.0)
    raw.run(size)  # warms up
    rows = max(size, round(LEAST * raw.run(size).rate))
    return Raw(network, batch, median(raw.run(rows).rate for _ in range(TRIALS)))
