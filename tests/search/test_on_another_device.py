"""Everything an attack computes stays on the images' device, and it finds there what it finds on the CPU."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from emulated_device import emulated, waits
from problems import attack, outcome_facts, random_images
from registered import registered

from sparseattack import Problem, corners, load, rgb, spent
from sparseattack.problem.fitness import l0, margin

SHAPE = (3, 5, 4)


def problem(**others: Any) -> Problem:
    oracle = load("oracles", "linear(classes=3)")()
    images = random_images(3, SHAPE)
    given = {"encoding": corners(pixels=2), "images": images, "labels": oracle(images).argmax(1)}
    return Problem(oracle, **(given | others))


def moved(problem: Problem, device: str) -> Problem:
    names = ("images", "labels", "cases")
    there = {name: value.to(device) for name in names if (value := getattr(problem, name)) is not None}
    return replace(problem, **there)


def facts(problem: Problem, strategy: str, budget: int = 40) -> list[tuple[object, ...]]:
    found = attack(problem, load("strategies", strategy), budget, seed=3, key="it")
    return [outcome_facts(one) for one in found]


def same(problem: Problem, strategy: str) -> None:
    """The search finds the same on the emulated device."""
    with emulated() as device:
        there = facts(moved(problem, device), strategy)
    assert there == facts(problem, strategy)


def test_tensors_of_two_devices_do_not_mix() -> None:
    with emulated() as device:
        here, there = torch.ones(3), torch.ones(3).to(device)
        assert (there + there).device.type == device
        assert there[torch.tensor([0])].tolist() == [1]  # as torch allows
        mixtures: list[Callable[[], Any]] = [
            lambda: here + there,
            lambda: here[there.long()],
            lambda: torch.cat([there, here]),
        ]
        for mixed in mixtures:
            with pytest.raises(RuntimeError, match="same device"):
                mixed()
        with pytest.raises(TypeError, match="numpy"):
            there.numpy()


def test_what_the_cpu_must_know_is_counted() -> None:
    with emulated() as device:
        there = torch.arange(3).to(device)
        asked: list[Callable[[], Any]] = [
            there.cpu,
            there[1].item,
            there.nonzero,
            lambda: there[there > 1],
            there.tolist,
        ]
        for count, wait in enumerate(asked, 1):
            wait()
            assert waits.total() == count
        there.sum()
        assert waits.total() == len(asked)


@pytest.mark.parametrize("strategy", registered(start=False))
def test_every_strategy_finds_there_what_it_finds_on_the_cpu(strategy: str) -> None:
    same(problem(encoding=rgb(pixels=1 if strategy == "exhaustive" else 2)), strategy)


@pytest.mark.parametrize(
    "others", [{"until": spent}, {"noisy": True}, {"repeat": True}, {"fitness": (margin, l0)}]
)
def test_other_questions(others: dict[str, Any]) -> None:
    same(problem(**others), "nsga2(popsize=8)")


def test_a_mask_targets_and_cases() -> None:
    mask = torch.arange(20).view(5, 4) % 3 > 0
    cases, labels = torch.tensor([1, 1, 2]), torch.tensor([0, 2, 1])
    for encoding in (rgb(pixels=2), corners(pixels=2)):
        chosen = problem(encoding=encoding, mask=mask, targeted=True, cases=cases, labels=labels)
        same(chosen, "de(popsize=8)")
        same(chosen, "sparse-rs")
