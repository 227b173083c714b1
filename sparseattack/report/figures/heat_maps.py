"""Heat-maps with one scale and a colour bar: from which class to which, and where in the image."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sparseattack.errors import number_of, tied
from sparseattack.report.figures.figure import Cell, ReportFigure, printable
from sparseattack.report.figures.panels import Panel, Series, in_part, known_sizes, unknown_edits
from sparseattack.report.figures.style import panels, short
from sparseattack.report.results import Results
from sparseattack.study.columns import Columns, Courses, Flags

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Counts = NDArray[np.int64]

MOST_CLASSES = 20  # in a map; those of the fewest successes stand together
WITH_NUMBERS = 12  # classes, up to which cells show theirs
MOST_CELLS = 32  # along a side of an image
MAPS_ACROSS = 2
BAR_SHAPE = 20  # times that the bar of a scale is as long as wide, for each row of maps
DARK = 0.55  # of the highest count, from which on a cell's number is white
LONGEST_CLASS = 14  # letters


@dataclass(frozen=True)
class HeatMap:
    """Counts under a title; rows are classes before, or rows of the image."""

    title: str
    counts: Counts  # (rows, columns)


def draw_maps(
    maps: Sequence[HeatMap], names: Sequence[str], axes_names: tuple[str, str], bar: str
) -> "Figure":
    """Maps side by side with one scale and one colour bar; ``names`` of rows and columns, if these have any.

    ``axes_names`` are those of the horizontal and the vertical axis, ``bar`` that of the scale.
    """
    figure, axes = panels(len(maps), (4.1, 4.0), MAPS_ACROSS)
    highest = max(1, *(int(each.counts.max(initial=0)) for each in maps))
    shown: Any = None
    for panel, each in zip(axes, maps, strict=True):
        shown = panel.imshow(each.counts, cmap="Blues", vmin=0, vmax=highest, interpolation="none")
        panel.set_title(each.title, fontsize=9)
        panel.set_xlabel(axes_names[0])
        panel.set_ylabel(axes_names[1])
        if names:
            _name_cells(panel, each.counts, names, highest)
    rows = -(-len(maps) // MAPS_ACROSS)
    ticks = _whole_ticks(highest)
    figure.colorbar(shown, ax=axes, shrink=0.75, aspect=BAR_SHAPE * rows, label=bar, ticks=ticks)
    return figure


def _whole_ticks(highest: int) -> list[int]:
    """Some whole numbers up to the highest count."""
    step = max(1, -(-highest // 5))
    return list(range(0, highest + 1, step))


def _name_cells(axes: "Axes", counts: Counts, names: Sequence[str], highest: int) -> None:
    """Name rows and columns, and write the numbers of few cells into them."""
    places = range(len(names))
    axes.set_xticks(places, names, rotation=50, ha="right", rotation_mode="anchor", fontsize=7.5)
    axes.set_yticks(places, names, fontsize=7.5)
    for (row, column), count in np.ndenumerate(counts) if len(names) <= WITH_NUMBERS else ():
        if count:
            ink = "white" if count > DARK * highest else "black"
            axes.text(column, row, str(count), ha="center", va="center", fontsize=7, color=ink)


def class_names(known: Sequence[str], count: int) -> list[str]:
    """The names of so many classes, long ones cut; a number where one has none."""
    return _cut(_whole_names(known, count))


def _whole_names(known: Sequence[str], count: int) -> list[str]:
    """The same, as long as they are."""
    names = [known[number] if number < len(known) else "" for number in range(count)]
    return [printable(name) or str(number) for number, name in enumerate(names)]


def _cut(names: Sequence[str]) -> list[str]:
    return [name if len(name) <= LONGEST_CLASS else f"{name[: LONGEST_CLASS - 1]}…" for name in names]


def pairs_figure(found: Results, panel: Panel) -> ReportFigure | None:
    """From which class to which successes lead, a map for each condition; None without a success."""
    labels = np.full(max(found.images, default=0) + 1, -1)
    for number, image in found.images.items():
        labels[number] = image.label
    known = [(one, runs) for one in panel.series if len(runs := one.runs.at(_known_classes(one.runs)))]
    if not known:
        return None
    series, moves = [one for one, _ in known], [(one, _moves(runs, labels)) for one, runs in known]
    every = np.concatenate([each for _, each in moves])
    chosen, names = _chosen_classes(every, found.requests[-1].classes)
    maps = [HeatMap(f"{short(one.shown)}: {number_of(len(each), 'success', 'successes')}",
                    _count(chosen[each], len(names))) for one, each in moves]  # fmt: skip
    size = max(int(every.max()) + 1, len(names))
    named = [(one.name, one.runs) for one in panel.series]
    whole = _whole_names(found.requests[-1].classes, size)
    return ReportFigure(
        name=f"classes-{panel.stem}",
        kind="classes",
        title=f"From which class to which, {panel.subject}",
        sentence=_most_frequent(Columns.joined([runs for _, runs in known]), labels, whole),
        caption=(
            "Successful runs by true class (rows) and class after the attack (columns), with one scale for"
            " all maps."
            + " The classes of the fewest successes stand together as “others”." * (len(names) < len(whole))
            + unknown_edits(named, _known_classes)
            + in_part(series)
        ),
        columns=("strategy", "before", "after", "successes", "finished"),
        rows=_rows(maps, series, names),
        paint=lambda: draw_maps(maps, _cut(names), ("class after", "true class"), "successes"),
    )


def _known_classes(runs: Columns) -> Flags:
    """Which runs are successes whose class after the attack is known."""
    known: Flags = runs.success & (runs.after_class >= 0)
    return known


def _moves(runs: Columns, labels: Counts) -> Counts:
    """True class and class after the attack ``(S, 2)`` of successes."""
    return np.stack([labels[runs.image], runs.after_class], axis=1)


def _most_frequent(runs: Columns, labels: Counts, names: Sequence[str]) -> str:
    """A sentence about the change of class of most successes, each counted once, whatever its budgets."""
    _, first = np.unique(runs.row, return_index=True)
    runs = runs.at(first)
    moves = _moves(runs, labels)
    ways, counts = np.unique(moves, axis=0, return_counts=True)
    most = ways[counts == counts.max()]
    told = tied([f"{names[before]} into {names[after]}" for before, after in most])
    count = f"{counts.max():,} of {number_of(len(runs), 'successful run')}"
    if len(most) > 1:
        return f"The most frequent changes are {told}, each in {count}."
    images = len(np.unique(runs.image[(moves == most).all(axis=1)]))
    return f"The most frequent change is {told}, in {count}, on {number_of(images, 'image')}."


def _chosen_classes(every: Counts, known: Sequence[str]) -> tuple[Counts, list[str]]:
    """The row of every class in a map, and the names of rows; many classes are cut to the most frequent."""
    size = max(int(every.max()) + 1, min(len(known), MOST_CLASSES))
    names = _whole_names(known, size)
    if size <= MOST_CLASSES:
        return np.arange(size), names
    frequent = np.argsort(-np.bincount(every.ravel(), minlength=size), kind="stable")[: MOST_CLASSES - 1]
    frequent = np.sort(frequent)
    place = np.full(size, len(frequent))
    place[frequent] = np.arange(len(frequent))
    return place, [*(names[number] for number in frequent), "others"]


def _count(moves: Counts, size: int) -> Counts:
    return np.bincount(moves[:, 0] * size + moves[:, 1], minlength=size * size).reshape(size, size)


def _rows(
    maps: Sequence[HeatMap], series: Sequence[Series], names: Sequence[str]
) -> tuple[tuple[Cell, ...], ...]:
    """The cells of all maps that are not 0."""
    return tuple(
        (
            one.name,
            names[row] if names else row,
            names[column] if names else column,
            int(each.counts[row, column]),
            one.finished,
        )
        for one, each in zip(series, maps, strict=True)
        for row, column in np.argwhere(each.counts).tolist()
    )


def places_figure(found: Results, panel: Panel) -> ReportFigure | None:
    """Where in the image the changed pixels of successes lie; None where there are none, or not read."""
    if found.courses is None:
        return None
    sides = {number: image.sides[1:] for number, image in found.images.items()}
    several = set(sides.values()) or {(1, 1)}
    shape = tuple(min(MOST_CELLS, max(side[axis] for side in several)) for axis in (0, 1))
    every = [(one, *_places(one, found.courses, sides, shape)) for one in panel.series]
    counts, doubtful = [(one, each) for one, each, _ in every if each.any()], sum(some for *_, some in every)
    if not counts:
        return None
    series = [one for one, _ in counts]
    maps = [
        HeatMap(f"{short(one.shown)}: {number_of(int(each.sum()), 'pixel')}", each) for one, each in counts
    ]
    total = np.sum([each.counts for each in maps], axis=0)
    height, width = shape
    middle = total[height // 4 : height - height // 4, width // 4 : width - width // 4]
    area = middle.size / total.size
    cells = f" Images are divided into {height} x {width} cells, whatever their size."
    return ReportFigure(
        name=f"places-{panel.stem}",
        kind="places",
        title=f"Where in the image successes lie, {panel.subject}",
        sentence=(
            f"Of the changed pixels of successes, {100 * middle.sum() / total.sum():.0f} % lie in the middle"
            f" {100 * area:.0f} % of the image."
        ),
        caption="Changed pixels of the best edits of successful runs, with one scale for all maps."
        + cells * (several != {shape})
        + bool(doubtful)
        * f" {number_of(doubtful, 'success', 'successes')} left out: part of the edit changes nothing."
        + unknown_edits(((one.name, one.runs) for one in panel.series), known_sizes)
        + in_part(series),
        columns=("strategy", "row", "column", "pixels", "finished"),
        rows=_rows(maps, series, ()),
        paint=lambda: draw_maps(maps, (), ("column", "row"), "changed pixels"),
    )


def _places(
    one: Series, courses: Courses, sides: Mapping[int, tuple[int, ...]], shape: tuple[int, ...]
) -> tuple[Counts, int]:
    """How many changed pixels of successes lie in each cell of a grid over the image.

    And how many successes are left out, of which a pixel of the edit may have the colour that it had: a study
    does not say which.
    """
    known = one.runs.at(known_sizes(one.runs))
    starts, ends = courses.positions.ends[known.row], courses.positions.ends[known.row + 1]
    counts = ends - starts
    first = np.concatenate([[0], np.cumsum(counts)[:-1]])
    taken = np.repeat(starts - first, counts) + np.arange(counts.sum())
    run = np.repeat(np.arange(len(counts)), counts)
    places = np.stack([run, courses.positions.values[taken].astype(np.int64)])
    pixels, slots = np.unique(places, axis=1, return_counts=True)  # once each
    if one.method.counts == "coordinates":  # one that stays takes all its slots, of those without a change
        doubtful = np.bincount(pixels[0], slots <= (counts - known.pixels)[pixels[0]], len(known)) > 0
    else:
        doubtful = np.bincount(pixels[0], minlength=len(known)) > known.pixels
    pixels = pixels[:, ~doubtful[pixels[0]]]
    size = np.ones((max(sides, default=0) + 1, 2), np.int64)
    for number, side in sides.items():
        size[number] = side
    heights, widths = size[known.image[pixels[0]]].T
    row, column = pixels[1] // widths, pixels[1] % widths
    cell = (row * shape[0] // heights).clip(0, shape[0] - 1) * shape[1] + (column * shape[1] // widths)
    return np.bincount(cell, minlength=shape[0] * shape[1]).reshape(shape), int(doubtful.sum())
