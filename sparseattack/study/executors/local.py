"""Run shards in processes on this machine, restart those that die, and unite their files.

Searches are Python's work on one core: several processes, each with a share of the cores, use the others.
A process is given its shard as JSON and writes its progress as JSON, a line for each step. It ends by itself
when the process that started it is gone.
"""

import fcntl
import json
import os
import selectors
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile
from threading import Thread
from time import sleep
from typing import Any

import torch

from sparseattack import errors
from sparseattack.errors import InputError, SparseattackError, UnansweredError, failure
from sparseattack.experiment.settings import Experiment
from sparseattack.study.database import is_open
from sparseattack.study.executors.division import Division, ShardFile
from sparseattack.study.executors.shard import Shard, run_shard, shard_files
from sparseattack.study.progress import Advance

ATTEMPTS = 3  # of a shard whose process dies
PAUSE = 0.1  # seconds between two looks
GRACE = 5.0  # seconds in which the processes of an earlier command that was killed must have ended
MODULE = "sparseattack.study.executors.local"
KINDS = {
    name: kind
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, SparseattackError)
}
TOLD = {"runs": frozenset, "reasons": tuple}  # what an exception says beside its text


def local(division: Division, *, jobs: str = "auto") -> bool:
    """Run every shard in a process of its own on this machine; unite their files at the end.

    jobs: number of processes, or auto: as many as there are cores, or visible GPUs

    A process that dies is started again, twice. Raises the error of a shard that failed: at once, but an
    UnansweredError when all others have ended, as SparseattackError for one whose process died three times.
    What was finished is in the study.
    """
    count = min(number_of_jobs(jobs, division.experiment.device), max(1, division.planned.left))
    with _locked(Path(f"{division.study}.jobs")) as lock:
        _collect(division)  # what an earlier command left
        parts, device = division.start(count), division.experiment.device
        children: list[_Child] = []
        try:
            for place, part in enumerate(parts):
                environment = environment_of(place, count, device)
                children.append(_Child(part, division.experiment, environment, lock))
            _supervise(children, division.advance)
        finally:
            for child in children:
                child.end()
            _collect(division)
    return True


def _collect(division: Division) -> None:
    """Unite all files of shards beside the study, of any number of shards, and remove them.

    One that is damaged is put aside: what it held is run again. One that another command has open stays.
    """
    for file in shard_files(division.study):
        if is_open(file):
            division.collect([file])
            division.write(f"another command has {file} open: it stays, and what is in it is in the study")
            continue
        division.collect_sound([file])
        for name in (file, Path(f"{file}-wal"), Path(f"{file}-shm")):
            name.unlink(missing_ok=True)


def number_of_jobs(jobs: str, device: str) -> int:
    """How many processes ``jobs`` means; InputError for anything but ``auto`` and a number."""
    if jobs == "auto":
        return torch.cuda.device_count() if device.startswith("cuda") else cores()
    if not jobs.isdecimal() or int(jobs) < 1:
        raise InputError(f"jobs is a number of processes, at least 1, or auto, not {jobs!r}")
    return int(jobs)


def cores() -> int:
    """The number of cores that this process may use."""
    return len(os.sched_getaffinity(0))


