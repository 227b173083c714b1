"""Evaluations that cost no query: of clean images, and of single images that decide or verify a success."""

from dataclasses import replace
from io import BytesIO
from math import exp
from typing import NamedTuple
from warnings import warn

import torch
from torch import Tensor

from sparseattack.data.images import eight_bit, levels
from sparseattack.data.png import CHANNELS, pil_image, read_png, write_png
from sparseattack.errors import SparseattackWarning, number_of
from sparseattack.problem.edits import Edits
from sparseattack.problem.fitness import Queries, fooled, margin_of, near_zero
from sparseattack.problem.inference import Numbers, score_all, score_images, score_painted, sizes
from sparseattack.problem.oracle import Classifier, Oracle
from sparseattack.problem.scale import Scale, recognise

FEWEST_OF_CHANCE, LEVEL = 20, 0.05  # images, and how likely chance is
REPEATS = 5  # evaluations of a noisy oracle, the majority of which decides


def by_chance(right: int, count: int, classes: int) -> bool:
    """Whether guessing may give as many of ``count`` images their label, in one of twenty tries.

    Of fewer than 20 images nothing is said.
    """
    above = right - count / classes
    if count < FEWEST_OF_CHANCE or (above > 0 and exp(-2 * above**2 / count) <= LEVEL):
        return False  # by Hoeffding's bound, mostly: scipy takes a while to import
    from scipy.special import bdtrc

    return right == 0 or bool(bdtrc(right - 1, count, 1 / classes) > LEVEL)


def report_chance(who: str, right: int, count: int, classes: int) -> None:
    """SparseattackWarning where an oracle classifies no more images as their labels say than by chance."""
    if by_chance(right, count, classes):
        warn(
            f"without an attack {who} gives only {right} of {number_of(count, 'image')} their own label,"
            " as many as by chance: the labels may be numbered in another order than its classes, the colours"
            " may be scaled or ordered otherwise than in its training, or it is not trained",
            SparseattackWarning,
            stacklevel=2,
        )


def repeats_of(noisy: bool) -> int:
    """Evaluations that decide about one image."""
    return REPEATS if noisy else 1


class Predictions(NamedTuple):
    """The predictions of an oracle for ``n`` images."""

    scores: Tensor  # (n, K)
    classes: Tensor  # (n,) int64
    confidences: Tensor  # (n,) probability of that class
    scale: Scale  # of the scores
    singles: int = 0  # images among these that were evaluated as single images too, which decided

    def classes_given(self, labels: Tensor) -> Tensor:
        """The classes ``(n,)``; the label where it ties for the highest score: a tie is no success."""
        column = labels.clamp(0, self.scores.shape[1] - 1).unsqueeze(1)
        tied = (self.scores.gather(1, column)[:, 0] == self.scores.amax(1)) & (labels == column[:, 0])
        return torch.where(tied, labels, self.classes)

    def part(self, start: int, stop: int) -> "Predictions":
        """Those of the images from ``start`` to ``stop``."""
        here = slice(start, stop)
        return Predictions(self.scores[here], self.classes[here], self.confidences[here], self.scale)


@torch.inference_mode()
def classify(oracle: Oracle, images: Tensor, times: int = 1) -> Predictions:
    """Predictions of ``oracle`` in full precision for ``images (n, C, H, W)``; raises OracleError.

    They are made of the mean of the scores of ``times`` evaluations. Where the two highest scores are within
    rounding of each other, those of the image evaluated as a single one are taken, as of every candidate.
    """
    classifier = _full_precision(oracle)
    most, numbers = sizes(classifier, images).chunk, torch.arange(len(images))
    asked = classifier.anew if times > 1 else classifier
    scores = torch.stack([score_all(asked, images, numbers) for _ in range(times)])
    found = _predictions(classifier, scores.mean(0))
    close = _close(found, 0.0 if most == 1 or times > 1 else classifier.rounding_on(images.device))
    if not len(close):
        return found
    single = score_singly(classifier, images[close.to(images.device)], close).to(found.scores)
    decided = found.scores.index_copy(0, close, single)
    return _predictions(classifier.with_scale(found.scale), decided)._replace(singles=len(close))


