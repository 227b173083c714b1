"""What an encoding is: it turns a candidate in the unit cube into a few changed pixels."""

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from sparseattack.problem.edits import Edits
from sparseattack.problem.space import Gene


class Encoding(Protocol):
    """Turns a candidate, numbers from 0 to 1, into the few pixels and colours to change in an image.

    A candidate has D genes float32 in [0, 1]. The success rate depends on the encoding as much as on the
    strategy. Built in are ``rgb`` and ``corners``.
    """

    @property
    def slots(self) -> int:
        """Pixels that one candidate describes."""

    def genes(self, shape: torch.Size) -> tuple[Gene, ...]:
        """The meaning of each gene for images of ``shape`` (C, H, W), in ``slots`` equal parts."""

    def decode(self, genes: Tensor, shape: torch.Size) -> Edits:
        """Edits of images of ``shape`` (C, H, W) for genes ``(n, D)``."""


Encode = Callable[..., Encoding]
"""Makes an encoding; ``pixels`` is among its keyword-only parameters."""
