"""Inference: images and edits are given to a classifier in whole blocks, and its scores are checked."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from threading import RLock
from typing import NamedTuple, TypeVar

import numpy as np
import torch
from torch import Tensor

from sparseattack.errors import InputError, OracleError, failure
from sparseattack.problem.edits import Edits
from sparseattack.problem.oracle import Classifier, evaluation_mode
from sparseattack.problem.scale import Scale, ScaleSetting, columns, described, fit, recognise

PAD = 32  # a network's scores may depend on the size of its batch; in whole blocks of these they rarely do
ROUND = 256  # queries evaluated together, in a few calls where fewer images fit one call
ONE_THREAD = RLock()  # held while an oracle or a search runs: neither need be made for several threads;
# an oracle that waits for a thread of its own which evaluates through this package waits for ever
BYTES = 2**28  # of images in one call
LABELS = (
    "an oracle returns a score for every class; where there are only labels, make scores of them,"
    " torch.nn.functional.one_hot(labels, CLASSES).float(), and set scale=labels"
)
ONE_SCORE = (
    "for two classes set scale=binary where the score is the logit of class 1, scale=binary-probability where"
    " it is its probability"
)

Numbers = Sequence[int] | Tensor
"""Indices ``(n,)`` of images, by which errors name them."""

Found = TypeVar("Found")


class Sizes(NamedTuple):
    """Numbers of images, each a multiple of the one before."""

    block: int  # a call has whole blocks
    chunk: int  # most in one call
    round: int  # most queries that are evaluated together


def sizes(classifier: Classifier, images: Tensor, pad: int = 0) -> Sizes:
    """Sizes for ``images (n, C, H, W)``, in blocks of ``pad``, or of as many as the classifier asks for.

    The classifier may have to evaluate images to say so; OracleError where it fails.
    """
    room = BYTES // (4 * images.shape[1:].numel())
    most = max(1, min(classifier.batch, room))
    block = min(pad or _block(classifier, images), most)
    chunk = most - most % block
    return Sizes(block, chunk, chunk * max(1, min(ROUND, room) // chunk if chunk >= PAD else 1))


def _block(classifier: Classifier, images: Tensor) -> int:
    ask = partial(classifier.block_of, images)
    return _call(classifier, ask, range(len(images))) if callable(classifier.block) else ask()


def score_all(classifier: Classifier, images: Tensor, numbers: Tensor) -> Tensor:
    """Checked scores ``(n, K)`` of images ``(n, C, H, W)``, in as few calls as may be; see score_images.

    ``images`` stay as they are.
    """
    parts = torch.split(torch.arange(len(images)), sizes(classifier, images).chunk)
    return torch.cat([score_images(classifier, images[part], numbers[part]) for part in parts])


def score_images(classifier: Classifier, images: Tensor, numbers: Numbers, pad: int = 0) -> Tensor:
    """Checked scores ``(n, K)`` of ``images (n, C, H, W)`` in one call, padded to whole blocks of ``pad``.

    The classifier may write to ``images``: what is used again is given as a copy. ``numbers (n,)`` are the
    indices by which errors name the images. Raises OracleError.
    """
    short = -len(images) % sizes(classifier, images, pad).block
    padded = torch.cat([images, images[-1:].expand(short, -1, -1, -1)]) if short else images
    with ONE_THREAD:  # until its scores are copied
        scores = _call(classifier, partial(classifier, padded), numbers)
        return _checked(classifier, scores, len(padded), numbers)


def score_painted(classifier: Classifier, images: Tensor, rows: Tensor, edits: Edits, pad: int) -> Tensor:
    """Checked scores ``(n, K)`` of edits of ``images (N, C, H, W)`` at index ``rows (n,)``, painted."""
    most = sizes(classifier, images, pad).chunk
    if len(rows) <= most:
        return score_images(classifier, edits.paint(images, rows), rows, pad)
    parts = zip(torch.split(rows, most), edits.split(most), strict=True)
    painted = ((numbers, part.paint(images, numbers)) for numbers, part in parts)
    return torch.cat([score_images(classifier, each, numbers, pad) for numbers, each in painted])


def score_edits(classifier: Classifier, images: Tensor, rows: Tensor, edits: Edits) -> Tensor | None:
    """Checked scores ``(n, K)`` by ``classifier.answer_edits``; None where it has none, or gives none."""
    if classifier.answer_edits is None:
        return None
    with ONE_THREAD:  # until its scores are copied
        scores = _call(classifier, partial(classifier.answer_edits, images, rows, edits), rows)
        if scores is None:
            return None
        return _checked(classifier, columns(scores, classifier.scale, classifier.classes), len(rows), rows)


def _call(classifier: Classifier, call: Callable[[], Found], numbers: Numbers) -> Found:
    try:
        with evaluation_mode(classifier):
            return call()
    except (InputError, OracleError, KeyboardInterrupt):
        raise
    except BaseException as error:  # whatever a classifier raises, SystemExit too
        raise OracleError(f"{classifier} failed on {image_list(numbers)}: {failure(error)}") from error


def image_list(numbers: Numbers) -> str:
    """The images with these indices ``(n,)``, in a sentence."""
    each = np.unique(torch.as_tensor(numbers).cpu()).tolist()
    return f"image {each[0]}" if len(each) == 1 else f"{len(each)} images from {each[0]} to {each[-1]}"


def _checked(classifier: Classifier, scores: Tensor, shown: int, numbers: Numbers) -> Tensor:
    """Scores ``(n, K)``, at least float32, of the images ``numbers (n,)``, the first of those ``shown``."""
    if isinstance(scores, Tensor):
        scores = scores.as_subclass(Tensor)  # a subclass may change what is computed with scores
    if wrong := _misshapen(scores, shown):
        padded = f" (padded to {shown})" if shown != len(numbers) else ""
        raise OracleError(f"{classifier} answered {image_list(numbers)}{padded} with {wrong}")
    scores = scores[: len(numbers)]
    if not (right := fit(scores, classifier.scale)).all():
        bad = int((~right).nonzero()[0, 0])
        one = image_list(numbers[bad : bad + 1])
        raise OracleError(f"{classifier} answered {described(scores[bad], classifier.scale)} to {one}")
    dtype = torch.float32 if scores.element_size() < 4 else scores.dtype  # noqa: PLR2004
    return scores.to(dtype, copy=True)  # a classifier may use one output buffer for all its calls


def _tensors_in(answer: object) -> dict[str, tuple[int, ...]]:
    """The shapes of the tensors in a dictionary, tuple or list, by key; those of scores ``(n, K)`` first."""
    if isinstance(answer, tuple | list):
        answer = dict(enumerate(answer))
    parts = answer.items() if isinstance(answer, Mapping) else ()
    found = {repr(key): tuple(part.shape) for key, part in parts if isinstance(part, Tensor)}
    return dict(sorted(found.items(), key=lambda one: (len(one[1]) != len("nK"), "logit" not in one[0])))


def _misshapen(scores: Tensor, shown: int) -> str:
    """What is wrong with the kind or shape of ``scores``, if anything."""
    if not isinstance(scores, Tensor) or not scores.is_floating_point():
        kind = scores.dtype if isinstance(scores, Tensor) else type(scores).__name__
        advice = f": {LABELS}" if isinstance(scores, Tensor) and not scores.is_complex() else ""
        if isinstance(scores, np.ndarray):
            advice = ": return torch.from_numpy(scores).float()"
        elif found := _tensors_in(scores):
            listed = ", ".join(f"{key} {shape}" for key, shape in found.items())
            advice = f", with the tensors {listed}: return the scores alone, as answer[{next(iter(found))}]"
        elif isinstance(scores, list):
            advice = ": return torch.tensor(scores)"
        return f"{kind}, not a tensor of floats{advice}"
    if scores.ndim != 2 or len(scores) != shown or scores.shape[1] < 2:  # noqa: PLR2004
        wanted = f"({shown}, classes) with at least 2 classes"
        one = scores.ndim in (1, 2) and scores.numel() == len(scores) == shown
        advice = f": {ONE_SCORE}" if one else ""
        return f"scores of shape {tuple(scores.shape)}, not {wanted}{advice}"
    return ""


@dataclass
class Classes:
    """The number of classes of an oracle, always the same and enough for the labels, and its scale."""

    who: str  # the oracle in a sentence
    label: int  # highest of the labels
    image: int  # that has it
    setting: ScaleSetting
    count: int = 0  # 0 until it is known
    scale: Scale | None = None  # until it is known

    def scale_of(self, scores: Tensor) -> Scale:
        """The scale of the oracle, recognised by the first ``scores (n, K)`` where it declares none."""
        self.scale = self.scale or recognise(self.who, self.setting, scores)
        return self.scale

    def check(self, count: int, numbers: Numbers) -> None:
        """Refuse scores of ``count`` classes for the images ``numbers`` if that does not fit: OracleError."""
        if self.label >= count:
            raise OracleError(
                f"{self.who} has {count} classes, but image {self.image} has label {self.label}"
            )
        if self.count not in (0, count):
            before = f"{self.count}, to {image_list(numbers)}"
            raise OracleError(f"{self.who} answered {count} classes after {before}")
        self.count = count
