"""Which conditions stand in one figure: those of one number of pixels, encoding and fitness.

Runs of one method under several budgets are several conditions; a curve of success can have them as one.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from sparseattack.report.figures.style import LineStyle
from sparseattack.report.results import Results
from sparseattack.report.summary import CASE, Unfinished
from sparseattack.report.tables import listed_numbers
from sparseattack.study.columns import Columns, Flags, Numbers
from sparseattack.study.facts import Method

STEM = 40  # letters of a spec in a name


@dataclass(frozen=True)
class Series:
    """One condition, as figures show it."""

    method: Method
    name: str  # in legends
    style: LineStyle
    runs: Columns  # the finished ones
    planned: Numbers  # (N,) runs of each image
    bounds: Unfinished | None  # where it lacks runs

    @property
    def shown(self) -> str:
        """Its name, and that it lacks runs where it does."""
        return self.name if self.bounds is None else f"{self.name} (unfinished)"

    @property
    def finished(self) -> str:
        """``yes``, or ``no`` where it lacks runs, as tables of figures have it."""
        return "yes" if self.bounds is None else "no"

    @property
    def images(self) -> int:
        """How many images it attacks."""
        return int((self.planned > 0).sum())

    @property
    def budgets(self) -> list[int]:
        """Those of its runs, ascending: several where it is `pooled`."""
        known: list[int] = np.unique(self.runs.budget).tolist()
        return known if self.bounds is None and known else [self.method.budget]


@dataclass(frozen=True)
class Panel:
    """The conditions of one figure, those of the fewest mean queries first, those that lack runs last."""

    k: int
    encoding: str
    fitness: str
    stem: str  # what of this the name of a figure says
    subject: str  # what of this a title says
    every_target: bool  # whether runs have every other class as their target: a share is one of these
    series: tuple[Series, ...]

    @property
    def case(self) -> str:
        """What a share counts: ``image``, or ``target`` where every other class is one."""
        return "target" if self.every_target else "image"

    @property
    def share(self) -> str:
        """What a success rate is a share of, as axes name it."""
        return "targets reached" if self.every_target else "images fooled"

    @property
    def whole(self) -> list[Series]:
        """Those that lack no run."""
        return [one for one in self.series if one.bounds is None]

    @property
    def budget(self) -> int:
        """The largest one."""
        return max(one.method.budget for one in self.series)

    @property
    def common_budget(self) -> int:
        """Up to which all of the series are known."""
        return min(one.method.budget for one in self.series)


def same_images(series: Iterable[Series]) -> bool:
    """Whether all attack the same images, without which rates and medians rank nobody."""
    return len({(one.planned > 0).tobytes() for one in series}) == 1


def in_part(series: Iterable[Series]) -> str:
    """What a caption adds where conditions that lack runs are shown; empty where none does."""
    names = ", ".join(dict.fromkeys(one.name for one in series if one.bounds))
    return (
        f" Not finished: {names}; only runs that have ended count, and those that succeed end sooner."
        if names
        else ""
    )


def known_sizes(runs: Columns) -> Flags:
    """Which runs are successes whose best edit is known."""
    known: Flags = runs.success & (runs.pixels >= 0)
    return known


def unknown_edits(named: Iterable[tuple[str, Columns]], known: Callable[[Columns], Flags]) -> str:
    """What a caption adds where a figure lacks successes, as their edits are not known; empty where not."""
    counts = {name: int((runs.success & ~known(runs)).sum()) for name, runs in named}
    lacking = [f"{count:,} of {name}" for name, count in counts.items() if count]
    if not lacking:
        return ""
    return (
        " Successes left out, as their runs went on after the budget, at which their edits are not known:"
        f" {', '.join(lacking)}."
    )


def left_out(panel: Panel) -> str:
    """What a caption adds where a figure has no condition that lacks runs; empty where none does."""
    names = ", ".join(one.name for one in panel.series if one.bounds)
    return f" Not shown, as they are not finished: {names}." if names else ""


def pooled(series: Sequence[Series]) -> list[Series]:
    """The same, those of one method under several budgets as one: every run under its largest budget.

    A strategy whose search depends on the budget is another method under each, and stays apart. So do
    conditions that lack runs.
    """
    groups: dict[str, list[Series]] = {}
    for one in series:
        if one.bounds is None and len(one.runs):
            groups.setdefault(one.method.key, []).append(one)
    merged = {key: _pool(some) for key, some in groups.items() if len(some) > 1}
    shown: dict[str, Series] = {}
    for place, one in enumerate(series):
        part = one.bounds is None and len(one.runs) and one.method.key in merged
        shown.setdefault(one.method.key if part else str(place), merged[one.method.key] if part else one)
    return list(shown.values())


def _pool(some: Sequence[Series]) -> Series:
    """One method under several budgets; of a case that has several of them, the run of the largest."""
    ordered = sorted(some, key=lambda one: one.method.budget)
    first, last = ordered[0], ordered[-1]
    runs = Columns.joined([one.runs for one in reversed(ordered)])
    cases = np.stack([getattr(runs, name) for name in CASE])
    _, rows = np.unique(cases, axis=1, return_index=True)  # the first of each case
    runs = runs.at(rows)
    return replace(
        last,
        name=f"{last.method.name}, budgets {listed_numbers([one.method.budget for one in ordered])}",
        style=first.style,
        runs=runs,
        planned=np.bincount(runs.image, minlength=len(last.planned)),
    )


def restricted_mean(runs: Columns, budget: int) -> float:
    """Mean queries to success of which no run has more than a budget; a failure counts as the budget."""
    return float(np.minimum(runs.cost, budget).mean()) if len(runs) else np.inf


def panels_of(found: Results) -> list[Panel]:
    """The panels of results, in the order of tables."""
    strategies = list(dict.fromkeys(method.name for method in found.methods))
    styles = {name: place for place, name in enumerate(strategies)}
    lacking = {line.method: line for line in found.unfinished}
    groups: dict[tuple[int, str, str], list[Method]] = {}
    for method in found.methods:
        if found.planned[method].any():
            groups.setdefault((method.k, method.encoding, method.fitness), []).append(method)
    varied = [len({key[place] for key in groups}) > 1 for place in (1, 2)]
    shown: list[Panel] = []
    for (k, encoding, fitness), methods in groups.items():
        words = [word for word, differs in zip((encoding, fitness), varied, strict=True) if differs]
        plain = [re.sub(r"[^a-z0-9]+", "-", word.lower())[:STEM].strip("-") for word in words]
        stem = "-".join([f"k{k}", *plain])
        number = sum(re.fullmatch(rf"{stem}(--\d+)?", panel.stem) is not None for panel in shown)
        stem = f"{stem}--{number + 1}" if number else stem
        series = tuple(_ordered(methods, found, styles, lacking))
        subject, every_target = ", ".join([f"k = {k}", *words]), found.question.target == "all"
        shown.append(Panel(k, encoding, fitness, stem, subject, every_target, series))
    return shown


def _ordered(
    methods: Sequence[Method], found: Results, styles: dict[str, int], lacking: dict[Method, Unfinished]
) -> list[Series]:
    budgets = sorted({method.budget for method in methods})
    series = []
    for method in methods:
        name = f"{method.name}, budget {method.budget:,}" if len(budgets) > 1 else method.name
        place = styles[method.name] + len(styles) * budgets.index(method.budget)
        style = LineStyle(LineStyle.of(styles[method.name]).colour, LineStyle.of(place).dash)
        series.append(
            Series(method, name, style, found.columns[method], found.planned[method], lacking.get(method))
        )
    return sorted(series, key=lambda one: (one.bounds is not None, restricted_mean(one.runs, budgets[0])))
