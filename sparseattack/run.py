"""A comparison is run, each finished run kept at once."""

from collections.abc import Iterator
from typing import NamedTuple

import torch

from sparseattack import until
from sparseattack.loop import rounds
from sparseattack.plan import Task
from sparseattack.prepare import Prepared
from sparseattack.problem import Problem
from sparseattack.record import Record
from sparseattack.recording import record_of
from sparseattack.spec import parse
from sparseattack.store import Study
from sparseattack.targets import aims


class Step(NamedTuple):
    """How far a task has come since the last one."""

    queries: int
    records: tuple[Record, ...]


def run(prepared: Prepared, task: Task, study: Study) -> Iterator[Step]:
    """Run what a task has to do; each record is in the study before it is handed out."""
    condition = task.condition
    strategy, called = prepared.strategies[condition.strategy], parse(condition.strategy).name
    budget = prepared.experiment.budget
    for each in rounds(_problem(prepared, task), strategy, budget, condition.seed, key=called):
        records = tuple(record_of(prepared, condition, task.todo, outcome) for outcome in each.outcomes)
        for record in records:
            study.add(record)
        yield Step(each.queries, records)


def _problem(prepared: Prepared, task: Task) -> Problem:
    """The cases that are to be run, side by side."""
    condition, chosen = task.condition, [case for _, case in task.todo]
    images = torch.tensor([case.image for case in chosen], dtype=torch.int64)
    return Problem(
        prepared.oracle,
        prepared.encodings[condition.encoding, condition.pixels],
        prepared.floats[images],
        aims(chosen, prepared.images.labels).to(prepared.floats.device),
        targeted=prepared.experiment.target != "none",
        fitness=prepared.fitness[condition.strategy],
        until=until.rule(prepared.experiment.until),
        numbers=images,
    )
