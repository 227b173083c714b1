"""Global random state, fenced: a library that draws from it draws from one image's own."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from numpy.random import mtrand


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
