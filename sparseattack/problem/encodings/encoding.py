"""What an encoding is: it turns a candidate in the unit cube into a few changed pixels."""

from collections.abc import Callable
from functools import partial
from numbers import Integral
from typing import Protocol, cast

import torch
from torch import Tensor

from sparseattack.errors import InputError
from sparseattack.problem.edits import Edits, Unit
from sparseattack.problem.space import Gene


class Encoding(Protocol):
    """Turns a candidate, numbers from 0 to 1, into the few pixels and colours to change in an image.

    A candidate has D genes float32 in [0, 1]. The success rate depends on the encoding as much as on the
    strategy. Built in are ``rgb``, ``corners`` and ``index``; and of those that need the clean image, which
    are an ``ImageEncoding``, ``delta``, ``palette`` and ``channels``.
    """

    @property
    def slots(self) -> int:
        """Pixels that one candidate describes."""

    def genes(self, shape: torch.Size) -> tuple[Gene, ...]:
        """The meaning of each gene for images of ``shape`` (C, H, W), in ``slots`` equal parts."""

    def decode(self, genes: Tensor, shape: torch.Size) -> Edits:
        """Edits of images of ``shape`` (C, H, W) for genes ``(n, D)``."""


Decode = Callable[[Tensor, Tensor], Edits]
"""Edits for genes ``(n, D)`` of images whose indices are ``rows (n,)``: ``decode(genes, rows)``."""


class ImageEncoding(Protocol):
    """An encoding whose colours depend on the clean image that a candidate changes.

    It may have ``unit = "coordinates"``, if a candidate describes and changes ``slots`` pairs of a pixel and
    a channel; k counts these then, in place of pixels.
    """

    @property
    def slots(self) -> int:
        """Pixels, or coordinates, that one candidate describes."""

    def genes(self, shape: torch.Size) -> tuple[Gene, ...]:
        """The meaning of each gene for images of ``shape`` (C, H, W), in ``slots`` equal parts."""

    def on(self, images: Tensor) -> Decode:
        """How candidates for clean ``images (N, C, H, W)``, multiples of 1/255, become edits of them."""


AnyEncoding = Encoding | ImageEncoding


def decoder(encoding: AnyEncoding, images: Tensor) -> Decode:
    """How candidates of an encoding become edits of clean ``images (N, C, H, W)``."""
    on: Callable[[Tensor], Decode] | None = getattr(encoding, "on", None)
    found = partial(_decode, cast(Encoding, encoding), images.shape[1:]) if on is None else on(images)
    ours = type(encoding).__module__.startswith(f"{__package__.partition('.')[0]}.")
    return found if ours else partial(_checked, found, encoding, images.shape[1:])


def _checked(decode: Decode, encoding: AnyEncoding, shape: torch.Size, genes: Tensor, rows: Tensor) -> Edits:
    edits = decode(genes, rows)
    require_edits(edits, encoding, len(genes), shape)
    return edits


def require_edits(edits: Edits, encoding: AnyEncoding, n: int, shape: torch.Size) -> None:
    """InputError unless these are n edits of as many pixels as the encoding has slots, inside the image."""
    (channels, height, width), size = shape, (n, encoding.slots)
    positions, area = edits.positions, height * width
    found = [(each.dtype, tuple(each.shape)) for each in edits]
    if found != [(torch.int64, size), (torch.uint8, (*size, channels))]:
        wanted = f"int64 {size} and uint8 {(*size, channels)}"
        what = f"positions and colours {' and '.join(f'{one} {many}' for one, many in found)}, not {wanted}"
    elif positions.numel() and not 0 <= positions.min() <= positions.max() < area:
        low, high = map(int, positions.aminmax())
        what = f"positions from {low} to {high} in images of {height} x {width}, not 0 to {area - 1}"
    else:
        return
    who = f"encoding {type(encoding).__name__}"
    raise InputError(f"{who} has {what} (sparseattack check ENCODING tries all that it must do)")


def _decode(encoding: Encoding, shape: torch.Size, genes: Tensor, rows: Tensor) -> Edits:
    return encoding.decode(genes, shape)


def unit_of(encoding: AnyEncoding) -> Unit:
    """What ``slots`` of an encoding counts: pixels, unless it says that it counts coordinates."""
    found: Unit = getattr(encoding, "unit", "pixels")
    return found


def step(gene: Tensor, steps: int) -> Tensor:
    """The step, from 0, of the range [0, 1] in ``steps`` equal ones that each gene ``(...)`` lies in."""
    return (gene * steps).long().clamp(0, steps - 1)


def check_parts(oracle: object, encoding: object, fitness: object, until: object) -> None:
    """Refuse a name in place of an oracle, and a function in place of the encoding it returns.

    So too objectives that are no functions in a tuple, and a stopping criterion that is no function.
    """
    if isinstance(oracle, str):
        raise InputError(f"an oracle is a function, not {oracle!r}: load it first, load('oracles', ...)()")
    if not hasattr(encoding, "slots"):
        made = getattr(encoding, "__name__", repr(encoding))
        raise InputError(f"{made} is no encoding: one is what a call such as rgb(pixels=1) returns")
    if not isinstance(fitness, tuple) or not fitness or not all(map(callable, fitness)):
        raise InputError(f"fitness is a tuple of one function or more, as in (margin,), not {fitness!r}")
    if not callable(until):
        raise InputError(f"until is a function such as fooled or confident(0.9), not {until!r}")


def require_slots(text: str, encoding: AnyEncoding, k: int) -> None:
    """InputError for an encoding, called ``text``, that was made for k pixels and has another number."""
    if encoding.slots != k:
        raise InputError(
            f"encoding {text} has {encoding.slots} slots where it was made for pixels={k}: sparseattack check"
            f" {text} tries all that it must do"
        )


def check_slots(slots: int) -> None:
    """Refuse an encoding of nothing."""
    if not isinstance(slots, Integral) or isinstance(slots, bool) or slots < 1:
        raise InputError(f"pixels is a whole number from 1, not {slots!r}")


def check_shades(shades: int) -> None:
    """Refuse shades that do not step evenly from 0 to 255."""
    if shades < 2 or 255 % (shades - 1):  # noqa: PLR2004
        raise InputError(f"shades is 2, 4, 6, 16, 18, 52, 86 or 256, not {shades}")


def levels_of(gene: Tensor, shades: int) -> Tensor:
    """The 8-bit level ``(...)`` uint8 of genes of colours with so many ``shades``, evenly from 0 to 255."""
    return (step(gene, shades) * (255 // (shades - 1))).to(torch.uint8)
