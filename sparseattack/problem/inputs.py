"""What a problem and an attack refuse: images that no 8-bit file holds, labels that name no class."""

from numbers import Integral

import torch
from torch import Tensor

from sparseattack.errors import InputError
from sparseattack.problem.edits import levels

BLOCK = 32  # images looked at together: the check makes copies of them


def check_parts(oracle: object, encoding: object) -> None:
    """Refuse names in place of things, and functions in place of what they make."""
    if isinstance(oracle, str):
        raise InputError(f"an oracle is a function, not {oracle!r}: load it first, load('oracles', ...)()")
    if not hasattr(encoding, "slots"):
        made = getattr(encoding, "__name__", repr(encoding))
        raise InputError(f"{made} is no encoding: one is what a call such as rgb(pixels=1) returns")


def check_search(strategy: object, budget: int, seed: int, group: int) -> None:
    """Refuse what no attack can be made with."""
    if not callable(strategy):
        raise InputError(
            f"a strategy is a function, not {strategy!r}: load it first, load('strategies', ...)"
        )
    for name, number, least in (("budget", budget, 1), ("group", group, 1), ("seed", seed, 0)):
        if not isinstance(number, Integral) or number < least:
            raise InputError(f"{name} is a whole number from {least}, not {number!r}")


def check_images(images: Tensor, slots: int) -> None:
    """Refuse all but multiples of 1/255 ``(N, C, H, W)`` with at least ``slots`` pixels."""
    if not isinstance(images, Tensor):
        raise InputError(f"images are a torch tensor, float32 (N, C, H, W), not {type(images).__name__}")
    if images.ndim != 4 or images.dtype != torch.float32:  # noqa: PLR2004
        raise InputError(f"images are float32 (N, C, H, W), not {images.dtype} {tuple(images.shape)}")
    if not all(map(_eight_bit, torch.split(images, BLOCK))):
        raise InputError("images must hold multiples of 1/255 in [0, 1]: make them with levels()")
    channels, height, width = images.shape[1:]
    if channels < 1 or height * width < slots:
        raise InputError(
            f"images of {height} x {width} pixels and {channels} channels have no {slots} pixels to change"
        )


def _eight_bit(images: Tensor) -> bool:
    """Whether all colours are multiples of 1/255 in [0, 1]."""
    return torch.equal(images, levels(images.mul(255).round().nan_to_num().clamp(0, 255)))


def check_labels(labels: Tensor, images: Tensor, cases: Tensor | None) -> None:
    """Refuse all but one class per image or case, from 0, on the images' device, and cases of no image."""
    if cases is not None and not torch.isin(cases, torch.arange(len(images), device=cases.device)).all():
        raise InputError(f"cases are places of images from 0 to {len(images) - 1}, not {cases.tolist()}")
    count = len(images) if cases is None else len(cases)
    if not isinstance(labels, Tensor):
        raise InputError(f"labels are a torch tensor, int64 ({count},), not {type(labels).__name__}")
    if labels.dtype != torch.int64 or labels.shape != (count,):
        found = f"{labels.dtype} {tuple(labels.shape)}"
        raise InputError(f"labels of {count} images are int64 ({count},), not {found}")
    if labels.device != images.device:
        raise InputError(f"labels are on {labels.device}, images on {images.device}")
    if (labels < 0).any():
        raise InputError(f"a label is a class from 0, not {int(labels.min())}")
