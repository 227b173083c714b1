"""The problem a strategy solves without seeing it."""

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from sparseattack.problem.calls import Sizes, sizes
from sparseattack.problem.criteria import Until
from sparseattack.problem.edits import Edits
from sparseattack.problem.encodings import Encoding
from sparseattack.problem.exact import verified
from sparseattack.problem.fitness import Fitness, Queries, fooled, margin
from sparseattack.problem.inputs import check_images, check_labels, check_parts
from sparseattack.problem.objectives import measured, name
from sparseattack.problem.oracle import Oracle, SparseOracle, ask_edits, scale, title
from sparseattack.problem.painted import ask_painted
from sparseattack.problem.scores import Classes
from sparseattack.problem.space import Space, stream
from sparseattack.search.exchange import Answers, Questions


@dataclass(frozen=True)
class Problem:
    """An oracle, an encoding and a fitness, on images: what is asked, and how answers count."""

    oracle: Oracle
    encoding: Encoding
    images: Tensor  # (M, C, H, W) multiples of 1/255; their device is the device of the whole attack
    labels: Tensor  # (N,) the class to leave, or to reach when targeted
    targeted: bool = False
    fitness: tuple[Fitness, ...] = (margin,)
    until: Until = fooled
    pad: int = 0  # images in a block, see `ask`; a network's floats may differ unless all calls are as large
    cases: Tensor | None = None  # (N,) int64, the images that are searched; each once unless told
    sparse: bool = True  # whether an oracle that can answer edits does
    repeat: bool = False  # show twice what is asked twice in a turn: for an oracle that answers by chance

    def __post_init__(self) -> None:
        """Refuse images that no 8-bit file holds, and shapes that do not fit."""
        check_parts(self.oracle, self.encoding)
        check_images(self.images, self.encoding.slots)
        check_labels(self.labels, self.images, self.cases)

    @cached_property
    def sizes(self) -> Sizes:
        """How many images are shown in one call of the oracle."""
        return sizes(self.oracle, self.images, self.pad)

    def space(self, rows: slice, budget: int, seed: int, key: str, *, overlap: bool = False) -> Space:
        """The search space of some of the images."""
        pairs = zip(self._cases[rows].tolist(), self.labels[rows].tolist(), strict=True)
        return Space(
            self.encoding.genes(self.images.shape[1:]),
            self.encoding.slots,
            tuple(map(name, self.fitness)),
            budget,
            tuple(stream(seed, key, self.images[image], label) for image, label in pairs),
            self.targeted,
            self.images.device,
            overlap=overlap,
        )

    @torch.inference_mode()
    def evaluate(self, questions: Questions) -> Answers:
        """Put the questions, at most ``sizes.round`` of them, to the oracle."""
        rows, edits = self._cases[questions.rows], questions.edits
        scores = self._scores(rows, edits).to(rows.device)
        labels = self.labels[questions.rows]
        asked = Queries(self.images, rows, edits, scores, labels, self.targeted, scale(self.oracle))
        asked = verified(self.oracle, asked, self.pad)
        pixels = asked.differences.any(2).sum(1)
        return Answers(measured(self.fitness, asked), pixels, fooled(asked), self.until(asked))

    def _scores(self, rows: Tensor, edits: Edits) -> Tensor:
        scores = None
        if self.sparse and isinstance(self.oracle, SparseOracle):
            scores = ask_edits(self.oracle, self.images, rows, edits)
        if scores is None:
            scores = ask_painted(self.oracle, self.images, rows, edits, self.pad)
        self._classes.check(scores.shape[1], rows)
        return scores

    @cached_property
    def _cases(self) -> Tensor:
        cases = torch.arange(len(self.images)) if self.cases is None else self.cases
        return cases.to(self.images.device)

    @cached_property
    def _classes(self) -> Classes:
        image = int(self.labels.argmax())
        return Classes(title(self.oracle), int(self.labels[image]), int(self._cases[image]))
