"""A study is shown: as tables, as JSON or as CSV.

What a reader of a table must know about one of its lines.

A comparison's summaries as tables that fit a terminal.
"""

from collections.abc import Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from sparseattack.report.results import Results
from sparseattack.report.summary import Pair, Row, Summary

from .terminal import stdout


def warnings(line: Summary) -> list[str]:
    """Successes that did not hold, and searches that were given up."""
    who = f"{line.strategy} {line.encoding} k={line.k}"
    said = []
    if line.unverified:
        said.append(f"{who}: {line.unverified} successes did not fool when shown alone: counted as failures")
    if line.errors:
        said.append(f"{who}: {line.errors} searches were given up after an error: counted as failures")
    return said


PRICE = ("median", "mean", "pixels", "oracle s", "strategy s", "queries/s")

NOTE = """\
success: mean over images; interval: Wilson's, an image is one trial. median, mean: queries to success, a
failure counts as the whole budget. pixels: changed by a success. queries/s: of all that were shown, the
rest of a generation after its success included.
"""


def print_tables(console: Console, lines: Sequence[Summary], experiment: dict[str, Any]) -> None:
    """Who fools more, and at what price."""
    until = experiment["stop"]
    console.print(_success(lines, until if until.startswith("confidence") else ""))
    if any(line.any_target is not None for line in lines):
        console.print(_any_target(lines))
    console.print(_price(lines, experiment["budget"]))
    console.print(" ".join(NOTE.split()), style="dim")
    for warning in [warning for line in lines for warning in warnings(line)]:
        console.print(warning, style="yellow")


def _success(lines: Sequence[Summary], confident: str) -> Table:
    table = _table("Who fools more? Share of the attacked images", lines)
    table.add_column("success", justify="right")
    table.add_column("95 % interval", justify="right")
    marks = list(lines[0].success_at)
    for mark in marks:
        table.add_column(f"by {mark:,}", justify="right")
    if confident:
        table.add_column(confident, justify="right")
    for line in lines:
        interval = f"{percent(line.low)} - {percent(line.high)}"
        rates = [percent(line.success_at[mark]) for mark in marks] + [percent(line.met)] * bool(confident)
        table.add_row(*_names(line, lines), percent(line.success), interval, *rates)
    return table


def _any_target(lines: Sequence[Summary]) -> Table:
    table = _table("Untargeted, derived: some target was reached", lines)
    table.add_column("success", justify="right")
    for line in lines:
        table.add_row(*_names(line, lines), "-" if line.any_target is None else percent(line.any_target))
    return table


def _price(lines: Sequence[Summary], budget: int) -> Table:
    table = _table("At what price? Queries per image", lines)
    for name in PRICE:
        table.add_column(name, justify="right")
    for line in lines:
        table.add_row(
            *_names(line, lines),
            f">{budget:,}" if line.median_queries is None else f"{line.median_queries:,.0f}",
            f"{line.mean_queries:,.0f}",
            "-" if line.mean_pixels is None else f"{line.mean_pixels:.2f}",
            f"{line.oracle_seconds:.1f}",
            f"{line.strategy_seconds:.1f}",
            f"{line.queries_per_second:,.0f}",
        )
    return table


def _table(title: str, lines: Sequence[Summary]) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    table.add_column("strategy", overflow="fold")
    table.add_column("encoding", overflow="fold")
    if _several(lines):
        table.add_column("k", justify="right")
    return table


def _names(line: Summary, lines: Sequence[Summary]) -> tuple[str, ...]:
    return (line.strategy, line.encoding, *((str(line.k),) if _several(lines) else ()))


def _several(lines: Sequence[Summary]) -> bool:
    return len({line.k for line in lines}) > 1


def percent(rate: float) -> str:
    """A rate with one decimal."""
    return f"{100 * rate:.1f}%"


MOST_PAIRS = 10  # lines; --json has them all
LEVEL = 0.05


def show(seen: Results, form: str) -> None:
    """Print to the standard output; ``form`` is table, json, csv or runs."""
    forms = {"json": seen.to_json, "csv": seen.to_csv, "runs": seen.runs_csv}
    if form in forms:
        print(forms[form]().rstrip())
        return
    console = stdout()
    console.print(headline(seen))
    if len(seen.records) < seen.planned:
        console.print(f"Unfinished: {len(seen.records)} of {seen.planned} runs are there.", style="yellow")
    if seen.lines:
        print_tables(console, seen.lines, seen.experiment)
    checks = f"{seen.images} checks of clean images, {seen.checked} of successes shown alone"
    console.print(f"Not charged: {checks}.", style="dim")
    for k, choice in seen.inference.items():
        if choice["speedup"] is not None:
            console.print(_inference(k, choice), style="dim")
    for sentence in _compared(seen.pairs):
        console.print(sentence)


def _inference(k: int, choice: dict[str, Any]) -> str:
    """How edits were answered, where both ways were tried."""
    taken = "sparse inference" if choice["used"] else "whole images"
    return f"k = {k}: {taken}; sparse inference was {choice['speedup']} times as fast on a sample."


def headline(seen: Results) -> str:
    """What was compared, in a few sentences."""
    chosen, oracle = seen.experiment, seen.manifest["oracle"]["name"]
    pixels = " or ".join(map(str, chosen["pixels"]))
    what = f"{pixels} pixel{'s' if pixels != '1' else ''} may change"
    cost = f"each image may cost {chosen['budget']:,} queries, until {chosen['stop']}"
    return f"{oracle}, {chosen['images']}: {what}, {cost}.\n{_attacked(seen)}"


def _attacked(seen: Results) -> str:
    chosen, images = seen.experiment, len({record.image for record in seen.records})
    some = f"{images} of {seen.images} images attacked"
    if chosen["num_images"]:
        some += f", drawn from {seen.eligible} that may be"
    if by_oracle := chosen["true_class"] == "prediction":
        some += ", what the oracle calls them being their true class"
    if chosen["target"] == "none":
        return some + ("." if by_oracle else f"; the oracle gets {seen.left_out} wrong without any attack.")
    cases = len({(record.image, record.seed, record.target) for record in seen.records})
    wrong = "misclassified, or " if chosen["correct_only"] else ""
    return (
        f"Target {chosen['target']}: {some}, in {cases} cases of image and target; {seen.left_out} cases left"
        f" out, {wrong}of the target class or called so without any attack."
    )


def _compared(pairs: Sequence[Pair]) -> list[str]:
    """What the pairs say: the lines of a table are no independent samples, the images are the same."""
    telling = [pair for pair in pairs if pair.p < LEVEL] if len(pairs) > 1 else pairs
    said = [_pair(pair) for pair in telling[:MOST_PAIRS]]
    if (rest := len(pairs) - len(telling)) > 0:
        said.append(f"No difference is shown by {rest} of {len(pairs)} pairs (exact McNemar, Holm-adjusted).")
    if (more := len(telling) - MOST_PAIRS) > 0:
        said.append(f"{more} more pairs differ; --json has them all.")
    return said


def _pair(pair: Pair) -> str:
    first, second = _called(pair.first), _called(pair.second)
    verdict = "they differ" if pair.p < LEVEL else "no difference shown"
    return (
        f"k = {pair.first.k}: {first} fools {pair.only_first_wins} images more often than {second}, which "
        f"fools {pair.only_second_wins} more often: {verdict} (exact"
        f" McNemar, Holm-adjusted p = {pair.p:.2g})."
    )


def _called(row: Row) -> str:
    return f"{row.strategy} {row.encoding}"
