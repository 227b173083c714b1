"""A mask as an option or a file says it: which pixels of the images of an experiment may change."""

from collections.abc import Sequence
from math import floor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from sparseattack.errors import InputError, number_of
from sparseattack.provenance import digest_image

NONE, CENTRE = "none", "centre"
WAYS = "FILE.png, FILE.npy or centre:0.5"
Mask = NDArray[np.bool_]
"""``(H, W)``, or ``(n, H, W)`` one for each image; True where a pixel may change."""


class Masks(NamedTuple):
    """The masks of the images of each size."""

    each: tuple[Mask, ...]
    identity: str  # what results depend on: a digest of the file's content, or centre:SHARE
    note: str  # how many pixels may change, in a sentence


def centre_share(text: str) -> float | None:
    """The share of each side that ``centre:0.5`` names; None for a file, or none. InputError for others."""
    kind, colon, share = text.partition(":")
    if kind != CENTRE or not colon:
        if not text or text == CENTRE:
            raise InputError(f"mask is {NONE}, {WAYS}, not {repr(text) if text else 'empty'}")
        return None
    try:
        value = float(share)
    except ValueError:
        value = 0.0
    if not 0 < value <= 1:
        raise InputError(f"mask {text}: the share of each side is above 0 and at most 1, as in centre:0.5")
    return value


def centre_mask(height: int, width: int, share: float) -> Mask:
    """The central part with a ``share`` of either side: its length rounded (halves up), at least one pixel.

    Where a side cannot be divided evenly, the part lies one pixel nearer to its beginning.
    """
    mask = np.zeros((height, width), bool)
    rows, columns = (max(1, floor(share * side + 0.5)) for side in (height, width))
    top, left = (height - rows) // 2, (width - columns) // 2
    mask[top : top + rows, left : left + columns] = True
    return mask


def load_masks(text: str, shapes: Sequence[tuple[int, ...]]) -> Masks | None:
    """The masks that ``text`` says for images of these ``shapes`` (n, C, H, W); None for none.

    Raises InputError for a file that is no mask, or one of another size.
    """
    if text == NONE:
        return None
    sides = [shape[2:] for shape in shapes]
    if (share := centre_share(text)) is not None:
        each = tuple(centre_mask(height, width, share) for height, width in sides)
        return Masks(each, f"{CENTRE}:{share}", _note(text, each))
    mask = read_mask(Path(text).expanduser())
    if wrong := [side for side in sides if side != mask.shape[-2:]]:
        rows, columns = mask.shape[-2:]
        height, width = wrong[0]
        raise InputError(f"the mask {text} is {rows} x {columns}, images are {height} x {width}: make it so")
    if mask.ndim == len("nHW") and len(mask) != shapes[0][0]:
        raise InputError(
            f"the mask {text} has {number_of(len(mask), 'mask')} for {number_of(shapes[0][0], 'image')}"
        )
    identity = digest_image(mask.astype(np.uint8))
    return Masks((mask,), identity, _note(text, (mask,)))


def _note(text: str, masks: Sequence[Mask]) -> str:
    counts = [int(each.sum()) for mask in masks for each in (mask if mask.ndim == len("nHW") else [mask])]
    area = masks[0].shape[-2] * masks[0].shape[-1]
    low, high = min(counts), max(counts)
    some = f"{low:,}" if low == high else f"{low:,} to {high:,}"
    whole = f" of {area:,}" if len({mask.shape[-2:] for mask in masks}) == 1 else ""
    return f"mask {text}: {some}{whole} pixels of an image may change"


def read_mask(path: Path) -> Mask:
    """A mask of a PNG file, white where a pixel may change and black elsewhere, or of a bool ``.npy``."""
    try:
        mask = _read_npy(path) if path.suffix.lower() == ".npy" else _read_picture(path)
    except OSError as error:
        reason = "it is no picture" if isinstance(error, UnidentifiedImageError) else error.strerror or error
        raise InputError(f"the mask {path} cannot be read: {reason}; a mask is {NONE}, {WAYS}") from error
    if not mask.size:
        raise InputError(f"the mask {path} is empty: it has no pixels")
    if not mask.any():
        raise InputError(f"the mask {path} allows no pixel: white, or True, is where a pixel may change")
    return mask


def _read_npy(path: Path) -> Mask:
    try:
        held: NDArray[Any] = np.load(path, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise InputError(f"the mask {path} is no .npy file of numbers") from error
    if held.dtype != bool or held.ndim not in (2, 3):
        raise InputError(f"the mask {path} is bool (H, W) or (N, H, W), not {held.dtype} {held.shape}")
    return held


def _read_picture(path: Path) -> Mask:
    with Image.open(path) as opened:
        colours = np.asarray(opened.convert("RGBA"))
    white, black = (colours == 255).all(2), (colours[..., :3] == 0).all(2) & (colours[..., 3] == 255)  # noqa: PLR2004
    if not (white | black).all():
        raise InputError(f"the mask {path} has other colours than white, pixels that may change, and black")
    found: Mask = white
    return found
