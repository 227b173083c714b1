"""What a comparison still has to run: all its cases, minus what the study holds."""

from collections.abc import Iterator
from dataclasses import dataclass

from sparseattack.errors import InputError
from sparseattack.experiment import Condition
from sparseattack.fingerprint import digest, digest_image
from sparseattack.prepared import Prepared
from sparseattack.store import Study
from sparseattack.targets import Case, attackable, cases


@dataclass(frozen=True)
class Task:
    """One condition, and the cases that are still to be run under it."""

    condition: Condition
    todo: tuple[tuple[str, Case], ...]  # with their keys
    done: int  # runs that the study holds already
    left_out: int  # cases that are no attack: misclassified, or called the target already

    @property
    def runs(self) -> int:
        """All of this condition."""
        return self.done + len(self.todo)


def open_study(prepared: Prepared, study: Study) -> None:
    """Enter the manifest in a new study; refuse one that was made with anything else."""
    held = study.claim("manifest", prepared.manifest)
    if changes := list(differences(held["determines"], prepared.manifest["determines"])):
        raise InputError(
            f"{study.path} was made with other settings: {'; '.join(changes)}. Name another file with --study"
        )
    opened = {name: prepared.manifest[name] for name in ("hardware", "created")}
    study.keep(opened=[*(study.get("opened") or []), opened])


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
    seeds = {task.condition.seed: task.left_out for task in tasks}
    left_out = tasks[0].left_out if prepared.experiment.target == "none" else sum(seeds.values())
    planned = sum(task.runs for task in tasks)
    study.keep(clean={"images": len(prepared.images.ids), "left_out": left_out, "planned": planned})
    return tasks


def _task(prepared: Prepared, condition: Condition, held: set[str]) -> Task:
    images, labels = prepared.images.pixels, prepared.images.labels
    predicted = prepared.verdicts.classes.tolist()
    every = cases(images, labels, prepared.experiment.target, condition.seed, prepared.classes)
    chosen = [case for case in every if attackable(case, int(labels[case.image]), predicted[case.image])]
    keyed = [(_key(prepared, condition, case), case) for case in chosen]
    todo = tuple((key, case) for key, case in keyed if key not in held)
    return Task(condition, todo, len(keyed) - len(todo), len(every) - len(chosen))


def _key(prepared: Prepared, condition: Condition, case: Case) -> str:
    picture = digest_image(prepared.images.pixels[case.image])
    label = int(prepared.images.labels[case.image])
    return digest([prepared.identity, list(condition), case.image, picture, label, case.target])
