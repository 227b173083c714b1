"""Searches in processes of their own: the same results, while others are answered."""

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from time import monotonic, process_time, sleep
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from worlds import Witness, account, witnessed

from sparseattack import ImageSearch, InputError, Search, Space, StrategyError, apart, attack, load, per_image
from sparseattack.search.workers import spare

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux only")


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
            start = process_time()
            while process_time() < start + 0.002:
                pass
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


def test_a_search_thinks_while_the_oracle_answers_others(tmp_path: Path) -> None:
    """Its turn and a call of the oracle overlap in time."""
    note, calls = tmp_path / "turns", list[tuple[float, float]]()

    @per_image
    @apart
    def noting(space: Space, alone: np.random.RandomState) -> ImageSearch:
        while True:
            yield alone.rand(8, space.dims)
            with note.open("a") as file:
                file.write(f"{monotonic()}\n")

    class Slow(Witness):
        def __call__(self, images: Tensor) -> Tensor:
            start = monotonic()
            sleep(0.05)
            calls.append((start, monotonic()))
            return super().__call__(images)

    attack(witnessed(count=16, oracle=Slow(batch=32)), noting, 80, cores=1)
    turns = list(map(float, note.read_text().split()))
    assert any(start < turn < end for turn in turns for start, end in calls)


def test_a_strategy_that_is_made_of_a_lifted_one_stays_here() -> None:
    inner = load("strategies", "cmaes")

    def rounded(space: Space) -> Search:
        search = inner(space)
        values = yield next(search).round()
        while True:
            values = yield search.send(values).round()

    here, there = (searched(rounded, cores) for cores in (0, 2))
    assert list(map(account, there)) == list(map(account, here))


def test_where_no_process_can_be_started_searches_stay_here(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    here = searched(failing, 0)
    monkeypatch.setattr("multiprocessing.process.BaseProcess.start", full)
    assert list(map(account, searched(failing, 2))) == list(map(account, here))


PARENT = """
import os, sys
import numpy as np
from worlds import witnessed
from sparseattack import apart, attack, per_image

@per_image
@apart
def endless(space, alone):
    while True:
        with open(sys.argv[1], "a") as file:
            file.write(f"{os.getpid()}\\n")
        yield alone.rand(2, space.dims)

attack(witnessed(count=9), endless, 10**9, cores=2)
"""


def test_processes_end_with_a_killed_parent(tmp_path: Path) -> None:
    where = tmp_path / "where"
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(where)], cwd=Path(__file__).parents[1] / "support"
    )
    until(lambda: where.exists() and len(set(where.read_text().split())) >= 3)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    others = set(where.read_text().split()) - {str(parent.pid)}
    until(lambda: not any(running(pid) for pid in others))


def running(pid: str) -> bool:
    """Whether there is such a process that is not only waiting to be counted."""
    status = Path("/proc", pid, "stat")
    try:
        return status.read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def until(done: Callable[[], bool]) -> None:
    """Wait for what has to happen."""
    end = monotonic() + 60
    while not done():
        assert monotonic() < end
        sleep(0.05)
