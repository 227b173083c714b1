"""The contract of a strategy as fourteen clauses, each tried on small problems: ``sparseattack check``."""

import pickle
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from sparseattack.conformance.problems import (
    IMAGES,
    READS,
    ContractError,
    CountingOracle,
    Generation,
    ObjectiveFunction,
    candidates_of,
    problem,
    run_search,
    search_budget,
    search_space,
    sphere,
    watched,
)
from sparseattack.errors import InputError, SparseattackError
from sparseattack.plugins.spec import uses_of
from sparseattack.problem.problem import Problem
from sparseattack.problem.space import Strategy
from sparseattack.search.isolation import IsolatedRandomState
from sparseattack.search.loop import attack
from sparseattack.search.outcome import Outcome


@dataclass(frozen=True)
class Finding:
    """Whether a strategy satisfies a clause, and a note: how it fails, or what else is worth knowing."""

    clause: str
    ok: bool
    note: str


def check(strategy: Strategy) -> list[Finding]:
    """Try every clause on a strategy whose settings are bound."""
    return [_finding(sentence, clause, strategy) for sentence, clause in CLAUSES.items()]


def searches_every_image(strategy: Strategy) -> str:
    """It yields float32 candidates in the unit cube for every image until its budget is spent."""
    return _spends_budget(strategy, sphere)


def accepts_equal_values(strategy: Strategy) -> str:
    """It continues when no candidate is better than another."""
    return _spends_budget(strategy, lambda generation, candidates: torch.ones(candidates.shape[:2]))


def _spends_budget(strategy: Strategy, objective: ObjectiveFunction) -> str:
    space, budget = search_space(strategy), search_budget(strategy)
    generations = run_search(strategy, space, objective, budget)
    for image in range(IMAGES):
        if (queries := len(candidates_of(generations, image))) < budget:
            reason = space.journal.errors.get(image, "it yielded no more candidates")
            raise ContractError(
                f"it ended the search of an image after {queries} of {budget} queries: {reason}"
            )
    return ""


def accepts_tiny_spaces(strategy: Strategy) -> str:
    """It continues, or yields no more candidates, when there are 256 of them and the budget is 400."""
    tiny = search_space(strategy, (1, 1, 1), images=1, budget=400)
    run_search(strategy, tiny, sphere, 400)
    if tiny.journal.errors:
        raise ContractError(f"it ended with an error: {tiny.journal.errors[0]}")
    return ""


def same_beside_others(strategy: Strategy) -> str:
    """It searches an image the same alone and beside others, in any order."""
    together, every = run(strategy), range(IMAGES)
    reversed_ = run(strategy, every[::-1])
    for image in every:
        alone = candidates_of(run(strategy, [image]), 0)
        _same(candidates_of(together, image), alone, "for an image alone and beside others")
        _same(alone, candidates_of(reversed_, IMAGES - 1 - image), "for images in another order")
    return ""


def run(
    strategy: Strategy, images: Sequence[int] = range(IMAGES), objective: ObjectiveFunction = sphere
) -> list[Generation]:
    """A search of some of the three images without an oracle, from the start."""
    return run_search(strategy, search_space(strategy).at(images), objective, search_budget(strategy))


def same_when_repeated(strategy: Strategy) -> str:
    """Its random numbers come from the space alone, not from a clock or a global random state."""
    with IsolatedRandomState(np.random.default_rng(1)).active():
        first = run(strategy)
    with IsolatedRandomState(np.random.default_rng(2)).active():
        second = run(strategy)
    for image in range(IMAGES):
        same_seed = "the second time, with the same seed"
        _same(candidates_of(first, image), candidates_of(second, image), same_seed)
    return ""


