"""Run an experiment into a study: plan what it lacks, run that, and store each record at once.

with Study.create(path) as study:
    for task, step in plan(prepare(experiment), study).run():
        ...
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from sparseattack.errors import InputError
from sparseattack.experiment.cases import Case
from sparseattack.experiment.clean import ProbeScores
from sparseattack.experiment.manifest import Determinants, Manifest
from sparseattack.experiment.prepare import Setup, problem_of, split_by_size
from sparseattack.experiment.settings import Condition
from sparseattack.plugins.spec import uses_of
from sparseattack.problem.inference import sizes
from sparseattack.problem.problem import Problem
from sparseattack.search.group import AttackSettings
from sparseattack.search.inference import FASTER, measure_speedup
from sparseattack.search.loop import run_rounds
from sparseattack.study.facts import DeclaredUses, InferenceChoice, Openings, Scope, StrategyLabels
from sparseattack.study.progress import Advance
from sparseattack.study.record import Record, run_key
from sparseattack.study.store import Study

ROUNDING = 0.01  # share of the greatest score by which another machine or version may change a score
ADVICE = "Name another file with --study"


@dataclass(frozen=True)
class Task:
    """One condition, and the cases that are still to be run under it."""

    condition: Condition
    todo: tuple[Case, ...]
    done: int  # runs that the study holds already

    @property
    def runs(self) -> int:
        """All of this condition."""
        return self.done + len(self.todo)


class Step(NamedTuple):
    """The progress of a task since its last step."""

    queries: int
    records: tuple[Record, ...]


@dataclass(frozen=True)
class Plan:
    """The runs of a setup that its study lacks."""

    setup: Setup
    study: Study
    tasks: tuple[Task, ...]  # one a condition, in order

    @property
    def done(self) -> int:
        """Runs that the study held when it was planned."""
        return sum(task.done for task in self.tasks)

    @property
    def left(self) -> int:
        """Runs that it lacked."""
        return sum(len(task.todo) for task in self.tasks)

    def run(self) -> Iterator[tuple[Task, Step]]:
        """Run one task after another; every record is in the study before its step is given out.

        Raises OracleError, StrategyError or StoreError; what was finished before is in the study.
        """
        for task in self.tasks:
            if task.todo:
                for step in _run(self.setup, task, self.study):
                    yield task, step

    def advances(self) -> Iterator[Advance]:
        """Run as ``run`` does, and give out what each step adds to the progress."""
        places = {id(task): place for place, task in enumerate(self.tasks)}
        for task, step in self.run():
            yield Advance.of(places[id(task)], step.queries, step.records, self.setup.experiment.budget)


def plan(setup: Setup, study: Study, *, advice: str = ADVICE, others: Iterable[Path] = ()) -> Plan:
    """Open the study for a setup, and find out what it lacks.

    Runs of the same experiment on another sample of the images are copied from ``others``, studies that need
    not exist. Raises InputError, with an ``advice``, where the study is one of another experiment.
    """
    _open(setup, study, advice)
    for path in sorted(others):
        if path != study.path:
            _copy_runs(setup, study, path)
    tasks = _tasks(setup, study)
    selection, clean = setup.selection, setup.clean
    study.set(StrategyLabels(setup.experiment.labels))
    for spec, strategy in setup.strategies.items():
        study.set(DeclaredUses(tuple(sorted(uses_of(strategy.plugin)))), spec)
    study.set(
        Scope(
            images=len(setup.images),
            correct=clean.correct,
            eligible=selection.eligible,
            left_out=selection.left_out,
            runs=selection.runs(len(setup.images)),
            checks=clean.checks,
            evaluations=clean.evaluations,
            block=sizes(clean.oracle, clean.stacks[0]).block,
            classes=clean.classes,
        )
    )
    return Plan(setup, study, tasks)


def _open(setup: Setup, study: Study, advice: str) -> None:
    """Store the manifest in a new study; refuse a study that has another one."""
    held = study.set_default(setup.manifest)
    if changes := held.determines.differences(setup.manifest.determines):
        chosen = [change for change in changes if change.startswith("experiment ")]
        changes = chosen or changes  # what was chosen explains the digests and settings that follow from it
        raise InputError(f"{study.path} was made with other settings: {'; '.join(changes)}. {advice}")
    probes = study.set_default(setup.clean.probes)
    if (share := probes.difference(setup.clean.probes)) > ROUNDING:
        raise InputError(
            f"{study.path} was made with another oracle: its scores of the same images differ by up to"
            f" {100 * share:.1f} % from those of {setup.clean.oracle}. {advice}"
        )
    before = study.get(Openings) or Openings()
    study.set(Openings((*before.openings, setup.manifest.opening)))


def _tasks(setup: Setup, study: Study) -> tuple[Task, ...]:
    held = study.keys()
    tasks = []
    for condition in setup.experiment.conditions():
        cases = setup.selection.cases[condition.seed]
        todo = tuple(case for case in cases if run_key(setup, condition, case) not in held)
        tasks.append(Task(condition, todo, len(cases) - len(todo)))
    return tuple(tasks)


def _copy_runs(setup: Setup, study: Study, path: Path) -> None:
    """Copy the runs that a study lacks from the one at ``path``, if that differs in its sample only.

    No run depends on the images beside it: running it again would come to the same.
    """
    with suppress(InputError), Study.read(path) as other:  # what is no study has no runs
        held = other.get(Manifest)
        probes = other.get(ProbeScores)
        if probes is None or probes.difference(setup.clean.probes) > ROUNDING:
            return
        if held is None or _but_sample(held.determines) != _but_sample(setup.manifest.determines):
            return
        lacking = {(task.condition, case) for task in _tasks(setup, study) for case in task.todo}
        for record in other.records():
            case = Case(record.image, record.target)
            if (record.condition, case) in lacking:
                study.add(replace(record, key=run_key(setup, record.condition, case)))


def _but_sample(determines: Determinants) -> Determinants:
    """What results depend on, but for the number of images."""
    return replace(determines, experiment=replace(determines.experiment, num_images=0))


def _run(setup: Setup, task: Task, study: Study) -> Iterator[Step]:
    for cases in split_by_size(setup, task.todo):
        yield from _run_cases(setup, task.condition, cases, study)


def _run_cases(setup: Setup, condition: Condition, cases: Sequence[Case], study: Study) -> Iterator[Step]:
    """Run cases on images of one size."""
    experiment, strategy = setup.experiment, setup.strategies[condition.strategy]
    problem = choose_inference(
        problem_of(setup, condition, cases),
        len(cases) * experiment.budget,
        experiment.sparse_inference,
        study,
    )
    settings = AttackSettings(experiment.budget, condition.seed, key=strategy.spec.name)
    for done in run_rounds(problem, strategy.plugin, settings):
        records = tuple(
            Record.of(setup, condition, cases[outcome.image], outcome) for outcome in done.outcomes
        )
        for record in records:
            study.add(record)
        yield Step(done.queries, records)


def choose_inference(problem: Problem, queries: int, wanted: bool, study: Study) -> Problem:
    """The problem, evaluated as the study has it stored, or else as is faster now.

    The first choice is stored for each number of pixels: resumed runs are evaluated in the same way.
    ``queries`` is an upper bound of what the problem costs.
    """
    if not (wanted and problem.classifier.answer_edits):
        return replace(problem, sparse=False)
    part = f"k={problem.encoding.slots}"
    choice = study.get(InferenceChoice, part)
    if choice is None:
        speedup = measure_speedup(problem, queries)
        used, rounded = (speedup or 0) >= FASTER, speedup and round(speedup, 2)
        choice = study.set_default(InferenceChoice(used, rounded), part)
    return replace(problem, sparse=choice.used)
