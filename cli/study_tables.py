"""A study is shown: as tables, as JSON or as CSV."""

from collections.abc import Sequence
from typing import Any

from sparseattack.report.pairs import Pair
from sparseattack.report.results import Overview
from sparseattack.report.summary import Row

from . import tables
from .terminal import stdout

MOST_PAIRS = 10  # lines; --json has them all
LEVEL = 0.05


def show(seen: Overview, form: str) -> None:
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
        tables.show(console, seen.lines, seen.experiment)
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


def headline(seen: Overview) -> str:
    """What was compared, in a few sentences."""
    chosen, oracle = seen.experiment, seen.manifest["oracle"]["name"]
    pixels = " or ".join(map(str, chosen["pixels"]))
    what = f"{pixels} pixel{'s' if pixels != '1' else ''} may change"
    cost = f"each image may cost {chosen['budget']:,} queries, until {chosen['until']}"
    return f"{oracle}, {chosen['images']}: {what}, {cost}.\n{_attacked(seen)}"


def _attacked(seen: Overview) -> str:
    chosen, images = seen.experiment, len({record.image for record in seen.records})
    some = f"{images} of {seen.images} images attacked"
    if chosen["draw"]:
        some += f", drawn from {seen.eligible} that may be"
    if by_oracle := chosen["truth"] == "prediction":
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
        f"k = {pair.first.k}: {first} fools {pair.more_first} images more often than {second}, which fools "
        f"{pair.more_second} more often: {verdict} (exact McNemar, Holm-adjusted p = {pair.p:.2g})."
    )


def _called(row: Row) -> str:
    return f"{row.strategy} {row.encoding}"
