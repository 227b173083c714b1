"""What a problem refuses: images that no 8-bit file holds, and labels that name no class."""

import torch
from torch import Tensor

from sparseattack.edits import levels
from sparseattack.errors import InputError


def check_images(images: Tensor, slots: int) -> None:
    """Refuse all but multiples of 1/255 ``(N, C, H, W)`` with at least ``slots`` pixels."""
    if images.ndim != 4 or images.dtype != torch.float32:  # noqa: PLR2004
        raise InputError(f"images are float32 (N, C, H, W), not {images.dtype} {tuple(images.shape)}")
    if not torch.equal(images, levels(images.mul(255).round().nan_to_num().clamp(0, 255))):
        raise InputError("images must hold multiples of 1/255 in [0, 1]: make them with levels()")
    channels, height, width = images.shape[1:]
    if channels < 1 or height * width < slots:
        raise InputError(
            f"images of {height} x {width} pixels and {channels} channels have no {slots} pixels to change"
        )


def check_labels(labels: Tensor, images: Tensor) -> None:
    """Refuse all but one class per image, numbered from 0, on the images' device."""
    if labels.dtype != torch.int64 or labels.shape != images.shape[:1]:
        found = f"{labels.dtype} {tuple(labels.shape)}"
        raise InputError(f"labels of {len(images)} images are int64 ({len(images)},), not {found}")
    if labels.device != images.device:
        raise InputError(f"labels are on {labels.device}, images on {images.device}")
    if (labels < 0).any():
        raise InputError(f"a label is a class from 0, not {int(labels.min())}")
