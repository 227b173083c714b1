"""Print a study: tables of success rates and query costs that fit the terminal, or JSON or CSV."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from sparseattack.cli.terminal import print_text, stdout
from sparseattack.errors import number_of
from sparseattack.plugins.spec import parse
from sparseattack.report.console import visible
from sparseattack.report.export.iohprofiler import plain
from sparseattack.report.mixtures import require_alike
from sparseattack.report.results import Results, results
from sparseattack.report.side_by_side import (
    common_csv,
    common_explanation,
    common_json,
    common_sections,
    of_study,
    study_names,
)
from sparseattack.report.summary import Pair, condition, failures, flat_answers, limits
from sparseattack.report.tables import (
    LEVEL,
    Section,
    attacked,
    explanation,
    generations,
    headline,
    sections,
)
from sparseattack.study.facts import InferenceChoice, Method
from sparseattack.study.store import Study

NARROW = 60  # columns: below, a list per strategy takes the place of the tables
WIDEST = 10_000  # columns
MOST_PAIRS = 10  # printed; --json has them all
FORMATS = {  # but for tables
    "json": Results.to_json,
    "csv": Results.to_csv,
    "runs": Results.runs_csv,
    "latex": Results.to_latex,
}


def report(
    paths: Sequence[Path],
    output: str,
    *,
    chosen: str = "",
    strict: bool = False,
    plots: Path | None = None,
    page: Path | None = None,
) -> None:
    """Print the studies at ``paths`` as ``output``: table, json, csv, runs or latex; several side by side.

    ``chosen`` is a part of each, as ``results`` takes it; ``strict`` refuses runs that were not made alike;
    ``plots`` is a folder for figures, of several studies for a folder of each; ``page`` a file of HTML.
    """
    if plots:
        from sparseattack.report.figures.figure import require_matplotlib

        require_matplotlib()
    if page:  # imported here, not for every comparison: pages and figures take a while
        from sparseattack.report.page.file import check_page, write_page

        check_page(page)
    names = study_names(paths)
    several = {
        name: _read(path, output, chosen, drawn=bool(plots or page), shown=page is not None)
        for name, path in zip(names, paths, strict=True)
    }
    if strict:
        for found in several.values():
            require_alike(found.mixtures)
    said = list[str]()
    if page:  # first, as there may be nothing to plot
        write_page(several, page)
        said.append(f"a page for any browser is in {page}")
    if plots:
        said += _write_plots(several, plots)
    _print_all(several, output)  # last, as a pipe may be closed
    for sentence in said:
        print_text(f"sparseattack: {sentence}", error=True)


def _write_plots(several: Mapping[str, Results], plots: Path) -> list[str]:
    """Write the figures of one study to a folder, or those of several to a folder each; what to say of it."""
    from sparseattack.report.figures.collection import not_drawn

    said = list[str]()
    for name, found in several.items():
        folder = plots / plain(name) if len(several) > 1 else plots
        written = found.to_plots(folder)
        said.append(f"{number_of(len(written), 'file')} of figures in {folder}")
        if lacking := not_drawn(found):
            said.append(lacking)
    return said


def _print_all(several: Mapping[str, Results], output: str) -> None:
    """Print the results of one study or of several."""
    if len(several) == 1:
        print_results(next(iter(several.values())), output)
        return
    print_side_by_side(several, output)


def _read(path: Path, output: str, chosen: str, *, drawn: bool, shown: bool) -> Results:
    """What is ``drawn`` needs the course of every run; what a page has ``shown``, some runs whole."""
    every = output == "runs"
    with Study.read(path) as study:
        found = results(study, chosen=chosen, records=every, courses=drawn)
        if not shown or every:
            return found
        from sparseattack.report.page.gallery import with_shown

        return with_shown(found, study)


def print_side_by_side(several: Mapping[str, Results], output: str) -> None:
    """Print the results of several studies, by name: what each is about, common tables, remarks on each."""
    if output in FORMATS:
        if output == "latex":
            print_text("\n".join(found.to_latex(plain(name)) for name, found in several.items()).rstrip())
            return
        texts = {name: FORMATS[output](found) for name, found in several.items()}
        print_text(common_json(texts) if output == "json" else common_csv(texts).rstrip())
        return
    console, labelled = stdout(), [of_study(name, found) for name, found in several.items()]
    for name, found in several.items():
        console.print(f"{visible(name)}:", style="bold", soft_wrap=True)
        _print_subject(console, found)
    methods = [method for found in labelled for method in found.methods]
    names = {method: visible(method.name) for method in methods}
    if parts := common_sections(labelled):
        names = print_sections(console, parts, names)
        console.print(visible(common_explanation(several)), style="dim")
    for name, found in zip(several, labelled, strict=True):
        console.print(f"{visible(name)}:", style="bold", soft_wrap=True)
        print_remarks(console, found, names)
    console.print("Nothing is tested between studies.")


def print_results(found: Results, output: str, *, strict: bool = False) -> None:
    """Print to the standard output, as ``output``: table, json, csv, runs or latex.

    InputError, before anything is printed, where ``strict`` and runs were not made alike.
    """
    if strict:
        require_alike(found.mixtures)
    if output in FORMATS:
        print_text(FORMATS[output](found).rstrip())
        if output != "json":
            _print_notes(found)
        return
    console = stdout()
    _print_subject(console, found)
    names = {method: visible(method.name) for method in found.methods}
    if parts := sections(found.subject, found.lines, found.unfinished):
        names = print_sections(console, parts, names)
    if found.lines:
        console.print(" ".join(explanation(found.methods).split()), style="dim")
    print_remarks(console, found, names)


def _print_subject(console: Console, found: Results) -> None:
    """What was compared, what is to be known of the images, and how much is done."""
    console.print("\n".join(map(visible, headline(found.subject))))
    for note in found.notes:
        console.print(f"{note[:1].upper()}{note[1:]}.")
    if found.unfinished:
        done = f"Unfinished: {found.finished:,} of {number_of(found.subject.runs, 'run')} done"
        console.print(f"{done}; the rate of a method is known once all its runs are.", style="yellow")


def _print_notes(found: Results) -> None:
    """Print as errors what a CSV does not hold: notes, and why no image was attacked, if none was."""
    nothing = [] if found.subject.runs else [attacked(found.subject).rstrip(".")]
    for note in (*nothing, *found.notes, *(sentence.rstrip(".") for sentence in found.mixtures)):
        print_text(f"sparseattack: {note}", error=True)


VARIED = {"encoding": "left", "fitness": "left", "k": "right", "budget": "right"}
"""What of a method has a column where methods differ in it, and on which side it stands."""


def print_sections(console: Console, parts: Sequence[Section], names: dict[Method, str]) -> dict[Method, str]:
    """Print tables with the full ``names`` of strategies, with shortened ones, or lists: what fits first.

    Returns the names printed, by method.
    """
    free = console.options.update(max_width=WIDEST)  # or a table is measured as if it fitted
    methods = list(dict.fromkeys(method for part in parts for method in part.rows))
    varied = [name for name in VARIED if len({getattr(each, name) for each in methods}) > 1]
    for chosen in (names, shortened(names)):
        tables = [_table(part, chosen, varied) for part in parts]
        fits = all(console.measure(table, options=free).maximum <= console.width for table in tables)
        if fits and console.width >= NARROW:
            console.print()
            for part, table in zip(parts, tables, strict=True):  # a table's own title wraps at its width
                console.print(part.title, style="bold")
                console.print(table)
            for line in dict.fromkeys(f"{name} = {spec}" for name, spec in _renamed(chosen)):
                console.print(line, soft_wrap=True)
            return chosen
    for method in methods:
        _print_list(console, parts, method, names)
    if methods:
        console.print()
    return names


def _renamed(names: dict[Method, str]) -> list[tuple[str, str]]:
    """The names that do not end with the spec of their strategy, and that spec."""
    pairs = [(name, visible(method.strategy)) for method, name in names.items()]
    return [
        (name, spec)
        for name, spec in pairs
        if name != spec and not name.endswith((f": {spec}", f" ({spec})"))
    ]


def shortened(names: dict[Method, str]) -> dict[Method, str]:
    """Numbers in place of settings, but for labels: ``de #1`` for ``de(popsize=50,variant=best1)``."""
    plain = [method for method, name in names.items() if name == visible(method.strategy)]
    specs = dict.fromkeys(method.strategy for method in plain if parse(method.strategy).settings)
    short = {spec: f"{visible(parse(spec).name)} #{number}" for number, spec in enumerate(specs, 1)}
    return names | {method: short[method.strategy] for method in plain if method.strategy in short}


