"""Pictures: one file, a folder whose sub-folders are classes, or a CSV of files and labels."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from sparseattack.data.images import Images, of_file
from sparseattack.data.labelled import listed, numbers, skipped
from sparseattack.data.resizing import Colours, nearest
from sparseattack.data.selection import Select
from sparseattack.errors import InputError

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
