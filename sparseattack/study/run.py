"""A comparison is run, each finished run kept at once."""

from collections.abc import Iterator
from typing import NamedTuple

from sparseattack.plugins.spec import parse
from sparseattack.search.loop import rounds
from sparseattack.study.inference import settled
from sparseattack.study.plan import Task
from sparseattack.study.pose import pose
from sparseattack.study.prepared import Prepared
from sparseattack.study.record import Record
from sparseattack.study.recording import record_of
from sparseattack.study.store import Study


class Step(NamedTuple):
    """How far a task has come since the last one."""

    queries: int
    records: tuple[Record, ...]


def run(prepared: Prepared, task: Task, study: Study) -> Iterator[Step]:
    """Run what a task has to do; each record is in the study before it is handed out."""
    condition = task.condition
    strategy, called = prepared.strategies[condition.strategy], parse(condition.strategy).name
    chosen, problem = prepared.experiment, pose(prepared, condition, [case for _, case in task.todo])
    if task.todo:
        problem = settled(problem, len(task.todo) * chosen.budget, chosen.sparse_inference, study)
    for each in rounds(problem, strategy, chosen.budget, condition.seed, key=called):
        records = tuple(record_of(prepared, condition, task.todo, outcome) for outcome in each.outcomes)
        for record in records:
            study.add(record)
        yield Step(each.queries, records)
