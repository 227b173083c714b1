"""Ask an oracle all one-pixel answers about images, with a progress display, and write them as a table."""

from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn, TimeRemainingColumn

from sparseattack import Experiment
from sparseattack.errors import InputError, SparseattackError, number_of
from sparseattack.experiment.clean import evaluate_clean
from sparseattack.experiment.score_table import ScoreTable
from sparseattack.experiment.tabulation import TabulatedImage, Tabulation, appended
from sparseattack.study.store import check_folder

from .terminal import INTERRUPTED, print_text, stderr

PAUSE = 60.0  # seconds between two times that the file is written, at least
SHARE = 10  # of the time of writing it that lies between two, at least
SUFFIX = ".npz"


class TableFile:
    """A file with the table so far, and the images that it does not hold yet."""

    def __init__(self, path: Path, table: ScoreTable, tabulation: Tabulation) -> None:
        self.path, self.table, self.tabulation = path, table, tabulation
        self.waiting: list[TabulatedImage] = []
        self.written, self.pause = monotonic(), PAUSE

    def add(self, found: TabulatedImage) -> None:
        """Add the answers about an image; write the file if that was long ago."""
        self.waiting.append(found)
        if monotonic() - self.written > self.pause:
            self.write()

    def write(self) -> None:
        """Write the file, if there is anything new."""
        if not self.waiting:
            return
        begun = monotonic()
        self.table = appended(self.table, self.tabulation, self.waiting)
        self.waiting.clear()
        self.table.write(self.path)
        self.written = monotonic()
        self.pause = max(PAUSE, SHARE * (self.written - begun))


def tabulate(experiment: Experiment, out: Path, most: int) -> None:
    """Ask about the images of an experiment what the table in ``out`` lacks; of ``most`` images, if not 0."""
    if out.suffix != SUFFIX or out.is_dir():
        raise InputError(f"--out is a file that ends in {SUFFIX}, not {out}")
    if most < 0:
        raise InputError(f"--max-images is a number of images, or 0 for all, not {most}")
    check_folder(out.parent, f"the table {out}", "Name another file with --out", create=False)
    console = stderr()
    held = ScoreTable.read(out) if out.exists() else None
    with console.status("loading the oracle and the images"):
        tabulation = Tabulation(evaluate_clean(experiment), experiment.sparse_inference)
        places = tabulation.places(correct_only=experiment.correct_only, most=most)
    table = _required(out, held, tabulation) if held else tabulation.empty()
    known = {image.tobytes() for image in table.images}
    pixels = tabulation.clean.images.pixels
    todo = [place for place in places if pixels[place].permute(1, 2, 0).numpy().tobytes() not in known]
    if len(todo) < len(places):
        console.print(f"{len(places) - len(todo)} of {number_of(len(places), 'image')} already in {out}")
    console.print(_announced(tabulation, len(todo)))
    file, singles = TableFile(out, table, tabulation), 0
    try:
        for found in _asked(tabulation, todo, console):
            file.add(found)
            singles += found.singles
        file.write()
    except KeyboardInterrupt:
        file.write()
        count = len(file.table)
        where = (
            f"{count} of {number_of(len(table) + len(todo), 'image')} in {out}"
            if count
            else "nothing is written"
        )
        console.print(f"stopped: {where}; the same command resumes")
        raise typer.Exit(INTERRUPTED) from None
    except SparseattackError:
        file.write()
        raise
    print_text(_summary(file.table, out, singles))


def _required(path: Path, held: ScoreTable, tabulation: Tabulation) -> ScoreTable:
    """The table in a file; refused where it is of another oracle, or of images of another size."""
    if held.origin.digest != tabulation.origin.digest:
        raise InputError(
            f"{path} holds answers of another oracle, {held.origin.oracle} with the digest"
            f" {held.origin.digest}: name another file with --out"
        )
    if held.scores.shape[1:] != tabulation.empty().scores.shape[1:]:
        raise InputError(f"{path} holds images of another size: name another file with --out")
    return held


def _announced(tabulation: Tabulation, count: int) -> str:
    size, each = count * tabulation.bytes_of_image / 2**20, tabulation.candidates
    return (
        f"{number_of(count, 'image')}, {each:,} candidates each: {count * each:,} evaluations,"
        f" {size:,.1f} MiB of scores before they are compressed"
    )


def _asked(tabulation: Tabulation, places: list[int], console: Console) -> Iterator[TabulatedImage]:
    """The answers about each image, with a progress bar on a terminal."""
    columns = ("evaluations", BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        bar = progress.add_task("", total=len(places) * tabulation.candidates)
        yield from tabulation.ask(places, lambda count: progress.advance(bar, count))


def _summary(table: ScoreTable, path: Path, singles: int) -> str:
    """What is in the file, and the command that uses it."""
    size, images = path.stat().st_size, number_of(len(table), "image")
    decided = number_of(singles, "candidate was", "candidates were")
    return (
        f"{path}: {images}, {table.scores[..., 0].size:,} candidates, {size:,} bytes; near a margin of zero"
        f" {decided} decided by single images\n"
        f"Compare on it with:\n  sparseattack compare --oracle {path} --images {path} --encodings corners"
    )
