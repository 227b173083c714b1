"""A study is shown: as tables, as JSON or as CSV."""

from collections.abc import Sequence

from rich.console import Console

from sparseattack.overview import Overview
from sparseattack.pairs import Pair
from sparseattack.summary import Row

from . import tables

WIDE = 110  # columns where nobody looks: a file, a pipe
MOST_PAIRS = 10  # lines; --json has them all
LEVEL = 0.05


def show(seen: Overview, form: str) -> None:
    """Print to the standard output; ``form`` is table, json, csv or runs."""
    forms = {"json": seen.to_json, "csv": seen.to_csv, "runs": seen.runs_csv}
    if form in forms:
        print(forms[form]().rstrip())
        return
    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDE)
    console.print(headline(seen), highlight=False)
    if seen.lines:
        tables.show(console, seen.lines, seen.experiment["budget"])
    console.print(
        f"Not charged: {seen.images} checks of clean images, {seen.checked} of successes shown alone.",
        style="dim",
        highlight=False,
    )
    for sentence in _compared(seen.pairs):
        console.print(sentence, highlight=False)


def headline(seen: Overview) -> str:
    """What was compared, in a few sentences."""
    chosen, oracle = seen.experiment, seen.manifest["oracle"]["name"]
    attacked = len({record.image for record in seen.records})
    pixels = " or ".join(map(str, chosen["pixels"]))
    many = "s" if pixels != "1" else ""
    text = (
        f"{oracle}, {seen.images} images ({chosen['images']}): {pixels} pixel{many} may change, "
        f"each image may cost {chosen['budget']:,} queries.\n{attacked} images attacked; {_left_out(seen)}"
    )
    if len(seen.records) < seen.planned:
        text += f"\n[yellow]Unfinished: {len(seen.records)} of {seen.planned} runs are there.[/yellow]"
    return text


def _left_out(seen: Overview) -> str:
    if seen.experiment["target"] == "none":
        return f"{seen.left_out} left out, which the oracle gets wrong without any attack."
    target = seen.experiment["target"]
    return f"target {target}, {seen.left_out} cases left out, of the target class or called so already."


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
        f"k = {pair.first.k}: {first} fools {pair.more_first} images more often than {second}, which fools "
        f"{pair.more_second} more often: {verdict} (exact McNemar, Holm-adjusted p = {pair.p:.2g})."
    )


def _called(row: Row) -> str:
    return f"{row.strategy} {row.encoding}"
