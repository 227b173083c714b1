"""A finished part, as its study holds it: all that a cell of a table is made of."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sparseattack.errors import InputError
from sparseattack.study.record import Record
from sparseattack.study.store import Study

from .measure import Measure


@dataclass(frozen=True)
class Finding:
    """The runs of a study in which nothing is left to be done."""

    path: Path
    records: list[Record]
    experiment: dict[str, Any]
    classes: tuple[str, ...]  # names, some empty
    images: int  # whether or not attacked
    correct: int | None  # of these, as their own labels say; none where they have no labels

    @property
    def attacked(self) -> int:
        """Images."""
        return len({record.image for record in self.records})

    @property
    def accuracy(self) -> Measure | None:
        """Share of the clean images that the network classifies correctly."""
        return None if self.correct is None else Measure(self.correct / self.images, self.images, "rate")


def find(path: Path) -> Finding | None:
    """What the study at ``path`` holds; None if it is not there or not finished.

    An unfinished one is no sample: its successes are done before its failures.
    """
    try:
        with Study.read(path) as study:
            names = "manifest", "clean", "correct", "classes"
            manifest, clean, correct, classes = map(study.get, names)
            records = study.records()
    except InputError:  # nothing, or what another version wrote: running it says so
        return None
    if not manifest or not clean or not records or len(records) < clean["planned"]:
        return None
    experiment = manifest["determines"]["experiment"]
    return Finding(path, records, experiment, tuple(classes or ()), clean["images"], correct)
