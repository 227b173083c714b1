"""The tables of a comparison as texts: what a terminal, a web page and LaTeX show, formatted in one place."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np

from sparseattack.errors import listed, number_of
from sparseattack.experiment.identity import Question
from sparseattack.experiment.mask import NONE
from sparseattack.report.selection import Planned, planned_once
from sparseattack.report.summary import Summary, Unfinished, marks
from sparseattack.study.facts import Method, StudyRequest

LEVEL = 0.05  # of significance

NOTE = """\
ASR: mean over images; interval: Wilson's, one trial per image. {at_marks}median, mean: queries to success
of all runs, a failure counts as the whole budget. {changed}: changed by a success. queries per s: all
queries, those after a success in the same generation included.
"""
AT_MARKS = "ASR@N: within N queries. "
COORDINATES = "A coordinate is one channel of a pixel: rates of coordinates and of pixels do not compare.\n"
SEES = """\
sees: what a strategy knows beside the values of its candidates: image is the clean image, scores are all
scores of the oracle and the label. Strategies that see different things differ in more than their search.
"""
METERED = "external, metered: the attack of another library; each image that it shows is a query.\n"
OTHER_IMAGES = """\
Not every condition attacks the same of these images: rates are of different images, and a test is about the
images that both attack.
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


@dataclass(frozen=True)
class Subject:
    """What tables are about: a question, the experiments that were asked, and how many images these attack.

    A number is None where no selection of images has all of them.
    """

    question: Question
    requests: tuple[StudyRequest, ...]  # in the order in which they were asked
    widest: tuple[StudyRequest, ...]  # those whose selection has every image of the others; none without one
    methods: tuple[Method, ...]
    images: int  # whether or not attacked
    attacked: int  # images, as planned
    runs: int  # planned, of all methods
    cases: int  # the most runs of one method
    seeds: tuple[int, ...]  # of all methods
    eligible: int | None  # images that may be attacked, sampled or not
    left_out: int | None  # cases that are no attack: misclassified, or of the target class already
    same_images: bool  # whether every method attacks the same of the images

    @classmethod
    def of(
        cls,
        question: Question,
        requests: Sequence[StudyRequest],
        methods: Sequence[Planned],
        widest: Sequence[StudyRequest],
    ) -> Self:
        """What the methods of some requests attack, of which the ``widest`` have all images."""

        def common(name: str) -> Any:
            values = {getattr(request, name) for request in widest}
            return values.pop() if len(values) == 1 else None

        seeds = {seed for one in methods for seed in one.runs}
        every = {str(seed) for seed in seeds}
        all_seeds = question.target == "none" or all(every == {*request.runs} for request in widest)
        attacked = np.sum([one.by_image for one in methods], axis=0) > 0
        return cls(
            question=question,
            requests=tuple(requests),
            widest=tuple(widest),
            methods=tuple(one.method for one in methods),
            images=widest[0].num_images if widest else len(attacked),
            attacked=int(attacked.sum()),
            runs=int(sum(one.by_image.sum() for one in planned_once(methods))),
            cases=max(int(one.by_image.sum()) for one in methods),
            seeds=tuple(sorted(seeds)),
            eligible=common("eligible"),
            left_out=common("left_out") if all_seeds else None,
            same_images=len({(one.by_image > 0).tobytes() for one in methods}) == 1,
        )


def headline(subject: Subject) -> list[str]:
    """What was compared, in three lines, and further ones for different images and a noisy oracle."""
    question, oracle = subject.question, subject.requests[-1].oracle
    images = dict.fromkeys(request.experiment.attacked_images for request in subject.requests)
    encodings = sorted({method.encoding for method in subject.methods})
    encoding = f", encoding {encodings[0]}" if len(encodings) == 1 else ""
    ks = sorted({method.k for method in subject.methods})
    budgets = sorted({method.budget for method in subject.methods})
    confidence = question.stop.partition(":")[2]
    stops = {
        "success": "stops at the first success",
        "budget": "spends the whole budget",
        "fewest": "goes on with fewer pixels after each success; the fewest of each image are shown",
    }
    stop = stops.get(question.stop, f"stops at a success of confidence {confidence}")
    noisy = " (noisy)" * question.noisy_oracle
    return [
        f"{oracle[:1].upper()}{oracle[1:]}{noisy}, images {' and '.join(images)}{encoding}.",
        f"k = {listed_numbers(ks)} {changes(subject.methods, ks != [1])}{_masked(subject)};"
        f" budget {listed_numbers(budgets)}"
        f" {'query' if budgets == [1] else 'queries'} per image; {stop}.",
        attacked(subject),
        *([] if subject.same_images else [" ".join(OTHER_IMAGES.split())]),
        *([NOISY] if question.noisy_oracle else []),
    ]


