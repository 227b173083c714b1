"""Attack pictures one by one, and write each success as a PNG file that fools when it is read back."""

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path, PurePath
from typing import NamedTuple
from warnings import warn

import torch
from PIL import Image
from torch import Tensor

from sparseattack.data.folder import ADVERSARIAL, ENLARGED, SIDE_BY_SIDE
from sparseattack.data.panels import Caption, SheetCell, contact_sheet, enlarged, side_by_side
from sparseattack.data.png import changed_pixels, pil_image, read_png, write_png
from sparseattack.errors import (
    ChangedError,
    InputError,
    OracleError,
    SparseattackWarning,
    StrategyError,
    number_of,
)
from sparseattack.experiment.cases import Case
from sparseattack.experiment.prepare import Setup, prepare
from sparseattack.experiment.settings import Condition, Experiment
from sparseattack.problem.edits import Edits
from sparseattack.problem.encodings.encoding import unit_of
from sparseattack.problem.verification import classify_single
from sparseattack.provenance import Environment
from sparseattack.study.outcomes import aim_of, is_success
from sparseattack.study.record import Record
from sparseattack.study.run import Plan, plan
from sparseattack.study.store import Study

SMALL, TIMES, SEEN = 64, 8, 256  # pixels of a side: a small image is enlarged 8 times, or to 256
MOST_CELLS = 100  # of a contact sheet
OF_RUN = ("strategy", "encoding", "fitness", "k", "seed", "budget")  # settings that the text chunks hold
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
    for stack in setup.clean.stacks:
        pil_image(stack[0])  # refuses what no PNG holds
    return setup


class AttackStep(NamedTuple):
    """The progress of an attack on pictures since its last step."""

    queries: int
    attempts: tuple[Attempt, ...]  # finished


def attempts(setup: Setup) -> Iterator[Attempt]:
    """Every picture, in the order in which `attack_steps` finishes them."""
    return (attempt for step in attack_steps(setup) for attempt in step.attempts)


def attack_steps(setup: Setup) -> Iterator[AttackStep]:
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
            yield AttackStep(0, (Attempt(place, floats[place], None, None),))
        finished = set[int]()
        try:
            for step in _searched(planned):
                finished |= {attempt.place for attempt in step.attempts}
                yield step
        except FAILURES as error:
            if len(attacked) == 1 or isinstance(error, ChangedError):
                raise
            warn(
                f"{error}; the {len(attacked - finished)} pictures that are left are searched again one by"
                " one, each with its whole budget",
                SparseattackWarning,
                stacklevel=2,
            )
            yield from _one_by_one(planned, finished)


def _searched(planned: Plan) -> Iterator[AttackStep]:
    """The pictures of a plan, as they are finished."""
    for _, step in planned.run():
        yield AttackStep(step.queries, tuple(_attempt(planned, record) for record in step.records))


def _attempt(planned: Plan, record: Record) -> Attempt:
    before = planned.setup.clean.floats[record.image]
    return Attempt(record.image, before, painted(record, before) if record.success else None, record)


def _one_by_one(planned: Plan, finished: Collection[int]) -> Iterator[AttackStep]:
    """The pictures that are not ``finished``, each searched by itself; one that fails has an error."""
    left = [(task, case) for task in planned.tasks for case in task.todo if case.image not in finished]
    for task, case in left:
        try:
            yield from _searched(replace(planned, tasks=(replace(task, todo=(case,)),)))
        except FAILURES as error:
            failed = Attempt(case.image, planned.setup.clean.floats[case.image], None, None, str(error))
            yield AttackStep(0, (failed,))


def painted(record: Record, before: Tensor) -> Tensor:
    """The image ``(C, H, W)`` with the recorded edit."""
    positions = torch.tensor([record.positions], device=before.device)
    colours = torch.tensor([record.colours], dtype=torch.uint8, device=before.device)
    return Edits(positions, colours).paint(before[None])[0]


@dataclass(frozen=True)
class PictureFiles:
    """Writes successes as PNG files, whose text chunks say how they were made."""

    setup: Setup
    made: Environment  # what the runs were made with
    command: str = ""  # the line that made them, for their text chunks
    scale: int | None = 0  # of a copy that is enlarged so many times; 0 for none, None as the size asks for

    def write(self, attempt: Attempt, stem: Path) -> tuple[Path, ...]:
        """Write ``stem.adversarial.png``, the image itself, ``.side-by-side.png``, perhaps ``.enlarged.png``.

        Nothing where there is no success. Raises OracleError where the file, read back, is not classified as
        recorded, or for a noisy oracle is none that fools most of the times.
        """
        if attempt.record is None or attempt.after is None:
            return ()
        record, after = attempt.record, attempt.after
        texts = _texts(self.setup, attempt, self.made, self.command)
        adversarial, beside = Path(f"{stem}{ADVERSARIAL}"), Path(f"{stem}{SIDE_BY_SIDE}")
        write_png(pil_image(after), adversarial, texts)
        self._check(record, adversarial)
        pair = _captions(self.setup, record)
        write_png(side_by_side(attempt.before, after, pair, _notes(self.setup, record)), beside, texts)
        times = enlargement(after) if self.scale is None else self.scale
        if not times:
            return adversarial, beside
        write_png(enlarged(after, times), large := Path(f"{stem}{ENLARGED}"), texts)
        return adversarial, beside, large

    def _check(self, record: Record, adversarial: Path) -> None:
        """Read the file back; OracleError, and the file is gone, where it does not fool as recorded."""
        setup, case = self.setup, Case(record.image, record.target)
        read = read_png(adversarial).to(setup.clean.floats[record.image].device)
        seen = classify_single(setup.clean.oracle, read, record.image, aim_of(setup, case))
        noisy = setup.experiment.noisy_oracle
        if not (is_success(setup, case, seen) if noisy else int(seen.classes[0]) == record.after_class):
            adversarial.unlink()
            raise OracleError(
                f"{setup.clean.oracle} classifies the same picture differently each time;"
                f" {adversarial} is gone"
            )


