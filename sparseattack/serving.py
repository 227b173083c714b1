"""What runs in a process of searches."""

import signal
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from time import perf_counter
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from sparseattack.errors import SparseattackError, StrategyError, brief
from sparseattack.journal import Journal
from sparseattack.solo import Solos


class Turn(NamedTuple):
    """What a process tells after every turn."""

    asked: NDArray[np.float32]  # (B, P, D)
    journal: Journal
    seconds: float  # that the turn took


def serve(begin: Callable[[], Solos], connection: Connection) -> None:
    """Ask and be told until nobody listens."""
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
    start = perf_counter()
    solos = begin()
    while True:
        turn = Turn(solos.asked().numpy(), solos.journal, perf_counter() - start)
        connection.send(turn)
        values = torch.from_numpy(connection.recv())
        start = perf_counter()
        solos.reply(values)
