"""Print a study: tables of success rates and query costs that fit the terminal, or JSON or CSV."""

from collections.abc import Sequence
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from sparseattack.cli.terminal import print_text, stdout
from sparseattack.plugins.spec import parse
from sparseattack.report.console import visible
from sparseattack.report.results import Results, results
from sparseattack.report.summary import Method, Pair, Summary
from sparseattack.report.tables import (
    LEVEL,
    Section,
    attacked,
    explanation,
    headline,
    number_of,
    sections,
)
from sparseattack.study.facts import InferenceChoice
from sparseattack.study.store import Study

NARROW = 60  # columns: below, a list per strategy takes the place of the tables
WIDEST = 10_000  # columns
MOST_PAIRS = 10  # printed; --json has them all


def report(path: Path, output: str) -> None:
    """Print the study at ``path`` as ``output``: table, json, csv or runs. InputError if there is none."""
    with Study.read(path) as study:
        print_results(results(study), output)


def print_results(found: Results, output: str) -> None:
    """Print to the standard output, as ``output``: table, json, csv or runs."""
    texts = {"json": found.to_json, "csv": found.to_csv, "runs": found.runs_csv}
    if output in texts:
        print_text(texts[output]().rstrip())
        if output != "json":
            _print_notes(found)
        return
    console = stdout()
    console.print("\n".join(map(visible, headline(found.manifest, found.scope))))
    for note in found.manifest.notes:
        console.print(f"{note[:1].upper()}{note[1:]}.")
    if found.unfinished:
        done = f"Unfinished: {len(found.records):,} of {found.planned:,} runs are done"
        console.print(f"{done}; the rate of a method is known once all its runs are.", style="yellow")
    names = {spec: visible(name) for spec, name in found.names.items()}
    if parts := sections(found.experiment, found.lines, found.unfinished, found.sees):
        names = print_sections(console, parts, names)
    if found.lines:
        console.print(" ".join(explanation(found.sees).split()), style="dim")
    print_remarks(console, found, names)


def _print_notes(found: Results) -> None:
    """Print as errors what a CSV does not hold: notes, and why no image was attacked, if none was."""
    for note in (
        *([] if found.planned else [attacked(found.experiment, found.scope).rstrip(".")]),
        *found.manifest.notes,
    ):
        print_text(f"sparseattack: {note}", error=True)


def print_sections(console: Console, parts: Sequence[Section], names: dict[str, str]) -> dict[str, str]:
    """Print tables with the full ``names`` of strategies, with shortened ones, or lists: what fits first.

    Returns the names printed, by spec.
    """
    free = console.options.update(max_width=WIDEST)  # or a table is measured as if it fitted
    methods = list(dict.fromkeys(method for part in parts for method in part.rows))
    varied = [name for name in ("encoding", "k") if len({getattr(each, name) for each in methods}) > 1]
    for chosen in (names, shortened(names)):
        tables = [_table(part, chosen, varied) for part in parts]
        fits = all(console.measure(table, options=free).maximum <= console.width for table in tables)
        if fits and console.width >= NARROW:
            console.print()
            for part, table in zip(parts, tables, strict=True):  # a table's own title wraps at its width
                console.print(part.title, style="bold")
                console.print(table)
            for spec, name in chosen.items():
                if name != visible(spec):
                    console.print(f"{name} = {visible(spec)}", soft_wrap=True)
            return chosen
    for method in methods:
        _print_list(console, parts, method, names)
    if methods:
        console.print()
    return names


def shortened(names: dict[str, str]) -> dict[str, str]:
    """Numbers in place of settings, but for labels: ``de #1`` for ``de(popsize=50,variant=best1)``."""
    long = [spec for spec, name in names.items() if name == visible(spec) and parse(spec).settings]
    return names | {spec: f"{visible(parse(spec).name)} #{number}" for number, spec in enumerate(long, 1)}


