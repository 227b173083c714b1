"""Oracles for tests, reached as ``slow_oracle:function``."""

import time

import torch
from torch import Tensor

from sparseattack import Oracle, load


def slow(*, pause: float = 0.02) -> Oracle:
    """The linear oracle, with a pause of ``pause`` seconds before each call."""
    linear: Oracle = load("oracles", "linear(classes=4,inputs=192)")()

    def scores(images: Tensor) -> Tensor:
        time.sleep(pause)
        return linear(images)

    scores.rounding = 0  # type: ignore[attr-defined]
    return scores


def failing(*, calls: int = 5) -> Oracle:
    """The linear oracle, whose scores are NaN from call number ``calls`` on."""
    linear: Oracle = load("oracles", "linear(classes=4,inputs=192)")()
    left = [calls]

    def scores(images: Tensor) -> Tensor:
        left[0] -= 1
        return linear(images) if left[0] > 0 else torch.full_like(linear(images), torch.nan)

    scores.rounding = 0  # type: ignore[attr-defined]
    return scores


def changing(*, calls: int = 5) -> Oracle:
    """The linear oracle, whose classes change their order at call number ``calls``."""
    linear: Oracle = load("oracles", "linear(classes=4,inputs=192)")()
    left = [calls]

    def scores(images: Tensor) -> Tensor:
        left[0] -= 1
        return linear(images).flip(1) if left[0] <= 0 else linear(images)

    scores.rounding = 0  # type: ignore[attr-defined]
    scores.digest = "00"  # type: ignore[attr-defined]
    return scores
