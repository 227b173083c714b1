"""Attack pictures one by one, and write each success as a PNG file that fools when it is read back."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from warnings import warn

import torch
from PIL import Image
from torch import Tensor

from sparseattack.data.folder import ADVERSARIAL, SIDE_BY_SIDE
from sparseattack.data.png import pil_image, read_png, side_by_side, write_png
from sparseattack.errors import InputError, OracleError, SparseattackWarning, StrategyError
from sparseattack.experiment.cases import Case
from sparseattack.experiment.prepare import Setup, prepare
from sparseattack.experiment.settings import Experiment
from sparseattack.problem.edits import Edits
from sparseattack.problem.verification import classify_single
from sparseattack.study.outcomes import aim_of, is_success
from sparseattack.study.record import Record
from sparseattack.study.run import Plan, plan
from sparseattack.study.store import Study

FAILURES = (InputError, OracleError, StrategyError)  # of a search: the first where a fitness is NaN


@dataclass(frozen=True)
class Attempt:
    """The result of an attack on one picture."""

    place: int  # among the pictures
    before: Tensor  # (C, H, W)
    after: Tensor | None  # the adversarial picture, where there is a verified success
    record: Record | None  # None where there was nothing to attack, and where the attack failed
    error: str = ""  # why it failed


def prepare_pictures(experiment: Experiment, label: str | None) -> Setup:
    """Prepare an experiment whose pictures all show the class ``label``, or else each its own.

    The class of a picture without a label, and of all with ``true_class="prediction"``, is the prediction.
    """
    if experiment.target == "all":
        raise InputError("a picture is attacked towards one class: name it, or take random")
    setup = prepare(experiment, label=label, unlabelled=True)
    pil_image(setup.clean.floats[0])  # refuses what no PNG holds
    return setup


def attempts(setup: Setup) -> Iterator[Attempt]:
    """Every picture: first those with nothing to attack, then the others as they are finished.

    Pictures are searched together. Where that fails, a SparseattackWarning says so, and those that are left
    are searched again one by one, so that the failure of one ends no other. Where there is one
    picture only, raises OracleError, StrategyError or InputError (a fitness that is NaN).
    """
    floats = setup.clean.floats
    with Study.create(Path(":memory:")) as study:
        planned = plan(setup, study)
        attacked = {case.image for task in planned.tasks for case in task.todo}
        for place in sorted(set(range(len(floats))) - attacked):
            yield Attempt(place, floats[place], None, None)
        finished = set[int]()
        try:
            for attempt in _searched(planned):
                finished.add(attempt.place)
                yield attempt
        except FAILURES as error:
            if len(attacked) == 1:
                raise
            warn(
                f"{error}; the {len(attacked - finished)} pictures that are left are searched again one by"
                " one, each with its whole budget",
                SparseattackWarning,
                stacklevel=2,
            )
            yield from _one_by_one(planned, finished)


def _searched(planned: Plan) -> Iterator[Attempt]:
    """The pictures of a plan, as they are finished."""
    for record in (record for _, step in planned.run() for record in step.records):
        before = planned.setup.clean.floats[record.image]
        yield Attempt(record.image, before, painted(record, before) if record.success else None, record)


def _one_by_one(planned: Plan, finished: Collection[int]) -> Iterator[Attempt]:
    """The pictures that are not ``finished``, each searched by itself; one that fails has an error."""
    left = [(task, case) for task in planned.tasks for case in task.todo if case.image not in finished]
    for task, case in left:
        try:
            yield from _searched(replace(planned, tasks=(replace(task, todo=(case,)),)))
        except FAILURES as error:
            yield Attempt(case.image, planned.setup.clean.floats[case.image], None, None, str(error))


def painted(record: Record, before: Tensor) -> Tensor:
    """The image ``(C, H, W)`` with the recorded edit."""
    positions = torch.tensor([record.positions], device=before.device)
    colours = torch.tensor([record.colours], dtype=torch.uint8, device=before.device)
    return Edits(positions, colours).paint(before[None])[0]


def write_success(setup: Setup, attempt: Attempt, stem: Path) -> tuple[Path, ...]:
    """Write ``stem.adversarial.png`` and ``stem.side-by-side.png``; nothing where there is no success.

    Raises OracleError where the file, read back, is not classified as recorded, or for a noisy oracle is none
    that fools most of the times.
    """
    if attempt.record is None or attempt.after is None:
        return ()
    record, after = attempt.record, attempt.after
    adversarial, beside = Path(f"{stem}{ADVERSARIAL}"), Path(f"{stem}{SIDE_BY_SIDE}")
    write_png(pil_image(after), adversarial)
    case, read = Case(record.image, record.target), read_png(adversarial).to(after.device)
    seen = classify_single(setup.clean.oracle, read, record.image, aim_of(setup, case))
    noisy = setup.experiment.noisy_oracle
    if not (is_success(setup, case, seen) if noisy else int(seen.classes[0]) == record.after_class):
        adversarial.unlink()
        raise OracleError(
            f"{setup.clean.oracle} classifies the same picture differently each time; {adversarial} is gone"
        )
    captions = (
        f"before: {caption(setup.clean.classes, record.before_class, record.before_confidence)}",
        f"after: {caption(setup.clean.classes, record.after_class, record.after_confidence)}",
    )
    write_png(side_by_side(attempt.before, after, captions), beside)
    return adversarial, beside


def caption(classes: Sequence[str], number: int, confidence: float) -> str:
    """A class, and the oracle's confidence in it."""
    return f"{class_name(classes, number)} {100 * confidence:.1f} %"


def class_name(classes: Sequence[str], number: int) -> str:
    """A class by its name, or by its number where it has none."""
    return classes[number] or f"class {number}"


def stems(ids: Sequence[str]) -> list[str]:
    """File names of images, without suffix, in sub-folders as their ids say, and all different."""
    inside = [PurePath(id).relative_to(PurePath(id).anchor) for id in ids]
    whole = ["/".join(part for part in path.parts if part != "..") for path in inside]
    known = Image.registered_extensions()
    short = [_without_suffix(name, known) for name in whole]
    numbered = [f"{place}-{name}" for place, name in enumerate(short)]
    return next(names for names in (short, whole, numbered) if len(set(names)) == len(names))


def _without_suffix(name: str, suffixes: Collection[str]) -> str:
    path = PurePath(name)
    return path.with_suffix("").as_posix() if path.suffix.lower() in suffixes else name
