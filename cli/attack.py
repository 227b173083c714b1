"""Attack pictures with a progress display, and print a line about each."""

import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import typer
from rich.console import Console

from sparseattack import Experiment
from sparseattack.data.folder import CONTACT_SHEET
from sparseattack.data.png import ChangedPixel, changed_pixels, write_png
from sparseattack.errors import OracleError, SparseattackError, number_of
from sparseattack.experiment.prepare import Setup
from sparseattack.problem.verification import repeats_of
from sparseattack.report.console import visible
from sparseattack.report.progress import remaining
from sparseattack.study.pictures import (
    Attempt,
    PictureFiles,
    attack_steps,
    caption,
    class_name,
    counted_noun,
    prepare_pictures,
    sheet_of,
    stems,
)
from sparseattack.study.progress import Advance, ComparisonProgress, ConditionProgress
from sparseattack.study.record import Record
from sparseattack.study.store import check_folder

from .terminal import print_text, stderr


class Finished(NamedTuple):
    """A picture whose attack is over, and the files written of it."""

    attempt: Attempt
    files: Sequence[Path]


def in_full(setup: Setup, attempt: Attempt, files: Sequence[Path]) -> str:
    """A few lines, each with its heading."""
    lines = [("before", _before(setup, attempt.place))]
    if setup.masks:
        lines.append(("mask", visible(setup.masks.note.partition(" ")[2])))
    if attempt.record and attempt.record.target >= 0:
        lines.append(("target", visible(class_name(setup.clean.classes, attempt.record.target))))
    if attempt.after is None or attempt.record is None:
        lines.append(("result", f"{_why_not(setup, attempt)}; nothing was written"))
    else:
        record, changed = attempt.record, changed_pixels(attempt.before, attempt.after)
        lines += [
            ("after", _after(setup, record)),
            ("queries", f"{record.first_fooled:,} to success, {record.queries:,} in all"),
            ("changed", f"{_changed(setup, record)}; rows and columns count from 0"),
            *(("", _change(one)) for one in changed),
            ("verified", "read back from its file and evaluated as a single image, it is a success again"),
            *zip(("written", *("",) * len(files)), (visible(str(file)) for file in files), strict=False),
        ]
    lines.append(("also", _uncharged(setup, attempt, len(files))))
    return "\n".join(f"{heading:<10}{text}" for heading, text in lines)


def _uncharged(setup: Setup, attempt: Attempt, files: int) -> str:
    """What the oracle evaluated beside the queries."""
    clean = setup.clean.checks + setup.clean.evaluations + (setup.clean.again if attempt.record else 0)
    single = attempt.record.verifications if attempt.record else 0
    single += repeats_of(setup.experiment.noisy_oracle) if files else 0  # of the file that was read back
    evaluations = number_of(clean, "evaluation")
    return f"{evaluations} of clean images and {single} of single images, not counted as queries"


def in_a_line(setup: Setup, attempt: Attempt, files: Sequence[Path]) -> str:
    """One line, without the files, which are named after the picture."""
    name, before = visible(setup.images.ids[attempt.place]), _before(setup, attempt.place)
    if attempt.record is None or not files:
        return f"{name}: {before}; {_why_not(setup, attempt)}"
    record = attempt.record
    cost, changed = _queries(record.first_fooled), _changed(setup, record)
    if setup.experiment.stop != "success":  # a later query may have found what is shown
        cost = f"first fooled after {cost}, here with its best edit"
    return f"{name}: {before} -> {_after(setup, record)}, {cost}, {changed}"


def summary(finished: Sequence[Finished], out: Path, sheet: Sequence[Path] = ()) -> str:
    """On how many pictures the attack succeeded, and what was written."""
    attacked = [one.attempt.record for one in finished if one.attempt.record]
    successes = sum(record.success for record in attacked)
    failed = sum(bool(one.attempt.error) for one in finished)
    left_out = len(finished) - len(attacked) - failed
    files = sum(len(one.files) for one in finished) + len(sheet)
    together = "".join(f", among them {visible(str(path))}, all successes on one sheet" for path in sheet)
    written = (
        f"written to {visible(str(out))}: {number_of(files, 'file')}{together}"
        if files
        else "nothing was written"
    )
    return (
        f"verified success on {successes} of {number_of(len(attacked), 'attacked picture')};"
        f" {left_out} left out"
        f"{f', {failed} failed' if failed else ''}; {written}"
    )


def _before(setup: Setup, place: int) -> str:
    clean = setup.clean.predictions
    return visible(caption(setup.clean.classes, int(clean.classes[place]), float(clean.confidences[place])))


def _after(setup: Setup, record: Record) -> str:
    return visible(caption(setup.clean.classes, record.after_class, record.after_confidence))


def _why_not(setup: Setup, attempt: Attempt) -> str:
    """Why there is no success."""
    record = attempt.record
    if attempt.error:
        return f"failed: {attempt.error}"
    if record is None:
        return _why_left_out(setup, attempt.place)
    if record.error:
        return f"the search ended with an error after {_queries(record.queries)}: {record.error}"
    if record.first_fooled:
        found = f"that of query {record.first_fooled:,}"
        return f"no success: {found} was not verified when evaluated as a single image"
    return f"no success in {_queries(record.queries)}; a larger --budget or more --pixels may help"


