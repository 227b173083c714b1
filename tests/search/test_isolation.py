"""What a search or a library sets for a thread or the process ends at a yield; threads change no outcome."""

import hashlib
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import FrozenInstanceError, replace
from typing import Any

import numpy as np
import pytest
import torch
from problems import (
    ScriptedOracle,
    attack,
    outcome_facts,
    outcomes_of,
    random_images,
    scripted_problem,
    uniform,
)
from torch import Tensor

from sparseattack import (
    ImageSearch,
    Oracle,
    Problem,
    Search,
    Space,
    StrategyError,
    levels,
    load,
    per_image,
    rgb,
)


def modes() -> tuple[object, ...]:
    """What is set for this thread or process."""
    filters = [(each[0], each[2]) for each in warnings.filters]
    numbers = torch.get_default_dtype(), torch.get_default_device(), torch.is_autocast_enabled("cpu")
    return torch.is_inference_mode_enabled(), torch.is_grad_enabled(), *numbers, np.geterr(), filters


def holding(make: Callable[[], AbstractContextManager[Any]]) -> Any:
    """A random search within a context that it enters once."""

    def holds(space: Space) -> Search:
        with make():
            yield from uniform(space)

    return holds


@pytest.mark.parametrize(
    "make",
    [
        torch.inference_mode,
        torch.no_grad,
        lambda: torch.autocast("cpu", dtype=torch.bfloat16),
        lambda: np.errstate(all="raise"),
    ],
    ids=["inference", "grad", "autocast", "numpy"],
)
def test_a_context_held_across_yields_ends_at_each(make: Any) -> None:
    """Groups interleave, so that the contexts would end in another order than they began in."""
    usual, seen = modes(), list[tuple[object, ...]]()

    def script(place: int, query: int) -> bool:
        seen.append((np.geterr(), torch.is_grad_enabled(), torch.is_autocast_enabled("cpu")))
        return query == 10 * place

    expected = [
        outcome_facts(each) for each in attack(scripted_problem(script, count=5), uniform, 40, group=1)
    ]
    inside = seen[:1]
    found = list[tuple[object, ...]]()
    for outcome in outcomes_of(scripted_problem(script, count=5), holding(make), 40, group=1):
        assert modes() == usual
        found.append((outcome.image, outcome_facts(outcome)))
    assert modes() == usual and set(map(str, seen)) == set(map(str, inside))
    assert [facts for _, facts in sorted(found, key=lambda each: int(str(each[0])))] == expected


def test_a_search_goes_on_in_its_own_modes() -> None:
    seen: list[tuple[bool, bool]] = []

    def now() -> tuple[bool, bool]:
        return torch.is_inference_mode_enabled(), torch.is_grad_enabled()

    def changes(space: Space) -> Search:
        candidates = space.uniform(3)
        with torch.inference_mode():
            own = torch.zeros(2)
            for _ in range(3):
                yield candidates
                own.add_(1)  # refused outside inference mode
                seen.append(now())
        with torch.no_grad():
            yield candidates
            seen.append(now())
        while True:
            yield candidates
            seen.append(now())

    attack(scripted_problem(count=2), changes, 18, group=1)
    assert seen[:4] == [(True, False)] * 2 * 2 and set(seen[6:8]) == {(False, False)}
    assert set(seen[8:]) == {(False, True)}


def test_another_default_device_is_not_held() -> None:
    usual = modes()
    with pytest.raises(
        StrategyError, match="strategy holds: it changed torch's default device, on which an oracle's"
    ):
        attack(scripted_problem(), holding(lambda: torch.device("meta")), 20)
    assert modes() == usual


def test_a_default_dtype_that_a_search_leaves_is_refused_and_put_back() -> None:
    def doubles(space: Space) -> Search:
        torch.set_default_dtype(torch.float64)
        yield from uniform(space)

    with pytest.raises(StrategyError, match="strategy doubles: it changed torch's default dtype"):
        attack(scripted_problem(), doubles, 20)
    assert torch.get_default_dtype() == torch.float32


def test_a_user_may_change_torch_between_two_outcomes() -> None:
    outcomes = outcomes_of(scripted_problem(lambda place, query: query == 10 * place + 1), uniform, 40)
    try:
        next(outcomes)
        torch.set_default_dtype(torch.float64)
        next(outcomes)
        outcomes.close()  # one image is not finished
        assert torch.get_default_dtype() == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)


def test_a_library_that_sets_filters_of_warnings_leaves_them() -> None:
    @per_image
    def noisy(space: Space, alone: np.random.RandomState) -> ImageSearch:
        while True:
            warnings.simplefilter("ignore")
            warnings.warn("unheard", stacklevel=1)
            yield alone.rand(2, space.dims)

    before = warnings.filters[:]
    attack(scripted_problem(), noisy, 20)
    assert warnings.filters == before


def test_a_search_that_cleans_up_does_so_in_its_own_random_state() -> None:
    closed: list[float] = []

    @per_image
    def tidy(space: Space, alone: np.random.RandomState) -> ImageSearch:
        try:
            while True:
                yield alone.rand(2, space.dims)
        finally:
            closed.append(np.random.rand())

    state = np.random.get_state(legacy=False)
    attack(scripted_problem(), tidy, 20)
    assert len(set(closed)) == 4 and str(np.random.get_state(legacy=False)) == str(state)


