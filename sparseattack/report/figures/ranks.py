"""The critical-difference diagram (Demšar, 2006): average ranks, and which methods no test tells apart."""

from collections.abc import Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np

from sparseattack.errors import number_of, tied
from sparseattack.plugins.requirements import install_command
from sparseattack.report.figures.figure import INK, ReportFigure
from sparseattack.report.figures.panels import Panel, Series
from sparseattack.report.figures.style import WIDTH, panels, short
from sparseattack.report.statistics.ranks import EXACT_RANKS, RankComparison, compare_ranks, mean_queries
from sparseattack.report.tables import LEVEL

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FEWEST = 3  # methods in a diagram
MOST_NAMES = 6  # in its sentence
GAP = "\u00a0\u00a0"  # of a name to its line; a browser would leave plain spaces out
ROW, EDGES = 0.24, 0.7  # inches, of a name and of the scale


def enough(shown: Sequence[Panel]) -> list[list[tuple[Panel, Series]]]:
    """The conditions of every diagram: those of one k, of the same thing, that lack no run, three at least.

    Of several budgets with the same k, that of the most conditions, or else the larger one.
    """
    groups: dict[tuple[int, str], dict[int, list[tuple[Panel, Series]]]] = {}
    for panel in shown:
        for one in panel.whole:
            same = groups.setdefault((panel.k, one.method.counts), {})
            same.setdefault(one.method.budget, []).append((panel, one))
    chosen = [max(each.items(), key=lambda item: (len(item[1]), item[0]))[1] for each in groups.values()]
    return [some for some in chosen if len(some) >= FEWEST]


def missing_diagrams(shown: Sequence[Panel]) -> str:
    """How to get the diagrams that are not drawn, in a sentence; empty where there is none to draw."""
    if not enough(shown) or _installed():
        return ""
    return (
        "A critical-difference diagram of average ranks needs scikit-posthocs:"
        f" {install_command('sparseattack', 'stats')}."
    )


def _installed() -> bool:
    return find_spec("scikit_posthocs") is not None


def rank_figures(shown: Sequence[Panel]) -> list[ReportFigure]:
    """A diagram for each k; none without scikit-posthocs, and without three methods."""
    return [figure for some in enough(shown) if (figure := _rank_figure(some))] if _installed() else []


def _rank_figure(some: Sequence[tuple[Panel, Series]]) -> ReportFigure | None:
    """The diagram of some conditions; None where they have fewer than two images in common."""
    (panel, first), series = some[0], [one for _, one in some]
    budget = first.method.budget
    queries = mean_queries([one.runs for one in series], budget)
    if queries.shape[1] < len(("one", "another")):
        return None
    found = compare_ranks(queries)
    names = [_name(one, some) for one in series]
    return ReportFigure(
        name=f"ranks-k{panel.k}",
        kind="ranks",
        title=f"Average ranks over images, k = {panel.k}",
        sentence=_sentence(found, names),
        caption=(
            f"Critical-difference diagram over {number_of(found.images, 'image')} within"
            f" {number_of(budget, 'query', 'queries')}: methods ranked on each image by queries to success,"
            " the mean of its runs, failures tied as the worst. Friedman's test: p"
            f" {_p(found.friedman)}. A bar joins methods that do not differ (Wilcoxon's signed-rank test,"
            f" Pratt's way with ties, exact up to {EXACT_RANKS} images that differ and with a normal"
            f" approximation above, Holm-adjusted p ≥ {LEVEL}). The table of pairs has other tests, and"
            " adjusts for more of them. Ranks say who is first, not by how much. Conditions that are not"
            " finished have none."
        ),
        columns=("strategy", "average_rank", "compared_with", "p_adjusted"),
        rows=tuple(
            (names[place], round(float(rank), 6), names[other], float(f"{found.pairs[place, other]:.6g}"))
            for place, rank in enumerate(found.ranks)
            for other in range(len(names))
            if other != place
        ),
        paint=lambda: _paint(found, names, series),
    )


def _sentence(found: RankComparison, names: Sequence[str]) -> str:
    """Who is first, and who is not told from it."""
    best = int(found.ranks.argmin())
    order = np.argsort(found.ranks, kind="stable")
    first = [names[place] for place in order if found.ranks[place] == found.ranks[best]]
    alike = [names[place] for place in order[len(first) :] if _alike(found, best, place)]
    verdict = "each other one is significantly worse"
    if alike:
        rest = len(names) - len(first)
        others = ", ".join(alike) if len(alike) <= MOST_NAMES else f"{len(alike)} of {rest} others"
        verdict = f"not told from {'it' if len(first) == 1 else 'them'}: {others}"
    if found.friedman >= LEVEL:
        verdict = "Friedman's test shows no difference between any of them"
    has = "has" if len(first) == 1 else "each have"
    return f"{tied(first)} {has} the best average rank, {found.ranks[best]:.2f}; {verdict}."


def _alike(found: RankComparison, one: int, other: int) -> bool:
    return bool(found.friedman >= LEVEL or found.pairs[one, other] >= LEVEL)


def _name(one: Series, some: Sequence[tuple[Panel, Series]]) -> str:
    """The name of a strategy, with its encoding and fitness where the conditions differ in them."""
    methods = [each.method for _, each in some]
    words = [one.method.encoding] * (len({each.encoding for each in methods}) > 1)
    words += [one.method.fitness] * (len({each.fitness for each in methods}) > 1)
    return "/".join([one.method.name, *words])


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"= {value:.3f}"  # noqa: PLR2004


def _paint(found: RankComparison, names: Sequence[str], series: Sequence[Series]) -> "Figure":
    """Drawn by scikit-posthocs; its methods are numbers, so that the same figure has the same bytes."""
    from pandas import DataFrame
    from scikit_posthocs import critical_difference_diagram

    count = len(names)
    figure, (axes,) = panels(1, (WIDTH, EDGES + ROW * (count + 2)))
    pairs = np.ones((count, count)) if found.friedman >= LEVEL else found.pairs
    colours = {place: one.style.colour for place, one in enumerate(series)}
    drawn = critical_difference_diagram(
        dict(enumerate(found.ranks.tolist())),
        DataFrame(pairs),
        alpha=LEVEL,
        ax=axes,
        color_palette=colours,
        label_props={"fontsize": 8.5},
        crossbar_props={"color": INK, "linewidth": 3},
        label_fmt_left="{label} {rank:.2f}",
        label_fmt_right="{label} {rank:.2f}",
    )
    for text in drawn["labels"]:
        place, _, rank = text.get_text().partition(" ")
        text.set_text(f"{GAP}{short(names[int(place)])} ({rank}){GAP}")
        text.set_color(INK)
    axes.set_xlim(1, count)
    axes.set_xlabel("average rank (1 is the best)")
    axes.xaxis.set_label_position("top")
    return figure
