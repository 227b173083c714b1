"""Purity: whether an oracle is a function of the image alone, tried on a few clean images before an attack.

A network in training mode, statistics of the batch, dropout or a state that calls change make scores depend
on chance or on the images beside one; every count of successes is then wrong.
"""

from dataclasses import dataclass, field
from typing import NamedTuple
from warnings import warn

import torch
from torch import Tensor

from sparseattack.data.images import eight_bit, levels
from sparseattack.errors import ChangedError, InputError, OracleError, SparseattackWarning
from sparseattack.problem.inference import score_all, sizes
from sparseattack.problem.oracle import Classifier
from sparseattack.problem.scale import Scale, difference, greatest, recognise
from sparseattack.problem.verification import score_singly

PROBES = 4  # clean images that are tried, at first and again: a changed oracle has other scores
SINGLE = 2  # of these, evaluated as single images too
PERCENT = 0.01
CHANGED = 0.01  # share of the greatest score; a smaller difference may be that of other images in the call
HALF_PRECISION = 0.05  # a difference by less of the greatest score may be rounding to few bits
AGAIN, REORDERED, SINGLY = "evaluated again", "in another order", "as a single image"
CAUSES = {
    AGAIN: "dropout or other noise, training mode (call eval() on the network), a state that calls change",
    REORDERED: "statistics of the batch, as of batch normalisation in training mode; scores out of order",
    SINGLY: "statistics of the batch, as of batch normalisation in training mode",
}


class Difference(NamedTuple):
    """An image's scores are others than before."""

    when: str
    image: int  # index among the clean images
    share: float  # of the greatest score


@dataclass(frozen=True)
class Purity:
    """What was found out about an oracle."""

    evaluations: int  # of clean images, which cost no query
    differences: tuple[Difference, ...]  # the greatest of each kind, where it is above rounding
    scale: Scale | None = None  # of the scores, where they were evaluated
    scores: Tensor | None = field(default=None, compare=False)  # (n, K) of the clean images that were tried

    def require(self, classifier: Classifier) -> None:
        """Refuse an oracle that is no function of the image alone, in a sentence with the likely causes."""
        if not self.differences:
            return
        when, image, share = self.differences[0]
        size = f"{share:.0%}" if share >= PERCENT else f"{share:.3%}"
        few_bits = "; or scores in few bits, which an attribute rounding = 0.02 allows"
        raise InputError(
            f"{classifier} is not a function of the image alone: {when}, image {image} has other scores, by"
            f" {size} of the greatest. Likely causes: {CAUSES[when]}"
            f"{few_bits if share < HALF_PRECISION else ''}. Mend that, or take the oracle as noisy:"
            " --noisy-oracle, in Python Problem(..., noisy=True) or Experiment(noisy_oracle=True)"
        )

    def require_same(self, classifier: Classifier, images: Tensor) -> None:
        """Evaluate the clean images again that were tried: a ChangedError if they have other scores now.

        Nothing is where none was tried; a server is asked again by the ``remote`` itself.
        """
        if self.scores is not None and not classifier.remote:
            clean = probes(images)[0][: len(images)]
            require_same(classifier, clean, self.scores[: len(clean)], frozenset())


@torch.inference_mode()
def purity(classifier: Classifier, images: Tensor) -> Purity:
    """Evaluate some of the ``images (N, C, H, W)`` together, again, in another order and singly; compare.

    A warning says that a network in training mode is evaluated in evaluation mode. Raises OracleError, and
    InputError where the scale of the scores is not clear.
    """
    _warn_of_training(classifier)
    precise = classifier.exact or classifier
    tried, numbers = probes(images)
    most = sizes(precise, images).chunk

    def scores(oracle: Classifier, order: Tensor) -> Tensor:
        return score_all(oracle, tried[order], numbers[order])[order.argsort()]

    try:
        together = scores(precise, torch.arange(len(tried)))
    except (InputError, OracleError) as error:  # of other images than clean ones it may have no answer
        if len(images) >= len(tried) or (precise.remote and isinstance(error, OracleError)):
            raise
        tried, numbers = tried[: len(images)], numbers[: len(images)]
        together = scores(precise, torch.arange(len(tried)))
    forwards = torch.arange(len(tried))
    others = {AGAIN: scores(precise.anew, forwards), REORDERED: scores(precise.anew, forwards.flip(0))}
    if most > 1:
        others[SINGLY] = score_singly(precise, tried[:SINGLE], numbers[:SINGLE])
    rounding = precise.rounding_on(images.device)
    found = [_difference(precise, when, (together, other), numbers) for when, other in others.items()]
    count = len(together) + sum(map(len, others.values()))
    scale = recognise(str(classifier), classifier.scale, together)
    return Purity(count, tuple(each for each in found if each.share > rounding), scale, together)


def probes(images: Tensor) -> tuple[Tensor, Tensor]:
    """PROBES images, and the indices of the clean ones that they are made of; some differ from all others.

    Of fewer images the negatives and the mirror images are taken too.
    """
    chosen = torch.linspace(0, len(images) - 1, min(PROBES, len(images))).round().long()
    clean = images[chosen]
    negative = levels(255 - eight_bit(clean))
    every = torch.cat([clean, negative, clean.flip(3), negative.flip(3)])
    return every[:PROBES], chosen.repeat(4)[:PROBES]


def _difference(precise: Classifier, when: str, scores: tuple[Tensor, Tensor], numbers: Tensor) -> Difference:
    """The greatest difference of the second scores ``(m, K)`` from the first m of the first ``(n, K)``."""
    one, other = scores
    if one.shape[1] != other.shape[1]:
        raise OracleError(f"{precise} answered {other.shape[1]} classes after {one.shape[1]}")
    shares = share_of(one[: len(other)], other)
    worst = int(shares.argmax())
    return Difference(when, int(numbers[worst]), float(shares[worst]))


def share_of(one: Tensor, other: Tensor) -> Tensor:
    """By which share ``(n,)`` of an image's greatest score two scores ``(n, K)`` differ."""
    return difference(one, other) / greatest(one).clamp(min=torch.finfo(torch.float32).tiny)


@torch.inference_mode()
def require_same(classifier: Classifier, images: Tensor, before: Tensor, runs: frozenset[str]) -> None:
    """Evaluate clean ``images (n, C, H, W)`` again, once each; ``before (m, K)`` has their scores first.

    Raises ChangedError, with the ``runs`` that may be of two classifiers, where the scores are others.
    """
    precise, numbers = classifier.exact or classifier, torch.arange(len(images))
    try:
        now = score_all(precise, images, numbers).to(before)
    except OracleError:  # no answer is no other answer
        warn(
            f"{classifier} fails on clean images now: whether its answers are others is not known",
            SparseattackWarning,
            stacklevel=2,
        )
        return
    found = _difference(precise, AGAIN, (before, now), numbers)
    if found.share > max(CHANGED, precise.rounding_on(images.device)):
        raise ChangedError(
            f"{classifier} has changed while it was attacked: its scores of clean images differ by"
            f" {found.share:.2g} of the greatest from those before. What was found meanwhile may be of two"
            " classifiers: a study keeps none of it, and pictures are to be made again. Likely causes: a"
            " network that is trained or given other weights, a state that calls change",
            runs,
        )


def _warn_of_training(classifier: Classifier) -> None:
    module = classifier.module
    if module is not None and any(part.training for part in module.modules()):
        warn(
            f"{classifier} is in training mode: it is evaluated in evaluation mode, and then put back",
            SparseattackWarning,
            stacklevel=2,
        )
