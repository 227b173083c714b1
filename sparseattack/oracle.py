"""The seam to every classifier: asked in batches of one shape of size, its answers checked."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from sparseattack.edits import Edits
from sparseattack.errors import OracleError
from sparseattack.queries import Scale

PAD = 32  # a network's floats may depend on how many images it is shown, least so in whole blocks


class Oracle(Protocol):
    """Any classifier that answers images ``(n, C, H, W)`` float32 in [0, 1] with scores ``(n, K)``.

    It may also have: ``scale``, "probabilities" where its scores are no logits; ``batch``, the most images
    it takes at once; ``name``; ``answer_edits``.
    """

    def __call__(self, images: Tensor, /) -> Tensor: ...


@runtime_checkable
class SparseOracle(Protocol):
    """An oracle that can use that a candidate differs from a clean image in few pixels."""

    def answer_edits(self, images: Tensor, rows: Tensor, edits: Edits) -> Tensor:
        """Scores ``(n, K)`` of edits of the clean ``images (N, C, H, W)`` numbered ``rows (n,)``."""


def scale(oracle: Oracle) -> Scale:
    """What the oracle says its scores are; logits unless it says so."""
    said: Scale = getattr(oracle, "scale", "logits")
    if said not in ("logits", "probabilities"):
        raise OracleError(f"{title(oracle)} says its scores are {said!r}, not logits or probabilities")
    return said


def title(oracle: Oracle) -> str:
    """What to call the oracle in a sentence."""
    name = getattr(oracle, "name", None) or getattr(oracle, "__name__", type(oracle).__name__)
    return f"oracle {name}"


def ask(oracle: Oracle, images: Tensor, rows: Sequence[int], pad: int = PAD) -> Tensor:
    """Checked scores ``(n, K)`` of ``images (n, C, H, W)``, padded to whole blocks of ``pad``."""
    short = -len(images) % pad
    shown = torch.cat([images, images[-1:].expand(short, -1, -1, -1)]) if short else images
    try:
        scores = oracle(shown)
    except Exception as error:
        raise OracleError(f"{title(oracle)} failed on {_named(rows)}: {_brief(error)}") from error
    return checked(oracle, scores, len(shown), rows)[: len(images)]


def checked(oracle: Oracle, scores: Tensor, count: int, rows: Sequence[int]) -> Tensor:
    """``scores``, if a classifier could have answered them to ``count`` images."""
    who = title(oracle)
    if not isinstance(scores, Tensor) or not scores.is_floating_point():
        kind = scores.dtype if isinstance(scores, Tensor) else type(scores).__name__
        raise OracleError(f"{who} answered {kind}, not a tensor of floats, to {_named(rows)}")
    if scores.ndim != 2 or len(scores) != count or scores.shape[1] < 2:  # noqa: PLR2004
        raise OracleError(
            f"{who} answered scores of shape {tuple(scores.shape)} to {count} images, not ({count}, classes)"
            f" with at least 2 classes; asked about {_named(rows)}"
        )
    if not (finite := scores[: len(rows)].isfinite().all(1)).all():
        bad = int((~finite).nonzero()[0, 0])
        said = "NaN" if scores[bad].isnan().any() else "an infinite score"
        raise OracleError(f"{who} answered {said} for {_named(rows[bad : bad + 1])}")
    return scores


def _named(rows: Sequence[int]) -> str:
    numbers = sorted(set(rows))
    if len(numbers) == 1:
        return f"image {numbers[0]}"
    return f"{len(numbers)} images from {numbers[0]} to {numbers[-1]}"


def _brief(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0] if lines else 'no message'}"
