"""A comparison's summaries as tables that fit a terminal."""

from collections.abc import Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from sparseattack.report.summary import Summary

from .warnings import warnings

PRICE = ("median", "mean", "pixels", "oracle s", "strategy s", "queries/s")


NOTE = """\
success: mean over images; interval: Wilson's, an image is one trial. median, mean: queries to success, a
failure counts as the whole budget. pixels: changed by a success. queries/s: of all that were shown, the
rest of a generation after its success included.
"""


def show(console: Console, lines: Sequence[Summary], experiment: dict[str, Any]) -> None:
    """Who fools more, and at what price."""
    until = experiment["until"]
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
