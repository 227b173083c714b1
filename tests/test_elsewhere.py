"""Searches in processes of their own: the same results, while others are answered."""

import multiprocessing
import os
from pathlib import Path
from time import sleep
from typing import Any

import numpy as np
import pytest
import torch
from worlds import account, witnessed

from sparseattack import ImageSearch, InputError, Space, StrategyError, apart, attack, load, per_image
from sparseattack.elsewhere import spare


def searched(strategy: Any, cores: int, budget: int = 60, count: int = 9) -> Any:
    """Outcomes with so many cores to spare; no process is left."""
    outcomes = attack(witnessed(count=count), strategy, budget, cores=cores)
    assert not multiprocessing.active_children()
    return outcomes


@per_image
@apart
def failing(space: Space, alone: np.random.RandomState) -> ImageSearch:
    """Draws from what is global, counts restarts, and fails in one image of three or so."""
    for turn in range(10**6):
        yield np.random.rand(2 + turn % 2, space.dims)
        space.journal.restarted()
        if turn == 4 and space.streams[0].random() < 0.3:
            raise ArithmeticError("no such matrix")


@pytest.mark.parametrize("cores", [1, 3, 40])
@pytest.mark.parametrize("strategy", ["cmaes", "nevergrad", "nsga2", failing], ids=str)
def test_processes_change_no_result(strategy: Any, cores: int) -> None:
    chosen = load("strategies", strategy) if isinstance(strategy, str) else strategy
    here, there = (searched(chosen, each) for each in (0, cores))
    assert list(map(account, there)) == list(map(account, here))


def told(where: Path, marked: bool) -> Any:
    """A search that writes down in which process it is."""

    def single(space: Space, alone: np.random.RandomState) -> ImageSearch:
        while True:
            with where.open("a") as file:
                file.write(f"{os.getpid()}\n")
            yield alone.rand(2, space.dims)

    return per_image(apart(single) if marked else single)


@pytest.mark.parametrize(
    ("marked", "cores", "count", "others"),
    [(True, 1, 9, 2), (True, 3, 9, 3), (True, 2, 2, 2), (True, 0, 9, 0), (True, 3, 1, 0), (False, 3, 9, 0)],
)
def test_processes_are_for_some_images_each(
    tmp_path: Path, marked: bool, cores: int, count: int, others: int
) -> None:
    """Only where there are cores, several images, and a search that may."""
    searched(told(tmp_path / "where", marked), cores, count=count)
    where = set((tmp_path / "where").read_text().split())
    assert len(where - {str(os.getpid())}) == others


def test_a_process_that_ends_is_told_of() -> None:
    here = os.getpid()

    @per_image
    @apart
    def mortal(space: Space, alone: np.random.RandomState) -> ImageSearch:
        for _ in range(5):
            yield alone.rand(2, space.dims)
        assert os.getpid() != here
        os._exit(3)

    with pytest.raises(StrategyError, match=r"strategy mortal: its process was ended"):
        searched(mortal, 1)
    assert not multiprocessing.active_children()


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (InputError("no such number"), InputError, "^no such number$"),
        (ArithmeticError("no such matrix"), StrategyError, "ArithmeticError: no such matrix"),
    ],
)
def test_what_is_refused_there_is_refused_here(error: Exception, kind: type[Exception], words: str) -> None:
    here = os.getpid()

    @per_image
    @apart
    def refusing(space: Space, alone: np.random.RandomState) -> ImageSearch:
        if os.getpid() != here:
            raise error
        while True:
            yield alone.rand(2, space.dims)

    with pytest.raises(kind, match=words):
        searched(refusing, 1)
    assert not multiprocessing.active_children()


def test_time_elsewhere_is_the_strategys() -> None:
    @per_image
    @apart
    def slow(space: Space, alone: np.random.RandomState) -> ImageSearch:
        while True:
            sleep(0.002)
            yield alone.rand(2, space.dims)

    for outcome in searched(slow, 1, budget=20, count=4):
        assert outcome.strategy_seconds >= (outcome.queries // 2) * 0.002


def test_cores_are_spare_beside_those_of_the_oracle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    monkeypatch.setattr(torch, "get_num_threads", lambda: 6)
    assert [spare(torch.device(kind)) for kind in ("cpu", "cuda")] == [2, 7]
    monkeypatch.setattr(torch, "get_num_threads", lambda: 16)
    assert spare(torch.device("cpu")) == 0 and spare(torch.device("cpu"), 3) == 3
    monkeypatch.setattr("sys.platform", "darwin")
    assert spare(torch.device("cuda")) == spare(torch.device("cuda"), 3) == 0
