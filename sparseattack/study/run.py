"""Run an experiment into a study: plan what it lacks, run that, and store each record at once.

with Study.create(path) as study:
    for task, step in plan(prepare(experiment), study).run():
        ...
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from time import sleep
from typing import NamedTuple

import torch

from sparseattack.errors import InputError, UnansweredError
from sparseattack.experiment.cases import Case
from sparseattack.experiment.identity import ProbeScores, Question
from sparseattack.experiment.prepare import Setup, problem_of, split_by_size
from sparseattack.experiment.settings import Condition
from sparseattack.problem.oracle import EAGER
from sparseattack.problem.problem import Problem
from sparseattack.search.group import AttackSettings
from sparseattack.search.inference import AUTO, FASTER, fastest_backend, measure_speedup, with_backend
from sparseattack.search.loop import run_rounds
from sparseattack.study.claim import Claims, claims
from sparseattack.study.facts import BackendChoice, InferenceChoice, StudyRequest, image_list, request
from sparseattack.study.outcomes import Made, record_of
from sparseattack.study.progress import Advance
from sparseattack.study.record import Record
from sparseattack.study.store import Study
from sparseattack.study.tables import ROUNDING, ImageRow

IN_A_ROW = 3  # runs that an oracle does not answer, one after another: it answers none
PAUSE = 0.5  # seconds between two looks at what others have finished
ADVICE = "Name another file with --study; `sparseattack report A B` shows two side by side"


@dataclass(frozen=True)
class Task:
    """One condition, and the cases that are still to be run under it."""

    condition: Condition
    todo: tuple[Case, ...]
    held: tuple[Case, ...]  # those that the study has runs of already

    @property
    def done(self) -> int:
        """Runs that the study holds already."""
        return len(self.held)

    @property
    def runs(self) -> int:
        """All of this condition."""
        return self.done + len(self.todo)


class Step(NamedTuple):
    """The progress of a task since its last step."""

    queries: int
    records: tuple[Record, ...]
    elsewhere: int = 0  # runs that another process has made meanwhile
    unanswered: str = ""  # why a run was left out: the oracle's own error


@dataclass(frozen=True)
class Plan:
    """The runs of a setup that its study lacks."""

    setup: Setup
    study: Study
    request: StudyRequest  # what is asked of the study
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

        Of several processes that run plans with the same runs on one file, each makes a part of them, and all
        end when these are done; so a task may come again. Raises OracleError, StrategyError or StoreError;
        what was finished before is in the study. An UnansweredError, of an oracle that does not answer some
        images, comes when all other runs are finished; at a ChangedError the runs that it names are removed.
        """
        left = {place: task.todo for place, task in enumerate(self.tasks) if task.todo}
        unanswered, made = list[str](), set[str]()
        clean = self.setup.clean
        with claims(self.study) as mine, self.study.taking_back(), clean.staying_the_same(made):
            while left:
                worked = False
                for place, todo in list(left.items()):
                    task, done = self.tasks[place], set[Case]()
                    for cases in split_by_size(self.setup, todo):
                        for step, finished in _share(self, task, cases, mine):
                            done |= set(finished)
                            worked = True
                            unanswered += filter(None, [step.unanswered])
                            made |= {record.key for record in step.records}
                            yield task, step
                    if rest := tuple(case for case in todo if case not in done):
                        left[place] = rest
                    else:
                        del left[place]
                if left and not worked:  # all that is left is claimed by others
                    mine.beat()
                    sleep(PAUSE)
        if unanswered:
            raise UnansweredError.of(unanswered)

    def advances(self) -> Iterator[Advance]:
        """Run as ``run`` does, and give out what each step adds to the progress."""
        places = {id(task): place for place, task in enumerate(self.tasks)}
        for task, step in self.run():
            budget = task.condition.budget
            made = Advance.of(places[id(task)], step.queries, step.records, budget)
            others = step.elsewhere
            yield made._replace(
                runs=made.runs + others, spared=made.spared + others * budget, elsewhere=others
            )


