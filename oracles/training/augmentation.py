"""Training batches: images in the random order of an epoch, each mirrored, shifted and partly blanked out.

All random numbers are drawn on the CPU and depend on the seed only; images are changed on their device.
"""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn.functional import interpolate, pad

from .recipe import Recipe

HALF = 0.5  # probability that an image is mirrored
GREY = 0.47  # mean of CIFAR-10's colours


def batches(recipe: Recipe, number: int, images: Tensor, labels: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches of epoch ``number`` (from 0): images ``(b, C, side, side)`` in [0, 1], labels ``(b,)``.

    ``images (n, C, H, W)`` are uint8; they and ``labels (n,)`` are on the device of the batches. Random
    numbers are sent there once per epoch, so that a GPU does not wait between the steps.
    """
    random = torch.Generator().manual_seed(recipe.epoch_seed(number))
    order = torch.randperm(len(labels), generator=random)
    sizes = [len(rows) for rows in torch.split(order, recipe.batch)]
    drawn = torch.cat([draw(size, recipe.shift, images.shape[-1], random) for size in sizes])
    plan = torch.cat([order.unsqueeze(1), drawn], 1).to(images.device)
    for part in torch.split(plan, recipe.batch):
        rows = part[:, 0]
        varied = augment(images[rows], part[:, 1:], recipe.shift, recipe.hole)
        yield shrink(varied, recipe.side(number)), labels[rows]


def draw(count: int, shift: int, side: int, random: torch.Generator) -> Tensor:
    """Random variations of ``count`` images of ``side`` rows and columns: ``(count, 5)`` int64.

    For each image: rows and columns, 0 to 2 ``shift``, by which it is moved, 1 if it is mirrored, row and
    column of the centre of the square that is blanked out.
    """
    moves = torch.randint(2 * shift + 1, (2, count), generator=random)
    mirrored = torch.rand(1, count, generator=random) < HALF
    centres = torch.randint(side, (2, count), generator=random)
    return torch.cat([moves, mirrored.long(), centres]).T


def augment(images: Tensor, drawn: Tensor, shift: int, hole: int) -> Tensor:
    """Apply the variations ``drawn (n, 5)`` to ``images (n, C, H, W)`` uint8; colours in [0, 1]."""
    return blank(move(images.float() / 255, drawn[:, :3], shift), drawn[:, 3:], hole)


def move(images: Tensor, drawn: Tensor, shift: int) -> Tensor:
    """Move and mirror images by ``drawn (n, 3)``; ``shift`` pixels at the border are reflected outwards."""
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
    """Make a square of side ``hole`` around ``centres (n, 2)`` grey (cutout; DeVries and Taylor, 2017)."""
    top, left = (centres - hole // 2).view(-1, 2, 1, 1, 1).unbind(1)
    rows = torch.arange(images.shape[2], device=images.device).view(-1, 1) - top
    columns = torch.arange(images.shape[3], device=images.device) - left
    inside = (rows >= 0) & (rows < hole) & (columns >= 0) & (columns < hole)
    return images.masked_fill(inside, GREY)


def shrink(images: Tensor, side: int) -> Tensor:
    """Resize images to ``side`` rows and columns (bilinear, antialiased), unless they have that size."""
    if images.shape[-1] == side:
        return images
    return interpolate(images, (side, side), mode="bilinear", antialias=True)