def changes(methods: Iterable[Method], several: bool = True) -> str:
    """What k and the changes of methods are numbers of: pixels, coordinates, or pixels or coordinates."""
    units = sorted({method.counts for method in methods}, reverse=True) or ["pixels"]
    return " or ".join(unit if several else unit.removesuffix("s") for unit in units)


def _masked(subject: Subject) -> str:
    """Which pixels may change, if not all."""
    masks = dict.fromkeys(request.experiment.mask for request in subject.requests)
    return "" if subject.question.mask == NONE else f", mask {' and '.join(masks)}"


def listed_numbers(numbers: Sequence[int]) -> str:
    """``1``, or ``1, 3 and 5``."""
    return listed([f"{number:,}" for number in numbers])


def attacked(subject: Subject) -> str:
    """How many images were attacked, and why the others were not."""
    chosen, left_out = subject.requests[-1].experiment, subject.left_out
    count = f"{subject.attacked:,} of {number_of(subject.images, 'image')} attacked"
    sampled = all(request.experiment.num_images for request in subject.requests)
    if sampled and subject.eligible is not None:
        count += f", sampled from {subject.eligible} eligible ones"
    if predicted := chosen.true_class == "prediction":
        count += ", the oracle's predictions being their true classes"
    if chosen.target == "none":
        if predicted or left_out is None:
            return f"{count}."
        return f"{count}; the oracle misclassifies {number_of(left_out, 'clean image')}."
    wrong = "misclassified, " if chosen.correct_only else ""
    what = "an image, a target and a seed" if len(subject.seeds) > 1 else "an image and a target"
    others = f"; {number_of(left_out or 0, 'case')} left out: {wrong}of the target class, or predicted as it"
    return (
        f"Target {chosen.target}: {count}, in {number_of(subject.cases, 'case')} of {what}"
        f"{'' if left_out is None else others}."
    )


def explanation(methods: Iterable[Method]) -> str:
    """What the headings mean."""
    methods = tuple(methods)
    at_marks = any(len(marks(method.budget)) > 1 for method in methods)
    return (
        NOTE.format(at_marks=AT_MARKS * at_marks, changed=changes(methods))
        + COORDINATES * ("coordinates" in changes(methods))
        + (SEES * sees_more(methods) + METERED * any("external" in one.uses for one in methods))
    )


def sees_more(methods: Iterable[Method]) -> bool:
    """Whether a strategy sees more than values: tables have a column for that then."""
    return any(method.sees != "value" for method in methods)


def sections(subject: Subject, lines: Sequence[Summary], lacking: Sequence[Unfinished]) -> list[Section]:
    """Success rates, those of any target where every class was one, query costs, and unfinished methods."""
    parts = []
    if lines:
        noisy = ", noisy oracle" if subject.question.noisy_oracle else ""
        of = "the targets of " * (subject.question.target == "all")
        title = f"Attack success rate (share of {of}attacked images{noisy})"
        known = [Column("sees", lambda line: line.method.sees)] * sees_more(subject.methods)
        parts.append(Section.of(title, lines, [*known, *_rates(subject, lines)]))
    if any(line.any_target is not None for line in lines):
        reached = Column("ASR", lambda line: "-" if line.any_target is None else percent(line.any_target))
        derived = "Untargeted attack success rate, derived: any target reached"
        parts.append(Section.of(derived, lines, [reached]))
    if lines:
        sent = SENT if any(line.attempts for line in lines) else ()
        unit = changes(subject.methods).replace(" or ", " or\n")
        sizes = [Column(unit, lambda line: number_or_dash(line.mean_pixels, ".2f"))]
        sizes += [Column(f"median\n{unit}", _median_changed)] * (subject.question.stop == "fewest")
        columns = [*COSTS, *sizes, *TIMES, *sent]
        parts.append(Section.of("Query cost per image", lines, columns))
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


