"""Searches of images alone in a process of their own, which think while the oracle answers others.

What runs in a process of searches.
"""

import gc
import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import current_process, get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from time import process_time
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sparseattack.errors import SparseattackError, StrategyError, brief
from sparseattack.problem.space import Journal
from sparseattack.search.per_image import Solos


class Told(NamedTuple):
    """What a process tells after every turn."""

    asked: NDArray[np.float32]  # (B, P, D)
    journal: Journal
    seconds: float  # of the processor, that the turn took


def serve(begin: Callable[[], Solos], connection: Connection, other: Connection) -> None:
    """Ask and be told until nobody listens at the ``other`` end, which is held open here too after a fork."""
    other.close()
    gc.freeze()  # what was left over there is not for this process to clean up
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who asked for it ends this
    torch.set_num_threads(1)
    with suppress(EOFError, OSError):
        try:
            _turns(begin, connection)
        except SparseattackError as error:
            connection.send(error)
        except (EOFError, OSError):
            raise
        except Exception as error:
            connection.send(StrategyError(brief(error)))


def _turns(begin: Callable[[], Solos], connection: Connection) -> None:
    start = process_time()
    solos = begin()
    while True:
        turn = Told(solos.asked().numpy(), solos.journal, process_time() - start)
        connection.send(turn)
        values = torch.from_numpy(connection.recv())
        start = process_time()
        solos.reply(values)


class Elsewhere:
    """Solos in another process, by the same calls."""

    def __init__(self, connection: Connection, journal: Journal) -> None:
        self.connection, self.journal = connection, journal

    def asked(self) -> Tensor:
        """Wait for the next candidates ``(B, P, D)``."""
        with _alive():
            turn: Told | SparseattackError = self.connection.recv()
        if isinstance(turn, SparseattackError):
            raise turn
        self.journal.restarts, self.journal.errors = turn.journal.restarts, turn.journal.errors
        self.journal.seconds = turn.seconds
        return torch.from_numpy(turn.asked)

    def reply(self, values: Tensor) -> None:
        """Tell the values ``(B, P, M)``; do not wait."""
        with _alive():
            self.connection.send(values.numpy())


@contextmanager
def _alive() -> Iterator[None]:
    try:
        yield
    except (EOFError, OSError):
        raise StrategyError("its process was ended") from None


def spare(device: torch.device, told: int | None = None) -> int:
    """Cores on which a process may be forked: beside those of an oracle on ``device``, unless ``told``."""
    if sys.platform != "linux" or current_process().daemon:
        return 0
    if told is not None:
        return told
    busy = torch.get_num_threads() if device.type == "cpu" else 1
    return max(0, len(os.sched_getaffinity(0)) - busy)


@contextmanager
def elsewhere(begin: Callable[[], Solos], journal: Journal) -> Iterator[Elsewhere | None]:
    """Begin searches in a process of their own, which ends with the block; none where there can be none."""
    context = get_context("fork")  # whatever a search is made of goes with it
    here, there = context.Pipe()
    process = context.Process(target=serve, args=(begin, there, here), daemon=True)
    try:
        begun = _started(process)
        there.close()  # or nobody would be told when the process ends
        yield Elsewhere(here, journal) if begun else None
    finally:
        there.close()
        here.close()
        if process.pid:
            process.kill()  # it has nothing to lose
            process.join()


def _started(process: BaseProcess) -> bool:
    """Whether there is memory and room for another process."""
    with warnings.catch_warnings():  # there are other threads: nothing of theirs is used in the process
        warnings.filterwarnings("ignore", ".*fork", DeprecationWarning)
        try:
            process.start()
        except OSError:
            return False
    return True
