"""Images in a ``.npz`` file: ``images``, ``labels``, and what to call classes and images."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from sparseattack.errors import InputError
from sparseattack.images import UNKNOWN, Images
from sparseattack.selection import Rows, Select

MOST_CHANNELS = 16  # more in the last place are columns, put there by mistake


def load_npz(path: Path, select: Select, called: str = "") -> Images:
    """``images (N, H, W[, C])`` uint8; ``labels (N,)``, ``names`` of classes and ``ids (N,)`` may lack."""
    arrays = _arrays(path)
    if "images" not in arrays:
        raise InputError(f"{path} has no array images, only {', '.join(arrays) or 'nothing'}")
    images = _channels(path, arrays["images"])
    rows = select(len(images))
    labels = arrays.get("labels", np.full(len(images), UNKNOWN))
    if len(labels) != len(images) or labels.dtype.kind not in "iu":
        raise InputError(f"{path} has labels {labels.shape} {labels.dtype}, not {len(images)} whole numbers")
    return Images(
        torch.from_numpy(np.ascontiguousarray(images[rows].transpose(0, 3, 1, 2))),
        torch.from_numpy(labels[rows].astype(np.int64)),
        _ids(arrays, rows, called or path.stem),
        tuple(map(str, arrays.get("names", ()))),
    )


def _arrays(path: Path) -> dict[str, NDArray[np.generic]]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            return dict(archive)
    except Exception as error:  # numpy, zipfile and zlib have many words for a broken file
        raise InputError(f"{path} is no .npz file of plain arrays: {error}") from error


def _channels(path: Path, images: NDArray[np.generic]) -> NDArray[np.uint8]:
    """``(N, H, W, C)``."""
    if images.ndim == 3:  # noqa: PLR2004
        images = images[..., None]
    if images.dtype != np.uint8 or images.ndim != 4 or not 0 < images.shape[3] <= MOST_CHANNELS:  # noqa: PLR2004
        raise InputError(
            f"{path} has images {images.shape} {images.dtype}, not (N, H, W) or (N, H, W, channels) uint8"
        )
    return images  # type: ignore[return-value]  # its dtype has been looked at


def _ids(arrays: dict[str, NDArray[np.generic]], rows: Rows, called: str) -> tuple[str, ...]:
    if "ids" in arrays:
        return tuple(map(str, arrays["ids"][rows]))
    return tuple(f"{called}-{row}" for row in rows)
