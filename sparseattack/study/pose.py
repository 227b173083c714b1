"""Cases of a comparison, posed as a problem."""

from collections.abc import Sequence

import torch

from sparseattack.problem import criteria
from sparseattack.problem.problem import Problem
from sparseattack.search.contract import started, turn
from sparseattack.study.cases import Case, aims
from sparseattack.study.experiment import Condition
from sparseattack.study.prepared import Prepared


def pose(prepared: Prepared, condition: Condition, chosen: Sequence[Case]) -> Problem:
    """The cases, side by side, under one condition."""
    return Problem(
        prepared.oracle,
        prepared.encodings[condition.encoding, condition.pixels],
        prepared.floats,
        aims(chosen, prepared.images.labels).to(prepared.floats.device),
        targeted=prepared.experiment.target != "none",
        fitness=prepared.fitness[condition.strategy],
        until=criteria.rule(prepared.experiment.until),
        cases=torch.tensor([case.image for case in chosen], dtype=torch.int64),
    )


def rehearse(prepared: Prepared) -> None:
    """Start every search on one image and ask nothing: what a strategy refuses, it refuses here."""
    for condition in prepared.experiment.conditions():
        problem = pose(prepared, condition, [Case(0, 0)])
        space = problem.space(slice(0, 1), prepared.experiment.budget, condition.seed, condition.strategy)
        who = f"strategy {condition.strategy}"
        search = started(prepared.strategies[condition.strategy], space, who)
        turn(search, None, space, who)
        search.close()
