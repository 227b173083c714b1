"""The problem a strategy solves without seeing it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from sparseattack.edits import levels
from sparseattack.encoding import Encoding
from sparseattack.errors import InputError, OracleError
from sparseattack.oracle import PAD, Oracle, SparseOracle, ask, checked, scale, title
from sparseattack.queries import Fitness, Queries, fooled, margin
from sparseattack.space import Space, stream
from sparseattack.until import Until

BYTES = 2**28  # of painted images in one call of the oracle


class Questions(NamedTuple):
    """``n`` candidates and the images they are for."""

    rows: Tensor  # (n,) int64
    genes: Tensor  # (n, D)


class Answers(NamedTuple):
    """What became of ``n`` questions."""

    values: Tensor  # (n, M) float32
    pixels: Tensor  # (n,) int64, changed
    fooled: Tensor  # (n,) bool
    stop: Tensor  # (n,) bool; the image needs no further question


@dataclass(frozen=True)
class Problem:
    """An oracle, an encoding and a fitness, on images: what is asked, and how answers count."""

    oracle: Oracle
    encoding: Encoding
    images: Tensor  # (N, C, H, W) multiples of 1/255; their device is the device of the whole attack
    labels: Tensor  # (N,) the class to leave, or to reach when targeted
    targeted: bool = False
    fitness: tuple[Fitness, ...] = (margin,)
    until: Until = fooled
    pad: int = PAD

    def __post_init__(self) -> None:
        """Refuse images that no 8-bit file holds, and shapes that do not fit."""
        if self.images.ndim != 4 or len(self.images) != len(self.labels):  # noqa: PLR2004
            shapes = f"{tuple(self.images.shape)} and {tuple(self.labels.shape)}"
            raise InputError(f"images and labels have shapes {shapes}, not (N, C, H, W) and (N,)")
        if not torch.equal(self.images, levels(self.images.mul(255).round().clamp(0, 255))):
            raise InputError("images must hold multiples of 1/255 in [0, 1]: make them with levels()")
        if (area := self.images.shape[2] * self.images.shape[3]) < self.encoding.slots:
            raise InputError(f"images of {area} pixels have no {self.encoding.slots} pixels to change")

    @cached_property
    def chunk(self) -> int:
        """Most images shown to the oracle in one call, a multiple of ``pad``."""
        most = min(getattr(self.oracle, "batch", 256), BYTES // (4 * self.images[0].numel()))
        return max(most // self.pad, 1) * self.pad

    def space(self, rows: slice, budget: int, seed: int, key: str) -> Space:
        """The search space of some of the images."""
        pairs = zip(self.images[rows], self.labels[rows].tolist(), strict=True)
        return Space(
            self.encoding.genes(self.images.shape[1:]),
            self.encoding.slots,
            tuple(map(name, self.fitness)),
            budget,
            tuple(stream(seed, key, *pair) for pair in pairs),
            self.targeted,
            self.images.device,
        )

    @torch.inference_mode()
    def evaluate(self, questions: Questions) -> Answers:
        """Put the questions to the oracle, at most ``chunk`` at a time."""
        parts = zip(*(torch.split(each, self.chunk) for each in questions), strict=True)
        answers = [self._ask(Questions(*part)) for part in parts]
        return Answers(*map(torch.cat, zip(*answers, strict=True)))

    def _ask(self, questions: Questions) -> Answers:
        rows = questions.rows
        edits = self.encoding.decode(questions.genes, self.images.shape[1:])
        if isinstance(self.oracle, SparseOracle):
            scores = self.oracle.answer_edits(self.images, rows, edits)
            checked(self.oracle, scores, len(rows), rows.tolist())
        else:
            scores = ask(self.oracle, edits.paint(self.images[rows]), rows.tolist(), self.pad)
        labels = self.labels[rows]
        self._known(labels, scores.shape[1])
        asked = Queries(self.images, rows, edits, scores, labels, self.targeted, scale(self.oracle))
        values = torch.stack([fitness(asked).float() for fitness in self.fitness], dim=1)
        pixels = asked.differences.any(2).sum(1)
        return Answers(values, pixels, fooled(asked), self.until(asked))

    def _known(self, labels: Tensor, classes: int) -> None:
        """Refuse a label the oracle has no score for, and a number of classes that changes."""
        if int(labels.max()) >= classes:
            raise OracleError(
                f"{title(self.oracle)} has {classes} classes, but a label is {int(labels.max())}"
            )
        if classes != self._classes.setdefault("seen", classes):
            was = self._classes["seen"]
            raise OracleError(f"{title(self.oracle)} answered {classes} classes after {was}")

    @cached_property
    def _classes(self) -> dict[str, int]:
        return {}


def name(function: Callable[..., object]) -> str:
    """What a function is called."""
    return getattr(function, "__name__", type(function).__name__)
