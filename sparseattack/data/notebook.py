"""Images in a notebook: PNG files inside HTML, every name escaped."""

from base64 import b64encode
from collections.abc import Sequence
from html import escape
from io import BytesIO
from typing import TYPE_CHECKING, NamedTuple

from PIL import Image

if TYPE_CHECKING:  # a report imports no torch
    from torch import Tensor

SHOWN = 12  # images of a gallery
SIDE = 96  # pixels of a screen that the longer side of an image in a gallery has
GREY_RGB_RGBA = (1, 3, 4)  # channels that a PNG can hold


class ShownImage(NamedTuple):
    """An image of a gallery, and what stands below it."""

    colours: "Tensor"  # (C, H, W) uint8
    lines: tuple[str, ...]


def gallery(sentence: str, images: Sequence[ShownImage]) -> str:
    """A sentence above images in rows; without those whose channels no PNG holds."""
    figures = "".join(map(_figure, (one for one in images if len(one.colours) in GREY_RGB_RGBA)))
    rows = f'<div style="display: flex; flex-wrap: wrap; gap: 10px">{figures}</div>' if figures else ""
    return f"<p>{escape(sentence)}</p>{rows}"


def inline(picture: Image.Image, words: str, width: int) -> str:
    """A picture as an ``<img>`` element, ``width`` pixels of a screen wide; ``words`` say what it shows."""
    held = BytesIO()
    picture.save(held, "PNG")
    source = f"data:image/png;base64,{b64encode(held.getvalue()).decode()}"
    style = "image-rendering: pixelated; max-width: 100%"
    return f'<img src="{source}" alt="{escape(words)}" width="{width}" style="{style}">'


def _figure(one: ShownImage) -> str:
    stored = one.colours.cpu().permute(1, 2, 0).contiguous().byte().numpy()
    picture = Image.fromarray(stored[..., 0] if stored.shape[2] == 1 else stored)
    picture.thumbnail((2 * SIDE, 2 * SIDE), Image.Resampling.BOX)  # a photograph is large
    width = max(1, round(SIDE * picture.width / max(picture.size)))
    caption = "<br>".join(map(escape, one.lines))
    return (
        f'<figure style="margin: 0; width: {SIDE}px; overflow-wrap: anywhere; font-size: small">'
        f"{inline(picture, ', '.join(one.lines), width)}<figcaption>{caption}</figcaption></figure>"
    )
