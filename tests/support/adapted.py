"""The embedded network as a torch module, images for it, and the same attack without an adapter."""

import os
import re
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from warnings import catch_warnings

import pytest
import torch
from torch import Tensor, nn

from sparseattack import LeftOut, Outcome, Problem, Strategy, attack, load, load_images
from sparseattack.oracles.dense_inference.forward import normalise
from sparseattack.oracles.training.recipe import MEAN, STD
from sparseattack.oracles.weights import read_trained
from sparseattack.oracles.zoo import WEIGHTS
from sparseattack.problem.oracle import Oracle

SETTINGS: dict[str, Any] = {
    "pixels": 2,
    "budget": 60,
    "strategy": "random(popsize=20)",
    "encoding": "corners",
    "seed": 5,
}


def library(name: str, command: str) -> Any:
    """A library, or an adapter to one; the module of tests is skipped where it is not installed."""
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")  # GitPython, which foolbox imports, wants git
    with catch_warnings(action="ignore", category=DeprecationWarning):  # foolbox's import of scipy
        return pytest.importorskip(name, reason=f"{name} is not installed: {command}")


def block(name: str) -> str:
    """A block of code of docs/models.md, by the word after its language."""
    page = (Path(__file__).parents[2] / "docs" / "models.md").read_text(encoding="utf-8")
    (code,) = re.findall(rf"^```python {re.escape(name)}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    return str(code)


@cache
def bare_network() -> nn.Module:
    """The embedded network, for normalised images."""
    return read_trained(WEIGHTS / "allconv-small.safetensors")[0].eval()


@cache
def network() -> nn.Module:
    """The embedded network, for images in [0, 1]."""
    return nn.Sequential(normalise(MEAN, STD), bare_network()).eval()


class Given(NamedTuple):
    images: Tensor  # (N, 3, 32, 32) multiples of 1/255
    labels: Tensor  # (N,)


@cache
def given(count: int = 8) -> Given:
    """The first embedded images; among them are some that are misclassified, some fooled and some not."""
    held = load_images(f"sample[20:{20 + count}]")
    return Given(held.floats(), held.labels)


def directly(
    labels: Tensor, *, targeted: bool = False, oracle: Oracle | None = None, images: Tensor | None = None
) -> list[Outcome | LeftOut]:
    """The outcomes of the same attack by ``attack()``."""
    strategy: Strategy = load("strategies", "random(popsize=20)")
    encoding = load("encodings", "corners(pixels=2)")()
    images = given().images if images is None else images
    problem = Problem(oracle or network(), encoding, images, labels, targeted)
    return attack(problem, strategy, 60, 5)


def facts(outcome: Outcome | LeftOut) -> tuple[object, ...]:
    """What must be the same whichever way an attack was made."""
    if isinstance(outcome, LeftOut):
        return outcome.image, outcome.reason
    edit = outcome.positions.tolist(), outcome.colours.tolist(), outcome.values
    return outcome.image, *edit, outcome.queries, outcome.first_fooled, outcome.pixels, outcome.fooled


def painted(outcomes: list[Outcome | LeftOut], *, failures: bool, images: Tensor | None = None) -> Tensor:
    """The images with the edits of successes, and of failures if wanted."""
    images = given().images if images is None else images
    edited = images.clone()
    for place, one in enumerate(outcomes):
        if isinstance(one, Outcome) and (one.fooled or failures):
            edited[place] = one.paint(images[place])
    return edited


def changed_pixels(before: Tensor, after: Tensor) -> list[int]:
    """How many pixels ``(N, C, H, W)`` differ at all, image by image."""
    counts: list[int] = (before != after).any(1).flatten(1).sum(1).tolist()
    return counts


def predicted(images: Tensor) -> Tensor:
    """The network's classes ``(N,)``."""
    with torch.inference_mode():
        classes: Tensor = network()(images).argmax(1)
    return classes
