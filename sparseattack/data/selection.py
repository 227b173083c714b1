"""A selection of images: ``[0:500]``, ``[17]`` or ``[random:200:SEED]``."""

import re
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sparseattack.errors import InputError

Rows = NDArray[np.int64]

Select = Callable[[int], Rows]
"""The selected rows, ascending, of a number of images."""

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
