"""Merge studies: the union of their runs by key."""

from collections.abc import Callable, Sequence
from pathlib import Path

from sparseattack.study.store import Study


def add_runs(study: Study, file: Path, wanted: Callable[[str], bool] = lambda key: True) -> None:
    """Add the runs of the study in a ``file`` that a study lacks, those whose key is ``wanted``."""
    with Study.read(file) as other:
        for record in other.records():
            if wanted(record.key):
                study.add(record)


def merge(study: Study, files: Sequence[Path]) -> None:
    """Add the runs of several files to a study."""
    for file in files:
        add_runs(study, file)
