"""Images as PNG files, exact to the bit, and a clean and an adversarial image side by side."""

from contextlib import suppress
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from sparseattack.data.images import eight_bit, levels
from sparseattack.errors import InputError, SparseattackError

CHANNELS = (1, 3, 4)  # that a PNG can hold: grey, RGB, RGBA


class ChangedPixel(NamedTuple):
    """A pixel that differs between two images; row and column count from 0."""

    row: int
    column: int
    before: tuple[int, ...]  # C, 8 bit
    after: tuple[int, ...]


def pil_image(image: Tensor) -> Image.Image:
    """An image ``(C, H, W)`` in [0, 1] as Pillow's 8-bit image; multiples of 1/255 stay exact."""
    if len(image) not in CHANNELS:
        raise InputError(f"no PNG holds {len(image)} channels, only 1, 3 or 4")
    stored = eight_bit(image).cpu().permute(1, 2, 0).contiguous().numpy()
    return Image.fromarray(stored[..., 0] if len(image) == 1 else stored)


def read_png(file: Path | IO[bytes]) -> Tensor:
    """Read a PNG file that ``write_png`` has written: ``(C, H, W)`` float32 in [0, 1]."""
    with Image.open(file) as opened:
        return levels(torch.from_numpy(np.atleast_3d(np.array(opened)))).permute(2, 0, 1)


def write_png(image: Image.Image, file: Path | IO[bytes]) -> None:
    """Write a PNG file, completely or not at all; missing folders are created."""
    if not isinstance(file, Path):
        image.save(file, "PNG")
        return
    fresh = file.with_name(f".{file.name}.new")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        image.save(fresh, "PNG")
        fresh.replace(file)
    except OSError as error:
        raise SparseattackError(f"{file} cannot be written: {error.strerror or error}") from error
    finally:
        with suppress(OSError):  # it is gone already, or cannot be removed
            fresh.unlink()


def changed_pixels(before: Tensor, after: Tensor) -> list[ChangedPixel]:
    """All pixels in which two images ``(C, H, W)`` differ."""
    was, now = eight_bit(before).cpu(), eight_bit(after).cpu()
    return [
        ChangedPixel(row, column, tuple(was[:, row, column].tolist()), tuple(now[:, row, column].tolist()))
        for row, column in (was != now).any(0).nonzero().tolist()
    ]


SIDE = 384  # pixels that the longer side of an image is enlarged to, roughly
ENLARGED = 3  # the smallest factor
MARGIN, CAPTION, LETTERS = 28, 30, 22  # pixels; a ring at a border stays inside the margin
RING = ((11, "black"), (9, "white"), (7, "black"))  # distances from the pixel: visible on any colour
CORNER = 0.21  # how far a square's corners stand out of its inner circle, as a share of its side
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def side_by_side(before: Tensor, after: Tensor, captions: tuple[str, str]) -> Image.Image:
    """Two images ``(C, H, W)`` enlarged under their captions, with a ring around every changed pixel."""
    places = [(change.column, change.row) for change in changed_pixels(before, after)]
    panels = [_panel(*each, places) for each in zip((before, after), captions, strict=True)]
    pair = Image.new("RGB", (2 * panels[0].width, panels[0].height), "white")
    for place, panel in enumerate(panels):
        pair.paste(panel, (place * panel.width, 0))
    return pair


def _panel(image: Tensor, caption: str, places: list[tuple[int, int]]) -> Image.Image:
    """One enlarged image under its caption, with rings at ``places (x, y)``."""
    height, width = image.shape[1:]
    times = max(ENLARGED, SIDE // max(height, width))
    large = pil_image(image).convert("RGB").resize((width * times, height * times), Image.Resampling.NEAREST)
    room = max(large.width, SIDE)
    panel = Image.new("RGB", (room + 2 * MARGIN, large.height + CAPTION + 2 * MARGIN), "white")
    left, top = MARGIN + (room - large.width) // 2, MARGIN + CAPTION
    panel.paste(large, (left, top))
    pen, font = ImageDraw.Draw(panel), ImageFont.load_default(LETTERS)
    pen.text((MARGIN, MARGIN * 0.6), _fitted(caption, font, room), "black", font)
    for column, row in places:
        _ring(pen, left + column * times, top + row * times, times)
    return panel


def _ring(pen: ImageDraw.ImageDraw, left: int, top: int, side: int) -> None:
    """Draw a ring around a square, at the same distance on all sides."""
    for distance, ink in RING:
        far = distance + round(CORNER * side)
        pen.ellipse(
            (left - far, top - far, left + side - 1 + far, top + side - 1 + far), outline=ink, width=2
        )


def _fitted(text: str, font: Font, room: float) -> str:
    """``text``, shortened to fit into ``room`` pixels."""
    ends = [text, *(f"{text[:end].rstrip()}…" for end in range(len(text) - 1, 0, -1))]
    return next((end for end in ends if font.getlength(end) <= room), "")
