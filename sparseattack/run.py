"""A comparison is run: the plan minus what the study holds, each finished run kept at once."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch

from sparseattack import until
from sparseattack.errors import InputError
from sparseattack.experiment import Condition
from sparseattack.fingerprint import digest, digest_image
from sparseattack.loop import outcomes_of
from sparseattack.prepare import Prepared
from sparseattack.problem import Problem
from sparseattack.record import Record
from sparseattack.recording import record_of
from sparseattack.spec import parse
from sparseattack.store import Study
from sparseattack.targets import Case, aims, attackable, cases


@dataclass(frozen=True)
class Task:
    """One condition, and the cases that are still to be run under it."""

    condition: Condition
    todo: dict[str, Case]  # by key
    done: int  # runs that the study holds already
    left_out: int  # cases that are no attack: misclassified, or called the target already


def open_study(prepared: Prepared, study: Study) -> None:
    """Enter the manifest in a new study; refuse one that was made with anything else."""
    held = study.get("manifest")
    if held is None:
        study.keep(manifest=prepared.manifest)
    elif changes := list(differences(held["determines"], prepared.manifest["determines"])):
        raise InputError(
            f"{study.path} was made with other settings: {'; '.join(changes)}. Name another file with --study"
        )


def differences(was: object, now: object, where: str = "") -> Iterator[str]:
    """Every place in which two JSON things differ, in words."""
    if isinstance(was, dict) and isinstance(now, dict):
        for key in sorted(was.keys() | now.keys()):
            yield from differences(was.get(key), now.get(key), f"{where} {key}".strip())
    elif was != now:
        yield f"{where} was {was}, is {now}"


def plan(prepared: Prepared, study: Study) -> list[Task]:
    """Every condition with its cases, minus the runs that the study holds."""
    held = study.keys()
    tasks = [_task(prepared, condition, held) for condition in prepared.experiment.conditions()]
    planned = sum(len(task.todo) + task.done for task in tasks)
    left_out = max((task.left_out for task in tasks), default=0)
    study.keep(clean={"images": len(prepared.images.ids), "left_out": left_out, "planned": planned})
    return tasks


def _task(prepared: Prepared, condition: Condition, held: set[str]) -> Task:
    images, labels = prepared.images.pixels, prepared.images.labels
    predicted = prepared.verdicts.classes.tolist()
    every = cases(images, labels, prepared.experiment.target, condition.seed, prepared.classes)
    chosen = [case for case in every if attackable(case, int(labels[case.image]), predicted[case.image])]
    keys = {_key(prepared, condition, case): case for case in chosen}
    todo = {key: case for key, case in keys.items() if key not in held}
    return Task(condition, todo, len(keys) - len(todo), len(every) - len(chosen))


def _key(prepared: Prepared, condition: Condition, case: Case) -> str:
    picture = digest_image(prepared.images.pixels[case.image])
    label = int(prepared.images.labels[case.image])
    return digest([prepared.identity, list(condition), case.image, picture, label, case.target])


def run(prepared: Prepared, task: Task, study: Study) -> Iterator[Record]:
    """Run what a task has to do; each record is in the study before it is handed out."""
    for record in _records(prepared, task):
        study.add(record)
        yield record


def _records(prepared: Prepared, task: Task) -> Iterator[Record]:
    condition, experiment = task.condition, prepared.experiment
    keys, chosen = list(task.todo), list(task.todo.values())
    if not chosen:
        return
    strategy = prepared.strategies[condition.strategy]
    problem = Problem(
        prepared.oracle,
        prepared.encodings[condition.encoding, condition.pixels],
        prepared.floats[[case.image for case in chosen]],
        aims(chosen, prepared.images.labels).to(prepared.floats.device),
        targeted=experiment.target != "none",
        fitness=prepared.fitness[condition.strategy],
        until=until.rule(experiment.until),
        numbers=torch.tensor([case.image for case in chosen]),
    )
    called = parse(condition.strategy).name
    for outcome in outcomes_of(problem, strategy, experiment.budget, condition.seed, key=called):
        place = outcome.image
        yield record_of(prepared, condition, keys[place], chosen[place], outcome)
