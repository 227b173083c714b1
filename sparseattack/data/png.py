"""Images as PNG files: what an attack found, exactly as the oracle was asked.

A picture before and after, enlarged, in which changed pixels are found by eye.
"""

from contextlib import suppress
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from sparseattack.data.images import eight_bit, levels
from sparseattack.errors import InputError, SparseattackError

CHANNELS = (1, 3, 4)  # that a PNG holds: grey, colour, colour and opacity


class Change(NamedTuple):
    """One pixel that differs; row and column count from 0."""

    row: int
    column: int
    before: tuple[int, ...]  # C, 8 bit
    after: tuple[int, ...]


def picture(image: Tensor) -> Image.Image:
    """``(C, H, W)`` in [0, 1] in 8 bit, which holds multiples of 1/255 exactly."""
    if len(image) not in CHANNELS:
        raise InputError(f"no PNG holds {len(image)} channels, only 1, 3 or 4")
    stored = eight_bit(image).cpu().permute(1, 2, 0).contiguous().numpy()
    return Image.fromarray(stored[..., 0] if len(image) == 1 else stored)


def read(file: Path | IO[bytes]) -> Tensor:
    """A picture that was written as PNG: ``(C, H, W)``."""
    with Image.open(file) as opened:
        return levels(torch.from_numpy(np.atleast_3d(np.array(opened)))).permute(2, 0, 1)


def write(image: Image.Image, file: Path | IO[bytes]) -> None:
    """Write a picture as PNG, whole or not at all; folders on the way are made."""
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
        with suppress(OSError):  # nothing is there, or nothing can be done
            fresh.unlink()


def changes(before: Tensor, after: Tensor) -> list[Change]:
    """Every pixel in which two images ``(C, H, W)`` differ."""
    was, now = eight_bit(before).cpu(), eight_bit(after).cpu()
    return [
        Change(row, column, tuple(was[:, row, column].tolist()), tuple(now[:, row, column].tolist()))
        for row, column in (was != now).any(0).nonzero().tolist()
    ]


SIDE = 384  # what the longer side of a picture is enlarged to, roughly, in pixels
ENLARGED = 3  # times at least
MARGIN, CAPTION, LETTERS = 28, 30, 22  # pixels; a ring at a border stays inside the margin
RING = ((11, "black"), (9, "white"), (7, "black"))  # distances from the pixel: seen on any ground
CORNER = 0.21  # of its side, by which a square's corners stand out of the circle in it
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def side_by_side(before: Tensor, after: Tensor, captions: tuple[str, str]) -> Image.Image:
    """Two images ``(C, H, W)`` under their captions, what differs ringed in both."""
    places = [(change.column, change.row) for change in changes(before, after)]
    panels = [_panel(*each, places) for each in zip((before, after), captions, strict=True)]
    pair = Image.new("RGB", (2 * panels[0].width, panels[0].height), "white")
    for place, panel in enumerate(panels):
        pair.paste(panel, (place * panel.width, 0))
    return pair


def _panel(image: Tensor, caption: str, places: list[tuple[int, int]]) -> Image.Image:
    """One image under its caption."""
    height, width = image.shape[1:]
    times = max(ENLARGED, SIDE // max(height, width))
    large = picture(image).convert("RGB").resize((width * times, height * times), Image.Resampling.NEAREST)
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
    """Around a square, whole pixels away from it on all sides."""
    for distance, ink in RING:
        far = distance + round(CORNER * side)
        pen.ellipse(
            (left - far, top - far, left + side - 1 + far, top + side - 1 + far), outline=ink, width=2
        )


def _fitted(text: str, font: Font, room: float) -> str:
    """As many letters of ``text`` as fit into ``room`` pixels."""
    ends = [text, *(f"{text[:end].rstrip()}…" for end in range(len(text) - 1, 0, -1))]
    return next((end for end in ends if font.getlength(end) <= room), "")
