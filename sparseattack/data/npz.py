"""Images in a ``.npz`` file: ``images``, ``labels``, ``names`` (of classes) and ``ids``, or ``x`` and ``y``.

Everything is decided by names, shapes and kinds of numbers; what can be read in two ways is refused.
"""

import zipfile
from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from math import prod
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from sparseattack.data.images import UNKNOWN, ImageArrays, name_file_in_errors
from sparseattack.data.labels import MAX_DIGITS, parse_labels, parse_one_hot
from sparseattack.data.selection import Rows, Select
from sparseattack.errors import InputError, brief, number_of

Array = NDArray[np.generic]

ROLES = {
    "images": ("images", "image", "x", "data"),
    "labels": ("labels", "label", "y", "target", "targets"),
    "names": ("names",),
    "ids": ("ids",),
}
SECOND = ("target", "targets")  # labels where no other array is: beside labels, they may be an attack's
ROLE = {word: role for role, words in ROLES.items() for word in words}
PARTS = {"train": "train", "test": "test", "val": "val", "valid": "val", "validation": "val"}
LAYOUTS = ("nhwc", "nchw")  # N images, H rows, W columns, C channels

USUAL = (1, 3)  # channels of images
MAX_CHANNELS = 16  # more are rows or columns
IMAGE_DIMS, GREY_DIMS = 4, 3  # dimensions of an array of images with channels, and without
DARK = 16  # the brightest of 256 colours where images were probably not stored in 8 bit
MOST = 10**MAX_DIGITS  # a label
LARGE, DENSE = 2**28, 100  # bytes, and bytes unpacked from one: more of both is no picture's compression
ROUNDING = 0.1  # of a step of 1/255, by which a float may miss the colour that it stands for


class ArrayName(NamedTuple):
    """What the name of an array says."""

    name: str
    role: str  # of ROLES
    part: str = ""  # train, test or val
    layout: str = ""  # of LAYOUTS

    @classmethod
    def parse(cls, name: str) -> "ArrayName | None":
        """``x_test`` are test images, ``images_nchw`` says where the channels are; None for other names."""
        found: dict[str, str] = {}
        for word in name.lower().split("_"):
            kind, value = "role", ROLE.get(word, "")
            if word in PARTS:
                kind, value = "part", PARTS[word]
            elif word in LAYOUTS:
                kind, value = "layout", word
            if not value or kind in found:
                return None
            found[kind] = value
        return cls(name, **found) if "role" in found else None


