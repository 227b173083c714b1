"""Searches of one image alone, in numpy, side by side.

Global random state, fenced: a library that draws from it draws from one image's own.
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


class Fence:
    """The random state that one image's search, and whatever it calls, takes for the global one."""

    def __init__(self, stream: np.random.Generator) -> None:
        self.numpy = np.random.MT19937(stream.integers(2**32, size=4))
        self.python = random.Random(int(stream.integers(2**63))).getstate()
        self.torch = torch.Generator().manual_seed(int(stream.integers(2**63))).get_state()

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Stand in for the global state of numpy, ``random`` and torch on the CPU; not for use in threads."""
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
            np.random.set_state(outside[1])  # the generator's own, and the normal number it keeps for later
            random.setstate(python)
            torch.set_rng_state(tensors)


ImageSearch = Generator[NDArray[np.float64], NDArray[np.float32], None]
"""Asks with ``(P, D)``, P as it likes, and is told ``(P, M)``, never less than it asked for."""


class Solo:
    """The search of one image behind its fence. What it refuses at the start is raised, for every image."""

    asked: Tensor  # (P, D), empty once it is over

    def __init__(self, single: Callable[..., ImageSearch], space: Space, settings: dict[str, Any]) -> None:
        self.dims, self.journal, self.fence = space.dims, space.journal, Fence(space.streams[0])
        with self.fence.inside():
            self.search = single(space, np.random.RandomState(self.fence.numpy), **settings)
        self.asked = self._turn(None)

    def reply(self, values: Tensor) -> None:
        """Tell the values ``(P, M)`` of what was asked; one that was cut short or fails is over."""
        over = torch.empty(0, self.dims)
        if not len(self.asked):
            return
        try:
            self.asked = self._turn(values.numpy()) if values.isfinite().all() else over
        except Exception as error:  # whatever the library raises ends this image only
            self.journal.errors[0], self.asked = brief(error), over

    def _turn(self, values: NDArray[np.float32] | None) -> Tensor:
        """The next candidates, in the cube."""
        try:
            with self.fence.inside():
                asked = np.asarray(self.search.send(values))  # type: ignore[arg-type]  # None starts it
        except StopIteration:
            raise StrategyError(RETURNED) from None
        if asked.ndim != 2 or asked.shape[1] != self.dims or np.isnan(asked).any():  # noqa: PLR2004
            raise StrategyError(f"it asked with shape {asked.shape}, not (P, {self.dims}), or with NaN")
        return torch.tensor(asked, dtype=torch.float32).clamp(0, 1)


class Solos:
    """The searches of some images side by side."""

    def __init__(self, single: Callable[..., ImageSearch], space: Space, settings: dict[str, Any]) -> None:
        alone = [replace(space, streams=(each,), device="cpu", journal=Journal()) for each in space.streams]
        self.solos, self.journal = [Solo(single, one, settings) for one in alone], space.journal

    def asked(self) -> Tensor:
        """The next candidates ``(B, P, D)``; NaN where one asks less than others."""
        every = [solo.asked for solo in self.solos]
        return pad_sequence(every, batch_first=True, padding_value=torch.nan)

    def reply(self, values: Tensor) -> None:
        """Tell the values ``(B, P, M)`` of what was asked."""
        for place, solo in enumerate(self.solos):
            solo.reply(values[place, : len(solo.asked)])
            self.journal.adopt(solo.journal, place)


def per_image(single: Callable[..., ImageSearch]) -> Callable[..., Search]:
    """Lift ``single(space, random, **settings)``; an image whose search fails is given up alone."""

    @wraps(single)
    def strategy(space: Space, **settings: Any) -> Search:
        solos = Solos(single, space, settings)
        while True:
            solos.reply((yield solos.asked().to(space.device)).cpu())

    return strategy