def enlargement(image: Tensor) -> int:
    """How many times an image ``(C, H, W)`` has to be enlarged to be looked at; 0 for a large one."""
    longest = max(image.shape[1:])
    return max(TIMES, SEEN // longest) if longest <= SMALL else 0


def sheet_of(setup: Setup, finished: Sequence[Attempt]) -> Image.Image | None:
    """A contact sheet of the first successes, in the order of the pictures; None where there is none."""
    made = sorted((one for one in finished if one.after is not None), key=lambda one: one.place)
    cells = [
        SheetCell(one.before, one.after, _cell_lines(setup, one.record))
        for one in made[:MOST_CELLS]
        if one.after is not None and one.record is not None
    ]
    if not cells:
        return None
    attacked = sum(one.record is not None for one in finished)
    some = f", the first {len(cells)} shown" if len(made) > len(cells) else ""
    heading = f"{len(made)} of {number_of(attacked, 'attacked picture')} fool {setup.clean.oracle.name}{some}"
    condition = next(setup.experiment.conditions())
    return contact_sheet(f"{heading}: k = {condition.pixels}, {_search(condition)}", cells)


def _search(chosen: Record | Condition) -> str:
    most = number_of(chosen.budget, "query", "queries")
    return f"strategy {chosen.strategy}, encoding {chosen.encoding}, at most {most} each"


def _cell_lines(setup: Setup, record: Record) -> tuple[str, ...]:
    classes = setup.clean.classes
    change = f"{class_name(classes, record.before_class)} -> {class_name(classes, record.after_class)}"
    confidence = f"{100 * record.before_confidence:.1f} % -> {100 * record.after_confidence:.1f} %"
    cost = f"{number_of(record.pixels, counted_noun(setup, record))}, query {record.first_fooled:,}"
    return setup.images.ids[record.image], change, confidence, cost


def _captions(setup: Setup, record: Record) -> tuple[Caption, Caption]:
    classes = setup.clean.classes
    before, after = record.before_class, record.after_class
    return (
        Caption("before: ", class_name(classes, before), f" {100 * record.before_confidence:.1f} %"),
        Caption("after: ", class_name(classes, after), f" {100 * record.after_confidence:.1f} %"),
    )


def _notes(setup: Setup, record: Record) -> tuple[str, ...]:
    """What stands below a pair of images: what was attacked, how, and what it cost."""
    classes = setup.clean.classes
    towards = f"; target {class_name(classes, record.target)}" if record.target >= 0 else ""
    changed = f"{number_of(record.pixels, counted_noun(setup, record))} of at most {record.k} changed"
    masked = "" if setup.masks is None else f", {setup.masks.note}"
    return (
        f"{setup.images.ids[record.image]}: true class {class_name(classes, record.label)}{towards}",
        f"{changed}; success with query {record.first_fooled:,} of at most {record.budget:,}",
        f"strategy {record.strategy}, encoding {record.encoding}, oracle {setup.clean.oracle.name}{masked}",
    )


def _texts(setup: Setup, attempt: Attempt, made: Environment, command: str) -> dict[str, str]:
    """The text chunks of a picture: a title, the software, and everything else as JSON."""
    record, classes = attempt.record, setup.clean.classes
    assert record is not None and attempt.after is not None  # checked by the caller
    changed = [change._asdict() for change in changed_pixels(attempt.before, attempt.after)]
    chosen = setup.experiment.to_json()
    common = {
        name: chosen[name]
        for name in (
            "oracle",
            "images",
            "resize",
            "native_size",
            "stop",
            "true_class",
            "noisy_oracle",
            "mask",
        )
    }
    found = {
        "command": command,
        "settings": common | {name: getattr(record, name) for name in OF_RUN},
        "image": {"id": setup.images.ids[record.image], "key": record.image_key},
        "true_class": class_name(classes, record.label),
        "target": class_name(classes, record.target) if record.target >= 0 else None,
        "before": {"class": class_name(classes, record.before_class), "confidence": record.before_confidence},
        "after": {"class": class_name(classes, record.after_class), "confidence": record.after_confidence},
        "queries": {"to_success": record.first_fooled, "in_all": record.queries},
        "changed": changed,
        "made_with": asdict(made),
    }
    pair = _captions(setup, record)
    return {
        "Title": f"{'; '.join(''.join(each) for each in pair)}",
        "Description": ". ".join(_notes(setup, record)),
        "Software": f"sparseattack {made.versions['sparseattack']}",
        "sparseattack": json.dumps(found),
    }


def counted_noun(setup: Setup, record: Record) -> str:
    """What a run's encoding counts as changed, one of it: pixel or coordinate."""
    return unit_of(setup.encodings[record.encoding, record.k].encoding).removesuffix("s")


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
