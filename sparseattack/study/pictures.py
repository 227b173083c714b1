"""Pictures attacked as a comparison attacks them, each told apart.

A success kept as two pictures: the one that fools, and one that shows where it was changed.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

import torch
from PIL import Image
from torch import Tensor

from sparseattack.data.pictures import ADVERSARIAL, SIDE_BY_SIDE
from sparseattack.data.png import pil_image, read_png, side_by_side, write_png
from sparseattack.errors import InputError, OracleError
from sparseattack.problem.edits import Edits
from sparseattack.problem.verification import classify_alone
from sparseattack.study.cases import class_number
from sparseattack.study.experiment import Experiment
from sparseattack.study.prepare import Setup, prepare, showing
from sparseattack.study.record import Record
from sparseattack.study.run import plan, run
from sparseattack.study.store import Study


def stems(ids: Sequence[str]) -> list[str]:
    """File names of images, in sub-folders as their ids say, and all different."""
    inside = [PurePath(id).relative_to(PurePath(id).anchor) for id in ids]
    whole = ["/".join(part for part in path.parts if part != "..") for path in inside]
    known = Image.registered_extensions()
    short = [_short(name, known) for name in whole]
    numbered = [f"{place}-{name}" for place, name in enumerate(short)]
    return next(names for names in (short, whole, numbered) if len(set(names)) == len(names))


def _short(name: str, suffixes: Collection[str]) -> str:
    path = PurePath(name)
    return path.with_suffix("").as_posix() if path.suffix.lower() in suffixes else name


def keep(setup: Setup, record: Record, pair: tuple[Tensor, Tensor], stem: Path) -> tuple[Path, Path]:
    """Write ``stem.adversarial.png``, which fools when it is read back, and ``stem.side-by-side.png``.

    ``pair`` is the image before and after ``(C, H, W)``.
    """
    fooling, beside = Path(f"{stem}{ADVERSARIAL}"), Path(f"{stem}{SIDE_BY_SIDE}")
    write_png(pil_image(pair[1]), fooling)
    seen = classify_alone(setup.oracle, read_png(fooling).to(pair[1].device), record.image)
    if int(seen.classes[0]) != record.after_class:
        fooling.unlink()
        raise OracleError(f"{setup.oracle} answers the same picture differently when it is asked again")
    captions = (
        f"before: {caption(setup.classes, record.before_class, record.before_confidence)}",
        f"after: {caption(setup.classes, record.after_class, record.after_confidence)}",
    )
    write_png(side_by_side(*pair, captions), beside)
    return fooling, beside


def caption(classes: Sequence[str], number: int, confidence: float) -> str:
    """A class, and how sure the oracle is of it."""
    return f"{class_name(classes, number)} {100 * confidence:.1f} %"


def class_name(classes: Sequence[str], number: int) -> str:
    """A class by its name, or by its number where it has none."""
    return classes[number] or f"class {number}"


@dataclass(frozen=True)
class Attempt:
    """What became of one picture."""

    place: int  # among the pictures
    before: Tensor  # (C, H, W)
    after: Tensor | None  # where it fooled, and fooled again when shown alone
    record: Record | None  # none where there was nothing to attack


def prepare_pictures(experiment: Experiment, label: str | None) -> Setup:
    """A comparison's parts, every picture of the class ``label``, or of the class the oracle sees in it."""
    if experiment.target == "all":
        raise InputError("a picture is attacked towards one class: name it, or take random")
    setup = prepare(experiment)
    pil_image(setup.floats[0])  # refuses what no PNG holds, before anything is asked
    seen = setup.predictions.classes
    if label is not None:
        seen = torch.full_like(seen, class_number(label, setup.classes, len(setup.classes)))
    return showing(setup, seen)


def attempts(setup: Setup) -> Iterator[Attempt]:
    """Every picture: first those with nothing to attack, then the others as they are finished."""
    with Study.create(Path(":memory:")) as study:  # kept nowhere
        (task,) = plan(setup, study)
        attacked = {case.image for _, case in task.todo}
        for place in sorted(set(range(len(setup.images.ids))) - attacked):
            yield Attempt(place, setup.floats[place], None, None)
        for record in (record for step in run(setup, task, study) for record in step.records):
            before = setup.floats[record.image]
            yield Attempt(record.image, before, _painted(record, before) if record.success else None, record)


def _painted(record: Record, before: Tensor) -> Tensor:
    """The image ``(C, H, W)`` with the edit that was kept."""
    positions = torch.tensor([record.positions], device=before.device)
    colours = torch.tensor([record.colours], dtype=torch.uint8, device=before.device)
    return Edits(positions, colours).paint(before[None])[0]
