"""Evaluations that cost no query: of clean images, and of a success alone, as a file would hold it."""

from io import BytesIO
from typing import NamedTuple

import torch
from torch import Tensor

from sparseattack.data.images import eight_bit, levels
from sparseattack.data.png import CHANNELS, pil_image, read_png, write_png
from sparseattack.problem.inference import score_images, sizes
from sparseattack.problem.oracle import Classifier, Oracle
from sparseattack.problem.scale import Scale, recognise


class Predictions(NamedTuple):
    """The predictions of an oracle for ``n`` images."""

    scores: Tensor  # (n, K)
    classes: Tensor  # (n,) int64
    confidences: Tensor  # (n,) probability of that class
    scale: Scale  # of the scores


@torch.inference_mode()
def classify(oracle: Oracle, images: Tensor) -> Predictions:
    """Predictions of ``oracle`` in full precision for ``images (n, C, H, W)``; raises OracleError."""
    classifier = _full_precision(oracle)
    most, numbers = sizes(classifier, images).chunk, torch.arange(len(images))
    parts = zip(torch.split(images, most), torch.split(numbers, most), strict=True)
    return _predictions(
        classifier, torch.cat([score_images(classifier, part.clone(), where) for part, where in parts])
    )


@torch.inference_mode()
def classify_alone(oracle: Oracle, image: Tensor, row: int) -> Predictions:
    """Prediction of ``oracle`` for one image ``(C, H, W)``, read back from a PNG, in a batch of its own.

    ``row`` is the index by which errors name the image.
    """
    classifier = _full_precision(oracle)
    alone = reread(image)[None].contiguous()  # as all other images are given
    return _predictions(classifier, score_images(classifier, alone, [row], pad=1))


def _full_precision(oracle: Oracle) -> Classifier:
    classifier = Classifier.of(oracle)
    return classifier.exact or classifier


def _predictions(classifier: Classifier, scores: Tensor) -> Predictions:
    scale = recognise(str(classifier), classifier.scale, scores)
    probabilities = scores if scale == "probabilities" else scores.softmax(1)
    confidences, classes = probabilities.max(1)
    return Predictions(scores.cpu(), classes.cpu(), confidences.cpu(), scale)


def reread(image: Tensor) -> Tensor:
    """The image ``(C, H, W)`` saved as PNG and read back; only rounded where no PNG has such channels."""
    if len(image) not in CHANNELS:
        return levels(eight_bit(image))
    file = BytesIO()
    write_png(pil_image(image), file)
    return read_png(file).to(image.device)