def load_npz(path: Path, select: Select, split: str = "", *, stem: str = "") -> ImageArrays:
    """Selected images of a ``.npz`` file; without ids they are called ``stem-0``, ``stem-1``, ...

    Images are ``(N, H, W)``, ``(N, H, W, C)`` or ``(N, C, H, W)``, whole numbers from 0 to 255 or floats in
    [0, 1]; labels whole numbers, one-hot rows or names, ``(N,)``. ``split`` chooses ``x_test`` where there is
    ``x_train`` too. InputError for a file that cannot be read, and for arrays that do not fit, or that fit in
    two ways.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
            chosen = _choose(path, list(members), split)
            arrays = {name.role: _array(path, archive, members[name.name]) for name in chosen.values()}
            others = () if "labels" in chosen else _perhaps_labels(archive, members, len(arrays["images"]))
    except InputError:
        raise
    except Exception as error:  # numpy, zipfile and zlib raise many kinds for a broken file
        raise InputError(f"{path} is no .npz file of plain arrays: {brief(error)}") from error
    with name_file_in_errors(path):
        images = _channels_last(chosen["images"], arrays["images"])
        part = chosen["images"].part
        stem = stem or "-".join(filter(None, (path.stem, part)))
        given, names = (
            _texts(arrays, role, count) for role, count in (("ids", len(images)), ("names", None))
        )
        ids = given or tuple(f"{stem}-{row}" for row in range(len(images)))
        rows = select(len(images), ids)
        colours, notes = _eight_bit(images, rows)
        labels, classes = _labels(arrays.get("labels"), len(images))
        return ImageArrays(
            np.ascontiguousarray(colours.transpose(0, 3, 1, 2)),
            labels[rows],
            tuple(ids[row] for row in rows),
            names or classes,
            notes + others,
            sorted_classes=bool(classes and not names),
        )


def _choose(path: Path, names: list[str], split: str) -> dict[str, ArrayName]:
    """The array of each role, of the part ``split`` if that is named."""
    by_part: dict[str, dict[str, list[ArrayName]]] = defaultdict(lambda: defaultdict(list))
    for name in names:
        if parsed := ArrayName.parse(name):
            by_part[parsed.part][parsed.role].append(parsed)
    parts = [part for part, roles in by_part.items() if roles["images"]]
    listed = ", ".join(names) or "nothing"
    if not parts:
        raise InputError(f"{path} has no array images, or x, only {listed}")
    if split and split not in parts:
        raise InputError(f"{path} has no images of a split {split}, only {listed}")
    if not split and len(parts) > 1:
        ways = " or ".join(f"{path}:{part}" for part in parts if part in ("train", "test"))
        found = ", ".join(one.name for part in parts for one in by_part[part]["images"])
        raise InputError(f"{path} has the images {found}: name {ways or 'one of them images'}")
    part = split or parts[0]
    chosen = {}
    for role in ROLES:
        found_here = by_part[part][role] or (by_part[""][role] if len(parts) == 1 or role == "names" else [])
        found_here = [one for one in found_here if not _second(one)] or found_here
        if len(found_here) > 1:
            both = " and ".join(one.name for one in found_here)
            raise InputError(f"{path} has {both}, which may both be the {role}: leave one out")
        if found_here:
            chosen[role] = found_here[0]
    return chosen


def _second(name: ArrayName) -> bool:
    """Whether an array gives way to another one of its role."""
    return any(word in SECOND for word in name.name.lower().split("_"))


def _array(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Array:
    """One array; its header is held against the size of the file before memory is taken."""
    with archive.open(member) as file:
        count, dtype = _header(file)
        size, header = count * dtype.itemsize, file.tell()
    if size != member.file_size - header:
        raise InputError(f"{path} is damaged: {member.filename} has {member.file_size:,} bytes, not {size:,}")
    if size > LARGE and size > DENSE * member.compress_size:
        raise InputError(
            f"{path} would unpack {member.compress_size:,} bytes of {member.filename} to {size:,}, which are"
            " no pictures; save the arrays with numpy.savez if they are meant"
        )
    with archive.open(member) as file:
        return np.asarray(npy.read_array(file, allow_pickle=False))


def _header(file: IO[bytes]) -> tuple[int, np.dtype[np.generic]]:
    """The number of elements of an array, and their type."""
    readers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
    version = npy.read_magic(file)
    if version not in readers:
        raise ValueError(f"its arrays are of version {version}")
    shape, _, dtype = readers[version](file)
    if dtype.hasobject:
        raise ValueError("it holds objects of Python")
    return prod(shape), dtype


def _channels_last(name: ArrayName, images: Array) -> Array:
    """The images as ``(N, H, W, C)``."""
    if images.ndim == GREY_DIMS and not name.layout:
        if images.shape[2] in USUAL and images.shape[0] > MAX_CHANNELS:
            raise InputError(
                f"{name.name} {images.shape} are {images.shape[0]} grey images, or one image with"
                f" {images.shape[2]} channels: save {name.name}[..., None] or {name.name}[None]"
            )
        return images[..., None]
    if images.ndim != IMAGE_DIMS:
        raise InputError(
            f"has {name.name} {images.shape}, not (N, H, W), (N, H, W, channels) or (N, channels, H, W):"
            " reshape them"
        )
    layout = name.layout or _layout(name.name, images.shape)
    return images.transpose(0, 2, 3, 1) if layout == "nchw" else images


def _layout(name: str, shape: tuple[int, ...]) -> str:
    """Where the channels of images are: the one place where so few are usual, or possible at all.

    What is usual does not decide against square images.
    """
    ends = {"nhwc": shape[3], "nchw": shape[1]}
    square = {"nhwc": shape[1] == shape[2], "nchw": shape[2] == shape[3]}
    possible = [layout for layout, count in ends.items() if 0 < count <= MAX_CHANNELS]
    usual = [layout for layout in possible if ends[layout] in USUAL]
    if len(possible) == 1:
        return possible[0]
    if len(usual) == 1 and (square[usual[0]] or not any(square.values())):
        return usual[0]
    if not possible and 0 not in shape:
        raise InputError(f"has {name} {shape}: neither {shape[1]} nor {shape[3]} are channels of images")
    first, second, third = shape[1:]
    raise InputError(
        f"{name} {shape} are images of {first} rows, {second} columns and {third} channels, or of {second}"
        f" rows, {third} columns and {first} channels: save them as images_nhwc, or else as images_nchw"
    )


def _eight_bit(images: Array, rows: Rows) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    """The chosen images in 8 bit, and what is to be said of that."""
    if images.dtype.kind not in "uif" or not images.size:
        if images.size:
            raise InputError(
                f"has images of {images.dtype}, not whole numbers from 0 to 255 or floats in [0, 1]"
            )
        return images[rows].astype(np.uint8), ()
    low, high = float(images.min()), float(images.max())
    if images.dtype.kind == "f":
        if np.isnan(low):
            raise InputError(f"has {images.dtype} images with NaN, which is no colour")
        if not 0 <= low <= high <= 1:
            raise InputError(
                f"has {images.dtype} images from {low:.7g} to {high:.7g}, not in [0, 1]: divide colours of"
                " 0 to 255 by 255, and undo a normalisation, which belongs to the oracle (mean=, std=)"
            )
        scaled = images[rows].astype(np.float64) * 255
        colours = scaled.round()
        missed = int((abs(scaled - colours) > ROUNDING).reshape(len(rows), -1).any(1).sum())
        some = f"{missed:,} of {number_of(len(rows), 'image')}"
        note = f"{some} rounded to 8 bit: this is what is attacked and written"
        return colours.astype(np.uint8), (note,) if missed else ()
    if low < 0 or high > 255:  # noqa: PLR2004
        raise InputError(f"has {images.dtype} images from {low:.0f} to {high:.0f}, not 0 to 255")
    dark = f"no colour is above {high:.0f} of 255: images stored from 0 to {high:.0f} are to be scaled to 255"
    return images[rows].astype(np.uint8), (dark,) if 0 < high <= DARK else ()


def _labels(labels: Array | None, count: int) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Labels ``(count,)``, and the names of their classes where they are names."""
    if labels is None:
        return np.full(count, UNKNOWN), ()
    if labels.ndim == 2 and labels.shape[1] == 1:  # noqa: PLR2004
        labels = labels[:, 0]
    if labels.ndim == 2 and len(labels) == count and labels.dtype.kind in "uifb":  # noqa: PLR2004
        if (one_hot := parse_one_hot(labels.tolist())) is None:
            raise InputError(f"has labels {labels.shape}, not ({count},), and they are not one-hot rows")
        return np.array(one_hot, np.int64), ()
    if labels.shape != (count,):
        raise InputError(f"has labels {labels.shape}, not ({count},)")
    if labels.dtype.kind == "U":
        parsed = parse_labels([str(label) for label in labels])
        return np.array(parsed.numbers, np.int64), parsed.classes
    if labels.dtype.kind not in "uif" or not ((labels == np.floor(labels)) & (abs(labels) < MOST)).all():
        raise InputError(f"has labels {labels.dtype}, not whole numbers, one-hot rows or names of classes")
    return labels.astype(np.int64), ()


def _perhaps_labels(
    archive: zipfile.ZipFile, members: Mapping[str, zipfile.ZipInfo], count: int
) -> tuple[str, ...]:
    """A sentence on each array without a role that has a whole number for each of ``count`` images."""
    found = []
    for name, member in members.items():
        if ArrayName.parse(name) is None and member.filename.endswith(".npy"):
            with archive.open(member) as file, suppress(ValueError):  # no plain array
                size, dtype = _header(file)
                if size == count and dtype.kind in "ui":
                    found.append(f"{name} has {count} whole numbers: name it labels if they are the labels")
    return tuple(found)


def _texts(arrays: dict[str, Array], role: str, count: int | None) -> tuple[str, ...]:
    """The array of a role as texts, ``count`` of them if that is given; empty where there is none."""
    if (column := arrays.get(role)) is None:
        return ()
    if column.ndim != 1 or count not in (None, len(column)):
        raise InputError(f"has {role} {column.shape}, not ({count or 'K'},)")
    return tuple(map(str, column))
