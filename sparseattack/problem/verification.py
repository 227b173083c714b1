"""Questions that cost no query: what an oracle says of clean images, and of a success shown alone."""

from io import BytesIO
from typing import NamedTuple

import torch
from torch import Tensor

from sparseattack.data.images import eight_bit, levels
from sparseattack.data.png import CHANNELS, pil_image, read_png, write_png
from sparseattack.problem.oracle import Oracle, ask, chunk, exact, scale


class Verdicts(NamedTuple):
    """What an oracle says of ``n`` images."""

    scores: Tensor  # (n, K)
    classes: Tensor  # (n,) int64
    confidences: Tensor  # (n,) probability of that class


@torch.inference_mode()
def judge(oracle: Oracle, images: Tensor) -> Verdicts:
    """What ``oracle`` says of ``images (n, C, H, W)``, exactly."""
    oracle = exact(oracle)
    most, numbers = chunk(oracle, images), torch.arange(len(images))
    parts = zip(torch.split(images, most), torch.split(numbers, most), strict=True)
    return _verdicts(oracle, torch.cat([ask(oracle, *part) for part in parts]))


@torch.inference_mode()
def judge_alone(oracle: Oracle, image: Tensor, row: int) -> Verdicts:
    """What ``oracle`` says of one image ``(C, H, W)`` as a file would hold it, with no other beside it."""
    oracle = exact(oracle)
    return _verdicts(oracle, ask(oracle, reread(image)[None], [row], pad=1))


def _verdicts(oracle: Oracle, scores: Tensor) -> Verdicts:
    probabilities = scores if scale(oracle) == "probabilities" else scores.softmax(1)
    confidences, classes = probabilities.max(1)
    return Verdicts(scores.cpu(), classes.cpu(), confidences.cpu())


def reread(image: Tensor) -> Tensor:
    """The image ``(C, H, W)`` saved as PNG and read back; only rounded where no PNG has such channels."""
    if len(image) not in CHANNELS:
        return levels(eight_bit(image))
    file = BytesIO()
    write_png(pil_image(image), file)
    return read_png(file).to(image.device)
