"""Few-pixel attacks of foolbox: ``L0FewPixelAttack()(fmodel, images, labels, epsilons=[1, 3])``."""

from collections.abc import Iterable
from dataclasses import replace
from numbers import Real
from typing import Any

import eagerpy as ep
import torch
from foolbox.attacks.base import Attack, get_criterion
from foolbox.criteria import Misclassification, TargetedMisclassification
from torch import Tensor

from sparseattack.adapters.colour_range import ColourRange
from sparseattack.adapters.few_pixels import Attacked, Failed, FewPixels
from sparseattack.adapters.layout import back, channels_last, first
from sparseattack.errors import InputError
from sparseattack.problem.scale import ScaleSetting
from sparseattack.problem.space import Strategy


class L0FewPixelAttack(Attack):  # type: ignore[misc]  # what foolbox holds is of any type
    """An attack of foolbox whose epsilons are the most pixels that may change, each at ``budget`` queries.

    A pixel counts once, whatever its channels. Inputs are tensors of any library that foolbox takes, or
    arrays; ``channels_first`` is needed where the model has no ``data_format`` and the sides leave it open.
    As foolbox does, an image whose attack failed is returned as its best attempt, unless
    ``failed="original"``; both have at most epsilon pixels changed. ``last`` has the outcomes by epsilon.
    """

    last: dict[int, Attacked]

    def __init__(
        self,
        budget: int = 1000,
        *,
        strategy: str | Strategy = "de",
        encoding: str = "rgb",
        seed: int = 0,
        scale: ScaleSetting = "auto",
        failed: Failed = "attempt",
        channels_first: bool | None = None,
    ) -> None:
        self._settings = FewPixels(1, budget, strategy, encoding, seed, scale, failed)
        self._channels_first = channels_first

    def __call__(self, model: Any, inputs: Any, criterion: Any, *, epsilons: Any) -> tuple[Any, Any, Any]:
        """Adversarial inputs, the same clipped to epsilon, and the mask of successes ``(N,)``.

        Lists, and ``(len(epsilons), N)``, where ``epsilons`` is a sequence; each epsilon is an attack of its
        own. ``criterion`` is labels ``(N,)``, ``Misclassification`` or ``TargetedMisclassification``. An
        image that fulfils it already is a success, as it came.
        """
        several = isinstance(epsilons, Iterable)
        pixels = [_whole(epsilon) for epsilon in (epsilons if several else [epsilons])]
        x = ep.astensor(inputs)
        given = inputs if not isinstance(inputs, ep.Tensor) else None
        labels, targeted = _classes(get_criterion(criterion))
        last = channels_last(self._last(model), x.shape)
        oracle = _Model(model, x, last)
        colours = ColourRange.between(*model.bounds)
        self.last = {}
        for k in dict.fromkeys(pixels):
            settings = replace(self._settings, pixels=k)
            images = first(_tensor(x), last)
            self.last[k] = settings(
                oracle, images, labels.to(images.device), targeted=targeted, colours=colours
            )
        found = [self.last[k] for k in pixels]

        def native(tensor: Tensor) -> Any:
            made = _like(x, tensor)
            return made if given is None else made.raw

        adversarial = [native(back(one.images, last)) for one in found]
        success = torch.stack([one.success for one in found])
        if several:
            return adversarial, list(adversarial), native(success)
        return adversarial[0], adversarial[0], native(success[0])

    def repeat(self, times: int) -> Attack:
        """Refused: a repeat with the same seed is the same search."""
        raise InputError(
            f"{times} repeats with one seed are one search: give it a larger budget, or other seeds"
        )

    def _last(self, model: Any) -> bool | None:
        """Whether the model takes channels last; None if neither it nor the setting says so."""
        if self._channels_first is not None:
            return not self._channels_first
        known = getattr(model, "data_format", None)
        return None if known is None else bool(known == "channels_last")


class _Model:
    """A model of foolbox as an oracle of torch tensors, which it is shown as those of its library."""

    def __init__(self, model: Any, like: Any, last: bool) -> None:
        self.model, self.like, self.last = model, like, last
        self.name = type(model).__name__

    def __call__(self, images: Tensor) -> Tensor:
        answer = self.model(_like(self.like, back(images, self.last)).raw)
        return _tensor(ep.astensor(answer)).to(images.device)


def _tensor(x: Any) -> Tensor:
    """A tensor of any library that foolbox takes as one of torch."""
    return x.raw.detach() if isinstance(x.raw, Tensor) else torch.tensor(x.numpy())


def _like(x: Any, tensor: Tensor) -> Any:
    """A torch tensor as one of the library of ``x``."""
    return ep.astensor(tensor) if isinstance(x.raw, Tensor) else ep.from_numpy(x, tensor.cpu().numpy())


def _whole(epsilon: object) -> int:
    """An epsilon as a number of pixels."""
    if not isinstance(epsilon, Real) or epsilon < 1 or epsilon % 1:
        raise InputError(f"an epsilon is a number of pixels, 1, 2, 3 and so on, not {epsilon!r}")
    return int(float(epsilon))


def _classes(criterion: object) -> tuple[Tensor, bool]:
    """The classes ``(N,)`` of a criterion, and whether they are targets."""
    if isinstance(criterion, Misclassification):
        return _tensor(criterion.labels), False
    if isinstance(criterion, TargetedMisclassification):
        return _tensor(criterion.target_classes), True
    raise InputError(
        f"the criterion is labels, Misclassification or TargetedMisclassification, not {criterion!r}"
    )
