"""Training images in the order and the variations of an epoch."""

from collections.abc import Iterator

import torch
from torch import Tensor

from .augmentation import augment, draw, shrink
from .recipe import Recipe


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
