"""Classifiers that take a fixed number of images.

How a network's weights lie in memory.

How many images at a time a network is fastest with on a CPU.

A network asked on its device, in inference mode, as many images at a time as its memory holds.

Images brought to the mean and deviation that a network was trained with.
"""

import sys
from collections.abc import Callable
from contextlib import suppress
from time import perf_counter
from typing import TypeVar

import torch
from torch import Tensor, nn

from sparseattack import InputError
from sparseattack.problem.oracle import device_of

Scores = Callable[[Tensor], Tensor]


def in_blocks(scores: Scores, size: int) -> Scores:
    """Ask ``scores`` for exactly ``size`` images at a time: the last block is padded, its answers cut."""

    def ask(images: Tensor) -> Tensor:
        short = -len(images) % size
        padded = torch.cat([images, images[-1:].expand(short, -1, -1, -1)])
        return torch.cat([scores(block) for block in torch.split(padded, size)])[: len(images)]

    return ask


Module = TypeVar("Module", bound=nn.Module)
ROUNDING = 1e-4  # of all scores, by which a layout may change them
RANK = 4  # of the weights of a convolution


def unfilled(make: Callable[[], Module]) -> Module:
    """What ``make`` makes, in evaluation mode, its weights not yet set; no random number is drawn."""
    with torch.device("meta"):
        network = make()
    return network.to_empty(device="cpu").eval()


def channels_last(network: Module) -> Module:
    """The same network, the channels of a pixel side by side, which makes convolutions faster."""
    return _laid(network, torch.channels_last)


def lay_out(network: nn.Module, images: Tensor) -> None:
    """Bring the weights into channels last, where the scores of ``images (n, C, H, W)`` stay the same.

    They do not where a network views a map as rows, which then lie otherwise: it is left as it was.
    """
    kernels = [weight for weight in network.parameters() if weight.ndim == RANK]
    if all(kernel.is_contiguous(memory_format=torch.channels_last) for kernel in kernels):
        return
    usual = network(images)
    try:
        if (channels_last(network)(images) - usual).norm() <= ROUNDING * usual.norm():
            return
    except Exception:  # whatever a network raises: as it was, it answers
        pass
    _laid(network, torch.contiguous_format)


@torch.inference_mode(False)  # or the weights could be used in no other mode
def _laid(network: Module, layout: torch.memory_format) -> Module:
    return network.to(memory_format=layout)  # type: ignore[call-overload,no-any-return]


USUAL, OTHERS = 32, (16, 64)  # more at a time were slower with every network that was measured
FASTER = 1.02  # times, or it may be chance
TRIAL, TURNS = max(OTHERS), 3  # images that are tried, and how often
ENOUGH = 8192  # images that were shown before, so that a trial is a small part of the work


def portion(network: Callable[[Tensor], Tensor], images: Tensor) -> int:
    """USUAL, or with how many of ``images (n, ...)`` at a time it is faster, and the scores are the same."""
    scores = _shown(network, images, USUAL)
    best = dict.fromkeys((USUAL, *OTHERS), torch.inf)
    for size in (USUAL, *OTHERS) * TURNS:
        start = perf_counter()
        with suppress(RuntimeError):  # too little memory
            if torch.equal(_shown(network, images, size), scores):
                best[size] = min(perf_counter() - start, best[size])
    best[USUAL] /= FASTER
    return min(best, key=lambda size: best[size])


def _shown(network: Callable[[Tensor], Tensor], images: Tensor, size: int) -> Tensor:
    """Scores ``(n, K)``, of ``size`` images at a time."""
    return torch.cat([network(part) for part in torch.split(images, size)])


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


class Normalise(nn.Module):
    """``(images - mean) / std`` per channel: ``(n, C, H, W) -> (n, C, H, W)``."""

    mean: Tensor
    std: Tensor

    def __init__(self, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean).view(-1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(-1, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        known, channels = max(len(self.mean), len(self.std)), images.shape[1]
        if known not in (1, channels):
            raise InputError(f"mean and std are of {known} channels, the images have {channels}")
        return (images - self.mean) / self.std


def normalise(mean: tuple[float, ...], std: tuple[float, ...]) -> nn.Module:
    """Nothing where neither is given; one value stands for all channels."""
    if not mean and not std:
        return nn.Identity()
    mean, std = mean or (0.0,), std or (1.0,)
    fits = len(mean) == len(std) or 1 in (len(mean), len(std))
    if 0 in std or not fits:
        said = f"mean {mean} and std {std}"
        raise InputError(f"{said} do not fit: each is one value or one per channel, and std is never 0")
    return Normalise(mean, std)
