"""All that a study says, for people and for machines."""

import csv
import io
import json
from dataclasses import dataclass
from typing import Any

from sparseattack.errors import InputError
from sparseattack.report.summary import Pair, Summary, pairs, summaries
from sparseattack.study.experiment import inference_key
from sparseattack.study.record import Record
from sparseattack.study.store import Study


@dataclass(frozen=True)
class Results:
    """A study's table, and what it is about."""

    manifest: dict[str, Any]
    images: int  # shown, whether or not attacked
    eligible: int  # images that may be attacked, drawn or not
    left_out: int  # image and target pairs that were no attack
    planned: int  # runs
    records: list[Record]
    lines: list[Summary]
    pairs: list[Pair]
    inference: dict[int, dict[str, Any]]  # by k, where the oracle offered a choice

    @property
    def experiment(self) -> dict[str, Any]:
        """What was compared."""
        chosen: dict[str, Any] = self.manifest["determines"]["experiment"]
        return chosen

    @property
    def checked(self) -> int:
        """Successes that were shown once more, alone; like the clean images, these cost no query."""
        return sum(record.first_fooled > 0 for record in self.records)

    def to_json(self) -> str:
        """Everything but the runs."""
        content = {
            "manifest": self.manifest,
            "images": self.images,
            "eligible": self.eligible,
            "left_out": self.left_out,
            "runs": {"planned": self.planned, "finished": len(self.records)},
            "checks": {"clean": self.images, "successes": self.checked},
            "sparse_inference": self.inference,
            "table": [line.to_dict() for line in self.lines],
            "pairs": [pair._asdict() for pair in self.pairs],
        }
        return json.dumps(content, indent=2)

    def to_csv(self) -> str:
        """The table, a line each; success within N queries is in columns ``success_at_N``."""
        rows = [_flat(line) for line in self.lines]
        return _csv(rows)

    def runs_csv(self) -> str:
        """Every run, a line each, nested things as JSON."""
        rows = [record.to_dict() for record in self.records]
        return _csv(
            [{k: json.dumps(v) if isinstance(v, list) else v for k, v in row.items()} for row in rows]
        )


def results(study: Study) -> Results:
    """Read a study; its table is a function of the file alone."""
    manifest, clean = study.get("manifest"), study.get("clean")
    if manifest is None or clean is None:
        raise InputError(f"{study.path} holds no comparison yet")
    records, experiment = study.records(), manifest["determines"]["experiment"]
    lines = summaries(records, experiment["budget"], every_target=experiment["target"] == "all")
    order = {spec: place for place, spec in enumerate(experiment["strategies"])}
    lines.sort(key=lambda line: (line.k, experiment["encodings"].index(line.encoding), order[line.strategy]))
    chosen = {k: study.get(inference_key(k)) for k in experiment["pixels"]}
    inference = {k: choice for k, choice in chosen.items() if choice}
    return Results(manifest, records=records, lines=lines, pairs=pairs(records), inference=inference, **clean)


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
