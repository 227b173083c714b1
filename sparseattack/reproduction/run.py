"""Run the studies of a reproduction: what a study lacks, and nothing twice."""

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

from .studies import Options, PlannedStudy

ADVICE = "Name another folder with --out, or remove that file"


class StudyProgress(NamedTuple):
    """The progress of a study since the last one was reported."""

    left: int  # runs
    step: Step


def load_network(planned: PlannedStudy, options: Options, like: Setup | None = None) -> Setup:
    """Load a study's network and images, and classify these; taken over from ``like`` if given.

    InputError if the network cannot be loaded, or its images cannot be attacked.
    """
    setup = prepare(replace(planned.experiment(options), num_images=0), like)
    labelled(setup)
    return setup


def run_study(
    planned: PlannedStudy, options: Options, folder: Path, loaded: Setup
) -> Iterator[StudyProgress]:
    """Run what the study in ``folder`` lacks, with the network that ``load_network`` has loaded.

    Runs that a study on another number of images holds are copied. The first progress has no step: it
    reports how many runs are left.
    """
    setup = _with_images(loaded, planned.experiment(options).num_images)
    with Study.create(planned.path(options, folder)) as study:
        open_study(setup, study, ADVICE)
        study.set(correct=_correct(loaded), classes=loaded.classes)
        copy_runs(setup, study, folder.glob(f"{planned.stem}-*.study"))
        (task,) = plan(setup, study)
        left = len(task.todo)
        yield StudyProgress(left, Step(0, ()))
        for step in run(setup, task, study) if left else ():
            left -= len(step.records)
            if step.queries:  # the last step has none
                yield StudyProgress(left, step)


def _with_images(loaded: Setup, wanted: int) -> Setup:
    """The setup on ``wanted`` sampled images, or on all eligible ones if they are fewer."""
    every = labelled(loaded)
    num_images = min(wanted, every.selection.eligible)
    return replace(every, experiment=replace(loaded.experiment, num_images=num_images))


def _correct(loaded: Setup) -> int | None:
    """Number of images that the network classifies as labelled; None if an image has no label."""
    labels = loaded.images.with_classes(loaded.oracle.classes).labels
    return None if (labels == UNKNOWN).any() else int((labels == loaded.predictions.classes).sum())


def copy_runs(setup: Setup, study: Study, others: Iterable[Path]) -> None:
    """Copy the runs that ``study`` lacks from studies that differ only in the number of images.

    No run depends on the other images of its study, so running it again would have the same result.
    """
    mine = _but_num_images(setup.manifest)
    for path in sorted(others):
        if path == study.path:
            continue
        with suppress(InputError), Study.read(path) as other:  # a file that is no study has no runs
            if _but_num_images(other.get("manifest")) == mine:
                _copy(setup, study, other)


def _copy(setup: Setup, study: Study, other: Study) -> None:
    (task,) = plan(setup, study)
    keys = {(case.image, case.target): key for key, case in task.todo}
    for record in other.records():
        if key := keys.get((record.image, record.target)):
            study.add(replace(record, key=key))


def _but_num_images(manifest: dict[str, Any] | None) -> dict[str, Any]:
    """Everything that determines the results of a manifest, but the number of images."""
    determines: dict[str, Any] = (manifest or {}).get("determines", {})
    experiment = {
        key: value for key, value in determines.get("experiment", {}).items() if key != "num_images"
    }
    return {**determines, "experiment": experiment}