def _rates(subject: Subject, lines: Sequence[Summary]) -> list[Column]:
    """The success rate, its interval, and rates within fewer queries than the budget."""
    columns = [
        Column("ASR", lambda line: percent(line.success)),
        Column("95 % interval", lambda line: f"{100 * line.low:.1f} - {percent(line.high)}"),
    ]
    stop = subject.question.stop
    if not subject.same_images or len({line.images for line in lines}) > 1:
        columns.insert(0, Column("images", lambda line: f"{line.images:,}"))
    columns += [Column(f"ASR@{mark:,}", _rate_within(mark)) for mark in marks_of(lines)]
    if stop.startswith("confidence"):
        columns.append(Column(stop, lambda line: "-" if line.met is None else percent(line.met)))
    return columns


def marks_of(lines: Sequence[Summary]) -> list[int]:
    """Numbers of queries, below the budgets of some lines, within which their rates are given."""
    return sorted({mark for line in lines for mark in line.success_at if mark < line.method.budget})


def _rate_within(queries: int) -> Callable[[Summary], str]:
    return lambda line: percent(line.success_at[queries]) if queries in line.success_at else "-"


def number_or_dash(value: float | None, form: str = ",.0f") -> str:
    """A number, or a dash where it is not known."""
    return "-" if value is None else format(value, form)


COSTS = (
    Column(
        "median",
        lambda line: f"{line.median_queries:,.0f}" if line.median_queries else f">{line.method.budget:,}",
    ),
    Column("mean", lambda line: f"{line.mean_queries:,.0f}"),
)
"""Queries to success."""
TIMES = (
    Column("oracle\n(s)", lambda line: number_or_dash(line.oracle_seconds, ",.1f")),
    Column("strategy\n(s)", lambda line: number_or_dash(line.strategy_seconds, ",.1f")),
    Column("queries\nper s", lambda line: number_or_dash(line.queries_per_second)),
)
"""Where the time went."""
SENT = (
    Column("queries\nin all", lambda line: f"{line.queries:,}"),
    Column("shown", lambda line: number_or_dash(line.shown)),
    Column("attempts", lambda line: number_or_dash(line.attempts)),
)
"""Of an oracle behind a network: charged, sent to its server at least once, and images sent, each time."""


def _median_changed(line: Summary) -> str:
    """The fewest changes that fool, of the middle run, failures being above any number; a dash if unknown."""
    if line.median_pixels:
        return f"{line.median_pixels:g}"
    return f">{line.method.k}" if line.median_queries is None else "-"


def generations(methods: Sequence[Method]) -> list[str]:
    """Where budgets differ, how many generations of its ``popsize`` a method's budget is, in sentences."""
    if len({method.budget for method in methods}) == 1:
        return []
    sentences = []
    for method in methods:
        popsize = method.settings.get("popsize")
        if isinstance(popsize, int) and popsize > 1 and method.budget % popsize == 0:
            count = number_of(method.budget // popsize, "generation")
            sentences.append(f"{method.name}: {method.budget:,} queries are {count} of {popsize:,}.")
    return list(dict.fromkeys(sentences))


def uncharged(checks: int, clean: int, single: int | None, block: int) -> list[str]:
    """What was evaluated beside the queries, in sentences; ``single`` images are None where not known."""
    count = "others" if single is None else f"{single:,}"
    unknown = "; how many is not known, as some runs went on after this budget" if single is None else ""
    sentences = [
        f"Not counted as queries: {checks:,} evaluations to check the oracle, {clean:,} of clean images to"
        f" classify them, and {count} of single images, to decide near a margin of zero, to value the best"
        f" edit or to verify a success{unknown}."
    ]
    if block > 1:
        sentences.append(f"Calls are padded to multiples of {block} images, as the oracle asks.")
    return sentences


def percent(rate: float) -> str:
    """A rate with one decimal: ``19.6 %``."""
    return f"{100 * rate:.1f} %"
