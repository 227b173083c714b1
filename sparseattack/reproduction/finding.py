"""A finished part, as its study holds it: all that a cell of a table is made of."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sparseattack.record import Record
from sparseattack.store import Study

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
    if not path.is_file():
        return None
    with Study.read(path) as study:
        manifest, clean, records = study.get("manifest"), study.get("clean"), study.records()
        correct, classes = study.get("correct"), tuple(study.get("classes") or ())
    if not manifest or not clean or not records or len(records) < clean["planned"]:
        return None
    experiment = manifest["determines"]["experiment"]
    return Finding(path, records, experiment, classes, clean["images"], correct)
