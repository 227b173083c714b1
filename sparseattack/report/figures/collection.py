"""All figures of results in their order, and their files: SVG, PDF, PNG and the numbers as CSV."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from sparseattack.errors import InputError
from sparseattack.report.figures.by_image import difference_figure, profile_figure, scatter_figure
from sparseattack.report.figures.course import fewest_figure, margin_figure
from sparseattack.report.figures.effort import size_figure, time_figure
from sparseattack.report.figures.figure import ReportFigure, require_matplotlib
from sparseattack.report.figures.heat_maps import pairs_figure, places_figure
from sparseattack.report.figures.panels import panels_of
from sparseattack.report.figures.ranks import missing_diagrams, rank_figures
from sparseattack.report.figures.success import success_figure
from sparseattack.report.results import Results


def figures(found: Results) -> list[ReportFigure]:
    """Every figure of ``found`` that has something to show, in the order of a report; nothing is drawn yet.

    The margin over queries and the places in the image need ``found.courses``.
    """
    return [figure for figure in _figures(found) if figure]


def _figures(found: Results) -> Iterator[ReportFigure | None]:
    shown = panels_of(found)
    yield from map(success_figure, shown)
    yield from map(difference_figure, shown)
    yield from (scatter_figure(panel, *panel.whole[:2]) for panel in shown if len(panel.whole) > 1)
    yield from map(profile_figure, shown)
    yield from rank_figures(shown)
    course = fewest_figure if found.question.stop == "fewest" else margin_figure
    yield from (course(panel, found.courses) for panel in shown)
    conditions = [(panel, one) for panel in shown for one in panel.series]
    yield size_figure(conditions)
    yield time_figure(conditions)
    yield from (pairs_figure(found, panel) for panel in shown)
    yield from (places_figure(found, panel) for panel in shown)


def not_drawn(found: Results) -> str:
    """What is not drawn for want of a library, and how to get it, in a sentence; empty if nothing is."""
    return missing_diagrams(panels_of(found))


def write_figures(found: Results, folder: Path) -> list[Path]:
    """Write every figure to ``folder``, made where there is none, as SVG, PDF, PNG and CSV; the files.

    Files of the same names are replaced. InputError without matplotlib, where there is nothing to show, and
    where the folder cannot be written.
    """
    require_matplotlib()
    shown = figures(found)
    if not shown:
        raise InputError("no image was attacked: there is nothing to draw")
    return write_all(shown, folder)


def write_all(shown: Iterable[ReportFigure], folder: Path) -> list[Path]:
    """Write some figures to ``folder`` in the same way."""
    written = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for figure in shown:
            for ending, content in figure.files().items():
                path = folder / f"{figure.name}.{ending}"
                path.write_bytes(content)
                written.append(path)
    except OSError as error:
        raise InputError(f"{folder} cannot be written: {error.strerror or error}") from error
    return written
