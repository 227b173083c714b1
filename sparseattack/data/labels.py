"""Labels as text: whole numbers, or names of classes, which are numbered in alphabetical order."""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sparseattack.data.images import UNKNOWN
from sparseattack.errors import InputError

MAX_DIGITS = 18  # of a label, which is a number of 64 bits
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)")
WHOLE = re.compile(r"(?P<digits>[+-]?\d+)(\.0*)?")


class Labels(NamedTuple):
    """The labels of n images, and the names of their classes."""

    numbers: list[int]  # n, -1 where the class is not known
    classes: tuple[str, ...]  # by number; empty where the texts are numbers


def parse_labels(texts: Sequence[str]) -> Labels:
    """Labels of texts such as ``3``, ``3.0``, ``+3`` or ``cat``; an empty one and ``-1`` are unknown.

    Spaces around a text do not count. Raises InputError for a mixture of numbers and names, which leaves open
    how the names are numbered, and for a number that is not whole.
    """
    texts = [text.strip() for text in texts]
    known = set(texts) - {""}
    numbers = {text: _whole(text) for text in known if NUMBER.fullmatch(text)}
    names = sorted(known - set(numbers))
    counted = sorted(text for text, number in numbers.items() if number != UNKNOWN)
    if names and counted:
        raise InputError(
            f"some labels are numbers such as {counted[0]}, some are names such as {names[0]}: give every"
            " image a number, or every image a name"
        )
    places = numbers | {name: place for place, name in enumerate(names)} | {"": UNKNOWN}
    return Labels([places[text] for text in texts], tuple(names))


def parse_one_hot(rows: Iterable[Sequence[float]]) -> list[int] | None:
    """The labels of one-hot ``rows``; None where a row is none."""
    found = []
    for row in rows:
        places = [place for place, value in enumerate(row) if value != 0]
        if len(places) != 1 or row[places[0]] != 1:
            return None
        found.append(places[0])
    return found


def _whole(text: str) -> int:
    """The whole number that a text writes."""
    form = WHOLE.fullmatch(text)
    if not form:
        raise InputError(f"label {text} is no whole number, and no name of a class either")
    if len(form["digits"].lstrip("+-0")) > MAX_DIGITS:
        raise InputError(f"there is no class {text}: a label has at most {MAX_DIGITS} digits")
    return int(form["digits"])
