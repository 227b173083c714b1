"""The pictures of a folder: what counts, which class each has, and what is left out."""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import NamedTuple

from PIL import Image

from sparseattack.errors import InputError

# suffixes of the files that an attack writes
ADVERSARIAL, SIDE_BY_SIDE = ".adversarial.png", ".side-by-side.png"
ENLARGED, CONTACT_SHEET = ".enlarged.png", ".contact-sheet.png"
WRITTEN = ADVERSARIAL, SIDE_BY_SIDE, ENLARGED, CONTACT_SHEET
SPLITS = {"train", "training", "test", "testing", "val", "valid", "validation", "eval"}
CLASS_DEPTH = 2  # folder of the class, file

REASONS = {  # of what is left out, for one and for several
    "written": ("picture that an attack has written", "pictures that an attack has written"),
    "other": ("file that is no picture", "files that are no pictures"),
    "hidden": (
        "file or folder whose name begins with a dot",
        "files and folders whose names begin with a dot",
    ),
    "loop": ("link to a folder around it", "links to a folder around them"),
}


class LabelledFile(NamedTuple):
    """A picture file with its id and its class."""

    path: Path
    id: str
    label: str  # name or number of the class; empty if unknown


class Listing(NamedTuple):
    """The pictures of a place."""

    files: list[LabelledFile]
    notes: tuple[str, ...]  # sentences about what was left out


def list_folder(folder: Path, *, flat: bool = False) -> Listing:
    """The pictures in a folder and below, in alphabetical order; the first sub-folder names the class.

    Symbolic links are followed. Left out and counted are files that are no pictures, those that an attack has
    written, and names that begin with a dot. Unless ``flat``, InputError where the first sub-folders are
    splits such as train and test, with those of the classes below.
    """
    known = {suffix for suffix, kind in Image.registered_extensions().items() if kind in Image.OPEN}
    left_out: Counter[str] = Counter()
    files = []
    for file in _walk(folder, left_out):
        if file.name.endswith(WRITTEN):
            left_out["written"] += 1
        elif file.suffix.lower() in known:
            files.append(file)
        else:
            left_out["other"] += 1
    ids = [file.relative_to(folder) for file in sorted(files)]
    if not flat:
        _check_splits(folder, ids)
    listed = [
        LabelledFile(folder / id, file_name(id), file_name(id.parts[0]) if id.parts[1:] else "") for id in ids
    ]
    return Listing(listed, _notes(folder, left_out))


def file_name(name: PurePath | str) -> str:
    """The name of a file with slashes; bytes that are no UTF-8 as ``\\xff``."""
    whole = name.as_posix() if isinstance(name, PurePath) else name
    return os.fsencode(whole).decode("utf-8", "backslashreplace")


def _walk(folder: Path, left_out: Counter[str]) -> Iterator[Path]:
    """All files below a folder, through links to folders too, but for those to a folder around them."""
    waiting = [(folder, frozenset[str]())]
    while waiting:
        here, around = waiting.pop()
        real = os.path.realpath(here)
        if real in around:
            left_out["loop"] += 1
            continue
        try:
            entries = list(os.scandir(here))
        except OSError as error:
            raise InputError(f"folder {here} cannot be read: {error.strerror}") from error
        for entry in entries:
            if entry.name.startswith("."):
                left_out["hidden"] += 1
            elif entry.is_dir():
                waiting.append((Path(entry.path), around | {real}))
            else:
                yield Path(entry.path)


def _check_splits(folder: Path, ids: list[Path]) -> None:
    """Refuse sub-folders that are splits of a data set, with folders of classes below."""
    tops = sorted(
        {id.parts[0] for id in ids if len(id.parts) > CLASS_DEPTH and id.parts[0].lower() in SPLITS}
    )
    if tops:
        raise InputError(
            f"{folder} has folders {' and '.join(tops)} above those of the classes: name one of them,"
            f" {folder / tops[0]}"
        )


def _notes(folder: Path, left_out: Counter[str]) -> tuple[str, ...]:
    counts = [
        f"{left_out[why]} {one if left_out[why] == 1 else many}"
        for why, (one, many) in REASONS.items()
        if left_out[why]
    ]
    return (f"left out of {folder}: {', '.join(counts)}",) if counts else ()
