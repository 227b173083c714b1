"""A classifier, and what is known about it: what an oracle plugin returns."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from torch import Tensor

from sparseattack.errors import InputError
from sparseattack.problem.edits import Edits
from sparseattack.problem.scores import Scale

Shape = tuple[int | None, int | None, int | None]
"""C, H, W of an image; None is any."""

MODES = {1: "grey", 3: "RGB", 4: "RGBA"}  # what pictures of so many channels are called


@dataclass(frozen=True)
class Classifier:
    """Answers images ``(n, C, H, W)`` float32 in [0, 1] with scores ``(n, K)`` on their device."""

    name: str
    scores: Callable[[Tensor], Tensor]
    digest: str  # of everything that determines its answers, hexadecimal
    scale: Scale = "logits"
    batch: int = 256  # most images at once
    classes: tuple[str, ...] = ()  # K names, or none
    shape: Shape = (None, None, None)  # of the images it takes
    answer_edits: Callable[[Tensor, Tensor, Edits], Tensor | None] | None = None  # as SparseOracle's
    exact: "Classifier | None" = None  # judges clean images and successes, where these scores are rounded

    def __call__(self, images: Tensor) -> Tensor:
        """Ask; images of another shape are refused."""
        if any(takes not in (None, has) for takes, has in zip(self.shape, images.shape[1:], strict=True)):
            found = f"{_said(images.shape[1:])}{_advice(self.shape, images.shape[1:])}"
            raise InputError(f"oracle {self.name} takes images of {_said(self.shape)}, not {found}")
        return self.scores(images)


def _said(shape: Iterable[int | None]) -> str:
    """Channels, height, width, as in 3x32x32."""
    return "x".join("any" if side is None else str(side) for side in shape)


def _advice(takes: Shape, has: Sequence[int]) -> str:
    """How a user makes images fit, where that is known."""
    (channels, *size), steps = takes, []
    if channels in MODES and channels != has[0]:
        steps.append(f"convert them to {MODES[channels]}")
    if None not in size and size != list(has[1:]):
        known = f", as IMAGES@{size[0]} does" if size[0] == size[1] else ""
        steps.append(f"resize them to {_said(size)}{known}")
    return f": {' and '.join(steps)}" if steps else ""
