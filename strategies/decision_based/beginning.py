"""Where a search begins that needs an image which fools the oracle: a given one, or one of noise."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from sparseattack import Space
from sparseattack.data.images import eight_bit

WHITE = 255
MEMORY = 2**28  # bytes that the images of one search may take together


class Beginning(NamedTuple):
    """The images of a space as colours of all pixels, and the images that their searches begin with.

    Salt-and-pepper noise: a share of the pixels, half of it each, is white and black, ever more of them from
    try to try. (foolbox tries about a hundred shares, and then twice near the first that fools.)
    """

    clean: Tensor  # (B, H * W, C) uint8
    given: Tensor  # (B, H * W, C) uint8, where ``is_given``
    is_given: Tensor  # (B,) bool
    densities: int  # shares of noise that are tried, evenly spaced up to all pixels

    @classmethod
    def of(cls, space: Space, densities: int) -> "Beginning":
        """Of the images of a space."""
        is_given = ~space.starts.isnan().flatten(1).any(1)
        given = space.starts.nan_to_num()
        return cls(_colours(space.images), _colours(given), is_given, densities)

    def colours(self, space: Space, tries: Tensor, where: Tensor) -> Tensor:
        """The next image to begin with ``(B, H * W, C)``, after so many ``tries (B,)``.

        Noise is drawn for the images ``where (B,)``; the others are clean.
        """
        share = (tries % self.densities + 1) / self.densities
        drawn = uniform_at(space, where & ~self.is_given, self.clean.shape[1])
        pepper, salt = drawn < share.unsqueeze(1) / 2, drawn >= 1 - share.unsqueeze(1) / 2
        pepper, salt = (mask & (where & ~self.is_given).unsqueeze(1) for mask in (pepper, salt))
        noisy = self.clean.masked_fill(pepper.unsqueeze(2), 0).masked_fill(salt.unsqueeze(2), WHITE)
        return torch.where((where & self.is_given).view(-1, 1, 1), self.given, noisy)


def _colours(images: Tensor) -> Tensor:
    """Colours ``(B, H * W, C)`` uint8 of images ``(B, C, H, W)``."""
    return eight_bit(images).flatten(2).transpose(1, 2).contiguous()


def candidates(colours: Tensor) -> Tensor:
    """The one candidate ``(B, 1, D)`` of the colours ``(B, H * W, C)`` of all pixels."""
    return colours.flatten(1).float().div(WHITE).unsqueeze(1)


def uniform_at(space: Space, where: Tensor, count: int) -> Tensor:
    """Numbers ``(B, count)`` in [0, 1) from the streams of the images ``where (B,)``; 0 for the others."""
    drawn = np.zeros((space.batch, count), np.float32)
    for place in _places(where):
        drawn[place] = space.streams[place].random(count, np.float32)
    return torch.from_numpy(drawn).to(space.device)


def _places(where: Tensor) -> Sequence[int]:
    found: list[int] = where.nonzero()[:, 0].tolist()
    return found


def limit_memory(space: Space, masks: int) -> None:
    """Log how many images may be searched at once, of which each holds so many ``masks`` of its pixels."""
    channels = space.dims // space.slots
    space.journal.limited(MEMORY // (space.slots * (masks + 40 * channels)))
