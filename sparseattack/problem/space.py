"""All that a strategy may know: a unit cube, its genes, and one random stream for each image."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Any, Literal, NamedTuple, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sparseattack.data.images import eight_bit
from sparseattack.errors import StrategyError, UndeclaredError
from sparseattack.plugins.spec import Use
from sparseattack.problem.scale import Scale


@dataclass(frozen=True)
class Journal:
    """What a search logs about itself, by the index of the image in its space."""

    restarts: dict[int, int] = field(default_factory=dict)
    errors: dict[int, str] = field(default_factory=dict)  # why the search of an image ended early
    limits: list[int] = field(default_factory=list)  # most images that may be searched at once

    def restarted(self, place: int = 0) -> None:
        """Count one restart of an image's search."""
        self.restarts[place] = self.restarts.get(place, 0) + 1

    def limited(self, images: int) -> None:
        """Log, before the first candidates, that memory is there for so many images at once.

        An attack that has more searches them one part after another, which changes no outcome.
        """
        self.limits.append(max(1, images))

    def copy_from(self, single: "Journal", place: int) -> None:
        """Copy the log of the search of one image, at ``place`` here."""
        self.restarts[place] = single.restarts.get(0, 0)
        if 0 in single.errors:
            self.errors[place] = single.errors[0]


Kind = Literal["row", "column", "position", "colour", "difference", "entry", "channel", "number"]

SINGLE_PRECISION = 2**24  # numbers of equal distance in [0, 1] that float32 has

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
    """The meaning of one coordinate of a candidate, and its number of values.

    It is the row or the column of a pixel, its position (row * width + column), a channel, the level of a
    colour, its difference to the clean level, or the entry of a palette.
    The range [0, 1] of the coordinate is divided into ``values`` steps of equal width. A "number" is a
    coordinate of a search without images, see ``Space.box``.
    """

    kind: Kind
    values: int


Found = TypeVar("Found")


@dataclass(frozen=True)
class Known:
    """What a strategy may know of ``B`` images beside its candidates' values; None where it is not declared.

    A strategy reads it as attributes of its ``Space``.
    """

    uses: frozenset[Use] = frozenset()  # what the strategy has declared
    clean_values: Callable[[], Tensor] | None = None  # gives (B, M); free for all
    budget: int | None = None
    images: Tensor | None = None  # (B, C, H, W)
    labels: Tensor | None = None  # (B,)
    scale: Scale | None = None
    clean_scores: Tensor | None = None  # (B, K)
    scores: Callable[[], Tensor | None] | None = None  # gives (B, P, K), None before the first candidates
    starts: Tensor | None = None  # (B, C, H, W)

    def at(self, places: Sequence[int], device: torch.device | str) -> "Known":
        """What is known of some of the images, on a device."""

        def part(found: Tensor | None) -> Tensor | None:
            return None if found is None else found[list(places)].to(device)

        def last() -> Tensor | None:
            return part(self.scores() if self.scores else None)

        def clean_values() -> Tensor:
            assert self.clean_values
            return self.clean_values()[list(places)].to(device)

        return replace(
            self,
            clean_values=self.clean_values and clean_values,
            images=part(self.images),
            labels=part(self.labels),
            clean_scores=part(self.clean_scores),
            scores=self.scores and last,
            starts=part(self.starts),
        )


