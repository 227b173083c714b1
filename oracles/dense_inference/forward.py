"""Evaluate a torch network on images: on its device, in inference mode, as many at a time as memory holds."""

import sys
from typing import TypeVar

import torch
from torch import Tensor, nn

from sparseattack import InputError
from sparseattack.problem.inference import LABELS, PAD
from sparseattack.problem.oracle import Block, device_of
from sparseattack.problem.scale import difference, greatest

from .blocks import BlockScores, Network
from .fusion import Fusion
from .scores import scores_among

ROUNDING = 1e-4  # of the norm of all images' greatest scores, by which another memory format may change them
RANK = 4  # dimensions of a convolution's weights

Module = TypeVar("Module", bound=nn.Module)


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
        self.as_it_is = self.device.type != "cpu" or not isinstance(network, nn.Module)
        self.blocks = BlockScores(self._scores, chunk or (sys.maxsize if self.as_it_is else PAD))
        self.fusion: Fusion | None = None  # made by the first call

    @property
    def chunk(self) -> int:
        """Most images that the network evaluates at a time."""
        return self.blocks.most

    @torch.inference_mode()
    def __call__(self, images: Tensor) -> Tensor:
        """Scores of ``images``; where memory runs out, the chunk is halved, from then on."""
        while True:
            try:
                return self.blocks(images.to(self.device)).to(images.device)
            except RuntimeError as error:
                if not _out_of_memory(error) or min(self.chunk, len(images)) == 1:
                    raise
            self.blocks.most = min(self.chunk, len(images)) // 2  # here the error no longer holds memory

    def batch(self, chosen: int | None, on_cpu: int, elsewhere: int) -> int:
        """Images per call at most: as ``chosen``, or by default one number on a CPU and another elsewhere."""
        usual = on_cpu if self.device.type == "cpu" else elsewhere
        return usual if chosen is None else chosen

    def block(self, batch: int) -> Block:
        """Images in a block, for calls of at most ``batch``: the scores of whole blocks are the same bits.

        On an accelerator, whose kernels depend on the number of images, that is a whole call; for a module
        on a CPU it is found out.
        """
        if self.device.type != "cpu":
            return batch
        return PAD if self.as_it_is or self.chunk < PAD else self.blocks.block

    def notes(self) -> tuple[str, ...]:
        """How the network is evaluated, in a sentence, where that is not as it was given."""
        count = self.fusion.folded if self.fusion else 0
        return (f"batch-norm was folded into the convolution before it, {count} times",) if count else ()

    def _scores(self, images: Tensor) -> Tensor:
        """Scores of one chunk; the first one decides on memory format and fusion."""
        prepared = self.prepare(images)
        if prepared is images:
            prepared = images.clone()  # the network may write to its input
        if isinstance(self.network, nn.Module) and not self.as_it_is:
            if self.fusion is None:
                _choose_format(self.network, prepared)
                self.fusion = Fusion(self.network)
            network: Network = self.fusion.network_for(prepared)
        else:
            network = self.network
        scores = scores_among(network(prepared), None).as_subclass(Tensor)
        if not scores.is_floating_point() and scores.shape[1:].numel() == 1:
            raise InputError(f"the network returns labels, {scores.dtype}: {LABELS}")
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
        changed = difference(scores, channels_last(network)(images.clone()))
        if changed.norm() <= ROUNDING * greatest(scores).norm():
            return
    except Exception:  # whatever a network raises: in its own format it works
        pass
    _in_format(network, torch.contiguous_format)


@torch.inference_mode(False)  # else the weights could be used in inference mode only
def _in_format(network: Module, memory_format: torch.memory_format) -> Module:
    return network.to(memory_format=memory_format)  # type: ignore[call-overload,no-any-return]


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
            last = "; they seem to be (N, H, W, C), not (N, C, H, W)" * (images.shape[3] == known)
            raise InputError(
                f"mean and std have {known} channels, the images have {channels}{last}: convert the images,"
                " or with --native-size let the oracle convert pictures"
            )
        return (images - self.mean) / self.std


def normalise(mean: tuple[float, ...], std: tuple[float, ...]) -> nn.Module:
    """The normalisation by ``mean`` and ``std``, one value each or one per channel; none if neither is given.

    Refused: a deviation of 0, different numbers of channels, and values of images in 0..255.
    """
    if not mean and not std:
        return nn.Identity()
    _check_range(mean, std)
    mean, std = mean or (0.0,), std or (1.0,)
    fits = len(mean) == len(std) or 1 in (len(mean), len(std))
    if 0 in std or not fits:
        raise InputError(
            f"mean {mean} and std {std} do not fit: each is one value or one per channel, and std is never 0"
        )
    return Normalise(mean, std)


def _check_range(mean: tuple[float, ...], std: tuple[float, ...]) -> None:
    """Refuse what is meant for images in 0..255: those that a network gets here are in [0, 1]."""
    if any(not 0 <= value <= 1 for value in mean) or any(value > 1 for value in std):
        settings = {"mean": mean, "std": std}
        found = ",".join(f"{name}={_listed(values)}" for name, values in settings.items() if values)
        raise InputError(
            f"{found} is not for images in [0, 1], as they are here: where it is for 0..255, divide mean and"
            " std by 255 (a network that subtracts a mean and divides by nothing has std=0.00392, 1/255)"
        )


def _listed(values: tuple[float, ...]) -> str:
    """As a setting is written."""
    return f"{values[0]:g}" if len(values) == 1 else f"[{','.join(f'{value:g}' for value in values)}]"
