"""Pictures that show an attack: a clean and an adversarial image side by side, and a sheet of many."""

import math
import re
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from sparseattack.data.png import changed_pixels, pil_image

SIDE = 384  # pixels that the longer side of an image is enlarged to, roughly
ENLARGED, LARGEST = 3, 1200  # the smallest factor, but for images that it would make larger than LARGEST
MARGIN, ABOVE, CAPTION, LETTERS = 28, 11, 30, 22  # pixels; a ring at a border stays inside the margin
NOTE, NOTE_LETTERS, NOTE_LINES = 22, 16, 12  # height of a line below, of its letters, and most lines
RING = ((11, "black"), (9, "white"), (7, "black"))  # distances from the pixel: visible on any colour
THIN_RING = ((4, "black"), (3, "white"))
CORNER = 0.21  # how far a square's corners stand out of its inner circle, as a share of its side
INK, GREY = "black", "#444444"
CELL, GAP, COLUMNS = 160, 14, 5  # of a sheet: pixels of an image's longer side, around it, images a row
SHEET_LETTERS, SHEET_LINE, UNDER = 13, 17, 9
LONGEST = 300  # letters of a name that are looked at: no picture is as wide
FONTS = (  # tried in this order where Pillow's own lacks a letter: it has those of ASCII only
    "DejaVuSans.ttf",
    "NotoSans-Regular.ttf",
    "NotoSansCJK-Regular.ttc",
    "wqy-microhei.ttc",
    "Arial Unicode.ttf",
    "msyh.ttc",
)
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


class Caption(NamedTuple):
    """A line above an image: of its three parts only the name is shortened where it is too long."""

    heading: str  # as "before: "
    name: str  # of a class
    figure: str = ""  # as " 73.3 %"


class SheetCell(NamedTuple):
    """One attack on a contact sheet."""

    before: Tensor  # (C, H, W)
    after: Tensor
    lines: tuple[str, ...]  # below the image


