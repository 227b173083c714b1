"""Classifiers that take a fixed number of images."""

from collections.abc import Callable

import torch
from torch import Tensor

Scores = Callable[[Tensor], Tensor]


def in_blocks(scores: Scores, size: int) -> Scores:
    """Ask ``scores`` for exactly ``size`` images at a time: the last block is padded, its answers cut."""

    def ask(images: Tensor) -> Tensor:
        short = -len(images) % size
        padded = torch.cat([images, images[-1:].expand(short, -1, -1, -1)])
        return torch.cat([scores(block) for block in torch.split(padded, size)])[: len(images)]

    return ask
