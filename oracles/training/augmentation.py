"""Variations of training images, drawn on the CPU and made on whatever device the images are on."""

import torch
from torch import Tensor
from torch.nn.functional import interpolate, pad

HALF = 0.5
GREY = 0.47  # mean of CIFAR-10's colours


def draw(count: int, shift: int, side: int, random: torch.Generator) -> Tensor:
    """How ``count`` images of ``side`` rows and columns are varied, each its own way: ``(count, 5)`` int64.

    Rows and columns of up to 2 ``shift`` by which it is moved, whether it is mirrored, row and column around
    which it is blanked out.
    """
    moves = torch.randint(2 * shift + 1, (2, count), generator=random)
    mirrored = torch.rand(1, count, generator=random) < HALF
    centres = torch.randint(side, (2, count), generator=random)
    return torch.cat([moves, mirrored.long(), centres]).T


def augment(images: Tensor, drawn: Tensor, shift: int, hole: int) -> Tensor:
    """Mirror, move and blank out a square, as ``drawn (n, 5)``: ``(n, C, H, W)`` uint8 -> [0, 1]."""
    return blank(move(images.float() / 255, drawn[:, :3], shift), drawn[:, 3:], hole)


def move(images: Tensor, drawn: Tensor, shift: int) -> Tensor:
    """Move each image by up to ``shift`` pixels, its border reflected, and mirror some: ``drawn (n, 3)``."""
    n, channels, height, width = images.shape
    down, right, mirrored = drawn.view(n, 3, 1, 1, 1).unbind(1)
    rows = torch.arange(height, device=images.device).view(-1, 1) + down
    columns = torch.arange(width, device=images.device) + right
    columns = torch.where(mirrored.bool(), columns.flip(3), columns)
    padded = pad(images, (shift,) * 4, mode="reflect")
    image = torch.arange(n, device=images.device).view(n, 1, 1, 1)
    channel = torch.arange(channels, device=images.device).view(1, channels, 1, 1)
    return padded[image, channel, rows, columns]


def blank(images: Tensor, centres: Tensor, hole: int) -> Tensor:
    """Make a square of side ``hole`` grey around ``centres (n, 2)`` (cutout; DeVries and Taylor, 2017)."""
    top, left = (centres - hole // 2).view(-1, 2, 1, 1, 1).unbind(1)
    rows = torch.arange(images.shape[2], device=images.device).view(-1, 1) - top
    columns = torch.arange(images.shape[3], device=images.device) - left
    inside = (rows >= 0) & (rows < hole) & (columns >= 0) & (columns < hole)
    return images.masked_fill(inside, GREY)


def shrink(images: Tensor, side: int) -> Tensor:
    """Images of ``side`` rows and columns; as they are if they have so many."""
    if images.shape[-1] == side:
        return images
    return interpolate(images, (side, side), mode="bilinear", antialias=True)
