"""The tables of a comparison as texts: what a terminal, a web page and LaTeX show, formatted in one place."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Self

from sparseattack.experiment.manifest import Manifest
from sparseattack.experiment.settings import Experiment
from sparseattack.report.summary import Method, Summary, Unfinished
from sparseattack.study.facts import Scope

LEVEL = 0.05  # of significance

NOTE = """\
ASR: mean over images; interval: Wilson's, one trial per image. ASR@N: within N queries. median, mean:
queries to success, a failure counts as the whole budget. pixels: changed by a success. queries per s: all
queries, those after a success in the same generation included.
"""
SEES = """\
sees: what a strategy knows beside the values of its candidates, the clean image or the label and all scores
of the oracle. Strategies that see different things differ in more than their search.
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


def headline(manifest: Manifest, scope: Scope) -> list[str]:
    """What was compared, in three lines, and a fourth for a noisy oracle."""
    chosen, oracle = manifest.experiment, manifest.oracle
    encoding = f", encoding {chosen.encodings[0]}" if len(chosen.encodings) == 1 else ""
    *others, last = map(str, chosen.pixels)
    pixels = f"{', '.join(others)} and {last} pixels" if others else f"{last} pixel{'s' * (last != '1')}"
    stops = {
        "success": "stops at the first success",
        "fooled": "stops at the first success",
        "budget": "spends the whole budget",
    }
    confidence = chosen.stop.partition(":")[2]
    stop = stops.get(chosen.stop, f"stops at a success of confidence {confidence}")
    noisy = " (noisy)" * chosen.noisy_oracle
    return [
        f"{oracle[:1].upper()}{oracle[1:]}{noisy}, images {chosen.images}{encoding}.",
        f"k = {pixels}; budget {number_of(chosen.budget, 'query', 'queries')} per image; {stop}.",
        attacked(chosen, scope),
        *([NOISY] if chosen.noisy_oracle else []),
    ]


def attacked(chosen: Experiment, scope: Scope) -> str:
    """How many images were attacked, and why the others were not."""
    count = f"{scope.attacked} of {scope.images} images attacked"
    if chosen.num_images:
        count += f", sampled from {scope.eligible} eligible ones"
    if predicted := chosen.true_class == "prediction":
        count += ", the oracle's predictions being their true classes"
    if chosen.target == "none":
        wrong = f"the oracle misclassifies {number_of(scope.left_out, 'clean image')}"
        return f"{count}." if predicted else f"{count}; {wrong}."
    wrong = "misclassified, " if chosen.correct_only else ""
    return (
        f"Target {chosen.target}: {count}, in {sum(scope.runs)} cases of an image and a target;"
        f" {scope.left_out} cases left out: {wrong}of the target class, or predicted as it."
    )


def explanation(sees: Mapping[str, str]) -> str:
    """What the headings mean; ``sees`` is what each strategy sees, by spec."""
    return NOTE + SEES * sees_more(sees)


def sees_more(sees: Mapping[str, str]) -> bool:
    """Whether a strategy sees more than values, by spec: tables have a column for that then."""
    return any(each != "value" for each in sees.values())


def sections(
    chosen: Experiment, lines: Sequence[Summary], lacking: Sequence[Unfinished], sees: Mapping[str, str]
) -> list[Section]:
    """Success rates, those of any target where every class was one, query costs, and unfinished methods.

    ``sees`` is what each strategy sees, by spec.
    """
    parts = []
    if lines:
        noisy = ", noisy oracle" if chosen.noisy_oracle else ""
        title = f"Attack success rate (share of attacked images{noisy})"
        known = [Column("sees", lambda line: sees[line.method.strategy])] * sees_more(sees)
        parts.append(Section.of(title, lines, [*known, *_rates(lines, chosen)]))
    if any(line.any_target is not None for line in lines):
        reached = Column("ASR", lambda line: "-" if line.any_target is None else percent(line.any_target))
        derived = "Untargeted attack success rate, derived: any target reached"
        parts.append(Section.of(derived, lines, [reached]))
    if lines:
        parts.append(Section.of("Query cost per image", lines, _costs(chosen.budget)))
    return [*parts, *([_bounds(lacking)] if lacking else [])]


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


def _rates(lines: Sequence[Summary], chosen: Experiment) -> list[Column]:
    """The success rate, its interval, and rates within fewer queries than the budget."""
    columns = [
        Column("ASR", lambda line: percent(line.success)),
        Column("95 % interval", lambda line: f"{100 * line.low:.1f} - {percent(line.high)}"),
    ]
    marks = [mark for mark in lines[0].success_at if mark < chosen.budget]
    columns += [Column(f"ASR@{mark:,}", _rate_within(mark)) for mark in marks]
    if chosen.stop.startswith("confidence"):
        columns.append(Column(chosen.stop, lambda line: percent(line.met)))
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


def percent(rate: float) -> str:
    """A rate with one decimal: ``19.6 %``."""
    return f"{100 * rate:.1f} %"


def number_of(number: int, one: str, many: str = "") -> str:
    """``1 image``, ``1,000 images``."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"
