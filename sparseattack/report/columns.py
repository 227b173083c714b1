"""The columns of the tables of runs and of conditions: name, type, unit and meaning, each said once.

Every export of runs (CSV, JSON lines, Parquet, data frames) has the columns of ``RUN_COLUMNS`` in that order,
one row a run.
"""

from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

from sparseattack.study.record import Record

WITHIN = "success_at_"  # before a number of queries

ColumnKind = Literal["text", "whole", "real", "flag", "positions", "colours", "trace", "front"]
"""The type of a column; the last four are lists, which a CSV holds as JSON.

``positions`` are whole numbers ``(k,)``, ``colours`` rows ``(k, C)`` of levels, ``trace`` pairs of a query
and a value, ``front`` mappings of ``values``, ``positions`` and ``colours``.
"""


class TableColumn(NamedTuple):
    """One column of a table."""

    name: str
    kind: ColumnKind
    unit: str  # of its numbers; empty where there is none
    meaning: str
    missing: str = ""  # when a row has no value there; empty if never


RUN_COLUMNS = (
    TableColumn("key", "text", "", "digest of everything that determines the run"),
    TableColumn("strategy", "text", "", "strategy with its settings, as chosen"),
    TableColumn("strategy_label", "text", "", "its name in tables: the label, or else the strategy"),
    TableColumn("sees", "text", "", "what the strategy sees: value, image, scores, or image and scores"),
    TableColumn("encoding", "text", "", "encoding with its settings, as chosen"),
    TableColumn("k", "whole", "pixels", "pixels that may change"),
    TableColumn("seed", "whole", "", "random seed of the search"),
    TableColumn("image", "whole", "", "place of the image in the selection, from 0"),
    TableColumn("image_id", "text", "", "file name or number of the image"),
    TableColumn("label", "whole", "class", "true class, from 0"),
    TableColumn("target", "whole", "class", "class to be reached; -1 in an untargeted attack"),
    TableColumn("budget", "whole", "queries", "query budget of the run"),
    TableColumn("success", "flag", "", "whether a query fooled the oracle, and its verification did"),
    TableColumn("cost", "whole", "queries", "queries to success; a failure is censored at the budget"),
    TableColumn("first_fooled", "whole", "queries", "query of the first success, from 1; 0 is never"),
    TableColumn("met", "flag", "", "whether the stopping criterion was met"),
    TableColumn("queries", "whole", "queries", "charged, those after a success in its generation too"),
    TableColumn("repeats", "whole", "queries", "of these, duplicates that the oracle did not evaluate"),
    TableColumn("verifications", "whole", "evaluations", "evaluations of single images, which cost no query"),
    TableColumn("verified", "flag", "", "whether the success, saved as 8 bit, fools the oracle again"),
    TableColumn("value", "real", "fitness", "first objective of the best edit", "no query was evaluated"),
    TableColumn("pixels", "whole", "pixels", "pixels that the best edit changes"),
    TableColumn("l2", "real", "colours in [0, 1]", "Euclidean length of the change"),
    TableColumn("distortion", "real", "levels, 0 to 255", "mean change of a channel of the changed pixels"),
    TableColumn("restarts", "whole", "", "restarts of the search"),
    TableColumn("oracle_seconds", "real", "seconds", "time of the oracle, the image's share by its queries"),
    TableColumn("strategy_seconds", "real", "seconds", "time of the strategy, the image's share"),
    TableColumn("before_class", "whole", "class", "predicted class of the clean image"),
    TableColumn("before_confidence", "real", "probability", "its probability"),
    TableColumn("after_class", "whole", "class", "predicted class of the adversarial image; -1 without one"),
    TableColumn("after_confidence", "real", "probability", "its probability; 0 without one"),
    TableColumn("positions", "positions", "row * width + column", "pixels of the best edit"),
    TableColumn("colours", "colours", "levels, 0 to 255", "their new colours, one level per channel"),
    TableColumn("trace", "trace", "queries; fitness", "query and value wherever the first objective fell"),
    TableColumn("front", "front", "", "Pareto set of a search with several objectives: values and edits"),
    TableColumn("error", "text", "", "why the search ended early; empty if it did not"),
)
"""Every column of the table of runs."""

