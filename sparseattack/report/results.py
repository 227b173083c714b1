"""The results of a study: its table, paired tests and runs, as JSON and CSV."""

import csv
import io
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import product
from math import prod
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from sparseattack.errors import InputError
from sparseattack.experiment.manifest import Manifest
from sparseattack.experiment.settings import Experiment
from sparseattack.report.columns import RUN_COLUMNS, TableColumn, rate_within, run_rows, table_columns
from sparseattack.report.data_frame import frame
from sparseattack.report.notebook import html
from sparseattack.report.summary import (
    Method,
    Pair,
    Summary,
    Unfinished,
    by_method,
    marks,
    method_of,
    pairs,
    summaries,
    unfinished,
)
from sparseattack.report.tables import headline, sections
from sparseattack.study.facts import DeclaredUses, InferenceChoice, Scope, StrategyLabels
from sparseattack.study.record import Record
from sparseattack.study.store import Study

if TYPE_CHECKING:
    import pandas as pd


UNKNOWN = "unknown"  # what a strategy of a study sees that an earlier version made


@dataclass(frozen=True)
class Results:
    """A study's table, and what it is about."""

    manifest: Manifest
    scope: Scope
    records: list[Record]
    lines: list[Summary]  # of the methods that lack no run
    unfinished: list[Unfinished]  # the other methods
    pairs: list[Pair]  # of those in the lines
    labels: dict[str, str]  # of the strategies that have one, by spec
    sees: dict[str, str]  # what each strategy sees, by spec: value, image, scores, or image and scores
    inference: dict[int, InferenceChoice]  # by k, where the oracle offers sparse inference

    @property
    def experiment(self) -> Experiment:
        """What was compared."""
        return self.manifest.experiment

    @property
    def names(self) -> dict[str, str]:
        """The name of every strategy in tables, by spec: its label, or else the spec."""
        return {spec: self.labels.get(spec, spec) for spec in self.experiment.strategies}

    @property
    def planned(self) -> int:
        """Runs in all."""
        return sum(self.scope.runs) * len(methods(self.experiment))

    @property
    def verifications(self) -> int:
        """Evaluations of single images, which decide or verify and cost no query."""
        return sum(record.verifications for record in self.records)

    @property
    def uncharged(self) -> list[str]:
        """What the oracle evaluated beside the queries, in sentences."""
        scope = self.scope
        sentences = [
            f"Not counted as queries: evaluations of clean images, {scope.checks:,} to check the oracle and"
            f" {scope.evaluations:,} to classify them, and {self.verifications:,} of single images, to decide"
            " near a margin of zero, to value the best edit or to verify a success."
        ]
        if scope.block > 1:
            sentences.append(f"Calls are padded to multiples of {scope.block} images, as the oracle asks.")
        return sentences

    def to_json(self) -> str:
        """Everything but the runs; ``strategy_label`` is the strategy's name in tables."""
        scope = self.scope
        content = {
            "manifest": asdict(self.manifest),
            "images": scope.images,
            "eligible": scope.eligible,
            "left_out": scope.left_out,
            "runs": {"planned": self.planned, "finished": len(self.records)},
            "not_charged": {
                "checks": scope.checks,
                "clean": scope.evaluations,
                "single_images": self.verifications,
                "block": scope.block,
            },
            "sparse_inference": {k: asdict(choice) for k, choice in self.inference.items()},
            "table": [self._named(line.to_dict()) for line in self.lines],
            "unfinished": [self._named(line.to_dict()) for line in self.unfinished],
            "pairs": [pair._asdict() for pair in self.pairs],
        }
        return json.dumps(content, indent=2)

    def to_csv(self) -> str:
        """The table, a line each; the success rate within N queries is in column ``success_at_N``.

        ``strategy_label`` is the name that a strategy has in tables: its label, or else its spec.

        A method that lacks runs has bounds of its rate in ``least`` and ``most``, and nothing else. Where no
        image was attacked, there is the header only.
        """
        return _csv(self._table_rows(), table_columns(marks(self.experiment.budget)))

    def rows(self) -> list[dict[str, object]]:
        """Every run by column, as `sparseattack.report.columns.RUN_COLUMNS` describes them."""
        return run_rows(self.records, self.names, self.sees)

    def runs_csv(self) -> str:
        """Every run, a line each, lists as JSON; the header only where there is none."""
        rows = [
            {name: json.dumps(value) if isinstance(value, list) else value for name, value in row.items()}
            for row in self.rows()
        ]
        return _csv(rows, RUN_COLUMNS)

    def to_pandas(self, table: Literal["runs", "conditions"] = "runs") -> "pd.DataFrame":
        """The runs, or the conditions of ``to_csv``, as a data frame of pandas, a row each.

        A missing number is NaN; ``attrs["units"]`` has the units by column. Raises InputError where pandas is
        not installed.
        """
        if table == "runs":
            return frame(self.rows(), RUN_COLUMNS)
        if table == "conditions":
            return frame(self._table_rows(), table_columns(marks(self.experiment.budget)))
        raise InputError(f'to_pandas() has the tables "runs" and "conditions", not {table!r}')

    def _repr_html_(self) -> str:
        """The tables, as a notebook shows them."""
        parts = sections(self.experiment, self.lines, self.unfinished, self.sees)
        return html([*headline(self.manifest, self.scope), *self.manifest.notes], parts, self.names)

    def _table_rows(self) -> list[dict[str, Any]]:
        """Every condition by column, those that lack runs last."""
        rows = [*map(_flat, self.lines), *(line.to_dict() for line in self.unfinished)]
        return [self._named(row) for row in rows]

    def _named(self, row: dict[str, Any]) -> dict[str, Any]:
        """A row with the name of its strategy in tables, and what it sees, after the strategy."""
        named: dict[str, Any] = {}
        for field, value in row.items():
            named[field] = value
            if field == "strategy":
                named["strategy_label"], named["sees"] = self.names[value], self.sees[value]
        return named