def plan(setup: Setup, study: Study, *, advice: str = ADVICE) -> Plan:
    """Open the study for a setup, and find out what it lacks.

    Raises InputError, with an ``advice``, where the study is about another question.
    """
    setup = _open(setup, study, advice)
    _check_images(setup, study, advice)
    asked = request(setup, datetime.now(UTC).isoformat(timespec="microseconds"))
    study.set_default(image_list(setup), asked.images)
    asked = study.set_default(asked, asked.part)
    tasks = _tasks(setup, study)
    return Plan(setup, study, asked, tasks)


def _open(setup: Setup, study: Study, advice: str) -> Setup:
    """Store the question in a new study; refuse a study that is about another one."""
    probes = study.get(ProbeScores)
    if probes is not None:
        setup = replace(setup, clean=setup.clean.on_probes_of(probes))
    held = study.set_default(setup.question)
    if held != setup.question:
        raise InputError(
            f"{study.path} is about another question: {_differences(setup, study, held)}. {advice}"
        )
    probes = study.set_default(setup.clean.probes)
    if (share := probes.difference(setup.clean.probes)) > ROUNDING:
        raise InputError(
            f"{study.path} was made with another oracle: its scores of the same images differ by up to"
            f" {100 * share:.1f} % from those of {setup.clean.oracle}. {advice}"
        )
    return setup


def _differences(setup: Setup, study: Study, held: Question) -> str:
    """What the question of a study differs in, in words: a digest says nothing to a reader."""
    found = held.differences(setup.question)
    if held.oracle != setup.question.oracle:
        before = next((asked.experiment.oracle for asked in study.requests()), "unknown")
        now = setup.experiment.oracle
        other = (
            f"oracle was {before}, is {now}"
            if before != now
            else f"oracle was another one called {now}: its parameters, its code or its scores differ"
        )
        found = [other, *(each for each in found if not each.startswith("oracle "))]
    return "; ".join(found)


def _check_images(setup: Setup, study: Study, advice: str) -> None:
    """Refuse an oracle that gives images of the study other classes than they have there."""
    held = {image.content: image for image in study.images().values()}  # a class may be the prediction
    for place, content in enumerate(setup.selection.contents):
        if (before := held.get(content)) is None or setup.experiment.noisy_oracle:
            continue
        now = ImageRow.of(setup, place)
        if not before.agrees(now):
            raise InputError(
                f"{study.path} was made with another oracle: it gives image {before.id} class"
                f" {before.predicted} at {before.confidence:.1%}, {setup.clean.oracle} gives it class"
                f" {now.predicted} at {now.confidence:.1%}. {advice}"
            )


def _tasks(setup: Setup, study: Study) -> tuple[Task, ...]:
    """One a condition; of equal ones that differ in their budget, the one with the largest has the runs."""
    held, chosen = study.held(), list(setup.experiment.conditions())
    most: dict[tuple[str, int], int] = {}
    for condition in chosen:
        same = setup.method_keys[condition], condition.seed
        most[same] = max(condition.budget, most.get(same, 0))
    tasks = []
    for condition in chosen:
        cases = setup.selection.cases[condition.seed]
        keys = [setup.run_key(condition, case) for case in cases]
        lacking = [key not in held or not held[key].is_enough(condition.budget) for key in keys]
        todo = tuple(case for case, lacks in zip(cases, lacking, strict=True) if lacks)
        here = tuple(case for case, lacks in zip(cases, lacking, strict=True) if not lacks)
        if condition.budget < most[setup.method_keys[condition], condition.seed]:
            todo = ()
        tasks.append(Task(condition, todo, here))
    return tuple(tasks)


def _share(
    plan: Plan, task: Task, cases: Sequence[Case], mine: Claims
) -> Iterator[tuple[Step, Sequence[Case]]]:
    """Run portions of a task's cases, on images of one size, that no other process is at work on.

    With each step come the cases that are done, here or elsewhere.
    """
    by_key = {plan.setup.run_key(task.condition, case): case for case in cases}
    made: Made | None = None
    while by_key:
        keys, stored = mine.take(list(by_key), task.condition.budget)
        if stored:
            yield Step(0, (), len(stored)), [by_key.pop(key) for key in stored]
        if not keys:
            return
        portion = [by_key.pop(key) for key in keys]
        problem = problem_for(plan, task, portion)
        if made is None:
            environment = plan.setup.environment(task.condition, problem.classifier.backend)
            made = Made(bool(problem.sparse), plan.study.add_environment(environment))
        for step, finished in _run_answered(plan, task.condition, portion, problem, made):
            mine.beat()
            yield step, finished
        mine.release()


