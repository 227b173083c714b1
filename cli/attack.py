"""Pictures are attacked before the eyes of a person."""

from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

from sparseattack import Experiment
from sparseattack.data.labelled import skipped
from sparseattack.study.keep import keep, stems
from sparseattack.study.pictures import Attempt, attempts, prepare_pictures
from sparseattack.study.prepared import Prepared

from .telling import in_a_line, in_full, summary


def attack(experiment: Experiment, label: str | None, out: Path) -> None:
    """Attack every picture and keep what fools under ``out``; one is told in full, of more a line each."""
    console, told = Console(stderr=True), []
    with console.status("loading the oracle and the pictures"):
        prepared = prepare_pictures(experiment, label)
    if left_out := skipped(Path(experiment.images)):
        console.print(f"skipped {left_out} pictures that an attack has written")
    names = stems(prepared.images.ids)
    tell = in_full if len(names) == 1 else in_a_line
    for attempt in _awaited(console, attempts(prepared)):
        files = _kept(prepared, attempt, out / names[attempt.place])
        print(tell(prepared, attempt, files), flush=True)
        told.append(attempt)
    if len(names) > 1:
        print(summary(told, out))


def _awaited(console: Console, found: Iterator[Attempt]) -> Iterator[Attempt]:
    """The same, each waited for with a sign of life."""
    while True:
        with console.status("attacking"):
            attempt = next(found, None)
        if attempt is None:
            return
        yield attempt


def _kept(prepared: Prepared, attempt: Attempt, stem: Path) -> tuple[Path, ...]:
    if attempt.record is None or attempt.after is None:
        return ()
    return keep(prepared, attempt.record, (attempt.before, attempt.after), stem)
