"""Every success as PNG files: the original, the adversarial image, and both with the changed pixels ringed.

The oracle and the images are loaded again, and must be those of the study; each file is read back and
classified, so that one that is written fools.
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from sparseattack.data.png import pil_image, write_png
from sparseattack.errors import InputError
from sparseattack.experiment.prepare import Setup, prepare
from sparseattack.report.export.iohprofiler import plain
from sparseattack.report.results import Results
from sparseattack.study.facts import StudyRequest, image_list
from sparseattack.study.pictures import Attempt, PictureFiles, class_name, painted, stems
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
    if unknown := [record for record in successes if not record.positions]:
        raise InputError(
            f"of {len(unknown)} successes within budget {unknown[0].budget} the edit is not known, as the"
            " runs went on after it: export their larger budget, or name a new file with --study and compare"
            f" with --budget {unknown[0].budget}"
        )
    setups = [_setup(found, request) for request in _selections(found.requests)]
    out.mkdir()
    with (out / "images.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(ImageFiles._fields)
        for setup in setups:
            places = {key: place for place, key in enumerate(setup.image_keys)}
            some = [(places[one.image_key], one) for one in successes if one.image_key in places]
            writer.writerows(_written(setup, found, some, out))
            successes = [one for one in successes if one.image_key not in places]


def _selections(requests: Sequence[StudyRequest]) -> list[StudyRequest]:
    """The last request of every selection of images, the last one first."""
    return list({request.images: request for request in requests}.values())[::-1]


def _setup(found: Results, request: StudyRequest) -> Setup:
    """The oracle and the images of a request; InputError where they are other ones now."""
    setup = prepare(request.experiment)
    if differences := found.question.differences(setup.question):
        raise InputError(f"the oracle is another one now: {'; '.join(differences)}")
    if image_list(setup).part != request.images:
        raise InputError(f"the images {request.experiment.images} are others now than in the study")
    return setup


def _written(
    setup: Setup, found: Results, successes: list[tuple[int, Record]], out: Path
) -> Iterator[ImageFiles]:
    """Write the files of every success, given the place of its image in the setup, and describe them."""
    classes, names = setup.clean.classes, stems(setup.images.ids)
    for place, record in successes:
        method = found.method_of(record)
        number = 1 + found.methods.index(method)
        folder = f"{number}-{plain(method.name)}-{plain(record.encoding)}-k{record.k}-seed{record.seed}"
        towards = f"-to-{record.target}" if record.target >= 0 else ""
        stem = out / folder / f"{names[place]}{towards}"
        before = setup.clean.floats[place]
        attempt = Attempt(place, before, painted(record, before), replace(record, image=place))
        adversarial, _ = PictureFiles(setup, found.environments[record.environment]).write(attempt, stem)
        write_png(pil_image(before), Path(f"{stem}{ORIGINAL}"))
        yield ImageFiles(
            str(adversarial.relative_to(out)),
            method.name,
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
