"""Pixle (Pomponi, Scardapane and Uncini, 2022): pixels of the image, patch by patch, at other places of it.

"Pixle: a fast and effective black-box attack based on rearranging pixels", with its random mapping. What of
it cannot be here: a patch is added in every restart, 100 of one pixel in the authors' runs, without a bound;
here the patches of a run share the k pixels of the problem. Its loss is the probability of the class; here it
is the fitness that is chosen.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from sparseattack import PixelGrid, Search, Space, uses
from sparseattack.data.images import eight_bit
from sparseattack.errors import require


@uses("image")
def pixle(space: Space, *, restarts: int = 100, iterations: int = 20, low: int = 1, high: int = 1) -> Search:
    """Pixle (Pomponi et al., 2022): paint the pixels of a random patch at random places, and add the best.

    What Pixle calls a restart tries so many patches, each on the image so far; the best of all that were
    tried, if it is better than the clean image, or else the last patch, is the image of the next. After its
    restarts the search starts anew with the clean image. Colours are those of the clean image; in an encoding
    that does not have them, such as corners, the nearest that it has. The defaults are the authors' for
    CIFAR-10 and ImageNet (their repository, jaryP/PixleAttack); torchattacks 3.5.1 has 20 restarts of 10
    iterations and sides of 2 to 10.

    restarts: patches that are added one after another, fewer where k is less: each has k / restarts pixels,
        rounded up, at most; a restart that finds nothing better uses its share of the k pixels as well
    iterations: patches that are tried in each
    low: rows, and columns, of a patch at least, if that are not too many pixels
    high: rows, and columns, of a patch at most
    """
    for name, number in (("restarts", restarts), ("iterations", iterations), ("low", low)):
        require(number >= 1, f"pixle needs {name} of at least 1, not {number}")
    require(high >= low, f"pixle needs a high of at least low, {low}, not {high}")
    grid = PixelGrid.of(space, "pixle")
    clean = grid.nearest(eight_bit(space.images).flatten(2).transpose(1, 2).long()).long()  # of all pixels
    size = -(-space.slots // restarts)
    rows = torch.arange(space.batch, device=space.device)
    while True:
        lowest, moved = space.clean_values[:, 0], Moves.none(space)
        better = torch.zeros(space.batch, dtype=torch.bool, device=space.device)  # than the clean image
        for _ in range(space.slots // size):
            patches = draw_patches(space, grid, (iterations, size), (low, high))
            tried = Moves(
                *(torch.cat(pair, 2) for pair in zip(moved.repeated(iterations), patches, strict=True))
            )
            value, best = (yield tried.candidates(grid, clean, space.slots))[..., 0].min(1)
            improved = value < lowest
            lowest, better = torch.where(improved, value, lowest), better | improved
            chosen = tried.at(rows, torch.where(better, best, iterations - 1))
            stays = better & ~improved  # never in the first round
            moved = chosen.replaced(stays, moved.longer(size)) if stays.any() else chosen
        for place in range(space.batch):
            space.journal.restarted(place)


class Moves(NamedTuple):
    """Pixels of B images, and places where their colours are painted, P times n each."""

    sources: Tensor  # (B, P, n)
    places: Tensor  # (B, P, n)

    @classmethod
    def none(cls, space: Space) -> "Moves":
        """Of the clean images, with P = 1."""
        empty = torch.zeros(space.batch, 1, 0, dtype=torch.int64, device=space.device)
        return cls(empty, empty)

    def repeated(self, count: int) -> "Moves":
        """The same, so often."""
        return Moves(*(each.expand(-1, count, -1) for each in self))

    def at(self, rows: Tensor, place: Tensor) -> "Moves":
        """Those at ``place (B,)``, with P = 1."""
        return Moves(*(each[rows, place].unsqueeze(1) for each in self))

    def longer(self, count: int) -> "Moves":
        """The same, the last of them so many times more."""
        return Moves(*(torch.cat([each, each[..., -1:].expand(-1, -1, count)], 2) for each in self))

    def replaced(self, which: Tensor, others: "Moves") -> "Moves":
        """These, but ``others`` for the images ``which (B,)``."""
        pairs = zip(self, others, strict=True)
        return Moves(*(torch.where(which.view(-1, 1, 1), other, one) for one, other in pairs))

    def candidates(self, grid: PixelGrid, clean: Tensor, slots: int) -> Tensor:
        """Candidates ``(B, P, D)``, given the images ``clean (B, H * W, C)``; the last takes free slots."""
        sources, places = self.longer(slots - self.places.shape[2])
        images = torch.arange(len(clean), device=clean.device).view(-1, 1, 1)
        return grid.candidates(places, clean[images, sources])


def draw_patches(space: Space, grid: PixelGrid, shape: tuple[int, int], sides: tuple[int, int]) -> Moves:
    """Random patches of at most ``shape[1]`` pixels, ``shape[0]`` for each image, and random places for them.

    A patch is cut at the border. Where it has fewer pixels, the last of them is there several times.
    """
    (count, size), (low, high) = shape, sides
    highs = [grid.height, grid.width, high - low + 1, high - low + 1, *[grid.area] * size]
    drawn = space.draw(lambda stream: stream.integers(highs, size=(count, len(highs))))
    top, left, height, width = (each.unsqueeze(2) for each in drawn[..., :4].unbind(2))
    width = (width + low).clamp(max=size).minimum(grid.width - left)
    height = (height + low).minimum(size // width).minimum(grid.height - top)
    number = torch.arange(size, device=space.device).minimum(height * width - 1)
    sources = (top + number // width) * grid.width + left + number % width
    return Moves(sources, drawn[..., 4:].gather(2, number))
