"""What README says of bit-identical outcomes, network by network: in any order, in groups and alone."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from problems import attack, outcome_facts, random_images
from sklearn.neural_network import MLPClassifier
from small_networks import VisionTransformer, cnn, mlp
from torch import Tensor, nn

from sparseattack import Oracle, Outcome, Problem, corners, load, load_images, spent
from sparseattack.problem.verification import classify

COUNT, BUDGET = 4, 24


def estimator() -> MLPClassifier:
    digits = load_images("digits")
    rows = digits.floats().flatten(1).numpy()
    return MLPClassifier((32,), max_iter=40, tol=0.1, n_iter_no_change=2, random_state=0).fit(
        rows, digits.labels.numpy()
    )


def made(make: Callable[[], nn.Module]) -> nn.Module:
    torch.manual_seed(0)
    return make().eval()


def small(oracle: Oracle) -> tuple[Oracle, Tensor]:
    return oracle, random_images(COUNT, (3, 16, 16))


def network(make: Callable[[], nn.Module]) -> tuple[Oracle, Tensor]:
    """By the package's oracle for torch networks, which asks for blocks."""
    plugin = load("oracles", "torch", {"module": f"small_networks:{make.__name__}"})
    torch.manual_seed(0)
    return small(plugin())


class Found(NamedTuple):
    """An oracle on some images."""

    oracle: Oracle
    images: Tensor
    labels: Tensor


def digits(oracle: Oracle) -> tuple[Oracle, Tensor]:
    return oracle, load_images(f"digits[0:{COUNT}]").floats()


def scikit_learn_mlp() -> tuple[Oracle, Tensor]:
    return digits(load("oracles", "sklearn", {"estimator": f"{__name__}:estimator"})())


def numpy_function() -> tuple[Oracle, Tensor]:
    """A matrix product in numpy, by a plain function."""
    weights = np.random.default_rng(0).standard_normal((64, 10)).astype(np.float32)
    return digits(lambda images: torch.from_numpy(images.flatten(1).numpy() @ weights))


CASES: dict[str, Callable[[], tuple[Oracle, Tensor]]] = {
    "forest": lambda: digits(load("oracles", "digits-forest(trees=10)")()),
    "scikit-learn MLP": scikit_learn_mlp,
    "numpy function": numpy_function,
    **{f"{make.__name__} as a module": partial(lambda make: small(made(make)), make) for make in (mlp, cnn)},
    "ViT as a module": lambda: small(made(VisionTransformer)),
}


@pytest.fixture(scope="module", params=CASES)
def found(request: pytest.FixtureRequest) -> Found:
    oracle, images = CASES[request.param]()
    return Found(oracle, images, classify(oracle, images).classes)


def outcomes(found: Found, rows: list[int], name: str, **others: Any) -> list[Outcome]:
    settings = {"de": {"popsize": 10}}.get(name, {})
    strategy = load("strategies", name, settings)
    usual = Problem(found.oracle, corners(pixels=2), found.images[rows], found.labels[rows], checked=True)
    here = replace(usual, until=spent) if name == "sparse-rs" else usual
    return attack(here, strategy, BUDGET, seed=1, **others)


def kept(outcome: Outcome) -> tuple[object, ...]:
    """All but the seconds and the values of the candidates that are not kept."""
    edit = outcome.positions.tolist(), outcome.colours.tolist(), outcome.values, outcome.pixels
    return *edit, outcome.queries, outcome.repeats, outcome.first_fooled, outcome.restarts, outcome.met


@pytest.mark.parametrize("name", ["random", "de", "sparse-rs"])
def test_outcomes_are_the_same_in_a_batch_in_any_order_in_groups_and_one_by_one(
    found: Found, name: str
) -> None:
    every = list(range(COUNT))
    together = list(map(kept, outcomes(found, every, name)))
    assert list(map(kept, outcomes(found, every[::-1], name)))[::-1] == together
    assert list(map(kept, outcomes(found, every, name, group=2))) == together
    assert [kept(outcomes(found, [row], name)[0]) for row in every] == together


@pytest.mark.parametrize("name", ["random", "sparse-rs"])
@pytest.mark.parametrize("make", [mlp, cnn, VisionTransformer], ids=["mlp", "cnn", "vit"])
def test_in_blocks_the_values_of_every_candidate_are_the_same_too(
    make: Callable[[], nn.Module], name: str
) -> None:
    oracle, images = network(make)
    found = Found(oracle, images, classify(oracle, images).classes)
    every = list(range(COUNT))
    together = list(map(outcome_facts, outcomes(found, every, name)))
    assert list(map(outcome_facts, outcomes(found, every[::-1], name)))[::-1] == together
    assert outcome_facts(outcomes(found, [2], name)[0]) == together[2]


@pytest.mark.shared
def test_a_resnet_in_onnx_has_the_same_outcomes(shared: Path) -> None:
    oracle = load("oracles", "onnx", {"path": str(shared / "resnet20_cifar10.onnx")})()
    images = load_images(f"{shared / 'cifar10_test_first5000.npz'}[0:{COUNT}]").floats()
    found = Found(oracle, images, classify(oracle, images).classes)
    every = list(range(COUNT))
    together = list(map(outcome_facts, outcomes(found, every, "random")))
    assert list(map(outcome_facts, outcomes(found, every[::-1], "random")))[::-1] == together
    assert outcome_facts(outcomes(found, [2], "random")[0]) == together[2]