@dataclass(frozen=True)
class Space:
    """All that a strategy may know: the unit cube ``[0, 1]^D``, searched for each of ``B`` images.

    ``objectives`` names the M values of a candidate. All random numbers come from ``uniform``, ``normal``,
    ``integers`` and ``draw``, which use one random stream per image.

    ``clean_values`` are those of the clean images. A strategy that needs to know more declares it above its
    function: ``@uses("image")`` for ``images``, ``@uses("scores")`` for ``scores``, ``clean_scores``,
    ``labels`` and ``scale``, ``@uses("budget")`` for ``budget``, ``@uses("start")`` for ``starts`` and for
    genes that are the colours of all pixels. Otherwise it is a StrategyError.
    """

    genes: tuple[Gene, ...]  # D; ``slots`` equal parts, one after another
    slots: int  # k, pixels that a candidate describes
    objectives: tuple[str, ...]  # M names; the first is the fitness
    streams: tuple[np.random.Generator, ...]  # B, on the CPU, so that no device changes a draw
    targeted: bool = False  # whether a class is to be reached rather than left
    device: torch.device | str = "cpu"
    journal: Journal = field(default_factory=Journal)
    success_below: float | None = None  # a first value below this is a success; None if values do not show it
    known: Known = field(default_factory=Known)
    allowed: Tensor | None = None  # (B, H, W) bool, pixels that may change, or (1, H, W) for all; None is all

    @classmethod
    def box(
        cls, dims: int, *, seed: int = 0, budget: int | None = None, objectives: tuple[str, ...] = ("value",)
    ) -> "Space":
        """The unit cube ``[0, 1]^dims`` of numbers for one search without images, as of a general optimizer.

        A coordinate has as many values as float32 has in steps of equal width; ``budget`` is for a strategy
        that declares it. ``ask_tell`` runs a strategy on it.
        """
        genes = (Gene("number", SINGLE_PRECISION),) * dims
        known = Known(frozenset() if budget is None else frozenset({"budget"}), budget=budget)
        return cls(genes, 1, objectives, (np.random.default_rng(seed),), known=known)

    @property
    def batch(self) -> int:
        """B."""
        return len(self.streams)

    @property
    def dims(self) -> int:
        """D."""
        return len(self.genes)

    @property
    def clean_values(self) -> Tensor:
        """Values ``(B, M)`` of the clean images, evaluated before the attack; they cost no query."""
        if self.known.clean_values is None:
            raise StrategyError("it reads space.clean_values, and no clean image is known in this space")
        return self._of_batch(self.known.clean_values())

    @property
    def budget(self) -> int:
        """Queries that each image may cost. Declared by ``@uses("budget")``."""
        return self._declared(self.known.budget, "budget", "budget")

    @property
    def images(self) -> Tensor:
        """The clean images ``(B, C, H, W)`` float32 in [0, 1]. Declared by ``@uses("image")``."""
        return self._of_batch(self._declared(self.known.images, "images", "image"))

    @property
    def starts(self) -> Tensor:
        """Images ``(B, C, H, W)`` to begin with, NaN where there is none. Declared by ``@uses("start")``.

        They are given; whether they fool the oracle is known by a query only.
        """
        return self._of_batch(self._declared(self.known.starts, "starts", "start"))

    @property
    def labels(self) -> Tensor:
        """Classes ``(B,)`` int64 to be left, or reached if targeted. Declared by ``@uses("scores")``."""
        return self._of_batch(self._declared(self.known.labels, "labels", "scores"))

    @property
    def scale(self) -> Scale:
        """Whether the scores are logits or probabilities. Declared by ``@uses("scores")``."""
        return self._declared(self.known.scale, "scale", "scores")

    @property
    def clean_scores(self) -> Tensor:
        """The oracle's scores ``(B, K)`` float32 of the clean images. Declared by ``@uses("scores")``."""
        return self._of_batch(self._declared(self.known.clean_scores, "clean_scores", "scores"))

    @property
    def scores(self) -> Tensor:
        """The scores ``(B, P, K)`` float32 of the candidates yielded last. Declared by ``@uses("scores")``.

        NaN for a candidate that was not evaluated. P is 0 before the first candidates.
        """
        last = self._declared(self.known.scores, "scores", "scores")()
        return self.clean_scores.unsqueeze(1)[:, :0] if last is None else self._of_batch(last)

    def _declared(self, found: Found | None, what: str, use: Use) -> Found:
        """What was found; UndeclaredError where it is not there, with the line that declares it."""
        if found is not None:
            return found
        every = ", ".join(f'"{one}"' for one in sorted({*self.known.uses, use}))
        raise UndeclaredError(
            f"it reads space.{what}, which it has not declared: write @uses({every}) above its function"
            " (from sparseattack import uses)"
        )

    def _of_batch(self, found: Tensor) -> Tensor:
        if len(found) != self.batch:
            raise StrategyError(
                f"it made a space of {self.batch} images of one of {len(found)}: write space.at(places)"
            )
        return found

    def at(self, places: Sequence[int], device: torch.device | str | None = None) -> "Space":
        """The space of some of its images, by index; they draw from the same streams, and log apart."""
        streams = tuple(self.streams[place] for place in places)
        where = self.device if device is None else device
        allowed = None if self.allowed is None else masks_at(self.allowed, places).to(where)
        return replace(
            self,
            streams=streams,
            device=where,
            journal=Journal(),
            known=self.known.at(places, where),
            allowed=allowed,
        )

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


def masks_at(masks: Tensor, places: Tensor | Sequence[int]) -> Tensor:
    """Of masks ``(M, H, W)`` those of some images; one that is for all images stays one."""
    return masks if len(masks) == 1 else masks[places if isinstance(places, Tensor) else list(places)]


def stream(seed: int, key: str, image: Tensor, label: int) -> np.random.Generator:
    """The random stream of one image ``(C, H, W)``: from its content and label, never its index."""
    content = f"{key} {label} {tuple(image.shape)} ".encode() + eight_bit(image).cpu().numpy().tobytes()
    return np.random.default_rng([seed, int.from_bytes(blake2b(content, digest_size=16).digest())])