def side_by_side(
    before: Tensor, after: Tensor, captions: tuple[Caption, Caption], notes: Sequence[str] = ()
) -> Image.Image:
    """Two images ``(C, H, W)`` enlarged under their captions, with a ring around every changed pixel.

    The notes stand below, each on a line of its own or several.
    """
    places = [(change.column, change.row) for change in changed_pixels(before, after)]
    panels = [_panel(*each, places) for each in zip((before, after), captions, strict=True)]
    width, height = 2 * panels[0].width, panels[0].height
    font, room = _font("".join(notes), NOTE_LETTERS), width - 2 * MARGIN
    lines = [line for note in notes for line in wrapped(note, font, room)][:NOTE_LINES]
    pair = Image.new("RGB", (width, height + NOTE * len(lines) + (MARGIN // 2 if lines else 0)), "white")
    for place, panel in enumerate(panels):
        pair.paste(panel, (place * panel.width, 0))
    pen = ImageDraw.Draw(pair)
    for number, line in enumerate(lines):
        pen.text((MARGIN, height - MARGIN // 4 + number * NOTE), line, GREY, font)
    return pair


def contact_sheet(title: str, cells: Sequence[SheetCell]) -> Image.Image:
    """Adversarial images in rows below a title, each with its changed pixels ringed and its lines below."""
    columns = min(COLUMNS, max(len(cells), 2))
    lines = max((len(cell.lines) for cell in cells), default=0)
    wide, high = CELL + 2 * GAP, CELL + 2 * GAP + lines * SHEET_LINE
    font, small = _font(title, NOTE_LETTERS), SHEET_LETTERS
    heads = list(wrapped(title, font, columns * wide - 2 * GAP))
    top = GAP + NOTE * len(heads)
    size = columns * wide, top + high * math.ceil(len(cells) / columns)
    sheet = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(sheet)
    for number, line in enumerate(heads):
        pen.text((GAP, GAP + number * NOTE), line, INK, font)
    for place, cell in enumerate(cells):
        left, below = place % columns * wide + GAP, top + place // columns * high + GAP
        sheet.paste(_ringed(cell), (left - GAP, below - GAP))
        for number, line in enumerate(cell.lines):
            ink, letters = (GREY if number else INK), _font(line, small)
            text = _fitted("", line, "", letters, wide - GAP)
            pen.text((left, below + CELL + UNDER + number * SHEET_LINE), text, ink, letters)
    return sheet


def enlarged(image: Tensor, times: int) -> Image.Image:
    """An image ``(C, H, W)``, every pixel a square of ``times`` x ``times``."""
    height, width = image.shape[1:]
    return pil_image(image).resize((width * times, height * times), Image.Resampling.NEAREST)


def _panel(image: Tensor, caption: Caption, places: list[tuple[int, int]]) -> Image.Image:
    """One enlarged image under its caption, with rings at ``places (x, y)``."""
    longest = max(image.shape[1:])
    times = max(1, min(ENLARGED, LARGEST // longest), SIDE // longest)
    large = enlarged(image, times).convert("RGB")
    room = max(large.width, SIDE)
    panel = Image.new("RGB", (room + 2 * MARGIN, large.height + CAPTION + 2 * MARGIN), "white")
    left, top = MARGIN + (room - large.width) // 2, MARGIN + CAPTION
    panel.paste(large, (left, top))
    pen, font = ImageDraw.Draw(panel), _font("".join(caption), LETTERS)
    pen.text((MARGIN, ABOVE), _fitted(*caption, font, room), INK, font)
    for column, row in places:
        _ring(pen, (left + column * times, top + row * times), times, RING)
    return panel


def _ringed(cell: SheetCell) -> Image.Image:
    """The adversarial image of a cell in its middle, its longer side of about ``CELL``, with rings."""
    height, width = cell.after.shape[1:]
    scale = CELL / max(height, width)
    scale = float(int(scale)) if scale >= 1 else scale
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = pil_image(cell.after).convert("RGB")
    large = small.resize(size, Image.Resampling.NEAREST if scale >= 1 else Image.Resampling.BOX)
    framed = Image.new("RGB", (CELL + 2 * GAP, CELL + 2 * GAP), "white")
    left, top = (framed.width - size[0]) // 2, (framed.height - size[1]) // 2
    framed.paste(large, (left, top))
    pen = ImageDraw.Draw(framed)
    for change in changed_pixels(cell.before, cell.after):
        corner = left + int(change.column * scale), top + int(change.row * scale)
        _ring(pen, corner, max(1, int(scale)), THIN_RING)
    return framed


def _ring(
    pen: ImageDraw.ImageDraw, corner: tuple[int, int], side: int, ring: Sequence[tuple[int, str]]
) -> None:
    """Draw a ring around a square, at the same distance on all sides."""
    left, top = corner
    for distance, ink in ring:
        far = distance + round(CORNER * side)
        pen.ellipse(
            (left - far, top - far, left + side - 1 + far, top + side - 1 + far), outline=ink, width=2
        )


def wrapped(text: str, font: Font, room: float) -> Iterator[str]:
    """Lines of ``text`` of at most ``room`` pixels, broken after spaces, commas and slashes if possible."""
    line = ""
    for part in re.findall(r"[^ ,/]*[ ,/]*", _drawable(text, font)):
        if line and font.getlength((line + part).rstrip()) > room:
            yield line.rstrip()
            line = ""
        line += part
        while font.getlength(line.rstrip()) > room:
            end = next(end for end in range(len(line) - 1, 0, -1) if font.getlength(line[:end]) <= room)
            yield line[:end]
            line = line[end:]
    if line:
        yield line.rstrip()


def _fitted(heading: str, name: str, figure: str, font: Font, room: float) -> str:
    """The three as one text; the name is shortened until it fits into ``room`` pixels."""
    heading, name, figure = (_drawable(each[:LONGEST], font) for each in (heading, name, figure))
    names = [name, *(f"{name[:end].rstrip()}…" for end in range(len(name) - 1, 0, -1))]
    texts = (f"{heading}{each}{figure}" for each in names)
    return next((text for text in texts if font.getlength(text) <= room), "")


def _font(text: str, letters: int) -> Font:
    """The font that lacks the fewest letters of a text; of several the first."""
    fonts = [font for name in ("", *FONTS) if (font := _loaded(name, letters))]
    return min(fonts, key=lambda font: sum(not _has(font, letter) for letter in set(text)))


@cache
def _loaded(name: str, letters: int) -> Font | None:
    """A font of the system, or of matplotlib where it is installed; without a name Pillow's own."""
    if not name:
        return ImageFont.load_default(letters)
    spec = find_spec("matplotlib")
    inside = [
        Path(place, "mpl-data", "fonts", "ttf", name)
        for place in getattr(spec, "submodule_search_locations", None) or ()
    ]
    for file in (name, *map(str, inside)):
        try:
            return ImageFont.truetype(file, letters, layout_engine=ImageFont.Layout.BASIC)
        except OSError:  # there is no such file, or Pillow has no FreeType
            continue
    return None


def _drawable(text: str, font: Font) -> str:
    r"""The text with every letter that the font lacks, and all that is no letter, as ``\u001b``."""
    return "".join(each if _has(font, each) else f"\\u{ord(each):04x}" for each in text)


@cache
def _has(font: Font, letter: str) -> bool:
    if not letter.isprintable() or not isinstance(font, ImageFont.FreeTypeFont):
        return letter.isascii() and letter.isprintable()
    return letter.isspace() or bytes(font.getmask(letter)) != bytes(font.getmask("\uffff"))