def problem_for(plan: Plan, task: Task, cases: Sequence[Case]) -> Problem:
    """The problem of cases on images of one size, evaluated as is faster for the whole task."""
    problem, queries = problem_of(plan.setup, task.condition, cases), len(task.todo) * task.condition.budget
    chosen = plan.setup.experiment
    problem = choose_backend(problem, queries, chosen.backend, plan.study)
    return choose_inference(problem, queries, chosen.sparse_inference, plan.study)


def _run_answered(
    plan: Plan, condition: Condition, cases: Sequence[Case], problem: Problem, made: Made
) -> Iterator[tuple[Step, Sequence[Case]]]:
    """Run cases; where an oracle does not answer one, the others are run one by one and it is left out.

    Raises UnansweredError where several in a row are not answered.
    """
    left, in_a_row = set(cases), 0
    with suppress(UnansweredError):
        for step, done in _run_cases(plan, condition, cases, problem, made):
            left -= set(done)
            yield step, done
    for case in filter(left.__contains__, cases):
        single = problem.at(torch.tensor([cases.index(case)]))
        try:
            yield from _run_cases(plan, condition, [case], single, made)
            in_a_row = 0
        except UnansweredError as error:
            in_a_row += 1
            if in_a_row == IN_A_ROW:
                raise
            yield Step(0, (), unanswered=str(error)), [case]


def _run_cases(
    plan: Plan, condition: Condition, cases: Sequence[Case], problem: Problem, made: Made
) -> Iterator[tuple[Step, Sequence[Case]]]:
    setup, study = plan.setup, plan.study
    strategy = setup.strategies[condition.strategy, condition.fitness]
    study.add_images(ImageRow.of(setup, image) for image in dict.fromkeys(case.image for case in cases))
    settings = AttackSettings(condition.budget, condition.seed, key=strategy.spec.stream_name)
    for done in run_rounds(problem, strategy.plugin, settings):
        records = tuple(
            record_of(setup, condition, cases[outcome.image], outcome, made) for outcome in done.outcomes
        )
        for record in records:
            study.add(record)
        yield Step(done.queries, records), [cases[outcome.image] for outcome in done.outcomes]


def choose_backend(problem: Problem, queries: int, wanted: str, study: Study) -> Problem:
    """The problem, its whole images evaluated by the backend that the study has stored, or that is wanted.

    The fastest one, if ``wanted`` is auto, is chosen once: resumed runs and further conditions have the same.
    """
    if wanted == EAGER:
        return problem
    choice = study.get(BackendChoice)
    if choice is None:
        name, speedup = fastest_backend(problem, queries) if wanted == AUTO else (wanted, None)
        choice = study.set_default(BackendChoice(name, speedup and round(speedup, 2)))
    return replace(problem, oracle=with_backend(problem.classifier, choice.backend, problem.images))


def choose_inference(problem: Problem, queries: int, wanted: bool, study: Study) -> Problem:
    """The problem, evaluated as the study has it stored, or else as is faster now.

    The first choice is stored for each number of pixels: resumed runs are evaluated in the same way.
    ``queries`` is an upper bound of what the problem costs.
    """
    if not (wanted and problem.classifier.answer_edits) or problem.sparse is False:
        return replace(problem, sparse=False)
    part = f"k={problem.encoding.slots}"
    choice = study.get(InferenceChoice, part)
    if choice is None:
        speedup = measure_speedup(problem, queries)
        used, rounded = (speedup or 0) >= FASTER, speedup and round(speedup, 2)
        choice = study.set_default(InferenceChoice(used, rounded), part)
    return replace(problem, sparse=choice.used)
