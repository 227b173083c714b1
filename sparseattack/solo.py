"""Searches of one image alone, in numpy, lifted to strategies: the way in for CPU libraries."""

import random as python_random
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import wraps
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.random import mtrand
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from sparseattack.space import Journal, Search, Space

ImageSearch = Generator[NDArray[np.float64], NDArray[np.float32], None]
"""Asks with ``(P, D)``, P as it likes, and is told ``(P, M)``, never less than it asked for."""


class Streams:
    """The random state that one image's search, and whatever it calls, takes for the global one."""

    def __init__(self, stream: np.random.Generator) -> None:
        self.numpy = np.random.MT19937(stream.integers(2**32, size=4))
        self.python = python_random.Random(int(stream.integers(2**63))).getstate()

    @contextmanager
    def instead(self) -> Iterator[None]:
        """Stand in for the global state of numpy and of ``random``; not for use in threads."""
        outside = mtrand.get_bit_generator(), python_random.getstate()
        mtrand.set_bit_generator(self.numpy)
        python_random.setstate(self.python)
        try:
            yield
        finally:
            self.python = python_random.getstate()
            mtrand.set_bit_generator(outside[0])
            python_random.setstate(outside[1])


class Solo(NamedTuple):
    """The search of one image, its random state and what it tells about itself."""

    search: ImageSearch
    streams: Streams
    journal: Journal

    def ask(self, values: NDArray[np.float32] | None) -> Tensor:
        """Tell the values of the last candidates, get the next: ``(P, M) -> (P, D)``."""
        with self.streams.instead():
            asked = self.search.send(values)  # type: ignore[arg-type]  # None starts the search
        return torch.tensor(np.asarray(asked), dtype=torch.float32).clamp(0, 1)


def per_image(single: Callable[..., ImageSearch]) -> Callable[..., Search]:
    """Lift ``single(space, random, **settings)``; an image whose search fails is given up alone."""

    @wraps(single)
    def strategy(space: Space, **settings: Any) -> Search:
        def solo(stream: np.random.Generator) -> Solo:
            streams, journal = Streams(stream), Journal()
            alone = replace(space, streams=(stream,), device="cpu", journal=journal)
            random = np.random.RandomState(streams.numpy)
            return Solo(single(alone, random, **settings), streams, journal)

        solos = [solo(stream) for stream in space.streams]
        asked = [each.ask(None) for each in solos]  # what a library refuses at the start is raised
        while True:
            padded = pad_sequence(asked, batch_first=True, padding_value=torch.nan)
            values = (yield padded.to(space.device)).cpu()
            for place, each in enumerate(solos):
                asked[place] = _reply(space, place, each, values[place, : len(asked[place])])

    return strategy


def _reply(space: Space, place: int, solo: Solo, values: Tensor) -> Tensor:
    """The next candidates of one image; none once it is done, cut short or failed."""
    if len(values) and values.isfinite().all():
        try:
            return solo.ask(values.numpy())
        except Exception as error:  # whatever the library raises ends this image only
            space.journal.errors[place] = f"{type(error).__name__}: {error}"
        finally:
            space.journal.restarts[place] = solo.journal.restarts.get(0, 0)
    solo.search.close()
    return torch.empty(0, space.dims)
