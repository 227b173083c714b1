"""The results of a study: its table, paired tests and runs, as JSON and CSV."""

import csv
import io
import json
from dataclasses import dataclass
from typing import Any

from sparseattack.errors import InputError
from sparseattack.report.summary import Pair, Summary, pairs, summaries
from sparseattack.study.experiment import Experiment
from sparseattack.study.manifest import InferenceChoice, Manifest, Scope
from sparseattack.study.record import Record
from sparseattack.study.store import Study


@dataclass(frozen=True)
class Results:
    """A study's table, and what it is about."""

    manifest: Manifest
    scope: Scope
    records: list[Record]
    lines: list[Summary]
    pairs: list[Pair]
    inference: dict[int, InferenceChoice]  # by k, where the oracle offers sparse inference

    @property
    def experiment(self) -> Experiment:
        """What was compared."""
        return self.manifest.experiment

    @property
    def verifications(self) -> int:
        """Successes that were classified once more, alone; like the clean images, these cost no query."""
        return sum(record.first_fooled > 0 for record in self.records)

    def to_json(self) -> str:
        """Everything but the runs."""
        scope = self.scope
        content = {
            "manifest": self.manifest.to_json(),
            "images": scope.images,
            "eligible": scope.eligible,
            "left_out": scope.left_out,
            "runs": {"planned": scope.planned, "finished": len(self.records)},
            "checks": {"clean": scope.images, "successes": self.verifications},
            "sparse_inference": {k: choice.to_json() for k, choice in self.inference.items()},
            "table": [line.to_dict() for line in self.lines],
            "pairs": [pair._asdict() for pair in self.pairs],
        }
        return json.dumps(content, indent=2)

    def to_csv(self) -> str:
        """The table, a line each; the success rate within N queries is in column ``success_at_N``."""
        return _csv([_flat(line) for line in self.lines])

    def runs_csv(self) -> str:
        """Every run, a line each, lists as JSON."""
        rows = [record.to_dict() for record in self.records]
        return _csv(
            [{k: json.dumps(v) if isinstance(v, list) else v for k, v in row.items()} for row in rows]
        )


def results(study: Study) -> Results:
    """Read a study: its results are a function of the file alone.

    Raises InputError for a study without a manifest, and for one of another version.
    """
    manifest, scope = study.get(Manifest), study.get(Scope)
    if manifest is None or scope is None:
        raise InputError(f"{study.path} holds no comparison yet")
    records, experiment = study.records(), manifest.experiment
    choices = {k: study.get(InferenceChoice, f"k={k}") for k in experiment.pixels}
    lines = summaries(records, experiment.budget, every_target=experiment.target == "all")
    encodings, strategies = experiment.encodings, experiment.strategies

    def order(line: Summary) -> tuple[int, int, int]:
        method = line.method
        return method.k, encodings.index(method.encoding), strategies.index(method.strategy)

    return Results(
        manifest=manifest,
        scope=scope,
        records=records,
        lines=sorted(lines, key=order),
        pairs=pairs(records),
        inference={k: choice for k, choice in choices.items() if choice is not None},
    )


def _flat(line: Summary) -> dict[str, Any]:
    row = line.to_dict()
    marks = row.pop("success_at")
    return row | {f"success_at_{mark}": rate for mark, rate in marks.items()}


def _csv(rows: list[dict[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]) if rows else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
