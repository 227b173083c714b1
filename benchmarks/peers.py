"""Few-pixel attacks of other libraries on one image, and the meter that counts their queries."""

import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from time import perf_counter
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sparseattack import InputError
from sparseattack.data.images import eight_bit, levels

SAME = 1e-4  # a channel that differs by less is unchanged


class AttackEndedError(Exception):
    """Raised to end an attack at its first success or at its budget."""


class Meter(nn.Module):
    """The network, with its rows ``(n, C, H, W)`` counted.

    It can end the attack, by an exception, at the budget and at the first row that is misclassified and
    differs from the clean image in at most ``k`` pixels. Its own time is measured, to be subtracted. The
    network gets at most ``most`` rows at once, its fastest batch.
    """

    def __init__(self, network: nn.Module, image: Tensor, label: int, k: int, most: int = 64) -> None:
        super().__init__()
        self.network, self.image, self.label, self.k, self.most = network, image, label, k, most
        self.budget, self.stops = sys.maxsize, False
        self.queries = self.calls = self.first = 0
        self.own = 0.0  # seconds
        self.found: Tensor | None = None  # (1, C, H, W) that fooled first

    def stop(self, budget: int) -> "Meter":
        """The meter, set to end the attack at the first success or the budget."""
        self.budget, self.stops = budget, True
        return self

    @torch.inference_mode()
    def forward(self, images: Tensor) -> Tensor:
        """Scores ``(n, K)``; AttackEndedError at the first success, and for rows beyond the budget."""
        kept = images[: self.budget - self.queries]
        scores = torch.cat([self.network(part) for part in torch.split(kept, self.most)])
        start = perf_counter()
        self._note(kept, scores)
        cut = len(kept) < len(images) or self.queries == self.budget
        self.own += perf_counter() - start
        if self.stops and (self.first or cut):
            raise AttackEndedError
        return scores

    def _note(self, images: Tensor, scores: Tensor) -> None:
        hits = self.fools(images, scores).nonzero()[:, 0]
        if len(hits) and not self.first:
            self.first = self.queries + int(hits[0]) + 1
            self.found = images[hits[:1]].clone()
        self.queries += len(images)
        self.calls += 1

    def fools(self, images: Tensor, scores: Tensor) -> Tensor:
        """Which rows are successes: ``(n,)`` bool; a tie is none."""
        own, others = scores[:, self.label], scores.clone()
        others[:, self.label] = -torch.inf
        changed = ((images - self.image).abs() > SAME).any(1).sum((1, 2))
        return (others.amax(1) > own) & (changed <= self.k)

    @torch.inference_mode()
    def holds(self, images: Tensor, rounded: bool) -> bool:
        """Whether an image ``(1, C, H, W)``, ``rounded`` to 8 bits or not, is a success; not counted."""
        checked = levels(eight_bit(images)) if rounded else images
        return bool(self.fools(checked, self.network(checked)))


POPSIZE = 400  # fixed by ART
FOREVER = 10**6  # generations, if the meter ends the attack
GENES = 5  # of a pixel: row, column, colours

Attack = Callable[[], Tensor]
"""Runs an attack; returns its image ``(1, C, H, W)``."""


@dataclass(frozen=True)
class Peer:
    """An attack of another library, and its number of generations in a budget."""

    name: str
    ours: str  # our strategy with the same search
    start: Callable[[Meter, int], Attack]  # for a number of generations
    generations: Callable[[int, int], int]  # of a budget and k


def one_pixel(meter: Meter, steps: int, popsize: int = POPSIZE) -> Attack:
    """OnePixel of torchattacks: differential evolution, best/1, on the probability of the true class."""
    from torchattacks import OnePixel

    attack = OnePixel(meter, pixels=meter.k, steps=steps, popsize=popsize)
    label = torch.tensor([meter.label])
    return lambda: attack(meter.image, label)


def art_de(meter: Meter, steps: int) -> Attack:
    """PixelAttack of ART with differential evolution, best/1."""
    return _pixel_attack(meter, steps, es=1)


def art_cma(meter: Meter, steps: int) -> Attack:
    """PixelAttack of ART with CMA-ES."""
    return _pixel_attack(meter, steps, es=0)


def _pixel_attack(meter: Meter, steps: int, *, es: int) -> Attack:
    from art.attacks.evasion import PixelAttack
    from art.estimators.classification import PyTorchClassifier

    classes = meter.network(meter.image).shape[1]
    shape: tuple[int, ...] = tuple(meter.image.shape[1:])
    victim: Any = PyTorchClassifier(
        meter, torch.nn.CrossEntropyLoss(), shape, classes, clip_values=(0.0, 1.0), device_type="cpu"
    )
    attack = PixelAttack(victim, th=meter.k, es=es, max_iter=steps, verbose=False)
    label = np.array([meter.label])
    return lambda: torch.from_numpy(np.asarray(attack.generate(meter.image.numpy(), label)))


def peer_popsize(k: int) -> int:
    """Population of differential evolution in both libraries: a multiple of the genes."""
    genes = GENES * k
    return max(5, max(1, POPSIZE // genes) * genes)


def _offspring(k: int) -> int:
    return 4 + int(3 * np.log(GENES * k))  # of CMA-ES


DE = "de(variant=best1,init=uniform)"
PEERS = (
    Peer("torchattacks OnePixel", DE, one_pixel, lambda b, k: (b - peer_popsize(k)) // (peer_popsize(k) + 1)),
    Peer("ART PixelAttack, DE", DE, art_de, lambda b, k: (b - 1 - peer_popsize(k)) // (peer_popsize(k) + 1)),
    Peer("ART PixelAttack, CMA-ES", "cmaes", art_cma, lambda b, k: (b - 1) // (_offspring(k) + 1)),
)


def check_installed() -> None:
    """Raise InputError with the command that installs them, if a library is absent."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import_module("torchattacks")
            import_module("art.attacks.evasion")
    except ImportError as error:
        wanted = "pip install --no-deps -r benchmarks/requirements.txt"
        raise InputError(f"other libraries are not measured, {error.name} is absent: {wanted}") from error
