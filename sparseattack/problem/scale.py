"""Scale: whether scores are logits, probabilities or labels; recognised where the oracle declares none."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal
from warnings import warn

from sparseattack.errors import InputError, SparseattackWarning

if TYPE_CHECKING:  # a report names the scale of a study's oracle, and imports no torch
    from torch import Tensor

Scale = Literal["logits", "probabilities", "labels"]
"""Of scores ``(n, K)``, as all that computes with them needs it; labels are 1 for one class and else 0."""

ScaleSetting = Literal["auto", "logits", "probabilities", "labels", "binary", "binary-probability"]
"""What an oracle declares; the last two are one score an image, the logit or probability of class 1 of 2."""

SETTINGS: dict[ScaleSetting, Scale | None] = {
    "auto": None,
    "logits": "logits",
    "probabilities": "probabilities",
    "labels": "labels",
    "binary": "logits",
    "binary-probability": "probabilities",
}
ONE_COLUMN = ("binary", "binary-probability")
ROUNDING = 1e-3  # by which a probability in few bits may leave [0, 1]
PERCENT = 100  # sum of percentages
SUM_ROUNDING = 1e-2  # by which the sum of all probabilities of an image may differ from 1
FAR = 50.0  # logits below an image's greatest: a class of a probability that float32 adds to no other


def recognise(who: str, setting: ScaleSetting, scores: "Tensor") -> Scale:
    """The scale of an oracle's ``scores (n, K)``: as declared, else read off the scores.

    Scores in [0, 1] that sum to 1 for every image are probabilities; those in [0, 1] that do not are refused
    with an InputError: they may be independent sigmoids; so are those that sum to 100, which may be
    percentages. Others are logits.
    """
    if declared := SETTINGS[setting]:
        return declared
    if _percentages(scores).all():
        raise InputError(
            f"the scores of {who} lie in [0, 100] and sum to 100 for every image: if they are percentages,"
            " make it return scores / 100; if they are logits, set scale=logits (of a function:"
            ' f.scale = "logits")'
        )
    if not (scores.any() and _in_unit_interval(scores).all()):  # all 0 is no probability and no sigmoid
        return "logits"
    sums = scores.double().sum(1)
    if not ((sums - 1).abs() <= SUM_ROUNDING).all():
        raise InputError(_no_distribution(who, sums, scores.shape[1]))
    return "probabilities"


def greatest(scores: "Tensor") -> "Tensor":
    """How large an image's scores are: the greatest absolute value ``(n,)`` of scores ``(n, K)``.

    One more than FAR below the highest counts as FAR below: a masked class, whose score may be -1e9, would
    hide all else.
    """
    return scores.maximum(scores.amax(-1, keepdim=True) - FAR).abs().amax(-1)


def difference(one: "Tensor", other: "Tensor") -> "Tensor":
    """By how much two scores ``(n, K)`` of an image differ at most, ``(n,)``; not those FAR below in both."""
    below = [scores < scores.amax(-1, keepdim=True) - FAR for scores in (one, other)]
    return (one - other).abs().masked_fill(below[0] & below[1], 0).amax(-1)


def require_scores(strategy: str, who: str, scale: Scale) -> None:
    """Refuse a strategy that searches with all scores where the oracle has labels only."""
    if scale == "labels":
        raise InputError(
            f"{strategy or 'this strategy'} searches with all scores, and {who} answers labels only:"
            " sparse-evo and pointwise are made for labels; random and exhaustive need no scores"
        )


def report_scale(who: str, setting: ScaleSetting, scores: "Tensor") -> None:
    """Say, as SparseattackWarnings, what the scale of ``scores (n, K)`` of n clean images was read from.

    All n images are judged, and the sentences say how many there are: others may have other scores.
    """
    checked = f"in the {len(scores)} images checked" if len(scores) > 1 else "in the one image checked"
    if setting == "binary" and _in_unit_interval(scores[:, 1:]).all():
        _say(
            f"{checked}, all scores of {who} lie in [0, 1]: if they are probabilities, set"
            " scale=binary-probability"
        )
    if setting != "auto" or recognise(who, setting, scores) != "probabilities":
        return
    _say(
        f"the scores of {who} are taken for probabilities: {checked}, they lie in [0, 1] and sum to 1;"
        " scale=logits if they are logits"
    )
    if ((scores == 0) | (scores == 1)).all():
        _say(
            f"{checked}, each score of {who} is 0 or 1: if it returns labels only, set scale=labels; the"
            " search cannot see which images are nearer"
        )


def _no_distribution(who: str, sums: "Tensor", classes: int) -> str:
    """Why scores in [0, 1] with such ``sums`` are not taken for probabilities, and what to set."""
    some = (
        " If they are probabilities of which only the greatest are given, set scale=probabilities (of a"
        ' function: f.scale = "probabilities").'
    )
    return (
        f"the scores of {who} lie in [0, 1] but sum to {float(sums.min()):.3g} to {float(sums.max()):.3g} for"
        f" an image, as {classes} independent sigmoids do: these are no probabilities of one class."
        f"{some if sums.max() <= 1 + SUM_ROUNDING else ''} Make it return logits, before the sigmoid, or set"
        ' scale=logits (of a function: f.scale = "logits") to compare the scores as they are'
    )


def _say(sentence: str) -> None:
    warn(sentence, SparseattackWarning, stacklevel=1)  # one place, so that it is shown once


def _in_unit_interval(scores: "Tensor") -> "Tensor":
    """Mask of the scores in [0, 1], but for rounding."""
    return (scores >= -ROUNDING) & (scores <= 1 + ROUNDING)


def _percentages(scores: "Tensor") -> "Tensor":
    """Mask ``(n,)`` of the images whose scores are percentages, if they are probabilities at all."""
    shares = scores.double() / PERCENT
    return _in_unit_interval(shares).all(1) & ((shares.sum(1) - 1).abs() <= SUM_ROUNDING)


def fit(scores: "Tensor", setting: ScaleSetting) -> "Tensor":
    """Mask ``(n,)`` of the rows of scores ``(n, K)`` that hold what is declared: else finite numbers.

    Probabilities may sum to less than 1: a service may return those of a few classes only.
    """
    if setting == "labels":
        return ((scores == 0) | (scores == 1)).all(1) & (scores.sum(1) == 1)
    if SETTINGS[setting] == "probabilities":
        return _in_unit_interval(scores).all(1) & (scores.double().sum(1) <= 1 + SUM_ROUNDING)
    return scores.isfinite().all(1)


def described(scores: "Tensor", setting: ScaleSetting) -> str:
    """What is wrong with the scores ``(K,)`` of an image that do not ``fit``."""
    if setting == "labels":
        return "scores that are no label, which is 1 for one class and 0 for all others,"
    if scores.isnan().any():
        return "NaN"
    if scores.isinf().any():
        return "an infinite score"
    least, most = float(scores.min()), float(scores.max())
    if least < -ROUNDING or most > 1 + ROUNDING:
        return f"probabilities from {least:.4g} to {most:.4g}"
    return f"scores that sum to {float(scores.double().sum()):.4g}, no probabilities of one class,"


def columns(scores: "Tensor", setting: ScaleSetting, names: Sequence[str]) -> "Tensor":
    """Scores ``(n, K)``: of what is declared to be labels, or one score an image; all else is the same.

    A label ``(n,)`` or ``(n, 1)``, a whole number, becomes 1 for that class of those ``names`` and 0 for the
    others; a logit z becomes 0 and z, a probability p becomes 1 - p and p. InputError for what is no label,
    and for more than one score.
    """
    import torch

    if setting == "labels" and isinstance(scores, torch.Tensor) and not scores.is_floating_point():
        return _of_labels(scores.long(), names)
    if setting not in ONE_COLUMN or not isinstance(scores, torch.Tensor):
        return scores
    if scores.ndim not in (1, 2) or scores.shape[1:].numel() != 1:
        raise InputError(f"scale={setting} is for one score an image, not scores {tuple(scores.shape)}")
    column = scores.reshape(-1, 1)
    return torch.cat([torch.zeros_like(column) if setting == "binary" else 1 - column, column], 1)


def _of_labels(labels: "Tensor", names: Sequence[str]) -> "Tensor":
    """Scores ``(n, K)`` of labels ``(n,)`` or ``(n, 1)``, or of whole numbers ``(n, K)`` that are 0 and 1."""
    import torch

    if labels.ndim == len("nK") and labels.shape[1] > 1:
        return labels.float()
    if not names:
        raise InputError(
            "labels alone do not say how many classes there are: name these, in order, by classes=[...] (of a"
            " function: f.classes = [...]), or return one row of 0 and 1 an image"
        )
    flat = labels.reshape(-1)
    if len(flat) and not 0 <= int(flat.min()) <= int(flat.max()) < len(names):
        wrong = int(flat.max()) if int(flat.max()) >= len(names) else int(flat.min())
        raise InputError(f"label {wrong} is none of the {len(names)} classes, which count from 0")
    return torch.nn.functional.one_hot(flat, len(names)).float()
