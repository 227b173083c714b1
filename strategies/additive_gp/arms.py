"""Arms: the pixels and colours that may be changed, and how strongly each is expected to act."""

from collections.abc import Sequence
from itertools import compress, product
from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import pad

from sparseattack.data.images import eight_bit, levels
from sparseattack.problem.encodings.palette import image_palettes

from .posterior import TRACKED
from .sums import in_order

Colours = Literal["corners", "palette"]

FINE = 64  # sides up to so many pixels have every pixel as a candidate
CELLS = 56  # cells on the shorter side of a larger image
ROOM = 4  # cells for each pixel of a candidate, at least
TOGETHER = 8  # images whose arms are made at once, which bounds the memory
GROUPS = 4  # channels that corner colours tell apart: 16 corners at most
PALETTE = 8  # colours of the image itself
EDGE, MIDDLE, WIDTH = 0.15, 1.35, 0.34  # amplitude far from the centre, added at it; radius in sides
CONTRAST, GREY = 2.5 / 3, 0.9  # variances of these effects of a colour, for a change of 1 in every channel
CHROMA = 0.25  # variance of the effect of what differs from grey by a length of 1, in images of 3 channels


class Cells(NamedTuple):
    """The pixels of B images that may be changed: N each, one for every cell of a lattice."""

    lattice: tuple[int, int]  # rows and columns of cells; N is their product
    cell: int  # side of a cell in pixels
    shades: int  # c, colours of each
    rows: Tensor  # (B, N) int64, of the pixel in the image
    columns: Tensor  # (B, N)
    usable: Tensor  # (B, A) bool, false for a colour that is there twice, and for pixels that may not change
    allowed: Tensor  # (B, N) bool, pixels that may change
    room: int  # of the N pixels, those that may change in every image, at least

    def at(self, places: Sequence[int] | slice) -> "Cells":
        """Those of the images ``places``, n of them."""
        names = "rows", "columns", "usable", "allowed"
        return self._replace(**{name: getattr(self, name)[places] for name in names})

    def near(self, arms: Tensor, within: int) -> Tensor:
        """Cells ``(B, ..., q)`` whose pixels are at most ``within`` rows and columns from those of ``arms``.

        A cell that is there already stands for those of the q that are none.
        """
        (n, m), own = self.lattice, arms % self.rows.shape[1]
        reach = (within - 1) // self.cell + 1
        steps = torch.arange(-reach, reach + 1, device=arms.device)
        rows = ((own // m)[..., None] + steps).clamp(0, n - 1)
        columns = ((own % m)[..., None] + steps).clamp(0, m - 1)
        around = (rows[..., :, None] * m + columns[..., None, :]).flatten(-2)
        if self.cell == 1:
            return around
        own, close = own[..., None], torch.ones((), dtype=torch.bool, device=arms.device)
        for each in (self.rows, self.columns):
            one, other = (each.gather(1, some.flatten(1)).view(some.shape) for some in (own, around))
            close = close & ((one - other).abs() <= within)
        return torch.where(close, around, own)


class Arms(NamedTuple):
    """The arms of B images: N pixels in c colours each; arm number ``colour * N + pixel``, A = c * N.

    The effect of an arm on a score is ``weights`` times F unknown fields over the lattice: one for the size
    of the change, one for the change of grey and, for sets of at most nine pixels, one for each direction in
    which a colour may differ from grey (channels, or four groups of them, less one).
    """

    pixels: Cells
    colours: Tensor  # (B, A, C) uint8
    weights: Tensor  # (B, F, A) float32


class Choice(NamedTuple):
    """What of an image may be an arm."""

    colours: Colours
    shades: int | None  # colours of each pixel; None is all
    slots: int  # pixels of a set


def arms_of(
    images: Tensor, colours: Colours, shades: int | None, slots: int, allowed: Tensor | None = None
) -> Arms:
    """The arms of ``images (B, C, H, W)`` for sets of ``slots`` pixels, in ``shades`` colours or all.

    They are at the pixels ``allowed (B or 1, H, W)``, or anywhere.

    A cell is one pixel, or in large images the pixel that a colour can change most in a square of several.
    The colours kept are those furthest from the pixel.
    """
    masks = torch.ones_like(images[:, 0], dtype=torch.bool)
    if allowed is not None:
        masks = allowed.expand_as(masks)
    pairs = zip(torch.split(images, TOGETHER), torch.split(masks, TOGETHER), strict=True)
    choice = Choice(colours, shades, slots)
    parts = [_arms_of(some, mask, choice) for some, mask in pairs]
    pixels = [part.pixels for part in parts]
    joined = pixels[0]._replace(
        rows=torch.cat([part.rows for part in pixels]),
        columns=torch.cat([part.columns for part in pixels]),
        usable=torch.cat([part.usable for part in pixels]),
        allowed=torch.cat([part.allowed for part in pixels]),
    )
    return Arms(
        joined, torch.cat([part.colours for part in parts]), torch.cat([part.weights for part in parts])
    )


def _arms_of(images: Tensor, masks: Tensor, choice: Choice) -> Arms:
    channels, height, width = images.shape[1:]
    choices = corner_colours(channels, images)
    if choice.colours == "palette":
        choices = levels(image_palettes(images, PALETTE))
    area = int(masks[0].sum())  # the same for all
    cell = cell_side(height, width, choice.slots, area)
    places = _best_of_cells(images, masks, choices, cell)  # (B, N)
    allowed = masks.flatten(1).gather(1, places)
    clean = images.flatten(2).gather(2, places[:, None].expand(-1, channels, -1)).transpose(1, 2)
    change = choices[:, None] - clean[:, :, None]  # (B, N, c, C)
    size = _length(change)
    order = size.sort(dim=2, descending=True, stable=True).indices
    kept = order[:, :, : choice.shades].transpose(1, 2)  # (B, c, N)
    size, change = size.transpose(1, 2).gather(1, kept), change.transpose(1, 2)
    change = change.gather(1, kept[..., None].expand(-1, -1, -1, channels))
    chosen = choices[:, :, None].expand(-1, -1, places.shape[1], -1)
    chosen = chosen.gather(1, kept[..., None].expand(-1, -1, -1, channels))
    fields = [size * (CONTRAST * 3 / channels) ** 0.5, _grey(change)]
    if choice.slots <= TRACKED:  # of more pixels it gained nothing
        fields += _chroma(change)
    weights = torch.stack(fields, 1) * _amplitude(height, width).to(images.device)[places][:, None, None]
    lattice = -(-height // cell), -(-width // cell)
    usable = ~_repeated(choices).gather(1, kept.flatten(1)) & allowed.repeat(1, kept.shape[1])
    place = places // width, places % width
    room = -(-area // cell**2) if area < height * width else lattice[0] * lattice[1]
    pixels = Cells(lattice, cell, kept.shape[1], *place, usable, allowed, room)
    return Arms(pixels, eight_bit(chosen.flatten(1, 2)), weights.flatten(2))


def cell_side(height: int, width: int, slots: int, area: int | None = None) -> int:
    """Side of the cells, in pixels: 1 in small images, and small enough for sets of ``slots``.

    area: how many pixels may change
    """
    side = 1 if max(height, width) <= FINE else -(-min(height, width) // CELLS)
    whole = height * width
    room = whole if area is None else area
    while (
        side > 1 and (room // side**2 if room < whole else (height // side) * (width // side)) < ROOM * slots
    ):
        side -= 1
    return side


def corner_colours(channels: int, images: Tensor) -> Tensor:
    """Each channel black or white, for every image: ``(B, 2 ** C, C)``; at most 16 such colours."""
    groups = min(channels, GROUPS)
    bits = torch.tensor(list(product((0.0, 1.0), repeat=groups)), device=images.device)
    group = torch.arange(channels, device=images.device) * groups // channels
    return bits[:, group].expand(len(images), -1, -1)


def _repeated(choices: Tensor) -> Tensor:
    """Mask ``(B, P)`` of the colours ``choices (B, P, C)`` that are there before."""
    same = (choices[:, :, None] == choices[:, None]).all(3)
    return same.tril(-1).any(2)


def _best_of_cells(images: Tensor, masks: Tensor, choices: Tensor, cell: int) -> Tensor:
    """The pixel of each cell that the furthest of ``choices`` changes most, if one may: ``(B, N)``."""
    height, width = images.shape[2:]
    if cell == 1:
        return torch.arange(height * width, device=images.device).expand(len(images), -1)
    pixels = images.flatten(2).transpose(1, 2)
    most = torch.stack([_length(pixels - each[:, None]) for each in choices.unbind(1)]).amax(0)
    most = most.view(-1, height, width).masked_fill(~masks, -0.5)
    n, m = -(-height // cell), -(-width // cell)
    padded = pad(most, (0, m * cell - width, 0, n * cell - height), value=-1.0)
    blocks = padded.view(-1, n, cell, m, cell).transpose(2, 3).reshape(-1, n * m, cell * cell)
    inner, cells = blocks.argmax(2), torch.arange(n * m, device=images.device)
    best: Tensor = (cells // m * cell + inner // cell) * width + cells % m * cell + inner % cell
    return best


def _length(change: Tensor) -> Tensor:
    """Euclidean length of changes ``(..., C)``, channel by channel in order, as everywhere the same."""
    return in_order(channel * channel for channel in change.unbind(-1)).sqrt()


def _grey(change: Tensor) -> Tensor:
    """Mean of changes ``(..., C)`` times the size of its effect."""
    return in_order(channel * (GREY**0.5 / change.shape[-1]) for channel in change.unbind(-1))


def _chroma(change: Tensor) -> list[Tensor]:
    """What changes ``(..., C)`` of the groups of channels differ from grey by, times the size of its effect.

    In as many orthogonal directions as there are (Helmert's).
    """
    channels, found = change.unbind(-1), list[Tensor]()
    count = min(len(channels), GROUPS)
    group = [number * count // len(channels) for number in range(len(channels))]
    means = []
    for number in range(count):
        own = compress(channels, [each == number for each in group])
        means.append(in_order(own) / group.count(number))
    for number, each in enumerate(means[1:], 1):  # each less the mean of those before
        size = CHROMA * 3 / count * number / (number + 1)
        found.append((each - in_order(means[:number]) / number) * size**0.5)
    return found


def _amplitude(height: int, width: int) -> Tensor:
    """The expected strength of every pixel, ``(H * W,)``: classifiers look at the middle."""
    rows, columns = ((torch.arange(side) + 0.5) / side - 0.5 for side in (height, width))
    away = (rows.square()[:, None] + columns.square()).flatten()
    return EDGE + MIDDLE * torch.exp(-away / (2 * WIDTH**2))
