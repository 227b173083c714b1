"""Images in a ``.npz`` file of the arrays ``images``, ``labels``, ``names`` (of classes) and ``ids``."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from sparseattack.data.images import UNKNOWN, Images, name_file_in_errors
from sparseattack.data.selection import Select
from sparseattack.errors import InputError

Column = NDArray[np.generic]
Arrays = dict[str, Column]

MAX_CHANNELS = 16  # more are image columns, put there by mistake


def load_npz(path: Path, select: Select, stem: str = "") -> Images:
    """Selected images of a ``.npz`` file; without ids they are called ``stem-0``, ``stem-1``, ...

    ``images (N, H, W[, C])`` are uint8; ``labels (N,)``, ``names (K,)`` and ``ids (N,)`` are optional.
    InputError for a file that cannot be read or arrays that do not fit.
    """
    arrays = _arrays(path)
    if "images" not in arrays:
        raise InputError(f"{path} has no array images, only {', '.join(arrays) or 'nothing'}")
    images = _channels(path, arrays["images"])
    labels = _column(path, arrays, "labels", len(images))
    if labels is not None and labels.dtype.kind not in "iu":
        raise InputError(f"{path} has labels {labels.dtype}, not whole numbers")
    labels = np.full(len(images), UNKNOWN) if labels is None else labels
    ids, names = _column(path, arrays, "ids", len(images)), _column(path, arrays, "names")
    rows = select(len(images))
    with name_file_in_errors(path):
        return Images(
            torch.from_numpy(np.ascontiguousarray(images[rows].transpose(0, 3, 1, 2))),
            torch.from_numpy(labels[rows].astype(np.int64)),
            tuple(f"{stem or path.stem}-{row}" for row in rows) if ids is None else _texts(ids[rows]),
            () if names is None else _texts(names),
        )


def _arrays(path: Path) -> Arrays:
    try:
        with np.load(path, allow_pickle=False) as archive:
            return dict(archive)
    except Exception as error:  # numpy, zipfile and zlib raise many kinds for a broken file
        raise InputError(f"{path} is no .npz file of plain arrays: {error}") from error


def _channels(path: Path, images: NDArray[np.generic]) -> NDArray[np.uint8]:
    """The images as ``(N, H, W, C)``."""
    if images.ndim == 3:  # noqa: PLR2004
        images = images[..., None]
    if images.dtype != np.uint8 or images.ndim != 4 or not 0 < images.shape[3] <= MAX_CHANNELS:  # noqa: PLR2004
        raise InputError(
            f"{path} has images {images.shape} {images.dtype}, not (N, H, W) or (N, H, W, channels) uint8"
        )
    return images  # type: ignore[return-value]  # its dtype is checked above


def _column(path: Path, arrays: Arrays, name: str, length: int | None = None) -> Column | None:
    """The array ``name`` if the file has it: of one dimension, and of ``length`` if that is given."""
    column = arrays.get(name)
    if column is not None and column.shape != (length or len(column.ravel()),):
        raise InputError(f"{path} has {name} {column.shape}, not ({length or 'K'},)")
    return column


def _texts(column: Column) -> tuple[str, ...]:
    return tuple(map(str, column))
