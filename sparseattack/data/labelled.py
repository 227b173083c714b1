"""Which pictures there are at a path, and what they show."""

import csv
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from sparseattack.data.images import UNKNOWN
from sparseattack.errors import InputError

MOST_DIGITS = 18  # of a number in 64 bits


ADVERSARIAL, SIDE_BY_SIDE = ".adversarial.png", ".side-by-side.png"  # endings of what an attack has written


class Labelled(NamedTuple):
    """A picture, what to call it and what it shows."""

    path: Path
    id: str
    label: str  # a class by name or number; empty is unknown


def listed(path: Path) -> list[Labelled]:
    """A picture, those of a folder by sub-folder, or those of a CSV of columns file and label."""
    if path.suffix == ".csv":
        return _table(path)
    if not path.is_dir():
        return [Labelled(path, path.name, "")]
    if (table := path / "labels.csv").is_file():
        return _table(table)
    known = {suffix for suffix, kind in Image.registered_extensions().items() if kind in Image.OPEN}
    files = [file for file in sorted(path.rglob("*")) if file.suffix.lower() in known and not written(file)]
    ids = [file.relative_to(path) for file in files]
    pairs = zip(files, ids, strict=True)
    return [Labelled(file, id.as_posix(), id.parts[0] if id.parts[1:] else "") for file, id in pairs]


def written(file: Path) -> bool:
    """Whether an attack has written this picture, by its name: a folder's pictures are without it."""
    return file.name.endswith((ADVERSARIAL, SIDE_BY_SIDE))


def skipped(path: Path) -> int:
    """How many pictures of a folder are left out because an attack has written them."""
    listing = path.is_dir() and not (path / "labels.csv").is_file()
    return sum(map(written, path.rglob("*.png"))) if listing else 0


def _table(path: Path) -> list[Labelled]:
    try:
        table = csv.DictReader(path.read_text("utf-8-sig").splitlines())
        rows, columns = list(table), table.fieldnames or ()
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} is no CSV that can be read: {error}") from error
    if missing := {"file", "label"}.difference(columns):
        raise InputError(f"{path} has no column {', '.join(sorted(missing))}, only {', '.join(columns)}")
    if lacking := [number for number, row in enumerate(rows, 1) if not row["file"]]:
        raise InputError(f"{path} names no file in row {lacking[0]}")
    return [Labelled(path.parent / row["file"], row["file"], row["label"] or "") for row in rows]


def numbers(labels: list[str]) -> tuple[list[int], tuple[str, ...]]:
    """Numbers stand for themselves; names are numbered in the order of the alphabet."""
    names = sorted(set(labels) - {""})
    if all(name.isdecimal() for name in names):
        if huge := [name for name in names if len(name) > MOST_DIGITS]:
            raise InputError(f"there is no class {huge[0]}: a label has at most {MOST_DIGITS} digits")
        return [int(label) if label else UNKNOWN for label in labels], ()
    places = {name: place for place, name in enumerate(names)} | {"": UNKNOWN}
    return [places[label] for label in labels], tuple(names)
