"""Questions that cost no query: what an oracle says of clean images, and of a success shown alone."""

from io import BytesIO
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from sparseattack.edits import levels
from sparseattack.oracle import Oracle, ask, scale

PICTURES = (1, 3, 4)  # channels that a PNG can hold


class Verdicts(NamedTuple):
    """What an oracle says of ``n`` images."""

    scores: Tensor  # (n, K)
    classes: Tensor  # (n,) int64
    confidences: Tensor  # (n,) probability of that class


@torch.inference_mode()
def judge(oracle: Oracle, images: Tensor, batch: int = 256) -> Verdicts:
    """What ``oracle`` says of ``images (n, C, H, W)``."""
    parts = zip(images.split(batch), torch.arange(len(images)).split(batch), strict=True)
    return _verdicts(oracle, torch.cat([ask(oracle, some, rows.tolist()) for some, rows in parts]))


@torch.inference_mode()
def judge_alone(oracle: Oracle, image: Tensor, row: int) -> Verdicts:
    """What ``oracle`` says of one image ``(C, H, W)`` as a file would hold it, with no other beside it."""
    return _verdicts(oracle, ask(oracle, reread(image)[None], [row], pad=1))


def _verdicts(oracle: Oracle, scores: Tensor) -> Verdicts:
    probabilities = scores if scale(oracle) == "probabilities" else scores.softmax(1)
    confidences, classes = probabilities.max(1)
    return Verdicts(scores.cpu(), classes.cpu(), confidences.cpu())


def reread(image: Tensor) -> Tensor:
    """The image ``(C, H, W)`` saved as PNG and read back; through 8 bit only where PNG has no such channels."""
    stored = image.mul(255).round().to(torch.uint8).cpu()
    if len(stored) in PICTURES:
        file = BytesIO()
        rows = stored.permute(1, 2, 0).contiguous().numpy()
        Image.fromarray(rows[..., 0] if len(stored) == 1 else rows).save(file, "PNG")
        read = np.array(Image.open(file))
        stored = torch.from_numpy(read.reshape(rows.shape)).permute(2, 0, 1)
    return levels(stored).to(image.device)
