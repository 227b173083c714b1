"""A strategy as a general optimizer of functions on the unit cube: ask for candidates, tell their values."""

from types import TracebackType
from typing import Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from sparseattack.errors import InputError, require
from sparseattack.plugins.registry import load
from sparseattack.plugins.spec import function_name, uses_of
from sparseattack.problem.space import Space, Strategy
from sparseattack.search.contract import ask, close, start, within_budget

GREATEST = float(np.finfo(np.float32).max)
WITHOUT_IMAGES = {"budget"}  # what a search without images can offer a strategy that declares it


def ask_tell(
    strategy: str | Strategy,
    dims: int,
    seed: int = 0,
    budget: int = 1000,
    *,
    objectives: tuple[str, ...] = ("value",),
) -> "AskTell":
    """Search the unit cube ``[0, 1]^dims`` for low values of a function, ``budget`` of them at most.

    ``strategy`` is a name with settings, as ``"de(popsize=50)"``, or a function. InputError for a strategy
    that searches pixels of images, as sparse-rs does.
    """
    who = strategy if isinstance(strategy, str) else function_name(strategy)
    found: Strategy = load("strategies", strategy) if isinstance(strategy, str) else strategy
    require(budget >= 1 and dims >= 1, f"dims and budget are whole numbers from 1, not {dims} and {budget}")
    if more := sorted(uses_of(found) - WITHOUT_IMAGES):
        raise InputError(
            f"strategy {who} uses the {' and the '.join(more)} of what it attacks: it is no general optimizer"
        )
    known = budget if "budget" in uses_of(found) else None
    return AskTell(found, Space.box(dims, seed=seed, budget=known, objectives=objectives), budget, who)


class AskTell:
    """One search: ``ask()`` for candidates ``(P, D)``, ``tell(values)`` of them, until none are left.

    Candidates are float32 numbers in float64 arrays, so that no value is nearer to an optimum than about 1e-7
    of the cube. It is a context, which closes the search.
    """

    def __init__(self, strategy: Strategy, space: Space, budget: int, who: str) -> None:
        self.space, self.budget, self._who = space, budget, f"strategy {who}"
        self.evaluations = 0  # told so far
        self.best: NDArray[np.float64] = np.full(space.dims, np.nan)  # the candidate of lowest first value
        self.lowest = np.inf  # that value
        self._search = start(strategy, space, self._who)
        self._values: Tensor | None = None  # of the last generation, to be sent
        self._asked: Tensor | None = None  # (1, P, D), not told yet

    def ask(self) -> NDArray[np.float64]:
        """The next candidates ``(P, D)`` in [0, 1]; none, ``(0, D)``, once the budget is spent.

        InputError where the last ones have not been told, and for a strategy that needs pixels.
        """
        require(self._asked is None, "tell the values of the last candidates before you ask for others")
        if self.evaluations >= self.budget:
            return np.empty((0, self.space.dims))
        self._asked = ask(self._search, self._values, self.space, self._who).clone()
        return self._asked[self._queries].double().numpy()

    def tell(self, values: ArrayLike) -> None:
        """Give the search values ``(P,)``, or ``(P, M)``, of the last candidates; lower is better.

        Infinite is "could not be evaluated": the search is told the greatest float32. InputError for another
        number of values, and NaN.
        """
        require(self._asked is not None, "ask for candidates before you tell values")
        assert self._asked is not None
        told = np.asarray(values, dtype=np.float64)
        count, several = int(self._queries.sum()), len(self.space.objectives)
        fits = told.shape == (count, several) or (several == 1 and told.shape == (count,))
        require(fits, f"there are values {told.shape} for {count} candidates and {several} objectives")
        require(not np.isnan(told).any(), "a value is NaN: tell infinity of what cannot be evaluated")
        told, candidates = told.reshape(count, several), self._asked[self._queries]
        if count and told[:, 0].min() < self.lowest:
            self.lowest = float(told[:, 0].min())
            self.best = candidates[int(told[:, 0].argmin())].double().numpy()
        self._values = torch.full((*self._asked.shape[:2], several), torch.inf)
        # an infinite value says that the budget was spent before: some searches end there
        self._values[self._queries] = torch.from_numpy(told).float().clamp(-GREATEST, GREATEST)
        self.evaluations, self._asked = self.evaluations + count, None

    @property
    def _queries(self) -> Tensor:
        """Mask ``(1, P)`` of the candidates that are within the budget."""
        assert self._asked is not None
        return within_budget(self._asked, torch.tensor([self.budget - self.evaluations]))

    def close(self) -> None:
        """End the search."""
        close(self._search, self._who)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
