"""What a strategy promises about whole attacks, with every query counted by the oracle itself."""

from dataclasses import replace

from sparseattack.conformance.problems import IMAGES, ContractError, Counting, length, problem
from sparseattack.errors import InputError
from sparseattack.problem.problem import Problem
from sparseattack.problem.space import Strategy
from sparseattack.search.loop import attack
from sparseattack.search.outcome import Outcome


def keeps_to_the_budget(strategy: Strategy) -> str:
    """Whatever the budget and the group, no query is too many and none is missing from the account."""
    for budget in (1, length(strategy) // 2, length(strategy)):
        for group in range(1, IMAGES + 1):
            _counted(problem(strategy), strategy, budget, group)
    return ""


def same_in_any_group(strategy: Strategy) -> str:
    """An image's outcome depends neither on the group it is searched in nor on the images' order."""
    budget, usual = length(strategy), problem(strategy)
    turned = replace(usual, images=usual.images.flip(0), oracle=Counting())
    expected = [_account(each) for each in _counted(usual, strategy, budget, 1)]
    if expected != [_account(each) for each in _counted(problem(strategy), strategy, budget, IMAGES)]:
        raise ContractError("it came to other outcomes in groups of one and of three images")
    if expected != [_account(each) for each in _counted(turned, strategy, budget, 2)[::-1]]:
        raise ContractError("it came to other outcomes with the images in another order")
    return ""


def bears_three_pixels(strategy: Strategy) -> str:
    """It searches three pixels, or says that it cannot."""
    try:
        _counted(problem(strategy, pixels=3), strategy, length(strategy), IMAGES)
    except InputError as refusal:
        return f"for k=1 only: {refusal}"
    return ""


def bears_other_images(strategy: Strategy) -> str:
    """It searches grey, flat, tall and tiny images, and such of many channels."""
    for shape in ((1, 12, 12), (4, 1, 30), (3, 30, 1), (1, 1, 1), (3, 1, 1)):
        _counted(problem(strategy, shape), strategy, length(strategy), IMAGES)
    return ""


def _counted(ground: Problem, strategy: Strategy, budget: int, group: int) -> list[Outcome]:
    """The outcomes, if they agree with what the oracle saw."""
    outcomes = attack(ground, strategy, budget, group=group)
    assert isinstance(ground.oracle, Counting)
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
