"""A part is run: what its study lacks, and nothing twice."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from sparseattack.data.images import UNKNOWN
from sparseattack.study.choice import choose
from sparseattack.study.labelling import labelled
from sparseattack.study.plan import open_study, plan
from sparseattack.study.prepare import prepare
from sparseattack.study.prepared import Prepared
from sparseattack.study.run import Step, run
from sparseattack.study.store import Study

from .adopt import adopt
from .part import Choices, Part

ADVICE = "Name another folder with --out, or remove that file"


class Stage(NamedTuple):
    """How far a part has come since the last one."""

    left: int  # runs
    step: Step


def shown(part: Part, choices: Choices, like: Prepared | None = None) -> Prepared:
    """The network of a part, the images and what it says of them, taken over from ``like`` if given.

    InputError where the network cannot be loaded, or these images cannot be attacked.
    """
    known = prepare(replace(part.experiment(choices), draw=0), like)
    labelled(known)
    return known


def conduct(part: Part, choices: Choices, folder: Path, known: Prepared) -> Iterator[Stage]:
    """Run what the part's study in ``folder`` lacks; ``known`` is what was ``shown``.

    Runs of the same on another number of images are taken over. First it is said how much is left.
    """
    prepared = drawn(known, part.experiment(choices).draw)
    with Study.create(part.path(choices, folder)) as study:
        open_study(prepared, study, ADVICE)
        study.keep(correct=correct(known), classes=known.classes)
        adopt(prepared, study, folder.glob(f"{part.stem}-*.study"))
        (task,) = plan(prepared, study)
        left = len(task.todo)
        yield Stage(left, Step(0, ()))
        for step in run(prepared, task, study) if left else ():
            left -= len(step.records)
            if step.queries:  # the last one has none
                yield Stage(left, step)


def drawn(known: Prepared, wanted: int) -> Prepared:
    """The same with ``wanted`` images drawn, or all that may be attacked if they are fewer."""
    every = labelled(known)
    draw = min(wanted, choose(every).eligible)
    return replace(every, experiment=replace(known.experiment, draw=draw))


def correct(known: Prepared) -> int | None:
    """How many images the network calls what their own labels say; None where one has no label."""
    labels = known.images.numbered(getattr(known.oracle, "classes", ())).labels
    return None if (labels == UNKNOWN).any() else int((labels == known.verdicts.classes).sum())
