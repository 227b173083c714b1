"""The tables of the page: their texts are those of a terminal, and each has a number to sort by."""

import math
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sparseattack.errors import listed
from sparseattack.report.page.fragility import Fragility
from sparseattack.report.page.wording import class_of
from sparseattack.report.statistics.comparisons import Comparison, Estimate
from sparseattack.report.summary import condition
from sparseattack.report.tables import Section, percent
from sparseattack.study.facts import Method

NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?")
CENSORED, UNKNOWN = "Infinity", ""  # what is sorted last, and what is always last
VARIED = {
    "encoding": False,
    "fitness": False,
    "k": True,
    "budget": True,
}  # of methods; whether it is a number
MOST_CLASSES = 100  # lines
MOST_TAKEN = 2  # classes in a cell
MOST_PAIRS = 200  # lines
PAIRS = (
    "On the images that both attack, the one of fewer mean queries first; in brackets 95 % intervals of each"
    " pair by itself: of the difference a score interval (Tango, 1998) where each image has one run or none"
    " differs, else by bootstrap over images. Ratio: queries of the first to fool half as many images as"
    " the weaker one fools, divided by those of the second, with an interval by bootstrap; an end is 0.00 or"
    " “any” where, in some bootstrap samples, one of the two never fools so many. Tests: exact McNemar within"
    " {marks} where the budget allows, and a log-rank test image by image, adjusted by Holm for all tests"
    " here. Of several runs an image, McNemar's test is of the images on which one succeeds more often: it"
    " may favour the one of the lower ASR. Images needed: where the difference is not significant, so many"
    " would show the one that McNemar's test has at the budget with a power of 80 %, at 5 % divided by the"
    " number of tests. Terminal and LaTeX have McNemar's test at the budget only, adjusted for these alone:"
    " say in a paper which family it is."
)


class PageCell(NamedTuple):
    """One cell."""

    text: str
    order: str = UNKNOWN  # what it is sorted by: a number, or a text where its column is one of texts
    share: float | None = None  # drawn as a bar


class Heading(NamedTuple):
    """The head of a column."""

    text: str
    numeric: bool = True


class PageTable(NamedTuple):
    """One table; the first column names its lines."""

    caption: str
    headings: list[Heading]
    rows: list[list[PageCell]]
    note: str = ""


def order_of(text: str) -> str:
    """The number that a text is sorted by: its first one; ``>1,000``, which is censored, is above all."""
    if text.lstrip().startswith(">"):
        return CENSORED
    found = NUMBER.search(text)
    return found[0].replace(",", "") if found else UNKNOWN


def number_cell(text: str) -> PageCell:
    """A cell of a column of numbers."""
    return PageCell(text, order_of(text))


def text_cell(text: str) -> PageCell:
    """A cell of a column of texts."""
    return PageCell(text, text)


def varied(methods: Sequence[Method]) -> list[str]:
    """What of methods has a column: that in which they differ, and always k."""
    return [name for name in VARIED if name == "k" or len({getattr(each, name) for each in methods}) > 1]


def method_cells(method: Method, columns: Sequence[str]) -> list[PageCell]:
    """The name of a method, and what it is."""
    cells = [text_cell(method.name)]
    for name in columns:
        value = getattr(method, name)
        cells.append(number_cell(f"{value:,}") if VARIED[name] else text_cell(str(value)))
    return cells


def method_headings(columns: Sequence[str]) -> list[Heading]:
    """The heads of these."""
    return [Heading("strategy", numeric=False), *(Heading(name, VARIED[name]) for name in columns)]


def section_table(part: Section, methods: Sequence[Method]) -> PageTable:
    """A table of figures of methods."""
    columns = varied(methods)
    headings = [" ".join(heading.split()) for heading in part.headings]
    rows = [
        [*method_cells(method, columns), *map(_figure, headings, figures)]
        for method, figures in part.rows.items()
    ]
    heads = [Heading(text, numeric=text != "sees") for text in headings]
    return PageTable(part.title, [*method_headings(columns), *heads], rows)


def _figure(heading: str, text: str) -> PageCell:
    if heading == "sees":
        return text_cell(text)
    rate = heading.startswith(("ASR", "confidence")) and text.endswith("%")
    cell = number_cell(text)
    return cell._replace(share=float(cell.order) / 100) if rate else cell


