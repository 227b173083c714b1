"""A comparison is run, each finished run kept at once.

Whether edits are answered by what they change: if that is wanted, and where it proves faster.

What a comparison still has to run: all its cases, minus what the study holds.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import median
from time import perf_counter
from typing import Any, NamedTuple

import torch

from sparseattack.errors import InputError
from sparseattack.plugins.spec import parse
from sparseattack.problem.inference import score_edits
from sparseattack.problem.problem import Problem, QueryBatch
from sparseattack.provenance import digest, digest_image
from sparseattack.search.group import AttackSettings
from sparseattack.search.loop import run_rounds
from sparseattack.study.cases import Case
from sparseattack.study.experiment import Condition, inference_key
from sparseattack.study.prepare import Setup, problem_of
from sparseattack.study.record import Record, record_of
from sparseattack.study.store import Study

REPEATS = 3
FASTER = 1.05  # times, or the difference is chance
WORTH = 10.0  # seconds of whole images, or making ready costs more than it gains


def choose_inference(problem: Problem, queries: int, wanted: bool, study: Study) -> Problem:
    """The problem, to be answered as the study says; if it says nothing yet, as is faster now.

    ``queries`` are how many it may come to.
    """
    if not (wanted and problem.classifier.answer_edits):
        return replace(problem, sparse=False)
    name = inference_key(problem.encoding.slots)
    held = study.get(name) or study.set_default(name, benchmark_inference(problem, queries))
    return replace(problem, sparse=held["used"])


@torch.inference_mode()
def benchmark_inference(problem: Problem, queries: int) -> dict[str, Any]:
    """Whether sparse inference is used, and how many times as fast it is; none where it was not tried."""
    whole, sparse = (replace(problem, sparse=choice) for choice in (False, True))
    questions = sample(problem)
    worth = seconds(whole, questions) / len(questions.rows) * queries >= WORTH
    if not worth or score_edits(problem.classifier, problem.images, questions.rows, questions.edits) is None:
        return {"used": False, "speedup": None}
    pairs = [seconds(whole, questions) / seconds(sparse, questions) for _ in range(REPEATS)]
    return {"used": median(pairs) >= FASTER, "speedup": round(median(pairs), 2)}


def sample(problem: Problem) -> QueryBatch:
    """As many questions as are put at once, about a few of the images."""
    count, shape = problem.sizes.chunk, problem.images.shape[1:]
    random = torch.Generator().manual_seed(0)
    genes = torch.rand(count, len(problem.encoding.genes(shape)), generator=random)
    rows = torch.arange(count) * min(2, len(problem.labels)) // count
    edits = problem.encoding.decode(genes.to(problem.images.device), shape)
    return QueryBatch(rows.to(problem.images.device), edits)


def seconds(problem: Problem, questions: QueryBatch) -> float:
    """How long the answers take."""
    start = perf_counter()
    problem.evaluate(questions)
    return perf_counter() - start


@dataclass(frozen=True)
class Task:
    """One condition, and the cases that are still to be run under it."""

    condition: Condition
    todo: tuple[tuple[str, Case], ...]  # with their keys
    done: int  # runs that the study holds already

    @property
    def runs(self) -> int:
        """All of this condition."""
        return self.done + len(self.todo)


def open_study(setup: Setup, study: Study, advice: str = "Name another file with --study") -> None:
    """Enter the manifest in a new study; refuse one that was made with anything else, with an ``advice``."""
    held = study.set_default("manifest", setup.manifest)
    if changes := list(differences(held["determines"], setup.manifest["determines"])):
        raise InputError(f"{study.path} was made with other settings: {'; '.join(changes)}. {advice}")
    opened = {name: setup.manifest[name] for name in ("hardware", "created")}
    study.set(opened=[*(study.get("opened") or []), opened])


def differences(was: object, now: object, where: str = "") -> Iterator[str]:
    """Every place in which two JSON things differ, in words."""
    if isinstance(was, dict) and isinstance(now, dict):
        for key in sorted(was.keys() | now.keys()):
            yield from differences(was.get(key), now.get(key), f"{where} {key}".strip())
    elif was != now:
        yield f"{where} was {was}, is {now}"


def plan(setup: Setup, study: Study) -> list[Task]:
    """Every condition with its cases, minus the runs that the study holds."""
    held = study.keys()
    choice = setup.selection
    conditions = setup.experiment.conditions()
    tasks = [_task(setup, each, choice.cases[each.seed], held) for each in conditions]
    told = {"images": len(setup.images), "eligible": choice.eligible, "left_out": choice.left_out}
    study.set(clean=told | {"planned": sum(task.runs for task in tasks)})
    return tasks


def _task(setup: Setup, condition: Condition, cases: Sequence[Case], held: frozenset[str]) -> Task:
    keyed = [(_key(setup, condition, case), case) for case in cases]
    todo = tuple((key, case) for key, case in keyed if key not in held)
    return Task(condition, todo, len(keyed) - len(todo))


def _key(setup: Setup, condition: Condition, case: Case) -> str:
    picture = digest_image(setup.images.pixels[case.image])
    label = int(setup.images.labels[case.image])
    return digest([setup.identity, list(condition), case.image, picture, label, case.target])


class Step(NamedTuple):
    """How far a task has come since the last one."""

    queries: int
    records: tuple[Record, ...]


def run(setup: Setup, task: Task, study: Study) -> Iterator[Step]:
    """Run what a task has to do; each record is in the study before it is handed out."""
    condition = task.condition
    strategy, called = setup.strategies[condition.strategy], parse(condition.strategy).name
    chosen, problem = setup.experiment, problem_of(setup, condition, [case for _, case in task.todo])
    if task.todo:
        problem = choose_inference(problem, len(task.todo) * chosen.budget, chosen.sparse_inference, study)
    attack_settings = AttackSettings(chosen.budget, condition.seed, called)
    for each in run_rounds(problem, strategy, attack_settings):
        records = tuple(record_of(setup, condition, task.todo, outcome) for outcome in each.outcomes)
        for record in records:
            study.add(record)
        yield Step(each.queries, records)
