"""The contract of a strategy as a list of clauses, each tried on small problems.

What a strategy promises about its questions.

What a strategy promises about whole attacks, with every query counted by the oracle itself.

What a strategy promises about chance: each image has a stream of its own, and nothing else is random.
"""

import pickle
import random
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from sparseattack.conformance.problems import (
    IMAGES,
    ContractError,
    CountingOracle,
    ObjectiveFunction,
    candidates_of,
    problem,
    run_search,
    search_budget,
    space,
    sphere,
)
from sparseattack.errors import InputError, SparseattackError
from sparseattack.problem.problem import Problem
from sparseattack.problem.space import Strategy
from sparseattack.search.loop import attack
from sparseattack.search.outcome import Outcome
from sparseattack.search.per_image import IsolatedRandomState


def asks_about_every_image(strategy: Strategy) -> str:
    """Float32 candidates in the cube, about every image until its budget is spent."""
    return _spent(strategy, sphere)


def bears_flat_values(strategy: Strategy) -> str:
    """It goes on where no candidate is better than another."""
    return _spent(strategy, lambda turn, candidates: torch.ones(candidates.shape[:2]))


def bears_little_to_find(strategy: Strategy) -> str:
    """It goes on, or asks nothing more, where there are but 256 candidates, far fewer than queries."""
    tiny = problem(strategy, (1, 1, 1)).space(slice(1), 400, seed=0, key="conformance")
    run_search(strategy, tiny, sphere)
    if tiny.journal.errors:
        raise ContractError(f"it gave up: {tiny.journal.errors[0]}")
    return ""


def leaves_its_questions_alone(strategy: Strategy) -> str:
    """What was asked is not written to later."""
    kept: list[tuple[Tensor, Tensor]] = []

    def keep(turn: int, candidates: Tensor) -> Tensor:
        kept.append((candidates, candidates.clone()))
        return sphere(turn, candidates)

    run_search(strategy, space(strategy), keep)
    if any(not torch.equal(now.nan_to_num(-1), then.nan_to_num(-1)) for now, then in kept):
        raise ContractError("it wrote to candidates that it had asked with before")
    return ""


def _spent(strategy: Strategy, answer: ObjectiveFunction) -> str:
    here = space(strategy)
    turns = run_search(strategy, here, answer)
    for place in range(IMAGES):
        if (asked := len(candidates_of(turns, place))) < here.budget:
            why = here.journal.errors.get(place, "it asked nothing more")
            raise ContractError(f"it gave up an image after {asked} of {here.budget} queries: {why}")
    return ""


