"""What a comparison still has to run: all its cases, minus what the study holds."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sparseattack.errors import InputError
from sparseattack.provenance import digest, digest_image
from sparseattack.study.cases import Case
from sparseattack.study.choice import choose
from sparseattack.study.experiment import Condition
from sparseattack.study.prepared import Prepared
from sparseattack.study.store import Study


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


def open_study(prepared: Prepared, study: Study, advice: str = "Name another file with --study") -> None:
    """Enter the manifest in a new study; refuse one that was made with anything else, with an ``advice``."""
    held = study.claim("manifest", prepared.manifest)
    if changes := list(differences(held["determines"], prepared.manifest["determines"])):
        raise InputError(f"{study.path} was made with other settings: {'; '.join(changes)}. {advice}")
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
    held, choice = study.keys(), choose(prepared)
    conditions = prepared.experiment.conditions()
    tasks = [_task(prepared, each, choice.cases[each.seed], held) for each in conditions]
    told = {"images": len(prepared.images), "eligible": choice.eligible, "left_out": choice.left_out}
    study.keep(clean=told | {"planned": sum(task.runs for task in tasks)})
    return tasks


def _task(prepared: Prepared, condition: Condition, cases: Sequence[Case], held: set[str]) -> Task:
    keyed = [(_key(prepared, condition, case), case) for case in cases]
    todo = tuple((key, case) for key, case in keyed if key not in held)
    return Task(condition, todo, len(keyed) - len(todo))


def _key(prepared: Prepared, condition: Condition, case: Case) -> str:
    picture = digest_image(prepared.images.pixels[case.image])
    label = int(prepared.images.labels[case.image])
    return digest([prepared.identity, list(condition), case.image, picture, label, case.target])
