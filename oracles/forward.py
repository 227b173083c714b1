"""Evaluate a torch network on images: on its device, in inference mode, as many at a time as memory holds."""

import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import is_dataclass
from typing import TypeVar

import torch
from torch import Tensor, nn

from sparseattack import InputError
from sparseattack.problem.inference import LABELS, PAD
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
        scores = scores_among(self.network(prepared), None).as_subclass(Tensor)
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


class Chosen(nn.Module):
    """A network of which only the scores are wanted, whatever else it returns."""

    def __init__(self, network: Network, output: str | None) -> None:
        """``output`` is the key, or the number from 0, of the scores among several tensors."""
        super().__init__()
        self.network, self.output = network, output
        self.training = False  # without .eval(), which exported programs refuse

    def forward(self, images: Tensor) -> Tensor:
        return scores_among(self.network(images), self.output)


def choosing(network: Network, output: str | None) -> Network:
    """The network with its scores as its only output: a module stays one, a function a function."""
    if isinstance(network, nn.Module):
        return Chosen(network, output)
    return lambda images: scores_among(network(images), output)


def scores_among(answer: object, output: str | None) -> Tensor:
    """The scores among what a network returned: a tensor, or one in a dictionary, tuple or dataclass.

    Refused where there are several tensors and ``output``, a key or a number from 0, chooses none.
    """
    if isinstance(answer, Tensor):
        if output is not None:
            raise InputError(f"the network returns one tensor of scores: leave out output={output}")
        scores = answer
    else:
        scores = _chosen(_parts(answer), output, type(answer).__name__)
    return without_sides(scores)


def without_sides(scores: Tensor) -> Tensor:
    """Scores ``(n, K, 1, 1)``, maps of one pixel, as ``(n, K)``; others as they are."""
    return scores.flatten(1) if scores.ndim > 2 and scores.shape[2:].numel() == 1 else scores  # noqa: PLR2004


def likely(names: Iterable[str]) -> str:
    """The name that scores usually have, if one of ``names`` has it; else the first."""
    known = list(names)
    hints = ((hint, name) for hint in ("logit", "score", "prob", "class") for name in known)
    return next((name for hint, name in hints if hint in name.lower()), known[0])


def _parts(answer: object) -> dict[str, object]:
    """What a dictionary, a tuple, a list or a dataclass holds, by its key or number."""
    if is_dataclass(answer) and not isinstance(answer, Mapping):
        answer = vars(answer)
    elif isinstance(answer, tuple | list):
        answer = dict(zip(getattr(answer, "_fields", range(len(answer))), answer, strict=True))
    return {str(key): value for key, value in answer.items()} if isinstance(answer, Mapping) else {}


def _chosen(parts: dict[str, object], output: str | None, kind: str) -> Tensor:
    """The only tensor of ``parts``, or the one called ``output``; refused if there is none."""
    tensors = {name: part for name, part in parts.items() if isinstance(part, Tensor)}
    if output in tensors:
        return tensors[output]
    if output is None and len(tensors) == 1:
        return next(iter(tensors.values()))
    if not tensors:
        raise InputError(f"the network returns {kind}, in which there is no tensor of scores")
    found = ", ".join(f"{name} {tuple(part.shape)}" for name, part in tensors.items())
    missing = f" without {output}" if output else ""
    raise InputError(
        f"the network returns {kind}{missing}: {found}; choose the scores by output={likely(tensors)}"
    )


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
