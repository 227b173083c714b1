"""Variations of training images, drawn on the CPU and made on whatever device the images are on.

Training images in the order and the variations of an epoch.
"""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn.functional import interpolate, pad

from .recipe import Recipe

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


def batches(recipe: Recipe, number: int, images: Tensor, labels: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Epoch ``number`` of ``images (n, C, H, W)`` uint8 and ``labels (n,)``, on their device, in [0, 1].

    What is random is drawn on the CPU, so that no device changes it, and sent over once, so that a GPU waits
    for nothing between the steps.
    """
    random = torch.Generator().manual_seed(recipe.epoch_seed(number))
    order = torch.randperm(len(labels), generator=random)
    sizes = [len(rows) for rows in torch.split(order, recipe.batch)]
    drawn = torch.cat([draw(size, recipe.shift, images.shape[-1], random) for size in sizes])
    told = torch.cat([order.unsqueeze(1), drawn], 1).to(images.device)
    for part in torch.split(told, recipe.batch):
        rows = part[:, 0]
        shown = augment(images[rows], part[:, 1:], recipe.shift, recipe.hole)
        yield shrink(shown, recipe.side(number)), labels[rows]
