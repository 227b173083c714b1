"""An image's outcome is its own, bit for bit: whatever is attacked beside it, and however that is done."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from problems import attack, outcome_facts, random_images, uniform
from registered import registered

from sparseattack import Oracle, Problem, Strategy, corners, load, load_images, rgb, several
from sparseattack.plugins import registry
from sparseattack.plugins.spec import extra_objectives, settings_of
from sparseattack.problem.fitness import l0, l2, margin
from sparseattack.problem.verification import classify

MANY = 100


class Limited:
    """An oracle that takes fewer images at once."""

    def __init__(self, oracle: Oracle, batch: int) -> None:
        self.oracle, self.batch = oracle, batch
        self.answer_edits = getattr(oracle, "answer_edits", None)

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        assert len(images) <= self.batch
        return self.oracle(images)


@pytest.fixture(scope="module", params=[True, False], ids=["sparse", "dense"])
def network(request: pytest.FixtureRequest) -> Problem:
    """The embedded network on images of its kind."""
    oracle = load("oracles", "allconv-small")()
    images = load_images("sample").floats()[:MANY]
    labels = classify(oracle, images).classes
    return Problem(oracle, rgb(pixels=3), images, labels, sparse=request.param)


def linear(count: int, **others: Any) -> Problem:
    oracle = load("oracles", "linear(classes=3)")()
    images = random_images(count, (3, 5, 4))
    given: dict[str, Any] = {
        "oracle": oracle,
        "encoding": corners(pixels=2),
        "labels": oracle(images).argmax(1),
    }
    return Problem(images=images, **(given | others))


def accounts(problem: Problem, strategy: Strategy, budget: int, rows: list[int], **put: Any) -> list[Any]:
    """Of the images ``rows``, in that order."""
    chosen = replace(problem, images=problem.images[rows], labels=problem.labels[rows])
    return [outcome_facts(outcome) for outcome in attack(chosen, strategy, budget, seed=3, key="it", **put)]


def test_a_hundred_images_before_a_network(network: Problem) -> None:
    every = list(range(len(network.images)))
    together = accounts(network, uniform, 20, every)
    assert any(fooled for *_, fooled, _, _, _, _ in together)
    assert accounts(network, uniform, 20, every[::-1], group=7)[::-1] == together
    small = replace(network, oracle=Limited(network.oracle, 32))
    assert accounts(small, uniform, 20, every, group=len(every)) == together
    for place in (0, 41, len(every) - 1):
        assert accounts(network, uniform, 20, [place]) == [together[place]]


@pytest.mark.parametrize(
    "name", ["random(popsize=9)", "de(popsize=9)", "sparse-rs", "additive-gp", "cmaes", "nsga2(popsize=9)"]
)
def test_strategies_before_a_network(network: Problem, name: str) -> None:
    strategy, rows = load("strategies", name), [3, 14, 15, 92]
    put = partial(accounts, network, strategy, 40)
    together = put(rows)
    assert put(rows[::-1], group=1) == together[::-1]
    assert put([9, *rows, 27], group=4)[1:-1] == together


@pytest.mark.parametrize("name", registered(any_colours=True))
def test_every_registered_strategy(name: str) -> None:
    plugin = registry.find("strategies", name)
    strategy = partial(plugin, **({"popsize": 20} if "popsize" in settings_of(plugin) else {}))
    declared = tuple(load("fitness", objective) for objective in extra_objectives(strategy))
    problem = linear(7, fitness=(margin, *declared), encoding=corners())
    together = accounts(problem, strategy, 150, list(range(7)))
    assert len({str(one) for one in together}) == 7
    assert accounts(problem, strategy, 150, [6, 2, 4], group=2) == [together[place] for place in (6, 2, 4)]
    assert accounts(problem, strategy, 150, [5]) == [together[5]]


@settings(max_examples=40)
@given(st.permutations(range(6)), st.integers(1, 6), st.integers(1, 7), st.sampled_from([1, 5, 32, 256]))
def test_order_group_and_batch(order: list[int], group: int, kept: int, batch: int) -> None:
    usual = linear(6, fitness=(margin, l0, l2))
    strategy = several("l0", "l2")(partial(uniform, popsize=5))
    expected = accounts(usual, strategy, 33, list(range(6)))
    rows = order[:kept]
    other = replace(usual, oracle=Limited(usual.oracle, batch), pad=min(batch, 32))
    assert accounts(other, strategy, 33, rows, group=group) == [expected[row] for row in rows]


def test_equal_images_have_equal_outcomes_and_others_do_not() -> None:
    problem = linear(2)
    first, second, third = accounts(problem, uniform, 30, [0, 1, 0])
    assert first == third != second


@pytest.mark.parametrize(
    "change",
    [
        lambda problem: attack(problem, uniform, 30, seed=4, key="it"),
        lambda problem: attack(problem, uniform, 30, seed=3, key="other"),
        lambda problem: attack(replace(problem, labels=problem.labels + 1), uniform, 30, seed=3, key="it"),
    ],
    ids=["seed", "key", "label"],
)
def test_seed_key_and_label_make_another_stream(change: Callable[[Problem], Any]) -> None:
    problem = replace(linear(2), labels=torch.tensor([0, 1]))
    before = attack(problem, uniform, 30, seed=3, key="it")
    again = attack(problem, uniform, 30, seed=3, key="it")
    assert [outcome_facts(each) for each in before] == [outcome_facts(each) for each in again]
    assert [each.trace for each in change(problem)] != [each.trace for each in before]
