"""Original-target class pairs as heat-maps, ours and the paper's."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .figures import panels, short
from .finding import Finding
from .metrics import class_pairs

Pairs = Sequence[Sequence[int]]
DARK = 0.55  # of the highest count, from which its number is white


def heat_map(finding: Finding, title: str, paper: Pairs | None) -> Figure:
    """Successes from each class to each, and beside them the paper's, if it has any."""
    ours: Pairs = class_pairs(finding.records)
    names = short(finding.classes)[: len(ours)] or [str(number) for number in range(len(ours))]
    runs = len(finding.records)
    both = {f"{title}\n{_successes(ours)} in {runs:,} runs": ours}
    if paper and len(paper) == len(ours):
        both[f"the paper's\n{_successes(paper)}"] = paper
    figure, axes = panels(len(both), (5.2, 5.1))
    for each, (name, pairs) in zip(axes, both.items(), strict=True):
        _draw(each, name, pairs, names)
    return figure


def _successes(pairs: Pairs) -> str:
    return f"{sum(map(sum, pairs))} successes"


def _draw(axes: Axes, title: str, pairs: Pairs, names: Sequence[str]) -> None:
    counts = np.array(pairs)
    most = max(1, int(counts.max()))
    axes.imshow(counts, cmap="Blues", vmin=0, vmax=most)
    for (row, column), count in np.ndenumerate(counts):
        if count:
            ink = "white" if count > DARK * most else "black"
            axes.text(column, row, str(count), ha="center", va="center", fontsize=8, color=ink)
    places = range(len(names))
    axes.set_xticks(places, names, rotation=45, ha="right", fontsize=8)
    axes.set_yticks(places, names, fontsize=8)
    axes.set_xlabel("class after the attack")
    axes.set_ylabel("class before")
    axes.set_title(title, fontsize=10)
