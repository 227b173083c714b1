"""The figures of a study inside the page, with identifiers that no two of them share."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from sparseattack.report.figures.collection import figures
from sparseattack.report.results import Results

FIRST = ("success",)  # kinds that stand above the tables
NAMED = re.compile(r'(\bid="|url\(#|href="#)')  # where an identifier is given or used


class PageFigure(NamedTuple):
    """One figure as the page shows it."""

    name: str  # in the page
    kind: str
    title: str
    sentence: str  # what comes out
    caption: str
    drawing: str  # an <svg> element


def drawings(found: Results, chapter: str) -> Iterator[PageFigure]:
    """Every figure of a study, drawn; their identifiers begin with that of its ``chapter``."""
    for figure in figures(found):
        name = f"{chapter}-{figure.name}"
        svg = NAMED.sub(rf"\g<1>{name}-", figure.svg())
        yield PageFigure(name, figure.kind, figure.title, figure.sentence, figure.caption, svg)
