"""What a file of a network says about the images it takes: range of colours, layout, shape."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from sparseattack import InputError
from sparseattack.data.images import eight_bit
from sparseattack.problem.oracle import Shape

from ..dense_inference.forward import normalise

Layout = Literal["auto", "nchw", "nhwc"]
CHANNELS = (1, 3, 4)  # a side of this length is taken for the channels
RANK = 4  # dimensions of a batch of images
MOST = 255
Prepare = Callable[[Tensor], Tensor]
Numbers = tuple[float, ...]


@dataclass(frozen=True)
class NetworkInput:
    """The batch of images that a network takes."""

    channels_last: bool
    fixed: int | None  # images at a time; None is any number
    shape: Shape  # C, H, W

    @classmethod
    def of(
        cls, sides: Sequence[int | None], layout: Layout, path: object, known: bool | None = None
    ) -> "NetworkInput":
        """An input of these ``sides``, None where any number will do; refused unless it is a batch of images.

        ``layout`` says where the channels are; auto is what is ``known``, else what the sides say.
        """
        if len(sides) != RANK:
            raise InputError(f"{path} takes {list(sides)}, not one batch of images of four dimensions")
        fixed, first, middle, last = sides
        guess = known if known is not None else _guess(first, last, layout, path)
        at_end = guess if layout == "auto" else layout == "nhwc"
        return cls(at_end, fixed, (last, first, middle) if at_end else (first, middle, last))

    def arranged(self, images: Tensor) -> Tensor:
        """Images ``(n, C, H, W)`` in the network's layout."""
        return images.permute(0, 2, 3, 1).contiguous() if self.channels_last else images.contiguous()


def _guess(first: int | None, last: int | None, layout: Layout, path: object) -> bool:
    """Whether channels are last by the length of the sides; refused where that does not say it."""
    if layout == "auto" and (first in CHANNELS) == (last in CHANNELS):
        raise InputError(f"{path} does not say where its channels are: set layout=nchw or layout=nhwc")
    return last in CHANNELS and first not in CHANNELS


def check_ports(path: object, inputs: int, outputs: int, output: int) -> None:
    """Refuse a network of several inputs, and an ``output`` that it does not have."""
    if inputs != 1 or not 0 <= output < outputs:
        raise InputError(
            f"{path} has {inputs} inputs and {outputs} outputs: one input is needed, and output={output} must"
            " be among them"
        )


def preparation(
    path: object, range: float | None, mean: Numbers, std: Numbers, known: float | None
) -> Prepare:
    """What is done to images in [0, 1] before a network is shown them: a normalisation, or its range.

    ``known`` is the greatest colour that the file states. Refused where neither it nor the settings say it.
    """
    if mean or std:
        if range is not None:
            raise InputError("mean and std are of images in [0, 1]: leave out range")
        return normalise(mean, std)
    most = known if range is None else range
    if most is None:
        raise InputError(
            f"{path} does not say which colours it takes: set range=1 for 0 to 1, range=255 for 0 to 255, or"
            " mean and std, those of colours in [0, 1] ([-1, 1] is mean=0.5,std=0.5)"
        )
    if most not in {1, MOST}:
        raise InputError(f"range is 1, for colours from 0 to 1, or 255, not {most:g}")
    return _unchanged if most == 1 else _to_255


def _unchanged(images: Tensor) -> Tensor:
    return images


def _to_255(images: Tensor) -> Tensor:
    return eight_bit(images).to(torch.float32)
