"""Images brought to one size: which pixels are mixed, and whether something is cut off.

By default as torchvision's presets for classification do: the shorter side becomes 8/7 of the size (256 for
224, 342 for 299), bilinear with antialiasing, and the centre is cut out. ``nearest,squash`` is the one-pixel
paper's way (Su, Vargas and Sakurai, 2019): nearest pixels, and nothing is cut off.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sparseattack.errors import InputError

Colours = NDArray[np.uint8]  # (C, H, W)

DEFAULT = "bilinear,fit"
FILTERS = {name: Image.Resampling[name.upper()] for name in ("bilinear", "bicubic", "nearest")}
SHAPES = ("fit", "squash")
PRESET = 256, 224  # torchvision's presets bring the shorter side to the first, and cut out the second
PILLOWS = (1, 3, 4)  # channels that Pillow resizes together


class Resize(NamedTuple):
    """How images are brought to ``side`` rows and columns; 0 leaves them as they are."""

    side: int = 0
    filter: str = "bilinear"  # of FILTERS
    squash: bool = False  # whether height and width are scaled apart; else the centre is cut out

    def __call__(self, colours: Colours) -> Colours:
        """An image ``(C, H, W)`` of that size; one that has it already is not touched."""
        if not self.side or colours.shape[1:] == (self.side, self.side):
            return colours
        if self.squash:
            return self._scaled(colours, (self.side, self.side))
        height, width = colours.shape[1:]
        short = self.shorter_side
        size = max(short, short * height // width), max(short, short * width // height)
        top, left = (round((whole - self.side) / 2) for whole in size)
        return self._scaled(colours, size)[:, top : top + self.side, left : left + self.side]

    @property
    def shorter_side(self) -> int:
        """What the shorter side becomes before the centre is cut out."""
        return round(self.side * PRESET[0] / PRESET[1])

    def _scaled(self, colours: Colours, size: tuple[int, int]) -> Colours:
        """An image ``(C, H, W)`` of ``size (H, W)``; Pillow weighs colours by their opacity."""
        if len(colours) not in PILLOWS:
            return np.concatenate([self._scaled(channel[None], size) for channel in colours])
        rows = np.ascontiguousarray(colours.transpose(1, 2, 0))
        picture = Image.fromarray(rows[..., 0] if len(colours) == 1 else rows)
        scaled = np.array(picture.resize(size[::-1], FILTERS[self.filter]))
        return np.ascontiguousarray(np.atleast_3d(scaled).transpose(2, 0, 1))

    def describe(self, changed: int, total: int) -> tuple[str, ...]:
        """The sentence about ``changed`` of ``total`` images; none where nothing was changed."""
        if not changed:
            return ()
        which = "the image was" if total == 1 else f"{changed} of {total} images were"
        return (f"{which} resized to {self.how}: this is what is attacked and written",)

    @property
    def how(self) -> str:
        """``224x224 (bilinear, height and width scaled apart)``."""
        shape = "height and width scaled apart"
        if not self.squash:
            shape = f"the shorter side to {self.shorter_side}, then the centre cut out"
        return f"{self.side}x{self.side} ({self.filter}, {shape})"


def parse_resize(text: str, side: int) -> Resize:
    """How to resize, from ``bilinear``, ``bicubic`` or ``nearest``, and ``fit`` or ``squash``.

    Of the two, joined by a comma, one may be left out, as in ``nearest``. InputError for another text.
    """
    words = [word.strip() for word in text.split(",") if word.strip()]
    filters, shapes = ([word for word in words if word in kind] for kind in (FILTERS, SHAPES))
    if len(filters) > 1 or len(shapes) > 1 or len(words) > len(filters) + len(shapes):
        raise InputError(
            f"images are not resized by {text!r}, but by one of {', '.join(FILTERS)}, and"
            f" {' or '.join(SHAPES)}, as in nearest,squash"
        )
    return Resize(side, filters[0] if filters else "bilinear", "squash" in shapes)
