"""Per-image searches by CPU libraries in numpy, lifted to strategies that search many images side by side.

Write ``single(space, random, **settings)`` for one image and decorate it with ``@per_image``. A library that
draws from the global random state of numpy, ``random`` or torch draws from the image's own.
"""

import random
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import wraps
from typing import Any

import numpy as np
import torch
from numpy.random import mtrand
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from sparseattack.errors import StrategyError, brief
from sparseattack.problem.space import Journal, Search, Space
from sparseattack.search.contract import RETURNED

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
        while True:
            searchers.tell((yield searchers.asked().to(space.device)).cpu())

    return strategy


class ImageSearchers:
    """The searches of ``B`` images side by side."""

    def __init__(self, single: Single, space: Space, settings: dict[str, Any]) -> None:
        spaces = [replace(space, streams=(each,), device="cpu", journal=Journal()) for each in space.streams]
        self.searchers, self.journal = (
            [ImageSearcher(single, each, settings) for each in spaces],
            space.journal,
        )

    def asked(self) -> Tensor:
        """The next candidates ``(B, P, D)``; NaN where one image has fewer than others."""
        every = [searcher.asked for searcher in self.searchers]
        return pad_sequence(every, batch_first=True, padding_value=torch.nan)

    def tell(self, values: Tensor) -> None:
        """Give every search the values ``(B, P, M)`` of its candidates."""
        for place, searcher in enumerate(self.searchers):
            searcher.tell(values[place, : len(searcher.asked)])
            self.journal.copy_from(searcher.journal, place)


class ImageSearcher:
    """The search of one image in a random state of its own; an error at its start is raised."""

    asked: Tensor  # (P, D), empty once the search is over

    def __init__(self, single: Single, space: Space, settings: dict[str, Any]) -> None:
        self.dims, self.journal = space.dims, space.journal
        self.state = IsolatedRandomState(space.streams[0])
        with self.state.active():
            self.search = single(space, np.random.RandomState(self.state.numpy), **settings)
        self.asked = self._ask(None)

    def tell(self, values: Tensor) -> None:
        """Give the search the values ``(P, M)`` of its candidates; if one has none, the search is over."""
        over = torch.empty(0, self.dims)
        if not len(self.asked):
            return
        try:
            self.asked = self._ask(values.numpy()) if values.isfinite().all() else over
        except Exception as error:  # whatever the library raises ends this image only
            self.journal.errors[0], self.asked = brief(error), over

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


class IsolatedRandomState:
    """A random state of numpy, ``random`` and torch on the CPU, in place of the global one while active."""

    def __init__(self, stream: np.random.Generator) -> None:
        self.numpy = np.random.MT19937(stream.integers(2**32, size=4))
        self.python = random.Random(int(stream.integers(2**63))).getstate()
        self.torch = torch.Generator().manual_seed(int(stream.integers(2**63))).get_state()

    @contextmanager
    def active(self) -> Iterator[None]:
        """Swap the global random state for this one while a library runs; not for use in threads."""
        outside = mtrand.get_bit_generator(), np.random.get_state(legacy=False)
        python, tensors = random.getstate(), torch.get_rng_state()
        mtrand.set_bit_generator(self.numpy)
        random.setstate(self.python)
        torch.set_rng_state(self.torch)
        try:
            yield
        finally:
            self.python, self.torch = random.getstate(), torch.get_rng_state()
            mtrand.set_bit_generator(outside[0])
            np.random.set_state(outside[1])  # the generator's state, and the normal number that numpy caches
            random.setstate(python)
            torch.set_rng_state(tensors)