def _table(part: Section, names: dict[str, str], varied: Sequence[str]) -> Table:
    """A row per method; encoding and k have a column if they are ``varied``."""
    table = Table(
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
    )
    table.add_column("strategy", no_wrap=True)
    for name in varied:
        table.add_column(name, justify="right" if name == "k" else "left", no_wrap=True)
    for heading in part.headings:
        table.add_column(heading, justify="right", vertical="bottom", no_wrap=True)
    for method, figures in part.rows.items():
        condition = [visible(str(getattr(method, name))) for name in varied]
        table.add_row(names[method.strategy], *condition, *figures)
    return table


def _print_list(console: Console, parts: Sequence[Section], method: Method, names: dict[str, str]) -> None:
    """All figures of one method, a line each."""
    console.print(f"\n{names[method.strategy]}", style="bold", soft_wrap=True)
    if names[method.strategy] != visible(method.strategy):
        console.print(f"  = {visible(method.strategy)}", soft_wrap=True)
    console.print(f"  encoding {visible(method.encoding)}, k = {method.k}", soft_wrap=True)
    for part in (part for part in parts if method in part.rows):
        console.print(f"  {part.title.partition(' (')[0]}")
        for heading, figure in zip(part.headings, part.rows[method], strict=True):
            console.print(f"    {' '.join(heading.split()):<20}{figure:>14}")


def print_remarks(console: Console, found: Results, names: dict[str, str]) -> None:
    """Failures, what was not counted as queries, the inference used, and significant differences."""
    for line in found.lines:
        for sentence in failures(line, names[line.method.strategy]):
            console.print(sentence, style="yellow")
    for sentence in found.uncharged:
        console.print(sentence, style="dim")
    for k, choice in found.inference.items():
        if choice.speedup is not None:
            console.print(_inference(k, choice), style="dim")
    for sentence in differences(found, names):
        console.print(sentence)


def failures(line: Summary, name: str) -> list[str]:
    """Successes that were not verified, and searches that ended with an error."""
    condition, sentences = f"{name}/{line.method.encoding}, k = {line.method.k}", []
    if line.unverified:
        count = number_of(line.unverified, "success was", "successes were")
        sentences.append(f"{condition}: {count} not verified and counted as failures")
    if line.errors:
        count = number_of(line.errors, "search", "searches")
        sentences.append(f"{condition}: {count} ended with an error and counted as failures")
    return sentences


def _inference(k: int, choice: InferenceChoice) -> str:
    """Which inference was used, where both were tried."""
    used = "sparse inference" if choice.used else "dense inference"
    return f"k = {k}: {used} was used; on a sample, sparse was {choice.speedup} times as fast as dense."


def differences(found: Results, names: dict[str, str]) -> list[str]:
    """A sentence per significant pair of conditions, and how many others there are; all pairs if one."""
    pairs = found.pairs
    significant = [pair for pair in pairs if pair.p < LEVEL] if len(pairs) > 1 else pairs
    sentences = [_difference(pair, found, names) for pair in significant[:MOST_PAIRS]]
    if others := len(pairs) - len(significant):
        sentences.append(f"{others} of {len(pairs)} pairs: not significant (exact McNemar, Holm-adjusted).")
    if more := len(significant) - MOST_PAIRS if len(significant) > MOST_PAIRS else 0:
        sentences.append(f"{more} more pairs differ significantly; --json has them all.")
    return sentences


def _difference(pair: Pair, found: Results, names: dict[str, str]) -> str:
    """On how many images each of two conditions is the better one, and whether that is significant."""

    def name(method: Method) -> str:
        return f"{names[method.strategy]}/{method.encoding}"

    first, second = name(pair.first), name(pair.second)
    k = f"k = {pair.first.k}: " if len(found.experiment.pixels) > 1 else ""
    wins = number_of(pair.only_first_wins, "image")
    verdict = "significant" if pair.p < LEVEL else "not significant"
    if all(line.runs == line.images for line in found.lines):
        counts = f"{first} succeeds on {wins} where {second} fails, {second} on {pair.only_second_wins}"
    else:
        counts = f"{first} succeeds more often on {wins}, {second} on {pair.only_second_wins}"
    return f"{k}{counts}: {verdict} (exact McNemar, Holm-adjusted p = {pair.p:.2g})."