def results(study: Study) -> Results:
    """Read a study: its results are a function of the file alone.

    Methods that lack runs are apart from the lines: their rates are not known yet. Raises InputError for a
    study without a manifest, for one of another version, and for runs that its experiment does not have.
    """
    held = read_contents(study)
    if held is None:
        raise InputError(f"{study.path} holds no comparison yet")
    manifest, scope, records = held
    experiment = manifest.experiment
    order, groups = methods(experiment), by_method(records)
    lacking = [unfinished(method, groups.get(method, ()), scope.runs) for method in order]
    apart = {line.method for line in lacking if line}
    complete = [record for record in records if method_of(record) not in apart]
    lines = summaries(complete, experiment.budget, every_target=experiment.target == "all")
    labels = study.get(StrategyLabels)
    uses = {spec: study.get(DeclaredUses, spec) for spec in experiment.specs}
    choices = {k: study.get(InferenceChoice, f"k={k}") for k in experiment.pixels}
    return Results(
        manifest=manifest,
        scope=scope,
        records=records,
        lines=sorted(lines, key=lambda line: order.index(line.method)),
        unfinished=[line for line in lacking if line],
        pairs=pairs(complete),
        labels=labels.labels if labels else {},
        sees={spec: found.sees if found else UNKNOWN for spec, found in uses.items()},
        inference={k: choice for k, choice in choices.items() if choice is not None},
    )


def methods(experiment: Experiment) -> list[Method]:
    """Every method of an experiment, in the order of its table."""
    axes = product(sorted(experiment.pixels), experiment.encodings, experiment.specs)
    return [Method(strategy, encoding, k) for k, encoding, strategy in axes]


class Contents(NamedTuple):
    """All that a study holds."""

    manifest: Manifest
    scope: Scope
    records: list[Record]

    def fit(self) -> bool:
        """Whether all runs are the experiment's, on its images and classes, and none is there twice."""
        scope, shapes = self.scope, self.manifest.shapes
        conditions = set(self.manifest.experiment.conditions())
        if len(scope.runs) != scope.images or min(scope.runs, default=0) < 0:
            return False
        if any(len(shape) != len("NCHW") or min(shape) < 1 for shape in shapes):
            return False
        if sum(shape[0] for shape in shapes) != scope.images:
            return False
        sizes = [shape[1:] for shape in shapes for _ in range(shape[0])]
        counts = Counter((method_of(record), record.image) for record in self.records)
        return all(
            record.condition in conditions
            and record.image < scope.images
            and max(record.label, record.target, record.before_class, record.after_class) < len(scope.classes)
            and all(place < prod(sizes[record.image][1:]) for place in record.positions)
            and all(len(colour) == sizes[record.image][0] for colour in record.colours)
            for record in self.records
        ) and all(count <= scope.runs[image] for (_, image), count in counts.items())


def read_contents(study: Study) -> Contents | None:
    """Everything in a study; None before it is planned. InputError where its parts do not fit together."""
    manifest, scope = study.get(Manifest), study.get(Scope)
    if manifest is None or scope is None:
        return None
    contents = Contents(manifest, scope, study.records())
    if not contents.fit():
        raise InputError(f"{study.path} is damaged: it holds runs that its experiment does not have")
    return contents


def _flat(line: Summary) -> dict[str, Any]:
    row = line.to_dict()
    rates = row.pop("success_at")
    return row | {rate_within(mark): rate for mark, rate in rates.items()}


def _csv(rows: list[dict[str, Any]], columns: Sequence[TableColumn]) -> str:
    """Rows below the names of their columns."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [column.name for column in columns], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
