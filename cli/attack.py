"""Attack pictures with a progress display, and print a line about each."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import typer
from rich.console import Console

from sparseattack import Experiment
from sparseattack.data.png import ChangedPixel, changed_pixels
from sparseattack.errors import OracleError
from sparseattack.experiment.prepare import Setup
from sparseattack.problem.verification import repeats_of
from sparseattack.report.console import visible
from sparseattack.study.pictures import (
    Attempt,
    attempts,
    caption,
    class_name,
    prepare_pictures,
    stems,
    write_success,
)
from sparseattack.study.record import Record
from sparseattack.study.store import check_folder

from .terminal import print_text, stderr


def in_full(setup: Setup, attempt: Attempt, files: Sequence[Path]) -> str:
    """A few lines, each with its heading."""
    lines = [("before", _before(setup, attempt.place))]
    if attempt.record and attempt.record.target >= 0:
        lines.append(("target", visible(class_name(setup.clean.classes, attempt.record.target))))
    if attempt.after is None or attempt.record is None:
        lines.append(("result", f"{_why_not(setup, attempt)}; nothing was written"))
    else:
        record, changed = attempt.record, changed_pixels(attempt.before, attempt.after)
        lines += [
            ("after", _after(setup, record)),
            ("queries", f"{record.first_fooled:,} to success, {record.queries:,} in all"),
            ("changed", f"{_pixels(record.pixels)}; rows and columns count from 0"),
            *(("", _change(one)) for one in changed),
            ("verified", "read back from its file and evaluated as a single image, it is a success again"),
            *zip(("written", ""), (visible(str(file)) for file in files), strict=True),
        ]
    lines.append(("also", _uncharged(setup, attempt, len(files))))
    return "\n".join(f"{heading:<10}{text}" for heading, text in lines)


def _uncharged(setup: Setup, attempt: Attempt, files: int) -> str:
    """What the oracle evaluated beside the queries."""
    clean = setup.clean.checks + setup.clean.evaluations
    single = attempt.record.verifications if attempt.record else 0
    single += repeats_of(setup.experiment.noisy_oracle) if files else 0  # of the file that was read back
    return f"{clean:,} evaluations of clean images and {single} of single images, not counted as queries"


def in_a_line(setup: Setup, attempt: Attempt, files: Sequence[Path]) -> str:
    """One line, without the files, which are named after the picture."""
    name, before = visible(setup.images.ids[attempt.place]), _before(setup, attempt.place)
    if attempt.record is None or not files:
        return f"{name}: {before}; {_why_not(setup, attempt)}"
    record = attempt.record
    cost = f"{_queries(record.first_fooled)}, {_pixels(record.pixels)}"
    return f"{name}: {before} -> {_after(setup, record)}, {cost}"


def summary(finished: Sequence[Attempt], out: Path) -> str:
    """On how many pictures the attack succeeded."""
    attacked = [attempt.record for attempt in finished if attempt.record]
    successes = sum(record.success for record in attacked)
    failed = sum(bool(attempt.error) for attempt in finished)
    left_out = len(finished) - len(attacked) - failed
    return (
        f"verified success on {successes} of {len(attacked)} attacked pictures; {left_out} left out"
        f"{f', {failed} failed' if failed else ''}"
        f"{f'; written to {visible(str(out))}' if successes else '; nothing was written'}"
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
        label = visible(class_name(setup.clean.classes, int(setup.images.labels[attempt.place])))
        if setup.experiment.target == "none":
            return f"nothing to attack: the oracle misclassifies it, its true class is {label}"
        return "nothing to attack: it is of the target class, or predicted as it"
    if record.error:
        return f"the search ended with an error after {_queries(record.queries)}: {record.error}"
    if record.first_fooled:
        found = f"that of query {record.first_fooled:,}"
        return f"no success: {found} was not verified when evaluated as a single image"
    return f"no success in {_queries(record.queries)}; a larger --budget or more --pixels may help"


def _pixels(count: int) -> str:
    return f"{count} pixel{'' if count == 1 else 's'}"


def _queries(count: int) -> str:
    return f"{count:,} {'query' if count == 1 else 'queries'}"


def _change(change: ChangedPixel) -> str:
    was, now = (str(colour[0]) if len(colour) == 1 else str(colour) for colour in change[2:])
    return f"row {change.row}, column {change.column}: {was} -> {now}"


def attack(experiment: Experiment, label: str | None, out: Path) -> None:
    """Attack every picture, write successes to ``out``; print one picture in full, of more a line each."""
    console, finished = stderr(), []
    check_folder(out, "adversarial pictures", "Name another folder with --out")
    with console.status("loading the oracle and the pictures"):
        setup = prepare_pictures(experiment, label)
    for note in setup.notes:
        console.print(note)
    names = stems(setup.images.ids)
    if len(names) > 1 and label is None and experiment.true_class == "label":
        print_accuracy(console, setup)
    described = in_full if len(names) == 1 else in_a_line
    try:
        for attempt in _awaited(console, attempts(setup)):
            written, files = _written(setup, attempt, out / names[attempt.place])
            finished.append(written)
            print_text(described(setup, written, files))
    except BaseException:  # Ctrl-C too
        if len(names) > 1:
            done = f"stopped: {len(finished)} of {len(names)} pictures are done"
            console.print(f"{done}; {summary(finished, out)}")
        raise
    if len(names) > 1:
        print_text(summary(finished, out))
    if any(attempt.error for attempt in finished):
        raise typer.Exit(1)


def print_accuracy(console: Console, setup: Setup) -> None:
    """How many pictures are classified as their labels say, where all have one."""
    if (correct := setup.clean.correct) is not None:
        count = len(setup.images)
        console.print(f"clean accuracy: {correct} of {count} pictures, {correct / count:.1%}")


def _written(setup: Setup, attempt: Attempt, stem: Path) -> tuple[Attempt, Sequence[Path]]:
    """The attempt, and the files written of it; of several pictures one that fails has an error."""
    try:
        return attempt, write_success(setup, attempt, stem)
    except OracleError as error:
        if len(setup.images) == 1:
            raise
        return replace(attempt, after=None, record=None, error=str(error)), ()


def _awaited(console: Console, found: Iterator[Attempt]) -> Iterator[Attempt]:
    """The same, with a status line while the next one is awaited."""
    while True:
        with console.status("attacking"):
            attempt = next(found, None)
        if attempt is None:
            return
        yield attempt
