"""Print a study: tables of success rates and query costs that fit the terminal, or JSON or CSV."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, Self

from rich import box
from rich.console import Console
from rich.table import Table

from sparseattack.cli.terminal import print_text, stdout
from sparseattack.plugins.spec import parse
from sparseattack.report.console import visible
from sparseattack.report.results import Results, results
from sparseattack.report.summary import Method, Pair, Summary, Unfinished
from sparseattack.study.facts import InferenceChoice
from sparseattack.study.store import Study

NARROW = 60  # columns: below, a list per strategy takes the place of the tables
WIDEST = 10_000  # columns
LEVEL = 0.05  # of significance
MOST_PAIRS = 10  # printed; --json has them all
NOTE = """\
ASR: mean over images; interval: Wilson's, one trial per image. ASR@N: within N queries. median, mean:
queries to success, a failure counts as the whole budget. pixels: changed by a success. queries per s: all
queries, those after a success in the same generation included.
"""
NOISY = "Noisy oracle: a success is one where most of several single evaluations agree."


class Column(NamedTuple):
    """A figure of every condition."""

    heading: str
    figure: Callable[[Summary], str]


class Section(NamedTuple):
    """One table, or one paragraph of every method's list."""

    title: str
    headings: list[str]
    rows: dict[Method, list[str]]  # a figure under each heading

    @classmethod
    def of(cls, title: str, lines: Sequence[Summary], columns: Sequence[Column]) -> Self:
        """The figures in some columns of all lines."""
        figures = {line.method: [column.figure(line) for column in columns] for line in lines}
        return cls(title, [column.heading for column in columns], figures)


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
    console.print(headline(found))
    for note in found.manifest.notes:
        console.print(f"{note[:1].upper()}{note[1:]}.")
    if found.unfinished:
        done = f"Unfinished: {len(found.records):,} of {found.planned:,} runs are done"
        console.print(f"{done}; the rate of a method is known once all its runs are.", style="yellow")
    names = {spec: visible(name) for spec, name in found.names.items()}
    if parts := sections(found):
        names = print_sections(console, parts, names)
    if found.lines:
        console.print(" ".join(NOTE.split()), style="dim")
    print_remarks(console, found, names)


def _print_notes(found: Results) -> None:
    """Print as errors what a CSV does not hold: notes, and why no image was attacked, if none was."""
    for note in (*([] if found.planned else [_attacked(found).rstrip(".")]), *found.manifest.notes):
        print_text(f"sparseattack: {note}", error=True)


def headline(found: Results) -> str:
    """What was compared, in three sentences."""
    chosen, oracle = found.experiment, visible(found.manifest.oracle)
    encoding = f", encoding {visible(chosen.encodings[0])}" if len(chosen.encodings) == 1 else ""
    *others, last = map(str, chosen.pixels)
    pixels = f"{', '.join(others)} and {last} pixels" if others else f"{last} pixel{'s' * (last != '1')}"
    stops = {
        "success": "stops at the first success",
        "fooled": "stops at the first success",
        "budget": "spends the whole budget",
    }
    confidence = chosen.stop.partition(":")[2]
    stop = stops.get(chosen.stop, f"stops at a success of confidence {confidence}")
    noisy = f"\n{NOISY}" if chosen.noisy_oracle else ""
    return (
        f"{oracle[:1].upper()}{oracle[1:]}{' (noisy)' * chosen.noisy_oracle}, images"
        f" {visible(chosen.images)}{encoding}.\n"
        f"k = {pixels}; budget {_count(chosen.budget, 'query', 'queries')} per image; {stop}.\n"
        f"{_attacked(found)}{noisy}"
    )


def _attacked(found: Results) -> str:
    """How many images were attacked, and why the others were not."""
    chosen = found.experiment
    attacked = f"{found.scope.attacked} of {found.scope.images} images attacked"
    if chosen.num_images:
        attacked += f", sampled from {found.scope.eligible} eligible ones"
    if predicted := chosen.true_class == "prediction":
        attacked += ", the oracle's predictions being their true classes"
    if chosen.target == "none":
        wrong = f"the oracle misclassifies {_count(found.scope.left_out, 'clean image')}"
        return f"{attacked}." if predicted else f"{attacked}; {wrong}."
    wrong = "misclassified, " if chosen.correct_only else ""
    return (
        f"Target {chosen.target}: {attacked}, in {sum(found.scope.runs)} cases of an image and a target;"
        f" {found.scope.left_out} cases left out: {wrong}of the target class, or predicted as it."
    )


