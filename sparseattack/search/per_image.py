"""Per-image searches by CPU libraries in numpy, lifted to strategies that search many images side by side.

Write ``single(space, random, **settings)`` for one image and decorate it with ``@per_image``. A library that
draws from the global random state of numpy, ``random`` or torch draws from the image's own.
"""

from collections.abc import Callable, Generator
from dataclasses import replace
from functools import wraps
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from sparseattack.errors import StrategyError, UndeclaredError, brief
from sparseattack.problem.space import Search, Space
from sparseattack.search.contract import RETURNED
from sparseattack.search.isolation import IsolatedRandomState

ImageSearch = Generator[NDArray[np.float64], NDArray[np.float32], None]
"""The search of one image in numpy: a generator that yields candidates and receives their values.

Candidates are ``(P, D)`` float64 in [0, 1], any P each time; values ``(P, M)`` float32, lower is better.
Where the budget cuts candidates off, the generator is closed.
"""

Single = Callable[..., ImageSearch]


def per_image(single: Single) -> Callable[..., Search]:
    """Turn a search of one image, written in numpy, into a strategy: a decorator.

    The function has the parameters ``(space, random, **settings)``, its settings keyword-only, and returns an
    ``ImageSearch``; ``random`` is the image's own numpy generator. An error in it ends the search
    of its image only.
    """

    @wraps(single)
    def strategy(space: Space, **settings: Any) -> Search:
        searchers = ImageSearchers(single, space, settings)
        try:
            while True:
                searchers.tell((yield searchers.asked().to(space.device)).cpu())
        finally:
            searchers.close()

    return strategy


class ImageSearchers:
    """The searches of ``B`` images side by side."""

    def __init__(self, single: Single, space: Space, settings: dict[str, Any]) -> None:
        places = range(space.batch)
        self.searchers = [ImageSearcher(single, space, settings, place) for place in places]
        self.journal = space.journal
        self.journal.limits.extend(limit for each in self.searchers for limit in each.journal.limits)

    def asked(self) -> Tensor:
        """The next candidates ``(B, P, D)``; NaN where one image has fewer than others."""
        every = [searcher.asked for searcher in self.searchers]
        return pad_sequence(every, batch_first=True, padding_value=torch.nan)

    def tell(self, values: Tensor) -> None:
        """Give every search the values ``(B, P, M)`` of its candidates."""
        for place, searcher in enumerate(self.searchers):
            searcher.tell(values[place, : len(searcher.asked)])
            self.journal.copy_from(searcher.journal, place)

    def close(self) -> None:
        """End every search, each in its random state."""
        for searcher in self.searchers:
            searcher.close()


class ImageSearcher:
    """The search of one image in a random state of its own; an error at its start is raised."""

    asked: Tensor  # (P, D), empty once the search is over

    def __init__(self, single: Single, space: Space, settings: dict[str, Any], place: int) -> None:
        own = self._own_space(space, place)
        self.dims, self.journal = own.dims, own.journal
        self.state = IsolatedRandomState(own.streams[0])
        with self.state.active():
            self.search = single(own, np.random.RandomState(self.state.numpy), **settings)
        self.asked = self._ask(None)

    def _own_space(self, space: Space, place: int) -> Space:
        """The space of the image at ``place``, on the CPU; its scores are those of its own candidates."""
        own = space.at([place], "cpu")
        if not (whole := own.known.scores):
            return own

        def scores() -> Tensor | None:
            last = whole()
            return None if last is None else last[:, : len(self.asked)]

        return replace(own, known=replace(own.known, scores=scores))

    def tell(self, values: Tensor) -> None:
        """Give the search the values ``(P, M)`` of its candidates; if one has none, the search is over."""
        over = torch.empty(0, self.dims)
        if not len(self.asked):
            return
        try:
            if values.isfinite().all():
                self.asked = self._ask(values.numpy())
            else:
                self.asked = over
                self.close()
        except UndeclaredError:
            raise
        except Exception as error:  # whatever the library raises ends this image only
            self.journal.errors[0], self.asked = brief(error), over

    def close(self) -> None:
        """End the search, in its random state."""
        with self.state.active():
            self.search.close()

    def _ask(self, values: NDArray[np.float32] | None) -> Tensor:
        """The next candidates ``(P, D)``, moved into the cube."""
        try:
            with self.state.active():
                asked = np.asarray(self.search.send(values))  # type: ignore[arg-type]  # None starts it
        except StopIteration:
            raise StrategyError(RETURNED) from None
        if asked.ndim != 2 or asked.shape[1] != self.dims or np.isnan(asked).any():  # noqa: PLR2004
            raise StrategyError(f"it asked with shape {asked.shape}, not (P, {self.dims}), or with NaN")
        return torch.tensor(asked, dtype=torch.float32).clamp(0, 1)
