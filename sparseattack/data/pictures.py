"""Pictures: one file, a folder whose sub-folders are classes, or a CSV of columns file and label."""

import csv
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image

from sparseattack.data.images import UNKNOWN, Images, name_file_in_errors
from sparseattack.data.selection import Colours, Select, resize_nearest
from sparseattack.errors import InputError

MAX_DIGITS = 18  # of a label, which is a number of 64 bits
OPAQUE = 255
ADVERSARIAL, SIDE_BY_SIDE = (
    ".adversarial.png",
    ".side-by-side.png",
)  # suffixes of the files that an attack writes


class LabelledFile(NamedTuple):
    """A picture file with its id and its class."""

    path: Path
    id: str
    label: str  # name or number of the class; empty if unknown


def list_pictures(path: Path) -> list[LabelledFile]:
    """The picture at ``path``, or those of a folder, classes by sub-folder, or those of a CSV."""
    if path.suffix == ".csv":
        return _table(path)
    if not path.is_dir():
        return [LabelledFile(path, path.name, "")]
    if (table := path / "labels.csv").is_file():
        return _table(table)
    known = {suffix for suffix, kind in Image.registered_extensions().items() if kind in Image.OPEN}
    files = [
        file
        for file in sorted(path.rglob("*"))
        if file.suffix.lower() in known and not is_attack_output(file)
    ]
    ids = [file.relative_to(path) for file in files]
    pairs = zip(files, ids, strict=True)
    return [LabelledFile(file, id.as_posix(), id.parts[0] if id.parts[1:] else "") for file, id in pairs]


def is_attack_output(file: Path) -> bool:
    """Whether an attack has written this file, by its suffix; such files of a folder are left out."""
    return file.name.endswith((ADVERSARIAL, SIDE_BY_SIDE))


def count_attack_outputs(path: Path) -> int:
    """The number of pictures of a folder that are left out because an attack has written them."""
    listing = path.is_dir() and not (path / "labels.csv").is_file()
    return sum(map(is_attack_output, path.rglob("*.png"))) if listing else 0


def _table(path: Path) -> list[LabelledFile]:
    try:
        table = csv.DictReader(path.read_text("utf-8-sig").splitlines())
        rows, columns = list(table), table.fieldnames or ()
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} is no CSV that can be read: {error}") from error
    if missing := {"file", "label"}.difference(columns):
        raise InputError(f"{path} has no column {', '.join(sorted(missing))}, only {', '.join(columns)}")
    if lacking := [number for number, row in enumerate(rows, 1) if not row["file"]]:
        raise InputError(f"{path} names no file in row {lacking[0]}")
    return [LabelledFile(path.parent / row["file"], row["file"], row["label"] or "") for row in rows]


def class_numbers(labels: list[str]) -> tuple[list[int], tuple[str, ...]]:
    """The label of each class name, and the names; numbers are labels, names are numbered alphabetically."""
    names = sorted(set(labels) - {""})
    if all(name.isdecimal() for name in names):
        if huge := [name for name in names if len(name) > MAX_DIGITS]:
            raise InputError(f"there is no class {huge[0]}: a label has at most {MAX_DIGITS} digits")
        return [int(label) if label else UNKNOWN for label in labels], ()
    places = {name: place for place, name in enumerate(names)} | {"": UNKNOWN}
    return [places[label] for label in labels], tuple(names)


def load_pictures(path: Path, select: Select, side: int = 0) -> Images:
    """Selected pictures of a file, a folder or a CSV, resized to ``side`` rows and columns unless that is 0.

    InputError for files that cannot be read, and for pictures that differ in size or channels.
    """
    every = list_pictures(path)
    if not every:
        found = f", only {many} that an attack has written" if (many := count_attack_outputs(path)) else ""
        raise InputError(f"there is no picture in {path}{found}")
    with name_file_in_errors(path):
        labels, classes = class_numbers([one.label for one in every])
    rows = select(len(every)).tolist()
    pictures = [resize_nearest(read_picture(every[row].path), side) for row in rows]
    ids = tuple(every[row].id for row in rows)
    if len({picture.shape for picture in pictures}) > 1:
        found, sized = _shapes(pictures, ids), f"{path}@224 brings all to 224x224"
        raise InputError(f"pictures of {path} differ in size or channels: {found} ({sized})")
    chosen = torch.tensor([labels[row] for row in rows], dtype=torch.int64)
    return Images(torch.from_numpy(np.stack(pictures)), chosen, ids, classes)


def read_picture(path: Path) -> Colours:
    """One picture ``(C, H, W)``; C is 1 (grey), 3 (RGB) or 4 (RGBA, unless it is opaque everywhere)."""
    try:
        with Image.open(path) as picture:
            deep = any(";16" in str(tile) for tile in picture.tile)
            if deep or picture.mode not in ("1", "L", "LA", "P", "PA", "RGB", "RGBA"):
                kind = "16-bit" if deep else picture.mode
                raise InputError(f"{path} is a {kind} picture, not grey, RGB or RGBA of 8 bits per channel")
            return _colours(picture)
    except FileNotFoundError:
        raise InputError(f"there is no file {path}") from None
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise InputError(f"{path} is no picture that can be read: {error}") from error


def _colours(picture: Image.Image) -> Colours:
    if picture.mode in ("1", "L"):
        return np.array(picture.convert("L"))[None]
    clear = picture.mode in ("LA", "PA", "RGBA") or "transparency" in picture.info
    pixels = np.array(picture.convert("RGBA" if clear else "RGB")).transpose(2, 0, 1)
    # few classifiers take four channels, and an opaque one holds no information
    return pixels[:3] if clear and pixels[3].min() == OPAQUE else pixels


def _shapes(pictures: list[Colours], ids: tuple[str, ...]) -> str:
    """The first picture of each shape, as text."""
    first: dict[tuple[int, ...], str] = {}
    for picture, id in zip(pictures, ids, strict=True):
        first.setdefault(picture.shape, id)
    return ", ".join(f"{id} is {w}x{h} with {c} channels" for (c, h, w), id in first.items())
