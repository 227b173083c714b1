"""Every success as PNG files: the original, the adversarial image, and both with the changed pixels ringed.

The oracle and the images are loaded again, and must be those of the study; each file is read back and
classified, so that one that is written fools.
"""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from sparseattack.data.png import pil_image, write_png
from sparseattack.errors import InputError
from sparseattack.experiment.prepare import Setup, prepare
from sparseattack.report.export.iohprofiler import plain
from sparseattack.report.results import Results
from sparseattack.study.pictures import Attempt, class_name, painted, stems, write_success
from sparseattack.study.record import Record

ORIGINAL = ".original.png"


class ImageFiles(NamedTuple):
    """A row of ``images.csv``: the files of one success, and what the oracle predicts."""

    adversarial: str  # path below the folder; those beside it end in .original.png and .side-by-side.png
    strategy: str
    encoding: str
    k: int
    seed: int
    image: int
    image_id: str
    queries: int  # to success
    pixels: int  # changed
    before: str  # class
    before_confidence: float
    after: str
    after_confidence: float
    target: str  # class to be reached; empty in an untargeted attack


def write(found: Results, out: Path) -> None:
    """Write the folder ``out``: a folder per condition, and ``images.csv``, a row per success.

    Raises InputError where nothing succeeded, and where oracle or images are other ones now; OracleError
    where a file, read back, does not fool.
    """
    successes = [record for record in found.records if record.success]
    if not successes:
        raise InputError("no run succeeded: there is no adversarial image to export")
    setup = prepare(found.experiment)
    was, now = found.manifest.determines, setup.manifest.determines
    for what, before, after in (
        ("the oracle's scores", was.oracle, now.oracle),
        ("the images", was.images, now.images),
    ):
        if before != after:
            raise InputError(f"{what} differ from the study's: the digest was {before}, is {after}")
    out.mkdir()
    names = stems(setup.images.ids)
    with (out / "images.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(ImageFiles._fields)
        writer.writerows(_written(setup, found, successes, out, names))


def _written(
    setup: Setup, found: Results, successes: list[Record], out: Path, names: list[str]
) -> Iterator[ImageFiles]:
    """Write the files of every success, and describe them."""
    classes, conditions = setup.clean.classes, list(dict.fromkeys(each.condition for each in successes))
    for record in successes:
        label, number = plain(found.names[record.strategy]), 1 + conditions.index(record.condition)
        folder = f"{number}-{label}-{plain(record.encoding)}-k{record.k}-seed{record.seed}"
        towards = f"-to-{record.target}" if record.target >= 0 else ""
        stem = out / folder / f"{names[record.image]}{towards}"
        before = setup.clean.floats[record.image]
        adversarial, _ = write_success(
            setup, Attempt(record.image, before, painted(record, before), record), stem
        )
        write_png(pil_image(before), Path(f"{stem}{ORIGINAL}"))
        yield ImageFiles(
            str(adversarial.relative_to(out)),
            found.names[record.strategy],
            record.encoding,
            record.k,
            record.seed,
            record.image,
            record.image_id,
            record.first_fooled,
            record.pixels,
            class_name(classes, record.before_class),
            record.before_confidence,
            class_name(classes, record.after_class),
            record.after_confidence,
            class_name(classes, record.target) if record.target >= 0 else "",
        )
