"""Images as PNG files, exact to the bit, with texts that say how they were made."""

from collections.abc import Mapping
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
import torch
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from torch import Tensor

from sparseattack.data.images import eight_bit, levels
from sparseattack.errors import InputError, SparseattackError
from sparseattack.files import write_whole

CHANNELS = (1, 3, 4)  # that a PNG can hold: grey, RGB, RGBA


class ChangedPixel(NamedTuple):
    """A pixel that differs between two images; row and column count from 0."""

    row: int
    column: int
    before: tuple[int, ...]  # C, 8 bit
    after: tuple[int, ...]


def pil_image(image: Tensor) -> Image.Image:
    """An image ``(C, H, W)``, uint8 or in [0, 1], as Pillow's 8-bit image; multiples of 1/255 stay exact."""
    if len(image) not in CHANNELS:
        raise InputError(f"no PNG holds {len(image)} channels, only 1, 3 or 4")
    stored = (
        (image if image.dtype == torch.uint8 else eight_bit(image))
        .cpu()
        .permute(1, 2, 0)
        .contiguous()
        .numpy()
    )
    return Image.fromarray(stored[..., 0] if len(image) == 1 else stored)


def read_png(file: Path | IO[bytes]) -> Tensor:
    """Read a PNG file that ``write_png`` has written: ``(C, H, W)`` float32 in [0, 1]."""
    with Image.open(file) as opened:
        return levels(torch.from_numpy(np.atleast_3d(np.array(opened)))).permute(2, 0, 1)


def write_png(image: Image.Image, file: Path | IO[bytes], texts: Mapping[str, str] | None = None) -> None:
    """Write a PNG file, completely or not at all; missing folders are created.

    ``texts`` become its text chunks, by keyword: they change no pixel.
    """
    chunks = PngInfo()
    for keyword, text in (texts or {}).items():
        chunks.add_text(keyword, text.encode("utf-8", "backslashreplace").decode())
    if not isinstance(file, Path):
        image.save(file, "PNG", pnginfo=chunks)
        return
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, lambda fresh: image.save(fresh, "PNG", pnginfo=chunks))
    except OSError as error:
        raise SparseattackError(f"{file} cannot be written: {error.strerror or error}") from error


def read_texts(file: Path) -> dict[str, str]:
    """The text chunks of a PNG file, by keyword."""
    with Image.open(file) as opened:
        opened.load()  # some stand behind the pixels
        return {str(keyword): str(text) for keyword, text in getattr(opened, "text", {}).items()}


def changed_pixels(before: Tensor, after: Tensor) -> list[ChangedPixel]:
    """All pixels in which two images ``(C, H, W)`` differ."""
    was, now = eight_bit(before).cpu(), eight_bit(after).cpu()
    return [
        ChangedPixel(row, column, tuple(was[:, row, column].tolist()), tuple(now[:, row, column].tolist()))
        for row, column in (was != now).any(0).nonzero().tolist()
    ]
