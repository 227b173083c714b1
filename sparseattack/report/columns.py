"""The columns of the tables of runs and of conditions: name, type, unit and meaning, each said once.

Every export of runs (CSV, JSON lines, Parquet, data frames) has the columns of ``RUN_COLUMNS`` in that order,
one row a run.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from typing import Literal, NamedTuple

from sparseattack.study.facts import Method
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


LONGER = "the run went on after this budget, and it is not known"  # see Record.at_budget

METHOD_COLUMNS = (
    TableColumn("strategy", "text", "", "strategy with its settings, as chosen"),
    TableColumn("strategy_label", "text", "", "its name in tables: the label, or else the strategy"),
    TableColumn("sees", "text", "", "what the strategy sees: value, image, scores; external, metered"),
    TableColumn("encoding", "text", "", "encoding with its settings, as chosen"),
    TableColumn("fitness", "text", "", "fitness with its settings, as chosen"),
    TableColumn("k", "whole", "as counts", "pixels, or coordinates, that may change"),
    TableColumn("counts", "text", "", "what k and changes are numbers of: pixels, or coordinates"),
)
"""The columns of a method, which both tables have."""

RUN_COLUMNS = (
    TableColumn("key", "text", "", "digest of everything that determines the run"),
    TableColumn("method", "text", "", "digest of strategy, encoding, fitness and pixels, with their code"),
    *METHOD_COLUMNS,
    TableColumn("seed", "whole", "", "random seed of the search"),
    TableColumn("image", "whole", "", "number of the image in the study: its place in the first selection"),
    TableColumn("image_id", "text", "", "file name or number of the image"),
    TableColumn("image_key", "text", "", "digest of the image's colours, shape and true class"),
    TableColumn("label", "whole", "class", "true class, from 0"),
    TableColumn("target", "whole", "class", "class to be reached; -1 in an untargeted attack"),
    TableColumn("budget", "whole", "queries", "query budget of the run"),
    TableColumn("success", "flag", "", "whether a query fooled the oracle, and its verification did"),
    TableColumn("cost", "whole", "queries", "queries to success; a failure is censored at the budget"),
    TableColumn("first_fooled", "whole", "queries", "query of the first success, from 1; 0 is never"),
    TableColumn("met", "flag", "", "whether the stopping criterion was met", LONGER),
    TableColumn("queries", "whole", "queries", "charged, those after a success in its generation too"),
    TableColumn("repeats", "whole", "queries", "of these, duplicates that were not evaluated; -1: not known"),
    TableColumn("verifications", "whole", "evaluations", "of single images, no queries; -1: not known"),
    TableColumn(
        "shown",
        "whole",
        "queries",
        "that the oracle evaluated, or its server was sent at least once; -1: not known",
    ),
    TableColumn(
        "attempts", "whole", "images", "sent to a server, each time, verifications too; -1: not known"
    ),
    TableColumn("flat", "whole", "queries", "of exactly the value of the clean image; -1: not known"),
    TableColumn("verified", "flag", "", "whether the success, saved as 8 bit, fools the oracle again"),
    TableColumn(
        "value", "real", "fitness", "first objective of the best edit", "no query evaluated, or not known"
    ),
    TableColumn("pixels", "whole", "as counts", "that the best edit changes; -1: not known"),
    TableColumn("l2", "real", "colours in [0, 1]", "Euclidean length of the change", LONGER),
    TableColumn("distortion", "real", "levels, 0 to 255", "mean change of a channel, changed pixels", LONGER),
    TableColumn("restarts", "whole", "", "restarts of the search; -1: not known"),
    TableColumn("oracle_seconds", "real", "seconds", "time of the oracle, the image's share", LONGER),
    TableColumn("strategy_seconds", "real", "seconds", "time of the strategy, the image's share", LONGER),
    TableColumn("before_class", "whole", "class", "predicted class of the clean image"),
    TableColumn("before_confidence", "real", "probability", "its probability"),
    TableColumn(
        "after_class", "whole", "class", "predicted class of a success; -1 without one, or not known"
    ),
    TableColumn("after_confidence", "real", "probability", "its probability; 0 without one", LONGER),
    TableColumn("positions", "positions", "row * width + column", "pixels of the best edit"),
    TableColumn("colours", "colours", "levels, 0 to 255", "their new colours, one level per channel"),
    TableColumn(
        "trace",
        "trace",
        "queries; fitness",
        "query and value wherever the first objective fell; with --stop fewest, its pixels wherever they did",
    ),
    TableColumn("front", "front", "", "Pareto set of a search with several objectives: values and edits"),
    TableColumn("error", "text", "", "why the search ended early; empty if it did not"),
    TableColumn("sparse", "flag", "", "whether edits were evaluated by sparse inference"),
    TableColumn("environment", "text", "", "digest of machine and versions, which --json lists"),
)
"""Every column of the table of runs."""

TABLE_COLUMNS = (
    *METHOD_COLUMNS,
    TableColumn("budget", "whole", "queries", "query budget per image"),
    TableColumn("images", "whole", "images", "attacked images"),
    TableColumn("runs", "whole", "runs", "finished runs: images x seeds x targets"),
    TableColumn("successes", "whole", "runs", "verified successes among them"),
    TableColumn("success", "real", "share", "attack success rate: mean over images of their runs' share"),
    TableColumn("low", "real", "share", "lower end of its 95 % interval (Wilson), each image one trial"),
    TableColumn("high", "real", "share", "upper end"),
    TableColumn("met", "real", "share", "as success, of runs that met the stopping criterion", LONGER),
    TableColumn(
        "median_queries",
        "real",
        "queries",
        "to success, failures censored; the lower of two middle ones",
        "that fails",
    ),
    TableColumn(
        "mean_queries", "real", "queries", "to success, over all runs; a failure counts as the budget"
    ),
    TableColumn("mean_pixels", "real", "as counts", "changed by a success", "no success, or not known"),
    TableColumn(
        "median_pixels",
        "real",
        "as counts",
        "over all runs, failures above any",
        "median_queries has none, or not known",
    ),
    TableColumn("queries", "whole", "queries", "charged in all"),
    TableColumn("repeats", "whole", "queries", "of these, duplicates that were not evaluated", LONGER),
    TableColumn(
        "shown", "whole", "queries", "of these, evaluated by the oracle, or sent to its server", LONGER
    ),
    TableColumn("attempts", "whole", "images", "sent to a server, each time; 0 where there is none", LONGER),
    TableColumn("flat", "whole", "queries", "of exactly the value of the clean image", LONGER),
    TableColumn("oracle_seconds", "real", "seconds", "time of the oracle", LONGER),
    TableColumn("strategy_seconds", "real", "seconds", "time of the strategy", LONGER),
    TableColumn("restarts", "whole", "", "restarts of the searches", LONGER),
    TableColumn("unverified", "whole", "runs", "successes that were not verified: failures"),
    TableColumn("ended_early", "whole", "runs", "failures whose search ended by itself, with queries left"),
    TableColumn("errors", "whole", "runs", "searches that failed: failures"),
    TableColumn(
        "any_target",
        "real",
        "share",
        "of the correctly classified images, each seed apart, those moved to some class",
        "not every class was a target",
    ),
    TableColumn("queries_per_second", "real", "queries per second", "oracle and strategy together", LONGER),
    TableColumn(f"{WITHIN}N", "real", "share", "success rate within N queries", "N is above the budget"),
    TableColumn("planned", "whole", "runs", "planned runs of a condition that lacks some", "it lacks none"),
    TableColumn("least", "real", "share", "its success rate if all other runs fail", "it lacks none"),
    TableColumn("most", "real", "share", "its success rate if all other runs succeed", "it lacks none"),
)
"""Every column of the table of conditions, which `Results.to_csv` writes."""


def run_rows(records: Iterable[Record], method_of: Callable[[Record], Method]) -> Iterator[dict[str, object]]:
    """A row per run by column, in the order of the columns; ``method_of`` is what a run was made with."""
    for record in records:
        method = method_of(record)
        own = {
            "strategy_label": method.name,
            "sees": method.sees,
            "counts": method.counts,
            "front": [asdict(point) for point in record.front],
            "after_confidence": None
            if record.success and record.after_class < 0
            else record.after_confidence,
        }
        yield {
            column.name: own[column.name] if column.name in own else getattr(record, column.name)
            for column in RUN_COLUMNS
        }


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