def pair_table(compared: Sequence[Comparison], methods: Sequence[Method]) -> PageTable | None:
    """Every two conditions that were compared, the surest difference first; None without a pair."""
    if not compared:
        return None
    budgets = len({method.budget for method in methods}) > 1
    alike = len({(method.encoding, method.fitness) for method in methods}) == 1
    named = {each: each.name if alike else condition(each, methods) for each in methods}
    headings = [
        Heading("fewer mean queries", numeric=False), Heading("more", numeric=False), Heading("k"),
        *[Heading("budget")] * budgets, Heading("images"), Heading("difference in ASR, points"),
        Heading("ratio of queries at equal success"), Heading("lowest p, adjusted"),
        Heading("difference", numeric=False), Heading("images needed"),
    ]  # fmt: skip
    rows = []
    shown = surest(compared)
    for one in shown:
        rows.append(
            [
                text_cell(named[one.first]),
                text_cell(named[one.second]),
                number_cell(f"{one.first.k}"),
                *[number_cell(f"{one.first.budget:,}")] * budgets,
                number_cell(f"{one.images:,}"),
                number_cell(points(one.difference)),
                number_cell(times(one.ratio)),
                PageCell(p_text(lowest_p(one)), repr(lowest_p(one))),
                text_cell(_verdict(one, named)),
                number_cell("-" if one.significant or one.needed is None else f"{one.needed:,}"),
            ]
        )
    rest = f" The surest {len(shown)} of {len(compared):,} pairs; `comparisons(results)` in Python has all."
    counts = sorted({mark.queries for one in compared for mark in one.marks})
    note = PAIRS.format(marks=f"{listed([f'{count:,}' for count in counts])} queries") + rest * (
        len(shown) < len(compared)
    )
    return PageTable("Every two conditions of the same k and budget", headings, rows, note)


def _verdict(one: Comparison, named: Mapping[Method, str]) -> str:
    """Whether a difference is significant; where it is, and not for the first alone, for whom."""
    if not one.significant:
        return "not significant"
    if len(one.findings) > 1:
        return "significant, for each at its time"
    return "significant" if one.favoured == one.first else f"significant, for {named[one.second]}"


def surest(compared: Sequence[Comparison]) -> list[Comparison]:
    """As many pairs as a page shows, those of the lowest p-values first."""
    return sorted(compared, key=lowest_p)[:MOST_PAIRS]


def lowest_p(compared: Comparison) -> float:
    """The lowest p-value of its tests, adjusted."""
    return min(compared.logrank_adjusted, *(mark.adjusted for mark in compared.marks))


def points(difference: Estimate) -> str:
    """A difference of rates with its interval, in percentage points."""
    value, low, high = (100 * each for each in difference)
    return f"{value:.1f} ({low:.1f} to {high:.1f})"


def times(ratio: Estimate | None) -> str:
    """A ratio with its interval; an end that no number of queries reaches is ``any``."""
    if ratio is None:
        return "-"
    value, low, high = (f"{each:.2f}" if math.isfinite(each) else "any" for each in ratio)
    return f"{value} ({low} to {high})"


def p_text(p: float) -> str:
    """A p-value with two digits, down to 0.001."""
    return "< 0.001" if p < 0.001 else f"{p:.2g}"  # noqa: PLR2004


def class_table(fragile: Fragility, classes: Sequence[str]) -> PageTable | None:
    """A line for each true class; None without one."""
    lines = fragile.classes[:MOST_CLASSES]
    if not lines:
        return None
    lacking = any(level.lacking for level in fragile.resistances)
    headings = [
        Heading("true class", numeric=False),
        Heading("images with a run" if lacking else "attacked images"),
        *(Heading(f"fooled{' so far' * bool(each.lacking)}, k = {each.k}") for each in fragile.resistances),
        Heading("most often taken for", numeric=False),
    ]
    apart = any({*line.attacked} != {line.images} for line in lines)
    rows = []
    for line in lines:
        fooled = [
            _fooled(count, images, apart=apart)
            for count, images in zip(line.fooled, line.attacked, strict=True)
        ]
        names = [class_of(classes, number) for number in line.taken_for]
        more = f" and {len(names) - MOST_TAKEN} more" * (len(names) > MOST_TAKEN)
        taken = f"{', '.join(names[:MOST_TAKEN])}{more} ({line.taken})" if line.taken else "-"
        name = text_cell(class_of(classes, line.number))
        rows.append([name, number_cell(f"{line.images:,}"), *fooled, text_cell(taken)])
    left = len(fragile.classes) - len(lines)
    notes = [f"The {len(lines)} most fragile of {len(fragile.classes)} classes."] * bool(left)
    notes += ["Of images that have a run; runs are missing, and those that succeed end sooner."] * lacking
    return PageTable("Class by class, the most fragile first", headings, rows, " ".join(notes))


def _fooled(count: int, images: int, *, apart: bool) -> PageCell:
    """How many of a class's images were fooled; ``apart`` says of how many."""
    if not images:
        return PageCell("-")
    of = f" of {images:,}" * apart
    return PageCell(f"{count:,}{of} ({percent(count / images)})", repr(count / images), count / images)
