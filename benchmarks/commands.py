"""What a command of sparseattack takes, run as a person runs it: in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path
from time import perf_counter
from typing import NamedTuple


class Cost(NamedTuple):
    """What one command took, the processes that it started included."""

    seconds: float  # on the wall
    processor: float  # seconds of processor time
    memory: float  # MiB at most, of the largest process


def measure(*words: str, folder: Path, threads: int = 0) -> Cost:
    """Run a command in a folder, with so many threads of torch if that is not 0; RuntimeError if it fails."""
    start = perf_counter()
    environment = os.environ | ({"OMP_NUM_THREADS": str(threads)} if threads else {})
    with Path(folder, "errors.txt").open("w+") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "sparseattack.cli", *words],
            cwd=folder, stdout=subprocess.DEVNULL, stderr=errors, env=environment,
        )  # fmt: skip
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            errors.seek(0)
            raise RuntimeError(f"sparseattack {' '.join(words)}: {errors.read()}")
    return Cost(perf_counter() - start, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)
