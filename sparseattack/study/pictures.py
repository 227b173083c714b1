"""Pictures attacked as a comparison attacks them, each told apart."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from sparseattack.data.png import picture
from sparseattack.errors import InputError
from sparseattack.problem.edits import Edits
from sparseattack.study.cases import class_number
from sparseattack.study.experiment import Experiment
from sparseattack.study.labelling import showing
from sparseattack.study.plan import plan
from sparseattack.study.prepare import prepare
from sparseattack.study.prepared import Prepared
from sparseattack.study.record import Record
from sparseattack.study.run import run
from sparseattack.study.store import Study


@dataclass(frozen=True)
class Attempt:
    """What became of one picture."""

    place: int  # among the pictures
    before: Tensor  # (C, H, W)
    after: Tensor | None  # where it fooled, and fooled again when shown alone
    record: Record | None  # none where there was nothing to attack


def prepare_pictures(experiment: Experiment, label: str | None) -> Prepared:
    """A comparison's parts, every picture of the class ``label``, or of the class the oracle sees in it."""
    if experiment.target == "all":
        raise InputError("a picture is attacked towards one class: name it, or take random")
    prepared = prepare(experiment)
    picture(prepared.floats[0])  # refuses what no PNG holds, before anything is asked
    seen = prepared.verdicts.classes
    if label is not None:
        seen = torch.full_like(seen, class_number(label, prepared.classes, len(prepared.classes)))
    return showing(prepared, seen)


def attempts(prepared: Prepared) -> Iterator[Attempt]:
    """Every picture: first those with nothing to attack, then the others as they are finished."""
    with Study.create(Path(":memory:")) as study:  # kept nowhere
        (task,) = plan(prepared, study)
        attacked = {case.image for _, case in task.todo}
        for place in sorted(set(range(len(prepared.images.ids))) - attacked):
            yield Attempt(place, prepared.floats[place], None, None)
        for record in (record for step in run(prepared, task, study) for record in step.records):
            before = prepared.floats[record.image]
            yield Attempt(record.image, before, _painted(record, before) if record.success else None, record)


def _painted(record: Record, before: Tensor) -> Tensor:
    """The image ``(C, H, W)`` with the edit that was kept."""
    positions = torch.tensor([record.positions], device=before.device)
    colours = torch.tensor([record.colours], dtype=torch.uint8, device=before.device)
    return Edits(positions, colours).paint(before[None])[0]
