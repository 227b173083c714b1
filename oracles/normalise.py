"""Images brought to the mean and deviation that a network was trained with."""

import torch
from torch import Tensor, nn

from sparseattack import InputError


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
            raise InputError(f"mean and std are of {known} channels, the images have {channels}")
        return (images - self.mean) / self.std


def normalise(mean: tuple[float, ...], std: tuple[float, ...]) -> nn.Module:
    """Nothing where neither is given; one value stands for all channels."""
    if not mean and not std:
        return nn.Identity()
    mean, std = mean or (0.0,), std or (1.0,)
    fits = len(mean) == len(std) or 1 in (len(mean), len(std))
    if 0 in std or not fits:
        said = f"mean {mean} and std {std}"
        raise InputError(f"{said} do not fit: each is one value or one per channel, and std is never 0")
    return Normalise(mean, std)
