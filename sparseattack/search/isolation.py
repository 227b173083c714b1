"""What foreign code sets for a whole process or thread is put back: random states, warnings, torch's modes.

A search is suspended at each yield, in the middle of its ``with`` blocks: they must not reach its caller.
"""

import random
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from typing import Any

import numpy as np
import torch
from numpy.random import mtrand

from sparseattack.errors import StrategyError
from sparseattack.problem.inference import ONE_THREAD
from sparseattack.problem.space import Search


class IsolatedRandomState:
    """A random state of numpy, ``random`` and torch on the CPU, in place of the global one while active."""

    def __init__(self, stream: np.random.Generator) -> None:
        self.numpy = np.random.MT19937(stream.integers(2**32, size=4))
        self.python = random.Random(int(stream.integers(2**63))).getstate()
        self.torch = torch.Generator().manual_seed(int(stream.integers(2**63))).get_state()

    @contextmanager
    def active(self) -> Iterator[None]:
        """Swap the global random state for this one while a library runs, and put back warnings' filters.

        One thread at a time: what else draws from the global state meanwhile draws from this one.
        """
        with ONE_THREAD, _warning_filters():
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
                np.random.set_state(outside[1])  # the generator's state, and the normal number numpy caches
                random.setstate(python)
                torch.set_rng_state(tensors)


@contextmanager
def _warning_filters() -> Iterator[None]:
    """Put back the filters of warnings, if they were changed: that lets Python show known ones again."""
    before = warnings.filters[:]
    try:
        yield
    finally:
        if warnings.filters != before:
            warnings.resetwarnings()
            warnings.filters[:] = before  # type: ignore[index]


class AutogradModes:
    """The modes of a search that torch holds for a thread: inference mode, and whether gradients are kept."""

    def __init__(self) -> None:
        self.inference, self.gradients = torch.is_inference_mode_enabled(), torch.is_grad_enabled()

    @contextmanager
    def active(self) -> Iterator[None]:
        """Go on in these modes; afterwards they are as the search left them, and the thread's as before."""
        with torch.inference_mode(self.inference):  # its end puts back both, and autocast
            torch.set_grad_enabled(self.gradients)
            try:
                yield
            finally:
                self.inference, self.gradients = torch.is_inference_mode_enabled(), torch.is_grad_enabled()


def isolated(search: Search) -> Search:
    """The same search; its autograd modes and context variables (numpy's errstate) hold only while it runs.

    StrategyError where it yields with another setting of ``ARITHMETIC`` than it was resumed with.
    """
    modes, context, values = AutogradModes(), copy_context(), None

    def close() -> None:
        with modes.active():
            context.run(search.close)  # its `with` blocks end

    try:
        while True:
            before = _arithmetic()
            try:
                with modes.active():
                    candidates = context.run(search.send, values)  # type: ignore[arg-type]  # None starts it
                if (now := _arithmetic()) != before:
                    close()
                    what = next(what for what in now if now[what] != before[what])
                    raise StrategyError(f"it changed torch's {what}, on which an oracle's scores may depend")
            except BaseException:
                _put_back(before)
                raise
            values = yield candidates
    except StopIteration:
        return
    finally:
        close()


ARITHMETIC: dict[str, tuple[Callable[[], Any], Callable[[Any], None]]] = {
    "default dtype": (torch.get_default_dtype, torch.set_default_dtype),
    "default device": (torch.get_default_device, torch.set_default_device),
}
"""How to get and set what the scores of a network may depend on, beside its input."""


def _arithmetic() -> dict[str, object]:
    return {what: get() for what, (get, _) in ARITHMETIC.items()}


def _put_back(before: dict[str, object]) -> None:
    for what, (get, put) in ARITHMETIC.items():
        if get() != before[what]:
            put(before[what])
