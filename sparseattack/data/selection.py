"""A selection of images: ``[0:500]``, ``[17]``, ``[3,17,42]``, ``[random:200:SEED]`` or ``[in:FILE]``.

A file holds a number or an id, such as a picture's name, on each line; ``#`` begins a comment.
"""

import re
from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sparseattack.errors import InputError, near, number_of

Rows = NDArray[np.int64]


class Select(Protocol):
    """The selected rows, ascending, of a number of images, which may have ``ids``."""

    def __call__(self, total: int, ids: Sequence[str] = ()) -> Rows: ...


FORM = re.compile(
    r"\[(?:(?P<some>\d+(?:,\s*\d+)*)|(?P<start>\d*):(?P<stop>\d*)|random:(?P<count>\d+)(?::(?P<seed>\d+))?"
    r"|in:(?P<file>.+))\]"
)


def parse_selection(text: str) -> Select:
    """Parse a selection; an empty one selects all images. InputError for another form."""
    if not text:
        return lambda total, ids=(): np.arange(total)
    if not (form := FORM.fullmatch(text)):
        raise InputError(
            f"no selection {text}, only [START:STOP], [NUMBER], [NUMBER,NUMBER,...], [random:COUNT],"
            " [random:COUNT:SEED] or [in:FILE]"
        )
    if form["count"]:
        return _sample(text, int(form["count"]), int(form["seed"] or 0))
    if form["some"]:
        return _listed(text, form["some"].replace(" ", "").split(","))
    if form["file"]:
        return _listed(text, _lines(Path(form["file"]).expanduser()))
    return _slice(text, int(form["start"] or 0), int(form["stop"]) if form["stop"] else None)


def among(select: Select, wanted: Collection[str]) -> Select:
    """The part of a selection whose ids are ``wanted``; InputError where that is none of them."""

    def select_some(total: int, ids: Sequence[str] = ()) -> Rows:
        rows = [row for row in select(total, ids).tolist() if ids[row] in wanted]
        if not rows:
            raise InputError("there is none of the images that are wanted")
        return np.array(rows, dtype=np.int64)

    return select_some


def _lines(path: Path) -> list[str]:
    """What a file lists, a line each."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise InputError(f"the list of images {path} cannot be read: {reason}") from error
    if not (listed := [text for line in lines if (text := line.partition("#")[0].strip())]):
        raise InputError(f"the list of images {path} is empty: write a number or a name on each line")
    return listed


def _listed(text: str, listed: Sequence[str]) -> Select:
    """The images of these numbers, from 0, or ids."""

    def select(total: int, ids: Sequence[str] = ()) -> Rows:
        places = {id: place for place, id in enumerate(ids)}
        rows = [_row(text, each, total, places) for each in listed]
        if twice := [row for row, count in Counter(rows).items() if count > 1]:
            raise InputError(f"{text} names image {ids[twice[0]] if ids else twice[0]} twice")
        return np.sort(np.array(rows, dtype=np.int64))

    return select


def _row(text: str, name: str, total: int, places: dict[str, int]) -> int:
    """The row of an image by its number or id; InputError for none, and for what can be read in two ways."""
    number = int(name) if name.isdecimal() and name.isascii() and int(name) < total else None
    place = places.get(name)
    if number is not None and place is not None and number != place:
        raise InputError(
            f"in {text}, {name} is the number of one image and the name of another (number {place}): use"
            " numbers, or other names"
        )
    if (found := number if number is not None else place) is not None:
        return found
    names = f", and none has this name{near(name, places)}" if places else ""
    raise InputError(
        f"{text} selects {name!r} of {number_of(total, 'image')}: their numbers are 0 to {total - 1}{names}"
    )


def _slice(text: str, start: int, stop: int | None) -> Select:
    def select(total: int, ids: Sequence[str] = ()) -> Rows:
        end = total if stop is None else stop
        _check(text, total, start < end <= total)
        return np.arange(start, end)

    return select


def _sample(text: str, count: int, seed: int) -> Select:
    """A sample without replacement; a smaller one with the same seed is part of a larger one."""

    def select(total: int, ids: Sequence[str] = ()) -> Rows:
        _check(text, total, 0 < count <= total)
        return np.sort(np.random.default_rng(seed).permutation(total)[:count])

    return select


def _check(text: str, total: int, fits: bool) -> None:
    if not fits:
        raise InputError(f"{text} selects no image, or more than there are of {number_of(total, 'image')}")
