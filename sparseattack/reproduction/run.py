"""A part is run: what its study lacks, and nothing twice.

Runs that another study holds already: the same experiment on more or fewer of the images.
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from sparseattack.data.images import UNKNOWN
from sparseattack.errors import InputError
from sparseattack.study.prepare import Setup, labelled, prepare
from sparseattack.study.run import Step, open_study, plan, run
from sparseattack.study.store import Study

from .part import Choices, Part


def adopt(setup: Setup, study: Study, others: Iterable[Path]) -> None:
    """Take over the runs that ``study`` lacks from studies that differ in how many images are drawn.

    No run depends on the images beside it, so that they are what running them again would come to.
    """
    mine = _but_draw(setup.manifest)
    for path in sorted(others):
        if path == study.path:
            continue
        with suppress(InputError), Study.read(path) as other:  # what is no study has no runs
            if _but_draw(other.get("manifest")) == mine:
                _copy(setup, study, other)


def _copy(setup: Setup, study: Study, other: Study) -> None:
    (task,) = plan(setup, study)
    keys = {(case.image, case.target): key for key, case in task.todo}
    for record in other.records():
        if key := keys.get((record.image, record.target)):
            study.add(replace(record, key=key))


def _but_draw(manifest: dict[str, Any] | None) -> dict[str, Any]:
    """What results depend on, but for the number of images."""
    determines: dict[str, Any] = (manifest or {}).get("determines", {})
    experiment = {
        key: value for key, value in determines.get("experiment", {}).items() if key != "num_images"
    }
    return {**determines, "experiment": experiment}


ADVICE = "Name another folder with --out, or remove that file"


class Stage(NamedTuple):
    """How far a part has come since the last one."""

    left: int  # runs
    step: Step


def shown(part: Part, choices: Choices, like: Setup | None = None) -> Setup:
    """The network of a part, the images and what it says of them, taken over from ``like`` if given.

    InputError where the network cannot be loaded, or these images cannot be attacked.
    """
    known = prepare(replace(part.experiment(choices), num_images=0), like)
    labelled(known)
    return known


def conduct(part: Part, choices: Choices, folder: Path, known: Setup) -> Iterator[Stage]:
    """Run what the part's study in ``folder`` lacks; ``known`` is what was ``shown``.

    Runs of the same on another number of images are taken over. First it is said how much is left.
    """
    setup = drawn(known, part.experiment(choices).num_images)
    with Study.create(part.path(choices, folder)) as study:
        open_study(setup, study, ADVICE)
        study.set(correct=correct(known), classes=known.classes)
        adopt(setup, study, folder.glob(f"{part.stem}-*.study"))
        (task,) = plan(setup, study)
        left = len(task.todo)
        yield Stage(left, Step(0, ()))
        for step in run(setup, task, study) if left else ():
            left -= len(step.records)
            if step.queries:  # the last one has none
                yield Stage(left, step)


def drawn(known: Setup, wanted: int) -> Setup:
    """The same with ``wanted`` images drawn, or all that may be attacked if they are fewer."""
    every = labelled(known)
    num_images = min(wanted, every.selection.eligible)
    return replace(every, experiment=replace(known.experiment, num_images=num_images))


def correct(known: Setup) -> int | None:
    """How many images the network calls what their own labels say; None where one has no label."""
    labels = known.images.numbered(getattr(known.oracle, "classes", ())).labels
    return None if (labels == UNKNOWN).any() else int((labels == known.verdicts.classes).sum())
