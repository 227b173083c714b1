"""A linear classifier of small images as a plain function, problems on it, and one whose margin rounds."""

from typing import Any

import torch
from problems import random_images
from torch import Tensor

from sparseattack import Oracle, Problem, rgb

SHAPE = (3, 6, 5)
WEIGHTS = torch.randn(90, 4, generator=torch.Generator().manual_seed(0))


def linear(images: Tensor) -> Tensor:
    return images.flatten(1) @ WEIGHTS


def problem(oracle: Any, count: int = 3, **others: Any) -> Problem:
    """A problem on random images; their labels are the linear classifier's, unless given."""
    images = random_images(count, SHAPE)
    given: dict[str, Any] = {"encoding": rgb(), "images": images, "labels": linear(images).argmax(1)}
    return Problem(oracle, **(given | others))


def rounding(beside_others: float, single: float) -> Oracle:
    """An oracle that gives class 0 one of two margins, by whether an image is the only one of a call."""

    def rounds(images: Tensor) -> Tensor:
        own = single if len(images) == 1 else beside_others
        return torch.tensor([own, 0.0, -1.0]).expand(len(images), -1)

    return rounds
