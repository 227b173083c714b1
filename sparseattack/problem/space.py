"""All that a strategy may know: a unit cube, its genes, and one random stream for each image."""

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sparseattack.data.images import eight_bit


@dataclass(frozen=True)
class Journal:
    """What a search logs about itself, by the index of the image in its space."""

    restarts: dict[int, int] = field(default_factory=dict)
    errors: dict[int, str] = field(default_factory=dict)  # why the search of an image ended early

    def restarted(self, place: int = 0) -> None:
        """Count one restart of an image's search."""
        self.restarts[place] = self.restarts.get(place, 0) + 1

    def copy_from(self, single: "Journal", place: int) -> None:
        """Copy the log of the search of one image, at ``place`` here."""
        self.restarts[place] = single.restarts.get(0, 0)
        if 0 in single.errors:
            self.errors[place] = single.errors[0]


Kind = Literal["row", "column", "colour"]

Search = Generator[Tensor, Tensor, None]
"""A running search: a generator that yields candidates and receives their values, as in ``values = yield x``.

Candidates are ``(B, P, D)`` float32 in [0, 1]: P for each of B images, D genes each; NaN in all genes is no
query. Values are ``(B, P, M)`` float32 for M objectives; lower is better, infinite is not evaluated. A search
never returns; one that has converged restarts. An image for which nothing is yielded is finished.
"""

Strategy = Callable[["Space"], Search]
"""A search algorithm: a generator function that takes a ``Space`` and returns a ``Search``.

Its keyword-only parameters are its settings, which ``load`` or ``functools.partial`` binds before it is used.
"""


class Gene(NamedTuple):
    """The meaning of one coordinate of a candidate: row, column or colour, and its number of values.

    The range [0, 1] of the coordinate is divided into ``values`` steps of equal width.
    """

    kind: Kind
    values: int


@dataclass(frozen=True)
class Space:
    """All that a strategy may know: the unit cube ``[0, 1]^D``, searched for each of ``B`` images.

    ``budget`` is in queries per image, ``objectives`` names the M values of a candidate. All random numbers
    come from ``uniform``, ``normal``, ``integers`` and ``draw``, which use one random stream per image.
    """

    genes: tuple[Gene, ...]  # D; ``slots`` equal parts, one after another
    slots: int  # k, pixels that a candidate describes
    objectives: tuple[str, ...]  # M names; the first is the fitness
    budget: int  # queries each image may cost
    streams: tuple[np.random.Generator, ...]  # B, on the CPU, so that no device changes a draw
    targeted: bool = False  # whether a class is to be reached rather than left
    device: torch.device | str = "cpu"
    journal: Journal = field(default_factory=Journal)
    success_below: float | None = None  # a first value below this is a success; None if values do not show it

    @property
    def batch(self) -> int:
        """B."""
        return len(self.streams)

    @property
    def dims(self) -> int:
        """D."""
        return len(self.genes)

    def mask(self, kind: Kind) -> Tensor:
        """Mask ``(D,)`` of the genes of one kind."""
        return torch.tensor([gene.kind == kind for gene in self.genes], device=self.device)

    def draw(self, sample: Callable[[np.random.Generator], NDArray[Any]]) -> Tensor:
        """One sample of every image's own stream: ``(B, ...)``."""
        return torch.from_numpy(np.stack([sample(stream) for stream in self.streams])).to(self.device)

    def uniform(self, count: int, dims: int | None = None) -> Tensor:
        """``(B, count, dims)`` in [0, 1); ``dims`` is D by default."""
        shape = count, self.dims if dims is None else dims
        return self.draw(lambda stream: stream.random(shape, np.float32))

    def normal(self, count: int, dims: int | None = None) -> Tensor:
        """``(B, count, dims)`` of mean 0 and deviation 1."""
        shape = count, self.dims if dims is None else dims
        return self.draw(lambda stream: stream.standard_normal(shape, np.float32))

    def integers(self, high: int, count: int, dims: int = 1) -> Tensor:
        """``(B, count, dims)`` int64 in [0, high)."""
        return self.draw(lambda stream: stream.integers(high, size=(count, dims)))


def stream(seed: int, key: str, image: Tensor, label: int) -> np.random.Generator:
    """The random stream of one image ``(C, H, W)``: from its content and label, never its index."""
    content = f"{key} {label} {tuple(image.shape)} ".encode() + eight_bit(image).cpu().numpy().tobytes()
    return np.random.default_rng([seed, int.from_bytes(blake2b(content, digest_size=16).digest())])