def sections(found: Results) -> list[Section]:
    """Success rates, those of any target where every class was one, query costs, and unfinished methods."""
    lines, parts = found.lines, []
    if lines:
        noisy = ", noisy oracle" if found.experiment.noisy_oracle else ""
        title = f"Attack success rate (share of attacked images{noisy})"
        parts.append(Section.of(title, lines, _rates(found)))
    if any(line.any_target is not None for line in lines):
        reached = Column("ASR", lambda line: "-" if line.any_target is None else percent(line.any_target))
        derived = "Untargeted attack success rate, derived: any target reached"
        parts.append(Section.of(derived, lines, [reached]))
    if lines:
        parts.append(Section.of("Query cost per image", lines, _costs(found.experiment.budget)))
    return [*parts, *([_bounds(found.unfinished)] if found.unfinished else [])]


def _bounds(lines: Sequence[Unfinished]) -> Section:
    """Of methods that lack runs, what their rates will be at least and at most."""
    headings = ["runs done", "successes", "ASR if the\nrest fail", "ASR if the\nrest succeed"]
    figures = {
        line.method: [
            f"{line.runs:,} of {line.planned:,}",
            f"{line.successes:,}",
            percent(line.least),
            percent(line.most),
        ]
        for line in lines
    }
    return Section("Unfinished: attack success rate so far unknown", headings, figures)


def _rates(found: Results) -> list[Column]:
    """The success rate, its interval, and rates within fewer queries than the budget."""
    columns = [
        Column("ASR", lambda line: percent(line.success)),
        Column("95 % interval", lambda line: f"{100 * line.low:.1f} - {percent(line.high)}"),
    ]
    marks = [mark for mark in found.lines[0].success_at if mark < found.experiment.budget]
    columns += [Column(f"ASR@{mark:,}", _rate_within(mark)) for mark in marks]
    if found.experiment.stop.startswith("confidence"):
        columns.append(Column(found.experiment.stop, lambda line: percent(line.met)))
    return columns


def _rate_within(queries: int) -> Callable[[Summary], str]:
    return lambda line: percent(line.success_at[queries])


def _costs(budget: int) -> list[Column]:
    """Queries to success, pixels changed, and where the time went."""
    return [
        Column(
            "median", lambda line: f"{line.median_queries:,.0f}" if line.median_queries else f">{budget:,}"
        ),
        Column("mean", lambda line: f"{line.mean_queries:,.0f}"),
        Column("pixels", lambda line: "-" if line.mean_pixels is None else f"{line.mean_pixels:.2f}"),
        Column("oracle\n(s)", lambda line: f"{line.oracle_seconds:,.1f}"),
        Column("strategy\n(s)", lambda line: f"{line.strategy_seconds:,.1f}"),
        Column("queries\nper s", lambda line: f"{line.queries_per_second:,.0f}"),
    ]


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
        count = _count(line.unverified, "success was", "successes were")
        sentences.append(f"{condition}: {count} not verified and counted as failures")
    if line.errors:
        count = _count(line.errors, "search", "searches")
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
    wins = _count(pair.only_first_wins, "image")
    verdict = "significant" if pair.p < LEVEL else "not significant"
    if all(line.runs == line.images for line in found.lines):
        counts = f"{first} succeeds on {wins} where {second} fails, {second} on {pair.only_second_wins}"
    else:
        counts = f"{first} succeeds more often on {wins}, {second} on {pair.only_second_wins}"
    return f"{k}{counts}: {verdict} (exact McNemar, Holm-adjusted p = {pair.p:.2g})."


def percent(rate: float) -> str:
    """A rate with one decimal: ``19.6 %``."""
    return f"{100 * rate:.1f} %"


def _count(number: int, one: str, many: str = "") -> str:
    """``1 image``, ``1,000 images``."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"
