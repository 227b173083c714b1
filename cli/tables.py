"""A comparison's summaries as tables that fit a terminal."""

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table

from sparseattack.summary import Summary

PRICE = ("median", "mean", "pixels", "oracle s", "strategy s", "queries/s")


def show(console: Console, lines: Sequence[Summary], budget: int) -> None:
    """Who fools more, and at what price."""
    console.print(_success(lines))
    if any(line.any_target is not None for line in lines):
        console.print(_any_target(lines))
    console.print(_price(lines, budget))
    console.print(
        "median, mean: queries to success, where a failure counts as the whole budget; pixels: changed by a "
        "success; seconds and rates: of all images together.",
        style="dim",
        highlight=False,
    )
    for line in lines:
        for warning in _warnings(line):
            console.print(warning, style="yellow", highlight=False)


def _success(lines: Sequence[Summary]) -> Table:
    table = _table("Who fools more? Share of the attacked images that were fooled", lines)
    table.add_column("success", justify="right")
    table.add_column("95 % interval", justify="right")
    marks = list(lines[0].success_at)
    for mark in marks:
        table.add_column(f"by {mark:,}", justify="right")
    for line in lines:
        interval = f"{percent(line.low)} - {percent(line.high)}"
        rates = (percent(line.success_at[mark]) for mark in marks)
        table.add_row(*_names(line, lines), percent(line.success), interval, *rates)
    return table


def _any_target(lines: Sequence[Summary]) -> Table:
    table = _table("Untargeted, derived: share of the images that some target was reached for", lines)
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


def _warnings(line: Summary) -> list[str]:
    who = f"{line.strategy} {line.encoding} k={line.k}"
    said = []
    if line.unverified:
        said.append(f"{who}: {line.unverified} successes did not fool when shown alone: counted as failures")
    if line.errors:
        said.append(f"{who}: {line.errors} searches were given up after an error: counted as failures")
    return said


def percent(rate: float) -> str:
    """A rate with one decimal."""
    return f"{100 * rate:.1f}%"
