"""Pictures: one file, a folder whose sub-folders are classes, or a CSV of files and labels.

Which pictures there are at a path, and what they show.
"""

import csv
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image

from sparseattack.data.images import UNKNOWN, Images, of_file
from sparseattack.data.selection import Colours, Select, nearest
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


OPAQUE = 255


def load_pictures(path: Path, select: Select, side: int = 0) -> Images:
    """The picture ``path``, or those of a folder, or of a CSV of columns file and label, as ``nearest``."""
    every = listed(path)
    if not every:
        found = f", only {many} that an attack has written" if (many := skipped(path)) else ""
        raise InputError(f"there is no picture in {path}{found}")
    with of_file(path):
        labels, classes = numbers([one.label for one in every])
    rows = select(len(every)).tolist()
    pictures = [nearest(read(every[row].path), side) for row in rows]
    ids = tuple(every[row].id for row in rows)
    if len({picture.shape for picture in pictures}) > 1:
        found, sized = _shapes(pictures, ids), f"{path}@224 brings all to 224x224"
        raise InputError(f"pictures of {path} differ in size or channels: {found} ({sized})")
    chosen = torch.tensor([labels[row] for row in rows], dtype=torch.int64)
    return Images(torch.from_numpy(np.stack(pictures)), chosen, ids, classes)


def read(path: Path) -> Colours:
    """One picture; C is 1 (grey), 3 (RGB) or 4 (RGB and opacity, unless all is opaque)."""
    try:
        with Image.open(path) as picture:
            deep = any(";16" in str(tile) for tile in picture.tile)
            if deep or picture.mode not in ("1", "L", "LA", "P", "PA", "RGB", "RGBA"):
                kind = "16-bit" if deep else picture.mode
                raise InputError(f"{path} is a {kind} picture, not grey, RGB or RGBA of 8 bits per channel")
            return _plain(picture)
    except FileNotFoundError:
        raise InputError(f"there is no file {path}") from None
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise InputError(f"{path} is no picture that can be read: {error}") from error


def _plain(picture: Image.Image) -> Colours:
    if picture.mode in ("1", "L"):
        return np.array(picture.convert("L"))[None]
    clear = picture.mode in ("LA", "PA", "RGBA") or "transparency" in picture.info
    pixels = np.array(picture.convert("RGBA" if clear else "RGB")).transpose(2, 0, 1)
    # opacity that is full everywhere says nothing, and few classifiers take it
    return pixels[:3] if clear and pixels[3].min() == OPAQUE else pixels


def _shapes(pictures: list[Colours], ids: tuple[str, ...]) -> str:
    """The first picture of each shape."""
    first: dict[tuple[int, ...], str] = {}
    for picture, id in zip(pictures, ids, strict=True):
        first.setdefault(picture.shape, id)
    return ", ".join(f"{id} is {w}x{h} with {c} channels" for (c, h, w), id in first.items())
