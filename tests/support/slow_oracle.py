"""Oracles for tests, reached as ``slow_oracle:function``."""

import os
import time

import numpy as np
import torch
from torch import Tensor

from sparseattack import Oracle, load
from sparseattack.data.images import levels
from sparseattack.errors import UnansweredError
from sparseattack.oracles.remote.client import RefusedError


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


def silent(*, images: str, places: tuple[int, ...] = (0,), refused: bool = False) -> Oracle:
    """The linear oracle, which answers no candidate of some images of a file, or refuses them as a server."""
    linear: Oracle = load("oracles", "linear(classes=4,inputs=192)")()
    clean = levels(torch.from_numpy(np.load(images)["images"][[*places]]).permute(0, 3, 1, 2))

    def scores(shown: Tensor) -> Tensor:
        changed = (shown[:, None] - clean).abs().amax(2).flatten(2).gt(0).sum(2)
        if ((changed > 0) & (changed < 4)).any():
            raise RefusedError("host answered 401") if refused else UnansweredError("no answer")
        return linear(shown)

    scores.rounding = 0  # type: ignore[attr-defined]
    return scores


def tempered() -> Oracle:
    """The linear oracle, as sure of its classes as the number of this process says."""
    linear: Oracle = load("oracles", "linear(classes=4,inputs=192)")()

    def scores(images: Tensor) -> Tensor:
        return linear(images) * (1 + os.getpid() % 97 / 10)

    scores.digest = "00"  # type: ignore[attr-defined]
    return scores
