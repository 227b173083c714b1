"""Starts: the given images that targeted searches begin with, of strategies that begin with another image."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from sparseattack.experiment.cases import Case
from sparseattack.experiment.clean import CleanEvaluation
from sparseattack.plugins.spec import Plugin, uses_of
from sparseattack.provenance import digest


def start_of(clean: CleanEvaluation, contents: Sequence[str], case: Case) -> int | None:
    """The image that a targeted search of a case begins with; None where no given one is of the target.

    One of the same size that the oracle takes for the target: that whose digest with the case's is lowest.
    """
    if case.target < 0:
        return None
    shape = clean.floats[case.image].shape
    of_target: list[int] = (clean.predictions.classes == case.target).nonzero()[:, 0].tolist()
    fitting = [image for image in of_target if clean.floats[image].shape == shape]
    return min(fitting, key=lambda image: digest([contents[case.image], contents[image]]), default=None)


def starts_of(clean: CleanEvaluation, places: Sequence[int | None]) -> Tensor | None:
    """The images ``(n, C, H, W)`` at these places, NaN where there is none; None if there are none at all."""
    known = [clean.floats[place] for place in places if place is not None]
    if not known:
        return None
    blank = torch.full_like(known[0], torch.nan)
    return torch.stack([blank if place is None else clean.floats[place] for place in places])


def note_of_labels(clean: CleanEvaluation, strategies: Mapping[str, Plugin]) -> tuple[str, ...]:
    """A sentence about strategies that labels do not guide, where the oracle answers no more; else none."""
    blind = [text for text, plugin in strategies.items() if "start" not in uses_of(plugin)]
    if clean.predictions.scale != "labels" or not blind:
        return ()
    return (
        f"{clean.oracle} answers labels only: all candidates of {', '.join(blind)} look alike until one"
        " succeeds, and confidences are 1; sparse-evo and pointwise are made for labels",
    )
