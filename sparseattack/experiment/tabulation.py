"""Tabulation: ask an oracle about every pixel of an image in every corner colour, for a score table."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sparseattack.errors import InputError
from sparseattack.experiment.clean import CleanEvaluation
from sparseattack.experiment.score_table import (
    CHANNELS,
    ScoreTable,
    TableOrigin,
    corner_colours,
    half_precision,
)
from sparseattack.problem.criteria import spent
from sparseattack.problem.edits import Edits, touch
from sparseattack.problem.encodings.pixels import corners
from sparseattack.problem.fitness import margin_of, near_zero
from sparseattack.problem.inference import score_edits, score_painted
from sparseattack.problem.problem import Problem
from sparseattack.problem.verification import score_singly
from sparseattack.provenance import environment
from sparseattack.search.inference import with_faster_inference


class TabulatedImage(NamedTuple):
    """All answers about one image."""

    place: int  # among the images
    clean_scores: NDArray[np.float16]  # (K,)
    scores: NDArray[np.float16]  # (H, W, 2**C, K)
    singles: int  # candidates that were evaluated as single images, too, which decided


@dataclass(frozen=True)
class Tabulation:
    """An oracle with clean images, about which it is asked; ``sparse`` allows sparse inference."""

    clean: CleanEvaluation
    sparse: bool = True

    def __post_init__(self) -> None:
        """Refuse what a table cannot hold: images of several sizes, many channels, answers by chance."""
        if len(self.clean.stacks) > 1:
            raise InputError("a table holds images of one size: give a size, as in IMAGES@224")
        if (channels := self.clean.stacks[0].shape[1]) > CHANNELS:
            raise InputError(f"a table holds images of at most {CHANNELS} channels, not {channels}")
        if self.clean.settings.noisy_oracle:
            raise InputError("a table holds one answer for each image: a noisy oracle has none")
        if self.clean.predictions.scale == "labels":
            raise InputError(
                f"a table holds scores, and {self.clean.oracle} answers labels only: tabulate an oracle of"
                " scores, and attack labels(oracle=TABLE)"
            )

    @property
    def origin(self) -> TableOrigin:
        """The oracle, and what it runs on."""
        clean = self.clean
        made = environment(clean.settings.device, [clean.plugin])
        return TableOrigin(
            oracle=clean.settings.oracle,
            name=clean.oracle.name,
            digest=clean.digest,
            scale=clean.predictions.scale,
            system=made.system,
            processor=made.processor,
            device=made.device,
            versions=made.versions,
        )

    @property
    def candidates(self) -> int:
        """Of one image: H x W x 2**C."""
        channels, height, width = self.clean.stacks[0].shape[1:]
        return int(height * width * 2**channels)

    @property
    def bytes_of_image(self) -> int:
        """Of the scores of one image, before they are compressed."""
        return self.candidates * self.clean.predictions.scores.shape[1] * np.dtype(np.float16).itemsize

    def empty(self) -> ScoreTable:
        """The table of no images."""
        clean = self.clean
        channels, height, width = clean.stacks[0].shape[1:]
        classes = clean.predictions.scores.shape[1]
        return ScoreTable(
            images=np.zeros((0, height, width, channels), np.uint8),
            labels=np.zeros(0, np.int64),
            ids=(),
            names=clean.classes if all(clean.classes) else (),
            clean_scores=np.zeros((0, classes), np.float16),
            scores=np.zeros((0, height, width, 2**channels, classes), np.float16),
            origin=self.origin,
        )

    def places(self, *, correct_only: bool = False, most: int = 0) -> list[int]:
        """The places of the images to be tabulated: each once, the first ``most`` if that is not 0."""
        images, first = self.clean.own_labels(), dict[bytes, int]()
        right = self.clean.predictions.classes_given(images.labels) == images.labels
        every = [
            place
            for place, image in enumerate(images.pixels)
            if first.setdefault(image.numpy().tobytes(), place) == place
            and (not correct_only or bool(right[place]))
        ]
        return every[: most or None]

    def ask(self, places: Collection[int], asked: Callable[[int], None]) -> Iterator[TabulatedImage]:
        """Ask about the images at ``places``, in turn; ``asked`` is called with every batch's size."""
        for place in places:
            yield self._image(place, asked)

    @torch.inference_mode()
    def _image(self, place: int, asked: Callable[[int], None]) -> TabulatedImage:
        image = self.clean.stacks[0][place : place + 1].clone()
        clean = half_precision(self.clean.predictions.scores[place].numpy())
        parts, singles = list[NDArray[np.float16]](), 0
        problem = replace(self._problem, images=image, labels=self._problem.labels[:1], predictions=None)
        edits = self._edits
        for some in edits.split(problem.sizes.round):
            scores, again = _decided(problem, some)
            parts.append(half_precision(scores.cpu().numpy()))
            singles += again
            asked(len(scores))
        answers = np.concatenate(parts)
        here = touch(image, torch.zeros_like(edits.positions[:, 0]), edits.positions)
        same = ~edits.differences(here).flatten(1).any(1)
        answers[same.cpu().numpy()] = clean  # a pixel that has the colour already
        channels, height, width = image.shape[1:]
        return TabulatedImage(place, clean, answers.reshape(height, width, 2**channels, -1), singles)

    @cached_property
    def _problem(self) -> Problem:
        """The oracle with the inference that is faster; its scores are asked for, and nothing is attacked."""
        stack, oracle = self.clean.stacks[0], self.clean.oracle
        labels = torch.zeros(len(stack), dtype=torch.int64, device=stack.device)
        found = Problem(
            oracle.exact or oracle, corners(pixels=1), stack, labels, until=spent, checked=True,
            predictions=self.clean.predictions, sparse=None if self.sparse else False,
        )  # fmt: skip
        return with_faster_inference(found, len(stack) * self.candidates)

    @cached_property
    def _edits(self) -> Edits:
        """All candidates, in the order of the table: by row, column and corner."""
        stack = self.clean.stacks[0]
        channels, height, width = stack.shape[1:]
        colours = torch.from_numpy(corner_colours(channels)).to(stack.device)
        pixels = torch.arange(height * width, device=stack.device)
        positions = pixels.repeat_interleave(len(colours)).unsqueeze(1)
        return Edits(positions, colours.repeat(height * width, 1).unsqueeze(1))


