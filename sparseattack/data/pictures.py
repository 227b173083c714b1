"""Pictures: one file, a folder whose sub-folders are classes, or a CSV of columns file and label."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import ExifTags, Image

from sparseattack.data.folder import LabelledFile, Listing, file_name, list_folder
from sparseattack.data.images import ImageArrays, name_file_in_errors
from sparseattack.data.labels import parse_labels
from sparseattack.data.resize import Colours, Resize
from sparseattack.data.selection import Select
from sparseattack.errors import InputError, brief

OPAQUE = 255
TURNS = {  # EXIF orientations, and what brings a picture upright
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class Picture(NamedTuple):
    """A picture as it is read."""

    colours: Colours  # (C, H, W); C is 1 (grey), 3 (RGB) or 4 (RGBA, unless it is opaque everywhere)
    turned: bool  # whether its file says that it is to be shown turned or mirrored, as it is here
    first: bool  # whether its file holds other pictures after it: frames or pages


def load_pictures(path: Path, select: Select, resize: Resize) -> tuple[ImageArrays, ...]:
    """Selected pictures of a file, a folder or a CSV, resized if a size is named, and grouped by shape.

    InputError for files that cannot be read.
    """
    if path.suffix.lower() == ".npy" and path.is_file():
        save = 'np.savez("images.npz", images=..., labels=...)'
        raise InputError(f"{path} is an array without labels: save both in an .npz file, {save}")
    listing = list_pictures(path)
    if not listing.files:
        raise InputError(f"there is no picture in {path}{''.join(f'; {note}' for note in listing.notes)}")
    with name_file_in_errors(path):
        labels = parse_labels([one.label for one in listing.files])
    every = [file.id for file in listing.files]
    rows = select(len(every), every).tolist()
    ids = [every[row] for row in rows]
    pictures = [read_picture(listing.files[row].path) for row in rows]
    colours = [resize(picture.colours) for picture in pictures]
    changed = sum(now is not was.colours for now, was in zip(colours, pictures, strict=True))
    notes = (*listing.notes, *_notes(pictures), *resize.describe(changed, len(rows)))
    shapes = dict.fromkeys(each.shape for each in colours)
    groups = [[place for place, each in enumerate(colours) if each.shape == shape] for shape in shapes]
    return tuple(
        ImageArrays(
            np.stack([colours[place] for place in places]),
            np.array([labels.numbers[rows[place]] for place in places], np.int64),
            tuple(ids[place] for place in places),
            labels.classes,
            notes,
            sorted_classes=bool(labels.classes),
        )
        for places in groups
    )


def list_pictures(path: Path) -> Listing:
    """The picture at ``path``, or those of a folder, classes by sub-folder, or those of a CSV."""
    if path.suffix == ".csv":
        return Listing(_table(path), ())
    if not path.is_dir():
        return Listing([LabelledFile(path, file_name(path.name), "")], ())
    if not (table := path / "labels.csv").is_file():
        return list_folder(path)
    files = _table(table)
    named = {file.path.resolve() for file in files}
    others = sum(file.path.resolve() not in named for file in list_folder(path, flat=True).files)
    note = f"left out of {path}: {others} picture{'s' * (others != 1)} that {table.name} does not name"
    return Listing(files, (note,) if others else ())


def _table(path: Path) -> list[LabelledFile]:
    try:
        text = io.StringIO(path.read_text("utf-8-sig"), newline="")
        table = csv.DictReader(text, skipinitialspace=True)
        columns = table.fieldnames = [name.strip() for name in table.fieldnames or ()]
        rows = list(table)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} is no CSV that can be read: {error}") from error
    for name in ("file", "label"):
        if columns.count(name) != 1:
            count = "several columns" if name in columns else "no column"
            commas = ": put commas between columns, not semicolons" if ";" in "".join(columns) else ""
            raise InputError(f"{path} has {count} {name}, only {', '.join(columns)}{commas}")
    for number, row in enumerate(rows, 1):
        if not row["file"]:
            raise InputError(f"{path} names no file in row {number}")
        if None in row:
            raise InputError(f"{path} has more fields than columns in row {number}: put quotes around commas")
    return [LabelledFile(path.parent / row["file"], row["file"], row["label"] or "") for row in rows]


def read_picture(path: Path) -> Picture:
    """One picture of 8 bits a channel, upright; InputError where it cannot be read."""
    try:
        with Image.open(path) as picture:
            deep = any(";16" in str(tile) for tile in picture.tile)
            if deep or picture.mode not in ("1", "L", "LA", "P", "PA", "RGB", "RGBA"):
                kind = "16-bit" if deep else picture.mode
                raise InputError(f"{path} is a {kind} picture, not grey, RGB or RGBA of 8 bits per channel")
            turn = TURNS.get(_orientation(picture))
            colours = _colours(picture if turn is None else picture.transpose(turn))
            return Picture(colours, turn is not None, bool(getattr(picture, "is_animated", False)))
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f"there is no file {path}") from None
    except Exception as error:  # Pillow raises ValueError, RuntimeError and others for a broken file
        raise InputError(f"{path} is no picture that can be read: {brief(error)}") from error


def _orientation(picture: Image.Image) -> int:
    """The EXIF orientation, 1 to 8; 1 where there is none that can be read."""
    try:
        return int(picture.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # broken EXIF says nothing about the picture
        return 1


def _colours(picture: Image.Image) -> Colours:
    if picture.mode in ("1", "L"):
        return np.array(picture.convert("L"))[None]
    clear = picture.mode in ("LA", "PA", "RGBA") or "transparency" in picture.info
    pixels = np.array(picture.convert("RGBA" if clear else "RGB")).transpose(2, 0, 1)
    # few classifiers take four channels, and an opaque one holds no information
    return pixels[:3] if clear and pixels[3].min() == OPAQUE else pixels


def _notes(pictures: list[Picture]) -> Iterator[str]:
    """Sentences about pictures that are not as their files begin: turned, or the first of several."""
    total = len(pictures)
    if turned := sum(picture.turned for picture in pictures):
        which = "the picture was" if total == 1 else f"{turned} of {total} pictures were"
        yield f"{which} turned or mirrored as the EXIF orientation says; rows and columns count after that"
    if several := sum(picture.first for picture in pictures):
        which = "the file has" if total == 1 else f"{several} of {total} files have"
        yield f"{which} several frames or pages: only the first is read"
