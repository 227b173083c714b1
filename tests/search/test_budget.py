"""No image costs more queries than its budget, and what is reported is what the oracle saw."""

import sys
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st
from problems import ScriptedOracle, attack, flat_images, image_numbers, scripted_problem, uniform
from registered import registered

from sparseattack import InputError, Outcome, Problem, Strategy, corners, rgb, several, spent
from sparseattack.plugins import registry
from sparseattack.plugins.spec import extra_objectives, settings_of
from sparseattack.problem.fitness import fooled, margin

NEVER = sys.maxsize


@st.composite
def attacks(draw: st.DrawFn, smallest: int = 1) -> dict[str, Any]:
    """A population, a budget, pixels, images, when each of them fools, and how they are put together."""
    count = draw(st.integers(1, 4))
    return {
        "popsize": draw(st.integers(smallest, 20)),
        "budget": draw(st.integers(1, 60)),
        "pixels": draw(st.integers(1, 3)),
        "fools": draw(
            st.lists(st.one_of(st.integers(1, 70), st.just(NEVER)), min_size=count, max_size=count)
        ),
        "batch": draw(st.sampled_from([1, 7, 256])),
        "group": draw(st.integers(1, 4)),
        "until": draw(st.sampled_from([fooled, spent])),
        "encoding": draw(st.sampled_from([rgb, corners])),
    }


def made(strategy: Strategy, chosen: dict[str, Any]) -> tuple[Problem, list[Outcome]]:
    """An attack in which image i is fooled from its query ``fools[i]`` on; each row of a call is a query."""
    fools = chosen["fools"]
    oracle = ScriptedOracle(lambda place, query: query >= fools[place], chosen["batch"])
    objectives = (registry.load("fitness", name) for name in extra_objectives(strategy))
    problem = scripted_problem(
        count=len(fools),
        oracle=oracle,
        encoding=chosen["encoding"](pixels=chosen["pixels"]),
        until=chosen["until"],
        fitness=(margin, *objectives),
        predictions=scripted_problem(count=len(fools)).clean,  # known, and shown to another oracle
    )
    return problem, attack(problem, strategy, chosen["budget"], group=chosen["group"])


def agree(problem: Problem, outcomes: list[Outcome], chosen: dict[str, Any]) -> None:
    """Whether the accounts are those of the oracle."""
    assert isinstance(problem.oracle, ScriptedOracle)
    assert sum(problem.oracle.seen.values()) == sum(problem.oracle.calls)
    assert max(problem.oracle.calls) <= chosen["batch"]
    for outcome, fools in zip(outcomes, chosen["fools"], strict=True):
        assert not outcome.error
        assert outcome.queries == problem.oracle.seen[outcome.image] <= chosen["budget"]
        assert outcome.first_fooled == (fools if fools <= outcome.queries else 0)
        assert outcome.fooled == (outcome.values[0] < 0)
        assert outcome.pixels <= chosen["pixels"]


@settings(max_examples=150)
@given(attacks())
def test_any_population_under_any_budget(chosen: dict[str, Any]) -> None:
    popsize, budget = chosen["popsize"], chosen["budget"]
    problem, outcomes = made(partial(uniform, popsize=popsize), chosen)
    agree(problem, outcomes, chosen)
    for outcome, fools in zip(outcomes, chosen["fools"], strict=True):
        stops = fools <= budget and chosen["until"] is fooled
        last = -(-fools // popsize) * popsize if stops else budget  # the end of the generation of its success
        assert outcome.queries == min(last, budget)


@settings(max_examples=60)
@given(attacks(), st.integers(0, 2**32))
def test_populations_may_differ_between_images_and_generations(chosen: dict[str, Any], seed: int) -> None:
    def wavering(space: Any) -> Any:
        """As many as each image's own stream says, the rest left empty."""
        while True:
            asked = space.uniform(chosen["popsize"])
            asked[space.uniform(chosen["popsize"], 1)[..., 0] < 0.4] = float("nan")
            asked[:, -1] = 0.5
            yield asked

    problem, outcomes = made(wavering, chosen)
    agree(problem, outcomes, chosen)
    spent_all = [each for each in outcomes if not each.fooled or chosen["until"] is spent]
    assert all(each.queries == chosen["budget"] for each in spent_all)


@pytest.mark.parametrize(
    "name", [one for one in registered(start=False) if one.values != ("torchattacks-pixle",)]
)
@settings(max_examples=12, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
@given(attacks(smallest=4))
def test_every_registered_strategy(name: str, chosen: dict[str, Any]) -> None:
    """But Pixle, which needs squares, and those that begin with another image: the contract tests them."""
    plugin = registry.find("strategies", name)
    own = {"popsize": chosen["popsize"]} if "popsize" in settings_of(plugin) else {}
    try:
        problem, outcomes = made(partial(plugin, **own), chosen)
    except InputError:
        reject()  # it refuses these settings, or so many pixels
    agree(problem, outcomes, chosen)


def test_images_of_one_colour_are_distinguished_after_edits() -> None:
    images = flat_images(4)
    problem = scripted_problem(count=4, encoding=corners(pixels=14), images=images)
    outcomes = attack(problem, uniform, 50)
    painted = [outcome.paint(image) for image, outcome in zip(images, outcomes, strict=True)]
    assert [image_numbers(image[None]) for image in painted] == [[0], [1], [2], [3]]


def test_padding_is_no_query() -> None:
    problem = scripted_problem(count=1, pad=32)
    outcome = attack(problem, uniform, 10)[0]
    assert isinstance(problem.oracle, ScriptedOracle)
    assert problem.oracle.calls == [32, 32] and outcome.queries == 10


@pytest.mark.parametrize(("budget", "group", "seed"), [(0, 1, 0), (-5, 1, 0), (1, 0, 0), (1, 1, -1)])
def test_what_cannot_be_counted_is_refused(budget: int, group: int, seed: int) -> None:
    with pytest.raises(
        InputError, match=r"^(budget|group) is a whole number from 1, not|^seed is .* from 0, not -1"
    ):
        attack(scripted_problem(), uniform, budget, seed, group=group)


def test_several_objectives_cost_one_query() -> None:
    chosen = {
        "budget": 20, "fools": [NEVER, 5], "batch": 256, "group": 2,
        "until": spent, "encoding": rgb, "pixels": 2,
    }  # fmt: skip
    problem, outcomes = made(several("l0", "l2")(partial(uniform, popsize=6)), chosen)
    agree(problem, outcomes, chosen)
    assert all(len(outcome.values) == 3 and outcome.front for outcome in outcomes)