def _table(part: Section, names: dict[Method, str], varied: Sequence[str]) -> Table:
    """A row per method; what is ``varied`` has a column."""
    table = Table(
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
    )
    table.add_column("strategy", no_wrap=True)
    for name in varied:
        table.add_column(name, justify="right" if VARIED[name] == "right" else "left", no_wrap=True)
    for heading in part.headings:
        table.add_column(heading, justify="right", vertical="bottom", no_wrap=True)
    for method, figures in part.rows.items():
        table.add_row(names[method], *(visible(str(getattr(method, name))) for name in varied), *figures)
    return table


def _print_list(console: Console, parts: Sequence[Section], method: Method, names: dict[Method, str]) -> None:
    """All figures of one method, a line each."""
    console.print(f"\n{names[method]}", style="bold", soft_wrap=True)
    if names[method] != visible(method.strategy):
        console.print(f"  = {visible(method.strategy)}", soft_wrap=True)
    fitness = f", fitness {visible(method.fitness)}" * (len({each.fitness for each in names}) > 1)
    what = f"encoding {visible(method.encoding)}{fitness}, {limits(method, names)}"
    console.print(f"  {what}", soft_wrap=True)
    for part in (part for part in parts if method in part.rows):
        console.print(f"  {part.title.partition(' (')[0]}")
        for heading, figure in zip(part.headings, part.rows[method], strict=True):
            console.print(f"    {' '.join(heading.split()):<20}{figure:>14}")


