"""Which of many images: ``[0:500]``, ``[17]``, ``[random:200]`` or ``[random:200:SEED]``.

Images brought to one size by taking nearest pixels, as the one-pixel paper does with photographs.
"""

import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from sparseattack.data.images import Images
from sparseattack.errors import InputError

Colours = NDArray[np.uint8]  # (C, H, W)


def nearest(colours: Colours, side: int) -> Colours:
    """An image ``(C, H, W)`` with ``side`` rows and columns, or as it is if that is 0; nothing is cut off."""
    if not side:
        return colours
    size = side, side
    channels = [Image.fromarray(channel).resize(size, Image.Resampling.NEAREST) for channel in colours]
    return np.stack([np.asarray(channel) for channel in channels])


def resized(images: Images, side: int) -> Images:
    """All images with ``side`` rows and columns; 0 leaves them as they are."""
    if not side or images.pixels.shape[2:] == (side, side):
        return images
    pixels = np.stack([nearest(each.numpy(), side) for each in images.pixels])
    return replace(images, pixels=torch.from_numpy(pixels))


Rows = NDArray[np.int64]

Select = Callable[[int], Rows]
"""The chosen rows, ascending, of so many."""

FORM = re.compile(
    r"\[(?:(?P<one>\d+)|(?P<start>\d*):(?P<stop>\d*)|random:(?P<count>\d+)(?::(?P<seed>\d+))?)\]"
)


def selection(text: str) -> Select:
    """Read a selection; an empty one is everything."""
    if not text:
        return np.arange
    if not (form := FORM.fullmatch(text)):
        raise InputError(
            f"no selection {text}, only [START:STOP], [NUMBER], [random:COUNT] or [random:COUNT:SEED]"
        )
    if form["count"]:
        return _sample(text, int(form["count"]), int(form["seed"] or 0))
    if form["one"]:
        return _slice(text, int(form["one"]), int(form["one"]) + 1)
    return _slice(text, int(form["start"] or 0), int(form["stop"]) if form["stop"] else None)


def _slice(text: str, start: int, stop: int | None) -> Select:
    def select(total: int) -> Rows:
        end = total if stop is None else stop
        _fits(text, total, start < end <= total)
        return np.arange(start, end)

    return select


def _sample(text: str, count: int, seed: int) -> Select:
    """Without replacement; fewer with the same seed are among more."""

    def select(total: int) -> Rows:
        _fits(text, total, 0 < count <= total)
        return np.sort(np.random.default_rng(seed).permutation(total)[:count])

    return select


def _fits(text: str, total: int, fits: bool) -> None:
    if not fits:
        raise InputError(f"{text} chooses none, or more than there are of {total} images")