def _decided(problem: Problem, edits: Edits) -> tuple[Tensor, int]:
    """Scores ``(n, K)`` of edits of the only image; how many of these are those of single images.

    Single images decide where the two highest scores are within rounding, as about a query of an attack:
    so the class that wins is the one that an attack sees, whatever its label or target.
    """
    rows, oracle = torch.zeros_like(edits.positions[:, 0]), problem.classifier
    scores = score_edits(oracle, problem.images, rows, edits) if problem.sparse else None
    if scores is None:
        scores = score_painted(oracle, problem.images, rows, edits, problem.pad)
    scale = oracle.scale
    assert scale in ("logits", "probabilities")  # a clean evaluation has recognised it
    if not problem.decides_singly:
        return scores, 0
    margins = margin_of(scores, scores.argmax(1), False, scale)
    rounding = oracle.rounding_on(scores.device)
    close = near_zero(margins, scores, scale, rounding).nonzero()[:, 0]
    if not len(close):
        return scores, 0
    painted = Edits(*(column[close] for column in edits)).paint(problem.images, rows[close])
    single = score_singly(oracle, painted, [0] * len(close))
    return scores.index_copy(0, close, single.to(scores)), len(close)


def appended(table: ScoreTable, tabulation: Tabulation, found: Sequence[TabulatedImage]) -> ScoreTable:
    """The table with more images."""
    images = tabulation.clean.own_labels()
    places = [one.place for one in found]
    rows = torch.tensor(places, dtype=torch.int64)
    pixels = [images.pixels[place].permute(1, 2, 0).numpy() for place in places]
    return replace(
        table,
        images=np.concatenate([table.images, *(pixel[None] for pixel in pixels)]),
        labels=np.concatenate([table.labels, images.labels[rows].numpy()]),
        ids=table.ids + tuple(images.ids[place] for place in places),
        clean_scores=np.concatenate([table.clean_scores, *(one.clean_scores[None] for one in found)]),
        scores=np.concatenate([table.scores, *(one.scores[None] for one in found)]),
    )
