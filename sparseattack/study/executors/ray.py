"""Ray: the shards of a comparison as tasks on a cluster that runs already.

A task is given the file of its shard as bytes and returns it as bytes. So machines need no folder in common,
only the same versions of Python and of the packages, and what the oracle and the images are read from.
"""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import ray
from ray.exceptions import RayError, RayTaskError

from sparseattack.errors import InputError, SparseattackError, UnansweredError, brief, require
from sparseattack.experiment.settings import Experiment
from sparseattack.study.executors.division import Division
from sparseattack.study.executors.shard import Shard, run_shard
from sparseattack.study.progress import Advance

RETRIES = 2  # of a shard whose process or node died
EACH = 4  # shards for each task that can run at once: some end early, and one that is lost is a small loss


class Job(NamedTuple):
    """A shard, and all that a process on another machine needs to run it."""

    experiment: Experiment
    shard: Shard
    content: bytes  # of its file
    folder: str  # that relative paths begin with
    path: tuple[str, ...]  # where modules are looked for


class Done(NamedTuple):
    """A shard that has ended."""

    content: bytes  # of its file
    steps: tuple[Advance, ...]
    unanswered: tuple[str, ...]  # why runs of it are not finished


def ray_tasks(
    division: Division,
    *,
    address: str = "auto",
    shards: int = 0,
    cpus: float = 1,
    gpus: float = 0,
    device: str = "",
) -> bool:
    """Make the runs in tasks on a running Ray cluster.

    address: that of the cluster, as in ray://HOST:10001; auto is the cluster that this machine belongs to
    shards: number of tasks; 0 for four times as many as can run at once
    cpus: cores of a task, which are the threads of its oracle
    gpus: GPUs of a task, or the part of one that it needs
    device: of the oracle in the tasks, as in cuda, if it is not the command's: this machine may have none

    A shard whose process or machine dies is started again, twice; an error that it raises is raised here at
    once. Finished shards are in the study. Raises InputError where there is no cluster, or no room for a
    task, and when the others have ended SparseattackError for shards that died three times, and
    UnansweredError for runs whose images the oracle does not answer.
    """
    experiment = replace(division.experiment, device=device or division.experiment.device)
    require(shards >= 0, f"ray's shards is a number of tasks, or 0, not {shards}")
    require(
        cpus > 0 and gpus >= 0, f"a task of ray needs cores and no fewer GPUs than 0, not {cpus} and {gpus}"
    )
    require(
        gpus > 0 or experiment.device == "cpu",
        f"tasks on the device {experiment.device} need GPUs, as in ray(gpus=1)",
    )
    with _connected(address):
        at_once = _at_once(cpus, gpus)
        require(
            at_once > 0 or shards > 0,
            f"no machine of the Ray cluster has {cpus:g} cores and {gpus:g} GPUs: choose other cpus and gpus",
        )
        task = ray.remote(
            num_cpus=cpus,
            num_gpus=gpus,
            max_retries=RETRIES,
            retry_exceptions=False,
            scheduling_strategy="SPREAD",
        )(run_job)
        waiting: dict[Any, Shard] = {}
        for shard, file in division.start(shards or EACH * at_once):
            job = Job(experiment, shard, file.read_bytes(), os.getcwd(), tuple(sys.path))
            waiting[task.remote(job)] = shard
            file.unlink()
        _collect(division, waiting)
    return True


@contextmanager
def _connected(address: str) -> Iterator[None]:
    """Be connected to a cluster, unless this process is already."""
    if ray.is_initialized():
        yield
        return
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.WARNING)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise InputError(
            f"there is no Ray cluster at {address}: `ray start --head` starts one here, and"
            f" ray(address=HOST:6379) names another ({brief(error)})"
        ) from error
    try:
        yield
    finally:
        ray.shutdown()  # ends this process's tasks, too


def _at_once(cpus: float, gpus: float) -> int:
    """How many tasks the machines that the cluster has now can run at once."""
    nodes: Any = ray.nodes
    machines = [node["Resources"] for node in nodes() if node["Alive"]]
    wanted = {"CPU": cpus, "GPU": gpus}
    return sum(
        min(int(machine.get(what, 0) / each) for what, each in wanted.items() if each) for machine in machines
    )


def _collect(division: Division, waiting: dict[Any, Shard]) -> None:
    """Add each shard to the study when its task has ended."""
    died, unanswered = list[str](), list[str]()
    try:
        while waiting:
            (ended,), _ = ray.wait(list(waiting), num_returns=1)
            shard = waiting.pop(ended)
            try:
                done = ray.get(ended)
                _add(division, done)
                unanswered += done.unanswered
            except RayTaskError as error:
                raise _cause(error, shard) from error
            except RayError as error:
                died.append(f"{shard} ({brief(error)})")
    finally:
        for left in waiting:
            ray.cancel(left, force=True)
    if died:
        raise SparseattackError(f"these shards died {RETRIES + 1} times: {', '.join(died)}")
    if unanswered:
        raise UnansweredError.of(unanswered)


def run_job(job: Job) -> Done:
    """Run a shard in this process, of any machine."""
    with suppress(OSError):  # not every machine has that folder
        os.chdir(job.folder)
    sys.path.extend(place for place in job.path if place not in sys.path)
    steps, unanswered = list[Advance](), tuple[str, ...]()
    with TemporaryDirectory() as folder:
        file = Path(folder, "shard")
        file.write_bytes(job.content)
        try:
            run_shard(job.experiment, job.shard, file, steps.append)
        except UnansweredError as error:
            if not error.reasons:  # nothing is answered
                raise
            unanswered = error.reasons
        return Done(file.read_bytes(), tuple(steps), unanswered)


def _add(division: Division, done: Done) -> None:
    """Add the runs of a shard to the study, and their steps to the progress."""
    with TemporaryDirectory() as folder:
        file = Path(folder, "shard")
        file.write_bytes(done.content)
        for reason in division.collect([file]).damaged.values():
            raise SparseattackError(f"a shard came back damaged: {reason}")
    for step in done.steps:
        division.advance(step)


def _cause(error: RayTaskError, shard: Shard) -> SparseattackError:
    """The error that a shard raised."""
    cause = error.cause
    if isinstance(cause, SparseattackError):
        return cause
    return SparseattackError(f"shard {shard} failed: {brief(cause)}")