def _why_left_out(setup: Setup, place: int) -> str:
    """Why a picture was not attacked."""
    first = setup.image_keys.index(setup.image_keys[place])
    if first != place:
        return f"the same picture as {visible(setup.images.ids[first])}, with its label: see there"
    if setup.experiment.target != "none":
        return "nothing to attack: it is of the target class, or predicted as it"
    label = visible(class_name(setup.clean.classes, int(setup.images.labels[place])))
    return f"nothing to attack: the oracle misclassifies it, its true class is {label}"


def _changed(setup: Setup, record: Record) -> str:
    """``3 pixels``, or coordinates where the encoding counts these."""
    return number_of(record.pixels, counted_noun(setup, record))


def _queries(count: int) -> str:
    return f"{count:,} {'query' if count == 1 else 'queries'}"


def _change(change: ChangedPixel) -> str:
    was, now = (str(colour[0]) if len(colour) == 1 else str(colour) for colour in change[2:])
    return f"row {change.row}, column {change.column}: {was} -> {now}"


def attack(experiment: Experiment, label: str | None, out: Path, scale: int | None = None) -> None:
    """Attack every picture, write successes to ``out``; print one picture in full, of more a line each.

    scale: how many times the enlarged copy of a success is enlarged; 0 for none, None as its size asks for
    """
    console, finished = stderr(), list[Finished]()
    check_folder(out, "adversarial pictures", "Name another folder with --out")
    with console.status("loading the oracle and the pictures"):
        setup = prepare_pictures(experiment, label)
    for note in setup.notes:
        console.print(note)
    names = stems(setup.images.ids)
    if len(names) > 1 and label is None and experiment.true_class == "label":
        print_accuracy(console, setup)
    described = in_full if len(names) == 1 else in_a_line
    (condition,) = experiment.conditions()
    command = shlex.join(["sparseattack", *sys.argv[1:]])
    writer = PictureFiles(setup, setup.environment(condition), command, scale)
    try:
        for attempt in _awaited(console, setup):
            finished.append(_written(writer, attempt, out / names[attempt.place]))
            print_text(described(setup, *finished[-1]))
    except KeyboardInterrupt:
        console.print(_stopped(writer, finished, out))
        raise
    except Exception:
        if len(names) > 1:
            console.print(_stopped(writer, finished, out))
        raise
    if len(names) > 1:
        print_text(summary(finished, out, _write_sheet(writer, finished, out)))
    if remote := setup.clean.oracle.remote:
        console.print(f"{remote.statement()}.")
    if any(one.attempt.error for one in finished):
        raise typer.Exit(1)


def _stopped(writer: PictureFiles, finished: Sequence[Finished], out: Path) -> str:
    """How much was done when the attack was stopped, and what is written of it."""
    sheet: tuple[Path, ...] = ()
    with suppress(SparseattackError):  # what stopped the attack is what is said
        sheet = _write_sheet(writer, finished, out)
    pictures = number_of(len(writer.setup.images), "picture")
    verb = "is" if len(writer.setup.images) == 1 else "are"
    return f"stopped: {len(finished)} of {pictures} {verb} done; {summary(finished, out, sheet)}"


def print_accuracy(console: Console, setup: Setup) -> None:
    """How many pictures are classified as their labels say, where all have one."""
    if (correct := setup.clean.correct) is not None:
        count = len(setup.images)
        console.print(f"clean accuracy: {correct} of {number_of(count, 'picture')}, {correct / count:.1%}")


def _written(writer: PictureFiles, attempt: Attempt, stem: Path) -> Finished:
    """The attempt, and the files written of it; of several pictures one that fails has an error."""
    try:
        return Finished(attempt, writer.write(attempt, stem))
    except OracleError as error:
        if len(writer.setup.images) == 1:
            raise
        return Finished(replace(attempt, after=None, record=None, error=str(error)), ())


def _write_sheet(writer: PictureFiles, finished: Sequence[Finished], out: Path) -> tuple[Path, ...]:
    """Write the contact sheet of all successes, if there are several pictures and a success."""
    sheet = sheet_of(writer.setup, [one.attempt for one in finished])
    if len(writer.setup.images) == 1 or sheet is None:
        return ()
    write_png(sheet, path := out / f"attack{CONTACT_SHEET}", {"Comment": writer.command})
    return (path,)


def _awaited(console: Console, setup: Setup) -> Iterator[Attempt]:
    """Every picture as it is finished; while the next one is awaited, how far it is and the time left."""
    attacked = len(setup.selection.cases[setup.experiment.seeds[0]])
    condition = ConditionProgress("", setup.experiment.budget, attacked)
    progress = ComparisonProgress([condition])
    steps = attack_steps(setup)
    while True:
        with console.status(_how_far(progress, condition)):
            step = next(steps, None)
        if step is None:
            return
        records = [one.record for one in step.attempts if one.record]
        progress.add(Advance.of(0, step.queries, records, condition.budget))
        yield from step.attempts


def _how_far(progress: ComparisonProgress, condition: ConditionProgress) -> str:
    """``attacking: 12 of 100 pictures, 3 successes, 4,512 queries, about 0:01:12 left``."""
    if not condition.todo:
        return "attacking"
    found = f", {number_of(condition.successes, 'success', 'successes')}" if condition.todo > 1 else ""
    done = f"{condition.runs} of {number_of(condition.todo, 'picture')}"
    return f"attacking: {done}{found}, {_queries(condition.queries)}, {remaining(progress.left)}"
