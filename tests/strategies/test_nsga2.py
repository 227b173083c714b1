"""The objectives of NSGA-II."""

import torch
from problems import random_images
from spaces import generations, space
from torch import Tensor

from sparseattack import Problem, attack, load, rgb, spent
from sparseattack.plugins.spec import further
from sparseattack.problem.fitness import l2, margin
from sparseattack.strategies.nsga2 import nsga2

BOTH = ("margin", "l2")


def test_it_declares_the_change_s_length_as_second_objective() -> None:
    assert further(nsga2) == ("l2",)
    assert further(load("strategies", "nsga2(popsize=8)")) == ("l2",)


def test_lower_values_of_either_objective_survive() -> None:
    """Told that the first gene is good in one objective and the last in the other, it finds both ends."""
    search = nsga2(space(0, budget=2000, objectives=BOTH), popsize=20)
    candidates = next(search)
    for _ in range(60):
        candidates = search.send(
            torch.stack([candidates[..., 0], 1 - candidates[..., 0]], 2) + cost(candidates)
        )
    assert candidates[..., 0].min() < 0.1 and candidates[..., 0].max() > 0.9
    assert candidates[..., 1:].mean() < 0.2


def cost(candidates: Tensor) -> Tensor:
    return candidates[..., 1:].sum(2, keepdim=True)


def test_its_pareto_set_is_kept() -> None:
    oracle = load("oracles", "linear(classes=3,inputs=90)")()
    images = random_images(3)
    problem = Problem(oracle, rgb(), images, oracle(images).argmax(1), fitness=(margin, l2), until=spent)
    for outcome in attack(problem, nsga2, 200):
        margins = [point.values[0] for point in outcome.front]
        lengths = [point.values[1] for point in outcome.front]
        order = sorted(range(len(margins)), key=lengths.__getitem__)
        assert len(order) > 2 and [margins[i] for i in order] == sorted(margins, reverse=True)
        assert all(0 <= length <= 3**0.5 for length in lengths)


def test_turns_are_generations() -> None:
    asked = generations(nsga2(space(0), popsize=12), 1.0, 1.0)
    assert [each.shape for each in asked] == [(1, 12, 5)] * 3
