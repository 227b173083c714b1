"""The results of a study: its table, paired tests and runs, as JSON and CSV."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from importlib import import_module  # of what shows results, and imports them
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from sparseattack.errors import InputError
from sparseattack.experiment.identity import Question
from sparseattack.experiment.settings import Experiment
from sparseattack.provenance import Environment
from sparseattack.report.columns import RUN_COLUMNS, TableColumn, rate_within, run_rows, table_columns
from sparseattack.report.data_frame import frame
from sparseattack.report.mixtures import mixtures
from sparseattack.report.selection import (
    Planned,
    check_planned,
    continued_notes,
    only,
    planned,
    planned_once,
    shared_names,
    view,
    widest,
    without_smaller_budgets,
)
from sparseattack.report.summary import (
    Pair,
    Summary,
    Unfinished,
    each_run_once,
    in_tables,
    marks,
    pairs,
    summaries,
    total,
    unfinished,
)
from sparseattack.report.tables import Subject, headline, uncharged
from sparseattack.study.columns import Columns, Courses, Numbers, read_columns, read_courses
from sparseattack.study.facts import BackendChoice, InferenceChoice, Method, StudyRequest
from sparseattack.study.record import Record
from sparseattack.study.store import Study
from sparseattack.study.tables import ImageRow

if TYPE_CHECKING:
    import pandas as pd


UNKNOWN = "unknown"  # what a strategy of a study sees that an earlier version made


@dataclass(frozen=True)
class Results:
    """A study's table, and what it is about."""

    subject: Subject
    finished: int  # runs
    verifications: int | None  # evaluations of single images, no queries; None where a run's is not known
    records: list[Record]  # the runs, where they were asked for
    columns: dict[Method, Columns]  # the runs of every method side by side
    planned: dict[Method, Numbers]  # (N,) runs of each image of the study by every method
    images: dict[int, ImageRow]  # those that were attacked, by number
    courses: Courses | None  # what is nested in the runs, by their rows, where it was asked for
    lines: list[Summary]  # of the methods that lack no run
    unfinished: list[Unfinished]  # the other methods
    pairs: list[Pair]  # of those in the lines
    inference: dict[int, InferenceChoice]  # by k, where the oracle offers sparse inference
    backend: BackendChoice | None  # that evaluates whole images; None for the oracle itself
    environments: dict[str, Environment]  # what the runs were made with, by key
    mixtures: list[str]  # sentences about versions, processors, devices or inference that differ between runs
    continued: tuple[Method, ...] = ()  # left out: their runs are in the table with a larger budget

    def __repr__(self) -> str:
        """What was compared, in a line."""
        return f"<Results: {' '.join(headline(self.subject))}>"

    @property
    def question(self) -> Question:
        """What the study is about."""
        return self.subject.question

    @property
    def requests(self) -> tuple[StudyRequest, ...]:
        """The experiments that the table is about, in the order in which they were asked."""
        return self.subject.requests

    @property
    def experiment(self) -> Experiment:
        """What was compared; of several experiments the last one that was asked."""
        return self.requests[-1].experiment

    @property
    def methods(self) -> tuple[Method, ...]:
        """Every method of the table, finished or not."""
        return self.subject.methods

    @cached_property
    def _by_key(self) -> dict[tuple[str, int], Method]:
        return {(method.key, method.budget): method for method in self.methods}

    def method_of(self, record: Record) -> Method:
        """The method that a run was made with; its ``name`` is that of its strategy in tables."""
        return self._by_key[record.method, record.budget]

    @property
    def notes(self) -> list[str]:
        """Sentences about the images, each once, and about conditions that are left out."""
        told = dict.fromkeys(note for request in self.requests for note in request.notes)
        shared = shared_names(self.images, self.planned.values())
        return [*told, *continued_notes(self.continued, self.methods), *shared]

    @property
    def uncharged(self) -> list[str]:
        """What the oracle evaluated beside the queries, in sentences."""
        checks, clean, block = _uncharged(self.requests)
        return uncharged(checks, clean, self.verifications, block)

    def to_json(self) -> str:
        """Everything but the runs; ``strategy_label`` is the strategy's name in tables."""
        subject, (checks, clean, block) = self.subject, _uncharged(self.requests)
        content = {
            "question": asdict(self.question),
            "experiments": [_request_json(request) for request in self.requests],
            "environments": {key: asdict(each) for key, each in self.environments.items()},
            "mixtures": self.mixtures,
            "images": subject.images,
            "attacked": subject.attacked,
            "eligible": subject.eligible,
            "left_out": subject.left_out,
            "runs": {"planned": subject.runs, "finished": self.finished},
            "not_charged": {
                "checks": checks,
                "clean": clean,
                "single_images": self.verifications,
                "block": block,
            },
            "sparse_inference": {k: asdict(choice) for k, choice in self.inference.items()},
            "backend": self.backend and asdict(self.backend),
            "table": [line.to_dict() for line in self.lines],
            "unfinished": [line.to_dict() for line in self.unfinished],
            "pairs": [
                pair._asdict() | {"first": in_tables(pair.first), "second": in_tables(pair.second)}
                for pair in self.pairs
            ],
        }
        return json.dumps(content, indent=2)

    def to_csv(self) -> str:
        """The table, a line each; the success rate within N queries is in column ``success_at_N``.

        ``strategy_label`` is the name that a strategy has in tables: its label, or else its spec.

        A method that lacks runs has bounds of its rate in ``least`` and ``most``, and nothing else. Where no
        image was attacked, there is the header only.
        """
        return _csv(self._table_rows(), self._table_columns())

    def rows(self) -> Iterator[dict[str, object]]:
        """Every run by column, as `sparseattack.report.columns.RUN_COLUMNS` describes them."""
        return run_rows(self.records, self.method_of)

    def runs_csv(self) -> str:
        """Every run, a line each, lists as JSON; the header only where there is none."""
        rows = (
            {name: json.dumps(value) if isinstance(value, list) else value for name, value in row.items()}
            for row in self.rows()
        )
        return _csv(rows, RUN_COLUMNS)

    def to_pandas(self, table: Literal["runs", "conditions"] = "runs") -> "pd.DataFrame":
        """The runs, or the conditions of ``to_csv``, as a data frame of pandas, a row each.

        A missing number is NaN; ``attrs["units"]`` has the units by column. Raises InputError where pandas is
        not installed.
        """
        if table == "runs":
            return frame(list(self.rows()), RUN_COLUMNS)
        if table == "conditions":
            return frame(self._table_rows(), self._table_columns())
        raise InputError(f'to_pandas() has the tables "runs" and "conditions", not {table!r}')

    def to_latex(self, label: str = "comparison") -> str:
        """The table for LaTeX, with booktabs; InputError where no condition has all its runs.

        It is referred to as ``tab:LABEL``.
        """
        written: str = import_module("sparseattack.report.export.latex").table(self, label)
        return written

    def to_plots(self, folder: str | Path) -> list[Path]:
        """Write every figure to a folder as SVG, PDF, PNG and CSV; the files. It needs matplotlib.

        `sparseattack.report.figures.collection.figures` are the same, to be shown elsewhere. Raises
        InputError without matplotlib, where no image was attacked, and where nothing can be written.
        """
        drawn = import_module("sparseattack.report.figures.collection")
        written: list[Path] = drawn.write_figures(self, Path(folder).expanduser())
        return written

    def to_html(self) -> str:
        """One page of HTML that needs nothing but itself: figures, tables and attacked images.

        InputError where Jinja2 or matplotlib is not installed.
        """
        page: str = import_module("sparseattack.report.page.document").html({"": self})
        return page

    def _repr_html_(self) -> str:
        """The tables, and curves of success where matplotlib is installed, as a notebook shows them."""
        shown: str = import_module("sparseattack.report.notebook").html(self)
        return shown

    def _table_rows(self) -> list[dict[str, Any]]:
        """Every condition by column, those that lack runs last."""
        return [*map(_flat, self.lines), *(line.to_dict() for line in self.unfinished)]

    def _table_columns(self) -> list[TableColumn]:
        return table_columns(sorted({mark for method in self.methods for mark in marks(method.budget)}))


