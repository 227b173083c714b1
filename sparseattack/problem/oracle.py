"""The seam to every classifier: asked in whole blocks of images, its answers checked."""

from collections.abc import Callable
from functools import partial
from typing import Protocol, TypeVar, runtime_checkable

import torch
from torch import Tensor

from sparseattack.errors import InputError, OracleError, brief
from sparseattack.problem.calls import sizes
from sparseattack.problem.edits import Edits
from sparseattack.problem.scores import Numbers, Scale, called, checked

Answer = TypeVar("Answer")


class Oracle(Protocol):
    """Any classifier that answers images ``(n, C, H, W)`` float32 in [0, 1] with scores ``(n, K)``.

    It may also have: ``scale``, "probabilities" where its scores are no logits; ``batch``, the most images
    it takes at once; ``name``; ``answer_edits``; ``exact``, an oracle of the same classes that judges clean
    images and successes, where its own scores are rounded.
    """

    def __call__(self, images: Tensor, /) -> Tensor: ...


@runtime_checkable
class SparseOracle(Protocol):
    """An oracle that can use that a candidate differs from a clean image in few pixels."""

    def answer_edits(self, images: Tensor, rows: Tensor, edits: Edits) -> Tensor | None:
        """Scores ``(n, K)`` of edits of the clean ``images (N, C, H, W)`` numbered ``rows (n,)``.

        They are at most ``batch``, or 256 where that is more.
        None, for all edits of as many pixels in images of this size, where it had rather see them painted.
        """


def scale(oracle: object) -> Scale:
    """What the oracle says its scores are; logits unless it says so."""
    said: Scale = getattr(oracle, "scale", "logits")
    if said not in ("logits", "probabilities"):
        raise OracleError(f"{title(oracle)} says its scores are {said!r}, not logits or probabilities")
    return said


def title(oracle: object) -> str:
    """What to call the oracle in a sentence."""
    name = getattr(oracle, "name", None) or getattr(oracle, "__name__", type(oracle).__name__)
    return f"oracle {name}"


def ask(oracle: Oracle, images: Tensor, numbers: Numbers, pad: int = 0) -> Tensor:
    """Checked scores ``(n, K)`` of ``images (n, C, H, W)``, padded to whole blocks of ``pad``.

    Unless told, a block is PAD images on the CPU, and as many as are shown at once on an accelerator, whose
    kernels depend on their number. ``numbers (n,)`` are what errors call the images.
    """
    short = -len(images) % sizes(oracle, images, pad).block
    shown = torch.cat([images, images[-1:].expand(short, -1, -1, -1)]) if short else images
    scores = _answer(oracle, partial(oracle, shown), numbers)
    return checked(scores, len(shown), numbers, title(oracle), scale(oracle))


def ask_edits(oracle: SparseOracle, images: Tensor, rows: Tensor, edits: Edits) -> Tensor | None:
    """Checked scores ``(n, K)``, as ``answer_edits`` gives them; none where it gives none."""
    scores = _answer(oracle, partial(oracle.answer_edits, images, rows, edits), rows)
    return None if scores is None else checked(scores, len(rows), rows, title(oracle), scale(oracle))


def _answer(oracle: object, call: Callable[[], Answer], numbers: Numbers) -> Answer:
    try:
        return call()
    except InputError:
        raise
    except Exception as error:  # whatever a classifier raises
        raise OracleError(f"{title(oracle)} failed on {called(numbers)}: {brief(error)}") from error
