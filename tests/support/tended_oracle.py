"""An oracle whose processes are watched and ended by files, as ``tended_oracle:tended``."""

import os
import signal
import time
from pathlib import Path

from torch import Tensor

from sparseattack import Oracle, load


def tended(*, folder: str, calls: int = 20) -> Oracle:
    """The linear oracle, slow while there is a file ``slow`` in ``folder``.

    Each call adds a letter to ``TASK-RESTART-PROCESS.calls``: a task of Slurm's, else 0-0. At call number
    ``calls``, if there is a file ``TASK.kill``, it removes that and kills its own process, and the script
    of Slurm's task above it.
    """
    linear: Oracle = load("oracles", "linear(classes=4,inputs=192)")()
    task, restart = (os.environ.get(name, "0") for name in ("SLURM_ARRAY_TASK_ID", "SLURM_RESTART_COUNT"))
    log, kill = Path(folder, f"{task}-{restart}-{os.getpid()}.calls"), Path(folder, f"{task}.kill")
    left = [calls]

    def scores(images: Tensor) -> Tensor:
        with log.open("a") as file:
            file.write("x")
        left[0] -= 1
        if not left[0] and kill.exists():
            kill.unlink()
            for process in (os.getppid(),) * (task != "0") + (os.getpid(),):
                os.kill(process, signal.SIGKILL)
        if Path(folder, "slow").exists():
            time.sleep(0.1)
        return linear(images)

    scores.rounding = 0  # type: ignore[attr-defined]
    return scores


def calls_of(folder: Path, task: str) -> list[int]:
    """How many calls each process of a task has made, as ``2-0`` for the first try of task 2."""
    return [file.stat().st_size for file in folder.glob(f"{task}-*.calls")]