def results(
    study: Study,
    request: StudyRequest | None = None,
    *,
    chosen: str = "",
    records: bool = True,
    courses: bool = True,
) -> Results:
    """Read a study: its results are a function of the file alone.

    request: the experiment that the table is about; without it, all that were asked of the study
    chosen: a part of it, as in ``de,k=1``; see `sparseattack report --only`
    records: whether to read every run whole, which tables do not need
    courses: whether to read the course of every run and its pixels, which only figures need

    Methods that lack runs are apart from the lines: their rates are not known yet. Raises InputError for a
    study of which nothing was asked, for one of another version, and for runs that nobody asked for.
    """
    every = study.requests()
    question = study.get(Question)
    if not every or question is None:
        raise InputError(f"{study.path} holds no comparison yet")
    numbers, images = study.image_numbers(), study.images()
    columns, nested = read_courses(study) if courses else (read_columns(study), None)
    methods = planned(study, every, numbers)
    check_planned(study, columns, methods, every, images)
    requests = [request] if request else every
    if request:
        methods = planned(study, requests, numbers)
    if chosen:
        methods = only(methods, chosen)
    groups = {one.method: one.of(columns, question.stop) for one in methods}
    bounds = {one.method: unfinished(one.method, groups[one.method], one.by_image) for one in methods}
    lacking = {method: line for method, line in bounds.items() if line}
    if not request:
        methods = without_smaller_budgets(methods, lacking)
        groups = {one.method: groups[one.method] for one in methods}
    complete = {one: runs for one, runs in groups.items() if one not in lacking and len(runs)}
    environments = study.environments(set().union(*(runs.environment for runs in groups.values())))
    return Results(
        subject=Subject.of(question, requests, methods, widest(study, requests)),
        finished=sum(int(one.has(groups[one.method]).sum()) for one in planned_once(methods)),
        verifications=total(np.concatenate([runs.verifications for runs in each_run_once(groups).values()])),
        records=list(view(study, methods, question.stop)) if records else [],
        columns=groups,
        planned={one.method: one.by_image for one in methods},
        images={numbers[key]: image for key, image in images.items() if key in numbers},
        courses=nested,
        lines=summaries(complete, every_target=question.target == "all"),
        unfinished=[lacking[method] for method in groups if method in lacking],
        pairs=pairs(complete),
        inference=_inference(study, methods),
        backend=study.get(BackendChoice),
        environments=environments,
        mixtures=mixtures(list(environments.values()), groups),
        continued=tuple(method for method in bounds if method not in groups),
    )


