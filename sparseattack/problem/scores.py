"""What an oracle answered: whether a classifier can answer it, and which class it puts first by how much."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from sparseattack.errors import OracleError

Scale = Literal["logits", "probabilities"]
Numbers = Sequence[int] | Tensor
TINY = torch.finfo(torch.float32).tiny  # stands for a probability of 0, which has no logarithm
ROUNDING = 1e-3  # by which a probability in few bits may leave [0, 1]


@dataclass
class Classes:
    """How many classes an oracle has: always as many, and enough for the labels."""

    who: str
    label: int  # highest
    image: int  # that has it
    count: int = 0  # 0 until it is known

    def check(self, count: int, numbers: Numbers) -> None:
        """Refuse an answer with scores of ``count`` classes that does not fit."""
        if self.label >= count:
            raise OracleError(
                f"{self.who} has {count} classes, but image {self.image} has label {self.label}"
            )
        if self.count not in (0, count):
            raise OracleError(f"{self.who} answered {count} classes after {self.count}, to {called(numbers)}")
        self.count = count


def lead(scores: Tensor, labels: Tensor, targeted: bool, scale: Scale = "logits") -> Tensor:
    """The label's lead over the best other class of ``(n, K)``, its negative when targeted: ``(n,)``.

    In logits, or in logarithms of probabilities: these from the difference, whose sign is exact.
    """
    column = labels.unsqueeze(1)
    own = scores.gather(1, column).squeeze(1)
    other = scores.scatter(1, column, -torch.inf).amax(1)
    gap = other - own if targeted else own - other
    if scale == "logits":
        return gap.float()
    lower = torch.minimum(own, other).clamp(min=TINY)
    return (gap.sign() * (gap.abs() / lower).log1p()).float()


def checked(scores: Tensor, shown: int, numbers: Numbers, who: str, scale: Scale) -> Tensor:
    """``scores (n, K)``, at least float32, of the images called ``numbers``, the first of those shown."""
    if wrong := _misshapen(scores, shown):
        raise OracleError(f"{who} answered {wrong}, to {called(numbers)}")
    scores = scores[: len(numbers)]
    fit = _fit(scores, scale)
    if not fit.all():
        bad = int((~fit).nonzero()[0, 0])
        raise OracleError(f"{who} answered {_said(scores[bad])} to {called(numbers[bad : bad + 1])}")
    return scores.float() if scores.element_size() < 4 else scores  # noqa: PLR2004


def called(numbers: Numbers) -> str:
    """What to call the images in a sentence."""
    each = np.unique(torch.as_tensor(numbers).cpu()).tolist()
    return f"image {each[0]}" if len(each) == 1 else f"{len(each)} images from {each[0]} to {each[-1]}"


def _misshapen(scores: Tensor, shown: int) -> str:
    """What is wrong with the kind or shape of ``scores``, if anything."""
    if not isinstance(scores, Tensor) or not scores.is_floating_point():
        kind = scores.dtype if isinstance(scores, Tensor) else type(scores).__name__
        return f"{kind}, not a tensor of floats"
    if scores.ndim != 2 or len(scores) != shown or scores.shape[1] < 2:  # noqa: PLR2004
        wanted = f"({shown}, classes) with at least 2 classes"
        return f"scores of shape {tuple(scores.shape)} for {shown} images, not {wanted}"
    return ""


def _fit(scores: Tensor, scale: Scale) -> Tensor:
    """Mask ``(n,)`` of the rows that hold numbers, and where they should, probabilities."""
    if scale == "probabilities":
        return ((scores >= -ROUNDING) & (scores <= 1 + ROUNDING)).all(1)
    return scores.isfinite().all(1)


def _said(scores: Tensor) -> str:
    if scores.isnan().any():
        return "NaN"
    if scores.isinf().any():
        return "an infinite score"
    return f"probabilities from {float(scores.min()):.4g} to {float(scores.max()):.4g}"