TABLE_COLUMNS = (
    TableColumn("strategy", "text", "", "strategy with its settings, as chosen"),
    TableColumn("strategy_label", "text", "", "its name in tables: the label, or else the strategy"),
    TableColumn("sees", "text", "", "what the strategy sees: value, image, scores, or image and scores"),
    TableColumn("encoding", "text", "", "encoding with its settings, as chosen"),
    TableColumn("k", "whole", "pixels", "pixels that may change"),
    TableColumn("images", "whole", "images", "attacked images"),
    TableColumn("runs", "whole", "runs", "finished runs: images x seeds x targets"),
    TableColumn("successes", "whole", "runs", "verified successes among them"),
    TableColumn("success", "real", "share", "attack success rate: mean over images of their runs' share"),
    TableColumn("low", "real", "share", "lower end of its 95 % interval (Wilson), each image one trial"),
    TableColumn("high", "real", "share", "upper end"),
    TableColumn("met", "real", "share", "share of runs whose success met the stopping criterion"),
    TableColumn("median_queries", "real", "queries", "to success, failures censored", "the middle run fails"),
    TableColumn("mean_queries", "real", "queries", "to success, a failure counts as the whole budget"),
    TableColumn("mean_pixels", "real", "pixels", "changed by a success", "there is no success"),
    TableColumn("queries", "whole", "queries", "charged in all"),
    TableColumn("repeats", "whole", "queries", "of these, duplicates that the oracle did not evaluate"),
    TableColumn("oracle_seconds", "real", "seconds", "time of the oracle"),
    TableColumn("strategy_seconds", "real", "seconds", "time of the strategy"),
    TableColumn("restarts", "whole", "", "restarts of the searches"),
    TableColumn("unverified", "whole", "runs", "successes that were not verified: failures"),
    TableColumn("errors", "whole", "runs", "searches that failed: failures"),
    TableColumn("any_target", "real", "share", "images moved to some class", "not every class was a target"),
    TableColumn("queries_per_second", "real", "queries per second", "of oracle and strategy together"),
    TableColumn(f"{WITHIN}N", "real", "share", "attack success rate within N queries, a column for each N"),
    TableColumn("planned", "whole", "runs", "planned runs of a condition that lacks some", "it lacks none"),
    TableColumn("least", "real", "share", "its success rate if all other runs fail", "it lacks none"),
    TableColumn("most", "real", "share", "its success rate if all other runs succeed", "it lacks none"),
)
"""Every column of the table of conditions, which `Results.to_csv` writes."""


def run_rows(
    records: Iterable[Record], names: Mapping[str, str], sees: Mapping[str, str]
) -> list[dict[str, object]]:
    """A row per run by column, in the order of the columns.

    ``names`` are those of strategies in tables and ``sees`` what they see, both by spec.
    """
    rows = []
    for record in records:
        row: dict[str, object] = record.to_dict() | {
            "strategy_label": names[record.strategy],
            "sees": sees[record.strategy],
            "success": record.success,
            "cost": record.cost,
        }
        rows.append({column.name: row[column.name] for column in RUN_COLUMNS})
    return rows


def rate_within(queries: int) -> str:
    """The column of the attack success rate within so many queries."""
    return f"{WITHIN}{queries}"


def table_columns(marks: Iterable[int]) -> list[TableColumn]:
    """The columns of the table of conditions, with one for the success rate within each number of queries."""
    columns: list[TableColumn] = []
    for column in TABLE_COLUMNS:
        rates = [column._replace(name=rate_within(mark)) for mark in marks]
        columns += rates if column.name == f"{WITHIN}N" else [column]
    return columns
