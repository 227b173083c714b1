"""A comparison's summaries as tables that fit a terminal."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from sparseattack.pairs import Pair
from sparseattack.report import Row, Summary


def show(console: Console, lines: Sequence[Summary], pairs: Sequence[Pair], budget: int) -> None:
    """Who fools more, at what price, and what can be told apart."""
    console.print(_success(lines))
    console.print(_price(lines, budget))
    for pair in pairs:
        console.print(_paired(pair), highlight=False)
    for line in lines:
        for warning in _warnings(line):
            console.print(warning, style="yellow", highlight=False)


def _success(lines: Sequence[Summary]) -> Table:
    table = _table("Who fools more: share of the attacked images", lines)
    table.add_column("success [95 % interval]", justify="right")
    marks = list(lines[0].success_at) if lines else []
    for mark in marks:
        table.add_column(f"by {mark:,}", justify="right")
    for line in lines:
        whole = f"{_percent(line.success)} [{_percent(line.low)}-{_percent(line.high)}]".replace(" ", "", 0)
        table.add_row(*_names(line, lines), whole, *(_percent(line.success_at[mark]) for mark in marks))
    if any(line.any_target is not None for line in lines):
        table.caption = "to any class: " + ", ".join(
            f"{line.strategy} {line.encoding} {_percent(line.any_target or 0)}" for line in lines
        )
    return table


def _price(lines: Sequence[Summary], budget: int) -> Table:
    table = _table("At what price: queries per image, and seconds in all", lines)
    for name in ("median", "mean", "pixels", "oracle s", "strategy s", "queries/s"):
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
    table.caption = (
        "median and mean count a failure as having used the whole budget; pixels: changed, where it fooled"
    )
    return table


def _table(title: str, lines: Sequence[Summary]) -> Table:
    table = Table(title=title, title_justify="left", caption_justify="left", title_style="bold")
    table.add_column("strategy", overflow="fold")
    table.add_column("encoding", overflow="fold")
    if len({line.k for line in lines}) > 1:
        table.add_column("k", justify="right")
    return table


def _names(line: Summary, lines: Sequence[Summary]) -> tuple[str, ...]:
    several = len({one.k for one in lines}) > 1
    return (line.strategy, line.encoding, str(line.k)) if several else (line.strategy, line.encoding)


def _paired(pair: Pair) -> str:
    first, second = _called(pair.first), _called(pair.second)
    verdict = "can be told apart" if pair.p < 0.05 else "cannot be told apart"  # noqa: PLR2004
    return (
        f"k={pair.first.k}: {first} alone fools {pair.only_first} images, {second} alone {pair.only_second}: "
        f"they {verdict} (exact McNemar, Holm: p = {pair.p:.2g})"
    )


def _called(row: Row) -> str:
    return f"{row.strategy} {row.encoding}"


def _warnings(line: Summary) -> list[str]:
    who = f"{line.strategy} {line.encoding} k={line.k}"
    said = []
    if line.unverified:
        said.append(f"{who}: {line.unverified} successes did not fool when shown alone, counted as failures")
    if line.errors:
        said.append(f"{who}: {line.errors} searches were given up after an error, counted as failures")
    return said


def _percent(rate: float) -> str:
    return f"{100 * rate:.1f}%" if 0 < rate < 1 else f"{100 * rate:.0f}%"
