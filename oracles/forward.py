"""A network asked on its device, in inference mode, as many images at a time as its memory holds."""

import sys
from collections.abc import Callable

import torch
from torch import Tensor, nn

from sparseattack.problem.devices import device_of

from .memory import lay_out
from .portions import ENOUGH, TRIAL, USUAL, portion

Network = Callable[[Tensor], Tensor]


class Forward:
    """Images ``(n, C, H, W)`` on any device -> scores ``(n, K)`` float32 there.

    How exactly an accelerator computes is the process's choice and is left alone: unless
    ``torch.backends.cudnn.allow_tf32`` is False, cuDNN rounds what it convolves to TF32, 10 bits of mantissa.
    """

    def __init__(self, prepare: nn.Module, network: Network, device: str, most: int | None = None) -> None:
        self.device = device_of(device)
        self.prepare = prepare.to(self.device)
        self.network = network.to(self.device) if isinstance(network, nn.Module) else network
        self.settled = self.device.type != "cpu" or not isinstance(network, nn.Module)  # its memory's layout
        self.most = most or (sys.maxsize if self.settled else USUAL)  # images at a time
        self.shown, self.tried = 0, self.settled or bool(most)  # whether others are known to be slower

    @torch.inference_mode()
    def __call__(self, images: Tensor) -> Tensor:
        """Ask; where memory runs out, with half as many at a time from then on."""
        while True:
            try:
                parts = [self._ask(part) for part in torch.split(images.to(self.device), self.most)]
                scores = torch.cat(parts).to(images.device)
                break
            except RuntimeError as error:
                if not out_of_memory(error) or min(self.most, len(images)) == 1:
                    raise
            self.most, self.tried = min(self.most, len(images)) // 2, True
        self._learn(images)
        return scores

    @torch.inference_mode()
    def measure(self, images: Tensor) -> None:
        """Show from now on as many at a time as these ``images (n, C, H, W)`` are fastest with, on a CPU."""
        if not self.tried:
            self.most, self.tried = portion(self._ask, images[:TRIAL].to(self.device)), True

    def _learn(self, images: Tensor) -> None:
        """Measure, once so many were shown that it costs little."""
        self.shown += len(images)
        if self.shown >= ENOUGH and len(images) >= TRIAL:
            self.measure(images)

    def _ask(self, images: Tensor) -> Tensor:
        shown = self.prepare(images)
        if isinstance(self.network, nn.Module) and not self.settled:
            lay_out(self.network, shown)
            self.settled = True
        scores = self.network(shown)
        if not isinstance(scores, Tensor):
            raise TypeError(f"the network answers {type(scores).__name__}, not a tensor of scores")
        return scores.float()


def out_of_memory(error: RuntimeError) -> bool:
    """Whether torch found too little memory; on the CPU it has no class of its own for that."""
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)