def environment_of(number: int, count: int, device: str) -> dict[str, str]:
    """The environment of process ``number``, from 0, of ``count``: its share of the cores, and one GPU."""
    environment = dict(os.environ) | {"OMP_NUM_THREADS": str(max(1, cores() // count))}
    if device.startswith("cuda"):
        chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
        visible = chosen.split(",") if chosen else [str(one) for one in range(torch.cuda.device_count())]
        environment["CUDA_VISIBLE_DEVICES"] = visible[number % len(visible)]
    return environment


@contextmanager
def _locked(path: Path) -> Iterator[int]:
    """The descriptor of a lock that this process holds, and every child that inherits it, until all end."""
    for _ in range(round(GRACE / PAUSE)):
        lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        if _lock(lock, path):
            break
        os.close(lock)
        sleep(PAUSE)
    else:
        raise InputError(f"another command runs shards of {path.stem} now: wait until it has ended")
    try:
        yield lock
    finally:
        path.unlink(missing_ok=True)
        os.close(lock)


def _lock(file: int, path: Path) -> bool:
    """Whether the open file is locked now, and is still the one at the path."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return path.exists() and os.fstat(file).st_ino == path.stat().st_ino


class _Child:
    """A shard, and the process that runs it."""

    def __init__(
        self, part: ShardFile, experiment: Experiment, environment: dict[str, str], lock: int
    ) -> None:
        self.part, self.environment, self.lock = part, environment, lock
        job = {
            "experiment": experiment.to_json(),
            "shard": str(part.shard),
            "file": str(part.file),
            "path": sys.path,
        }
        self.job = json.dumps(job).encode() + b"\n"
        self.attempts, self.finished, self.rest = 0, False, b""
        self.error: SparseattackError | None = None  # that it has reported
        self.begin()

    def begin(self) -> None:
        """Start the process, or start it again."""
        self.attempts += 1
        self.rest = b""
        self.errors = TemporaryFile()  # what it prints as errors  # noqa: SIM115 (closed by end)
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", MODULE],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, env=self.environment,
            pass_fds=[self.lock], process_group=0,
        )  # fmt: skip
        assert self.process.stdin and self.process.stdout
        self.output = self.process.stdout.fileno()
        with suppress(BrokenPipeError):  # it has died already
            self.process.stdin.write(self.job)
            self.process.stdin.flush()  # and left open: it ends where this process does

    def read(self) -> list[Any] | None:
        """The steps that it has written since; None once it has ended. What it reports is its ``error``."""
        data = os.read(self.output, 2**16)
        *lines, self.rest = (self.rest + data).split(b"\n")
        steps = []
        for line in map(json.loads, lines):
            if isinstance(line, dict):
                self.finished, self.error = True, _reported(line)
            else:
                steps.append(line)
        return steps if data else None

    @property
    def may_wait(self) -> bool:
        """Whether what it has reported is an error of some images alone, which others need not have."""
        return isinstance(self.error, UnansweredError)

    def died(self) -> SparseattackError:
        """What is said of a process that died for the last time."""
        code = self.process.wait()
        how = f"by signal {-code}" if code < 0 else f"with exit code {code}"
        self.errors.seek(0)
        said = self.errors.read().decode(errors="replace").strip().splitlines()
        return SparseattackError(
            f"the process of shard {self.part.shard} ended {how} {self.attempts} times"
            f"{f', the last time saying: {said[-1]}' if said else ''}"
        )

    def end(self) -> None:
        """End the process; what it has finished is in its file."""
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.errors):
            if stream:
                with suppress(BrokenPipeError):
                    stream.close()


def _supervise(children: Sequence[_Child], advance: Callable[[Advance], object]) -> None:
    """Pass on the steps of all processes until each has finished; start again those that die.

    Raises at once what a process reports; where one died too often, or its oracle does not answer some
    images, the others finish first.
    """
    with selectors.DefaultSelector() as selector:
        for child in children:
            selector.register(child.output, selectors.EVENT_READ, child)
        while selector.get_map():
            for key, _ in selector.select():
                child = key.data
                steps = child.read()
                for step in steps or ():
                    advance(Advance(*step))
                if child.error and not child.may_wait:
                    raise child.error
                if steps is not None:
                    continue
                selector.unregister(child.output)
                if child.finished or child.attempts == ATTEMPTS:
                    continue
                child.end()
                child.begin()
                selector.register(child.output, selectors.EVENT_READ, child)
    _raise_late([child.error if child.finished else child.died() for child in children])


def _raise_late(ends: Sequence[SparseattackError | None]) -> None:
    """Raise the first error of processes that have all ended, or one of all runs that are not finished."""
    unanswered = [error for error in ends if isinstance(error, UnansweredError) and error.reasons]
    for error in ends:
        if error and error not in unanswered:
            raise error
    if unanswered:
        raise UnansweredError.of([reason for error in unanswered for reason in error.reasons])


def _report(error: SparseattackError) -> dict[str, Any]:
    """An error as a process reports it: as the nearest of the exceptions of this package."""
    kind = next(each for each in type(error).__mro__ if each in KINDS.values())
    told = {name: [*held] for name in TOLD if (held := getattr(error, name, ()))}
    return {"error": kind.__name__, "message": str(error)} | told


def _reported(line: dict[str, Any]) -> SparseattackError | None:
    """The error that a process has reported in its last line, if any."""
    told = [kind(line[name]) for name, kind in TOLD.items() if name in line]
    return KINDS[line["error"]](line["message"], *told) if line else None


def main() -> None:
    """Run the shard that is described on the standard input; write its steps to the standard output."""
    output = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)  # what an oracle prints is no step
    job = json.loads(sys.stdin.buffer.readline())
    Thread(target=_end_with_parent, daemon=True).start()
    sys.path[:] = job["path"]
    try:
        run_shard(
            Experiment.from_json(job["experiment"]),
            Shard.parse(job["shard"]),
            Path(job["file"]),
            lambda step: print(json.dumps(step), file=output),
        )
    except SparseattackError as error:
        ending = _report(error)
    except Exception as error:
        ending = _report(SparseattackError(failure(error)))
    else:
        ending = {}
    print(json.dumps(ending), file=output)


def _end_with_parent() -> None:
    """End this process as soon as the one that started it is gone, whatever it is doing."""
    while sys.stdin.buffer.read(1):
        pass
    os._exit(1)


if __name__ == "__main__":
    main()
