"""Run the studies of a reproduction: what a study lacks, and nothing twice."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from sparseattack.experiment.clean import CleanEvaluation
from sparseattack.experiment.prepare import Setup, prepare
from sparseattack.study.run import Step, plan
from sparseattack.study.store import Study

from .studies import Options, PlannedStudy

ADVICE = "Name another folder with --out, or remove that file"


class StudyProgress(NamedTuple):
    """The progress of a study since the last one was reported."""

    left: int  # runs
    step: Step


def load_network(planned: PlannedStudy, options: Options, clean: CleanEvaluation | None = None) -> Setup:
    """Prepare a study on all its images; ``clean`` if its network has been evaluated on them before.

    Raises InputError if the network cannot be loaded, or its images cannot be attacked.
    """
    return prepare(replace(planned.experiment(options), num_images=0), clean=clean)


def run_study(
    planned: PlannedStudy, options: Options, folder: Path, loaded: Setup
) -> Iterator[StudyProgress]:
    """Run what the study in ``folder`` lacks, with the setup that ``load_network`` has prepared.

    The first progress has no step: it reports how many runs are left.
    """
    setup = loaded.sampled(planned.experiment(options).num_images)
    with Study.create(planned.path(options, folder)) as study:
        missing = plan(setup, study, advice=ADVICE)
        left = missing.left
        yield StudyProgress(left, Step(0, ()))
        for _, step in missing.run():
            left -= len(step.records) + step.elsewhere
            if step.queries or step.elsewhere:  # the last step has none
                yield StudyProgress(left, step)