def keeps_to_the_budget(strategy: Strategy) -> str:
    """Whatever the budget and the group, no query is too many and none is missing from the account."""
    for budget in (1, search_budget(strategy) // 2, search_budget(strategy)):
        for group in range(1, IMAGES + 1):
            _counted(problem(strategy), strategy, budget, group)
    return ""


def same_in_any_group(strategy: Strategy) -> str:
    """An image's outcome depends neither on the group it is searched in nor on the images' order."""
    budget, usual = search_budget(strategy), problem(strategy)
    turned = replace(usual, images=usual.images.flip(0), oracle=CountingOracle())
    expected = [_account(each) for each in _counted(usual, strategy, budget, 1)]
    if expected != [_account(each) for each in _counted(problem(strategy), strategy, budget, IMAGES)]:
        raise ContractError("it came to other outcomes in groups of one and of three images")
    if expected != [_account(each) for each in _counted(turned, strategy, budget, 2)[::-1]]:
        raise ContractError("it came to other outcomes with the images in another order")
    return ""


def bears_three_pixels(strategy: Strategy) -> str:
    """It searches three pixels, or says that it cannot."""
    try:
        _counted(problem(strategy, pixels=3), strategy, search_budget(strategy), IMAGES)
    except InputError as refusal:
        return f"for k=1 only: {refusal}"
    return ""


def bears_other_images(strategy: Strategy) -> str:
    """It searches grey, flat, tall and tiny images, and such of many channels."""
    for shape in ((1, 12, 12), (4, 1, 30), (3, 30, 1), (1, 1, 1), (3, 1, 1)):
        _counted(problem(strategy, shape), strategy, search_budget(strategy), IMAGES)
    return ""


def _counted(ground: Problem, strategy: Strategy, budget: int, group: int) -> list[Outcome]:
    """The outcomes, if they agree with what the oracle saw."""
    outcomes = attack(ground, strategy, budget, group=group)
    assert isinstance(ground.oracle, CountingOracle)
    for each in outcomes:
        cost = ground.oracle.seen[each.image] + each.repeats
        if cost != each.queries or cost > budget:
            raise ContractError(f"it cost {cost} queries of {budget}, and {each.queries} were reported")
        if each.error:
            height, width = ground.images.shape[2:]
            raise ContractError(f"it gave up an image of {height} x {width} pixels: {each.error}")
    return outcomes


def _account(outcome: Outcome) -> tuple[object, ...]:
    edit = outcome.positions.tolist(), outcome.colours.tolist()
    return *edit, outcome.values, outcome.queries, outcome.restarts, outcome.trace


def same_in_any_company(strategy: Strategy) -> str:
    """An image is asked the same alone and beside others, in whatever order."""
    streams = [space(strategy).streams for _ in range(3)]
    here = space(strategy)
    together = run_search(strategy, replace(here, streams=streams[0]), sphere)
    turned = run_search(strategy, replace(here, streams=streams[1][::-1]), sphere)
    for place, stream in enumerate(streams[2]):
        alone = run_search(strategy, replace(here, streams=(stream,)), sphere)
        _same(
            candidates_of(together, place), candidates_of(alone, 0), "about an image alone and beside others"
        )
        _same(
            candidates_of(alone, 0),
            candidates_of(turned, IMAGES - 1 - place),
            "about images in another order",
        )
    return ""


def same_when_repeated(strategy: Strategy) -> str:
    """All its chance comes from the space: no clock, no global random state."""
    with IsolatedRandomState(np.random.default_rng(1)).active():
        once = run_search(strategy, space(strategy), sphere)
    with IsolatedRandomState(np.random.default_rng(2)).active():
        again = run_search(strategy, space(strategy), sphere)
    for place in range(IMAGES):
        _same(candidates_of(once, place), candidates_of(again, place), "the second time, with the same seed")
    return ""


def leaves_others_alone(strategy: Strategy) -> str:
    """An image that is cut short in mid-turn and asked no more changes nothing for the others."""

    def cut(turn: int, candidates: Tensor) -> Tensor:
        values = sphere(turn, candidates)
        if turn > 0:
            values[1, candidates.shape[1] // 2 if turn == 1 else 0 :] = torch.inf
        return values

    usual, disturbed = (run_search(strategy, space(strategy), answer) for answer in (sphere, cut))
    for place in (0, IMAGES - 1):
        _same(
            candidates_of(usual, place), candidates_of(disturbed, place), "after another image was finished"
        )
    return ""


def leaves_global_chance_alone(strategy: Strategy) -> str:
    """The random states of numpy, torch and Python stay as they are."""
    with IsolatedRandomState(np.random.default_rng(1)).active():
        np.random.standard_normal()  # half of a pair is kept for later: that must stay, too
        before = _chance()
        run_search(strategy, space(strategy), sphere)
        changed = [name for name, state in _chance().items() if state != before[name]]
    if changed:
        raise ContractError(f"it changed the global random state of {' and '.join(changed)}")
    return ""


def _same(one: Tensor, other: Tensor, when: str) -> None:
    if not torch.equal(one, other):
        raise ContractError(f"it asked other questions {when}")


def _chance() -> dict[str, bytes]:
    states = {
        "numpy": np.random.get_state(),
        "torch": torch.get_rng_state().numpy(),
        "Python": random.getstate(),
    }
    return {name: pickle.dumps(state) for name, state in states.items()}


Clause = Callable[[Strategy], str]
"""Raises ContractError, or what the strategy raises; returns a note, empty if there is nothing to say."""

CLAUSES: dict[str, Clause] = {
    "asks about every image, in the cube, until its budget is spent": asks_about_every_image,
    "goes on where all values are equal": bears_flat_values,
    "goes on, or asks nothing more, where there is little to find": bears_little_to_find,
    "asks about an image the same in any company and order": same_in_any_company,
    "asks the same when repeated": same_when_repeated,
    "goes on as before when an image is cut short or finished": leaves_others_alone,
    "leaves the global random states alone": leaves_global_chance_alone,
    "writes to nothing it has asked with": leaves_its_questions_alone,
    "costs no query more than the budget, and each is counted": keeps_to_the_budget,
    "comes to the same outcomes in any group and order": same_in_any_group,
    "searches several pixels": bears_three_pixels,
    "searches grey, narrow and tiny images": bears_other_images,
}


@dataclass(frozen=True)
class Finding:
    """Whether a strategy keeps a clause, and in words what it did or what is worth knowing."""

    clause: str
    ok: bool
    words: str


def check(strategy: Strategy) -> list[Finding]:
    """Try every clause on a strategy whose settings are bound."""
    return [_finding(sentence, clause, strategy) for sentence, clause in CLAUSES.items()]


def _finding(sentence: str, clause: Clause, strategy: Strategy) -> Finding:
    try:
        return Finding(sentence, True, clause(strategy))
    except (ContractError, SparseattackError) as error:
        return Finding(sentence, False, str(error))