def _inference(study: Study, methods: Sequence[Planned]) -> dict[int, InferenceChoice]:
    """How edits are evaluated, by number of pixels, where that was chosen."""
    found = {k: study.get(InferenceChoice, f"k={k}") for k in dict.fromkeys(one.method.k for one in methods)}
    return {k: choice for k, choice in found.items() if choice is not None}


def _uncharged(requests: Sequence[StudyRequest]) -> tuple[int, int, int]:
    """Evaluations that checked the oracle, those of clean images, and the images that a call is padded to."""
    checks = sum(request.checks for request in requests)
    return checks, sum(each.evaluations for each in requests), max(each.block for each in requests)


def _request_json(request: StudyRequest) -> dict[str, Any]:
    """What a request is about, without what is listed image by image."""
    held = asdict(request)
    return {name: value for name, value in held.items() if name not in ("runs",)} | {
        "experiment": request.experiment.to_json()
    }


def _flat(line: Summary) -> dict[str, Any]:
    row = line.to_dict()
    rates = row.pop("success_at")
    return row | {rate_within(mark): rate for mark, rate in rates.items()}


def _csv(rows: Iterable[dict[str, Any]], columns: Sequence[TableColumn]) -> str:
    """Rows below the names of their columns."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [column.name for column in columns], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
