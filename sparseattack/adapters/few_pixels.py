"""The one call behind all adapters: attack images as they are, put unchanged pixels back as they came.

Beside it a plain function of tensors, in the style of adversarial-library and AttackBench.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor, nn

from sparseattack.adapters.colour_range import UNIT, ColourRange
from sparseattack.data.images import levels
from sparseattack.errors import InputError, number_of, require
from sparseattack.plugins.registry import load
from sparseattack.problem.fitness import margin_of
from sparseattack.problem.oracle import Classifier, Oracle, evaluation_mode
from sparseattack.problem.problem import Problem
from sparseattack.problem.scale import ScaleSetting
from sparseattack.problem.space import Strategy
from sparseattack.search.loop import attack
from sparseattack.search.outcome import LeftOut, Outcome

Failed = Literal["original", "attempt"]
"""What is returned of an image whose attack failed: the image itself, or its best edit."""

RANK = 4  # n, C, H, W


@dataclass(frozen=True)
class Attacked:
    """What an attack returned: images, the mask of changed pixels, and the outcome of every image."""

    images: Tensor  # (N, C, H, W) as they came, but for the changed pixels
    changed: Tensor  # (N, H, W) bool
    outcomes: tuple[Outcome | LeftOut, ...]  # N, in the order of the images

    @property
    def success(self) -> Tensor:
        """Mask ``(N,)`` of the returned images that are successes; those left out are, as they came."""
        won = [isinstance(one, LeftOut) or one.fooled for one in self.outcomes]
        return torch.tensor(won, dtype=torch.bool, device=self.images.device)

    @property
    def queries(self) -> Tensor:
        """Queries ``(N,)`` int64 that each image cost; 0 of those left out."""
        return torch.tensor([0 if isinstance(one, LeftOut) else one.queries for one in self.outcomes])

    @property
    def first_success(self) -> Tensor:
        """Position ``(N,)`` int64 of each first success, from 1; 0 is none, or left out."""
        return torch.tensor([0 if isinstance(one, LeftOut) else one.first_fooled for one in self.outcomes])

    @property
    def pixels(self) -> Tensor:
        """Pixels ``(N,)`` int64 in which each returned image differs from the one that came."""
        return self.changed.flatten(1).sum(1)


@dataclass(frozen=True)
class FewPixels:
    """The settings of an attack, the same in every adapter; calling one attacks images.

    ``strategy`` and ``encoding`` are names with settings, as on the command line, or a strategy itself.
    ``scale`` says whether a model returns logits or probabilities, by default recognised by its scores of
    clean images.
    """

    pixels: int = 1  # k
    budget: int = 1000  # queries per image
    strategy: str | Strategy = "de"
    encoding: str = "rgb"
    seed: int = 0
    scale: ScaleSetting = "auto"
    failed: Failed = "original"

    def __call__(
        self,
        model: Oracle,
        images: Tensor,
        labels: Tensor,
        *,
        targeted: bool = False,
        colours: ColourRange = UNIT,
    ) -> Attacked:
        """Attack ``images (N, C, H, W)``, which ``model`` takes as they are; ``labels (N,)`` are classes.

        Colours are rounded to 8 bits for the search; ``colours`` is their range. Unchanged pixels are
        returned as they came, and a success for which that makes a difference is evaluated once more, which
        costs no query: if it is none then, its outcome is ``unverified``. An image that is misclassified
        already, or of the target, is returned as it came, and its outcome is a LeftOut. Targeted, ``labels``
        are the classes to be reached. Raises InputError, OracleError and StrategyError.
        """
        require(
            self.failed in {"original", "attempt"},
            f"failed is 'original' or 'attempt', not {self.failed!r}",
        )
        _check(images, labels)
        images = images.detach()
        if not len(images):
            return Attacked(images, images[:, 0].bool(), ())
        strategy = load("strategies", self.strategy) if isinstance(self.strategy, str) else self.strategy
        encoding = load("encodings", self.encoding, {"pixels": self.pixels})()
        oracle = _oracle(model, colours, images.dtype, self.scale)
        clean = levels(colours.to_unit(images))
        problem = Problem(oracle, encoding, clean, labels.to(clean.device, torch.int64), targeted)
        outcomes = attack(problem, strategy, self.budget, self.seed)
        painted = torch.stack([_paint(one, image) for one, image in zip(outcomes, clean, strict=True)])
        returned = _Returned(images, painted, (painted != clean).any(1, keepdim=True), colours)
        verified = _verified(problem, outcomes, returned, model)
        keep = torch.tensor([self._kept(one) for one in verified], device=images.device).view(-1, 1, 1, 1)
        changed = returned.changed & keep
        return Attacked(torch.where(changed, returned.whole, images), changed[:, 0], tuple(verified))

    def _kept(self, outcome: Outcome | LeftOut) -> bool:
        """Whether the edit of an image is returned, rather than the image as it came."""
        if not isinstance(outcome, Outcome):
            return False
        few = outcome.pixels <= self.pixels  # not so of whole images that did not get so near
        return outcome.fooled or (few and self.failed == "attempt")


def few_pixel_attack(
    model: Oracle,
    inputs: Tensor,
    labels: Tensor,
    targeted: bool = False,
    *,
    pixels: int = 1,
    budget: int = 1000,
    strategy: str | Strategy = "de",
    encoding: str = "rgb",
    seed: int = 0,
    scale: ScaleSetting = "auto",
    failed: Failed = "original",
) -> Tensor:
    """Attack ``inputs (N, C, H, W)`` in [0, 1] and return them with few pixels changed, as tensors only.

    ``model`` is any callable that returns scores ``(n, K)``; it is called and nothing else. Targeted,
    ``labels (N,)`` are the classes to be reached. An image whose attack failed is returned as it came.
    """
    settings = FewPixels(pixels, budget, strategy, encoding, seed, scale, failed)
    return settings(model, inputs, labels, targeted=targeted).images


def _check(images: Tensor, labels: Tensor) -> None:
    """Refuse what are no images ``(N, C, H, W)``, and labels that are not one class each."""
    if not isinstance(images, Tensor) or images.ndim != RANK:
        shape = f" {tuple(images.shape)}" if isinstance(images, Tensor) else ""
        raise InputError(f"images are a tensor (N, C, H, W), not {type(images).__name__}{shape}")
    whole = isinstance(labels, Tensor) and not labels.is_floating_point() and labels.dtype != torch.bool
    if not whole or labels.shape != images.shape[:1]:
        found = (
            f"{labels.dtype} {tuple(labels.shape)}" if isinstance(labels, Tensor) else type(labels).__name__
        )
        raise InputError(
            f"labels are one whole number for each of {number_of(len(images), 'image')}, not {found}"
        )


class Converted(nn.Module):
    """A network that is shown images as ``convert`` makes them, in the mode that it is in."""

    def __init__(self, network: nn.Module, convert: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.network, self.convert = network, convert
        self.training = network.training

    def forward(self, images: Tensor) -> Tensor:
        scores: Tensor = self.network(self.convert(images))
        return scores


def _oracle(model: Oracle, colours: ColourRange, dtype: torch.dtype, scale: ScaleSetting) -> Classifier:
    """The model as an oracle: it gets images in the range and type that it takes."""
    known = Classifier.of(model)
    known = known if scale == "auto" else replace(known, scale=scale)
    dtype = _shown(known, dtype)
    if colours.unit and dtype == torch.float32:
        return known

    def convert(images: Tensor) -> Tensor:
        return colours.of_unit(images).to(dtype)

    if isinstance(model, nn.Module):
        return replace(known, scores=Converted(model, convert), answer_edits=None)
    return replace(known, scores=lambda images: known.scores(convert(images)), answer_edits=None)


def _shown(model: Classifier, dtype: torch.dtype) -> torch.dtype:
    """The type in which a model gets images of a type: float32 for whole numbers.

    And for float64, in which arrays of numpy often are, where it is a network without such weights, or an
    oracle of this package.
    """
    if not dtype.is_floating_point:
        return torch.float32
    weights = model.module.parameters() if model.module else ()
    single = bool(model.digest) or (model.module and all(each.dtype != torch.float64 for each in weights))
    return torch.float32 if dtype == torch.float64 and single else dtype


def _paint(outcome: Outcome | LeftOut, image: Tensor) -> Tensor:
    """The image ``(C, H, W)`` with the best edit of its search, if there was one."""
    return outcome.paint(image) if isinstance(outcome, Outcome) and outcome.queries else image


@dataclass(frozen=True)
class _Returned:
    """Images as they came and as they were searched."""

    original: Tensor  # (N, C, H, W) as they came
    painted: Tensor  # the same with edits, in [0, 1]
    changed: Tensor  # (N, 1, H, W) bool
    colours: ColourRange

    @property
    def whole(self) -> Tensor:
        """The edited images in the range and type of the original ones."""
        edited = self.colours.of_unit(self.painted)
        exact = edited if self.original.is_floating_point() else edited.round()
        return exact.to(self.original.dtype)

    def others(self) -> Tensor:
        """Mask ``(N,)`` of images that are others than in the search once unchanged pixels are put back."""
        mixed = torch.where(self.changed, self.whole, self.original)
        return (mixed != self.whole).flatten(1).any(1)


def _verified(
    problem: Problem, outcomes: list[Outcome | LeftOut], returned: _Returned, model: Oracle
) -> list[Outcome | LeftOut]:
    """The outcomes; a success is unverified if it is none as the image that is returned."""
    won = torch.tensor([isinstance(one, Outcome) and one.fooled for one in outcomes])
    places = (won.to(returned.original.device) & returned.others()).nonzero()[:, 0]
    if not len(places):
        return outcomes
    mixed = torch.where(returned.changed, returned.whole, returned.original)[places]
    classifier = replace(Classifier.of(model), scale=problem.classifier.scale)
    mixed = mixed.to(_shown(classifier, mixed.dtype))
    with evaluation_mode(classifier), torch.inference_mode():
        scores = torch.cat([classifier(part) for part in torch.split(mixed, classifier.batch)])
    lost = margin_of(scores, problem.labels[places], problem.targeted) >= 0
    verified = list(outcomes)
    for place, failed in zip(places.tolist(), lost.tolist(), strict=True):
        one = outcomes[place]
        assert isinstance(one, Outcome)
        more = replace(one, verifications=one.verifications + 1)
        verified[place] = replace(more, unverified=True) if failed else more
    return verified
