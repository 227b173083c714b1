"""Variations of training images."""

import torch
from torch import Tensor
from torch.nn.functional import pad

HALF = 0.5
GREY = 0.47  # mean of CIFAR-10's colours


def augment(images: Tensor, shift: int, hole: int, random: torch.Generator) -> Tensor:
    """Mirror, shift and blank out a square, each image its own way: ``(n, C, H, W)`` uint8 -> [0, 1]."""
    return blank(move(images.float() / 255, shift, random), hole, random)


def move(images: Tensor, shift: int, random: torch.Generator) -> Tensor:
    """Mirror half of the images; move each by up to ``shift`` pixels, its border reflected."""
    n, channels, height, width = images.shape
    down, right = torch.randint(2 * shift + 1, (2, n, 1), generator=random)
    rows = (torch.arange(height) + down).view(n, 1, height, 1)
    columns = (torch.arange(width) + right).view(n, 1, 1, width)
    mirrored = torch.rand(n, 1, 1, 1, generator=random) < HALF
    columns = torch.where(mirrored, columns.flip(3), columns)
    padded = pad(images, (shift,) * 4, mode="reflect")
    places = torch.arange(n).view(n, 1, 1, 1), torch.arange(channels).view(1, channels, 1, 1)
    return padded[(*places, rows, columns)]


def blank(images: Tensor, hole: int, random: torch.Generator) -> Tensor:
    """Make a square of side ``hole`` grey, centred anywhere (cutout; DeVries and Taylor, 2017)."""
    n, _, height, width = images.shape
    top, left = torch.randint(height, (2, n, 1), generator=random) - hole // 2
    inside = [
        (torch.arange(side) >= start) & (torch.arange(side) < start + hole)
        for side, start in ((height, top), (width, left))
    ]
    return images.masked_fill(inside[0].view(n, 1, height, 1) & inside[1].view(n, 1, 1, width), GREY)
