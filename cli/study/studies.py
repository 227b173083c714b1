"""List the studies in a folder: what they are about and how complete they are; no run is read by itself."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

from rich import box
from rich.table import Table

from sparseattack.cli.terminal import print_text, stderr, stdout
from sparseattack.errors import InputError
from sparseattack.experiment.identity import Question
from sparseattack.report.console import visible
from sparseattack.report.selection import Planned, planned, planned_once, without_smaller_budgets
from sparseattack.study.database import store_errors
from sparseattack.study.facts import conform
from sparseattack.study.store import ENDED, Study

SQLITE = b"SQLite format 3\0"  # the first bytes of a file


@dataclass(frozen=True)
class StudyOverview:
    """One file of a list of studies."""

    path: Path
    oracle: str = ""  # name
    attack: str = ""  # target and stopping criterion
    images: int = 0  # in all selections, whether attacked or not
    conditions: int = 0  # methods, each with its seeds
    runs: int = 0  # finished, of those that were asked for
    planned: int = 0
    problem: str = ""  # why the file cannot be read; then nothing else is known

    @property
    def share(self) -> float:
        """Finished runs as a share of those that were asked for."""
        return self.runs / self.planned if self.planned else 1.0


def list_studies(folder: Path, *, as_json: bool) -> None:
    """Print a line for each study in a folder."""
    found = overviews(folder)
    if as_json:
        rows = [asdict(each) | {"path": str(each.path)} for each in found]
        print_text(json.dumps(rows, indent=2))
        return
    if not found:
        stderr().print(f"there are no studies in {folder}: `sparseattack compare` writes one")
        return
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for heading in ("study", "oracle", "attack"):
        table.add_column(heading, overflow="fold")
    for heading in ("images", "conditions", "runs", "done"):
        table.add_column(heading, justify="right", no_wrap=True)
    for each in found:
        figures = [f"{each.images:,}", f"{each.conditions:,}", f"{each.runs:,}", f"{100 * each.share:.0f} %"]
        if each.problem:
            figures = ["", "", "", "-"]
        elif not each.planned:
            figures = ["0", "0", "0", "-"]
        table.add_row(visible(each.path.name), visible(each.oracle), visible(each.attack), *figures)
    stdout().print(table)
    for each in found:
        if each.problem:
            print_text(f"sparseattack: {each.problem}", error=True)


def overviews(folder: Path) -> list[StudyOverview]:
    """Every study in a folder, by name; InputError where there is no such folder."""
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder}")
    found = (overview(path) for path in sorted(folder.iterdir()) if _is_database(path))
    return [each for each in found if each is not None]


def _is_database(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(SQLITE)) == SQLITE
    except OSError:  # a folder, or unreadable
        return False


def overview(path: Path) -> StudyOverview | None:
    """One study, or None for another database; what is damaged or of another version is named."""
    try:
        with Study.read(path) as study:
            return _of(study)
    except InputError as error:
        if str(error) == f"{path} is no study":
            return None
        return StudyOverview(path, problem=str(error))


class RunCount(NamedTuple):
    """How many runs there are of a method with a seed on an image under a budget."""

    method: str  # key
    seed: int
    image: str  # key
    budget: int
    ended: bool  # before the budget
    runs: int  # with different targets


def _counts(study: Study) -> list[RunCount]:
    """All runs, counted."""
    query = f"SELECT method, seed, image_key, budget, {ENDED}, count(*) FROM run GROUP BY 1, 2, 3, 4, 5"
    with store_errors(study.path):
        rows = study.connection.execute(query).fetchall()
    with study.damage():
        return [
            RunCount(
                str(method),
                conform(int, seed, "a run's seed"),
                str(image),
                conform(int, budget, "a run's budget"),
                bool(ended),
                runs,
            )
            for method, seed, image, budget, ended, runs in rows
        ]


def _finished(methods: Sequence[Planned], counts: Sequence[RunCount], numbers: Mapping[str, int]) -> int:
    """How many of the planned runs are there, under the budget that is planned or a larger one."""
    by_method: dict[str, list[Planned]] = {}
    for one in methods:
        by_method.setdefault(one.method.key, []).append(one)
    finished = 0
    for count in counts:
        for one in by_method.get(count.method, ()):
            enough = count.ended or count.budget >= one.method.budget
            if enough and count.seed in one.runs and count.image in numbers:
                finished += min(count.runs, int(one.runs[count.seed][numbers[count.image]]))
    return finished


def _of(study: Study) -> StudyOverview:
    question, requests, numbers = study.get(Question), study.requests(), study.image_numbers()
    if question is None or not requests:
        return StudyOverview(study.path)
    methods = without_smaller_budgets(planned(study, requests, numbers))
    once = planned_once(methods)
    aim = "untargeted" if question.target == "none" else f"target {question.target}"
    return StudyOverview(
        path=study.path,
        oracle=requests[-1].oracle,
        attack=f"{aim}, stop {question.stop}",
        images=len(numbers),
        conditions=sum(len(one.runs) for one in methods),
        runs=_finished(once, _counts(study), numbers),
        planned=int(sum(one.by_image.sum() for one in once)),
    )
