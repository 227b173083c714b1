"""Merge studies: the union of their runs by key."""

from collections.abc import Callable, Sequence
from pathlib import Path

from sparseattack.errors import InputError
from sparseattack.experiment.identity import Question
from sparseattack.study.facts import ImageList, StudyRequest
from sparseattack.study.store import Study


def add_runs(study: Study, file: Path, wanted: Callable[[str], bool] = lambda key: True) -> None:
    """Add the runs of the study in a ``file`` that a study lacks, those whose key is ``wanted``.

    With them come the experiments that were asked there. InputError where that is about another question.
    """
    with Study.read(file) as other:
        if (question := other.get(Question)) is None:  # nothing was asked yet
            return
        if differences := study.set_default(question).differences(question):
            raise InputError(f"{file} is about another question than {study.path}: {'; '.join(differences)}")
        for kind in (ImageList, StudyRequest):
            for part, fact in other.facts(kind).items():
                study.set_default(fact, part)
        records, images = [one for one in other.records() if wanted(one.key)], other.images()
        study.add_images(images[key] for key in {one.image_key for one in records})
        used = {one.environment for one in records}
        for key, environment in other.environments().items():
            if key in used:
                study.add_environment(environment)
        for record in records:
            study.add(record)


def merge(study: Study, files: Sequence[Path]) -> None:
    """Add the runs of several files to a study."""
    for file in files:
        add_runs(study, file)