def print_remarks(console: Console, found: Results, names: dict[Method, str]) -> None:
    """Failures, blind searches, mixtures, what was not counted, the inference used, differences."""
    for line in found.lines:
        method = line.method
        name = condition(method, found.methods, names[method])
        full = f"{name}, {limits(method, found.methods)}"
        for sentence in (*failures(line, full), *flat_answers(line, full)):
            console.print(sentence, style="yellow")
    for sentence in found.mixtures:
        console.print(visible(sentence), style="yellow")
    for sentence in generations(found.methods):
        console.print(visible(sentence), style="dim")
    for sentence in found.uncharged:
        console.print(sentence, style="dim")
    if found.backend:
        sentence = visible(found.backend.sentence)
        console.print(f"{sentence[0].upper()}{sentence[1:]}.", style="dim")
    for k, choice in found.inference.items():
        if choice.speedup is not None:
            console.print(_inference(k, choice), style="dim")
    for sentence in differences(found, names):
        console.print(sentence)


def _inference(k: int, choice: InferenceChoice) -> str:
    """Which inference was used, where both were tried."""
    used = "sparse inference" if choice.used else "dense inference"
    return f"k = {k}: {used} was used; on a sample, sparse was {choice.speedup} times as fast as dense."


def differences(found: Results, names: dict[Method, str]) -> list[str]:
    """A sentence per significant pair of conditions, and how many others there are; all pairs if one."""
    pairs = found.pairs
    significant = [pair for pair in pairs if pair.p < LEVEL] if len(pairs) > 1 else pairs
    sentences = [_difference(pair, found, names) for pair in significant[:MOST_PAIRS]]
    if others := len(pairs) - len(significant):
        sentences.append(f"{others} of {len(pairs)} pairs: not significant (exact McNemar, Holm-adjusted).")
    if more := len(significant) - MOST_PAIRS if len(significant) > MOST_PAIRS else 0:
        sentences.append(f"{number_of(more, 'pair')} more, which differ significantly: --json has them all.")
    return sentences


def _difference(pair: Pair, found: Results, names: dict[Method, str]) -> str:
    """On how many images each of two conditions is the better one, and whether that is significant."""
    methods = found.methods
    first, second = (condition(one, methods, names[one]) for one in (pair.first, pair.second))
    several = len({(method.k, method.budget) for method in methods}) > 1
    under = f"{limits(pair.first, methods)}: " * several
    wins = number_of(pair.only_first_wins, "image")
    verdict = "significant" if pair.p < LEVEL else "not significant"
    if all(line.runs == line.images for line in found.lines):
        counts = f"{first} succeeds on {wins} where {second} fails, {second} on {pair.only_second_wins}"
    else:
        counts = f"{first} succeeds more often on {wins}, {second} on {pair.only_second_wins}"
    return f"{under}{counts}: {verdict} (exact McNemar, Holm-adjusted p = {pair.p:.2g})."
