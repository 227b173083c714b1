"""What runs in a process of searches."""

import gc
import signal
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from time import process_time
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from sparseattack.errors import SparseattackError, StrategyError, brief
from sparseattack.problem.journal import Journal
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