class Sub(Tensor):
    """A subclass without a will of its own."""


class Lying(Tensor):
    """Says of itself whatever is convenient."""

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        raise RuntimeError("no questions")


@pytest.mark.parametrize("kind", [Sub, Lying, torch.nn.Parameter])
def test_candidates_of_a_subclass_are_their_data(kind: type[Tensor]) -> None:
    def wraps(space: Space) -> Search:
        while True:
            yield (
                space.uniform(7).as_subclass(kind)
                if kind is not torch.nn.Parameter
                else kind(space.uniform(7))
            )

    found = [outcome_facts(each) for each in attack(scripted_problem(), wraps, 30)]
    assert found == [outcome_facts(each) for each in attack(scripted_problem(), uniform, 30)]


def test_candidates_outside_the_cube_cannot_hide_in_a_subclass() -> None:
    def hides(space: Space) -> Search:
        while True:
            yield (space.uniform(7) + 2).as_subclass(Lying)

    with pytest.raises(StrategyError, match="strategy hides asked with a candidate outside the unit cube"):
        attack(scripted_problem(), hides, 30)


def test_sparse_candidates_are_refused() -> None:
    def sparse(space: Space) -> Search:
        while True:
            yield space.uniform(7).to_sparse()

    with pytest.raises(StrategyError, match=r"asked with torch\.sparse_coo, not a float32 tensor"):
        attack(scripted_problem(), sparse, 30)


def test_a_strategy_that_overwrites_its_space_changes_its_own_copy() -> None:
    def greedy(space: Space) -> Search:
        candidates = space.uniform(7)
        object.__setattr__(space, "known", replace(space.known, budget=10**6))
        object.__setattr__(space, "streams", ())
        while True:
            yield candidates

    problem = scripted_problem()
    assert isinstance(problem.oracle, ScriptedOracle)
    outcomes = attack(problem, greedy, 20, group=3)
    assert [outcome.queries for outcome in outcomes] == [20] * 3
    assert set(problem.oracle.seen.values()) == {20}


@pytest.mark.parametrize("field", ["budget", "images", "known", "genes", "journal", "success_below"])
def test_space_and_journal_are_frozen(field: str) -> None:
    space = scripted_problem().space(slice(None), 10, seed=0, key="")
    with pytest.raises(FrozenInstanceError):
        setattr(space, field, None)
    with pytest.raises(FrozenInstanceError):
        space.journal.restarts = {}  # type: ignore[misc]


def test_one_buffer_for_the_candidates_of_several_groups_changes_no_outcome() -> None:
    """The second group writes to it before the first group's candidates are recorded."""
    shared: list[Tensor] = [torch.empty(1, 4, 5)]

    def buffered(space: Space) -> Search:
        while True:
            yield shared[0].copy_(space.uniform(4))

    def fresh(space: Space) -> Search:
        while True:
            yield space.uniform(4)

    expected = [outcome_facts(each) for each in attack(scripted_problem(), fresh, 30, group=1)]
    assert [outcome_facts(each) for each in attack(scripted_problem(), buffered, 30, group=1)] == expected


@pytest.fixture(scope="module")
def network() -> Oracle:
    oracle: Oracle = load("oracles", "allconv-small")()
    return oracle


@pytest.fixture
def busy() -> Iterator[None]:
    """Threads take turns after a tenth of a millisecond."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-4)
    yield
    sys.setswitchinterval(usual)


@pytest.mark.parametrize("strategy", ["cmaes", "nevergrad"])
@pytest.mark.usefixtures("busy")
def test_threads_change_no_outcome_and_no_global_state(strategy: str, network: Oracle) -> None:
    """The network keeps maps of clean images from call to call, and the libraries draw from global states."""
    images = random_images(3, (3, 32, 32))
    problem = Problem(network, rgb(), images, network(images).argmax(1))

    def outcomes(seed: int) -> list[object]:
        return [outcome_facts(each) for each in attack(problem, load("strategies", strategy), 30, seed)]

    expected = [outcomes(seed) for seed in range(6)]
    before = _states()
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(outcomes, range(6))) == expected
    assert _states() == before


def _states() -> list[str]:
    import random

    states = (
        np.random.get_state(legacy=False),
        random.getstate(),
        torch.get_rng_state().tolist(),
        warnings.filters,
    )
    return [hashlib.sha256(repr(state).encode()).hexdigest() for state in states]


@pytest.mark.usefixtures("busy")
def test_an_oracle_is_shown_one_batch_at_a_time() -> None:
    inside, most = 0, 0

    def oracle(images: Tensor) -> Tensor:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        threading.Event().wait(0.002)
        inside -= 1
        return torch.tensor([2.0, 0.0]).expand(len(images), -1)

    problem = scripted_problem(oracle=oracle, images=levels(torch.zeros(3, 3, 6, 5)))
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda seed: attack(problem, uniform, 20, seed), range(4)))
    assert most == 1


def test_threads_do_not_wait_for_a_consumer_of_outcomes() -> None:
    """The lock is held while a round runs, not between two of them."""
    outcomes = outcomes_of(scripted_problem(lambda place, query: place == 0), uniform, 40)
    next(outcomes)
    thread = threading.Thread(target=attack, args=(scripted_problem(), uniform, 20))
    thread.start()
    thread.join(20)
    assert not thread.is_alive()
    assert len(list(outcomes)) == 2
