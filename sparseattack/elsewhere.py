"""Searches of images alone in a process of their own, which think while the oracle answers others."""

import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import current_process, get_context
from multiprocessing.connection import Connection

import torch
from torch import Tensor

from sparseattack.errors import SparseattackError, StrategyError
from sparseattack.journal import Journal
from sparseattack.serving import Turn, serve
from sparseattack.solo import Solos


class Elsewhere:
    """Solos in another process, by the same calls."""

    def __init__(self, connection: Connection, journal: Journal) -> None:
        self.connection, self.journal = connection, journal

    def asked(self) -> Tensor:
        """Wait for the next candidates ``(B, P, D)``."""
        try:
            turn: Turn | SparseattackError = self.connection.recv()
        except EOFError:
            raise StrategyError("its process was ended") from None
        if isinstance(turn, SparseattackError):
            raise turn
        self.journal.restarts, self.journal.errors = turn.journal.restarts, turn.journal.errors
        self.journal.seconds = turn.seconds
        return torch.from_numpy(turn.asked)

    def reply(self, values: Tensor) -> None:
        """Tell the values ``(B, P, M)``; do not wait."""
        self.connection.send(values.numpy())


def spare(device: torch.device, told: int | None = None) -> int:
    """Cores on which a process may be forked: beside those of an oracle on ``device``, unless ``told``."""
    if sys.platform != "linux" or current_process().daemon:
        return 0
    if told is not None:
        return told
    busy = torch.get_num_threads() if device.type == "cpu" else 1
    return max(0, len(os.sched_getaffinity(0)) - busy)


@contextmanager
def elsewhere(begin: Callable[[], Solos], journal: Journal) -> Iterator[Elsewhere]:
    """Begin searches in a process of their own, which ends with the block."""
    context = get_context("fork")  # whatever a search is made of goes with it
    here, there = context.Pipe()
    process = context.Process(target=serve, args=(begin, there), daemon=True)
    with warnings.catch_warnings():  # there are other threads: nothing of theirs is used in the process
        warnings.simplefilter("ignore", DeprecationWarning)
        process.start()
    there.close()
    try:
        yield Elsewhere(here, journal)
    finally:
        process.kill()  # it has nothing to lose
        process.join()
        process.close()
        here.close()
