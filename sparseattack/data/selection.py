"""A selection of images, ``[0:500]``, ``[17]`` or ``[random:200:SEED]``, and their size, ``@224``.

Images are resized by nearest pixels, as in the one-pixel paper (Su, Vargas and Sakurai, 2019).
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

Rows = NDArray[np.int64]

Select = Callable[[int], Rows]
"""The selected rows, ascending, of a number of images."""

Colours = NDArray[np.uint8]  # (C, H, W)

FORM = re.compile(
    r"\[(?:(?P<one>\d+)|(?P<start>\d*):(?P<stop>\d*)|random:(?P<count>\d+)(?::(?P<seed>\d+))?)\]"
)


def parse_selection(text: str) -> Select:
    """Parse a selection; an empty one selects all images. InputError for another form."""
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
        _check(text, total, start < end <= total)
        return np.arange(start, end)

    return select


def _sample(text: str, count: int, seed: int) -> Select:
    """A sample without replacement; a smaller one with the same seed is part of a larger one."""

    def select(total: int) -> Rows:
        _check(text, total, 0 < count <= total)
        return np.sort(np.random.default_rng(seed).permutation(total)[:count])

    return select


def _check(text: str, total: int, fits: bool) -> None:
    if not fits:
        raise InputError(f"{text} selects no image, or more than there are of {total} images")


def resize_nearest(colours: Colours, side: int) -> Colours:
    """Resize an image ``(C, H, W)`` to ``side`` rows and columns by nearest pixels; 0 leaves it as it is."""
    if not side:
        return colours
    size = side, side
    channels = [Image.fromarray(channel).resize(size, Image.Resampling.NEAREST) for channel in colours]
    return np.stack([np.asarray(channel) for channel in channels])


def resize_images(images: Images, side: int) -> Images:
    """Resize images to ``side`` rows and columns by nearest pixels; 0 leaves them as they are."""
    if not side or images.pixels.shape[2:] == (side, side):
        return images
    pixels = np.stack([resize_nearest(each.numpy(), side) for each in images.pixels])
    return replace(images, pixels=torch.from_numpy(pixels))
