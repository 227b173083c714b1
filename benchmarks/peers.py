"""Other libraries' few-pixel attacks on one image, set up to be run."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sparseattack import InputError

from .meter import Meter

POPSIZE = 400  # which ART fixes
FOREVER = 10**6  # generations, where the meter ends an attack
GENES = 5  # of a pixel: row, column, colours

Attack = Callable[[], Tensor]
"""Attacks; the image ``(1, C, H, W)`` that it returns."""


@dataclass(frozen=True)
class Peer:
    """An attack, and how many generations make a budget."""

    name: str
    ours: str  # our strategy that searches in the same way
    start: Callable[[Meter, int], Attack]  # with so many generations
    generations: Callable[[int, int], int]  # of a budget and k


def one_pixel(meter: Meter, steps: int, popsize: int = POPSIZE) -> Attack:
    """Torchattacks' OnePixel: differential evolution, best/1, on the probability of the true class."""
    from torchattacks import OnePixel

    attack = OnePixel(meter, pixels=meter.k, steps=steps, popsize=popsize)
    label = torch.tensor([meter.label])
    return lambda: attack(meter.image, label)


def art_de(meter: Meter, steps: int) -> Attack:
    """ART's PixelAttack with differential evolution, best/1."""
    return _pixel_attack(meter, steps, es=1)


def art_cma(meter: Meter, steps: int) -> Attack:
    """ART's PixelAttack with CMA-ES."""
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


def members(k: int) -> int:
    """Of the population of both libraries' differential evolution: a multiple of the genes."""
    genes = GENES * k
    return max(5, max(1, POPSIZE // genes) * genes)


def _offspring(k: int) -> int:
    return 4 + int(3 * np.log(GENES * k))  # of CMA-ES


DE = "de(base=best,start=uniform)"
PEERS = (
    Peer("torchattacks OnePixel", DE, one_pixel, lambda b, k: (b - members(k)) // (members(k) + 1)),
    Peer("ART PixelAttack, DE", DE, art_de, lambda b, k: (b - 1 - members(k)) // (members(k) + 1)),
    Peer("ART PixelAttack, CMA-ES", "cmaes", art_cma, lambda b, k: (b - 1) // (_offspring(k) + 1)),
)


def check_installed() -> None:
    """Refuse where a library is absent."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import_module("torchattacks")
            import_module("art.attacks.evasion")
    except ImportError as error:
        wanted = "pip install --no-deps -r benchmarks/requirements.txt"
        raise InputError(f"other libraries are not measured, {error.name} is absent: {wanted}") from error
