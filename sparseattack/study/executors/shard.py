"""A shard: a share of a comparison's runs, made by a process of its own into a file of its own.

Every run has a key, and the key says to which of n shards it belongs. So each process plans the whole
comparison and makes its share; the union of the files is the study that one process would have made.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from sparseattack.errors import InputError
from sparseattack.experiment.cases import Case
from sparseattack.experiment.prepare import prepare
from sparseattack.experiment.settings import Condition, Experiment
from sparseattack.study.facts import FinishedShard
from sparseattack.study.progress import Advance
from sparseattack.study.run import Plan, plan
from sparseattack.study.store import Study

SHARD = re.compile(r"(\d+)/(\d+)")
FILE = re.compile(r"(.+)\.shard-(\d+)-of-(\d+)", re.DOTALL)


@dataclass(frozen=True, order=True)
class Shard:
    """Share ``number`` of ``count``, both from 1."""

    count: int
    number: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """``2/8``: the second of eight; InputError for anything else."""
        found = SHARD.fullmatch(text)
        if not found or not 1 <= int(found[1]) <= int(found[2]):
            raise InputError(f"a shard is NUMBER/COUNT, from 1/8 to 8/8 for eight shards, not {text!r}")
        return cls(int(found[2]), int(found[1]))

    @classmethod
    def of(cls, key: str, count: int) -> Self:
        """The one of ``count`` that the run of a ``key`` belongs to."""
        return cls(count, int(key, 16) % count + 1)

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    def holds(self, key: str) -> bool:
        """Whether the run of a ``key`` belongs to this shard: to exactly one of ``count``."""
        return self.of(key, self.count) == self

    def file(self, study: Path) -> Path:
        """The usual file of this shard of a ``study``, beside it: ``NAME.shard-2-of-8``."""
        return Path(f"{study}.shard-{self.number}-of-{self.count}")


def shard_of(file: Path, study: str = "") -> Shard | None:
    """The shard that a file is named after, if any: of any study, or of that with the name ``study``."""
    found = FILE.fullmatch(file.name)
    return Shard(int(found[3]), int(found[2])) if found and study in ("", found[1]) else None


def shard_files(study: Path) -> list[Path]:
    """All files named as shards of a study, beside it, in order; of any number of shards."""
    beside = [path for path in study.parent.iterdir() if path.is_file()]
    found = [(shard, path) for path in beside if (shard := shard_of(path, study.name))]
    return [path for _, path in sorted(found)]


def share_of(planned: Plan, shard: Shard) -> Plan:
    """The plan of one shard: of each condition, the cases whose runs belong to it."""
    setup, tasks = planned.setup, []
    for task in planned.tasks:

        def belongs(case: Case, condition: Condition = task.condition) -> bool:
            return shard.holds(setup.run_key(condition, case))

        mine = [tuple(filter(belongs, cases)) for cases in (task.todo, task.held)]
        tasks.append(replace(task, todo=mine[0], held=mine[1]))
    return replace(planned, tasks=tuple(tasks))


def keys_to_make(planned: Plan) -> frozenset[str]:
    """The keys of the runs that a plan lacks."""
    setup = planned.setup
    return frozenset(setup.run_key(task.condition, case) for task in planned.tasks for case in task.todo)


def shards_of(planned: Plan, count: int) -> list[Shard]:
    """Those of ``count`` shards that have runs to make, in order."""
    return sorted({Shard.of(key, count) for key in keys_to_make(planned)})


def run_shard(
    experiment: Experiment, shard: Shard, file: Path, advance: Callable[[Advance], object] = lambda step: None
) -> None:
    """Make the runs of one shard that its file lacks; ``advance`` is called with every step.

    Whatever ends the process, what was finished is in the file, and the same call makes the rest. Raises
    InputError, and OracleError, StrategyError or StoreError for a failed run.
    """
    setup = prepare(experiment)
    with Study.create(file) as study:
        planned = share_of(plan(setup, study), shard)
        for step in planned.advances():
            advance(step)
        finish_shard(planned, shard)


def finish_shard(planned: Plan, shard: Shard) -> bool:
    """Store that a shard is finished, if no run of it is missing; whether that is so.

    Another process that runs the same shard may still be at work on a part of it.
    """
    setup, study = planned.setup, planned.study
    if share_of(plan(setup, study), shard).left:
        return False
    fact = FinishedShard(shard.number, shard.count, planned.request.part)
    study.set(fact, fact.part)
    return True


def missing_shards(study: Study, files: Sequence[Path]) -> dict[int, list[int]]:
    """The numbers of the shards that a study lacks, by their count, where ``files`` are shards of so many."""
    finished: dict[tuple[str, int], set[int]] = {}
    for fact in study.facts(FinishedShard).values():
        finished.setdefault((fact.request, fact.count), set()).add(fact.number)
    missing = {}
    for count in sorted({shard.count for shard in map(shard_of, files) if shard}):
        groups = [numbers for (_, other), numbers in finished.items() if other == count] or [set()]
        lacking = [number for number in range(1, count + 1) if any(number not in each for each in groups)]
        if lacking:
            missing[count] = lacking
    return missing


def number_ranges(numbers: Sequence[int]) -> str:
    """Sorted numbers as Slurm's ``--array`` takes them: ``2,5-7``."""
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and number == ranges[-1][-1] + 1:
            ranges[-1] = [ranges[-1][0], number]
        else:
            ranges.append([number])
    return ",".join("-".join(map(str, each)) for each in ranges)
