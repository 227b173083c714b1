"""What a search learns from each query: the fitness alone, or the lead over every class."""

from typing import Literal, NamedTuple

import torch
from torch import Tensor

from sparseattack import InputError, Space

CLASSES = 9  # closest classes whose leads are modelled
DISTANT = 1e4  # times the closest lead: a class so far away, such as a masked one, is rounding and no more
LARGE = 1e12  # what values and leads are cut to: their squares are finite
TINY = torch.finfo(torch.float32).tiny  # stands for a probability of 0, which has no logarithm

Modelled = Literal["auto", "fitness", "all"]


class Answers(NamedTuple):
    """J numbers modelled for each of B images; a success is below 0 in any of them, or in every one."""

    clean: Tensor  # (B, J) of the clean images
    classes: Tensor | None  # (B, J) whose leads they are; None for the fitness alone
    distant: Tensor  # (B, J) bool, leads that are rounding and no more
    every: bool

    @classmethod
    def of(cls, space: Space, modelled: Modelled) -> "Answers":
        """The answers that a space offers; ``auto`` takes all scores for an untargeted margin.

        Targeted they gained nothing in measurements.
        """
        if modelled == "fitness" or (modelled == "auto" and (space.targeted or not shows_margin(space))):
            clean = cut(space.clean_values[:, :1].float())
            return cls(clean, None, torch.zeros_like(clean, dtype=torch.bool), False)
        if not shows_margin(space):
            raise InputError("additive-gp's scores=all needs the fitness margin: use scores=fitness")
        scores = logarithms(space, space.clean_scores)
        leads = lead(scores, space.labels, space.targeted).scatter(1, space.labels[:, None], torch.nan)
        order = leads.sort(dim=1, descending=space.targeted, stable=True).indices  # NaN is the highest
        count = min(CLASSES, leads.shape[1] - 1)
        classes = order[:, 1 : count + 1] if space.targeted else order[:, :count]
        clean = cut(leads.gather(1, classes))
        distant = clean.abs() > DISTANT * clean[:, :1].abs().clamp(min=1)
        return cls(clean, classes, distant, space.targeted)

    def read(self, space: Space, values: Tensor) -> Tensor:
        """The answers ``(B, J)`` of the candidate yielded last, of ``values (B, 1, M)``."""
        if self.classes is None:
            return cut(values[:, 0, :1])
        scores = logarithms(space, space.scores[:, 0])
        leads = cut(lead(scores, space.labels, space.targeted).gather(1, self.classes))
        return torch.where(self.distant, self.clean, leads)


def cut(values: Tensor) -> Tensor:
    """Values in ``[-LARGE, LARGE]``; NaN, of an image that was not asked, stays."""
    return values.clamp(-LARGE, LARGE)


def shows_margin(space: Space) -> bool:
    """Whether the fitness is the margin, and scores are there."""
    return space.success_below is not None


def logarithms(space: Space, scores: Tensor) -> Tensor:
    """Logits or logarithms of probabilities."""
    return scores.float() if space.scale == "logits" else scores.float().clamp(min=TINY).log()


def lead(scores: Tensor, labels: Tensor, targeted: bool) -> Tensor:
    """Lead of the label over every class ``(B, K)``, or of every class over the label if targeted."""
    leads = scores.gather(1, labels[:, None]) - scores
    return -leads if targeted else leads