def same_after_another_finished(strategy: Strategy) -> str:
    """It searches the other images the same when one is cut short within a generation and then finished."""

    def interrupted(generation: int, candidates: Tensor) -> Tensor:
        values = sphere(generation, candidates)
        if generation > 0:
            values[1, candidates.shape[1] // 2 if generation == 1 else 0 :] = torch.inf
        return values

    usual, other = (run(strategy, objective=each) for each in (sphere, interrupted))
    for image in (0, IMAGES - 1):
        _same(candidates_of(usual, image), candidates_of(other, image), "after another image was finished")
    return ""


def _same(one: Tensor, other: Tensor, when: str) -> None:
    if not torch.equal(one, other):
        raise ContractError(f"it yielded other candidates {when}")


def leaves_global_random_states(strategy: Strategy) -> str:
    """The global random states of numpy, torch and Python stay as they are."""
    with IsolatedRandomState(np.random.default_rng(1)).active():
        np.random.standard_normal()  # numpy keeps the second of a pair for later: that must stay, too
        before = _global_random_states()
        run(strategy)
        changed = [name for name, state in _global_random_states().items() if state != before[name]]
    if changed:
        raise ContractError(f"it changed the global random state of {' and '.join(changed)}")
    return ""


def _global_random_states() -> dict[str, bytes]:
    states = {
        "numpy": np.random.get_state(),
        "torch": torch.get_rng_state().numpy(),
        "Python": random.getstate(),
    }
    return {name: pickle.dumps(state) for name, state in states.items()}


def leaves_its_candidates(strategy: Strategy) -> str:
    """It does not write to a tensor of candidates after yielding it."""
    yielded: list[tuple[Tensor, Tensor]] = []

    def copied(generation: int, candidates: Tensor) -> Tensor:
        yielded.append((candidates, candidates.clone()))
        return sphere(generation, candidates)

    run(strategy, objective=copied)
    if any(not torch.equal(now.nan_to_num(-1), then.nan_to_num(-1)) for now, then in yielded):
        raise ContractError("it wrote to candidates that it had yielded before")
    return ""


def respects_the_budget(strategy: Strategy) -> str:
    """No budget is exceeded and every query is counted, whatever the budget and the group size."""
    for budget in (1, search_budget(strategy) // 2, search_budget(strategy)):
        for group in range(1, IMAGES + 1):
            _attack(problem(strategy), strategy, budget, group)
    return ""


def same_in_any_group(strategy: Strategy) -> str:
    """An image's outcome depends neither on the group that it is searched in nor on the images' order."""
    budget, usual = search_budget(strategy), problem(strategy)
    reversed_ = replace(usual, images=usual.images.flip(0), oracle=CountingOracle())
    expected = [_content(each) for each in _attack(usual, strategy, budget, 1)]
    if expected != [_content(each) for each in _attack(problem(strategy), strategy, budget, IMAGES)]:
        raise ContractError("it reached other outcomes in groups of one and of three images")
    if expected != [_content(each) for each in _attack(reversed_, strategy, budget, 2)[::-1]]:
        raise ContractError("it reached other outcomes with the images in another order")
    return ""


def searches_several_pixels(strategy: Strategy) -> str:
    """It searches three pixels, or refuses to with an InputError."""
    try:
        _attack(problem(strategy, pixels=3), strategy, search_budget(strategy), IMAGES)
    except InputError as refusal:
        return f"for k=1 only: {refusal}"
    return ""


def searches_other_images(strategy: Strategy) -> str:
    """It searches images of one and four channels, of one row or column, and of one pixel, or refuses to."""
    refusals = []
    for shape in ((1, 12, 12), (4, 1, 30), (3, 30, 1), (1, 1, 1), (3, 1, 1)):
        try:
            _attack(problem(strategy, shape), strategy, search_budget(strategy), IMAGES)
        except InputError as refusal:
            refusals.append(f"{refusal}")
    return f"not for all images: {refusals[0]}" if refusals else ""


def uses_what_it_declares(strategy: Strategy) -> str:
    """It reads nothing that it has not declared with ``uses``, not even to try."""
    space, budget = watched(search_space(strategy)), search_budget(strategy)
    run_search(strategy, space, sphere, budget)
    declared = uses_of(strategy)
    if undeclared := [READS[name] for name in space.read if READS[name] not in declared]:
        names = ", ".join(f'"{use}"' for use in sorted({*undeclared, *declared}))
        raise ContractError(f"it reads what it has not declared: write @uses({names}) above its function")
    unread = declared.intersection(READS.values()) - {READS[name] for name in space.read}
    return f"it declares {', '.join(sorted(unread))} and did not read it here" if unread else ""


def same_with_twice_the_budget(strategy: Strategy) -> str:
    """Its first queries are the same whatever the budget, unless it has declared that it uses the budget."""
    if "budget" in uses_of(strategy):
        return ""
    budget = search_budget(strategy) - 1  # cuts a generation
    fewer, more = (_attack(problem(strategy), strategy, count, IMAGES) for count in (budget, 2 * budget))
    for one, other in zip(fewer, more, strict=True):
        if one.trace != tuple(step for step in other.trace if step[0] <= budget):
            raise ContractError(f"it had other values in its first {budget} queries with twice the budget")
    return ""


def _attack(tried: Problem, strategy: Strategy, budget: int, group: int) -> list[Outcome]:
    """The outcomes; ContractError unless they agree with the queries that the oracle counted."""
    every = attack(tried, strategy, budget, group=group, clean="keep")
    outcomes = [each for each in every if isinstance(each, Outcome)]
    assert isinstance(tried.oracle, CountingOracle)
    for each in outcomes:
        queries = tried.oracle.seen[each.image] + each.repeats
        if queries != each.queries or queries > budget:
            raise ContractError(f"it cost {queries} queries of {budget}, and {each.queries} were reported")
        if each.error:
            height, width = tried.images.shape[2:]
            raise ContractError(f"it ended the search of an image of {height} x {width} pixels: {each.error}")
    return outcomes


def _content(outcome: Outcome) -> tuple[object, ...]:
    """What must be the same in two outcomes of one image."""
    edit = outcome.positions.tolist(), outcome.colours.tolist()
    return *edit, outcome.values, outcome.queries, outcome.restarts, outcome.trace


Clause = Callable[[Strategy], str]
"""Raises ContractError, or whatever the strategy raises; returns a note, usually empty."""

CLAUSES: dict[str, Clause] = {
    "yields candidates in the unit cube for every image until its budget is spent": searches_every_image,
    "continues when all values are equal": accepts_equal_values,
    "continues, or yields nothing more, when there are few candidates": accepts_tiny_spaces,
    "searches an image the same alone and beside others, in any order": same_beside_others,
    "repeats exactly with the same seed": same_when_repeated,
    "searches the other images the same when one is cut short or finished": same_after_another_finished,
    "leaves the global random states unchanged": leaves_global_random_states,
    "does not write to candidates that it has yielded": leaves_its_candidates,
    "costs no more queries than the budget, and each is counted": respects_the_budget,
    "reaches the same outcomes in groups of any size and order": same_in_any_group,
    "knows nothing that it has not declared": uses_what_it_declares,
    "does the same with twice the budget, unless it uses the budget": same_with_twice_the_budget,
    "searches several pixels": searches_several_pixels,
    "searches grey, narrow and tiny images": searches_other_images,
}


def _finding(sentence: str, clause: Clause, strategy: Strategy) -> Finding:
    try:
        return Finding(sentence, True, clause(strategy))
    except (ContractError, SparseattackError) as error:
        return Finding(sentence, False, str(error))
