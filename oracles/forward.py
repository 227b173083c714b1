"""Evaluate a torch network on images: on its device, in inference mode, as many at a time as memory holds."""

import sys
from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor, nn

from sparseattack import InputError
from sparseattack.problem.inference import PAD
from sparseattack.problem.oracle import device_of

CPU_CHUNK = 32  # images at a time on a CPU: the feature maps of most networks then stay in the cache
ROUNDING = 1e-4  # of the norm of all scores, by which another memory format may change them
RANK = 4  # dimensions of a convolution's weights

Module = TypeVar("Module", bound=nn.Module)
Network = Callable[[Tensor], Tensor]
"""Images ``(n, C, H, W)`` -> scores ``(n, K)``; usually a ``torch.nn.Module``."""


class Forward:
    """Forward pass of a network: images ``(n, C, H, W)`` on any device -> scores ``(n, K)`` float32 there.

    How exactly an accelerator computes is a setting of the process and is left as it is: unless
    ``torch.backends.cudnn.allow_tf32`` is False, cuDNN rounds convolutions to TF32, 10 bits of mantissa.
    """

    def __init__(self, prepare: nn.Module, network: Network, device: str, chunk: int | None = None) -> None:
        """Move both to ``device``; ``prepare`` is applied to images before ``network``.

        ``chunk`` is the number of images that the network evaluates at a time: by default 32 for a module on
        a CPU, else all images of a call.
        """
        self.device = device_of(device)
        self.prepare = prepare.to(self.device)
        self.network = network.to(self.device) if isinstance(network, nn.Module) else network
        self.format_chosen = self.device.type != "cpu" or not isinstance(network, nn.Module)
        self.chunk = chunk or (sys.maxsize if self.format_chosen else CPU_CHUNK)

    @torch.inference_mode()
    def __call__(self, images: Tensor) -> Tensor:
        """Scores of ``images``; where memory runs out, the chunk is halved, from then on."""
        while True:
            try:
                chunks = torch.split(images.to(self.device), self.chunk)
                return torch.cat([self._scores(chunk) for chunk in chunks]).to(images.device)
            except RuntimeError as error:
                if not _out_of_memory(error) or min(self.chunk, len(images)) == 1:
                    raise
            self.chunk = min(self.chunk, len(images)) // 2  # here the error no longer holds memory

    def block(self, batch: int) -> int:
        """Images in a block, for calls of at most ``batch``: the scores of whole blocks are the same bits.

        On an accelerator, whose kernels depend on the number of images, that is a whole call.
        """
        return PAD if self.device.type == "cpu" else batch

    def _scores(self, images: Tensor) -> Tensor:
        """Scores of one chunk; the first one decides on the memory format of the weights."""
        prepared = self.prepare(images)
        if prepared is images:
            prepared = images.clone()  # the network may write to its input
        if isinstance(self.network, nn.Module) and not self.format_chosen:
            _choose_format(self.network, prepared)
            self.format_chosen = True
        scores = self.network(prepared)
        if not isinstance(scores, Tensor):
            raise TypeError(f"the network returns {type(scores).__name__}, not a tensor of scores")
        return scores.to(torch.float32, copy=True)  # the network may use one output buffer for all its calls


def _out_of_memory(error: RuntimeError) -> bool:
    """Whether torch found too little memory; on a CPU there is no class of errors for that."""
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)


def channels_last(network: Module) -> Module:
    """The same network with weights in channels-last memory format, in which convolutions are faster."""
    return _in_format(network, torch.channels_last)


def _choose_format(network: nn.Module, images: Tensor) -> None:
    """Bring the weights into channels last if the scores of ``images (n, C, H, W)`` stay the same.

    They do not where a network views a feature map as rows; such a network is left as it was.
    """
    kernels = [weight for weight in network.parameters() if weight.ndim == RANK]
    if all(kernel.is_contiguous(memory_format=torch.channels_last) for kernel in kernels):
        return
    scores = network(images.clone()).clone()  # it may write to its input, and use one output buffer
    try:
        if (channels_last(network)(images.clone()) - scores).norm() <= ROUNDING * scores.norm():
            return
    except Exception:  # whatever a network raises: in its own format it works
        pass
    _in_format(network, torch.contiguous_format)


@torch.inference_mode(False)  # else the weights could be used in inference mode only
def _in_format(network: Module, memory_format: torch.memory_format) -> Module:
    return network.to(memory_format=memory_format)  # type: ignore[call-overload,no-any-return]


def in_blocks(network: Network, size: int) -> Network:
    """Evaluate exactly ``size`` images at a time: the last block is padded, the scores of padding dropped."""

    def scores(images: Tensor) -> Tensor:
        short = -len(images) % size
        padded = torch.cat([images, images[-1:].expand(short, -1, -1, -1)])
        return torch.cat([network(block) for block in torch.split(padded, size)])[: len(images)]

    return scores


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
            raise InputError(f"mean and std have {known} channels, the images have {channels}")
        return (images - self.mean) / self.std


def normalise(mean: tuple[float, ...], std: tuple[float, ...]) -> nn.Module:
    """The normalisation by ``mean`` and ``std``, one value each or one per channel; none if neither is given.

    Refused: a deviation of 0, and different numbers of channels.
    """
    if not mean and not std:
        return nn.Identity()
    mean, std = mean or (0.0,), std or (1.0,)
    fits = len(mean) == len(std) or 1 in (len(mean), len(std))
    if 0 in std or not fits:
        raise InputError(
            f"mean {mean} and std {std} do not fit: each is one value or one per channel, and std is never 0"
        )
    return Normalise(mean, std)