def _close(found: Predictions, rounding: float) -> Tensor:
    """The images ``(m,)`` whose two highest scores are within ``rounding`` of each other, none if it is 0."""
    margins = margin_of(found.scores, found.classes, False, found.scale)
    near = near_zero(margins, found.scores, found.scale, rounding)
    return near.nonzero()[:, 0] if rounding else near.nonzero()[:0, 0]


@torch.inference_mode()
def classify_single(oracle: Oracle, image: Tensor, row: int, aim: "Aim | None" = None) -> Predictions:
    """Prediction of ``oracle`` for one image ``(C, H, W)``, read back from a PNG, in a batch of its own.

    ``row`` is the index by which errors name the image. For a noisy oracle ``aim`` says what a success is: of
    REPEATS evaluations the one of median margin is given, which is a success if most of them are.
    """
    classifier = _full_precision(oracle)
    single = reread(image)[None].contiguous()  # as all other images are given
    return _predictions(classifier, score_singly(classifier, single, [row], aim))


class Aim(NamedTuple):
    """What is a success of ``n`` images."""

    labels: Tensor  # (n,) int64, the class to leave, or to reach when targeted
    targeted: bool


def score_singly(classifier: Classifier, images: Tensor, numbers: Numbers, aim: Aim | None = None) -> Tensor:
    """Scores ``(n, K)`` of ``images (n, C, H, W)``, each in a call of its own.

    With an ``aim`` each is evaluated REPEATS times, and the scores of its median margin are given.
    """

    def once() -> Tensor:
        singles = ((images[at : at + 1].clone(), numbers[at : at + 1]) for at in range(len(images)))
        return torch.cat([score_images(classifier.anew, *single, pad=1) for single in singles])

    if aim is None:
        return once()
    runs = torch.stack([once() for _ in range(REPEATS)])
    labels = aim.labels.to(runs.device)
    margins = torch.stack([margin_of(scores, labels, aim.targeted) for scores in runs])  # on any scale
    middle = margins.argsort(dim=0)[REPEATS // 2]
    return runs[middle, torch.arange(len(images), device=runs.device)]


def verify_exactly(classifier: Classifier, queries: Queries, pad: int) -> tuple[Queries, Tensor]:
    """The queries with the scores of successes in full precision, in which some are none; costs no query.

    And how many evaluations that took of each query.
    """
    if (exact := classifier.exact) is None:
        return queries, torch.zeros_like(queries.rows)
    successes = fooled(queries)
    if not len(places := successes.nonzero()[:, 0]):
        return queries, successes.long()
    rows, edits = queries.rows[places], Edits(*(column[places] for column in queries.edits))
    scores = score_painted(exact, queries.images, rows, edits, pad).to(queries.scores)
    return replace(queries, scores=queries.scores.index_copy(0, places, scores)), successes.long()


def _full_precision(oracle: Oracle) -> Classifier:
    classifier = Classifier.of(oracle)
    return classifier.exact or classifier


def _predictions(classifier: Classifier, scores: Tensor) -> Predictions:
    scale = recognise(str(classifier), classifier.scale, scores)
    probabilities = scores.softmax(1) if scale == "logits" else scores
    classes = scores.argmax(1)  # softmax may make two scores equal that are not
    confidences = probabilities.gather(1, classes[:, None])[:, 0].clamp(0, 1)  # of sums that are rounded
    return Predictions(scores.cpu(), classes.cpu(), confidences.cpu(), scale)


def reread(image: Tensor) -> Tensor:
    """The image ``(C, H, W)`` saved as PNG and read back; only rounded where no PNG has such channels."""
    if len(image) not in CHANNELS:
        return levels(eight_bit(image))
    file = BytesIO()
    write_png(pil_image(image), file)
    return read_png(file).to(image.device)
