"""A network asked on its device, in inference mode, as many images at a time as its memory holds."""

import sys
from collections.abc import Callable

import torch
from torch import Tensor, nn

from sparseattack.devices import device_of

from .memory import lay_out
from .portions import TRIAL, USUAL, portion

Network = Callable[[Tensor], Tensor]


class Forward:
    """Images ``(n, C, H, W)`` on any device -> scores ``(n, K)`` float32 there.

    How exactly an accelerator computes is the process's choice and is left alone: unless
    ``torch.backends.cudnn.allow_tf32`` is False, cuDNN rounds what it convolves to TF32, 10 bits of mantissa.
    """

    def __init__(self, prepare: nn.Module, network: Network, device: str) -> None:
        self.device = device_of(device)
        self.prepare = prepare.to(self.device)
        self.network = network.to(self.device) if isinstance(network, nn.Module) else network
        self.settled = self.device.type != "cpu" or not isinstance(network, nn.Module)  # its memory's layout
        self.most, self.measured = sys.maxsize if self.settled else USUAL, self.settled  # images at a time

    @torch.inference_mode()
    def __call__(self, images: Tensor) -> Tensor:
        """Ask; where memory runs out, with half as many at a time from then on."""
        while True:
            try:
                if not self.measured and len(images) >= TRIAL:
                    self.most, self.measured = portion(self._ask, images), True
                parts = [self._ask(part) for part in torch.split(images.to(self.device), self.most)]
                return torch.cat(parts).to(images.device)
            except RuntimeError as error:
                if not out_of_memory(error) or min(self.most, len(images)) == 1:
                    raise
            self.most, self.measured = min(self.most, len(images)) // 2, True

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
